//! The way up: from IP to the queue, from the queue to the user.

use super::{Counted, CountedNet, HEADER};
use sockeye::ip;
use sockeye::ip::protocol::IcmpError;
use sockeye::stack::drop::DropReason;
use sockeye::stack::msg::RecvMsg;
use sockeye::stack::{BhCx, Cx, Skb, Sock, UserCx};
use sockeye::uapi::sockaddr::SOCKADDR_IN6_LEN;
use sockeye::uapi::{AF_INET, Errno, MSG_OOB, MSG_TRUNC, Result, SockAddr, TcpState};
use std::sync::atomic::Ordering::Relaxed;

/// Source port, destination port, number.
fn header(bytes: &[u8]) -> Option<(u16, u16, u32)> {
    let &[s0, s1, d0, d1, n0, n1, n2, n3] = bytes.first_chunk::<HEADER>()?;
    Some((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]), u32::from_be_bytes([n0, n1, n2, n3])))
}

/// A datagram from IP, at its header.
pub(super) fn receive(cx: &BhCx<'_, '_>, mut skb: Skb) {
    let Some((sport, dport, number)) = header(skb.linear()) else {
        return cx.drop_skb(skb, DropReason::HdrTrunc);
    };
    let (saddr, daddr) = ip::packet::addrs(&skb);
    let Some(sk) = CountedNet::of(cx.net).ports.lookup((daddr, dport), (saddr, sport)) else {
        return cx.drop_skb(skb, DropReason::NoSocket);
    };
    skb.set_transport_header();
    skb.pull(HEADER);
    count(&sk, number);
    queue_rcv(cx, &sk, skb);
    cx.sock_put(sk);
}

/// What the network lost shows in the next number; what the queue had no room for is counted as it is dropped.
fn count(sk: &Sock<Counted>, number: u32) {
    let expected = sk.shared.expected.swap(number.wrapping_add(1), Relaxed);
    let missing = number.wrapping_sub(expected) as i32;
    if missing > 0 {
        sk.shared.lost.fetch_add(missing as u32, Relaxed);
    }
}

pub(super) fn queue_rcv(cx: &Cx<'_>, sk: &Sock<Counted>, mut skb: Skb) {
    if let Err(reason) = sk.filter(cx, &mut skb, 0) {
        return cx.drop_skb(skb, reason);
    }
    if let Err((skb, reason)) = sk.shared.queue.enqueue_within(cx, sk, skb) {
        sk.shared.lost.fetch_add(1, Relaxed);
        cx.drop_skb(skb, reason);
    }
}

/// A datagram of ours was refused: a connected socket hears of it.
pub(super) fn error(cx: &BhCx<'_, '_>, error: &IcmpError<'_>) {
    let Some((ours, theirs)) = error.ports() else { return };
    let table = &CountedNet::of(cx.net).ports;
    let Some(sk) = table.lookup((error.saddr, ours), (error.daddr, theirs)) else { return };
    let (errno, hard) = error.errno();
    if hard && sk.state() == TcpState::Established as u8 {
        sk.set_err(errno);
        sk.error_report(cx);
    }
    cx.sock_put(sk);
}

/// Gives the user the next datagram.
pub(super) fn recvmsg(sk: &Sock<Counted>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let flags = msg.flags;
    if flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let Some(skb) = sk.shared.queue.recv(cx, sk, flags, &mut -1)? else { return Ok(0) };
    let (len, room) = (skb.len(), msg.iov.remaining());
    if room < len {
        msg.out_flags |= MSG_TRUNC;
    }
    let copied = skb.copy_to(0, &mut msg.iov, room.min(len));
    let (saddr, _) = ip::packet::addrs(&skb);
    let port = header(skb.transport()).map_or(0, |(sport, ..)| sport);
    let name = match saddr.as_v4() {
        Some(addr) if i32::from(sk.family()) == AF_INET => SockAddr::Inet { addr, port },
        _ => SockAddr::inet6(saddr, port, 0),
    };
    let mut bytes = [0; SOCKADDR_IN6_LEN];
    let n = name.encode(&mut bytes);
    msg.set_name(&bytes[..n]);
    ip::cmsg::recv(cx, sk, &sk.shared.inet, &skb, msg);
    sk.shared.queue.done(cx, sk, skb, flags);
    Ok(if flags & MSG_TRUNC != 0 { len } else { copied })
}
