//! Options of `SOL_NETLINK` (`netlink_setsockopt`, `netlink_getsockopt`).

use crate::sock::{Netlink, flag};
use net::sock::GetOpt;
use net::sock::options::int_value;
use net::{Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::*;

/// Options that are one switch, with the bit that keeps it.
const SWITCHES: &[(i32, u32)] = &[
    (NETLINK_PKTINFO, flag::RECV_PKTINFO),
    (NETLINK_BROADCAST_ERROR, flag::BROADCAST_SEND_ERROR),
    (NETLINK_NO_ENOBUFS, flag::RECV_NO_ENOBUFS),
    (NETLINK_LISTEN_ALL_NSID, flag::LISTEN_ALL_NSID),
    (NETLINK_CAP_ACK, flag::CAP_ACK),
    (NETLINK_EXT_ACK, flag::EXT_ACK),
    (NETLINK_GET_STRICT_CHK, flag::STRICT_CHK),
];

fn switch(name: i32) -> Result<u32> {
    let found = SWITCHES.iter().find(|(option, _)| *option == name);
    found.map(|(_, flag)| *flag).ok_or(Errno::ENOPROTOOPT)
}

pub(crate) fn set(sk: &Sock<Netlink>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    if level != SOL_NETLINK {
        return Err(Errno::ENOPROTOOPT);
    }
    // A value too short for a number is 0.
    let value = if value.len() >= 4 { int_value(value)? } else { 0 };
    match name {
        NETLINK_ADD_MEMBERSHIP | NETLINK_DROP_MEMBERSHIP => {
            sk.shared.has_groups.store(true, Relaxed);
            let group = value as u32;
            if group == 0 || group > RTNLGRP_MAX {
                return Err(Errno::EINVAL);
            }
            let bit = 1u64 << (group - 1);
            if name == NETLINK_ADD_MEMBERSHIP {
                sk.shared.groups.fetch_or(bit, Relaxed);
            } else {
                sk.shared.groups.fetch_and(!bit, Relaxed);
            }
            return Ok(());
        }
        // To hear other namespaces is to hear what one may not.
        NETLINK_LISTEN_ALL_NSID if !cx.process.capable(CAP_NET_BROADCAST) => return Err(Errno::EPERM),
        _ => {}
    }
    sk.shared.set_flag(switch(name)?, value != 0);
    Ok(())
}

pub(crate) fn get(
    sk: &Sock<Netlink>,
    _cx: &UserCx<'_>,
    level: i32,
    name: i32,
    out: &mut GetOpt<'_>,
) -> Result<()> {
    if level != SOL_NETLINK {
        return Err(Errno::ENOPROTOOPT);
    }
    if out.len < 0 {
        return Err(Errno::EINVAL);
    }
    if name == NETLINK_LIST_MEMBERSHIPS {
        return list_memberships(sk, out);
    }
    let value = sk.shared.flag(switch(name)?);
    if out.len < 4 {
        return Err(Errno::EINVAL);
    }
    out.int(i32::from(value))
}

/// Words of 32 groups each: as many as fit, and how long all are.
fn list_memberships(sk: &Sock<Netlink>, out: &mut GetOpt<'_>) -> Result<()> {
    let groups = sk.shared.groups.load(Relaxed);
    let words = [groups as u32, (groups >> 32) as u32];
    let words = if sk.shared.has_groups.load(Relaxed) { &words[..] } else { &[][..] };
    let room = out.len as usize / 4;
    let mut bytes = Vec::new();
    for word in words.iter().take(room) {
        bytes.extend(word.to_ne_bytes());
    }
    out.bytes(&bytes)?;
    out.len = (words.len() * 4) as i32;
    Ok(())
}
