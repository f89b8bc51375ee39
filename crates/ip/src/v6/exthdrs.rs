//! IPv6 extension headers of packets received (`net/ipv6/exthdrs.c`).

use crate::IpNet;
use crate::packet::flag;
use net::{BhCx, DropReason, Skb, mib};
use std::sync::atomic::Ordering::Relaxed;
use uapi::{ICMPV6_HDR_FIELD, ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION};
use wire::Ipv6Hdr;
use wire::ipv6::ext::{
    IPV6_TLV_JUMBO, IPV6_TLV_PAD1, IPV6_TLV_PADN, IPV6_TLV_ROUTERALERT, NEXTHDR_HOP, RtHdr,
};

/// Reports a field that makes no sense, and why the packet goes no further.
pub(super) fn param_prob(cx: &BhCx<'_, '_>, skb: &Skb, code: u8, pointer: usize) -> DropReason {
    cx.inc(mib::Ip6::InHdrErrors);
    crate::icmp6::send(cx, skb, ICMPV6_PARAMPROB, code, pointer as u32);
    DropReason::Ipv6BadExthdr
}

fn bad(cx: &BhCx<'_, '_>) -> DropReason {
    cx.inc(mib::Ip6::InHdrErrors);
    DropReason::Ipv6BadExthdr
}

/// The length of the header `at` bytes behind the network header, which is made linear
/// (`pskb_may_pull`).
fn pulled(skb: &mut Skb, at: usize) -> Option<usize> {
    if !skb.may_pull(at + 8) {
        return None;
    }
    let len = (usize::from(*skb.linear().get(at + 1)?) + 1) * 8;
    skb.may_pull(at + len).then_some(len)
}

/// Hop-by-hop or destination options (`ipv6_parse_hopopts`, `ipv6_destopt_rcv`, `ip6_parse_tlv`).
/// Gives the header's length.
pub(super) fn options(cx: &BhCx<'_, '_>, skb: &mut Skb, at: usize, kind: u8) -> Result<usize, DropReason> {
    let Some(len) = pulled(skb, at) else { return Err(bad(cx)) };
    let sysctl = &IpNet::of(cx.net).sysctl;
    let (max_len, max_count) = match kind {
        NEXTHDR_HOP => (&sysctl.max_hbh_length, &sysctl.max_hbh_opts_number),
        _ => (&sysctl.max_dst_opts_length, &sysctl.max_dst_opts_number),
    };
    if len as u64 > u64::from(max_len.load(Relaxed).unsigned_abs()) {
        return Err(bad(cx));
    }
    // A negative limit also forbids what is not known.
    let max_count = max_count.load(Relaxed);
    let (mut place, end, mut count, mut padding) = (at + 2, at + len, 0u32, 0);
    while place < end {
        let bytes = &skb.linear()[place..end];
        let (option, option_len) = match *bytes {
            [IPV6_TLV_PAD1, ..] => {
                padding += 1;
                if padding > 7 {
                    return Err(bad(cx));
                }
                place += 1;
                continue;
            }
            [option, data, ..] => (option, usize::from(data) + 2),
            _ => return Err(bad(cx)),
        };
        let Some(data) = bytes.get(2..option_len) else { return Err(bad(cx)) };
        if option == IPV6_TLV_PADN {
            // RFC 4942: padding is short and zero, or it carries something.
            padding += option_len;
            if padding > 7 || data.iter().any(|&b| b != 0) {
                return Err(bad(cx));
            }
            place += option_len;
            continue;
        }
        padding = 0;
        count += 1;
        if count > max_count.unsigned_abs() {
            return Err(bad(cx));
        }
        match (kind, option) {
            (NEXTHDR_HOP, IPV6_TLV_ROUTERALERT) if data.len() == 2 => skb.ip_flags |= flag::ROUTER_ALERT,
            (NEXTHDR_HOP, IPV6_TLV_ROUTERALERT) => return Err(bad(cx)),
            (NEXTHDR_HOP, IPV6_TLV_JUMBO) => {
                let value = <[u8; 4]>::try_from(data).map(u32::from_be_bytes);
                jumbo(cx, skb, place, value.ok())?;
            }
            _ => unknown(cx, skb, option, place, max_count < 0)?,
        }
        place += option_len;
    }
    Ok(len)
}

/// A packet longer than its length field can say (`ipv6_hop_jumbo`, RFC 2675).
fn jumbo(cx: &BhCx<'_, '_>, skb: &mut Skb, at: usize, len: Option<u32>) -> Result<(), DropReason> {
    let Some(len) = len.filter(|_| at & 3 == 2) else { return Err(bad(cx)) };
    if len <= 0xffff {
        return Err(param_prob(cx, skb, ICMPV6_HDR_FIELD, at + 2));
    }
    if Ipv6Hdr::view(skb.linear()).is_some_and(|(hdr, _)| hdr.payload_len() != 0) {
        return Err(param_prob(cx, skb, ICMPV6_HDR_FIELD, at));
    }
    let whole = len as usize + Ipv6Hdr::LEN;
    if whole > skb.len() {
        cx.inc(mib::Ip6::InTruncatedPkts);
        return Err(DropReason::PktTooSmall);
    }
    skb.trim(cx, whole);
    Ok(())
}

/// An option that nobody knows: its two high bits say what to do (`ip6_tlvopt_unknown`).
fn unknown(cx: &BhCx<'_, '_>, skb: &Skb, option: u8, at: usize, strict: bool) -> Result<(), DropReason> {
    match option >> 6 {
        0 if strict => Err(bad(cx)),
        0 => Ok(()),
        1 => Err(bad(cx)),
        // Whether it went to a group is for the sender of the error to see.
        _ => Err(param_prob(cx, skb, ICMPV6_UNK_OPTION, at)),
    }
}

/// A routing header (`ipv6_rthdr_rcv`): this host is the end of the route, or refuses. Gives the
/// header's length.
pub(super) fn routing(cx: &BhCx<'_, '_>, skb: &mut Skb, at: usize) -> Result<usize, DropReason> {
    let Some(len) = pulled(skb, at) else { return Err(bad(cx)) };
    if crate::packet::addrs(skb).1.is_multicast() || skb.pkt_type != net::skb::PktType::Host {
        cx.inc(mib::Ip6::InAddrErrors);
        return Err(DropReason::IpInvalidSource);
    }
    let Some((hdr, _)) = skb.linear().get(at..).and_then(RtHdr::view) else { return Err(bad(cx)) };
    if hdr.segments_left() == 0 {
        return Ok(len);
    }
    // RFC 5095 took the old type away; others are for routers.
    Err(param_prob(cx, skb, ICMPV6_HDR_FIELD, at + 2))
}
