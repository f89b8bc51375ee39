//! The way down.

use super::{Counted, HEADER, IPPROTO_COUNTED};
use sockeye::ip::datagram::{this_host, truesize};
use sockeye::ip::output::{self, Datagram};
use sockeye::ip::{self, InetSock, route};
use sockeye::stack::dst::DstKind;
use sockeye::stack::msg::MsgHdr;
use sockeye::stack::sock::{SEND_SHUTDOWN, SockFlag};
use sockeye::stack::{Sock, UserCx};
use sockeye::uapi::sockaddr::{parse_in, parse_in6, sa_family};
use sockeye::uapi::{AF_INET, AF_INET6, Errno, InetAddr, MSG_OOB, Result, TcpState};

/// Sends one datagram to the address of the call, or to the peer.
pub(super) fn sendmsg(sk: &Sock<Counted>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let len = msg.iov.remaining();
    if msg.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let mut guard = sk.lock_sock(cx);
    let mut st = guard.sk_mut();
    let (to, port) = destination(sk, &st.inet, msg.name)?;
    if port == 0 {
        return Err(Errno::EINVAL);
    }
    let ipc = ip::cmsg::send(cx, sk, &sk.shared.inet, msg)?;
    let daddr = this_host(to, ipc.saddr.unwrap_or(st.inet.saddr));
    let mut flow = route::flow_of(sk, &st.inet, daddr);
    flow.saddr = ipc.saddr.unwrap_or(flow.saddr);
    let dst = route::output(cx, &flow)?;
    if dst.kind == DstKind::Broadcast && !sk.flag(SockFlag::Broadcast) {
        return Err(Errno::EACCES);
    }
    let to = Datagram { dst: &dst, saddr: dst.src, daddr, protocol: IPPROTO_COUNTED as u8, ipc: &ipc };
    if len + HEADER > output::room(&st.inet, &to).max {
        return Err(Errno::EMSGSIZE);
    }
    if let Some(errno) = sk.take_err() {
        return Err(errno);
    }
    if sk.shutdown() & SEND_SHUTDOWN != 0 {
        return Err(Errno::EPIPE);
    }
    let mut skb = cx.alloc_skb();
    if skb.append_from(cx, &mut msg.iov, len) < len {
        cx.consume_skb(skb);
        return Err(Errno::EFAULT);
    }
    let header = skb.push(HEADER);
    header[..2].copy_from_slice(&st.inet.num.to_be_bytes());
    header[2..4].copy_from_slice(&port.to_be_bytes());
    header[4..].copy_from_slice(&st.next.to_be_bytes());
    skb.truesize = truesize(HEADER, len, daddr.is_v6());
    skb.set_transport_header();
    st.next = st.next.wrapping_add(1);
    output::send_skb(cx, sk, &mut st.inet, &to, skb)?;
    Ok(len)
}

fn destination(sk: &Sock<Counted>, inet: &InetSock, name: Option<&[u8]>) -> Result<(InetAddr, u16)> {
    let Some(name) = name else {
        let connected = sk.state() == TcpState::Established as u8;
        return if connected { Ok((inet.daddr, inet.dport)) } else { Err(Errno::EDESTADDRREQ) };
    };
    let wanted = if inet.is_inet6() { AF_INET6 } else { AF_INET };
    match i32::from(sa_family(name)?) {
        family if family != wanted => Err(Errno::EAFNOSUPPORT),
        AF_INET => parse_in(name).map(|(addr, port)| (addr.into(), port)),
        _ => parse_in6(name).map(|to| (InetAddr::from(*to.ip()), to.port())),
    }
}
