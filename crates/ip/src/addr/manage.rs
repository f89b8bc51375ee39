//! Adding and removing addresses, and the routes that come and go with them (`inet_insert_ifa`,
//! `fib_add_ifaddr`, `addrconf_prefix_route`).

use super::{IFA_F_NOPREFIXROUTE, IFA_F_SECONDARY, IfAddr, IpDev};
use crate::fib::{
    IP6_RT_PRIO_ADDRCONF, Mode, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_KERNEL, Route, RouteType, Scope,
};
use crate::protocol::Family;
use crate::{IpNet, mcast};
use net::dst::Metrics;
use net::{Net, NetDevice};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use uapi::{Errno, IFF_LOOPBACK, IFF_UP, InetAddr, Result};

/// Adds an address to a device, with its routes (`inet_insert_ifa`, `inet6_addr_add`). `EEXIST` when
/// the device has it, `EINVAL` for an impossible prefix or what is no unicast address.
///
/// An IPv6 address is usable at once: duplicate address detection is not done.
pub fn add(net: &Net, dev: &Arc<NetDevice>, mut ifa: IfAddr) -> Result<()> {
    let v4 = ifa.local.is_v4();
    if ifa.prefixlen > if v4 { 32 } else { 128 } || ifa.local.is_multicast() {
        return Err(Errno::EINVAL);
    }
    let ipdev = IpDev::of(net, dev)?;
    if ifa.label.is_empty() {
        ifa.label.clone_from(&dev.name);
    }
    let mut list = ipdev.list(v4).lock();
    let twin = |known: &IfAddr| {
        known.local == ifa.local && (!v4 || known.prefixlen == ifa.prefixlen && known.matches(ifa.peer))
    };
    if list.iter().any(twin) {
        return Err(Errno::EEXIST);
    }
    let mut primary = ifa.local;
    let at = if v4 {
        let subnet = |k: &&IfAddr| k.is_primary() && k.prefixlen == ifa.prefixlen && k.matches(ifa.peer);
        let first = list.iter().find(subnet).map(|first| first.local);
        ifa.flags &= !IFA_F_SECONDARY;
        if let Some(first) = first {
            ifa.flags |= IFA_F_SECONDARY;
            primary = first;
        }
        let primaries = list.iter().position(|k| !k.is_primary());
        primaries.filter(|_| ifa.is_primary()).unwrap_or(list.len())
    } else {
        // Global addresses first, the newest before the older (`ipv6_link_dev_addr`).
        list.iter().position(|k| k.scope >= ifa.scope).unwrap_or(list.len())
    };
    list.insert(at, ifa.clone());
    drop(list);
    for route in routes_of(dev, &ifa, primary) {
        // Two addresses of one prefix share its route.
        match IpNet::of(net).fib.add(net, route, Mode::Append) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    net.rt_genid_bump();
    if dev.flags() & IFF_UP != 0 {
        dev_up(net, dev);
    }
    if !v4 && !dev.features.loopback {
        mcast::dev_join(net, dev, solicited_node(ifa.local.as_v6()))?;
    }
    Ok(())
}

/// The group that asks for the owner of an address (`addrconf_addr_solict_mult`).
fn solicited_node(addr: Ipv6Addr) -> InetAddr {
    let [.., a, b, c] = addr.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c])).into()
}

/// The routes that an address brings (`fib_add_ifaddr`; `addrconf_join`, `addrconf_prefix_route`).
fn routes_of(dev: &Arc<NetDevice>, ifa: &IfAddr, primary: InetAddr) -> Vec<Route> {
    let v4 = ifa.local.is_v4();
    let loopback = dev.flags() & IFF_LOOPBACK != 0;
    let host_bits = if v4 { 32 } else { 128 };
    let route = |dst: InetAddr, len: u8, kind: RouteType, table: u32, scope: Scope, priority: u32| Route {
        dst,
        len,
        tos: 0,
        kind,
        table,
        protocol: RTPROT_KERNEL,
        scope,
        priority,
        prefsrc: v4.then_some(primary),
        gateway: None,
        dev: Some(dev.clone()),
        metrics: Metrics::default(),
    };
    let mut routes = vec![route(ifa.local, host_bits, RouteType::Local, RT_TABLE_LOCAL, Scope::Host, 0)];
    let prefix = network(ifa.peer, ifa.prefixlen);
    let wanted = ifa.flags & (IFA_F_SECONDARY | IFA_F_NOPREFIXROUTE) == 0;
    if !v4 {
        // The address that lo is born with has none (`init_loopback`); all others do, on lo too.
        if wanted && !(loopback && ifa.local.is_loopback()) {
            let priority = if ifa.metric == 0 { IP6_RT_PRIO_ADDRCONF } else { ifa.metric };
            routes.push(route(
                prefix,
                ifa.prefixlen,
                RouteType::Unicast,
                RT_TABLE_MAIN,
                Scope::Universe,
                priority,
            ));
        }
        return routes;
    }
    let broadcast = |to: Ipv4Addr| route(to.into(), 32, RouteType::Broadcast, RT_TABLE_LOCAL, Scope::Link, 0);
    routes.extend(ifa.broadcast.filter(|to| !to.is_broadcast()).map(broadcast));
    let Some(first) = prefix.as_v4() else { return routes };
    if wanted && first.octets()[0] != 0 && (prefix != ifa.local || ifa.prefixlen < 32) {
        routes.push(match loopback {
            true => route(prefix, ifa.prefixlen, RouteType::Local, RT_TABLE_LOCAL, Scope::Host, ifa.metric),
            false => route(prefix, ifa.prefixlen, RouteType::Unicast, RT_TABLE_MAIN, Scope::Link, ifa.metric),
        });
        if ifa.prefixlen < 31 {
            routes.push(broadcast(Ipv4Addr::from_bits(first.to_bits() | u32::MAX >> ifa.prefixlen)));
        }
    }
    routes
}

