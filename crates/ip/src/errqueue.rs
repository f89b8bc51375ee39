//! The error queue of sockets of the internet families (`IP_RECVERR`, `IPV6_RECVERR`): what fills it
//! (`ip_icmp_error`, `ip_local_error` and their IPv6 kin) and `MSG_ERRQUEUE` (`ip_recv_error`,
//! `ipv6_recv_error`).

use crate::cmsg;
use crate::packet;
use crate::protocol::IcmpError;
use crate::sock::{InetShared, shared_flag};
use net::msg::RecvMsg;
use net::sock::errqueue::ErrMsg;
use net::sock::mem::truesize_linear;
use net::sock::{SockCommon, sock_recv_timestamp};
use net::{Cx, UserCx};
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering::Relaxed;
use uapi::sockaddr::{SOCKADDR_IN_LEN, SOCKADDR_IN6_LEN};
use uapi::*;
use zerocopy::IntoBytes;

/// Whether the socket asked for errors of this family.
#[inline]
pub fn wants(shared: &InetShared, v6: bool) -> bool {
    shared.flag(if v6 { shared_flag::RECVERR6 } else { shared_flag::RECVERR })
}

/// Queues an ICMP error about a packet of this socket (`ip_icmp_error`, `ipv6_icmp_error`), for one that
/// [`wants`] it. Given back to the sender is the payload as it sent it: behind the header of UDP, all
/// of a raw packet.
pub fn icmp_error(cx: &Cx<'_>, sk: &SockCommon, error: &IcmpError<'_>, errno: Errno) {
    let udp = matches!(i32::from(error.protocol), IPPROTO_UDP | IPPROTO_UDPLITE);
    let transport = if udp && i32::from(sk.kind()) == SOCK_DGRAM { wire::UdpHdr::LEN } else { 0 };
    let port = if transport != 0 { error.ports().map_or(0, |(_, port)| port) } else { 0 };
    let ee = SockExtendedErr {
        errno: errno.raw() as u32,
        origin: if error.v6 { SO_EE_ORIGIN_ICMP6 } else { SO_EE_ORIGIN_ICMP },
        kind: error.kind,
        code: error.code,
        info: error.info,
        ..SockExtendedErr::default()
    };
    let flow = match *error.network {
        [a, b, c, d, ..] if error.v6 => u32::from_be_bytes([a & 0x0f, b, c, d]),
        _ => 0,
    };
    let mut skb = error.skb.clone_in(cx);
    skb.truesize = skb.truesize.max(truesize_linear(skb.len() as u32));
    let payload = (wire::IcmpHdr::LEN + error.network.len() + transport).min(skb.len());
    sk.queue_err(cx, ErrMsg { ee, dest: (error.daddr, port, flow), skb, payload, stats: false });
}

/// Queues an error that this host found by itself (`ip_local_error`, `ipv6_local_error`), if the socket
/// asked for errors of the destination's family. `info` is the MTU of an `EMSGSIZE`.
pub fn local_error(
    cx: &Cx<'_>,
    sk: &SockCommon,
    shared: &InetShared,
    errno: Errno,
    daddr: InetAddr,
    port: u16,
    info: u32,
) {
    if !wants(shared, daddr.is_v6()) {
        return;
    }
    let ee = SockExtendedErr {
        errno: errno.raw() as u32,
        origin: SO_EE_ORIGIN_LOCAL,
        info,
        ..SockExtendedErr::default()
    };
    let mut skb = cx.alloc_skb();
    skb.truesize = truesize_linear(wire::Ipv6Hdr::LEN as u32);
    sk.queue_err(cx, ErrMsg { ee, dest: (daddr, port, 0), skb, payload: 0, stats: false });
}

