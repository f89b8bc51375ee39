//! Options of `SOL_PACKET` (`packet_setsockopt`, `packet_getsockopt`): those of a kernel without rings to share with users
//! (`CONFIG_PACKET_MMAP`), groups that share traffic, and virtual machines.

use crate::membership;
use crate::sock::{Packet, flag};
use net::sock::GetOpt;
use net::sock::options::int_value;
use net::{Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::netif::*;
use uapi::socket::SOL_PACKET;
use uapi::{Errno, Result};
use zerocopy::IntoBytes;

/// A switch of a socket.
struct Switch {
    name: i32,
    flag: u32,
    /// The value must be one `int` and no more.
    exact: bool,
    /// The values it takes.
    takes: fn(i32) -> bool,
}

const SWITCHES: &[Switch] = &[
    Switch { name: PACKET_AUXDATA, flag: flag::AUXDATA, exact: false, takes: |_| true },
    Switch { name: PACKET_ORIGDEV, flag: flag::ORIGDEV, exact: false, takes: |_| true },
    Switch { name: PACKET_QDISC_BYPASS, flag: flag::QDISC_BYPASS, exact: true, takes: |_| true },
    Switch {
        name: PACKET_IGNORE_OUTGOING,
        flag: flag::IGNORE_OUTGOING,
        exact: true,
        takes: |value| matches!(value, 0 | 1),
    },
];

fn switch(name: i32) -> Option<&'static Switch> {
    SWITCHES.iter().find(|switch| switch.name == name)
}

pub(crate) fn set(sk: &Sock<Packet>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    match (level, name) {
        (SOL_PACKET, PACKET_ADD_MEMBERSHIP) => return membership::add(sk, cx, value),
        (SOL_PACKET, PACKET_DROP_MEMBERSHIP) => return membership::drop_one(sk, cx, value),
        (SOL_PACKET, PACKET_FANOUT_DATA) => return Err(Errno::EINVAL),
        (SOL_PACKET, _) => {}
        _ => return Err(Errno::ENOPROTOOPT),
    }
    let switch = switch(name).ok_or(Errno::ENOPROTOOPT)?;
    if switch.exact && value.len() != 4 {
        return Err(Errno::EINVAL);
    }
    let value = int_value(value)?;
    if !(switch.takes)(value) {
        return Err(Errno::EINVAL);
    }
    sk.shared.set_flag(switch.flag, value != 0);
    Ok(())
}

pub(crate) fn get(sk: &Sock<Packet>, level: i32, name: i32, out: &mut GetOpt<'_>) -> Result<()> {
    if level != SOL_PACKET {
        return Err(Errno::ENOPROTOOPT);
    }
    if out.len < 0 {
        return Err(Errno::EINVAL);
    }
    match (name, switch(name)) {
        (PACKET_STATISTICS, _) => statistics(sk, out),
        // No group, no counters of one.
        (PACKET_ROLLOVER_STATS, _) => Err(Errno::EINVAL),
        (_, Some(switch)) => out.int(i32::from(sk.shared.flag(switch.flag))),
        _ => Err(Errno::ENOPROTOOPT),
    }
}

/// `struct tpacket_stats`: packets, those dropped among them, and how many these were; both begin anew.
fn statistics(sk: &Sock<Packet>, out: &mut GetOpt<'_>) -> Result<()> {
    let drops = sk.shared.drops.swap(0, Relaxed);
    let packets = sk.shared.packets.swap(0, Relaxed).wrapping_add(drops);
    out.bytes(TpacketStats { packets, drops }.as_bytes())
}
