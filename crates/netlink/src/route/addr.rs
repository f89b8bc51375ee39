//! Addresses: `inet_dump_ifaddr`, `inet6_dump_ifaddr`.

use super::{Messages, dump_flags, families, put_addr, put_str, put_u32};
use crate::rcv::Request;
use ip::addr::{self, IfAddr};
use net::NetDevice;
use uapi::socket::{AF_INET, AF_INET6};
use uapi::*;
use zerocopy::IntoBytes;

/// Addresses that the kernel made (`IFAPROT_KERNEL_LO`).
const IFAPROT_KERNEL_LO: u8 = 1;

/// One address as a message (`inet_fill_ifaddr`, `inet6_fill_ifaddr`).
pub(super) fn message(
    request: &Request<'_, '_>,
    dev: &NetDevice,
    ifa: &IfAddr,
    kind: u16,
    flags: u16,
) -> Vec<u8> {
    let v4 = ifa.local.is_v4();
    let head = IfAddrMsg {
        family: if v4 { AF_INET } else { AF_INET6 } as u8,
        prefixlen: ifa.prefixlen,
        flags: ifa.flags as u8,
        scope: ifa.scope.0,
        index: dev.ifindex,
    };
    let life = IfaCacheinfo { prefered: ifa.preferred_lft, valid: ifa.valid_lft, ..IfaCacheinfo::default() };
    request.message(kind, flags, |buf| {
        buf.extend_from_slice(head.as_bytes());
        if v4 {
            put_addr(buf, IFA_ADDRESS, ifa.peer);
            put_addr(buf, IFA_LOCAL, ifa.local);
            if let Some(broadcast) = ifa.broadcast {
                put_addr(buf, IFA_BROADCAST, broadcast.into());
            }
            if !ifa.label.is_empty() {
                put_str(buf, IFA_LABEL, &ifa.label);
            }
            put_u32(buf, IFA_FLAGS, ifa.flags);
            if ifa.metric != 0 {
                put_u32(buf, IFA_RT_PRIORITY, ifa.metric);
            }
            put_attr(buf, IFA_CACHEINFO, life.as_bytes());
            return;
        }
        if ifa.peer != ifa.local {
            put_addr(buf, IFA_LOCAL, ifa.local);
        }
        put_addr(buf, IFA_ADDRESS, ifa.peer);
        if ifa.metric != 0 {
            put_u32(buf, IFA_RT_PRIORITY, ifa.metric);
        }
        put_attr(buf, IFA_CACHEINFO, life.as_bytes());
        put_u32(buf, IFA_FLAGS, ifa.flags);
        if dev.features.loopback && ifa.local.is_loopback() {
            put_attr(buf, IFA_PROTO, &[IFAPROT_KERNEL_LO]);
        }
    })
}

/// All addresses, IPv4's before IPv6's; of one device when the request is strict and names one.
pub(super) fn dump(request: &Request<'_, '_>) -> Messages {
    let (v4, v6) = families(request);
    let wanted = match request.parse::<IfAddrMsg>() {
        Ok((head, _)) if request.strict => head.index,
        Err(errno) if request.strict => return Err(errno),
        _ => 0,
    };
    if wanted != 0 {
        super::device(request.cx, wanted)?;
    }
    let flags = dump_flags(wanted != 0);
    let devices = request.cx.net.dev.all();
    let mut messages = Vec::new();
    for family in [v4.then_some(true), v6.then_some(false)].into_iter().flatten() {
        for dev in devices.iter().filter(|dev| wanted == 0 || dev.ifindex == wanted) {
            let of_family = addr::list(dev).into_iter().filter(|ifa| ifa.local.is_v4() == family);
            messages.extend(of_family.map(|ifa| message(request, dev, &ifa, RTM_NEWADDR, flags)));
        }
    }
    Ok(messages)
}
