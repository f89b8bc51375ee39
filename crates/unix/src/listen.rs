//! `unix_listen`, `unix_accept`.

use crate::connect::caller;
use crate::sock::Unix;
use crate::state::UnixNet;
use net::sock::{RCV_SHUTDOWN, Timeo};
use net::socket::AcceptFlags;
use net::{Sock, Socket, UserCx};
use std::sync::Arc;
use uapi::poll::{EPOLLIN, EPOLLOUT};
use uapi::{Errno, Result, TcpState};

/// From now on it takes connections, or a queue of another length has.
pub(crate) fn listen(sk: &Sock<Unix>, cx: &UserCx<'_>, backlog: i32) -> Result<()> {
    let mut inner = sk.shared.lock();
    if inner.addr.is_none() {
        return Err(Errno::EINVAL);
    }
    if !Unix::is_in(sk, TcpState::Close) && !Unix::is_in(sk, TcpState::Listen) {
        return Err(Errno::EINVAL);
    }
    let more = backlog as u32 > sk.max_ack_backlog();
    sk.set_max_ack_backlog(backlog as u32);
    Unix::set_state(sk, cx, TcpState::Listen);
    inner.cred = Some(caller(cx));
    drop(inner);
    if more {
        sk.shared.peer_wait.wake_all(EPOLLOUT);
    }
    Ok(())
}

/// The first connection that waits becomes `new`'s.
pub(crate) fn accept(sk: &Sock<Unix>, new: &Socket, cx: &UserCx<'_>, flags: AcceptFlags) -> Result<()> {
    if !Unix::is_in(sk, TcpState::Listen) {
        return Err(Errno::EINVAL);
    }
    let timeo = Timeo::new(cx, flags.nonblock, sk.rcvtimeo());
    let next = || -> Option<Result<Arc<Sock<Unix>>>> {
        if let Some(errno) = sk.take_err() {
            return Some(Err(errno));
        }
        let mut inner = sk.shared.lock();
        if let Some(child) = inner.pending.pop_front() {
            inner.publish(&sk.shared);
            return Some(Ok(child));
        }
        // Who would wait for what will not come is told; who would not wait is not.
        (timeo != Timeo::Never && sk.shutdown() & RCV_SHUTDOWN != 0).then_some(Err(Errno::EINVAL))
    };
    let child = net::sock::wait_on(cx, sk, (&sk.wq, true, EPOLLIN), timeo, next)??;
    sk.shared.peer_wait.wake(EPOLLOUT);
    let mut inner = child.shared.lock();
    inner.listener = 0;
    UnixNet::of(cx.net).accepted(&child);
    drop(inner);
    new.graft(child);
    Ok(())
}
