//! ICMPv6 (`net/ipv6/icmp.c`): messages received, errors sent and passed on.

use crate::icmp::{allow_global, allow_peer};
use crate::packet::{self, flag};
use crate::protocol::{self, Family, IcmpError, NetProtocol};
use crate::sysctl::IpSysctl;
use crate::{IpNet, addr, route};
use net::dst::{Dst, Flow};
use net::skb::{IpSummed, PktType, SkBuff};
use net::{BhCx, Cx, DropReason, Net, Skb, mib};
use std::sync::atomic::Ordering::Relaxed;
use uapi::{
    Errno, ICMPV6_DEST_UNREACH, ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST, ICMPV6_INFOMSG_MASK,
    ICMPV6_PARAMPROB, ICMPV6_PKT_TOOBIG, ICMPV6_TIME_EXCEED, ICMPV6_UNK_OPTION, IFF_LOOPBACK, IPPROTO_ICMPV6,
    InetAddr, Result,
};
use wire::ipv6::IPV6_MIN_MTU;
use wire::ipv6::ext;
use wire::{Icmpv6Hdr, Ipv6Hdr, Ipv6Packet, Ipv6Repr};

const PROTOCOL: u8 = IPPROTO_ICMPV6 as u8;

/// The errno of an error, and whether it is final (`icmpv6_err_convert`).
pub fn convert(kind: u8, code: u8) -> (Errno, bool) {
    /// By code of "destination unreachable".
    const UNREACH: [(Errno, bool); 7] = [
        (Errno::ENETUNREACH, false),
        (Errno::EACCES, true),
        (Errno::EHOSTUNREACH, false),
        (Errno::EHOSTUNREACH, false),
        (Errno::ECONNREFUSED, true),
        (Errno::EACCES, true),
        (Errno::EACCES, true),
    ];
    match kind {
        ICMPV6_DEST_UNREACH => UNREACH.get(usize::from(code)).copied().unwrap_or((Errno::EPROTO, true)),
        ICMPV6_PKT_TOOBIG => (Errno::EMSGSIZE, false),
        ICMPV6_PARAMPROB => (Errno::EPROTO, true),
        ICMPV6_TIME_EXCEED => (Errno::EHOSTUNREACH, false),
        _ => (Errno::EPROTO, false),
    }
}

/// Received and sent counters by type, as `/proc/net/snmp6` names them.
fn counters(kind: u8) -> Option<(mib::Icmp6, mib::Icmp6)> {
    use mib::Icmp6 as M;
    Some(match kind {
        1 => (M::InDestUnreachs, M::OutDestUnreachs),
        2 => (M::InPktTooBigs, M::OutPktTooBigs),
        3 => (M::InTimeExcds, M::OutTimeExcds),
        4 => (M::InParmProblems, M::OutParmProblems),
        128 => (M::InEchos, M::OutEchos),
        129 => (M::InEchoReplies, M::OutEchoReplies),
        130 => (M::InGroupMembQueries, M::OutGroupMembQueries),
        131 => (M::InGroupMembResponses, M::OutGroupMembResponses),
        132 => (M::InGroupMembReductions, M::OutGroupMembReductions),
        133 => (M::InRouterSolicits, M::OutRouterSolicits),
        134 => (M::InRouterAdvertisements, M::OutRouterAdvertisements),
        135 => (M::InNeighborSolicits, M::OutNeighborSolicits),
        136 => (M::InNeighborAdvertisements, M::OutNeighborAdvertisements),
        137 => (M::InRedirects, M::OutRedirects),
        143 => (M::InMLDv2Reports, M::OutMLDv2Reports),
        _ => return None,
    })
}

/// Counts a message sent (`icmp6_out_count`).
pub fn out_count(cx: &Cx<'_>, kind: u8) {
    cx.inc(mib::Icmp6::OutMsgs);
    cx.inc(mib::Mib::icmp6_out(kind));
    if let Some((_, out)) = counters(kind) {
        cx.inc(out);
    }
}

