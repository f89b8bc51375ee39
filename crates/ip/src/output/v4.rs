//! IPv4 headers (`__ip_queue_xmit`, `__ip_make_skb`).

use super::{Datagram, local_out, note, note_datagram};
use crate::IpNet;
use crate::packet::flag;
use crate::sock::InetSock;
use crate::v4::options::IpOptions;
use net::dst::{Dst, DstKind};
use net::sock::SockCommon;
use net::{Cx, DropReason, Skb};
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{Errno, Result};
use wire::ipv4::IP_DF;
use wire::{Ipv4Hdr, Ipv4Repr};

/// DF is set (`ip_dont_fragment`).
#[inline]
fn dont_fragment(pmtudisc: u8, dst: &Dst) -> bool {
    match i32::from(pmtudisc) {
        uapi::IP_PMTUDISC_DO => true,
        uapi::IP_PMTUDISC_WANT => !dst.metrics.mtu_locked,
        _ => false,
    }
}

/// Multicast comes back: the option of the socket's family, whatever it sends (`sk_mc_loop`).
#[inline]
fn mc_loop(inet: &InetSock) -> bool {
    if inet.is_inet6() { inet.v6.mc_loop } else { inet.mc_loop }
}

/// Time to live of packets to one host (`ip_select_ttl`).
#[inline]
fn unicast_ttl(cx: &Cx<'_>, uc_ttl: i16, dst: &Dst) -> u8 {
    match uc_ttl {
        0.. => uc_ttl as u8,
        _ => default_ttl(cx, dst),
    }
}

/// Time to live where nobody says (`ip4_dst_hoplimit`).
#[inline]
pub(crate) fn default_ttl(cx: &Cx<'_>, dst: &Dst) -> u8 {
    match dst.metrics.hoplimit {
        0 => IpNet::of(cx.net).sysctl.ip_default_ttl.load(Relaxed) as u8,
        hops => hops as u8,
    }
}

/// The destination in the header, and the options, which a source route makes another.
pub fn with_options<'b>(
    cx: &Cx<'_>,
    options: Option<&IpOptions>,
    (saddr, daddr): (Ipv4Addr, Ipv4Addr),
    buf: &'b mut [u8; 40],
) -> (Ipv4Addr, &'b [u8]) {
    let Some(options) = options.filter(|options| !options.is_empty()) else { return (daddr, &[]) };
    *buf = options.build(daddr, saddr, super::ms_since_midnight(cx));
    (options.first_hop().unwrap_or(daddr), &buf[..options.len()])
}

/// Writes the header in front of the data.
#[inline(always)]
fn push(skb: &mut Skb, mut repr: Ipv4Repr<'_>) {
    repr.payload_len = skb.len();
    skb.ip_flags |= flag::OURS;
    let len = repr.header_len();
    let room = skb.push(len);
    match room.first_chunk_mut() {
        Some(room) if len == Ipv4Hdr::LEN => *room = plain(&repr),
        _ => {
            repr.emit(room);
        }
    }
}

/// A header without options. The checksum is summed from the fields, not from the bytes: reading
/// back what was just written in smaller pieces stalls the processor.
#[inline]
fn plain(repr: &Ipv4Repr<'_>) -> [u8; Ipv4Hdr::LEN] {
    let tot_len = (repr.payload_len + Ipv4Hdr::LEN) as u16;
    let first = 0x45 << 56
        | u64::from(repr.tos) << 48
        | u64::from(tot_len) << 32
        | u64::from(repr.id) << 16
        | u64::from(repr.frag_off);
    let hops = u64::from(repr.ttl) << 8 | u64::from(repr.protocol);
    let (src, dst) = (u64::from(repr.src.to_bits()), u64::from(repr.dst.to_bits()));
    // 32 bits at a time: the carries are folded in at the end (RFC 1071 section 2).
    let sum = (first >> 32) + (first & 0xffff_ffff) + hops + src + dst;
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let second = hops << 48 | (!sum & 0xffff) << 32 | src;
    let mut bytes = [0; Ipv4Hdr::LEN];
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    bytes[8..16].copy_from_slice(&second.to_be_bytes());
    bytes[16..].copy_from_slice(&repr.dst.octets());
    bytes
}

