//! Answers: echo and timestamp (`icmp_echo`, `icmp_timestamp`, `icmp_reply`).

use super::send::xmit;
use super::{allow_global, allow_peer, error};
use crate::sysctl::IpSysctl;
use crate::v4::options::IpOptions;
use crate::{IpNet, route};
use net::dst::Flow;
use net::skb::{IpSummed, PktType};
use net::{BhCx, DropReason, Skb};
use std::net::Ipv4Addr;
use uapi::{ICMP_ECHOREPLY, ICMP_TIMESTAMPREPLY, IFF_LOOPBACK, InetAddr};
use wire::{IcmpHdr, Ipv4Packet};

/// Answers an echo request with its own bytes; data is at the ICMP header.
pub(super) fn echo(cx: &BhCx<'_, '_>, mut skb: Skb) {
    // Only now is the sum of a packet that was never on a wire known to be wanted.
    let deferred = skb.ip_summed == IpSummed::Partial;
    if let Some((hdr, _)) = IcmpHdr::view_mut(skb.linear_mut()) {
        let check =
            wire::checksum::update16(hdr.check(), u16::from(hdr.kind()) << 8, u16::from(ICMP_ECHOREPLY) << 8);
        hdr.set_kind_code(ICMP_ECHOREPLY, 0);
        hdr.set_check(if deferred { 0 } else { check });
    }
    if deferred {
        let check = skb.checksum(0).fold();
        if let Some((hdr, _)) = IcmpHdr::view_mut(skb.linear_mut()) {
            hdr.set_check(check);
        }
    }
    reply(cx, skb, ICMP_ECHOREPLY);
}

/// Answers a timestamp request: when it came and when the answer goes, in milliseconds since
/// midnight.
pub(super) fn timestamp(cx: &BhCx<'_, '_>, mut skb: Skb) {
    if skb.len() < 12 || !skb.may_pull(20.min(skb.len())) {
        return error(cx, skb, DropReason::PktTooSmall);
    }
    let mut message = [0; 20];
    skb.copy_bits(0, &mut message[..12]);
    let now = crate::output::ms_since_midnight(cx).to_be_bytes();
    message[12..16].copy_from_slice(&now);
    message[16..20].copy_from_slice(&now);
    message[0] = ICMP_TIMESTAMPREPLY;
    message[1] = 0;
    wire::icmp::fill_check(&mut message);
    skb.trim(cx, 0);
    skb.append(cx, &message);
    reply(cx, skb, ICMP_TIMESTAMPREPLY);
}

/// Sends a message back to where its request came from (`icmp_reply`); data is at the ICMP header.
fn reply(cx: &BhCx<'_, '_>, mut skb: Skb, kind: u8) {
    let Ok(request) = Ipv4Packet::parse_quoted(skb.network()) else {
        return error(cx, skb, DropReason::PktTooSmall);
    };
    let (peer, daddr, tos) = (request.hdr.saddr(), request.hdr.daddr(), request.hdr.tos());
    let Some(dev) = cx.net.dev.by_index(skb.iif) else { return cx.drop_skb(skb, DropReason::DevReady) };
    let is_local = |addr: Ipv4Addr| crate::addr::is_local(cx.net, addr.into());
    let saddr = route::spec_dst(cx, &dev, peer, daddr, tos);
    let options = compiled(request.options, &is_local).and_then(|o| o.echo(peer, &is_local));
    if dev.flags() & IFF_LOOPBACK == 0 && !allow_global(cx, false, kind, 0) {
        return cx.drop_skb(skb, DropReason::NotSpecified);
    }
    let reflect = IpSysctl::is_on(&IpNet::of(cx.net).sysctl.fwmark_reflect);
    let mark = if reflect { skb.mark } else { 0 };
    let hop = options.as_ref().and_then(IpOptions::first_hop).unwrap_or(peer);
    let flow = Flow { daddr: hop.into(), saddr: saddr.into(), oif: 0, iif: 0, mark, tos: tos & 0x1c };
    let Ok(dst) = route::output(cx, &flow) else { return cx.drop_skb(skb, DropReason::IpOutNoRoutes) };
    if !allow_peer(cx, false, kind, 0, InetAddr::v4(peer), &dst.dev) {
        return cx.drop_skb(skb, DropReason::NotSpecified);
    }
    // The buffer goes back as what it never was: a packet of our own.
    skb.ip_flags = 0;
    skb.ip_opt = 0;
    skb.gso_size = 0;
    skb.gso_segs = 0;
    skb.pkt_type = PktType::Host;
    skb.ip_summed = IpSummed::None;
    skb.mark = mark;
    skb.tstamp = None;
    let from = dst.src.as_v4().unwrap_or(saddr);
    // Linux counts every answer as an echo reply: the type of the flow is never set for them.
    xmit(cx, &dst, (from, peer), (tos, ICMP_ECHOREPLY), options.as_ref(), skb);
}

/// The options of a packet that passed input.
pub(super) fn compiled(bytes: &[u8], is_local: &dyn Fn(Ipv4Addr) -> bool) -> Option<IpOptions> {
    if bytes.is_empty() {
        return None;
    }
    IpOptions::compile(bytes, crate::v4::options::Origin::Seen { is_local }).ok()
}
