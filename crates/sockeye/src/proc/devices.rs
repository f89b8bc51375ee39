//! Devices and their addresses: `dev`, `if_inet6`, `arp` (`dev_seq_show`, `if6_seq_show`, `arp_seq_show`).

use super::pi6;
use ip::addr::{self, IFA_F_PERMANENT};
use ip::fib::Scope;
use net::UserCx;
use net::dev::DevStat;
use std::fmt::Write;

/// `dev`: the counters of each.
pub(super) fn dev(cx: &UserCx<'_>) -> String {
    let mut text = "Inter-|   Receive                                                |  Transmit\n \
                    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop \
                    fifo colls carrier compressed\n"
        .to_owned();
    for dev in cx.net.dev.all() {
        let n = |stat| dev.stats.sum(stat);
        let _ = writeln!(
            text,
            "{:>6}: {:7} {:7} {:4} {:4} {:4} {:5} {:10} {:9} {:8} {:7} {:4} {:4} {:4} {:5} {:7} {:10}",
            dev.name,
            n(DevStat::RxBytes),
            n(DevStat::RxPackets),
            0,
            n(DevStat::RxDropped),
            0,
            0,
            0,
            n(DevStat::Multicast),
            n(DevStat::TxBytes),
            n(DevStat::TxPackets),
            0,
            n(DevStat::TxDropped),
            0,
            0,
            0,
            0,
        );
    }
    text
}

/// `if_inet6`: address, index, prefix length, scope and flags in hexadecimal, name.
pub(super) fn if_inet6(cx: &UserCx<'_>) -> String {
    let mut text = String::new();
    for dev in cx.net.dev.all() {
        for ifa in addr::list(&dev).iter().filter(|ifa| !ifa.local.is_v4()) {
            // The scopes of the address architecture (`IPV6_ADDR_LOOPBACK`, `_LINKLOCAL`, `_SITELOCAL`).
            let scope = match ifa.scope {
                Scope::Host => 0x10,
                Scope::Link => 0x20,
                Scope::Site => 0x40,
                _ => 0,
            };
            let flags = (ifa.flags | if ifa.valid_lft == u32::MAX { IFA_F_PERMANENT } else { 0 }) as u8;
            let _ = writeln!(
                text,
                "{} {:02x} {:02x} {scope:02x} {flags:02x} {:>8}",
                pi6(ifa.local),
                dev.ifindex,
                ifa.prefixlen,
                dev.name
            );
        }
    }
    text
}

/// `arp`: no neighbour is kept.
pub(super) fn arp(_cx: &UserCx<'_>) -> String {
    "IP address       HW type     Flags       HW address            Mask     Device\n".to_owned()
}
