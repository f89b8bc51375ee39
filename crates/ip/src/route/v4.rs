//! IPv4 lookups (`ip_route_output_key_hash_rcu`, `ip_route_input_slow`).

use crate::addr::{self, v4 as ifaddr};
use crate::fib::{Found, RouteType, Scope};
use crate::{IpNet, mcast};
use net::dst::{Dst, DstKind, Flow};
use net::{Cx, NetDevice};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{Errno, IFF_LOOPBACK, IFF_UP, InetAddr, Result};

/// `0.0.0.0/8` (`ipv4_is_zeronet`).
fn is_zeronet(addr: InetAddr) -> bool {
    addr.as_v4().is_some_and(|a| a.octets()[0] == 0)
}

fn any() -> InetAddr {
    InetAddr::UNSPECIFIED_V4
}

pub(super) fn output(cx: &Cx<'_>, flow: &Flow) -> Result<Arc<Dst>> {
    let (net, mut flow) = (cx.net, *flow);
    let lo = net.dev.loopback().ok_or(Errno::ENETUNREACH)?;
    if !flow.saddr.is_unspecified() {
        if flow.saddr.is_multicast() || flow.saddr.is_broadcast() || is_zeronet(flow.saddr) {
            return Err(Errno::EINVAL);
        }
        // Without an interface, the source address names it: programs that know no better send
        // multicast so (routed(8) of old, and RFC 1122 asks for it).
        if flow.oif == 0 && (flow.daddr.is_multicast() || flow.daddr.is_broadcast()) {
            let dev = addr::dev_of(net, flow.saddr).ok_or(Errno::ENETUNREACH)?;
            flow.oif = dev.ifindex;
            return make(cx, &flow, dev, None);
        }
        if flow.saddr.is_v6() || !addr::is_local(net, flow.saddr) {
            return Err(Errno::ENETUNREACH);
        }
    }
    if flow.oif != 0 {
        let dev = net.dev.by_index(flow.oif).ok_or(Errno::ENODEV)?;
        if dev.flags() & IFF_UP == 0 || addr::IpDev::get(&dev).is_none() {
            return Err(Errno::ENETUNREACH);
        }
        if flow.daddr.is_link_scope_multicast() || flow.daddr.is_broadcast() {
            if flow.saddr.is_unspecified() {
                flow.saddr = ifaddr::select(net, &dev, any(), Scope::Link);
            }
            return make(cx, &flow, dev, None);
        }
        if flow.saddr.is_unspecified() {
            if flow.daddr.is_multicast() {
                flow.saddr = ifaddr::select(net, &dev, any(), Scope::Universe);
            } else if flow.daddr.is_unspecified() {
                flow.saddr = ifaddr::select(net, &dev, any(), Scope::Host);
            }
        }
    }
    if flow.daddr.is_unspecified() {
        flow.daddr = flow.saddr;
        if flow.daddr.is_unspecified() {
            flow.daddr = InetAddr::LOOPBACK_V4;
            flow.saddr = InetAddr::LOOPBACK_V4;
        }
        flow.oif = lo.ifindex;
        return Ok(super::dst(cx, &flow, lo.clone(), DstKind::Local, flow.saddr, None));
    }
    let scope = if flow.tos & super::RTO_ONLINK != 0 { Scope::Link } else { Scope::Universe };
    let found = match IpNet::of(net).fib.lookup_scope(&flow, scope) {
        Ok(found) => found,
        Err(_) if flow.oif != 0 => {
            // The tables know nothing, but the caller insists on a link: the destination is on it.
            let dev = net.dev.by_index(flow.oif).ok_or(Errno::ENODEV)?;
            if flow.saddr.is_unspecified() {
                flow.saddr = ifaddr::select(net, &dev, any(), Scope::Link);
            }
            return make(cx, &flow, dev, None);
        }
        Err(errno) => return Err(errno),
    };
    if found.route.kind == RouteType::Local {
        if flow.saddr.is_unspecified() {
            flow.saddr = found.route.prefsrc.unwrap_or(flow.daddr);
        }
        flow.oif = lo.ifindex;
        return make(cx, &flow, lo.clone(), Some(&found));
    }
    let dev = found.route.dev.clone().ok_or(Errno::ENETUNREACH)?;
    if flow.saddr.is_unspecified() {
        flow.saddr = prefsrc(cx, &found, &dev, flow.daddr);
    }
    make(cx, &flow, dev, Some(&found))
}

/// The source that a route gives (`fib_result_prefsrc`).
fn prefsrc(cx: &Cx<'_>, found: &Found, dev: &Arc<NetDevice>, daddr: InetAddr) -> InetAddr {
    found.route.prefsrc.unwrap_or_else(|| {
        let near = found.route.gateway.unwrap_or(daddr);
        ifaddr::select(cx.net, dev, near, found.route.scope)
    })
}

/// The answer, and what is checked of every one (`__mkroute_output`).
fn make(cx: &Cx<'_>, flow: &Flow, dev: Arc<NetDevice>, found: Option<&Found>) -> Result<Arc<Dst>> {
    let ipdev = addr::IpDev::get(&dev).ok_or(Errno::EINVAL)?;
    let loopback = dev.flags() & IFF_LOOPBACK != 0;
    if flow.saddr.is_loopback() && !loopback && !ipdev.conf4.or(cx.net, addr::Conf4::RouteLocalnet) {
        return Err(Errno::EINVAL);
    }
    let kind = if flow.daddr.is_broadcast() {
        DstKind::Broadcast
    } else if flow.daddr.is_multicast() {
        DstKind::Multicast
    } else if is_zeronet(flow.daddr) {
        return Err(Errno::EINVAL);
    } else {
        match found.map(|found| found.route.kind) {
            Some(RouteType::Broadcast) => DstKind::Broadcast,
            Some(RouteType::Local) => DstKind::Local,
            // What leaves by a loopback device arrives here.
            _ if loopback => DstKind::Local,
            _ => DstKind::Unicast,
        }
    };
    let route = match kind {
        DstKind::Unicast | DstKind::Local => found.map(|found| &*found.route),
        _ => None,
    };
    Ok(super::dst(cx, flow, dev, kind, flow.saddr, route))
}

