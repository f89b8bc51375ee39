//! Errors about packets that cannot be delivered (`__icmp_send`).

use super::{allow_global, allow_peer, out_count};
use crate::fib::RouteType;
use crate::packet::flag;
use crate::sysctl::IpSysctl;
use crate::v4::options::IpOptions;
use crate::{IpNet, addr, packet, route};
use net::dst::{Dst, Flow};
use net::skb::{PktType, SkBuff};
use net::{Cx, Skb};
use std::net::Ipv4Addr;
use uapi::{
    ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, IFF_LOOPBACK, IPPROTO_ICMP, InetAddr,
    NR_ICMP_TYPES,
};
use wire::{IcmpHdr, Ipv4Hdr, Ipv4Packet, Ipv4Repr};

/// An error is at most this long (RFC 1812).
const MAX_ERROR: usize = 576;
/// Errors go with the precedence of internetwork control.
const PREC_INTERNETCONTROL: u8 = 0xc0;

/// Sends an error about a packet whose network header is set. `info` is the MTU of "fragmentation
/// needed" or the pointer of a parameter problem. Nothing is sent about broadcasts, later fragments
/// and other errors, nor more than the limits allow.
#[cold]
pub fn send(cx: &Cx<'_>, about: &SkBuff, kind: u8, code: u8, info: u32) {
    let Ok(bad) = Ipv4Packet::parse_quoted(about.network()) else { return };
    let (peer, daddr) = (bad.hdr.saddr(), bad.hdr.daddr());
    if about.pkt_type != PktType::Host || bad.hdr.fragment_offset() != 0 {
        return;
    }
    let to = addr::inet_addr_type(cx.net, daddr.into());
    if matches!(to, RouteType::Broadcast | RouteType::Multicast) {
        return;
    }
    let is_error = wire::icmp::is_error(kind);
    if is_error && i32::from(bad.hdr.protocol()) == IPPROTO_ICMP {
        // What is not known is taken for an error.
        let inner = bad.payload.first().copied();
        if inner.is_none_or(|inner| inner > NR_ICMP_TYPES || wire::icmp::is_error(inner)) {
            return;
        }
    }
    let dev = cx.net.dev.by_index(about.iif);
    let by_loopback = dev.as_ref().is_none_or(|dev| dev.flags() & IFF_LOOPBACK != 0);
    if !by_loopback && !allow_global(cx, false, kind, code) {
        return;
    }
    let sysctl = &IpNet::of(cx.net).sysctl;
    let saddr = match &dev {
        _ if to == RouteType::Local => daddr.into(),
        Some(dev) if IpSysctl::is_on(&sysctl.icmp_errors_use_inbound_ifaddr) => {
            addr::v4::select(cx.net, dev, InetAddr::UNSPECIFIED_V4, crate::fib::Scope::Link)
        }
        _ => InetAddr::UNSPECIFIED_V4,
    };
    let tos = if is_error { bad.hdr.tos() & 0x1e | PREC_INTERNETCONTROL } else { bad.hdr.tos() };
    let mark = if IpSysctl::is_on(&sysctl.fwmark_reflect) { about.mark } else { 0 };
    let is_local = |addr: Ipv4Addr| addr::is_local(cx.net, addr.into());
    let options = super::reply::compiled(bad.options, &is_local).and_then(|o| o.echo(peer, &is_local));
    let hop = options.as_ref().and_then(IpOptions::first_hop).unwrap_or(peer);
    let flow = Flow { daddr: hop.into(), saddr, oif: 0, iif: 0, mark, tos: tos & 0x1c };
    let Ok(dst) = route::output(cx, &flow) else { return };
    let Some(from) = dst.src.as_v4() else { return };
    if !allow_peer(cx, false, kind, code, peer.into(), &dst.dev) {
        return;
    }
    let headers = Ipv4Hdr::LEN + options.as_ref().map_or(0, IpOptions::len) + IcmpHdr::LEN;
    let room = MAX_ERROR.min(dst.mtu() as usize).saturating_sub(headers);
    if room <= Ipv4Hdr::LEN {
        return;
    }
    let rest = match (kind, code) {
        (ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED) => (info & 0xffff).to_be_bytes(),
        (ICMP_PARAMETERPROB, _) => (info << 24).to_be_bytes(),
        _ => info.to_be_bytes(),
    };
    let mut message = [0; MAX_ERROR];
    let len = IcmpHdr::LEN + quote(about, &mut message[IcmpHdr::LEN..][..room]);
    wire::icmp::emit(&mut message[..len], kind, code, rest);
    let mut skb = cx.alloc_skb();
    skb.append(cx, &message[..len]);
    skb.may_pull(IcmpHdr::LEN);
    skb.mark = mark;
    xmit(cx, &dst, (from, peer), (tos, kind), options.as_ref(), skb);
}

/// Copies a packet from its network header on, as much as fits.
pub(crate) fn quote(about: &SkBuff, out: &mut [u8]) -> usize {
    let header = &about.network()[..packet::network_offset(about)];
    let n = header.len().min(out.len());
    out[..n].copy_from_slice(&header[..n]);
    n + about.copy_bits(0, &mut out[n..])
}

/// Sends a message of the kernel's own (`icmp_push_reply`): never with DF, fragmented when it must.
/// Data is at the ICMP header. `counted` is the type it is counted as.
pub(super) fn xmit(
    cx: &Cx<'_>,
    dst: &Dst,
    (saddr, daddr): (Ipv4Addr, Ipv4Addr),
    (tos, counted): (u8, u8),
    options: Option<&IpOptions>,
    mut skb: Skb,
) {
    out_count(cx, counted);
    skb.set_transport_header();
    skb.ip_flags |= flag::IGNORE_DF | flag::OURS;
    let built = options.map(|o| o.build(daddr, saddr, crate::output::ms_since_midnight(cx)));
    let bytes = match (&built, options) {
        (Some(built), Some(options)) => &built[..options.len()],
        _ => &[],
    };
    let repr = Ipv4Repr {
        tos,
        id: crate::output::select_id(cx, (saddr, daddr), IPPROTO_ICMP as u8, 1),
        frag_off: 0,
        ttl: crate::output::default_ttl(cx, dst),
        protocol: IPPROTO_ICMP as u8,
        src: saddr,
        dst: options.and_then(IpOptions::first_hop).unwrap_or(daddr),
        options: bytes,
        payload_len: skb.len(),
    };
    let len = repr.header_len();
    repr.emit(skb.push(len));
    // Whether it went out is nobody's business who could do something about it.
    let _ = crate::output::local_out(cx, dst, skb);
}
