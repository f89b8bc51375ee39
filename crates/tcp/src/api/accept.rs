//! accept(2): the first connection whose handshake is complete (`inet_csk_accept`).

use crate::Tcp;
use net::sock::Timeo;
use net::{AnySock, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::tcp::TcpState;
use uapi::{Errno, Result};

/// Takes a connection, waiting for one unless told not to.
///
/// # Errors
/// `EINVAL` for a socket that does not listen, `EAGAIN`, `EINTR`.
pub fn accept(sk: &Sock<Tcp>, cx: &UserCx<'_>, nonblock: bool) -> Result<Arc<dyn AnySock>> {
    if sk.state() != TcpState::Listen as u8 {
        return Err(Errno::EINVAL);
    }
    if let Some(child) = take(sk) {
        return Ok(child);
    }
    let timeo = Timeo::new(cx, nonblock, sk.rcvtimeo());
    let (guard, child) = sk.lock_sock(cx).wait_event_exclusive(timeo, |sk| {
        if sk.sk.state() != TcpState::Listen as u8 {
            return Some(Err(Errno::EINVAL));
        }
        take(sk.sk).map(Ok)
    });
    drop(guard);
    Ok(child??)
}

fn take(sk: &Sock<Tcp>) -> Option<Arc<Sock<Tcp>>> {
    let child = sk.shared.with_listen(|queue| queue.accept.pop_front())??;
    sk.ack_backlog.fetch_sub(1, Relaxed);
    Some(child)
}
