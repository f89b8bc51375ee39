//! Control messages of a receive, in Linux's order.

use super::{want4, want6};
use crate::packet;
use crate::sock::InetShared;
use crate::v4::options::{IpOptions, Origin};
use crate::{addr, route};
use net::Cx;
use net::msg::RecvMsg;
use net::skb::SkBuff;
use net::sock::{SockCommon, sock_recv_cmsgs};
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering::Relaxed;
use uapi::*;
use wire::{Ipv4Hdr, Ipv6Hdr};
use zerocopy::IntoBytes;

/// Tells the receiver of a datagram what it asked for: times, mark and priority
/// (`sock_recv_cmsgs`), then what IP knows of the packet, whose network and transport headers are set.
#[inline]
pub fn recv(cx: &Cx<'_>, sk: &SockCommon, shared: &InetShared, skb: &SkBuff, msg: &mut RecvMsg<'_>) {
    sock_recv_cmsgs(cx, sk, skb, msg);
    let (v4, v6) = (shared.cmsg_flags.load(Relaxed), shared.rxopt.load(Relaxed));
    if v4 | v6 != 0 {
        recv_ip(cx, sk, (v4, v6), skb, msg);
    }
}

/// A packet is queued: where an IPv4 packet came in is told only to who wants that by now (`ipv4_pktinfo_prepare`).
#[inline]
pub fn prepare(sk: &SockCommon, shared: &InetShared, skb: &mut SkBuff) {
    let (v4, v6) =
        (shared.cmsg_flags.load(Relaxed) & want4::PKTINFO, shared.rxopt.load(Relaxed) & want6::INFO);
    if v4 | v6 != 0 && (v4 != 0 || i32::from(sk.family()) == AF_INET6) {
        skb.ip_flags |= packet::flag::PKTINFO;
    }
}

#[cold]
fn recv_ip(cx: &Cx<'_>, sk: &SockCommon, (v4, v6): (u32, u32), skb: &SkBuff, msg: &mut RecvMsg<'_>) {
    if i32::from(sk.family()) != AF_INET6 {
        return recv4(cx, v4, skb, None, msg);
    }
    recv6_common(v6, skb, false, msg);
    if packet::is_v6(skb) {
        recv6_specific(v6, skb, msg);
    } else {
        recv4(cx, v4, skb, None, msg);
    }
}

/// `ip_cmsg_recv_offset`.
///
/// `spec` is the address of ours that an answer would have, for a packet that did not come in.
pub(crate) fn recv4(cx: &Cx<'_>, want: u32, skb: &SkBuff, spec: Option<Ipv4Addr>, msg: &mut RecvMsg<'_>) {
    if want == 0 {
        return;
    }
    let Some((header, _)) = Ipv4Hdr::view(skb.network()) else { return };
    let (saddr, daddr) = (header.saddr(), header.daddr());
    let (ttl, tos) = (packet::ttl(skb), packet::tos(skb));
    if want & want4::PKTINFO != 0 {
        let ifindex = if spec.is_some() { skb.iif } else { ifindex4(skb) };
        let dev = cx.net.dev.by_index(ifindex);
        let spec = match (spec, dev) {
            (Some(spec), _) => spec,
            _ if ifindex == 0 => Ipv4Addr::UNSPECIFIED,
            (None, Some(dev)) => route::spec_dst(cx, &dev, saddr, daddr, tos),
            (None, None) => daddr,
        };
        let info = InPktinfo { ifindex: ifindex as i32, spec_dst: spec.octets(), addr: daddr.octets() };
        msg.control.put(SOL_IP, IP_PKTINFO, info.as_bytes());
    }
    if want & want4::TTL != 0 {
        msg.control.put_int(SOL_IP, IP_TTL, i32::from(ttl));
    }
    if want & want4::TOS != 0 {
        msg.control.put(SOL_IP, IP_TOS, &[tos]);
    }
    let options = options_of(skb);
    if want & want4::RECVOPTS != 0 && !options.is_empty() {
        msg.control.put(SOL_IP, IP_RECVOPTS, options);
    }
    if want & want4::RETOPTS != 0 && !options.is_empty() {
        put_retopts(cx, options, saddr, msg);
    }
    if want & want4::ORIGDSTADDR != 0
        && let Some(port) = destination_port(skb)
    {
        let mut sockaddr = [0; sockaddr::SOCKADDR_IN_LEN];
        SockAddr::Inet { addr: daddr, port }.encode(&mut sockaddr);
        msg.control.put(SOL_IP, IP_ORIGDSTADDR, &sockaddr);
    }
}

