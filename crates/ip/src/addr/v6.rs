//! IPv6 source address selection (RFC 6724, `ipv6_dev_get_saddr`).

use super::{IFA_F_DEPRECATED, IFA_F_SECONDARY, IFA_F_TENTATIVE, IfAddr, IpDev};
use net::{Net, NetDevice};
use std::net::Ipv6Addr;
use std::sync::Arc;
use uapi::{IPV6_PREFER_SRC_TMP, InetAddr};

/// Scope of an address as multicast addresses spell it (`ipv6_addr_src_scope`).
fn scope(addr: Ipv6Addr) -> u8 {
    let [first, second, ..] = addr.octets();
    match (first, second) {
        (0xff, flags) => flags & 0xf,
        (0xfe, 0x80..=0xbf) => 2,
        (0xfe, 0xc0..=0xff) => 5,
        _ if addr.is_loopback() => 2,
        _ => 14,
    }
}

/// The policy table of RFC 6724 section 2.1 as Linux has it (`ip6addrlbl_init_table`).
const LABELS: &[(Ipv6Addr, u32, u32)] = &[
    (Ipv6Addr::LOCALHOST, 128, 0),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 4),
    (Ipv6Addr::UNSPECIFIED, 96, 3),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, 6),
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, 7),
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16, 12),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 2),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, 11),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 5),
];

fn label(addr: Ipv6Addr) -> u32 {
    let found = LABELS.iter().find(|(net, len, _)| common_prefix(*net, addr) >= *len);
    found.map_or(1, |(_, _, label)| *label)
}

fn common_prefix(a: Ipv6Addr, b: Ipv6Addr) -> u32 {
    (a.to_bits() ^ b.to_bits()).leading_zeros()
}

/// How good a source is: the rules of RFC 6724 section 5 in order.
type Score = (bool, i32, bool, bool, bool, bool, u32);

fn score(ifa: &IfAddr, dev: &NetDevice, want: Option<&Arc<NetDevice>>, dst: Ipv6Addr, prefer: u32) -> Score {
    let addr = ifa.local.as_v6();
    let (have, need) = (scope(addr), scope(dst));
    // Rule 2: the smallest scope that is large enough, else the largest.
    let reach = if have >= need { 128 - i32::from(have) } else { i32::from(have) - 128 };
    let temporary = ifa.flags & IFA_F_SECONDARY != 0;
    (
        addr == dst,
        reach,
        ifa.flags & (IFA_F_DEPRECATED | IFA_F_TENTATIVE) == 0,
        want.is_none_or(|want| want.ifindex == dev.ifindex),
        label(addr) == label(dst),
        temporary == (prefer & IPV6_PREFER_SRC_TMP != 0),
        common_prefix(addr, dst).min(u32::from(ifa.prefixlen)),
    )
}

/// The best source for packets to `dst` that leave by `dev`, or by any device. `None` when no
/// address will do. `prefer` are `IPV6_PREFER_SRC_*`.
pub fn select(net: &Net, dev: Option<&Arc<NetDevice>>, dst: InetAddr, prefer: u32) -> Option<InetAddr> {
    let to = dst.as_v6();
    // Link-local destinations, and multicast no wider than a link, want an address of the link.
    let strict = dst.is_link_local() || dst.is_multicast() && scope(to) <= 2;
    let mut best: Option<(Score, InetAddr)> = None;
    for candidate in net.dev.all() {
        if strict && dev.is_some_and(|dev| dev.ifindex != candidate.ifindex) {
            continue;
        }
        let Some(ipdev) = IpDev::get(&candidate) else { continue };
        for ifa in ipdev.v6.lock().iter().filter(|ifa| ifa.flags & IFA_F_TENTATIVE == 0) {
            let rank = score(ifa, &candidate, dev, to, prefer);
            if best.is_none_or(|(known, _)| rank > known) {
                best = Some((rank, ifa.local));
            }
        }
    }
    best.map(|(_, addr)| addr)
}
