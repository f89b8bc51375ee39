use super::*;
use crate::testnet::{World, a};
use net::NetDevice;
use proptest::prelude::*;
use uapi::InetAddr;

fn flow(daddr: &str) -> Flow {
    let daddr = a(daddr);
    let saddr = if daddr.is_v4() { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 };
    Flow { daddr, saddr, oif: 0, iif: 0, mark: 0, tos: 0 }
}

fn fib(world: &World) -> &Fib {
    &crate::IpNet::of(&world.net).fib
}

fn route(dst: &str, len: u8, dev: &Arc<NetDevice>) -> Route {
    Route::new(a(dst), len, dev.clone())
}

#[test]
fn lo_has_linux_routes() {
    let world = World::new();
    let show = |family| -> Vec<String> {
        let routes = fib(&world).routes(family);
        routes.iter().map(|r| format!("{:?} {}/{} {} {}", r.kind, r.dst, r.len, r.table, r.scope.0)).collect()
    };
    // As `ip route show table all` prints them in a fresh namespace with lo up.
    assert_eq!(
        show(Family::V4),
        ["Local 127.0.0.0/8 255 254", "Local 127.0.0.1/32 255 254", "Broadcast 127.255.255.255/32 255 253"]
    );
    assert_eq!(show(Family::V6), ["Local ::1/128 255 254"]);
}

#[test]
fn the_longest_prefix_wins_then_the_least_metric() {
    let world = World::new();
    let (e0, e1) = (world.device("e0", 1500, &[]), world.device("e1", 1500, &[]));
    let add = |r| fib(&world).add(&world.net, r, Mode::Exclusive).unwrap();
    add(route("0.0.0.0", 0, &e0));
    add(route("10.0.0.0", 8, &e0));
    add(route("10.1.0.0", 16, &e1));
    add(Route { priority: 5, ..route("10.1.0.0", 16, &e0) });
    let by = |daddr| fib(&world).lookup(&flow(daddr)).map(|f| f.route.dev.clone().unwrap().name.clone());
    assert_eq!(by("9.9.9.9").unwrap(), "e0");
    assert_eq!(by("10.2.0.1").unwrap(), "e0");
    assert_eq!(by("10.1.2.3").unwrap(), "e1");
    assert_eq!(by("fe80::1").unwrap_err(), Errno::ENETUNREACH);
    // A socket bound to e0 gets the other of the two.
    let bound = Flow { oif: e0.ifindex, ..flow("10.1.2.3") };
    assert_eq!(fib(&world).lookup(&bound).unwrap().route.priority, 5);
    let main = |r: &Route| r.len == 16 && r.priority == 0;
    fib(&world).del(&world.net, Family::V4, RT_TABLE_MAIN, main).unwrap();
    assert_eq!(by("10.1.2.3").unwrap(), "e0");
    assert_eq!(fib(&world).del(&world.net, Family::V4, RT_TABLE_MAIN, main).err(), Some(Errno::ESRCH));
}

#[test]
fn routes_that_lead_nowhere_say_why() {
    let world = World::new();
    let e0 = world.device("e0", 1500, &[]);
    let kinds = [
        (RouteType::Blackhole, Errno::EINVAL),
        (RouteType::Unreachable, Errno::EHOSTUNREACH),
        (RouteType::Prohibit, Errno::EACCES),
        (RouteType::Throw, Errno::ENETUNREACH),
    ];
    for (kind, errno) in kinds {
        let r = route("10.0.0.0", 8, &e0).of_type(kind);
        fib(&world).add(&world.net, r, Mode::Replace).unwrap();
        assert_eq!(fib(&world).lookup(&flow("10.0.0.1")).err(), Some(errno), "{kind:?}");
    }
}

