//! Packets come in (`raw_local_deliver`, `raw6_local_deliver`) and errors about packets sent
//! (`raw_icmp_error`, `raw6_icmp_error`).

use crate::table::Ends;
use crate::{Raw, RawNet, glue};
use ip::protocol::IcmpError;
use net::skb::IpSummed;
use net::{BhCx, Cx, DropReason, Skb, Sock};
use std::sync::atomic::Ordering::Relaxed;
use uapi::{AF_INET, AF_INET6, IPPROTO_ICMP, IPPROTO_ICMPV6};

/// Gives every raw socket that wants the packet a copy; true if one matched that has room.
pub(crate) fn deliver4(cx: &BhCx<'_, '_>, skb: &Skb, protocol: u8) -> bool {
    let filtered = i32::from(protocol) == IPPROTO_ICMP;
    deliver(cx, skb, protocol, AF_INET as u16, filtered)
}

/// The same for IPv6.
pub(crate) fn deliver6(cx: &BhCx<'_, '_>, skb: &Skb, protocol: u8) -> bool {
    let filtered = i32::from(protocol) == IPPROTO_ICMPV6;
    deliver(cx, skb, protocol, AF_INET6 as u16, filtered)
}

#[inline]
fn deliver(cx: &BhCx<'_, '_>, skb: &Skb, protocol: u8, family: u16, filtered: bool) -> bool {
    if RawNet::of(cx.net).table(family).is_unused(protocol) {
        return false;
    }
    deliver_to_all(cx, skb, protocol, family, filtered)
}

#[cold]
fn deliver_to_all(cx: &BhCx<'_, '_>, skb: &Skb, protocol: u8, family: u16, filtered: bool) -> bool {
    let (remote, local) = ip::packet::addrs(skb);
    let ends = Ends { local, remote, dif: skb.iif };
    let socks = RawNet::of(cx.net).table(family).matching(protocol, &ends);
    let mut any = false;
    for sk in socks {
        // Whose buffer is full might as well not be there: the sender hears of it.
        if sk.rmem_alloc.load(Relaxed) >= sk.rcvbuf() {
            sk.drops.fetch_add(1, Relaxed);
            cx.sock_put(sk);
            continue;
        }
        any = true;
        let kind = skb.linear().first().copied().unwrap_or(0);
        let unwanted = filtered && sk.shared.filter.blocks(kind, i32::from(family) == AF_INET6);
        if !unwanted && ip::mcast::sf_allow(&sk.shared.inet, local, remote, skb.iif) {
            let mut copy = skb.clone_in(cx);
            if i32::from(family) == AF_INET {
                copy.push_to_network_header();
            }
            receive(cx, &sk, copy, &ends);
        }
        cx.sock_put(sk);
    }
    any
}

/// Verifies the checksum that an IPv6 socket asked for, and queues (`rawv6_rcv`).
fn receive(cx: &Cx<'_>, sk: &Sock<Raw>, skb: Skb, ends: &Ends) {
    let offset = sk.shared.checksum.load(Relaxed);
    let wanted = offset >= 0 && i32::from(sk.family()) == AF_INET6;
    if wanted && skb.ip_summed == IpSummed::None {
        let sum = ip::packet::pseudo_header(ends.remote, ends.local, sk.protocol() as u8, skb.len() as u32);
        if !sum.add(skb.checksum(0)).is_valid() {
            sk.drops.fetch_add(1, Relaxed);
            return cx.drop_skb(skb, DropReason::UdpCsum);
        }
    }
    queue_rcv(cx, sk, skb);
}

/// Puts a packet on the socket's receive queue (`raw_rcv_skb`).
pub(crate) fn queue_rcv(cx: &Cx<'_>, sk: &Sock<Raw>, mut skb: Skb) {
    if let Err(reason) = sk.filter(cx, &mut skb, 1) {
        return cx.drop_skb(skb, reason);
    }
    ip::cmsg::prepare(sk, &sk.shared.inet, &mut skb);
    if let Err((skb, reason)) = sk.shared.queue.enqueue_within(cx, sk, skb) {
        cx.drop_skb(skb, reason);
    }
}

/// Tells the sockets whose packet was refused.
pub(crate) fn error(cx: &BhCx<'_, '_>, error: &IcmpError<'_>) {
    let family = if error.v6 { AF_INET6 } else { AF_INET } as u16;
    let ends = Ends { local: error.saddr, remote: error.daddr, dif: error.iif };
    for sk in RawNet::of(cx.net).table(family).matching(error.protocol, &ends) {
        report(cx, &sk, error);
        cx.sock_put(sk);
    }
}

/// `raw_err`, `rawv6_err`: a connected socket, or one that asked for errors, hears of it.
fn report(cx: &BhCx<'_, '_>, sk: &Sock<Raw>, error: &IcmpError<'_>) {
    let recverr = glue::wants_errors(sk, error.v6);
    let connected = sk.state() == uapi::TcpState::Established as u8;
    if !recverr && !connected {
        return;
    }
    let (errno, hard) = error.errno();
    if recverr {
        glue::icmp_error(cx, sk, error, errno);
    }
    if recverr || hard {
        sk.set_err(errno);
        sk.error_report(cx);
    }
}
