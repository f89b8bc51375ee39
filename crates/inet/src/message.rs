//! Sending, receiving and what else the operations hand to the protocol (`inet_sendmsg`,
//! `inet_recvmsg`, `inet_shutdown`).

use crate::bind::autobind;
use ip::InetProto;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{GetOpt, Sock};
use net::socket::SocketState;
use net::trace::Event;
use net::{Socket, UserCx};
use uapi::{Errno, RCV_SHUTDOWN, Result, SHUTDOWN_MASK, TcpState};

/// Tells whoever watches that a call has reached the protocol.
#[inline]
pub(crate) fn reached<P: InetProto>(sk: &Sock<P>, cx: &UserCx<'_>, call: &'static str) {
    cx.trace(|| Event::Proto { prot: P::NAME, call, cookie: sk.cookie(cx.net) });
}

/// Every way of sending a datagram, with a port chosen before the first one (`inet_sendmsg`).
#[inline]
pub fn inet_sendmsg<P: InetProto>(sock: &Socket, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let sk = sock.sock::<P>()?;
    autobind(sk, cx)?;
    reached(sk, cx, "sendmsg");
    P::sendmsg(sk, cx, msg)
}

/// Every way of receiving (`inet_recvmsg`).
#[inline]
pub fn inet_recvmsg<P: InetProto>(sock: &Socket, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let sk = sock.sock::<P>()?;
    reached(sk, cx, "recvmsg");
    P::recvmsg(sk, cx, msg)
}

/// `poll()`.
pub fn inet_poll<P: InetProto>(sock: &Socket, cx: &UserCx<'_>) -> u32 {
    sock.sock::<P>().map_or(0, |sk| P::poll(sk, cx))
}

/// `setsockopt()` of all levels but `SOL_SOCKET` (`sock_common_setsockopt`).
pub fn setsockopt<P: InetProto>(
    sock: &Socket,
    cx: &UserCx<'_>,
    level: i32,
    name: i32,
    value: &[u8],
) -> Result<()> {
    P::setsockopt(sock.sock::<P>()?, cx, level, name, value)
}

/// `getsockopt()` of all levels but `SOL_SOCKET` (`sock_common_getsockopt`).
pub fn getsockopt<P: InetProto>(
    sock: &Socket,
    cx: &UserCx<'_>,
    level: i32,
    name: i32,
    out: &mut GetOpt<'_>,
) -> Result<()> {
    P::getsockopt(sock.sock::<P>()?, cx, level, name, out)
}

/// `SO_PEEK_OFF` (`sk_set_peek_off`).
pub fn set_peek_off<P: InetProto>(sock: &Socket, offset: i32) -> Result<()> {
    sock.sock::<P>()?.set_peek_off(offset);
    Ok(())
}

/// `shutdown()`. `EINVAL` for another `how`, `ENOTCONN` for a socket without a peer, which is shut
/// down all the same.
pub fn inet_shutdown<P: InetProto>(sock: &Socket, cx: &UserCx<'_>, how: i32) -> Result<()> {
    // SHUT_RD, SHUT_WR, SHUT_RDWR become bits.
    let how = match how {
        0..=2 => (how + 1) as u8 & SHUTDOWN_MASK,
        _ => return Err(Errno::EINVAL),
    };
    let sk = sock.sock::<P>()?;
    let mut guard = sk.lock_sock(cx);
    let state = TcpState::from_raw(sk.state());
    if sock.state() == SocketState::Connecting {
        let early = matches!(state, Some(TcpState::SynSent | TcpState::SynRecv | TcpState::Close));
        let to = if early { SocketState::Disconnecting } else { SocketState::Connected };
        sock.set_state(cx, to);
    }
    let mut st = guard.sk_mut();
    let result = match state {
        Some(TcpState::Listen) if how & RCV_SHUTDOWN == 0 => Ok(()),
        Some(TcpState::Listen | TcpState::SynSent) => {
            let result = P::disconnect(&mut st, cx);
            let ok = result.is_ok();
            sock.set_state(cx, if ok { SocketState::Unconnected } else { SocketState::Disconnecting });
            result
        }
        _ => {
            sk.set_shutdown(sk.shutdown() | how);
            P::shutdown(&mut st, cx, how);
            if state == Some(TcpState::Close) { Err(Errno::ENOTCONN) } else { Ok(()) }
        }
    };
    // Whoever polls sees the hang-up, also of a socket that has no peer.
    sk.state_change(cx);
    result
}