pub(super) fn queue_xmit(cx: &Cx<'_>, sk: &SockCommon, inet: &mut InetSock, mut skb: Skb) -> Result<()> {
    let (Some(dst), Some(saddr), Some(daddr)) = (&inet.dst, inet.saddr.as_v4(), inet.daddr.as_v4()) else {
        cx.drop_skb(skb, DropReason::IpOutNoRoutes);
        return Err(Errno::EHOSTUNREACH);
    };
    skb.set_transport_header();
    note(&mut skb, inet.pmtudisc, mc_loop(inet));
    // A connection's own counter: no other flow can be counted by it.
    let id = inet.id;
    inet.id = id.wrapping_add(skb.gso_segs.max(1));
    let mut buf = [0; 40];
    let (hop, options) = with_options(cx, inet.options.as_deref(), (saddr, daddr), &mut buf);
    let frag_off = if dont_fragment(inet.pmtudisc, dst) { IP_DF } else { 0 };
    let repr = Ipv4Repr {
        tos: inet.tos,
        id,
        frag_off,
        ttl: unicast_ttl(cx, inet.uc_ttl, dst),
        protocol: sk.protocol() as u8,
        src: saddr,
        dst: hop,
        options,
        payload_len: 0,
    };
    push(&mut skb, repr);
    skb.priority = sk.priority();
    skb.mark = sk.mark();
    local_out(cx, dst, skb)
}

pub(super) fn send_skb(cx: &Cx<'_>, inet: &mut InetSock, to: &Datagram<'_>, mut skb: Skb) -> Result<()> {
    let (Some(saddr), Some(daddr)) = (to.saddr.as_v4(), to.daddr.as_v4()) else {
        cx.drop_skb(skb, DropReason::IpOutNoRoutes);
        return Err(Errno::EINVAL);
    };
    skb.set_transport_header();
    note_datagram(&mut skb, inet.pmtudisc, mc_loop(inet));
    let mut buf = [0; 40];
    let (hop, options) = with_options(cx, to.options(inet).map(|o| &**o), (saddr, daddr), &mut buf);
    let whole = skb.len() + Ipv4Hdr::LEN + options.len();
    let mode = i32::from(inet.pmtudisc);
    let df = matches!(mode, uapi::IP_PMTUDISC_DO | uapi::IP_PMTUDISC_PROBE)
        || whole <= to.dst.mtu() as usize && dont_fragment(inet.pmtudisc, to.dst);
    let ttl = match to.ipc.ttl {
        Some(ttl) => ttl,
        None if to.dst.kind == DstKind::Multicast => inet.mc_ttl,
        None => unicast_ttl(cx, inet.uc_ttl, to.dst),
    };
    let segs = skb.gso_segs.max(1);
    let id = match () {
        () if !inet.daddr.is_unspecified() => {
            inet.id = inet.id.wrapping_add(segs);
            inet.id
        }
        () if df && !super::ignore_df(inet.pmtudisc) => 0,
        () => select_id(cx, (saddr, daddr), to.protocol, segs),
    };
    let repr = Ipv4Repr {
        tos: to.ipc.tos.unwrap_or(inet.tos),
        id,
        frag_off: if df { IP_DF } else { 0 },
        ttl,
        protocol: to.protocol,
        src: saddr,
        dst: hop,
        options,
        payload_len: 0,
    };
    if i32::from(to.protocol) == uapi::IPPROTO_ICMP
        && let Some(&kind) = skb.linear().first()
    {
        crate::icmp::out_count(cx, kind);
    }
    push(&mut skb, repr);
    local_out(cx, to.dst, skb)
}

/// An identification from the counters all flows share (`__ip_select_ident`).
pub fn select_id(cx: &Cx<'_>, (saddr, daddr): (Ipv4Addr, Ipv4Addr), protocol: u8, segs: u16) -> u16 {
    let idents = &IpNet::of(cx.net).idents;
    let now = cx.net.clock.coarse().jiffies();
    idents.select(&cx.net.rng, now, (saddr.into(), daddr.into()), protocol, u32::from(segs)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_plain_header_is_the_wire_rooms(tos: u8, id: u16, frag_off: u16, ttl: u8, protocol: u8, src: u32, dst: u32, payload_len in 0usize..65515) {
            let (src, dst) = (Ipv4Addr::from_bits(src), Ipv4Addr::from_bits(dst));
            let repr = Ipv4Repr { tos, id, frag_off, ttl, protocol, src, dst, options: &[], payload_len };
            let mut bytes = [0; Ipv4Hdr::LEN];
            repr.emit(&mut bytes);
            prop_assert_eq!(plain(&repr), bytes);
        }
    }
}
