use super::{BindOrder, RandomOrder};
use kern::rng::Rng;
use std::collections::BTreeSet;

fn all(ports: impl Iterator<Item = u16>) -> (usize, BTreeSet<u16>) {
    let ports: Vec<u16> = ports.collect();
    (ports.len(), ports.into_iter().collect())
}

#[test]
fn every_order_meets_every_port_once() {
    let rng = Rng::new(7);
    for range in [32768..=60999, 1000..=1001, 1000..=1003, 1000..=1009, 5..=5] {
        let count = range.clone().count();
        let even = if count > 1 { count & !1 } else { count };
        for _ in 0..20 {
            let (n, set) = all(RandomOrder::new(&range, &rng));
            assert_eq!((n, set.len()), (count, count), "{range:?}");
            assert!(set.iter().all(|port| range.contains(port)));
            for reuse in [false, true] {
                let (n, set) = all(BindOrder::new(&range, reuse, &rng));
                // Linux leaves the last port of an odd count out.
                assert_eq!(n, set.len(), "{range:?}");
                assert!(n >= even.saturating_sub(2).max(1) && n <= count, "{range:?} {n}");
                assert!(set.iter().all(|port| range.contains(port)), "{range:?} {set:?}");
            }
        }
    }
}

#[test]
fn bind_prefers_the_other_parity() {
    let rng = Rng::new(1);
    for _ in 0..50 {
        let first = BindOrder::new(&(32768..=60999), false, &rng).next();
        assert!(first.is_some_and(|port| port % 2 == 1));
        let low_half = BindOrder::new(&(32768..=60999), true, &rng).next();
        assert!(low_half.is_some_and(|port| port < 32768 + 14116));
    }
}

/// Ends of UDP sockets, and what Linux 6.18 says when one (the row) has a port and another (the
/// column) binds it: `x` is `EADDRINUSE`.
#[test]
fn overlaps_as_linux() {
    let ends = [
        (false, false, "0.0.0.0"),
        (false, false, "127.0.0.1"),
        (false, false, "127.0.0.2"),
        (false, false, "127.0.0.6"),
        (true, false, "::"),
        (true, true, "::"),
        (true, false, "::1"),
        (true, true, "::1"),
        (true, false, "::ffff:127.0.0.1"),
        (true, false, "::ffff:0.0.0.0"),
    ];
    let linux = [
        "xxxxx...xx",
        "xx..x...xx",
        "x.x.x....x",
        "x..xx....x",
        "xxxxxxxxxx",
        "....xxxx..",
        "....xxxx..",
        "....xxxx..",
        "xx..x...xx",
        "xxxxx...xx",
    ];
    let local = |i: usize| {
        let (v6, v6only, addr) = ends[i];
        let addr: uapi::InetAddr = addr.parse::<core::net::IpAddr>().unwrap().into();
        // bind() to an address that no IPv4 packet can have sets IPV6_V6ONLY.
        let v6only = v6only || v6 && addr.is_v6() && !addr.is_unspecified();
        super::Local { addr, v6, v6only }
    };
    for (first, row) in linux.iter().enumerate() {
        for (second, answer) in row.bytes().enumerate() {
            let overlap = local(second).overlaps(local(first), true);
            assert_eq!(overlap, answer == b'x', "{:?} after {:?}", ends[second], ends[first]);
        }
    }
}
