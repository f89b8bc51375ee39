//! IPv4 input (`net/ipv4/ip_input.c`): checks, options, reassembly, delivery to the protocols.

use super::options::{IpOptions, Origin};
use crate::addr::{Conf4, IpDev, is_local};
use crate::packet::flag;
use crate::protocol::Family;
use crate::{IpNet, route};
use net::dst::{DstKind, Flow};
use net::skb::PktType;
use net::{BhCx, DropReason, Skb, mib};
use std::net::Ipv4Addr;
use std::sync::Arc;
use uapi::Errno;
use wire::{Ipv4Hdr, Wsum};

/// Receives a packet whose data is at the network header (`ip_rcv`).
pub(crate) fn rcv(cx: &BhCx<'_, '_>, mut skb: Skb) {
    if skb.pkt_type == PktType::OtherHost {
        return cx.drop_skb(skb, DropReason::OtherHost);
    }
    let len = skb.len();
    cx.inc(mib::Ip::InReceives);
    cx.add(mib::IpExt::InOctets, len as u64);
    const KNOWN: u16 = flag::LOCAL | flag::OURS;
    if skb.ip_flags & KNOWN == KNOWN {
        // It never left: the header is ours and the route said that it ends here.
        if let Some((hdr, _)) = Ipv4Hdr::view(skb.linear()) {
            let (header_len, ecn) = (hdr.header_len(), hdr.ecn());
            count_ecn(cx, &skb, ecn);
            return rcv_local(cx, skb, header_len);
        }
    }
    // Other notes are the sender's.
    skb.ip_flags &= flag::LOCAL | flag::LOOPED;
    let header_len = match check(cx, &mut skb) {
        Ok(header_len) => header_len,
        Err(reason) => {
            match reason {
                DropReason::IpCsum => {
                    cx.inc(mib::IpExt::InCsumErrors);
                    cx.inc(mib::Ip::InHdrErrors);
                }
                DropReason::PktTooSmall => cx.inc(mib::IpExt::InTruncatedPkts),
                _ => cx.inc(mib::Ip::InHdrErrors),
            }
            return cx.drop_skb(skb, reason);
        }
    };
    match skb.ip_flags & flag::LOCAL {
        0 => rcv_finish(cx, skb, header_len),
        _ => rcv_local(cx, skb, header_len),
    }
}

/// The header's checks in Linux's order (`ip_rcv_core`); trims what is behind the packet. Gives the
/// header's length.
fn check(cx: &BhCx<'_, '_>, skb: &mut Skb) -> Result<usize, DropReason> {
    if !skb.may_pull(Ipv4Hdr::LEN) {
        return Err(DropReason::IpInHdr);
    }
    let (hdr, _) = Ipv4Hdr::view(skb.linear()).ok_or(DropReason::IpInHdr)?;
    let (version, header_len, tot_len) = (hdr.version(), hdr.header_len(), usize::from(hdr.tot_len()));
    if header_len < Ipv4Hdr::LEN || version != 4 {
        return Err(DropReason::IpInHdr);
    }
    count_ecn(cx, skb, hdr.ecn());
    if !skb.may_pull(header_len) {
        return Err(DropReason::IpInHdr);
    }
    let header = skb.linear().get(..header_len).ok_or(DropReason::IpInHdr)?;
    if !Wsum::of(header).is_valid() {
        return Err(DropReason::IpCsum);
    }
    if skb.len() < tot_len {
        return Err(DropReason::PktTooSmall);
    }
    if tot_len < header_len {
        return Err(DropReason::IpInHdr);
    }
    if skb.len() > tot_len {
        skb.trim(cx, tot_len);
    }
    Ok(header_len)
}

#[inline]
fn count_ecn(cx: &BhCx<'_, '_>, skb: &Skb, ecn: u8) {
    const BY_BITS: [mib::IpExt; 4] =
        [mib::IpExt::InNoECTPkts, mib::IpExt::InECT1Pkts, mib::IpExt::InECT0Pkts, mib::IpExt::InCEPkts];
    cx.add(BY_BITS[usize::from(ecn & 3)], u64::from(skb.gso_segs.max(1)));
}

