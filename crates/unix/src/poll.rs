//! What can be asked of a socket: `unix_poll`, `unix_dgram_poll`, `unix_ioctl`; and who is told when
//! there is room.

use crate::sock::Unix;
use crate::{datagram, oob};
use net::sock::{RCV_SHUTDOWN, SHUTDOWN_MASK, SockFlag};
use net::{Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::poll::{
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRBAND, EPOLLWRNORM,
};
use uapi::socket::{SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM};
use uapi::{CAP_NET_ADMIN, Errno, Result, SIOCATMARK, SIOCINQ, SIOCOUTQ, SIOCUNIXFILE, TcpState};
use vfs::fasync::Band;

const READABLE: u32 = EPOLLIN | EPOLLRDNORM;
const WRITABLE: u32 = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

pub(crate) fn poll(sk: &Sock<Unix>) -> u32 {
    let kind = i32::from(sk.kind());
    let mut mask = 0;
    let select_errors = kind != SOCK_STREAM && sk.flag(SockFlag::SelectErrQueue);
    if sk.err() != 0 {
        mask |= EPOLLERR | if select_errors { EPOLLPRI } else { 0 };
    }
    let shutdown = sk.shutdown();
    if shutdown == SHUTDOWN_MASK {
        mask |= EPOLLHUP;
    }
    if shutdown & RCV_SHUTDOWN != 0 {
        mask |= EPOLLRDHUP | READABLE;
    }
    if !sk.shared.is_empty() {
        mask |= READABLE;
    }
    if sk.shared.has_oob.load(Relaxed) {
        mask |= EPOLLPRI;
    }
    if kind != SOCK_DGRAM && Unix::is_in(sk, TcpState::Close) {
        mask |= EPOLLHUP;
    }
    if Unix::is_writable(sk, 1) && (kind == SOCK_STREAM || peer_has_room(sk)) {
        mask |= WRITABLE;
    } else if kind != SOCK_STREAM {
        sk.set_flag(SockFlag::NoSpace, true);
    }
    mask
}

/// The peer of a one-way connection takes another datagram; if not, `sk` will hear of it.
fn peer_has_room(sk: &Sock<Unix>) -> bool {
    let Some(other) = sk.shared.lock().peer.clone() else { return true };
    let mutual = || other.shared.lock().peer.as_ref().is_some_and(|peer| Unix::is_same(peer, sk));
    !Unix::is_full(&other) || Unix::is_same(sk, &other) || mutual() || !datagram::wake_me(sk, &other)
}

/// The sender has room again (`unix_write_space`).
#[inline]
pub(crate) fn write_space(cx: &UserCx<'_>, sk: &Sock<Unix>) {
    // The kernel asks while it still holds two references that count as bytes.
    if !Unix::is_writable(sk, 2) {
        return;
    }
    cx.trace(|| net::trace::Event::Wake { cookie: sk.cookie(cx.net), callback: "write_space" });
    if sk.wq.has_sleepers() {
        sk.wq.wake(WRITABLE);
    }
    // Signals are for those who found no room.
    if sk.wants_sigio() && sk.flag(SockFlag::NoSpace) {
        sk.set_flag(SockFlag::NoSpace, false);
        sk.wake_async(Band::Out);
    }
}

pub(crate) fn ioctl(sk: &Sock<Unix>, cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    let answer = match cmd {
        SIOCOUTQ => sk.wmem_alloc.load(Relaxed),
        SIOCINQ => inq_len(sk)?,
        SIOCATMARK if i32::from(sk.kind()) != SOCK_STREAM => return Err(Errno::EOPNOTSUPP),
        SIOCATMARK => i32::from(oob::is_at_mark(sk, cx)),
        // A descriptor that only names the file is not to be had of a store of names.
        SIOCUNIXFILE if !cx.process.capable(CAP_NET_ADMIN) => return Err(Errno::EPERM),
        SIOCUNIXFILE if sk.shared.lock().inode.is_none() => return Err(Errno::ENOENT),
        SIOCUNIXFILE => return Err(Errno::EOPNOTSUPP),
        _ => return Err(Errno::ENOIOCTLCMD),
    };
    arg.get_mut(..4).ok_or(Errno::EFAULT)?.copy_from_slice(&answer.to_ne_bytes());
    Ok(0)
}

/// `unix_inq_len`: what waits, of datagrams the first.
fn inq_len(sk: &Sock<Unix>) -> Result<i32> {
    if Unix::is_in(sk, TcpState::Listen) {
        return Err(Errno::EINVAL);
    }
    let inner = sk.shared.lock();
    Ok(match i32::from(sk.kind()) {
        SOCK_STREAM => inner.inq,
        SOCK_SEQPACKET => inner.messages.iter().map(|message| message.left()).sum(),
        _ => inner.messages.front().map_or(0, |message| message.skb.len()),
    } as i32)
}
