//! `connect()`, `listen()`, `accept()` (`inet_dgram_connect`, `inet_stream_connect`, `inet_listen`,
//! `inet_accept`).

use crate::bind::autobind;
use ip::InetProto;
use net::sock::{SkMut, Timeo, UserGuard};
use net::socket::{AcceptFlags, SocketState};
use net::{Socket, UserCx};
use std::cell::Cell;
use uapi::sockaddr::sa_family;
use uapi::{AF_UNSPEC, Errno, Result, SOCK_STREAM, TcpState};

/// `connect()` of a datagram socket: names the peer, or with `AF_UNSPEC` forgets it.
pub fn inet_dgram_connect<P: InetProto>(
    sock: &Socket,
    cx: &UserCx<'_>,
    address: &[u8],
    _nonblock: bool,
) -> Result<()> {
    let sk = sock.sock::<P>()?;
    if i32::from(sa_family(address)?) == AF_UNSPEC {
        return P::disconnect(&mut sk.lock_sock(cx).sk_mut(), cx);
    }
    autobind(sk, cx)?;
    P::connect(&mut sk.lock_sock(cx).sk_mut(), cx, address)
}

/// A connection is given up: whoever sleeps on it learns of that.
fn disconnect<P: InetProto>(sk: &mut SkMut<'_, P>, cx: &UserCx<'_>) -> Result<()> {
    sk.sk.set_disconnects(sk.sk.disconnects().wrapping_add(1));
    P::disconnect(sk, cx)
}

fn is_connecting<P: InetProto>(sk: &SkMut<'_, P>) -> bool {
    let state = sk.sk.state();
    state == TcpState::SynSent as u8 || state == TcpState::SynRecv as u8
}

/// `connect()` of a stream: begins, and waits until the connection stands or failed.
///
/// # Errors
/// `EINPROGRESS` when the call may not wait (that long), then `EALREADY`; `EISCONN`; `EINTR`,
/// `ERESTARTSYS`; what ended the attempt: `ECONNREFUSED`, `ETIMEDOUT`, …; `ECONNABORTED` when it
/// ended without an error.
pub fn inet_stream_connect<P: InetProto>(
    sock: &Socket,
    cx: &UserCx<'_>,
    address: &[u8],
    nonblock: bool,
) -> Result<()> {
    let guard = sock.sock::<P>()?.lock_sock(cx);
    stream_connect(sock, cx, guard, (Some(address), nonblock), None, P::connect)
}

/// The same for a sock that is locked, with `begin` to send the SYN. `sends` is what a write that
/// connects has left to send once the SYN went; it may come without an address
/// (`__inet_stream_connect`).
pub(crate) fn stream_connect<'a, 'c, P: InetProto>(
    sock: &Socket,
    cx: &'a UserCx<'c>,
    mut guard: UserGuard<'a, 'c, P>,
    (address, nonblock): (Option<&[u8]>, bool),
    sends: Option<&Cell<usize>>,
    begin: impl FnOnce(&mut SkMut<'_, P>, &UserCx<'_>, &[u8]) -> Result<()>,
) -> Result<()> {
    let sk = guard.sock();
    if let Some(address) = address
        && i32::from(sa_family(address)?) == AF_UNSPEC
    {
        let result = disconnect(&mut guard.sk_mut(), cx);
        let left = if result.is_ok() { SocketState::Unconnected } else { SocketState::Disconnecting };
        sock.set_state(cx, left);
        return result;
    }
    let pending = match sock.state() {
        SocketState::Connected => return Err(Errno::EISCONN),
        SocketState::Connecting if P::connect_is_deferred(&guard.sk_mut()) => {
            if sends.is_some() {
                Errno::EINPROGRESS
            } else {
                Errno::EISCONN
            }
        }
        SocketState::Connecting => Errno::EALREADY,
        SocketState::Unconnected => {
            if sk.state() != TcpState::Close as u8 {
                return Err(Errno::EISCONN);
            }
            begin(&mut guard.sk_mut(), cx, address.unwrap_or_default())?;
            sock.set_state(cx, SocketState::Connecting);
            if P::connect_is_deferred(&guard.sk_mut()) {
                return Ok(());
            }
            Errno::EINPROGRESS
        }
        SocketState::Free | SocketState::Disconnecting => return Err(Errno::EINVAL),
    };
    let timeo = Timeo::new(cx, nonblock, sk.sndtimeo());
    if is_connecting(&guard.sk_mut()) {
        if timeo == Timeo::Never {
            return Err(pending);
        }
        let waits = sends.is_some_and(|left| left.get() > 0);
        guard = wait_for_connect(guard, cx, timeo, pending, waits)?;
    }
    finish_connect(sock, cx, &mut guard.sk_mut())
}