/// A packet that this host sent to itself, its header known to be right.
#[inline(always)]
fn rcv_local(cx: &BhCx<'_, '_>, mut skb: Skb, header_len: usize) {
    let Some((hdr, _)) = Ipv4Hdr::view(skb.linear()) else {
        return cx.drop_skb(skb, DropReason::IpInHdr);
    };
    if header_len == Ipv4Hdr::LEN && !hdr.is_fragment() && skb.ip_flags & flag::LOOPED == 0 {
        return deliver_finish(cx, skb, header_len);
    }
    let multicast = hdr.daddr().is_multicast();
    skb.ip_flags &= flag::LOCAL | flag::LOOPED;
    if skb.ip_flags & flag::LOOPED != 0 {
        skb.ip_flags |= flag::GROUP;
        count_kind(cx, &skb, if multicast { DstKind::Multicast } else { DstKind::Broadcast });
    }
    if header_len > Ipv4Hdr::LEN
        && let Err(reason) = options(cx, &mut skb, header_len)
    {
        return cx.drop_skb(skb, reason);
    }
    local_deliver(cx, skb, header_len);
}

fn count_kind(cx: &BhCx<'_, '_>, skb: &Skb, kind: DstKind) {
    let (pkts, octets) = match kind {
        DstKind::Multicast => (mib::IpExt::InMcastPkts, mib::IpExt::InMcastOctets),
        DstKind::Broadcast => (mib::IpExt::InBcastPkts, mib::IpExt::InBcastOctets),
        _ => return,
    };
    cx.inc(pkts);
    cx.add(octets, skb.len() as u64);
}

/// Routes a packet that came in (`ip_rcv_finish`).
fn rcv_finish(cx: &BhCx<'_, '_>, mut skb: Skb, header_len: usize) {
    let Some((hdr, _)) = Ipv4Hdr::view(skb.linear()) else { return cx.drop_skb(skb, DropReason::IpInHdr) };
    let flow = Flow {
        daddr: hdr.daddr().into(),
        saddr: hdr.saddr().into(),
        oif: 0,
        iif: skb.iif,
        mark: 0,
        tos: hdr.tos() & 0x1c,
    };
    let Some(dev) = device(cx, skb.iif) else { return cx.drop_skb(skb, DropReason::DevReady) };
    if !skb.mac_header().is_empty() && is_forged(cx, &flow, &dev) {
        return no_route(cx, skb, Errno::EINVAL);
    }
    let kind = match route::input(cx, &flow, &dev) {
        Ok(dst) => dst.kind,
        Err(errno) => return no_route(cx, skb, errno),
    };
    if header_len > Ipv4Hdr::LEN
        && let Err(reason) = options(cx, &mut skb, header_len)
    {
        return cx.drop_skb(skb, reason);
    }
    count_kind(cx, &skb, kind);
    if matches!(kind, DstKind::Broadcast | DstKind::Multicast) {
        skb.ip_flags |= flag::GROUP;
    }
    let l2_group = matches!(skb.pkt_type, PktType::Broadcast | PktType::Multicast);
    if kind == DstKind::Local && l2_group {
        // RFC 1122 3.3.6: what went to all on the link must say so in its address too.
        let strict = IpDev::get(&dev).is_some_and(|d| d.conf4.or(cx.net, Conf4::DropUnicastInL2Multicast));
        if strict {
            return cx.drop_skb(skb, DropReason::UnicastInL2Multicast);
        }
    }
    local_deliver(cx, skb, header_len);
}

/// A packet that somebody put on a loopback device by hand claims to come from this host. Those that were routed there are
/// not asked: Linux knows them by the route that they carry.
#[cold]
fn is_forged(cx: &BhCx<'_, '_>, flow: &Flow, dev: &net::NetDevice) -> bool {
    let allowed = |conf| IpDev::get(dev).is_some_and(|d| d.conf4.or(cx.net, conf));
    dev.features.loopback
        && ((flow.daddr.is_loopback() || flow.saddr.is_loopback()) && !allowed(Conf4::RouteLocalnet)
            || is_local(cx.net, flow.saddr) && !allowed(Conf4::AcceptLocal))
}

fn device(cx: &BhCx<'_, '_>, iif: u32) -> Option<Arc<net::NetDevice>> {
    cx.net.dev.by_index(iif)
}

/// Nowhere to go (`ip_rcv_finish_core`, `ip_error`).
#[cold]
fn no_route(cx: &BhCx<'_, '_>, skb: Skb, errno: Errno) {
    let reason = match errno {
        Errno::EXDEV => DropReason::IpRpFilter,
        Errno::EHOSTUNREACH => {
            // For somebody else, and this host forwards nothing.
            cx.inc(mib::Ip::InAddrErrors);
            DropReason::IpInNoRoutes
        }
        _ => DropReason::IpInvalidSource,
    };
    cx.drop_skb(skb, reason);
}