pub(crate) fn register(net: &Net) -> Result<()> {
    let icmp = NetProtocol { handler: rcv, err_handler: Some(err), no_policy: true };
    protocol::add(net, Family::V6, PROTOCOL, icmp)
}

fn error(cx: &BhCx<'_, '_>, skb: Skb, reason: DropReason) {
    cx.inc(mib::Icmp6::InErrors);
    cx.drop_skb(skb, reason);
}

/// Receives a message (`icmpv6_rcv`).
fn rcv(cx: &BhCx<'_, '_>, mut skb: Skb) {
    cx.inc(mib::Icmp6::InMsgs);
    let (saddr, daddr) = packet::addrs(&skb);
    if skb.ip_summed == IpSummed::None {
        let pseudo = packet::pseudo_header(saddr, daddr, PROTOCOL, skb.len() as u32);
        if !pseudo.add(skb.checksum(0)).is_valid() {
            cx.inc(mib::Icmp6::InCsumErrors);
            return error(cx, skb, DropReason::IcmpCsum);
        }
    }
    if !skb.may_pull(Icmpv6Hdr::LEN) {
        return error(cx, skb, DropReason::PktTooSmall);
    }
    let Some((hdr, _)) = Icmpv6Hdr::view(skb.linear()) else {
        return error(cx, skb, DropReason::PktTooSmall);
    };
    let (kind, code, info) = (hdr.kind(), hdr.code(), hdr.mtu_or_pointer());
    cx.inc(mib::Mib::icmp6_in(kind));
    if let Some((count, _)) = counters(kind) {
        cx.inc(count);
    }
    let ip = IpNet::of(cx.net);
    match kind {
        ICMPV6_ECHO_REQUEST if IpSysctl::is_on(&ip.sysctl.icmp6_echo_ignore_all) => {
            cx.drop_skb(skb, DropReason::NotSpecified);
        }
        ICMPV6_ECHO_REQUEST => echo(cx, skb, saddr, daddr),
        ICMPV6_ECHO_REPLY => {
            let rest = match ip.protocols.ping.get() {
                Some(ping) => ping(cx, skb),
                None => Err(skb),
            };
            if let Err(skb) = rest {
                cx.drop_skb(skb, DropReason::NoSocket);
            }
        }
        // Neighbours, routers and listeners come later; other information is nobody's.
        kind if kind & ICMPV6_INFOMSG_MASK != 0 => cx.consume_skb(skb),
        // RFC 4443: errors of unknown type go to the upper layer too.
        _ => notify(cx, skb, kind, code, info),
    }
}

/// Tells the protocol of the packet that an error is about (`icmpv6_notify`).
fn notify(cx: &BhCx<'_, '_>, skb: Skb, kind: u8, code: u8, info: u32) {
    let mut quoted = [0; IPV6_MIN_MTU as usize];
    let n = skb.copy_bits(Icmpv6Hdr::LEN, &mut quoted);
    let quoted = &quoted[..n];
    let Ok(inner) = Ipv6Packet::parse_quoted(quoted) else { return error(cx, skb, DropReason::PktTooSmall) };
    let Ok(upper) = ext::skip(inner.hdr.next_header(), inner.payload) else {
        return error(cx, skb, DropReason::PktTooSmall);
    };
    let transport = inner.payload.get(upper.offset..).unwrap_or(&[]);
    if transport.len() < 8 {
        return error(cx, skb, DropReason::PktTooSmall);
    }
    let (offender, _) = packet::addrs(&skb);
    let protocols = &IpNet::of(cx.net).protocols;
    let error = IcmpError {
        v6: true,
        kind,
        code,
        info,
        saddr: inner.hdr.saddr().into(),
        daddr: inner.hdr.daddr().into(),
        protocol: upper.next,
        network: &quoted[..quoted.len() - transport.len()],
        transport,
        offender,
        iif: skb.iif,
        skb: &skb,
    };
    if let Some(err_handler) = protocols.get(Family::V6, upper.next).and_then(|p| p.err_handler) {
        err_handler(cx, &error);
    }
    if let Some(raw_err) = protocols.raw_err.get() {
        raw_err(cx, &error);
    }
    cx.consume_skb(skb);
}