/// Waits while the handshake goes on (`inet_wait_for_connect`).
fn wait_for_connect<'a, 'c, P: InetProto>(
    mut guard: UserGuard<'a, 'c, P>,
    cx: &'a UserCx<'c>,
    timeo: Timeo,
    pending: Errno,
    to_send: bool,
) -> Result<UserGuard<'a, 'c, P>> {
    // A peer on this host answers as soon as this call's packets are received: then there is no
    // need to queue for news.
    let sk = guard.sock();
    if to_send {
        P::write_pending(&mut guard.sk_mut(), true);
    }
    let disconnects = sk.disconnects();
    drop(guard);
    cx.do_softirq();
    let (mut guard, result) = sk.lock_sock(cx).wait_event(timeo, |sk| (!is_connecting(sk)).then_some(()));
    if to_send {
        P::write_pending(&mut guard.sk_mut(), false);
    }
    match result {
        Ok(()) if sk.disconnects() != disconnects => Err(Errno::EPIPE),
        Ok(()) => Ok(guard),
        Err(Errno::EAGAIN) => Err(pending),
        Err(errno) => Err(errno),
    }
}

/// The handshake is over, one way or the other.
fn finish_connect<P: InetProto>(sock: &Socket, cx: &UserCx<'_>, sk: &mut SkMut<'_, P>) -> Result<()> {
    if sk.sk.state() != TcpState::Close as u8 {
        sock.set_state(cx, SocketState::Connected);
        return Ok(());
    }
    let errno = sk.sk.take_err().unwrap_or(Errno::ECONNABORTED);
    let disconnected = disconnect(sk, cx).is_ok();
    let left = if disconnected { SocketState::Unconnected } else { SocketState::Disconnecting };
    sock.set_state(cx, left);
    Err(errno)
}

/// Starts to listen, or changes the backlog of a listener (`__inet_listen_sk`). `start` is the
/// protocol's beginning (`inet_csk_listen_start`).
pub fn inet_listen<P: InetProto>(
    sock: &Socket,
    cx: &UserCx<'_>,
    backlog: i32,
    start: fn(&mut SkMut<'_, P>, &UserCx<'_>) -> Result<()>,
) -> Result<()> {
    let sk = sock.sock::<P>()?;
    let mut guard = sk.lock_sock(cx);
    if sock.state() != SocketState::Unconnected || i32::from(sock.kind()) != SOCK_STREAM {
        return Err(Errno::EINVAL);
    }
    let state = sk.state();
    let backlog = backlog as u32;
    if state == TcpState::Listen as u8 {
        sk.set_max_ack_backlog(backlog);
        Ok(())
    } else if state == TcpState::Close as u8 {
        sk.set_max_ack_backlog(backlog);
        start(&mut guard.sk_mut(), cx)
    } else {
        Err(Errno::EINVAL)
    }
}

/// Attaches the first completed connection to the fresh socket `new`. Errors are the protocol's.
pub fn inet_accept<P: InetProto>(
    sock: &Socket,
    new: &Socket,
    cx: &UserCx<'_>,
    flags: AcceptFlags,
) -> Result<()> {
    let child = P::accept(sock.sock::<P>()?, cx, flags.nonblock)?;
    new.set_kind(sock.kind());
    new.set_ops(sock.ops());
    new.graft(child);
    new.set_state(cx, SocketState::Connected);
    Ok(())
}
