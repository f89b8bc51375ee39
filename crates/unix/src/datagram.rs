//! Datagrams and sequenced packets: `unix_dgram_sendmsg`, `__unix_dgram_recvmsg`.

use crate::addr::{self, Name};
use crate::bind::{autobind_if_passcred, find_other};
use crate::connect::wait_for_peer;
use crate::scm::{self, Fds, Message, Received, Scm};
use crate::sock::Unix;
use crate::state::UnixNet;
use crate::stream::{alloc, attach, discard, truesize};
use crate::stream_recv::tell_name;
use kern::time::Time;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::mem::{PAGE_SIZE, SHINFO_SIZE};
use net::sock::{RCV_SHUTDOWN, SockFlag, Timeo, sock_recv_timestamp};
use net::{AnySock, Skb, Sock, UserCx};
use std::sync::Arc;
use uapi::poll::{EPOLLIN, EPOLLOUT, EPOLLWRBAND, EPOLLWRNORM};
use uapi::socket::SOCK_SEQPACKET;
use uapi::{Errno, MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_TRUNC, Result, TcpState};

/// `SKB_MAX_ALLOC`: what of a datagram lies beside its header.
const MAX_ALLOC: usize = (4 * PAGE_SIZE - SHINFO_SIZE) as usize;
/// `MAX_SKB_FRAGS` pages.
const MAX_PAGED: usize = 17 * PAGE_SIZE as usize;
const WRITABLE: u32 = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

/// A packet of a connection.
pub(crate) fn seqpacket_sendmsg(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    if let Some(errno) = sk.take_err() {
        return Err(errno);
    }
    if !Unix::is_in(sk, TcpState::Established) {
        return Err(Errno::ENOTCONN);
    }
    msg.name = None;
    sendmsg(sk, cx, msg)
}

pub(crate) fn sendmsg(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let mut scm = scm::send(cx, msg)?;
    let result = send(sk, cx, msg, &mut scm);
    discard(cx, scm.fds.take());
    result
}

fn send(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>, scm: &mut Scm) -> Result<usize> {
    if msg.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let name = match msg.name {
        Some(name) if !name.is_empty() => Some(addr::parse(name)?),
        _ => None,
    };
    autobind_if_passcred(sk, cx)?;
    let len = msg.iov.remaining();
    if len as i64 > i64::from(sk.sndbuf()) - 32 {
        return Err(Errno::EMSGSIZE);
    }
    let paged = len.saturating_sub(MAX_ALLOC).min(MAX_PAGED).next_multiple_of(PAGE_SIZE as usize);
    // More than the pages of a buffer hold is asked for in one piece.
    let mut skb = alloc(sk, cx, msg.flags, truesize(len.saturating_sub(paged), paged))?;
    let fds = match attach(cx, scm) {
        Ok(fds) => fds,
        Err(errno) => {
            scm::free_skb(cx, skb);
            return Err(errno);
        }
    };
    let copied = skb.append_from(cx, &mut msg.iov, len);
    let mut parcel = Parcel { skb: Some(skb), fds };
    let sent =
        if copied < len { Err(Errno::EFAULT) } else { route(sk, cx, name, msg.flags, scm, &mut parcel) };
    if let Some(skb) = parcel.skb {
        scm::free_skb(cx, skb);
    }
    discard(cx, parcel.fds);
    sent.map(|()| len)
}

/// A datagram on its way; the receiver takes it out.
struct Parcel {
    skb: Option<Skb>,
    fds: Option<Box<Fds>>,
}

/// Finds the receiver, as often as it closes meanwhile, and delivers.
fn route(
    sk: &Sock<Unix>,
    cx: &UserCx<'_>,
    name: Option<Name<'_>>,
    flags: u32,
    scm: &Scm,
    parcel: &mut Parcel,
) -> Result<()> {
    let mut timeo = Timeo::new(cx, flags & MSG_DONTWAIT != 0, sk.sndtimeo());
    loop {
        let other = match name {
            Some(name) => find_other(cx, name, sk.kind())?,
            None => sk.shared.lock().peer.clone().ok_or(Errno::ENOTCONN)?,
        };
        if let Some(skb) = &mut parcel.skb
            && other.filter(cx, skb, 1).is_err()
        {
            // Thrown away, and the sender does not hear of it.
            cx.sock_put(other);
            return Ok(());
        }
        let delivered = attempt(sk, cx, &other, name.is_some(), &mut timeo, scm, parcel);
        cx.sock_put(other);
        if delivered? {
            return Ok(());
        }
    }
}

