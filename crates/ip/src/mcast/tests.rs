use super::*;
use crate::sock::{InetShared, shared_flag};
use crate::testnet::{World, a};
use std::net::Ipv4Addr;
use uapi::Errno;

/// A sock that nobody asked for much memory yet.
fn sock() -> net::sock::SockCommon {
    net::sock::SockCommon::default()
}

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// Errors as Linux gives them in a namespace with lo alone.
#[test]
fn joining_and_leaving() {
    let world = World::new();
    let (sk, shared) = (sock(), InetShared::default());
    let (group, lo) = (a("224.1.1.1"), Ipv4Addr::LOCALHOST);
    world.call(|cx| {
        let join = |group, index, addr| join(cx, &sk, &shared, group, index, addr, FilterMode::Exclude);
        assert_eq!(join(group, 0, ANY), Err(Errno::ENODEV));
        assert_eq!(join(a("10.0.0.1"), 0, lo), Err(Errno::EINVAL));
        assert_eq!(join(group, 99, ANY), Err(Errno::ENODEV));
        assert_eq!(join(group, 0, lo), Ok(()));
        assert_eq!(join(group, 1, ANY), Err(Errno::EADDRINUSE));
        assert!(is_joined(&world.lo, group));
        assert_eq!(leave(cx, &sk, &shared, group, 0, ANY), Err(Errno::ENODEV));
        assert_eq!(leave(cx, &sk, &shared, a("224.1.1.2"), 1, ANY), Err(Errno::EADDRNOTAVAIL));
        assert_eq!(leave(cx, &sk, &shared, group, 0, lo), Ok(()));
        assert!(!is_joined(&world.lo, group));
        assert_eq!(join(a("ff05::9"), 0, ANY), Err(Errno::ENODEV));
        assert_eq!(join(a("ff05::9"), 1, ANY), Ok(()));
        assert_eq!(join(a("ff05::9"), 1, ANY), Err(Errno::EADDRINUSE));
        assert_eq!(leave(cx, &sk, &shared, a("ff05::9"), 0, ANY), Ok(()));
        assert_eq!(leave(cx, &sk, &shared, a("ff05::9"), 0, ANY), Err(Errno::EADDRNOTAVAIL));
    });
}

#[test]
fn a_socket_may_join_twenty_groups() {
    let world = World::new();
    let (sk, shared) = (sock(), InetShared::default());
    world.call(|cx| {
        for i in 0..20 {
            let group = Ipv4Addr::new(224, 2, 0, i).into();
            assert_eq!(join(cx, &sk, &shared, group, 1, ANY, FilterMode::Exclude), Ok(()));
        }
        assert_eq!(join(cx, &sk, &shared, a("224.3.0.1"), 1, ANY, FilterMode::Exclude), Err(Errno::ENOBUFS));
        leave_all(cx, &shared);
        assert_eq!(IpDev::get(&world.lo).unwrap().groups.list().len(), 3, "the groups of all hosts stay");
    });
}

// chapter: B9
#[test]
fn sources_are_filtered() {
    let world = World::new();
    let (sk, shared) = (sock(), InetShared::default());
    let (group, s1, s2) = (a("232.1.1.1"), a("10.0.0.1"), a("10.0.0.2"));
    let allows = |source| sf_allow(&shared, group, source, 1);
    assert!(allows(s1), "IP_MULTICAST_ALL is on");
    shared.set_flag(shared_flag::MC_NOT_ALL, true);
    assert!(!allows(s1));
    world.call(|cx| {
        let at = (group, 1, ANY);
        let change = |s, mode, add| source(cx, &sk, &shared, at, s, mode, add);
        assert_eq!(change(s1, FilterMode::Include, true), Err(Errno::EINVAL));
        join(cx, &sk, &shared, group, 1, ANY, FilterMode::Include).unwrap();
        assert!(!allows(s1));
        assert_eq!(change(s1, FilterMode::Include, true), Ok(()));
        assert_eq!(change(s1, FilterMode::Include, true), Err(Errno::EADDRNOTAVAIL));
        assert_eq!(change(s2, FilterMode::Exclude, true), Err(Errno::EINVAL));
        assert!(allows(s1) && !allows(s2) && !sf_allow(&shared, group, s1, 2));
        assert_eq!(source_filter(cx, &shared, at), Ok((FilterMode::Include, vec![s1])));
        assert_eq!(change(s2, FilterMode::Include, false), Err(Errno::EADDRNOTAVAIL));
        // The last accepted source gone is the group left.
        assert_eq!(change(s1, FilterMode::Include, false), Ok(()));
        assert_eq!(source_filter(cx, &shared, at).err(), Some(Errno::EADDRNOTAVAIL));
        join(cx, &sk, &shared, group, 1, ANY, FilterMode::Exclude).unwrap();
        assert_eq!(change(s2, FilterMode::Exclude, true), Ok(()));
        assert!(allows(s1) && !allows(s2));
        assert_eq!(
            source_filter_set(cx, &sk, &shared, at, FilterMode::Exclude, vec![s1; 11]),
            Err(Errno::ENOBUFS)
        );
        assert_eq!(source_filter_set(cx, &sk, &shared, at, FilterMode::Include, vec![s2]), Ok(()));
        assert!(!allows(s1) && allows(s2));
    });
}