/// An error about an ICMPv6 message of ours (`icmpv6_err`).
fn err(cx: &BhCx<'_, '_>, error: &IcmpError<'_>) {
    if error.transport.first().is_some_and(|kind| kind & ICMPV6_INFOMSG_MASK != 0)
        && let Some(ping_err) = IpNet::of(cx.net).protocols.ping_err.get()
    {
        ping_err(cx, error);
    }
    if error.is_mtu() {
        route::pmtu::learn(cx, error);
    }
}

/// Answers an echo request with its own bytes (`icmpv6_echo_reply`).
fn echo(cx: &BhCx<'_, '_>, mut skb: Skb, peer: InetAddr, daddr: InetAddr) {
    let sysctl = &IpNet::of(cx.net).sysctl;
    if daddr.is_multicast() && IpSysctl::is_on(&sysctl.icmp6_echo_ignore_multicast) {
        return cx.drop_skb(skb, DropReason::NotSpecified);
    }
    let Some(dev) = cx.net.dev.by_index(skb.iif) else { return cx.drop_skb(skb, DropReason::DevReady) };
    let mark = if IpSysctl::is_on(&sysctl.fwmark_reflect6) { skb.mark } else { 0 };
    let tclass = packet::tos(&skb);
    let saddr = if daddr.is_multicast() { InetAddr::UNSPECIFIED_V6 } else { daddr };
    let oif = if peer.needs_scope_id() { skb.iif } else { 0 };
    if dev.flags() & IFF_LOOPBACK == 0 && !allow_global(cx, true, ICMPV6_ECHO_REPLY, 0) {
        return cx.drop_skb(skb, DropReason::NotSpecified);
    }
    let flow = Flow { daddr: peer, saddr, oif, iif: 0, mark, tos: tclass };
    let Ok(dst) = route::output(cx, &flow) else { return cx.drop_skb(skb, DropReason::IpOutNoRoutes) };
    if !allow_peer(cx, true, ICMPV6_ECHO_REPLY, 0, peer, &dst.dev) {
        return cx.drop_skb(skb, DropReason::NotSpecified);
    }
    if let Some((hdr, _)) = Icmpv6Hdr::view_mut(skb.linear_mut()) {
        hdr.set_kind_code(ICMPV6_ECHO_REPLY, 0);
    }
    // The buffer goes back as what it never was: a packet of our own.
    skb.ip_flags = 0;
    skb.ip_opt = 0;
    skb.gso_size = 0;
    skb.gso_segs = 0;
    skb.pkt_type = PktType::Host;
    skb.mark = mark;
    skb.tstamp = None;
    xmit(cx, &dst, dst.src, peer, tclass, skb);
}

/// True for what no error is sent about: errors, and what cannot be read (`is_ineligible`).
fn is_ineligible(bad: &Ipv6Packet<'_>, about: &SkBuff) -> bool {
    let Ok(upper) = ext::skip(bad.hdr.next_header(), bad.payload) else { return false };
    if upper.next != PROTOCOL || upper.frag_off.is_some_and(|off| off & !7 != 0) {
        return false;
    }
    let kind = match bad.payload.get(upper.offset) {
        Some(&kind) => kind,
        None => {
            let mut kind = [0];
            let behind = (Ipv6Hdr::LEN + upper.offset).checked_sub(packet::network_offset(about));
            match behind.map(|at| about.copy_bits(at, &mut kind)) {
                Some(1) => kind[0],
                _ => return true,
            }
        }
    };
    kind & ICMPV6_INFOMSG_MASK == 0
}

