//! Reading the IP header of a packet that came in, whichever version it has.

use net::skb::SkBuff;
use uapi::InetAddr;
use wire::{Ipv4Hdr, Ipv6Hdr};

/// Notes on a packet (`IPCB(skb)->flags`, `IP6CB(skb)->flags`), in [`SkBuff::ip_flags`].
pub mod flag {
    /// Its route is known to end on this host: loopback reception needs no lookup.
    pub const LOCAL: u16 = 1;
    /// It may be fragmented whatever its DF bit says (`skb->ignore_df`).
    pub const IGNORE_DF: u16 = 1 << 1;
    /// It goes by the device's MTU, not the path's (`ip_sk_use_pmtu` is false).
    pub const DEV_MTU: u16 = 1 << 2;
    /// It was reassembled (`IPSKB_FRAG_COMPLETE`, `IP6SKB_FRAGMENTED`).
    pub const DEFRAGMENTED: u16 = 1 << 3;
    /// It carries the router alert option (`opt.router_alert`, `IP6SKB_ROUTERALERT`).
    pub const ROUTER_ALERT: u16 = 1 << 4;
    /// It is forwarded (`IPSKB_FORWARDED`).
    pub const FORWARDED: u16 = 1 << 5;
    /// It may carry no copy back to this host (`IP_MULTICAST_LOOP` off).
    pub const NO_MC_LOOP: u16 = 1 << 6;
    /// It is a copy that multicast output looped back; it is not looped back again.
    pub const LOOPED: u16 = 1 << 7;
    /// It was delivered by a broadcast or multicast route (`RTCF_BROADCAST | RTCF_MULTICAST`).
    pub const GROUP: u16 = 1 << 8;
    /// This stack wrote its IP header: loopback reception need not check it. Not so for headers that
    /// programs write (`IP_HDRINCL`).
    pub const OURS: u16 = 1 << 9;
    /// Its receiver wanted `IP_PKTINFO` or its IPv6 form when it was queued (`PKTINFO_SKB_CB`).
    pub const PKTINFO: u16 = 1 << 10;
}

/// True for an IPv6 packet; the network header is set.
#[inline]
pub fn is_v6(skb: &SkBuff) -> bool {
    skb.network().first().is_some_and(|byte| byte >> 4 == 6)
}

/// Source and destination of a packet whose network header is set. For packets that passed input's
/// checks; what is no IP header gives unspecified addresses.
#[inline]
pub fn addrs(skb: &SkBuff) -> (InetAddr, InetAddr) {
    let header = skb.network();
    if is_v6(skb) {
        match Ipv6Hdr::view(header) {
            Some((h, _)) => (h.saddr().into(), h.daddr().into()),
            None => (InetAddr::UNSPECIFIED_V6, InetAddr::UNSPECIFIED_V6),
        }
    } else {
        match Ipv4Hdr::view(header) {
            Some((h, _)) => (h.saddr().into(), h.daddr().into()),
            None => (InetAddr::UNSPECIFIED_V4, InetAddr::UNSPECIFIED_V4),
        }
    }
}

/// Time to live or hop limit.
#[inline]
pub fn ttl(skb: &SkBuff) -> u8 {
    let at = if is_v6(skb) { 7 } else { 8 };
    skb.network().get(at).copied().unwrap_or(0)
}

/// Type of service or traffic class (`ip_hdr(skb)->tos`, `ipv6_get_dsfield`).
#[inline]
pub fn tos(skb: &SkBuff) -> u8 {
    match *skb.network() {
        [a, b, ..] if a >> 4 == 6 => a << 4 | b >> 4,
        [_, tos, ..] => tos,
        _ => 0,
    }
}

/// The two bits of congestion notification.
#[inline(always)]
pub fn ecn(skb: &SkBuff) -> u8 {
    match *skb.network() {
        // In IPv6 they lie four bits higher; bit 5 of the first byte tells it from IPv4.
        [a, b, ..] => b >> (a >> 3 & 4) & 3,
        _ => 0,
    }
}

/// Marks congestion experienced (`INET_ECN_set_ce`); false when the packet is not ECN capable.
pub fn set_ce(skb: &mut SkBuff) -> bool {
    if is_v6(skb) {
        Ipv6Hdr::view_mut(skb.network_mut()).is_some_and(|(h, _)| h.set_ce())
    } else {
        Ipv4Hdr::view_mut(skb.network_mut()).is_some_and(|(h, _)| h.set_ce())
    }
}

/// True for a packet that came to all on a link or to a group, not to this host alone
/// (`rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)`).
#[inline]
pub fn is_group(skb: &SkBuff) -> bool {
    skb.ip_flags & flag::GROUP != 0
}

/// How far data lies behind the network header.
#[inline]
pub(crate) fn network_offset(skb: &SkBuff) -> usize {
    skb.network().len() - skb.linear_len()
}

/// The sum of the pseudo-header of a packet's transport `len` bytes; what a checksum begins with.
#[inline]
pub fn pseudo_header(saddr: InetAddr, daddr: InetAddr, protocol: u8, len: u32) -> wire::Wsum {
    match (saddr.as_v4(), daddr.as_v4()) {
        (Some(s), Some(d)) => wire::checksum::pseudo_v4(s, d, protocol, len),
        _ => wire::checksum::pseudo_v6(saddr.as_v6(), daddr.as_v6(), protocol, len),
    }
}