#[test]
fn adding_minds_what_is_there() {
    let world = World::new();
    let e0 = world.device("e0", 1500, &[]);
    let add = |r, mode| fib(&world).add(&world.net, r, mode);
    let r = || route("10.0.0.0", 8, &e0);
    assert_eq!(add(r(), Mode::Change), Err(Errno::ENOENT));
    assert_eq!(add(r(), Mode::Exclusive), Ok(()));
    assert_eq!(add(r(), Mode::Exclusive), Err(Errno::EEXIST));
    assert_eq!(add(r(), Mode::Append), Err(Errno::EEXIST));
    assert_eq!(add(r().via(a("10.0.0.9")), Mode::Change), Ok(()));
    assert_eq!(
        fib(&world).routes(Family::V4).iter().filter(|r| r.len == 8 && r.gateway.is_some()).count(),
        1
    );
    assert_eq!(add(route("10.0.0.1", 8, &e0), Mode::Exclusive), Err(Errno::EINVAL));
    assert_eq!(add(route("10.0.0.0", 33, &e0), Mode::Exclusive), Err(Errno::EINVAL));
}

#[test]
fn gateways_are_on_links() {
    let world = World::new();
    let e0 = world.device("e0", 1500, &[("10.0.0.1", 24), ("2001:db8::1", 64)]);
    let by = |gw: &str, dev: Option<&Arc<NetDevice>>| {
        let any = if a(gw).is_v4() { "0.0.0.0" } else { "::" };
        let r = Route { dev: dev.cloned(), ..route(any, 0, &e0).via(a(gw)) };
        r.resolve(&world.net).map(|r| r.dev.unwrap().name.clone())
    };
    assert_eq!(by("10.0.0.9", None).unwrap(), "e0");
    assert_eq!(by("10.0.0.9", Some(&world.lo)), Err(Errno::ENETUNREACH));
    assert_eq!(by("10.9.9.9", None), Err(Errno::ENETUNREACH));
    assert_eq!(by("10.0.0.1", None), Err(Errno::EINVAL));
    assert_eq!(by("10.0.0.255", None), Err(Errno::EINVAL));
    assert_eq!(by("2001:db8::9", None).unwrap(), "e0");
    assert_eq!(by("2001:db9::9", None), Err(Errno::EHOSTUNREACH));
    assert_eq!(by("fe80::9", None), Err(Errno::EINVAL));
}

#[test]
fn rules_choose_tables() {
    let world = World::new();
    let e0 = world.device("e0", 1500, &[]);
    let other = Route { table: 100, ..route("0.0.0.0", 0, &e0) };
    fib(&world).add(&world.net, other, Mode::Exclusive).unwrap();
    assert_eq!(fib(&world).lookup(&flow("9.9.9.9")).err(), Some(Errno::ENETUNREACH));
    let rule = Rule { fwmark: Some((7, u32::MAX)), ..Rule::new(1000, Action::Table(100)) };
    fib(&world).add_rule(&world.net, Family::V4, rule.clone()).unwrap();
    assert_eq!(fib(&world).add_rule(&world.net, Family::V4, rule), Err(Errno::EEXIST));
    assert!(fib(&world).lookup(&Flow { mark: 7, ..flow("9.9.9.9") }).is_ok());
    assert!(fib(&world).lookup(&flow("9.9.9.9")).is_err());
    let preferences: Vec<u32> = fib(&world).rules(Family::V4).iter().map(|r| r.preference).collect();
    assert_eq!(preferences, [0, 1000, 32766, 32767]);
    fib(&world).del_rule(&world.net, Family::V4, |r| r.preference == 1000).unwrap();
    assert_eq!(fib(&world).del_rule(&world.net, Family::V4, |r| r.preference == 1000), Err(Errno::ENOENT));
}

