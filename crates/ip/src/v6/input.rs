//! IPv6 input (`net/ipv6/ip6_input.c`): checks, the chain of headers, delivery to the protocols.

use super::exthdrs;
use crate::addr::{Conf6, IpDev};
use crate::packet::{self, flag};
use crate::protocol::Family;
use crate::{IpNet, frag, route};
use net::dst::{DstKind, Flow};
use net::skb::PktType;
use net::{BhCx, DropReason, Skb, mib};
use uapi::{Errno, ICMPV6_UNK_NEXTHDR, IFF_LOOPBACK, InetAddr};
use wire::Ipv6Hdr;
use wire::ipv6::ext::{
    FragHdr, NEXTHDR_DEST, NEXTHDR_FRAGMENT, NEXTHDR_HOP, NEXTHDR_NONE, NEXTHDR_ROUTING, is_ext_header,
};

/// Where the number of the first header stands in the IPv6 header.
const FIRST_NHOFF: usize = 6;

/// Receives a packet whose data is at the network header (`ipv6_rcv`).
pub(crate) fn rcv(cx: &BhCx<'_, '_>, mut skb: Skb) {
    if skb.pkt_type == PktType::OtherHost {
        return cx.drop_skb(skb, DropReason::OtherHost);
    }
    cx.inc(mib::Ip6::InReceives);
    cx.add(mib::Ip6::InOctets, skb.len() as u64);
    const KNOWN: u16 = flag::LOCAL | flag::OURS;
    if skb.ip_flags & (KNOWN | flag::LOOPED) == KNOWN
        && let Some((hdr, _)) = Ipv6Hdr::view(skb.linear())
    {
        // It never left: the header is ours and the route said that it ends here.
        let (next, ecn) = (hdr.next_header(), hdr.ecn());
        if !is_ext_header(next) {
            count_ecn(cx, &skb, ecn);
            return upper(cx, skb, next, Ipv6Hdr::LEN, FIRST_NHOFF);
        }
    }
    // Other notes are the sender's.
    skb.ip_flags &= flag::LOCAL | flag::LOOPED;
    match check(cx, &mut skb) {
        Ok(()) if skb.ip_flags & flag::LOCAL != 0 => input(cx, skb),
        Ok(()) => rcv_finish(cx, skb),
        Err((reason, counter)) => {
            if let Some(counter) = counter {
                cx.inc(counter);
            }
            cx.drop_skb(skb, reason);
        }
    }
}

#[inline]
fn count_ecn(cx: &BhCx<'_, '_>, skb: &Skb, ecn: u8) {
    const BY_BITS: [mib::Ip6; 4] =
        [mib::Ip6::InNoECTPkts, mib::Ip6::InECT1Pkts, mib::Ip6::InECT0Pkts, mib::Ip6::InCEPkts];
    cx.add(BY_BITS[usize::from(ecn & 3)], u64::from(skb.gso_segs.max(1)));
}

type Refused = (DropReason, Option<mib::Ip6>);

/// The header's checks in Linux's order (`ip6_rcv_core`); trims what is behind the packet.
fn check(cx: &BhCx<'_, '_>, skb: &mut Skb) -> Result<(), Refused> {
    const HDR: Option<mib::Ip6> = Some(mib::Ip6::InHdrErrors);
    let dev = cx.net.dev.by_index(skb.iif).ok_or((DropReason::DevReady, None))?;
    let loopback = dev.flags() & IFF_LOOPBACK != 0;
    let Some(ipdev) = IpDev::get(&dev).filter(|d| d.conf6.get6(Conf6::DisableIpv6) == 0) else {
        return Err((DropReason::Ipv6Disabled, Some(mib::Ip6::InDiscards)));
    };
    if !skb.may_pull(Ipv6Hdr::LEN) {
        return Err((DropReason::IpInHdr, HDR));
    }
    let (hdr, _) = Ipv6Hdr::view(skb.linear()).ok_or((DropReason::IpInHdr, HDR))?;
    if hdr.version() != 6 {
        return Err((DropReason::UnhandledProto, HDR));
    }
    count_ecn(cx, skb, hdr.ecn());
    let (saddr, daddr) = (hdr.saddr(), hdr.daddr());
    if !loopback && (saddr.is_loopback() || daddr.is_loopback()) {
        return Err((DropReason::IpInvalidSource, HDR));
    }
    if daddr.is_multicast() {
        // RFC 4291: nothing is sent to reserved scope 0, and scope 1 does not leave its interface.
        let scope = daddr.octets()[1] & 0xf;
        let inside = loopback || skb.pkt_type == PktType::Loopback;
        if scope == 0 || scope == 1 && !inside {
            return Err((DropReason::IpInvalidSource, HDR));
        }
    } else if matches!(skb.pkt_type, PktType::Broadcast | PktType::Multicast)
        && ipdev.conf6.get6(Conf6::DropUnicastInL2Multicast) != 0
    {
        return Err((DropReason::UnicastInL2Multicast, HDR));
    }
    if saddr.is_multicast() {
        return Err((DropReason::IpInvalidSource, HDR));
    }
    let (next, payload_len) = (hdr.next_header(), usize::from(hdr.payload_len()));
    if payload_len != 0 || next != NEXTHDR_HOP {
        let whole = payload_len + Ipv6Hdr::LEN;
        if whole > skb.len() {
            return Err((DropReason::PktTooSmall, Some(mib::Ip6::InTruncatedPkts)));
        }
        skb.trim(cx, whole);
    }
    if next == NEXTHDR_HOP {
        exthdrs::options(cx, skb, Ipv6Hdr::LEN, NEXTHDR_HOP).map_err(|reason| (reason, None))?;
    }
    Ok(())
}

