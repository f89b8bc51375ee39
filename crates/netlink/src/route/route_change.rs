//! Routes come and go: `inet_rtm_newroute`, `inet_rtm_delroute` and their IPv6 kin.

use super::route_dump::message;
use super::{Messages, address, device, notify};
use crate::rcv::Request;
use ip::IpNet;
use ip::fib::{IP6_RT_PRIO_USER, Mode, RT_TABLE_MAIN, Route, RouteType, Scope};
use ip::protocol::Family;
use net::NetDevice;
use net::dst::{Flow, Metrics};
use std::sync::Arc;
use uapi::socket::AF_INET;
use uapi::*;

/// What a request says of a route; what it does not say is `None` or 0.
struct Wanted {
    v4: bool,
    head: RtMsg,
    dst: InetAddr,
    table: u32,
    oif: u32,
    gateway: Option<InetAddr>,
    prefsrc: Option<InetAddr>,
    priority: Option<u32>,
    metrics: Metrics,
}

fn parse(request: &Request<'_, '_>) -> Result<Wanted> {
    let (head, attrs) = request.parse::<RtMsg>()?;
    let v4 = i32::from(head.family) == AF_INET;
    if head.dst_len > if v4 { 32 } else { 128 } || head.src_len != 0 {
        return Err(Errno::EINVAL);
    }
    let mut wanted = Wanted {
        v4,
        head,
        dst: if v4 { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 },
        table: match head.table {
            0 => RT_TABLE_MAIN,
            table => u32::from(table),
        },
        oif: 0,
        gateway: None,
        prefsrc: None,
        priority: None,
        metrics: Metrics::default(),
    };
    for attr in attrs {
        let word = || attr.u32().ok_or(Errno::EINVAL);
        match attr.kind {
            RTA_DST => wanted.dst = address(attr, v4)?,
            RTA_GATEWAY => wanted.gateway = Some(address(attr, v4)?).filter(|gw| !gw.is_unspecified()),
            RTA_PREFSRC => wanted.prefsrc = Some(address(attr, v4)?),
            RTA_OIF => wanted.oif = word()?,
            RTA_PRIORITY => wanted.priority = Some(word()?),
            RTA_TABLE => wanted.table = word()?,
            RTA_METRICS => wanted.metrics = metrics(attr)?,
            // Several next hops, encapsulation and next-hop objects are not there.
            RTA_MULTIPATH | RTA_ENCAP | RTA_NH_ID | RTA_VIA | RTA_FLOW => return Err(Errno::EOPNOTSUPP),
            _ => {}
        }
    }
    Ok(wanted)
}

/// `RTAX_FEATURE_ECN`, and those that Linux takes and does nothing for (`_SACK`, `_TIMESTAMP`, `_ALLFRAG`).
const FEATURES: u32 = 0xf;

fn metrics(attr: Attr<'_>) -> Result<Metrics> {
    let mut metrics = Metrics::default();
    for metric in attr.attrs() {
        let value = metric.u32().ok_or(Errno::EINVAL)?;
        match metric.kind {
            RTAX_MTU => metrics.mtu = value,
            RTAX_FEATURES if value & !FEATURES != 0 => return Err(Errno::EINVAL),
            RTAX_FEATURES => metrics.features = value,
            RTAX_WINDOW => metrics.window = value,
            RTAX_ADVMSS => metrics.advmss = value,
            RTAX_HOPLIMIT => metrics.hoplimit = value.min(255),
            // Which metrics are locked is told by a mask of their numbers.
            RTAX_LOCK => metrics.mtu_locked = value & 1 << RTAX_MTU != 0,
            _ => {}
        }
    }
    Ok(metrics)
}

fn route_type(raw: u8) -> Result<RouteType> {
    Ok(match raw {
        RTN_UNSPEC | RTN_UNICAST => RouteType::Unicast,
        RTN_LOCAL => RouteType::Local,
        RTN_BROADCAST => RouteType::Broadcast,
        RTN_ANYCAST => RouteType::Anycast,
        RTN_MULTICAST => RouteType::Multicast,
        RTN_BLACKHOLE => RouteType::Blackhole,
        RTN_UNREACHABLE => RouteType::Unreachable,
        RTN_PROHIBIT => RouteType::Prohibit,
        RTN_THROW => RouteType::Throw,
        _ => return Err(Errno::EINVAL),
    })
}

