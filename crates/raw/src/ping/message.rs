//! Requests go out and replies to the user (`ping_v4_sendmsg`, `ping_v6_sendmsg`, `ping_recvmsg`).

use super::{Ping, is_v6};
use crate::{glue, recv};
use ip::datagram::truesize;
use ip::output::{self, Datagram, Ipcm};
use ip::{InetSock, route};
use net::dst::DstKind;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::txstamp::setup_tx_timestamp;
use net::sock::{SEND_SHUTDOWN, SockFlag};
use net::{Sock, UserCx};
use uapi::sockaddr::{SOCKADDR_IN6_LEN, parse_in, parse_in6, sa_family};
use uapi::{
    AF_INET, AF_INET6, Errno, ICMP_ECHO, ICMPV6_ECHO_REQUEST, IPPROTO_ICMP, IPPROTO_ICMPV6, InetAddr,
    MSG_ERRQUEUE, MSG_OOB, MSG_PROBE, Result, TcpState,
};

/// Bytes of an echo header.
const HEADER: usize = 8;

/// Sends an echo request: the program's type, sequence number and data, with the socket's identifier
/// and the checksum.
pub(super) fn sendmsg(sk: &Sock<Ping>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let len = msg.iov.remaining();
    if len > 0xffff {
        return Err(Errno::EMSGSIZE);
    }
    if len < HEADER {
        return Err(Errno::EINVAL);
    }
    if msg.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let mut header = [0; HEADER];
    if msg.iov.copy_to(&mut header) < HEADER {
        return Err(Errno::EFAULT);
    }
    let v6 = is_v6(sk);
    let echo = if v6 { ICMPV6_ECHO_REQUEST } else { ICMP_ECHO };
    if header[0] != echo || header[1] != 0 {
        return Err(Errno::EINVAL);
    }
    let mut guard = sk.lock_sock(cx);
    let mut st = guard.sk_mut();
    let (to, scope) = destination(sk, &st.inet, msg.name)?;
    let ipc = match msg.control {
        [] => Ipcm::NONE,
        _ => glue::cmsg_send(cx, sk, msg)?,
    };
    let daddr = ip::datagram::this_host(to, ipc.saddr.unwrap_or(st.inet.saddr));
    let mut flow = route::flow_of(sk, &st.inet, daddr);
    flow.saddr = ipc.saddr.unwrap_or(flow.saddr);
    match (ipc.oif, scope) {
        (0, 0) => {}
        (0, scope) => flow.oif = scope,
        (oif, _) => flow.oif = oif,
    }
    route::dont_route(&mut flow, sk, msg.flags);
    let dst = route::output(cx, &flow)?;
    if dst.kind == DstKind::Broadcast && !sk.flag(SockFlag::Broadcast) {
        return Err(Errno::EACCES);
    }
    if msg.flags & MSG_PROBE != 0 {
        return Ok(len);
    }
    if let Some(errno) = sk.take_err() {
        return Err(errno);
    }
    if sk.shutdown() & SEND_SHUTDOWN != 0 {
        return Err(Errno::EPIPE);
    }
    let protocol = if v6 { IPPROTO_ICMPV6 } else { IPPROTO_ICMP } as u8;
    let to = Datagram { dst: &dst, saddr: dst.src, daddr, protocol, ipc: &ipc };
    let room = output::room(&st.inet, &to);
    if len > room.max {
        glue::local_error(cx, sk, Errno::EMSGSIZE, (daddr, 0), room.mtu);
        return Err(Errno::EMSGSIZE);
    }
    let mut skb = cx.alloc_skb();
    skb.append_from(cx, &mut msg.iov, len - HEADER);
    header[2..4].fill(0);
    header[4..6].copy_from_slice(&st.inet.num.to_be_bytes());
    skb.push(HEADER).copy_from_slice(&header);
    skb.truesize = truesize(if v6 { 40 } else { 20 }, len, v6);
    let sum = match v6 {
        true => ip::packet::pseudo_header(to.saddr, to.daddr, protocol, len as u32).add(skb.checksum(0)),
        false => skb.checksum(0),
    };
    skb.linear_mut()[2..4].copy_from_slice(&sum.fold().to_be_bytes());
    setup_tx_timestamp(sk, &mut skb, ipc.tsflags, ipc.ts_opt_id);
    output::send_skb(cx, sk, &mut st.inet, &to, skb)?;
    Ok(len)
}

fn destination(sk: &Sock<Ping>, inet: &InetSock, name: Option<&[u8]>) -> Result<(InetAddr, u32)> {
    let Some(name) = name else {
        let connected = sk.state() == TcpState::Established as u8;
        return if connected { Ok((inet.daddr, 0)) } else { Err(Errno::EDESTADDRREQ) };
    };
    if !inet.is_inet6() {
        let (addr, _) = parse_in(name)?;
        let family = i32::from(sa_family(name)?);
        return if family == AF_INET { Ok((addr.into(), 0)) } else { Err(Errno::EAFNOSUPPORT) };
    }
    if name.len() < SOCKADDR_IN6_LEN {
        return Err(Errno::EINVAL);
    }
    if i32::from(sa_family(name)?) != AF_INET6 {
        return Err(Errno::EAFNOSUPPORT);
    }
    let sin6 = parse_in6(name)?;
    let addr = InetAddr::from(*sin6.ip());
    let scope = if addr.needs_scope_id() { sin6.scope_id() } else { 0 };
    match addr {
        InetAddr::UNSPECIFIED_V6 => Ok((InetAddr::LOOPBACK_V6, 0)),
        addr if addr.is_v4() => Err(Errno::EINVAL),
        addr => Ok((addr, scope)),
    }
}

/// Gives the user a reply, ICMP header and all.
pub(super) fn recvmsg(sk: &Sock<Ping>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if msg.flags & MSG_ERRQUEUE != 0 && msg.flags & MSG_OOB == 0 {
        return glue::recv_error(cx, sk, msg);
    }
    Ok(recv::packet(sk, &sk.shared.queue, cx, msg)?.copied)
}
