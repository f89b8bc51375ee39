use super::*;
use crate::fib::Scope;
use crate::protocol::Family;
use crate::testnet::{World, a};

fn routes(world: &World, family: Family) -> Vec<String> {
    let fib = &IpNet::of(&world.net).fib;
    let not_lo = |r: &&Arc<crate::fib::Route>| r.ifindex() != world.lo.ifindex;
    let show = |r: &Arc<crate::fib::Route>| {
        let src = r.prefsrc.map_or(String::new(), |src| format!(" src {src}"));
        format!("{:?} {}/{} t{}{src}", r.kind, r.dst, r.len, r.table)
    };
    fib.routes(family).iter().filter(not_lo).map(show).collect()
}

/// As `ip route show table all` prints them on Linux for the same addresses.
#[test]
fn addresses_bring_linux_routes() {
    let world = World::new();
    let addrs = [("10.1.2.3", 24), ("10.1.2.4", 24), ("10.9.9.9", 32), ("10.7.0.1", 31)];
    let dev = world.device("d0", 1500, &addrs);
    let mut ptp = IfAddr::new(a("10.8.0.1"), 32);
    ptp.peer = a("10.8.0.2");
    add(&world.net, &dev, ptp).unwrap();
    assert_eq!(
        routes(&world, Family::V4),
        [
            "Unicast 10.1.2.0/24 t254 src 10.1.2.3",
            "Unicast 10.7.0.0/31 t254 src 10.7.0.1",
            "Unicast 10.8.0.2/32 t254 src 10.8.0.1",
            "Local 10.1.2.3/32 t255 src 10.1.2.3",
            "Local 10.1.2.4/32 t255 src 10.1.2.3",
            "Broadcast 10.1.2.255/32 t255 src 10.1.2.3",
            "Local 10.7.0.1/32 t255 src 10.7.0.1",
            "Local 10.8.0.1/32 t255 src 10.8.0.1",
            "Local 10.9.9.9/32 t255 src 10.9.9.9",
        ]
    );
    assert_eq!(add(&world.net, &dev, IfAddr::new(a("10.1.2.3"), 24)), Err(Errno::EEXIST));
    assert_eq!(add(&world.net, &dev, IfAddr::new(a("10.1.2.3"), 33)), Err(Errno::EINVAL));
    let secondary = list(&dev).into_iter().find(|ifa| ifa.local == a("10.1.2.4")).unwrap();
    assert!(!secondary.is_primary());
}

#[test]
fn a_removed_primary_takes_its_secondaries_along() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.1.2.3", 24), ("10.1.2.4", 24)]);
    assert_eq!(del(&world.net, &dev, a("10.1.2.9"), 24), Err(Errno::EADDRNOTAVAIL));
    del(&world.net, &dev, a("10.1.2.3"), 24).unwrap();
    assert!(list(&dev).is_empty() && routes(&world, Family::V4).is_empty());
    IpDev::get(&dev).unwrap().conf4.set4(Conf4::PromoteSecondaries, 1);
    add(&world.net, &dev, IfAddr::new(a("10.1.2.3"), 24)).unwrap();
    add(&world.net, &dev, IfAddr::new(a("10.1.2.4"), 24)).unwrap();
    del(&world.net, &dev, a("10.1.2.3"), 24).unwrap();
    assert_eq!(list(&dev).len(), 1);
    assert!(list(&dev)[0].is_primary() && is_local(&world.net, a("10.1.2.4")));
    assert!(!is_local(&world.net, a("10.1.2.3")));
}

#[test]
fn v6_addresses_bring_routes_and_groups() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("2001:db8::5", 64), ("fe80::1", 64)]);
    assert_eq!(
        routes(&world, Family::V6),
        [
            "Unicast 2001:db8::/64 t254",
            "Unicast fe80::/64 t254",
            "Local 2001:db8::5/128 t255",
            "Local fe80::1/128 t255",
            "Multicast ff00::/8 t255",
        ]
    );
    let groups = IpDev::get(&dev).unwrap().groups.list();
    let joined: Vec<InetAddr> = groups.iter().map(|g| g.addr).collect();
    for group in ["ff02::1:ff00:5", "ff02::1:ff00:1", "ff02::1", "ff01::1", "224.0.0.1"] {
        assert!(joined.contains(&a(group)), "{group}");
    }
    del(&world.net, &dev, a("2001:db8::5"), 64).unwrap();
    assert_eq!(
        routes(&world, Family::V6),
        ["Unicast fe80::/64 t254", "Local fe80::1/128 t255", "Multicast ff00::/8 t255"]
    );
}