#[test]
fn a_change_makes_cached_routes_stale() {
    let world = World::new();
    let e0 = world.device("e0", 1500, &[("10.0.0.1", 24)]);
    let before = world.call(|cx| crate::route::output(cx, &flow("10.0.0.2")).unwrap());
    assert!(before.is_current(&world.net));
    fib(&world).add(&world.net, route("10.0.0.2", 32, &e0).via(a("10.0.0.7")), Mode::Exclusive).unwrap();
    assert!(!before.is_current(&world.net));
    let after = world.call(|cx| crate::route::output(cx, &flow("10.0.0.2")).unwrap());
    assert_eq!(after.gateway, Some(a("10.0.0.7")));
}

/// One operation on a table: add or remove a prefix with a metric, or look an address up.
#[derive(Clone, Debug)]
enum Op {
    Add(u32, u8, u32),
    Del(u32, u8, u32),
    Look(u32),
}

fn op() -> impl Strategy<Value = Op> {
    // Few bits, so that prefixes meet.
    let addr = (0u32..16, 0u32..4).prop_map(|(hi, lo)| hi << 28 | lo);
    let prefix =
        (addr.clone(), prop_oneof![Just(0u8), Just(2), Just(3), Just(4), Just(31), Just(32)], 0u32..3);
    prop_oneof![
        4 => prefix.clone().prop_map(|(p, l, m)| Op::Add(p, l, m)),
        2 => prefix.prop_map(|(p, l, m)| Op::Del(p, l, m)),
        4 => addr.prop_map(Op::Look),
    ]
}

fn masked4(addr: u32, len: u8) -> u32 {
    addr & u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0)
}

proptest! {
    /// The table answers as a list that is searched from end to end.
    #[test]
    fn a_table_is_a_list_of_prefixes(ops in proptest::collection::vec(op(), 1..60), v6 in any::<bool>()) {
        let addr = |bits: u32| -> InetAddr {
            match v6 {
                true => std::net::Ipv6Addr::from_bits(u128::from(bits) << 96 | 1 << 80).into(),
                false => std::net::Ipv4Addr::from_bits(bits).into(),
            }
        };
        // In IPv6 the same bits stand at the front; the bit below them keeps the address from being 0.
        let net_of = |bits: u32, len: u8| -> InetAddr {
            match v6 {
                true => std::net::Ipv6Addr::from_bits(u128::from(masked4(bits, len)) << 96).into(),
                false => std::net::Ipv4Addr::from_bits(masked4(bits, len)).into(),
            }
        };
        let family = if v6 { Family::V6 } else { Family::V4 };
        let mut table = Table::new(family);
        let mut model: Vec<(u32, u8, u32)> = Vec::new();
        let world = World::new();
        for op in ops {
            match op {
                Op::Add(bits, len, metric) => {
                    let key = (masked4(bits, len), len, metric);
                    let r = Route { priority: metric, scope: Scope::Universe, ..Route::new(net_of(bits, len), len, world.lo.clone()) };
                    let known = model.contains(&key);
                    prop_assert_eq!(table.insert(r, Mode::Exclusive).is_err(), known);
                    if !known { model.push(key); }
                }
                Op::Del(bits, len, metric) => {
                    let key = (masked4(bits, len), len, metric);
                    let removed = table.remove(|r| r.dst == net_of(bits, len) && r.len == len && r.priority == metric);
                    prop_assert_eq!(removed.is_some(), model.contains(&key));
                    model.retain(|known| *known != key);
                }
                Op::Look(bits) => {
                    let f = Flow { daddr: addr(bits), saddr: addr(0), oif: 0, iif: 0, mark: 0, tos: 0 };
                    let found = table.lookup(&f, Scope::Universe).map(|r| (r.len, r.priority));
                    let matching = model.iter().filter(|(net, len, _)| masked4(bits, *len) == *net);
                    let best = matching.map(|(_, len, metric)| (*len, *metric)).max_by_key(|(len, metric)| (*len, std::cmp::Reverse(*metric)));
                    prop_assert_eq!(found, best);
                }
            }
        }
        let listed = table.iter().count();
        prop_assert_eq!(listed, model.len());
    }
}