/// The options in a packet's IPv4 header, padding included.
fn options_of(skb: &SkBuff) -> &[u8] {
    let network = skb.network();
    let len = network.first().map_or(0, |byte| usize::from(byte & 15) * 4);
    network.get(Ipv4Hdr::LEN..len).unwrap_or(&[])
}

/// The options of a packet that passed input, as an answer to it carries them (`ip_options_echo`); `None` without options,
/// or when there is no answer to them.
pub fn echoed_options(cx: &Cx<'_>, skb: &SkBuff) -> Option<IpOptions> {
    let (saddr, _) = packet::addrs(skb);
    let options = if skb.protocol == uapi::ETH_P_IP { options_of(skb) } else { &[] };
    if options.is_empty() { None } else { echo(cx, options, saddr.as_v4()?) }
}

fn echo(cx: &Cx<'_>, options: &[u8], saddr: Ipv4Addr) -> Option<IpOptions> {
    let is_local = |addr: Ipv4Addr| addr::is_local(cx.net, addr.into());
    IpOptions::compile(options, Origin::Seen { is_local: &is_local }).ok()?.echo(saddr, &is_local)
}

/// The options as an answer would carry them; `MSG_CTRUNC` when there is no answer to them.
fn put_retopts(cx: &Cx<'_>, options: &[u8], saddr: Ipv4Addr, msg: &mut RecvMsg<'_>) {
    match echo(cx, options, saddr) {
        Some(echoed) => msg.control.put(SOL_IP, IP_RETOPTS, &echoed.undone()),
        None => msg.control.set_truncated(),
    }
}

/// The port that the packet was sent to: the third and fourth byte of the transport header.
fn destination_port(skb: &SkBuff) -> Option<u16> {
    match *skb.transport() {
        [_, _, a, b, ..] => Some(u16::from_be_bytes([a, b])),
        _ => None,
    }
}

/// The device that an IPv4 packet came in by, if that was noted.
fn ifindex4(skb: &SkBuff) -> u32 {
    if skb.ip_flags & packet::flag::PKTINFO != 0 { skb.iif } else { 0 }
}

/// The same for IPv6; what an error quotes, `is_error`, was never queued.
fn pktinfo6(skb: &SkBuff, is_error: bool) -> In6Pktinfo {
    let (_, daddr) = packet::addrs(skb);
    let ifindex = if is_error || packet::is_v6(skb) { skb.iif } else { ifindex4(skb) };
    In6Pktinfo { addr: daddr.as_v6().octets(), ifindex: ifindex as i32 }
}

/// `ip6_datagram_recv_common_ctl`: what a packet of IPv4 has too.
pub(crate) fn recv6_common(want: u32, skb: &SkBuff, is_error: bool, msg: &mut RecvMsg<'_>) {
    if want & want6::INFO != 0 {
        msg.control.put(SOL_IPV6, IPV6_PKTINFO, pktinfo6(skb, is_error).as_bytes());
    }
}

