//! Routes: `inet_dump_fib`, `inet6_dump_fib`.

use super::{Messages, dump_flags, families, put_addr, put_u32};
use crate::rcv::Request;
use ip::IpNet;
use ip::fib::Route;
use ip::protocol::Family;
use uapi::socket::{AF_INET, AF_INET6};
use uapi::*;
use zerocopy::IntoBytes;

/// Tables above this have their number in an attribute only (`RT_TABLE_COMPAT`).
const RT_TABLE_COMPAT: u8 = 252;
/// Routers announced with medium preference (`ICMPV6_ROUTER_PREF_MEDIUM`).
const PREF_MEDIUM: u8 = 0;

/// The number of a table as the header has it.
pub(super) fn short_table(table: u32) -> u8 {
    u8::try_from(table).unwrap_or(RT_TABLE_COMPAT)
}

/// Metrics that a route sets (`rtnetlink_put_metrics`).
pub(super) fn put_metrics(buf: &mut Vec<u8>, route: &Route) {
    let m = &route.metrics;
    let rows = [
        (RTAX_MTU, m.mtu),
        (RTAX_WINDOW, m.window),
        (RTAX_ADVMSS, m.advmss),
        (RTAX_HOPLIMIT, m.hoplimit),
        (RTAX_FEATURES, m.features),
    ];
    if rows.iter().all(|(_, value)| *value == 0) {
        return;
    }
    let mut inner = Vec::new();
    for (kind, value) in rows.into_iter().filter(|(_, value)| *value != 0) {
        put_u32(&mut inner, kind, value);
    }
    put_attr(buf, RTA_METRICS, &inner);
}

/// One route as a message (`fib_dump_info`, `rt6_fill_node`).
pub(super) fn message(request: &Request<'_, '_>, route: &Route, kind: u16, flags: u16) -> Vec<u8> {
    let v4 = route.dst.is_v4();
    let head = RtMsg {
        family: if v4 { AF_INET } else { AF_INET6 } as u8,
        dst_len: route.len,
        tos: route.tos,
        table: short_table(route.table),
        protocol: route.protocol,
        // IPv6 has no scopes of routes.
        scope: if v4 { route.scope.0 } else { 0 },
        kind: route.kind as u8,
        ..RtMsg::default()
    };
    request.message(kind, flags, |buf| {
        buf.extend_from_slice(head.as_bytes());
        put_u32(buf, RTA_TABLE, route.table);
        if route.len != 0 {
            put_addr(buf, RTA_DST, route.dst);
        }
        if v4 && route.priority != 0 {
            put_u32(buf, RTA_PRIORITY, route.priority);
        }
        if v4 {
            put_metrics(buf, route);
        }
        if let Some(source) = route.prefsrc {
            put_addr(buf, RTA_PREFSRC, source);
        }
        if !v4 {
            put_metrics(buf, route);
            put_u32(buf, RTA_PRIORITY, route.priority);
        }
        if let Some(gateway) = route.gateway {
            put_addr(buf, RTA_GATEWAY, gateway);
        }
        if let Some(dev) = &route.dev {
            put_u32(buf, RTA_OIF, dev.ifindex);
        }
        if !v4 {
            put_attr(buf, RTA_CACHEINFO, RtaCacheinfo::default().as_bytes());
            put_attr(buf, RTA_PREF, &[PREF_MEDIUM]);
        }
    })
}

/// What a strict request filters by: what it leaves 0 is any.
#[derive(Default)]
struct Filter {
    table: u32,
    protocol: u8,
    kind: u8,
    oif: u32,
}

impl Filter {
    fn of(request: &Request<'_, '_>) -> Result<Filter> {
        if !request.strict {
            return Ok(Filter::default());
        }
        let (head, attrs) = request.parse::<RtMsg>()?;
        let mut filter =
            Filter { table: u32::from(head.table), protocol: head.protocol, kind: head.kind, oif: 0 };
        for attr in attrs {
            match attr.kind {
                RTA_TABLE => filter.table = attr.u32().ok_or(Errno::EINVAL)?,
                RTA_OIF => filter.oif = attr.u32().ok_or(Errno::EINVAL)?,
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(filter)
    }

    fn fits(&self, route: &Route) -> bool {
        (self.table == 0 || self.table == route.table)
            && (self.protocol == 0 || self.protocol == route.protocol)
            && (self.kind == 0 || self.kind == route.kind as u8)
            && (self.oif == 0 || self.oif == route.ifindex())
    }
}

/// All routes of a family, or of both.
pub(super) fn dump(request: &Request<'_, '_>) -> Messages {
    /// Cached routes are asked for; there are none to list.
    const CLONED: u32 = RTM_F_CLONED;
    let (v4, v6) = families(request);
    let filter = Filter::of(request)?;
    if request.parse::<RtMsg>().is_ok_and(|(head, _)| head.flags & CLONED != 0) {
        return Ok(Vec::new());
    }
    let fib = &IpNet::of(request.cx.net).fib;
    // A strict request counts as filtered, whatever it leaves out.
    let flags = dump_flags(request.strict);
    let mut messages = Vec::new();
    for family in [v4.then_some(Family::V4), v6.then_some(Family::V6)].into_iter().flatten() {
        let routes = fib.routes(family);
        let routes = routes.iter().filter(|route| filter.fits(route));
        messages.extend(routes.map(|route| message(request, route, RTM_NEWROUTE, flags)));
    }
    Ok(messages)
}
