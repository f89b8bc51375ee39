//! Datagrams go to the user (`udp_recvmsg`, `udpv6_recvmsg`), without the socket lock.

use crate::mib;
use crate::sock::flag;
use crate::{Udp, UdpNet};
use net::msg::RecvMsg;
use net::{Skb, Sock, UserCx};
use uapi::{MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC, Result, SOL_UDP, SockAddr, UDP_GRO};

/// Every way of receiving ends here. Returns the bytes copied, or with `MSG_TRUNC` the datagram's
/// length.
#[inline]
pub(crate) fn recvmsg(sk: &Sock<Udp>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if msg.flags & MSG_ERRQUEUE != 0 {
        return crate::glue::recv_error(cx, sk, msg);
    }
    let flags = msg.flags;
    let mut offset = sk.peek_offset(flags);
    let memory = UdpNet::of(cx.net).scheduled();
    let queue = &sk.shared.queue;
    let Some(skb) = queue.recv_scheduled(cx, sk, memory, flags, &mut offset)? else { return Ok(0) };
    let offset = offset.max(0) as usize;
    let len = skb.len();
    let room = msg.iov.remaining();
    let wanted = room.min(len.saturating_sub(offset));
    if room < len {
        msg.out_flags |= if wanted < len.saturating_sub(offset) { MSG_TRUNC } else { 0 };
    }
    let copied = skb.copy_to(offset, &mut msg.iov, wanted);
    let v6 = skb.protocol == uapi::ETH_P_IPV6;
    if flags & MSG_PEEK == 0 {
        mib::inc(cx, sk.protocol(), v6, &mib::IN_DATAGRAMS);
    }
    if msg.name.is_some() {
        set_name(sk, msg, &skb, v6);
    }
    put_cmsgs(sk, cx, msg, &skb);
    let result = if flags & MSG_TRUNC != 0 { len } else { copied };
    sk.peek_offset_moved(flags, result as i32);
    cx.consume_skb(skb);
    Ok(result)
}

/// The sender's address: as IPv6 shows it on an `AF_INET6` socket.
#[inline]
fn set_name(sk: &Sock<Udp>, msg: &mut RecvMsg<'_>, skb: &Skb, v6: bool) {
    let (saddr, _) = ip::packet::addrs(skb);
    let port = match *skb.transport() {
        [a, b, ..] => u16::from_be_bytes([a, b]),
        _ => 0,
    };
    let name = match saddr.as_v4() {
        Some(addr) if i32::from(sk.family()) == uapi::AF_INET => SockAddr::Inet { addr, port },
        _ => {
            let scope = if v6 && saddr.needs_scope_id() { skb.iif } else { 0 };
            SockAddr::inet6(saddr, port, scope)
        }
    };
    let mut bytes = [0; uapi::sockaddr::SOCKADDR_IN6_LEN];
    let n = name.encode(&mut bytes);
    msg.set_name(&bytes[..n]);
}

/// Control messages, if any are asked for.
#[inline]
fn put_cmsgs(sk: &Sock<Udp>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>, skb: &Skb) {
    if sk.shared.flag(flag::GRO) && skb.gso_size != 0 {
        msg.control.put(SOL_UDP, UDP_GRO, &i32::from(skb.gso_size).to_ne_bytes());
    }
    crate::glue::cmsg_recv(cx, sk, skb, msg);
}
