//! `unix_stream_sendmsg`.

use crate::scm::{self, Message, Scm};
use crate::sock::Unix;
use crate::state::UnixNet;
use net::msg::MsgHdr;
use net::sock::mem::{PAGE_SIZE, SHINFO_SIZE, SKB_SIZE};
use net::sock::{RCV_SHUTDOWN, SEND_SHUTDOWN, SockFlag, Timeo};
use net::{Skb, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::poll::EPOLLOUT;
use uapi::{Errno, MSG_DONTWAIT, MSG_OOB, Result, TcpState};

/// `SKB_MAX_HEAD(0)`: what of a message lies beside its header.
const MAX_HEAD: usize = (PAGE_SIZE - SHINFO_SIZE) as usize;
/// `UNIX_SKB_FRAGS_SZ`.
const FRAGS: usize = 32768;

/// What a buffer with `linear` bytes beside its header and `paged` in pages is charged. The memory is
/// a group's (`GFP_KERNEL_ACCOUNT`), so that small ones have no slab of their own.
pub(crate) fn truesize(linear: usize, paged: usize) -> u32 {
    let head = (linear as u32).next_multiple_of(64) + SHINFO_SIZE;
    head.next_power_of_two() + SKB_SIZE + (paged as u32).next_multiple_of(PAGE_SIZE)
}

/// Waits until a message may be charged to the sender (`sock_alloc_send_pskb`), and gives a buffer.
#[inline]
pub(crate) fn alloc(sk: &Sock<Unix>, cx: &UserCx<'_>, flags: u32, truesize: u32) -> Result<Skb> {
    let room = || {
        if let Some(errno) = sk.take_err() {
            return Some(Err(errno));
        }
        if sk.shutdown() & SEND_SHUTDOWN != 0 {
            return Some(Err(Errno::EPIPE));
        }
        sk.may_send().then_some(Ok(()))
    };
    match room() {
        Some(answer) => answer?,
        None => {
            sk.set_flag(SockFlag::NoSpace, true);
            let timeo = Timeo::new(cx, flags & MSG_DONTWAIT != 0, sk.sndtimeo());
            net::sock::wait_on(cx, sk, (&sk.wq, false, EPOLLOUT), timeo, room)??;
        }
    }
    let mut skb = cx.alloc_skb();
    skb.truesize = truesize;
    sk.wmem_alloc.fetch_add(truesize as i32, Relaxed);
    skb.owner = Some(sk.hold());
    Ok(skb)
}

/// The descriptors that go with the first buffer (`unix_scm_to_skb`).
#[inline]
pub(crate) fn attach(cx: &UserCx<'_>, scm: &mut Scm) -> Result<Option<Box<scm::Fds>>> {
    if let Some(fds) = &scm.fds {
        scm::check_inflight(cx, fds)?;
    }
    Ok(scm.fds.take())
}

/// Puts a buffer into the peer's queue; `EPIPE` when it does not listen any more.
pub(crate) fn deliver(
    cx: &UserCx<'_>,
    (sk, other): (&Sock<Unix>, &Arc<Sock<Unix>>),
    scm: &Scm,
    (skb, fds): (Skb, Option<Box<scm::Fds>>),
    urgent: bool,
) -> Result<()> {
    let mut inner = other.shared.lock();
    if inner.dead || other.shutdown() & RCV_SHUTDOWN != 0 {
        drop(inner);
        scm::free_skb(cx, skb);
        discard(cx, fds);
        return Err(Errno::EPIPE);
    }
    if fds.is_some() && !other.flag(SockFlag::PassRights) {
        drop(inner);
        scm::free_skb(cx, skb);
        discard(cx, fds);
        return Err(Errno::EPERM);
    }
    let creds = scm::creds_for(cx, scm, sk, other, inner.listener != 0);
    if let Some(fds) = &fds {
        UnixNet::of(cx.net).takes_off(cx.net, fds, other, inner.listener);
    }
    let id = inner.push(&other.shared, Message { skb, creds, fds, consumed: 0, id: 0 });
    if urgent {
        inner.oob = Some(id);
        inner.publish(&other.shared);
    }
    drop(inner);
    if urgent {
        other.send_sigurg();
    }
    other.data_ready(cx);
    Ok(())
}

/// Descriptors that were not sent after all.
pub(crate) fn discard(cx: &UserCx<'_>, fds: Option<Box<scm::Fds>>) {
    if let Some(fds) = fds {
        UnixNet::of(cx.net).put_files(cx, fds.files);
    }
}

pub(crate) fn sendmsg(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let mut scm = scm::send(cx, msg)?;
    let result = send_all(sk, cx, msg, &mut scm);
    discard(cx, scm.fds.take());
    result
}

fn send_all(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>, scm: &mut Scm) -> Result<usize> {
    let mut len = msg.iov.remaining();
    let urgent = msg.flags & MSG_OOB != 0;
    if urgent {
        // The last byte is the urgent one.
        len = len.checked_sub(1).ok_or(Errno::EOPNOTSUPP)?;
    }
    if msg.name.is_some_and(|name| !name.is_empty()) {
        let connected = Unix::is_in(sk, TcpState::Established);
        return Err(if connected { Errno::EISCONN } else { Errno::EOPNOTSUPP });
    }
    let other = sk.shared.lock().peer.clone().ok_or(Errno::ENOTCONN)?;
    let result = send_to(sk, cx, msg, scm, &other, (len, urgent));
    cx.sock_put(other);
    result
}

fn send_to(
    sk: &Sock<Unix>,
    cx: &UserCx<'_>,
    msg: &mut MsgHdr<'_>,
    scm: &mut Scm,
    other: &Arc<Sock<Unix>>,
    (len, urgent): (usize, bool),
) -> Result<usize> {
    if sk.shutdown() & SEND_SHUTDOWN != 0 {
        return Err(Errno::EPIPE);
    }
    let mut sent = 0;
    let mut one = |size: usize, paged: usize, urgent: bool| -> Result<()> {
        let mut skb = alloc(sk, cx, msg.flags, truesize(size - paged, paged))?;
        let fds = match attach(cx, scm) {
            Ok(fds) => fds,
            Err(errno) => {
                scm::free_skb(cx, skb);
                return Err(errno);
            }
        };
        if skb.append_from(cx, &mut msg.iov, size) < size {
            scm::free_skb(cx, skb);
            discard(cx, fds);
            return Err(Errno::EFAULT);
        }
        deliver(cx, (sk, other), scm, (skb, fds), urgent)
    };
    while sent < len {
        // Two messages fit the buffer, so that both sides have work.
        let size = (len - sent).min(((sk.sndbuf() >> 1) - 64).max(1) as usize).min(MAX_HEAD + FRAGS);
        let paged = size.saturating_sub(MAX_HEAD).next_multiple_of(PAGE_SIZE as usize).min(size);
        match one(size, paged, false) {
            Ok(()) => sent += size,
            Err(_) if sent > 0 => return Ok(sent),
            Err(errno) => return Err(errno),
        }
    }
    if urgent {
        match one(1, 0, true) {
            Ok(()) => sent += 1,
            Err(_) if sent > 0 => return Ok(sent),
            Err(errno) => return Err(errno),
        }
    }
    Ok(sent)
}