pub(super) fn input(cx: &Cx<'_>, flow: &Flow, dev: &Arc<NetDevice>) -> Result<Arc<Dst>> {
    let net = cx.net;
    let lo = net.dev.loopback().ok_or(Errno::EINVAL)?;
    let ipdev = addr::IpDev::get(dev).ok_or(Errno::EINVAL)?;
    let (saddr, daddr) = (flow.saddr, flow.daddr);
    let loopback = dev.flags() & IFF_LOOPBACK != 0;
    let local = |kind| Ok(super::dst(cx, flow, lo.clone(), kind, daddr, None));
    if saddr.is_multicast() || saddr.is_broadcast() {
        return Err(Errno::EINVAL);
    }
    if daddr.is_multicast() {
        // `ip_mc_validate_source`, and the membership check of `ip_route_input_mc`.
        if saddr.is_loopback() && !loopback && !ipdev.conf4.or(net, addr::Conf4::RouteLocalnet)
            || is_zeronet(saddr) && !daddr.is_link_scope_multicast()
            || !mcast::is_member(dev, daddr, saddr)
        {
            return Err(Errno::EINVAL);
        }
        return local(DstKind::Multicast);
    }
    if daddr.is_broadcast() || saddr.is_unspecified() && daddr.is_unspecified() {
        return local(DstKind::Broadcast);
    }
    if is_zeronet(saddr) || is_zeronet(daddr) {
        return Err(Errno::EINVAL);
    }
    let localnet = ipdev.conf4.or(net, addr::Conf4::RouteLocalnet);
    if !loopback && !localnet && (daddr.is_loopback() || saddr.is_loopback()) {
        return Err(Errno::EINVAL);
    }
    let Ok(found) = IpNet::of(net).fib.lookup(&Flow { oif: 0, ..*flow }) else {
        return Err(Errno::EHOSTUNREACH);
    };
    match found.route.kind {
        RouteType::Broadcast => {
            validate_source(cx, flow, dev)?;
            local(DstKind::Broadcast)
        }
        RouteType::Local => {
            validate_source(cx, flow, dev)?;
            local(DstKind::Local)
        }
        // Forwarding is not on; a host drops what is for others.
        _ => Err(Errno::EHOSTUNREACH),
    }
}

/// Refuses a packet that claims to come from an address of this host, and, with `rp_filter`, one
/// whose answer would leave by another interface (`fib_validate_source`).
fn validate_source(cx: &Cx<'_>, flow: &Flow, dev: &Arc<NetDevice>) -> Result<()> {
    let Some(ipdev) = addr::IpDev::get(dev) else { return Err(Errno::EINVAL) };
    if dev.flags() & IFF_LOOPBACK != 0 || flow.saddr.is_unspecified() {
        return Ok(());
    }
    let accept_local = ipdev.conf4.or(cx.net, addr::Conf4::AcceptLocal);
    if !accept_local && addr::is_local(cx.net, flow.saddr) {
        return Err(Errno::EINVAL);
    }
    let strict = ipdev.conf4.max(cx.net, addr::Conf4::RpFilter);
    if strict == 0 {
        return Ok(());
    }
    let back = Flow { daddr: flow.saddr, saddr: flow.daddr, iif: 0, oif: 0, ..*flow };
    match IpNet::of(cx.net).fib.lookup(&back) {
        Ok(found) if strict == 2 || found.route.ifindex() == dev.ifindex => Ok(()),
        _ => {
            cx.inc(net::mib::TcpExt::IPReversePathFilter);
            Err(Errno::EXDEV)
        }
    }
}

/// The address of ours that a packet which came in by `dev` is for: its destination, or for a
/// broadcast or multicast the address an answer would have (`fib_compute_spec_dst`).
pub fn spec_dst(cx: &Cx<'_>, dev: &Arc<NetDevice>, saddr: Ipv4Addr, daddr: Ipv4Addr, tos: u8) -> Ipv4Addr {
    if addr::is_local(cx.net, daddr.into()) {
        return daddr;
    }
    let src = InetAddr::v4(saddr);
    let chosen = if is_zeronet(src) {
        ifaddr::select(cx.net, dev, src, Scope::Link)
    } else {
        let flow = Flow { daddr: src, saddr: any(), oif: 0, iif: 0, mark: 0, tos };
        match IpNet::of(cx.net).fib.lookup(&flow) {
            Ok(found) => match &found.route.dev {
                Some(out) => prefsrc(cx, &found, out, src),
                None => any(),
            },
            Err(_) => ifaddr::select(cx.net, dev, src, Scope::Universe),
        }
    };
    chosen.as_v4().unwrap_or(Ipv4Addr::UNSPECIFIED)
}

/// The least path MTU that is believed (`route/min_pmtu`).
pub(super) fn min_pmtu(cx: &Cx<'_>) -> u32 {
    IpNet::of(cx.net).sysctl.min_pmtu.load(Relaxed).unsigned_abs()
}
