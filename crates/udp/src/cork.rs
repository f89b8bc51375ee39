//! One datagram from many sends: `UDP_CORK` and `MSG_MORE`.

use crate::dest::Dest;
use crate::sock::check_send;
use crate::{Udp, send};
use ip::output::Ipcm;
use ip::output::cork::{Cork, append_data, make_skb};
use net::Dst;
use net::msg::MsgHdr;
use net::sock::SkMut;
use net::{Cx, UserCx};
use std::sync::Arc;
use uapi::sockaddr::{SIN6_LEN_RFC2133, sa_family};
use uapi::{AF_INET, AF_INET6, AF_UNSPEC, Errno, InetAddr, Result};
use wire::UdpHdr;

/// Begins a datagram that more sends are appended to.
#[cold]
pub(crate) fn begin(
    sk: &mut SkMut<'_, Udp>,
    cx: &UserCx<'_>,
    msg: &mut MsgHdr<'_>,
    dest: &Dest,
    ipc: Ipcm,
    gso_size: u16,
    (dst, daddr): (Arc<Dst>, InetAddr),
) -> Result<usize> {
    let ipc = Ipcm { gso_size, ..ipc };
    if dest.connected {
        sk.inet.dst = Some(dst.clone());
    }
    let sport = sk.inet.num;
    let ends = (dst.src, daddr, dest.port);
    if daddr.is_v4() {
        sk.led = (!dest.connected).then_some(ends);
    }
    sk.pending = if daddr.is_v4() { AF_INET } else { AF_INET6 } as u16;
    sk.inet.cork = Some(Box::new(Cork::new(dst, ends, sk.sk.protocol() as u8, ipc)));
    if let Some(cork) = &mut sk.inet.cork {
        cork.sport = sport;
    }
    append_now(sk, cx, msg, true)
}

/// What IPv6 asks of an address before it looks at what is being built.
#[cold]
pub(crate) fn check_name6(msg: &MsgHdr<'_>) -> Result<()> {
    let Some(name) = msg.name else { return Ok(()) };
    match i32::from(sa_family(name)?) {
        AF_INET6 if name.len() < SIN6_LEN_RFC2133 => Err(Errno::EINVAL),
        AF_INET | AF_INET6 | AF_UNSPEC => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// Appends a send to the datagram that is being built; `None` when none is any more. The address of
/// the call is not looked at, but for its family.
#[cold]
pub(crate) fn append(
    sk: &mut SkMut<'_, Udp>,
    cx: &UserCx<'_>,
    msg: &mut MsgHdr<'_>,
    more: bool,
) -> Result<Option<usize>> {
    if i32::from(sk.pending) == AF_INET6
        && let Some(name) = msg.name
        && uapi::SockAddr::parse(name).is_ok_and(|addr| addr.inet_parts().is_some_and(|(ip, _)| ip.is_v4()))
    {
        // `udp_sendmsg` is asked before it is seen that the datagram is one of IPv6.
        if sk.inet.v6only {
            return Err(Errno::ENETUNREACH);
        }
        send::check_v4(msg, msg.iov.remaining())?;
        return Err(Errno::EINVAL);
    }
    if sk.inet.cork.is_none() {
        sk.pending = 0;
        return Ok(None);
    }
    append_now(sk, cx, msg, more).map(Some)
}

fn append_now(sk: &mut SkMut<'_, Udp>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>, more: bool) -> Result<usize> {
    let len = msg.iov.remaining();
    let Some(mut cork) = sk.inet.cork.take() else { return Ok(0) };
    // Who has a buffer already is not asked for one (`sock_alloc_send_skb`).
    let may = if cork.is_empty() { check_send(sk.sk) } else { Ok(()) };
    let appended = may.and_then(|()| append_data(cx, &sk.inet, &mut cork, &mut msg.iov, len, UdpHdr::LEN));
    sk.inet.cork = Some(cork);
    if let Err(errno) = appended {
        send::flush_pending(sk, cx);
        return Err(errno);
    }
    if !more {
        push_pending(sk, cx)?;
    }
    Ok(len)
}

/// Sends what was corked (`udp_push_pending_frames`, `udp_v6_push_pending_frames`).
pub(crate) fn push_pending(sk: &mut SkMut<'_, Udp>, cx: &Cx<'_>) -> Result<()> {
    sk.pending = 0;
    let Some(mut cork) = sk.inet.cork.take() else { return Ok(()) };
    let skb = make_skb(cx, &mut cork);
    // IPv6 has its port with the flow, which connect() leaves alone; IPv4 has the socket's of now.
    let sport = if cork.daddr.is_v4() { sk.inet.num } else { cork.sport };
    send::send_skb(sk, cx, skb, &cork.datagram(), (sport, cork.dport))
}