/// `MSG_ERRQUEUE`: the next message, with what it is about in control messages.
///
/// # Errors
/// `EAGAIN` when there is none; this call never waits.
pub fn recv(cx: &UserCx<'_>, sk: &SockCommon, shared: &InetShared, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let err = sk.dequeue_err(cx).ok_or(Errno::EAGAIN)?;
    let len = err.skb.len() - err.payload;
    let room = msg.iov.remaining();
    if len > room {
        msg.out_flags |= MSG_TRUNC;
    }
    let copied = err.skb.copy_to(err.payload, &mut msg.iov, len.min(room));
    sock_recv_timestamp(cx, sk, &err.skb, true, msg);
    if err.stats && sk.tsflags() & SOF_TIMESTAMPING_SOFTWARE != 0 {
        let mut stats = vec![0; err.skb.len()];
        err.skb.copy_bits(0, &mut stats);
        msg.control.put(SOL_SOCKET, SCM_TIMESTAMPING_OPT_STATS, &stats);
    }
    if i32::from(sk.family()) == AF_INET6 {
        put6(cx, shared, &err, msg);
    } else {
        put4(cx, shared, &err, sk.tsflags() & SOF_TIMESTAMPING_OPT_CMSG != 0, msg);
    }
    msg.out_flags |= MSG_ERRQUEUE;
    cx.consume_skb(err.skb);
    Ok(copied)
}

/// Whether the destination is told: always for these origins, else when there is a port.
fn has_name(err: &ErrMsg) -> bool {
    matches!(err.ee.origin, SO_EE_ORIGIN_ICMP | SO_EE_ORIGIN_ICMP6 | SO_EE_ORIGIN_LOCAL) || err.dest.1 != 0
}

fn is_icmp(err: &ErrMsg) -> bool {
    matches!(err.ee.origin, SO_EE_ORIGIN_ICMP | SO_EE_ORIGIN_ICMP6)
}

/// A packet that was sent, with a time of it: where it went out tells more.
fn is_sent(err: &ErrMsg) -> bool {
    err.ee.origin == SO_EE_ORIGIN_TIMESTAMPING && err.skb.iif != 0
}

fn put4(cx: &Cx<'_>, shared: &InetShared, err: &ErrMsg, times_too: bool, msg: &mut RecvMsg<'_>) {
    let (addr, port, _) = err.dest;
    if let Some(addr) = addr.as_v4().filter(|_| has_name(err)) {
        let mut name = [0; SOCKADDR_IN_LEN];
        SockAddr::Inet { addr, port }.encode(&mut name);
        msg.set_name(&name);
    }
    let mut report = [0; size_of::<SockExtendedErr>() + SOCKADDR_IN_LEN];
    let (ee, offender) = report.split_at_mut(size_of::<SockExtendedErr>());
    ee.copy_from_slice(err.ee.as_bytes());
    if is_icmp(err) || times_too && is_sent(err) {
        let from = packet::addrs(&err.skb).0.as_v4().unwrap_or(Ipv4Addr::UNSPECIFIED);
        SockAddr::Inet { addr: from, port: 0 }.encode(offender);
        // Of an error's own packet nobody worked out which address of ours an answer would have.
        let spec = if is_icmp(err) { Ipv4Addr::UNSPECIFIED } else { from };
        cmsg::recv4(cx, shared.cmsg_flags.load(Relaxed), &err.skb, Some(spec), msg);
    }
    msg.control.put(SOL_IP, IP_RECVERR, &report);
}

fn put6(cx: &Cx<'_>, shared: &InetShared, err: &ErrMsg, msg: &mut RecvMsg<'_>) {
    let iif = err.skb.iif;
    let scope = |addr: InetAddr| if addr.needs_scope_id() { iif } else { 0 };
    let (addr, port, _) = err.dest;
    if has_name(err) {
        let mut name = [0; SOCKADDR_IN6_LEN];
        SockAddr::inet6(addr, port, scope(addr)).encode(&mut name);
        msg.set_name(&name);
    }
    let mut report = [0; size_of::<SockExtendedErr>() + SOCKADDR_IN6_LEN];
    let (ee, offender) = report.split_at_mut(size_of::<SockExtendedErr>());
    ee.copy_from_slice(err.ee.as_bytes());
    if is_icmp(err) || is_sent(err) {
        let (saddr, _) = packet::addrs(&err.skb);
        SockAddr::inet6(saddr, 0, scope(saddr)).encode(offender);
        let rxopt = shared.rxopt.load(Relaxed);
        cmsg::recv6_common(rxopt, &err.skb, true, msg);
        if packet::is_v6(&err.skb) {
            cmsg::recv6_specific(rxopt, &err.skb, msg);
        } else {
            let spec = Some(Ipv4Addr::UNSPECIFIED);
            cmsg::recv4(cx, shared.cmsg_flags.load(Relaxed), &err.skb, spec, msg);
        }
    }
    msg.control.put(SOL_IPV6, IPV6_RECVERR, &report);
}
