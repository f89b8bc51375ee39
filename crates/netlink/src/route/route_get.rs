//! Which way a packet would go: `ip route get` (`inet_rtm_getroute`, `inet6_rtm_getroute`).

use super::{Messages, address, device, put_addr, put_u32};
use crate::rcv::Request;
use ip::IpNet;
use ip::fib::RT_TABLE_MAIN;
use net::dst::{DstKind, Flow};
use uapi::socket::{AF_INET, AF_INET6};
use uapi::*;
use zerocopy::IntoBytes;

/// The answer is about a packet to this host (`RTCF_LOCAL`).
const RTCF_LOCAL: u32 = 0x8000_0000;

/// `ENETUNREACH` and what else the lookup says; `ENODEV`; `EOPNOTSUPP` for another family.
pub(super) fn get(request: &Request<'_, '_>) -> Messages {
    let (head, attrs) = request.parse::<RtMsg>()?;
    let v4 = match i32::from(head.family) {
        AF_INET => true,
        AF_INET6 => false,
        _ => return Err(Errno::EOPNOTSUPP),
    };
    let any = if v4 { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 };
    let mut flow = Flow { daddr: any, saddr: any, oif: 0, iif: 0, mark: 0, tos: head.tos };
    let mut source = None;
    for attr in attrs {
        match attr.kind {
            RTA_DST => flow.daddr = address(attr, v4)?,
            RTA_SRC => source = Some(address(attr, v4)?),
            RTA_OIF => flow.oif = attr.u32().ok_or(Errno::EINVAL)?,
            RTA_MARK => flow.mark = attr.u32().ok_or(Errno::EINVAL)?,
            // What would become of a packet that comes in is not told.
            RTA_IIF => return Err(Errno::EOPNOTSUPP),
            _ => {}
        }
    }
    if flow.oif != 0 {
        device(request.cx, flow.oif)?;
    }
    flow.saddr = source.unwrap_or(any);
    let dst = ip::route::output(request.cx, &flow)?;
    let found = IpNet::of(request.cx.net).fib.lookup(&flow)?;
    let local = dst.kind == DstKind::Local;
    let kind = match dst.kind {
        DstKind::Unicast => RTN_UNICAST,
        DstKind::Local => RTN_LOCAL,
        DstKind::Broadcast => RTN_BROADCAST,
        DstKind::Multicast => RTN_MULTICAST,
    };
    let bits = if v4 { 32 } else { 128 };
    let table = if v4 { RT_TABLE_MAIN } else { found.table };
    let head = RtMsg {
        family: head.family,
        dst_len: bits,
        src_len: if v4 && source.is_none() { 0 } else { bits },
        tos: head.tos,
        table: super::route_dump::short_table(table),
        protocol: if v4 { 0 } else { found.route.protocol },
        scope: 0,
        kind,
        flags: if !v4 { 0 } else { RTM_F_CLONED | if local { RTCF_LOCAL } else { 0 } },
    };
    let gateway = found.route.gateway;
    let message = request.message(RTM_NEWROUTE, 0, |buf| {
        buf.extend_from_slice(head.as_bytes());
        put_u32(buf, RTA_TABLE, table);
        put_addr(buf, RTA_DST, flow.daddr);
        if v4 {
            if let Some(source) = source {
                put_addr(buf, RTA_SRC, source);
            }
            put_u32(buf, RTA_OIF, dst.dev.ifindex);
            if source != Some(dst.src) {
                put_addr(buf, RTA_PREFSRC, dst.src);
            }
            if let Some(gateway) = gateway {
                put_addr(buf, RTA_GATEWAY, gateway);
            }
            super::route_dump::put_metrics(buf, &found.route);
            put_u32(buf, RTA_UID, request.cx.process.cred.uid);
            put_attr(buf, RTA_CACHEINFO, RtaCacheinfo { clntref: 2, ..RtaCacheinfo::default() }.as_bytes());
            return;
        }
        put_addr(buf, RTA_SRC, source.unwrap_or(any));
        put_addr(buf, RTA_PREFSRC, dst.src);
        super::route_dump::put_metrics(buf, &found.route);
        put_u32(buf, RTA_PRIORITY, found.route.priority);
        if let Some(gateway) = gateway {
            put_addr(buf, RTA_GATEWAY, gateway);
        }
        put_u32(buf, RTA_OIF, dst.dev.ifindex);
        put_attr(buf, RTA_CACHEINFO, RtaCacheinfo { clntref: 2, ..RtaCacheinfo::default() }.as_bytes());
        put_attr(buf, RTA_PREF, &[0]);
    });
    Ok(vec![message])
}