#[test]
fn types_of_addresses() {
    let world = World::new();
    let _dev = world.device("d0", 1500, &[("10.1.2.3", 24)]);
    let kind = |text| inet_addr_type(&world.net, a(text));
    assert_eq!(kind("127.4.5.6"), RouteType::Local);
    assert_eq!(kind("127.255.255.255"), RouteType::Broadcast);
    assert_eq!(kind("10.1.2.3"), RouteType::Local);
    assert_eq!(kind("10.1.2.255"), RouteType::Broadcast);
    assert_eq!(kind("10.1.2.4"), RouteType::Unicast);
    assert_eq!(kind("0.0.0.0"), RouteType::Broadcast);
    assert_eq!(kind("255.255.255.255"), RouteType::Broadcast);
    assert_eq!(kind("224.0.0.1"), RouteType::Multicast);
    assert_eq!(kind("::1"), RouteType::Local);
    assert_eq!(kind("::2"), RouteType::Unicast);
    assert_eq!(kind("ff02::1"), RouteType::Multicast);
    assert!(dev_of(&world.net, a("127.9.9.9")).is_some_and(|dev| dev.name == "lo"));
}

#[test]
fn v4_sources_are_near_and_wide_enough() {
    let world = World::new();
    let dev = world.device("d0", 1500, &[("10.1.2.3", 24), ("10.2.0.1", 16)]);
    let select = |dst: &str, scope| v4::select(&world.net, &dev, a(dst), scope).to_string();
    assert_eq!(select("0.0.0.0", Scope::Universe), "10.1.2.3");
    assert_eq!(select("10.2.9.9", Scope::Universe), "10.2.0.1");
    assert_eq!(select("8.8.8.8", Scope::Universe), "10.1.2.3");
    // 127.0.0.1 is good for this host only.
    let lo = |scope| v4::select(&world.net, &world.lo, InetAddr::UNSPECIFIED_V4, scope).to_string();
    assert_eq!(lo(Scope::Host), "127.0.0.1");
    assert_eq!(lo(Scope::Link), "10.1.2.3");
}

#[test]
fn v6_sources_follow_rfc_6724() {
    let world = World::new();
    let addrs = [("2001:db8:1::1", 64), ("2002:1::1", 64), ("fe80::1", 64), ("fc00::1", 7)];
    let dev = world.device("d0", 1500, &addrs);
    let select = |dst: &str| v6::select(&world.net, Some(&dev), a(dst), 0).unwrap().to_string();
    assert_eq!(select("2001:db8:1::1"), "2001:db8:1::1");
    assert_eq!(select("2001:db8:1::9"), "2001:db8:1::1");
    assert_eq!(select("fe80::9"), "fe80::1");
    assert_eq!(select("2002:9::1"), "2002:1::1");
    assert_eq!(select("fc00::9"), "fc00::1");
    assert_eq!(select("ff02::1"), "fe80::1");
    assert_eq!(v6::select(&world.net, None, a("::1"), 0), Some(a("::1")));
}

#[test]
fn settings_of_interfaces_are_files() {
    let world = World::new();
    let sysctl = &world.net.sysctl;
    assert_eq!(sysctl.read(&world.net, "net/ipv4/conf/lo/rp_filter").unwrap(), "0\n");
    sysctl.write(&world.net, "net.ipv4.conf.all.rp_filter", "1").unwrap();
    assert_eq!(IpDev::get(&world.lo).unwrap().conf4.max(&world.net, Conf4::RpFilter), 1);
    assert_eq!(sysctl.read(&world.net, "net/ipv6/conf/lo/use_tempaddr").unwrap(), "-1\n");
    assert_eq!(sysctl.read(&world.net, "net/ipv4/conf/all/accept_source_route").unwrap(), "0\n");
    assert_eq!(sysctl.read(&world.net, "net/ipv4/conf/lo/accept_source_route").unwrap(), "1\n");
}