/// True when it was delivered, false when the receiver is gone and its name may be another's.
fn attempt(
    sk: &Sock<Unix>,
    cx: &UserCx<'_>,
    other: &Arc<Sock<Unix>>,
    named: bool,
    timeo: &mut Timeo,
    scm: &Scm,
    parcel: &mut Parcel,
) -> Result<bool> {
    loop {
        let mut inner = other.shared.lock();
        let mutual = inner.peer.as_ref().is_some_and(|peer| Unix::is_same(peer, sk));
        if inner.peer.is_some() && !mutual {
            return Err(Errno::EPERM);
        }
        if inner.dead {
            drop(inner);
            return receiver_gone(sk, cx, other, named);
        }
        if other.shutdown() & RCV_SHUTDOWN != 0 {
            return Err(Errno::EPIPE);
        }
        if parcel.fds.is_some() && !other.flag(SockFlag::PassRights) {
            return Err(Errno::EPERM);
        }
        if !mutual && Unix::is_full(other) && !Unix::is_same(sk, other) {
            drop(inner);
            if *timeo != Timeo::Never {
                wait_for_peer(cx, sk, other, timeo)?;
                continue;
            }
            let connected = sk.shared.lock().peer.as_ref().is_some_and(|peer| Unix::is_same(peer, other));
            if !connected || wake_me(sk, other) {
                return Err(Errno::EAGAIN);
            }
            continue;
        }
        let Some(mut skb) = parcel.skb.take() else { return Ok(true) };
        if other.flag(SockFlag::RcvTstamp) {
            skb.tstamp = Some(Time::from_ns(cx.net.clock.realtime_ns()));
        }
        let creds = scm::creds_for(cx, scm, sk, other, false);
        let fds = parcel.fds.take();
        if let Some(fds) = &fds {
            UnixNet::of(cx.net).takes_off(cx.net, fds, other, inner.listener);
        }
        inner.push(&other.shared, Message { skb, creds, fds, consumed: 0, id: 0 });
        drop(inner);
        other.data_ready(cx);
        return Ok(true);
    }
}

#[cold]
fn receiver_gone(sk: &Sock<Unix>, cx: &UserCx<'_>, other: &Arc<Sock<Unix>>, named: bool) -> Result<bool> {
    if i32::from(sk.kind()) == SOCK_SEQPACKET {
        return Err(Errno::EPIPE);
    }
    let held = {
        let mut mine = sk.shared.lock();
        if mine.peer.as_ref().is_some_and(|peer| Unix::is_same(peer, other)) {
            mine.peer.take()
        } else {
            None
        }
    };
    if let Some(held) = held {
        stop_waiting(sk, cx);
        sk.wq.wake(WRITABLE);
        Unix::set_state(sk, cx, TcpState::Close);
        disconnected(sk, cx, other);
        cx.sock_put(held);
        return Err(Errno::ECONNREFUSED);
    }
    if named { Ok(false) } else { Err(Errno::ECONNRESET) }
}

/// What a socket has from a peer that is no longer its own is thrown away, and the peer, if it
/// thinks otherwise, is told (`unix_dgram_disconnected`).
pub(crate) fn disconnected(sk: &Sock<Unix>, cx: &UserCx<'_>, other: &Sock<Unix>) {
    let messages = {
        let mut inner = sk.shared.lock();
        let messages = std::mem::take(&mut inner.messages);
        inner.publish(&sk.shared);
        messages
    };
    if messages.is_empty() {
        return;
    }
    for message in messages {
        message.free(cx, sk);
    }
    sk.shared.peer_wait.wake_all(WRITABLE);
    wake_blocked(sk, cx);
    let theirs = other.shared.lock();
    if !theirs.dead && theirs.peer.as_ref().is_some_and(|peer| Unix::is_same(peer, sk)) {
        drop(theirs);
        other.set_err(Errno::ECONNRESET);
        other.error_report(cx);
    }
}

/// Has `sk` hear when there is room in another's queue; false when there is (`unix_dgram_peer_wake_me`).
pub(crate) fn wake_me(sk: &Sock<Unix>, other: &Arc<Sock<Unix>>) -> bool {
    let (mut mine, mut theirs) = Unix::lock_two(sk, other);
    if theirs.dead || !Unix::is_full(other) {
        return false;
    }
    if mine.blocked_on.is_none() {
        mine.blocked_on = Some(other.clone());
        theirs.blocked.push(sk.hold());
    }
    true
}

/// Ends what [`wake_me`] began, if it did (`unix_dgram_peer_wake_disconnect`).
pub(crate) fn stop_waiting(sk: &Sock<Unix>, cx: &UserCx<'_>) {
    let Some(on) = sk.shared.lock().blocked_on.take() else { return };
    let held = {
        let mut theirs = on.shared.lock();
        let at = theirs.blocked.iter().position(|sender| Unix::is_same(sender, sk));
        at.map(|at| theirs.blocked.swap_remove(at))
    };
    if let Some(held) = held {
        cx.sock_put(held);
    }
    cx.sock_put(on);
}

