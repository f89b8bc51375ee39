//! IPv6 headers (`ip6_xmit`, `__ip6_make_skb`).

use super::{Datagram, local_out, note, note_datagram};
use crate::IpNet;
use crate::addr::{Conf6, IpDev};
use crate::packet::flag;
use crate::sock::InetSock;
use crate::v6::txopt::TxOptions;
use net::dst::{Dst, DstKind};
use net::sock::SockCommon;
use net::{Cx, DropReason, Skb};
use std::sync::atomic::Ordering::Relaxed;
use uapi::{Errno, InetAddr, Result};
use wire::{Ipv6Hdr, Ipv6Repr};

/// Hop limit where nobody says (`ip6_dst_hoplimit`).
#[inline]
pub(crate) fn default_hops(dst: &Dst) -> u8 {
    match dst.metrics.hoplimit {
        0 => IpDev::get(&dst.dev).map_or(64, |dev| dev.conf6.get6(Conf6::HopLimit) as u8),
        hops => hops as u8,
    }
}

/// The flow label: the one asked for, else one that tells the socket's flows apart
/// (`ip6_make_flowlabel`).
#[inline]
fn flow_label(cx: &Cx<'_>, sk: &SockCommon, inet: &InetSock, asked: u32, daddr: InetAddr) -> u32 {
    let asked = asked & uapi::IPV6_FLOWLABEL_MASK;
    // `IPV6_AUTOFLOWLABEL`, else the namespace's mode: 0 off, 1 on, 2 off unless asked, 3 always.
    let mode = IpNet::of(cx.net).sysctl.auto_flowlabels.load(Relaxed);
    let auto = match mode {
        0 => false,
        3 => true,
        _ => inet.v6.autoflowlabel.unwrap_or(mode == 1),
    };
    if asked != 0 || !auto {
        return asked;
    }
    if sk.txhash() == 0 {
        sk.set_txhash(cx.net.rng.u32().max(1));
    }
    let (hi, lo) = daddr.words();
    let mix = (hi ^ lo.rotate_left(23) ^ u64::from(sk.txhash())).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mix >> 44) as u32 & uapi::IPV6_FLOWLABEL_MASK
}

/// Writes extension headers and header in front of the data.
#[inline]
fn push(skb: &mut Skb, opt: Option<&TxOptions>, mut repr: Ipv6Repr) -> Result<()> {
    if let Some(opt) = opt.filter(|opt| !opt.is_empty()) {
        let len = opt.len();
        if len + Ipv6Hdr::LEN > skb.headroom() {
            return Err(Errno::EMSGSIZE);
        }
        let daddr = repr.dst.into();
        repr.dst = opt.first_hop().map_or(repr.dst, InetAddr::as_v6);
        repr.next_header = opt.write(skb.push(len), repr.next_header, daddr);
    }
    repr.payload_len = skb.len();
    skb.ip_flags |= flag::OURS;
    repr.emit(skb.push(Ipv6Hdr::LEN));
    Ok(())
}

pub(super) fn queue_xmit(cx: &Cx<'_>, sk: &SockCommon, inet: &mut InetSock, mut skb: Skb) -> Result<()> {
    let Some(dst) = &inet.dst else {
        cx.drop_skb(skb, DropReason::IpOutNoRoutes);
        return Err(Errno::EHOSTUNREACH);
    };
    skb.set_transport_header();
    note(&mut skb, inet.v6.pmtudisc, inet.v6.mc_loop);
    let repr = Ipv6Repr {
        traffic_class: inet.v6.tclass,
        flow_label: flow_label(cx, sk, inet, inet.v6.flow_label, inet.daddr),
        next_header: sk.protocol() as u8,
        hop_limit: if inet.v6.hop_limit >= 0 { inet.v6.hop_limit as u8 } else { default_hops(dst) },
        src: inet.saddr.as_v6(),
        dst: inet.daddr.as_v6(),
        payload_len: 0,
    };
    if let Err(errno) = push(&mut skb, inet.v6.opt.as_deref(), repr) {
        cx.drop_skb(skb, DropReason::PktTooBig);
        return Err(errno);
    }
    skb.priority = sk.priority();
    skb.mark = sk.mark();
    local_out(cx, dst, skb)
}

pub(super) fn send_skb(
    cx: &Cx<'_>,
    sk: &SockCommon,
    inet: &mut InetSock,
    to: &Datagram<'_>,
    mut skb: Skb,
) -> Result<()> {
    skb.set_transport_header();
    note_datagram(&mut skb, inet.v6.pmtudisc, inet.v6.mc_loop);
    if to.ipc.dontfrag.unwrap_or(inet.v6.dontfrag) {
        skb.ip_flags &= !flag::IGNORE_DF;
    }
    let asked = if to.ipc.flow_label != 0 { to.ipc.flow_label } else { inet.v6.flow_label };
    let hop_limit = match to.ipc.ttl {
        Some(hops) => hops,
        None if to.dst.kind == DstKind::Multicast => u8::try_from(inet.v6.mcast_hops).unwrap_or(1),
        None if inet.v6.hop_limit >= 0 => inet.v6.hop_limit as u8,
        None => default_hops(to.dst),
    };
    if i32::from(to.protocol) == uapi::IPPROTO_ICMPV6
        && let Some(&kind) = skb.linear().first()
    {
        crate::icmp6::out_count(cx, kind);
    }
    let repr = Ipv6Repr {
        traffic_class: to.ipc.tos.unwrap_or(inet.v6.tclass),
        flow_label: flow_label(cx, sk, inet, asked, to.daddr),
        next_header: to.protocol,
        hop_limit,
        src: to.saddr.as_v6(),
        dst: to.daddr.as_v6(),
        payload_len: 0,
    };
    let opt = to.opt6(inet).cloned();
    if let Err(errno) = push(&mut skb, opt.as_deref(), repr) {
        cx.drop_skb(skb, DropReason::PktTooBig);
        return Err(errno);
    }
    local_out(cx, to.dst, skb)
}