/// The way out: the device named, or the one that the gateway is on (`fib_check_nh`).
fn way_out(request: &Request<'_, '_>, wanted: &Wanted) -> Result<Arc<NetDevice>> {
    if wanted.oif != 0 {
        let dev = device(request.cx, wanted.oif)?;
        return if dev.flags() & IFF_UP == 0 { Err(Errno::ENETDOWN) } else { Ok(dev) };
    }
    let gateway = wanted.gateway.ok_or(Errno::ENODEV)?;
    let any = if wanted.v4 { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 };
    let flow = Flow { daddr: gateway, saddr: any, oif: 0, iif: 0, mark: 0, tos: 0 };
    let fib = &IpNet::of(request.cx.net).fib;
    // A gateway behind a gateway is none.
    let scope = if wanted.v4 { Scope::Link } else { Scope::Universe };
    let found = fib.lookup_scope(&flow, scope).map_err(|_| Errno::ENETUNREACH)?;
    if !matches!(found.route.kind, RouteType::Unicast | RouteType::Local) || found.route.gateway.is_some() {
        return Err(Errno::EINVAL);
    }
    found.route.dev.clone().ok_or(Errno::ENETUNREACH)
}

fn group(v4: bool) -> u32 {
    if v4 { RTNLGRP_IPV4_ROUTE } else { RTNLGRP_IPV6_ROUTE }
}

/// How the route may meet those that are there.
fn mode(request: &Request<'_, '_>) -> Mode {
    let flag = |flag| request.flag(flag);
    match () {
        () if !flag(NLM_F_CREATE) => Mode::Change,
        () if flag(NLM_F_EXCL) => Mode::Exclusive,
        () if flag(NLM_F_REPLACE) => Mode::Replace,
        () if flag(NLM_F_APPEND) => Mode::Append,
        () => Mode::Prepend,
    }
}

/// `RTM_NEWROUTE`.
pub(super) fn new(request: &Request<'_, '_>) -> Messages {
    let wanted = parse(request)?;
    let kind = route_type(wanted.head.kind)?;
    let dev = if kind.errno().is_some() { None } else { Some(way_out(request, &wanted)?) };
    let default_priority = if wanted.v4 { 0 } else { IP6_RT_PRIO_USER };
    let route = Route {
        dst: wanted.dst,
        len: wanted.head.dst_len,
        tos: wanted.head.tos,
        kind,
        table: wanted.table,
        protocol: wanted.head.protocol,
        scope: if wanted.v4 { Scope(wanted.head.scope) } else { Scope::Universe },
        priority: wanted.priority.filter(|p| wanted.v4 || *p != 0).unwrap_or(default_priority),
        prefsrc: wanted.prefsrc,
        gateway: wanted.gateway,
        dev,
        metrics: wanted.metrics,
    };
    if let Some(source) = route.prefsrc
        && !ip::addr::is_local(request.cx.net, source)
    {
        return Err(Errno::EINVAL);
    }
    IpNet::of(request.cx.net).fib.add(request.cx.net, route.clone(), mode(request))?;
    notify(request, group(wanted.v4), &message(request, &route, RTM_NEWROUTE, 0));
    Ok(Vec::new())
}

/// `RTM_DELROUTE`: the first route that agrees with all that is said. `ESRCH`.
pub(super) fn del(request: &Request<'_, '_>) -> Messages {
    let wanted = parse(request)?;
    let head = &wanted.head;
    let fits = |route: &Route| {
        route.dst == wanted.dst
            && route.len == head.dst_len
            && (head.tos == 0 || route.tos == head.tos)
            && (head.kind == RTN_UNSPEC || route.kind as u8 == head.kind)
            && (!wanted.v4 || head.scope == Scope::Nowhere.0 || route.scope.0 == head.scope)
            && (head.protocol == 0 || route.protocol == head.protocol)
            && wanted.priority.is_none_or(|priority| route.priority == priority)
            && wanted.prefsrc.is_none_or(|source| route.prefsrc == Some(source))
            && wanted.gateway.is_none_or(|gateway| route.gateway == Some(gateway))
            && (wanted.oif == 0 || route.ifindex() == wanted.oif)
    };
    let family = if wanted.v4 { Family::V4 } else { Family::V6 };
    let net = request.cx.net;
    let gone = IpNet::of(net).fib.del(net, family, wanted.table, fits)?;
    notify(request, group(wanted.v4), &message(request, &gone, RTM_DELROUTE, 0));
    Ok(Vec::new())
}
