//! Packets go out (`raw_sendmsg`, `rawv6_sendmsg`).

use crate::{Raw, RawSock, glue, hdrincl};
use ip::datagram::truesize;
use ip::output::cork::{Cork, append_data, make_skb};
use ip::output::{self, Datagram, Ipcm};
use ip::{InetSock, route};
use net::dst::DstKind;
use net::msg::MsgHdr;
use net::sock::txstamp::setup_tx_timestamp;
use net::sock::{SEND_SHUTDOWN, SkMut, SockFlag};
use net::{Cx, Skb, Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::sockaddr::{SIN6_LEN_RFC2133, SOCKADDR_IN6_LEN, parse_in, parse_in6, sa_family};
use uapi::{
    AF_INET, AF_INET6, AF_UNSPEC, Errno, IPPROTO_ICMP, IPPROTO_ICMPV6, InetAddr, MSG_MORE, MSG_OOB,
    MSG_PROBE, Result, TcpState,
};

/// Where a packet goes.
struct Dest {
    addr: InetAddr,
    scope: u32,
}

/// Every way of sending ends here.
pub(crate) fn sendmsg(sk: &Sock<Raw>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let len = msg.iov.remaining();
    let mut guard = sk.lock_sock(cx);
    let mut st = guard.sk_mut();
    let st = &mut st;
    if len > 0xffff && !st.inet.is_inet6() {
        return Err(Errno::EMSGSIZE);
    }
    if msg.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let dest = destination(sk, &st.inet, msg.name)?;
    let ipc = match msg.control {
        [] => Ipcm::NONE,
        _ => glue::cmsg_send(cx, sk, msg)?,
    };
    let v4 = !st.inet.is_inet6();
    if dest.addr.is_v4() && !v4 {
        // An IPv6 packet to a v4-mapped address: no route leads anywhere, and nobody is told.
        return Ok(len);
    }
    if !st.inet.hdrincl && len < probed(sk) {
        return Err(Errno::EFAULT);
    }
    let daddr = ip::datagram::this_host(dest.addr, ipc.saddr.unwrap_or(st.inet.saddr));
    let mut flow = route::flow_of(sk, &st.inet, daddr);
    flow.saddr = ipc.saddr.unwrap_or(flow.saddr);
    match (ipc.oif, dest.scope) {
        (0, 0) => {}
        (0, scope) => flow.oif = scope,
        (oif, _) => flow.oif = oif,
    }
    route::dont_route(&mut flow, sk, msg.flags);
    let dst = route::output(cx, &flow)?;
    if dst.kind == DstKind::Broadcast && !sk.flag(SockFlag::Broadcast) {
        return Err(Errno::EACCES);
    }
    if st.inet.hdrincl {
        hdrincl::send(st, cx, msg, &dst, daddr, &ipc)?;
        return Ok(len);
    }
    if st.inet.cork.is_none() {
        let protocol = ipc.protocol.unwrap_or(sk.protocol() as u8);
        let ends = (dst.src, daddr, 0);
        st.inet.cork = Some(Box::new(Cork::new(dst, ends, protocol, ipc)));
    }
    if msg.flags & MSG_PROBE != 0 {
        flush_pending(st, cx);
        return Ok(len);
    }
    append(st, cx, msg, len)?;
    if msg.flags & MSG_MORE == 0 {
        push_pending(st, cx)?;
    }
    Ok(len)
}

/// Bytes that are looked at before a route is asked (`raw_probe_proto_opt`,
/// `rawv6_probe_proto_opt`): a message that has not even those is a bad one.
fn probed(sk: &Sock<Raw>) -> usize {
    let v6 = i32::from(sk.family()) == AF_INET6;
    match i32::from(sk.protocol()) {
        IPPROTO_ICMP if !v6 => 2,
        IPPROTO_ICMPV6 if v6 => 2,
        uapi::IPPROTO_MH if v6 => 4,
        _ => 0,
    }
}

fn destination(sk: &Sock<Raw>, inet: &InetSock, name: Option<&[u8]>) -> Result<Dest> {
    let Some(name) = name else {
        if sk.state() != TcpState::Established as u8 {
            return Err(Errno::EDESTADDRREQ);
        }
        return Ok(Dest { addr: inet.daddr, scope: 0 });
    };
    if !inet.is_inet6() {
        let (addr, _) = parse_in(name)?;
        let family = i32::from(sa_family(name)?);
        if family != AF_INET && family != AF_UNSPEC {
            return Err(Errno::EAFNOSUPPORT);
        }
        return Ok(Dest { addr: addr.into(), scope: 0 });
    }
    if name.len() < SIN6_LEN_RFC2133 {
        return Err(Errno::EINVAL);
    }
    let family = i32::from(sa_family(name)?);
    if family != AF_UNSPEC && family != AF_INET6 {
        return Err(Errno::EAFNOSUPPORT);
    }
    let sin6 = parse_in6(name)?;
    // The port is the protocol, if anything; an unbound protocol is the port's.
    if sin6.port() != 0 && sin6.port() != sk.protocol() {
        return Err(Errno::EINVAL);
    }
    let addr = match InetAddr::from(*sin6.ip()) {
        InetAddr::UNSPECIFIED_V6 => InetAddr::LOOPBACK_V6,
        addr => addr,
    };
    let scoped = name.len() >= SOCKADDR_IN6_LEN && addr.needs_scope_id();
    Ok(Dest { addr, scope: if scoped { sin6.scope_id() } else { 0 } })
}

fn append(sk: &mut SkMut<'_, Raw>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>, len: usize) -> Result<()> {
    let Some(mut cork) = sk.inet.cork.take() else { return Ok(()) };
    let room = cork.room(&sk.inet);
    // Neither the pending error nor a shutdown stops a raw packet.
    let appended = append_data(cx, &sk.inet, &mut cork, &mut msg.iov, len, 0);
    let daddr = cork.daddr;
    sk.inet.cork = Some(cork);
    appended.inspect_err(|&errno| {
        if errno == Errno::EMSGSIZE {
            glue::local_error(cx, sk.sk, errno, (daddr, 0), room.mtu);
        }
        flush_pending(sk, cx);
    })
}

/// Why no packet with a header of its own may be sent: the pending error, or the shutdown.
pub(crate) fn check_send(sk: &Sock<Raw>) -> Result<()> {
    if let Some(errno) = sk.take_err() {
        return Err(errno);
    }
    if sk.shutdown() & SEND_SHUTDOWN != 0 { Err(Errno::EPIPE) } else { Ok(()) }
}

fn push_pending(sk: &mut SkMut<'_, Raw>, cx: &Cx<'_>) -> Result<()> {
    let Some(mut cork) = sk.inet.cork.take() else { return Ok(()) };
    let mut skb = make_skb(cx, &mut cork);
    let to = cork.datagram();
    let v6 = to.daddr.is_v6();
    let header = if v6 { wire::Ipv6Hdr::LEN } else { wire::Ipv4Hdr::LEN };
    skb.truesize = truesize(header, skb.len(), v6);
    setup_tx_timestamp(sk.sk, &mut skb, to.ipc.tsflags, to.ipc.ts_opt_id);
    if v6 {
        put_checksum(sk.sk, &mut skb, &to)?;
    }
    match output::send_skb(cx, sk.sk, &mut sk.inet, &to, skb) {
        // A full device is only told to those who asked for errors.
        Err(Errno::ENOBUFS) if !glue::wants_errors(sk.sk, v6) => Ok(()),
        result => result,
    }
}

/// Fills in the checksum where `IPV6_CHECKSUM` says (`rawv6_push_pending_frames`). `EINVAL` when the
/// packet ends before it.
fn put_checksum(sk: &Sock<Raw>, skb: &mut Skb, to: &Datagram<'_>) -> Result<()> {
    let Ok(offset) = usize::try_from(sk.shared.checksum.load(Relaxed)) else { return Ok(()) };
    let len = skb.len();
    if offset + 2 > len || !skb.may_pull(offset + 2) {
        return Err(Errno::EINVAL);
    }
    let pseudo = ip::packet::pseudo_header(to.saddr, to.daddr, to.protocol, len as u32);
    // What the program left in the field is summed with the rest.
    let sum = match pseudo.add(skb.checksum(0)).fold() {
        0 if to.protocol == uapi::IPPROTO_UDP as u8 => 0xffff,
        sum => sum,
    };
    skb.linear_mut()[offset..offset + 2].copy_from_slice(&sum.to_be_bytes());
    Ok(())
}

/// Throws away what was corked.
pub(crate) fn flush_pending(sk: &mut RawSock, cx: &Cx<'_>) {
    output::cork::flush(cx, &mut sk.inet);
}