/// A packet of a connection.
pub(crate) fn seqpacket_recvmsg(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if !Unix::is_in(sk, TcpState::Established) {
        return Err(Errno::ENOTCONN);
    }
    recvmsg(sk, cx, msg)
}

/// A datagram that was taken, or looked at.
struct Taken {
    skb: Skb,
    got: Received,
    sender: Option<Arc<dyn AnySock>>,
    /// Where a look begins.
    skip: usize,
}

pub(crate) fn recvmsg(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let flags = msg.flags;
    if flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let timeo = Timeo::new(cx, flags & MSG_DONTWAIT != 0, sk.rcvtimeo());
    let with_name = msg.name.is_some();
    let next = || {
        if let Some(errno) = sk.take_err() {
            return Some(Err(errno));
        }
        if let Some(taken) = take(sk, cx, flags, with_name) {
            return Some(Ok(Some(taken)));
        }
        // Who would wait for what will not come is told; who would not wait is not.
        if timeo == Timeo::Never {
            return None;
        }
        if sk.shutdown() & RCV_SHUTDOWN != 0 {
            return Some(Ok(None));
        }
        (Unix::is_connection(sk) && !Unix::is_in(sk, TcpState::Established)).then_some(Err(Errno::ENOTCONN))
    };
    let taken = match net::sock::wait_on(cx, sk, (&sk.wq, true, EPOLLIN), timeo, next) {
        Ok(answer) => answer?,
        // The end of a connection, for who does not wait.
        Err(Errno::EAGAIN) if i32::from(sk.kind()) == SOCK_SEQPACKET && sk.shutdown() & RCV_SHUTDOWN != 0 => {
            None
        }
        Err(errno) => return Err(errno),
    };
    let Some(Taken { skb, got, sender, skip }) = taken else { return Ok(0) };
    if flags & MSG_PEEK == 0 {
        sk.shared.peer_wait.wake(WRITABLE);
        wake_blocked(sk, cx);
    }
    tell_name(cx, msg, sender);
    let whole = skb.len().saturating_sub(skip);
    let size = msg.iov.remaining().min(whole);
    if size < whole {
        msg.out_flags |= MSG_TRUNC;
    }
    skb.copy_to(skip, &mut msg.iov, size);
    if sk.flag(SockFlag::RcvTstamp) {
        sock_recv_timestamp(cx, sk, &skb, false, msg);
    }
    let seen = if flags & MSG_PEEK != 0 { size } else { skb.len() };
    sk.peek_offset_moved(flags, seen as i32);
    scm::free_skb(cx, skb);
    got.put(cx, sk, msg);
    Ok(if flags & MSG_TRUNC != 0 { whole } else { size })
}

/// The next datagram, or with `MSG_PEEK` a handle on the one that the peek offset lies in
/// (`__skb_try_recv_from_queue`).
fn take(sk: &Sock<Unix>, cx: &UserCx<'_>, flags: u32, with_name: bool) -> Option<Taken> {
    let unix = UnixNet::of(cx.net);
    let mut inner = sk.shared.lock();
    if flags & MSG_PEEK == 0 {
        let mut message = inner.messages.pop_front()?;
        inner.publish(&sk.shared);
        drop(inner);
        let files = message.fds.take().map_or_else(Vec::new, |fds| unix.landed(*fds, sk));
        let sender = if with_name { message.skb.owner.clone() } else { None };
        let got = Received { creds: Some(message.creds), files };
        return Some(Taken { skb: message.skb, got, sender, skip: 0 });
    }
    let peek_off = sk.peek_offset(flags);
    let mut skip = peek_off.max(0) as usize;
    for message in &mut inner.messages {
        let len = message.skb.len();
        if peek_off >= 0 && skip >= len && (skip != 0 || message.skb.peeked) {
            skip -= len;
            continue;
        }
        // An empty datagram is passed over by the offset only after it was seen once.
        message.skb.peeked |= len == 0;
        let files = message.fds.as_ref().map_or_else(Vec::new, |fds| unix.peek(fds));
        let got = Received { creds: Some(message.creds), files };
        let sender = if with_name { message.skb.owner.clone() } else { None };
        return Some(Taken { skb: message.skb.clone_in(cx), got, sender, skip });
    }
    None
}

/// The queue has room again, for those who asked poll (`unix_dgram_peer_wake_relay`).
pub(crate) fn wake_blocked(sk: &Sock<Unix>, cx: &UserCx<'_>) {
    let blocked = std::mem::take(&mut sk.shared.lock().blocked);
    for sender in blocked {
        let mut inner = sender.shared.lock();
        let on = if inner.blocked_on.as_ref().is_some_and(|on| Unix::is_same(on, sk)) {
            inner.blocked_on.take()
        } else {
            None
        };
        drop(inner);
        sender.wq.wake(WRITABLE);
        if let Some(on) = on {
            cx.sock_put(on);
        }
        cx.sock_put(sender);
    }
}