/// Reads the options, fills in what they ask for and answers what is wrong (`ip_rcv_options`).
#[cold]
fn options(cx: &BhCx<'_, '_>, skb: &mut Skb, header_len: usize) -> Result<(), DropReason> {
    let (hdr, rest) = Ipv4Hdr::view(skb.linear()).ok_or(DropReason::IpInHdr)?;
    let (saddr, daddr, tos) = (hdr.saddr(), hdr.daddr(), hdr.tos());
    let bytes = rest.get(..header_len - Ipv4Hdr::LEN).ok_or(DropReason::IpInHdr)?;
    let dev = device(cx, skb.iif).ok_or(DropReason::DevReady)?;
    let is_local = |addr: Ipv4Addr| crate::addr::is_local(cx.net, addr.into());
    let origin = Origin::Packet {
        spec_dst: route::spec_dst(cx, &dev, saddr, daddr, tos),
        ms: crate::output::ms_since_midnight(cx),
        is_local: &is_local,
    };
    let compiled = match IpOptions::compile(bytes, origin) {
        Ok(compiled) => compiled,
        Err(pointer) => {
            cx.inc(mib::Ip::InHdrErrors);
            let at = (Ipv4Hdr::LEN + pointer) as u32;
            crate::icmp::send(cx, skb, uapi::ICMP_PARAMETERPROB, 0, at);
            return Err(DropReason::IpInHdr);
        }
    };
    if compiled.has_source_route() {
        let accept = IpDev::get(&dev).is_some_and(|d| d.conf4.and(cx.net, Conf4::AcceptSourceRoute));
        // A host is the end of the route or no part of it.
        if !accept || compiled.source_route_pending() {
            return Err(DropReason::IpInHdr);
        }
    }
    if compiled.router_alert() {
        skb.ip_flags |= flag::ROUTER_ALERT;
    }
    skb.ip_opt = compiled.len() as u16;
    // The checksum stays as it came, as on Linux: only who forwards makes it right again.
    if compiled.is_changed()
        && let Some(room) = skb.linear_mut().get_mut(Ipv4Hdr::LEN..header_len)
    {
        room.copy_from_slice(compiled.bytes());
    }
    Ok(())
}

/// For this host: reassembles, and hands on (`ip_local_deliver`).
fn local_deliver(cx: &BhCx<'_, '_>, skb: Skb, header_len: usize) {
    let fragment = Ipv4Hdr::view(skb.linear()).is_some_and(|(hdr, _)| hdr.is_fragment());
    if !fragment {
        return deliver_finish(cx, skb, header_len);
    }
    if let Some(whole) = crate::frag::v4::defrag(cx, skb) {
        let header_len = Ipv4Hdr::view(whole.linear()).map_or(Ipv4Hdr::LEN, |(hdr, _)| hdr.header_len());
        deliver_finish(cx, whole, header_len);
    }
}

/// Gives a packet to raw sockets and to its protocol (`ip_local_deliver_finish`).
#[inline]
fn deliver_finish(cx: &BhCx<'_, '_>, mut skb: Skb, header_len: usize) {
    let Some((hdr, _)) = Ipv4Hdr::view(skb.linear()) else { return cx.drop_skb(skb, DropReason::IpInHdr) };
    let protocol = hdr.protocol();
    if !skb.pull(header_len) {
        return cx.drop_skb(skb, DropReason::IpInHdr);
    }
    skb.set_transport_header();
    let protocols = &IpNet::of(cx.net).protocols;
    let raw = protocols.raw.get().is_some_and(|raw| raw(cx, &skb, protocol));
    match protocols.get(Family::V4, protocol) {
        Some(upper) => {
            cx.inc(mib::Ip::InDelivers);
            (upper.handler)(cx, skb);
        }
        None if raw => {
            cx.inc(mib::Ip::InDelivers);
            cx.consume_skb(skb);
        }
        None => {
            cx.inc(mib::Ip::InUnknownProtos);
            crate::icmp::send(cx, &skb, uapi::ICMP_DEST_UNREACH, uapi::ICMP_PROT_UNREACH, 0);
            cx.drop_skb(skb, DropReason::IpNoProto);
        }
    }
}
