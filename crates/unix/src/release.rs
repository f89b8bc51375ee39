//! The end: `unix_release_sock`, `unix_shutdown`.

use crate::datagram;
use crate::sock::Unix;
use crate::state::UnixNet;
use net::sock::{RCV_SHUTDOWN, SEND_SHUTDOWN, SHUTDOWN_MASK, SockFlag};
use net::{Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::poll::EPOLLOUT;
use uapi::{Errno, Result, TcpState};
use vfs::fasync::Band;

/// The last file closed.
pub(crate) fn release(sk: &Sock<Unix>, cx: &UserCx<'_>) {
    release_sock(sk, cx, false);
    collect(cx);
}

/// A socket's end is when the collector looks.
#[inline]
pub(crate) fn collect(cx: &UserCx<'_>) {
    if UnixNet::of(cx.net).inflight.load(Relaxed) != 0 {
        UnixNet::of(cx.net).collect(cx);
    }
}

/// `embryo` for a connection that nobody accepted.
fn release_sock(sk: &Sock<Unix>, cx: &UserCx<'_>, embryo: bool) {
    unname(sk, cx);
    let mut inner = sk.shared.lock();
    inner.dead = true;
    sk.set_flag(SockFlag::Dead, true);
    sk.set_shutdown(SHUTDOWN_MASK);
    Unix::set_state(sk, cx, TcpState::Close);
    let peer = inner.peer.take();
    inner.oob = None;
    // An urgent byte that was read leaves an empty message, which is nothing unread.
    let unread = inner.messages.len() > 1 || inner.messages.front().is_some_and(|first| first.left() > 0);
    drop(inner);
    sk.shared.peer_wait.wake_all(EPOLLOUT);
    datagram::wake_blocked(sk, cx);
    if let Some(peer) = peer {
        if Unix::is_connection(sk) {
            let theirs = peer.shared.lock();
            peer.set_shutdown(SHUTDOWN_MASK);
            if unread || embryo {
                peer.set_err(Errno::ECONNRESET);
            }
            drop(theirs);
            peer.state_change(cx);
            peer.wake_async(Band::Hup);
        }
        datagram::stop_waiting(sk, cx);
        cx.sock_put(peer);
    }
    loop {
        let mut inner = sk.shared.lock();
        if let Some(child) = inner.pending.pop_front() {
            inner.publish(&sk.shared);
            drop(inner);
            release_sock(&child, cx, true);
            cx.sock_put(child);
            continue;
        }
        let Some(message) = inner.messages.pop_front() else {
            inner.publish(&sk.shared);
            inner.inq = 0;
            break;
        };
        drop(inner);
        message.free(cx, sk);
    }
}

/// Takes the name away (`unix_remove_socket`, `unix_remove_bsd_socket`).
fn unname(sk: &Sock<Unix>, cx: &UserCx<'_>) {
    let (addr, inode) = {
        let mut inner = sk.shared.lock();
        (inner.addr.clone(), inner.inode.take())
    };
    let table = &UnixNet::of(cx.net).table;
    let held = match (inode, addr) {
        (Some(ino), _) => table.remove_file(ino),
        (None, Some(addr)) => table.remove(sk, addr.path()),
        (None, None) => None,
    };
    if let Some(held) = held {
        cx.sock_put(held);
    }
}

/// Ends directions; a connection's peer hears of it.
pub(crate) fn shutdown(sk: &Sock<Unix>, cx: &UserCx<'_>, how: i32) -> Result<()> {
    let mode = match how {
        uapi::SHUT_RD => RCV_SHUTDOWN,
        uapi::SHUT_WR => SEND_SHUTDOWN,
        uapi::SHUT_RDWR => SHUTDOWN_MASK,
        _ => return Err(Errno::EINVAL),
    };
    let other: Option<Arc<Sock<Unix>>> = {
        let inner = sk.shared.lock();
        sk.set_shutdown(sk.shutdown() | mode);
        inner.peer.clone()
    };
    sk.state_change(cx);
    let Some(other) = other else { return Ok(()) };
    if Unix::is_connection(sk) {
        let swapped = (mode & RCV_SHUTDOWN) << 1 | (mode & SEND_SHUTDOWN) >> 1;
        let theirs = other.shared.lock();
        other.set_shutdown(other.shutdown() | swapped);
        drop(theirs);
        other.state_change(cx);
        if swapped == SHUTDOWN_MASK {
            other.wake_async(Band::Hup);
        } else if swapped & RCV_SHUTDOWN != 0 {
            other.wake_async(Band::In);
        }
    }
    cx.sock_put(other);
    Ok(())
}
