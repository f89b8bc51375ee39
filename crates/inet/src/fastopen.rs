//! Writing to a TCP stream, which may be what connects it: `MSG_FASTOPEN`, and the first write after
//! `connect()` with `TCP_FASTOPEN_CONNECT` (`tcp_sendmsg_fastopen`).

use crate::connect::stream_connect;
use crate::message::reached;
use net::msg::MsgHdr;
use net::sock::Sock;
use net::{Socket, UserCx};
use std::cell::Cell;
use tcp::Tcp;
use tcp::api::{connect, sendmsg, zerocopy};
use tcp::fastopen::client;
use uapi::socket::{MSG_DONTWAIT, MSG_FASTOPEN};
use uapi::{Errno, Result, TcpState};

/// Every way of sending on a TCP stream. It has a port, or no peer: none is chosen here.
#[inline]
pub fn tcp_sendmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let sk = sock.sock::<Tcp>()?;
    reached(sk, cx, "sendmsg");
    if msg.flags & MSG_FASTOPEN != 0 || sk.state() == TcpState::SynSent as u8 {
        return may_connect(sock, sk, cx, msg);
    }
    sendmsg::sendmsg(sk, cx, msg)
}

#[cold]
fn may_connect(sock: &Socket, sk: &Sock<Tcp>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let mut guard = sk.lock_sock(cx);
    let deferred = client::of(&guard.sk_mut()).deferred;
    if msg.flags & MSG_FASTOPEN == 0 && !deferred {
        drop(guard);
        return sendmsg::sendmsg(sk, cx, msg);
    }
    let zerocopy = zerocopy::wanted(sk, cx, &guard.sk_mut(), msg)?;
    let nonblock = msg.flags & MSG_DONTWAIT != 0;
    let (size, name) = (msg.iov.remaining(), msg.name);
    let left = Cell::new(size);
    client::begin(&mut guard.sk_mut(), cx, name)?;
    // The call has its number when all of it that can go has gone.
    let went = |sk: &mut tcp::sock::Sk<'_>, now: usize| {
        left.set(now);
        if zerocopy && now < size && (nonblock || now == 0) {
            zerocopy::sent(sk, cx);
        }
    };
    if deferred {
        let st = &mut guard.sk_mut();
        client::connect_now(st, cx, &mut msg.iov);
        went(st, msg.iov.remaining());
    }
    let iov = &mut msg.iov;
    let result = stream_connect(sock, cx, guard, (name, nonblock), Some(&left), |st, cx, address| {
        let begun = connect::connect(st, cx, address, Some(iov));
        went(st, iov.remaining());
        begun
    });
    client::end(&mut sk.lock_sock(cx).sk_mut());
    let copied = size - left.get();
    match result {
        Err(Errno::EINPROGRESS) if copied > 0 => return Ok(copied),
        Err(errno) => return Err(sendmsg::stream_error(sk, errno)),
        Ok(()) if copied > 0 && (sk.err() != 0 || left.get() == 0 && msg.control.is_empty()) => {
            return Ok(copied);
        }
        Ok(()) => {}
    }
    msg.flags &= !MSG_FASTOPEN;
    let rest = sendmsg::sendmsg(sk, cx, msg);
    if rest.is_err() && copied > 0 && left.get() > 0 {
        if zerocopy {
            zerocopy::sent(&mut sk.lock_sock(cx).sk_mut(), cx);
        }
        return Ok(copied);
    }
    rest.map(|sent| copied + sent)
}