/// The first `len` bits, the others zero.
fn network(addr: InetAddr, len: u8) -> InetAddr {
    match addr.as_v4() {
        Some(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(len.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        None => {
            let mask = u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(addr.as_v6().to_bits() & mask).into()
        }
    }
}

/// Removes an address and its routes (`inet_del_ifa`, `inet6_addr_del`). `EADDRNOTAVAIL` when the
/// device does not have it. A removed primary takes its secondaries with it, unless
/// `promote_secondaries` makes the first of them primary.
pub fn del(net: &Net, dev: &Arc<NetDevice>, addr: InetAddr, prefixlen: u8) -> Result<()> {
    let ipdev = IpDev::get(dev).ok_or(Errno::EADDRNOTAVAIL)?;
    let mut list = ipdev.list(addr.is_v4()).lock();
    let matches = |k: &IfAddr| k.local == addr && k.prefixlen == prefixlen;
    let at = list.iter().position(matches).ok_or(Errno::EADDRNOTAVAIL)?;
    let removed = list.remove(at);
    let mut orphans = Vec::new();
    if addr.is_v4() && removed.is_primary() {
        list.retain(|k| {
            let orphan = !k.is_primary() && k.prefixlen == removed.prefixlen && k.matches(removed.peer);
            if orphan {
                orphans.push(k.clone());
            }
            !orphan
        });
    }
    drop(list);
    drop_routes(net, dev, &removed);
    for orphan in &orphans {
        drop_routes(net, dev, orphan);
    }
    if removed.local.is_v6() && !dev.features.loopback {
        mcast::dev_leave(net, dev, solicited_node(removed.local.as_v6()));
    }
    if ipdev.conf4.or(net, super::Conf4::PromoteSecondaries) {
        for orphan in orphans {
            add(net, dev, orphan)?;
        }
    }
    net.rt_genid_bump();
    Ok(())
}

/// Removes the routes of an address, but those that another address still brings.
fn drop_routes(net: &Net, dev: &Arc<NetDevice>, ifa: &IfAddr) {
    let v4 = ifa.local.is_v4();
    let others = super::list(dev);
    let still: Vec<Route> = others.iter().flat_map(|other| routes_of(dev, other, other.local)).collect();
    let family = if v4 { Family::V4 } else { Family::V6 };
    let fib = &IpNet::of(net).fib;
    for gone in routes_of(dev, ifa, ifa.local) {
        let alike = |r: &Route| {
            r.dst == gone.dst && r.len == gone.len && r.kind == gone.kind && r.table == gone.table
        };
        if !still.iter().any(alike) {
            let ours = |r: &Route| alike(r) && r.ifindex() == dev.ifindex && r.protocol == RTPROT_KERNEL;
            let _ = fib.del(net, family, gone.table, ours);
        }
    }
    // Routes that prefer the address as source go with it (`fib_sync_down_addr`).
    if v4 && !super::is_local(net, ifa.local) {
        fib.flush(net, family, |r| r.prefsrc == Some(ifa.local));
    }
}

/// A device came up, or got an address: it joins the groups of all hosts, and, unless it is `lo`,
/// there is a route for IPv6 multicast (`ip_mc_up`, `addrconf_dev_config`). Link-local addresses are
/// the assembler's to give.
pub fn dev_up(net: &Net, dev: &Arc<NetDevice>) {
    let groups: [InetAddr; 3] = [
        Ipv4Addr::new(224, 0, 0, 1).into(),
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into(),
        Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1).into(),
    ];
    for group in groups {
        if !mcast::is_joined(dev, group) {
            // Only memory could be short here.
            let _ = mcast::dev_join(net, dev, group);
        }
    }
    if dev.flags() & IFF_LOOPBACK == 0 {
        let route = Route {
            dst: Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0).into(),
            len: 8,
            kind: RouteType::Multicast,
            table: RT_TABLE_LOCAL,
            protocol: RTPROT_KERNEL,
            scope: Scope::Universe,
            priority: IP6_RT_PRIO_ADDRCONF,
            ..Route::new(InetAddr::UNSPECIFIED_V6, 0, dev.clone())
        };
        let _ = IpNet::of(net).fib.add(net, route, Mode::Append);
    }
    net.rt_genid_bump();
}

/// A device went down: its routes are unusable (`fib_sync_down_dev`).
pub fn dev_down(net: &Net, _dev: &Arc<NetDevice>) {
    net.rt_genid_bump();
}

/// A device is gone, with its addresses: so are its routes (`fib_disable_ip`, `rt6_disable_ip`).
pub fn dev_gone(net: &Net, dev: &Arc<NetDevice>) {
    for family in [Family::V4, Family::V6] {
        IpNet::of(net).fib.flush(net, family, |route| route.ifindex() == dev.ifindex);
    }
}

/// Gives the loopback device its addresses, `127.0.0.1/8` and `::1/128`.
pub fn add_loopback(net: &Net, lo: &Arc<NetDevice>) -> Result<()> {
    add(net, lo, IfAddr::new(InetAddr::LOOPBACK_V4, 8))?;
    add(net, lo, IfAddr::new(InetAddr::LOOPBACK_V6, 128))
}
