//! Multicast: `igmp`, `igmp6`, `mcfilter`, `mcfilter6` (`igmp_mc_seq_show`, `igmp6_mc_seq_show`, `igmp_mcf_seq_show`).

use super::pi6;
use ip::addr::IpDev;
use net::UserCx;
use std::fmt::Write;

/// `igmp`: the groups of each device, the last joined first.
pub(super) fn igmp(cx: &UserCx<'_>) -> String {
    let mut text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n".to_owned();
    for dev in cx.net.dev.all() {
        let Some(ip) = IpDev::get(&dev) else { continue };
        let groups: Vec<_> = ip.groups.list().into_iter().filter(|group| group.addr.is_v4()).collect();
        let _ = writeln!(text, "{}\t{:<10}: {:5}      V3", dev.ifindex, dev.name, groups.len());
        for group in groups.iter().rev() {
            let addr = super::hex(group.addr, false);
            let _ = writeln!(text, "\t\t\t\t{addr} {:5} 0:00000000\t\t0", group.users);
        }
    }
    text
}

/// `MAF_LOADED`: the device's filter has it. `MAF_NOREPORT`: nobody is told.
const MAF_LOADED: u8 = 4;
const MAF_NOREPORT: u8 = 8;

/// `igmp6`: the groups of each device, the last joined first.
pub(super) fn igmp6(cx: &UserCx<'_>) -> String {
    let mut text = String::new();
    for dev in cx.net.dev.all() {
        let Some(ip) = IpDev::get(&dev) else { continue };
        for group in ip.groups.list().iter().rev().filter(|group| !group.addr.is_v4()) {
            let octets = group.addr.octets();
            // RFC 4291, 2.7: what does not leave the interface needs no filter of the device; what is for all nodes or does
            // not leave the link's own interface is not reported (RFC 3810, 6).
            let interface_local = octets[1] & 0x0f <= 1;
            let all_nodes = octets[1] == 2 && octets[2..15].iter().all(|byte| *byte == 0) && octets[15] == 1;
            let loaded = if interface_local { 0 } else { MAF_LOADED };
            let silent = if interface_local || all_nodes { MAF_NOREPORT } else { 0 };
            let _ = writeln!(
                text,
                "{:<4} {:<15} {} {:5} {:08X} 0",
                dev.ifindex,
                dev.name,
                pi6(group.addr),
                group.users,
                loaded | silent
            );
        }
    }
    text
}

/// `mcfilter`: no source is asked for by a report.
pub(super) fn mcfilter(_cx: &UserCx<'_>) -> String {
    "Idx Device        MCA        SRC    INC    EXC\n".to_owned()
}

/// `mcfilter6`.
pub(super) fn mcfilter6(_cx: &UserCx<'_>) -> String {
    "Idx Device                Multicast Address                   Source Address    INC    EXC\n".to_owned()
}