/// Sends an error about a packet whose network header is set (`icmpv6_send`). `info` is the MTU of
/// "packet too big" or the pointer of a parameter problem, from the IPv6 header on. Nothing is sent
/// about errors or to nobody, about multicast only what RFC 4443 wants, nor more than the limits
/// allow.
#[cold]
pub fn send(cx: &Cx<'_>, about: &SkBuff, kind: u8, code: u8, info: u32) {
    let Ok(bad) = Ipv6Packet::parse_quoted(about.network()) else { return };
    let (peer, daddr) = (InetAddr::v6(bad.hdr.saddr()), InetAddr::v6(bad.hdr.daddr()));
    let mut saddr = InetAddr::UNSPECIFIED_V6;
    if daddr.is_multicast() || about.pkt_type != PktType::Host {
        let option = about.network().get(info as usize).copied().unwrap_or(0);
        // The two high bits of an option say whether even multicast is answered.
        let wants = kind == ICMPV6_PARAMPROB && code == ICMPV6_UNK_OPTION && option & 0xc0 == 0x80;
        if kind != ICMPV6_PKT_TOOBIG && !wants {
            return;
        }
    } else if addr::is_local(cx.net, daddr) {
        saddr = daddr;
    }
    if peer.is_unspecified() || peer.is_multicast() || is_ineligible(&bad, about) {
        return;
    }
    let dev = cx.net.dev.by_index(about.iif);
    let by_loopback = dev.as_ref().is_none_or(|dev| dev.flags() & IFF_LOOPBACK != 0);
    if !by_loopback && !allow_global(cx, true, kind, code) {
        return;
    }
    let mark = if IpSysctl::is_on(&IpNet::of(cx.net).sysctl.fwmark_reflect6) { about.mark } else { 0 };
    let oif = if peer.needs_scope_id() { about.iif } else { 0 };
    let flow = Flow { daddr: peer, saddr, oif, iif: 0, mark, tos: 0 };
    let Ok(dst) = route::output(cx, &flow) else { return };
    if !allow_peer(cx, true, kind, code, peer, &dst.dev) {
        return;
    }
    let mut message = [0; IPV6_MIN_MTU as usize - Ipv6Hdr::LEN];
    message[..Icmpv6Hdr::LEN].copy_from_slice(Icmpv6Hdr::new(kind, code, info.to_be_bytes()).bytes());
    let len = Icmpv6Hdr::LEN + crate::icmp::quote(about, &mut message[Icmpv6Hdr::LEN..]);
    let mut skb = cx.alloc_skb();
    skb.append(cx, &message[..len]);
    skb.may_pull(Icmpv6Hdr::LEN);
    skb.mark = mark;
    xmit(cx, &dst, dst.src, peer, 0, skb);
}

/// Sends a message of the kernel's own (`icmpv6_push_pending_frames`); data is at the ICMPv6 header,
/// the checksum is computed here.
fn xmit(cx: &Cx<'_>, dst: &Dst, saddr: InetAddr, daddr: InetAddr, tclass: u8, mut skb: Skb) {
    let mut kind = 0;
    if let Some((hdr, _)) = Icmpv6Hdr::view_mut(skb.linear_mut()) {
        hdr.set_check(0);
        kind = hdr.kind();
    }
    out_count(cx, kind);
    let pseudo = packet::pseudo_header(saddr, daddr, PROTOCOL, skb.len() as u32);
    let check = pseudo.add(skb.checksum(0)).fold();
    if let Some((hdr, _)) = Icmpv6Hdr::view_mut(skb.linear_mut()) {
        hdr.set_check(check);
    }
    skb.ip_summed = IpSummed::None;
    skb.set_transport_header();
    skb.ip_flags |= flag::IGNORE_DF | flag::OURS;
    let ip = IpNet::of(cx.net);
    let auto = matches!(ip.sysctl.auto_flowlabels.load(Relaxed), 1 | 3);
    let repr = Ipv6Repr {
        traffic_class: tclass,
        flow_label: if auto { ip.idents.flow_label(saddr, daddr, kind) } else { 0 },
        next_header: PROTOCOL,
        hop_limit: crate::output::default_hops(dst),
        src: saddr.as_v6(),
        dst: daddr.as_v6(),
        payload_len: skb.len(),
    };
    repr.emit(skb.push(Ipv6Hdr::LEN));
    // Whether it went out is nobody's business who could do something about it.
    let _ = crate::output::local_out(cx, dst, skb);
}