/// Routes a packet that came in (`ip6_rcv_finish`).
fn rcv_finish(cx: &BhCx<'_, '_>, mut skb: Skb) {
    let (saddr, daddr) = packet::addrs(&skb);
    // What would be IPv4 to our tables is no IPv6 address of ours.
    if daddr.is_v4() {
        cx.inc(mib::Ip6::InAddrErrors);
        return cx.drop_skb(skb, DropReason::IpInNoRoutes);
    }
    let Some(dev) = cx.net.dev.by_index(skb.iif) else { return cx.drop_skb(skb, DropReason::DevReady) };
    let flow = Flow { daddr, saddr, oif: 0, iif: skb.iif, mark: 0, tos: packet::tos(&skb) };
    match route::input(cx, &flow, &dev) {
        Ok(dst) => {
            if dst.kind == DstKind::Multicast {
                skb.ip_flags |= flag::GROUP;
            }
            input(cx, skb);
        }
        Err(errno) => no_route(cx, skb, errno),
    }
}

/// Nowhere to go: who knows no route says so, who knows one but forwards nothing is silent
/// (`ip6_pkt_drop`, `ip6_forward`).
#[cold]
fn no_route(cx: &BhCx<'_, '_>, skb: Skb, errno: Errno) {
    let code = match errno {
        Errno::ENETUNREACH => Some(uapi::ICMPV6_NOROUTE),
        Errno::EACCES => Some(uapi::ICMPV6_ADM_PROHIBITED),
        _ => None,
    };
    match code {
        Some(code) => {
            cx.inc(mib::Ip6::InNoRoutes);
            crate::icmp6::send(cx, &skb, uapi::ICMPV6_DEST_UNREACH, code, 0);
        }
        None if errno == Errno::EHOSTUNREACH => cx.inc(mib::Ip6::InAddrErrors),
        None => {}
    }
    cx.drop_skb(skb, DropReason::IpInNoRoutes);
}

/// For this host (`ip6_input`): walks the header chain from where it begins.
fn input(cx: &BhCx<'_, '_>, mut skb: Skb) {
    let Some((hdr, _)) = Ipv6Hdr::view(skb.linear()) else { return cx.drop_skb(skb, DropReason::IpInHdr) };
    let mut next = hdr.next_header();
    if InetAddr::v6(hdr.daddr()).is_multicast() {
        skb.ip_flags |= flag::GROUP;
        let len = skb.len() as u64;
        cx.inc(mib::Ip6::InMcastPkts);
        cx.add(mib::Ip6::InMcastOctets, len);
    }
    let (mut at, mut nhoff) = (Ipv6Hdr::LEN, FIRST_NHOFF);
    loop {
        let len = match next {
            // Its options were read on arrival; anywhere but first it is nothing known.
            NEXTHDR_HOP if at == Ipv6Hdr::LEN => match skb.linear().get(at + 1) {
                Some(&len) => Ok((usize::from(len) + 1) * 8),
                None => Err(DropReason::HdrTrunc),
            },
            NEXTHDR_DEST => exthdrs::options(cx, &mut skb, at, NEXTHDR_DEST),
            NEXTHDR_ROUTING => exthdrs::routing(cx, &mut skb, at),
            NEXTHDR_FRAGMENT => match fragment(cx, skb, at, nhoff) {
                Some((whole, len)) => {
                    skb = whole;
                    if len == 0 {
                        // Reassembled: its number is where the fragment header's was.
                        next = skb.linear().get(nhoff).copied().unwrap_or(NEXTHDR_NONE);
                        continue;
                    }
                    Ok(len)
                }
                None => return,
            },
            // No data: what there is, is for nobody.
            NEXTHDR_NONE => return cx.consume_skb(skb),
            _ => return upper(cx, skb, next, at, nhoff),
        };
        let len = match len {
            Ok(len) => len,
            Err(reason) => return cx.drop_skb(skb, reason),
        };
        let Some(&number) = skb.linear().get(at) else { return cx.drop_skb(skb, DropReason::HdrTrunc) };
        (nhoff, next) = (at, number);
        at += len;
    }
}

