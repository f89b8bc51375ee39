//! IPv6 lookups (`ip6_route_output_flags`, `ip6_dst_lookup_tail`, `ip6_route_input`).

use crate::addr::{self, v6 as ifaddr};
use crate::fib::RouteType;
use crate::{IpNet, mcast};
use net::dst::{Dst, DstKind, Flow};
use net::{Cx, NetDevice};
use std::sync::Arc;
use uapi::{Errno, InetAddr, Result};

/// Destinations that mean something on one link only (`rt6_need_strict`).
fn need_strict(daddr: InetAddr) -> bool {
    daddr.is_multicast() || daddr.is_link_local() || daddr == InetAddr::LOOPBACK_V6
}

pub(super) fn output(cx: &Cx<'_>, flow: &Flow) -> Result<Arc<Dst>> {
    let net = cx.net;
    let mut flow = *flow;
    // `ip6_datagram_connect` and its kin make of `::` what it means here.
    if flow.daddr.is_unspecified() {
        flow.daddr = InetAddr::LOOPBACK_V6;
    }
    // A source of IPv4 is no source for this; whether there is a way is said first.
    let foreign = flow.saddr.is_v4() && !flow.saddr.is_unspecified();
    if foreign {
        flow.saddr = InetAddr::UNSPECIFIED_V6;
    }
    let fib = &IpNet::of(net).fib;
    let found = match fib.lookup(&flow) {
        // An interface is a wish unless the destination or a source address makes it a must.
        Err(_) if flow.oif != 0 && !need_strict(flow.daddr) && flow.saddr.is_unspecified() => {
            fib.lookup(&Flow { oif: 0, ..flow })?
        }
        found => found?,
    };
    if foreign {
        return Err(Errno::EAFNOSUPPORT);
    }
    let lo = net.dev.loopback().ok_or(Errno::ENETUNREACH)?;
    let (dev, kind) = match found.route.kind {
        RouteType::Local | RouteType::Anycast => (lo.clone(), DstKind::Local),
        _ => {
            let dev = found.route.dev.clone().ok_or(Errno::ENETUNREACH)?;
            let kind = if flow.daddr.is_multicast() { DstKind::Multicast } else { DstKind::Unicast };
            (dev, kind)
        }
    };
    if flow.saddr.is_unspecified() {
        flow.saddr = match found.route.prefsrc {
            Some(src) => src,
            None => {
                let by = if kind == DstKind::Local { None } else { Some(&dev) };
                ifaddr::select(net, by, flow.daddr, 0).ok_or(Errno::EADDRNOTAVAIL)?
            }
        };
    }
    Ok(super::dst(cx, &flow, dev, kind, flow.saddr, Some(&found.route)))
}

pub(super) fn input(cx: &Cx<'_>, flow: &Flow, dev: &Arc<NetDevice>) -> Result<Arc<Dst>> {
    let net = cx.net;
    let lo = net.dev.loopback().ok_or(Errno::EINVAL)?;
    let local = |kind| Ok(super::dst(cx, flow, lo.clone(), kind, flow.daddr, None));
    if flow.daddr.is_multicast() {
        return if mcast::is_member(dev, flow.daddr, flow.saddr) {
            local(DstKind::Multicast)
        } else {
            Err(Errno::EINVAL)
        };
    }
    // Link-local addresses are per link; others are found on any interface (the weak host model).
    if flow.daddr.is_link_local() && !addr::has(dev, flow.daddr) {
        return Err(Errno::EHOSTUNREACH);
    }
    let found = IpNet::of(net).fib.lookup(&Flow { oif: 0, ..*flow })?;
    match found.route.kind {
        RouteType::Local | RouteType::Anycast => local(DstKind::Local),
        _ => Err(Errno::EHOSTUNREACH),
    }
}