/// `ip6_datagram_recv_specific_ctl`.
pub(crate) fn recv6_specific(want: u32, skb: &SkBuff, msg: &mut RecvMsg<'_>) {
    if want == 0 {
        return;
    }
    let Some(&[a, b, c, d, ..]) = skb.network().first_chunk::<8>().map(|head| &head[..]) else { return };
    let hops = i32::from(packet::ttl(skb));
    let control = &mut msg.control;
    if want & want6::HLIM != 0 {
        control.put_int(SOL_IPV6, IPV6_HOPLIMIT, hops);
    }
    if want & want6::TCLASS != 0 {
        control.put_int(SOL_IPV6, IPV6_TCLASS, i32::from(packet::tos(skb)));
    }
    let flow = [a & 0x0f, b, c, d];
    if want & want6::FLOW != 0 && flow != [0; 4] {
        control.put(SOL_IPV6, IPV6_FLOWINFO, &flow);
    }
    let headers = || extension_headers(skb);
    if want & want6::HOPOPTS != 0 {
        for (_, bytes) in headers().filter(|(kind, _)| *kind == HOP) {
            control.put(SOL_IPV6, IPV6_HOPOPTS, bytes);
        }
    }
    for (kind, bytes) in headers().filter(|_| want & (want6::DSTOPTS | want6::SRCRT) != 0) {
        match kind {
            DEST if want & want6::DSTOPTS != 0 => control.put(SOL_IPV6, IPV6_DSTOPTS, bytes),
            ROUTING if want & want6::SRCRT != 0 => control.put(SOL_IPV6, IPV6_RTHDR, bytes),
            _ => {}
        }
    }
    if want & want6::OINFO != 0 {
        control.put(SOL_IPV6, IPV6_2292PKTINFO, pktinfo6(skb, false).as_bytes());
    }
    if want & want6::OHLIM != 0 {
        control.put_int(SOL_IPV6, IPV6_2292HOPLIMIT, hops);
    }
    for (kind, bytes) in headers().filter(|_| want & OLD_HEADERS != 0) {
        match kind {
            HOP if want & want6::OHOPOPTS != 0 => control.put(SOL_IPV6, IPV6_2292HOPOPTS, bytes),
            DEST if want & want6::ODSTOPTS != 0 => control.put(SOL_IPV6, IPV6_2292DSTOPTS, bytes),
            ROUTING if want & want6::OSRCRT != 0 => control.put(SOL_IPV6, IPV6_2292RTHDR, bytes),
            _ => {}
        }
    }
    if want & want6::ORIGDSTADDR != 0
        && let Some(port) = destination_port(skb)
    {
        let (_, daddr) = packet::addrs(skb);
        let scope = if daddr.needs_scope_id() { skb.iif } else { 0 };
        let mut sockaddr = [0; sockaddr::SOCKADDR_IN6_LEN];
        SockAddr::inet6(daddr, port, scope).encode(&mut sockaddr);
        control.put(SOL_IPV6, IPV6_ORIGDSTADDR, &sockaddr);
    }
}

const HOP: u8 = IPPROTO_HOPOPTS as u8;
const ROUTING: u8 = IPPROTO_ROUTING as u8;
const FRAGMENT: u8 = IPPROTO_FRAGMENT as u8;
const AUTH: u8 = IPPROTO_AH as u8;
const DEST: u8 = IPPROTO_DSTOPTS as u8;
const OLD_HEADERS: u32 = want6::OHOPOPTS | want6::ODSTOPTS | want6::OSRCRT;

/// The extension headers between the IPv6 header and the transport header: kind and bytes of each.
fn extension_headers(skb: &SkBuff) -> impl Iterator<Item = (u8, &[u8])> {
    let network = skb.network();
    let end = skb.network_header_len().min(network.len());
    let mut kind = network.get(6).copied().unwrap_or(IPPROTO_NONE as u8);
    let mut at = Ipv6Hdr::LEN;
    std::iter::from_fn(move || {
        let this = kind;
        let head = network.get(at..end)?;
        let &[next, len, ..] = head else { return None };
        let len = match this {
            HOP | ROUTING | DEST => (usize::from(len) + 1) * 8,
            FRAGMENT => 8,
            AUTH => (usize::from(len) + 2) * 4,
            _ => return None,
        };
        kind = next;
        at += len;
        Some((this, head.get(..len)?))
    })
}