/// A fragment header (`ipv6_frag_rcv`). Gives the packet and the header's length, 0 when the header
/// is gone because the packet was put together; nothing while it waits.
fn fragment(cx: &BhCx<'_, '_>, mut skb: Skb, at: usize, nhoff: usize) -> Option<(Skb, usize)> {
    if !skb.may_pull(at + FragHdr::LEN) {
        cx.inc(mib::Ip6::InHdrErrors);
        cx.drop_skb(skb, DropReason::HdrTrunc);
        return None;
    }
    let (frag, _) = skb.linear().get(at..).and_then(FragHdr::view)?;
    if frag.frag_off() & !6 == 0 {
        // The whole packet in one fragment (RFC 6946).
        cx.inc(mib::Ip6::ReasmReqds);
        cx.inc(mib::Ip6::ReasmOKs);
        skb.ip_flags |= flag::DEFRAGMENTED;
        return Some((skb, FragHdr::LEN));
    }
    if frag.offset() == 0 && !whole_chain(&skb, frag.next_header(), at + FragHdr::LEN) {
        // RFC 8200: the first one holds all headers, the upper one's included.
        exthdrs::param_prob(cx, &skb, uapi::ICMPV6_HDR_INCOMP, 0);
        cx.drop_skb(skb, DropReason::Ipv6BadExthdr);
        return None;
    }
    let mut whole = frag::v6::defrag(cx, skb, at, nhoff)?;
    whole.may_pull(Ipv6Hdr::LEN);
    Some((whole, 0))
}

/// True when the headers behind a first fragment header end with an upper one inside the packet
/// (`ipv6frag_thdr_truncated` is the contrary).
fn whole_chain(skb: &Skb, next: u8, at: usize) -> bool {
    let mut rest = [0; 256];
    let n = skb.copy_bits(at, &mut rest);
    let least = |next: u8| match i32::from(next) {
        uapi::IPPROTO_TCP => 20,
        uapi::IPPROTO_UDP | uapi::IPPROTO_ICMPV6 => 8,
        _ => 1,
    };
    match wire::ipv6::ext::skip(next, &rest[..n]) {
        Ok(found) => found.next == NEXTHDR_NONE || n >= found.offset + least(found.next),
        Err(_) => false,
    }
}

/// Gives a packet to raw sockets and to its protocol (`ip6_protocol_deliver_rcu`).
#[inline]
fn upper(cx: &BhCx<'_, '_>, mut skb: Skb, next: u8, at: usize, nhoff: usize) {
    if !skb.may_pull(at) || !skb.pull(at) {
        cx.inc(mib::Ip6::InHdrErrors);
        return cx.drop_skb(skb, DropReason::HdrTrunc);
    }
    skb.set_transport_header();
    skb.ip_opt = nhoff as u16;
    let protocols = &IpNet::of(cx.net).protocols;
    let raw = protocols.raw6.get().is_some_and(|raw| raw(cx, &skb, next));
    match protocols.get(Family::V6, next) {
        Some(known) => {
            cx.inc(mib::Ip6::InDelivers);
            (known.handler)(cx, skb);
        }
        None if raw => {
            cx.inc(mib::Ip6::InDelivers);
            cx.consume_skb(skb);
        }
        None => {
            cx.inc(mib::Ip6::InUnknownProtos);
            crate::icmp6::send(cx, &skb, uapi::ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, nhoff as u32);
            cx.drop_skb(skb, DropReason::IpNoProto);
        }
    }
}
