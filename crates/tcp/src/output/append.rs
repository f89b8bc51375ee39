//! What `sendmsg` does to the send queue: bytes join its tail segment or begin a new one.

use super::queue::{SACKED_ACKED, SEGMENT_TRUESIZE, Segment};
use super::write_xmit;
use crate::chrono;
use crate::mem;
use crate::seq::after;
use crate::sock::{Sk, TCP_NAGLE_CORK, TCP_NAGLE_PUSH};
use net::Cx;
use uapi::socket::{MSG_EOR, MSG_MORE, MSG_OOB};
use vfs::iov::IovSource;
use wire::TcpFlags;

/// What [`append`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Append {
    /// Bytes taken from the user.
    pub copied: usize,
    /// There is no room in the send buffer: push, and wait for it.
    pub full: bool,
}

/// True when the user may write more: there is send buffer, and not too much of it unsent
/// (`sk_stream_memory_free`, `tcp_stream_memory_free`).
#[inline]
#[must_use]
pub fn stream_memory_free(sk: &Sk<'_>, _cx: &Cx<'_>) -> bool {
    mem::wmem_queued(sk) < sk.sk.sndbuf() && sk.notsent() < notsent_lowat(sk)
}

/// `TCP_NOTSENT_LOWAT`, or the sysctl.
#[inline]
#[must_use]
pub fn notsent_lowat(sk: &Sk<'_>) -> u32 {
    match sk.notsent_lowat {
        0 => sk.sysctl().notsent_lowat(),
        bytes => bytes,
    }
}

/// True when poll shows room for writers: a third of the buffer is free (`sk_stream_is_writeable`).
#[must_use]
pub fn is_writeable(sk: &Sk<'_>, _cx: &Cx<'_>) -> bool {
    let queued = mem::wmem_queued(sk);
    let room = sk.sk.sndbuf() - queued;
    room >= queued >> 1 && (sk.notsent() << 1) < notsent_lowat(sk).max(1)
}

/// Takes up to `size_goal` bytes from the user into one segment. `flags` are the call's `MSG_*`.
#[inline]
pub fn append(sk: &mut Sk<'_>, cx: &Cx<'_>, from: &mut IovSource<'_>, size_goal: u32, flags: u32) -> Append {
    let room = match sk.send_queue.write_tail() {
        Some(tail) if !tail.eor && !tail.flags.fin() => size_goal.saturating_sub(tail.len()),
        _ => 0,
    };
    let room = if room > 0 {
        room
    } else {
        if !stream_memory_free(sk, cx) {
            return Append { copied: 0, full: true };
        }
        if !entail(sk, cx) {
            return Append { copied: 0, full: true };
        }
        size_goal
    };
    let room = room.min(u32::try_from(from.remaining()).unwrap_or(u32::MAX));
    let room = mem::wmem_schedule_bytes(sk, cx, room);
    if room == 0 && from.remaining() > 0 {
        return Append { copied: 0, full: true };
    }
    let Some(tail) = sk.send_queue.back_mut() else { return Append { copied: 0, full: true } };
    let n = tail.skb.append_from(cx, from, room as usize);
    let bytes = n as u32;
    tail.flags = tail.flags.without(TcpFlags::PSH);
    tail.end_seq = tail.end_seq.wrapping_add(bytes);
    tail.pcount = 0;
    tail.skb.truesize += bytes;
    if flags & MSG_EOR != 0 && from.remaining() == 0 {
        tail.eor = true;
    }
    mem::wmem_charge(sk, bytes);
    sk.write_seq = sk.write_seq.wrapping_add(bytes);
    Append { copied: n, full: false }
}

/// A new segment at the end of the queue (`tcp_skb_entail`); false when there is no memory for it. What
/// would be the only one has some.
#[inline]
fn entail(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    if sk.send_queue.is_empty() {
        mem::force(sk, cx, SEGMENT_TRUESIZE);
    } else if !mem::wmem_schedule(sk, cx, SEGMENT_TRUESIZE) {
        return false;
    }
    if sk.send_queue.unsent() == 0 {
        chrono::start(sk, chrono::BUSY);
    }
    let seg = Segment::new(cx, sk.write_seq, TcpFlags::ACK);
    mem::wmem_charge(sk, seg.skb.truesize);
    sk.send_queue.push(seg);
    sk.nonagle &= !TCP_NAGLE_PUSH;
    write_xmit::slow_start_after_idle_check(sk, cx);
    true
}

/// Takes back a segment that got no byte (`tcp_remove_empty_skb`).
pub fn remove_empty(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.send_queue.write_tail().is_some_and(|tail| tail.seq == tail.end_seq)
        && let Some(seg) = sk.send_queue.pop_back()
    {
        mem::wmem_uncharge(sk, cx, seg.skb.truesize);
        cx.consume_skb(seg.skb);
    }
}

/// The tail is the end of a write (`tcp_mark_push`).
#[inline]
pub fn mark_push(sk: &mut Sk<'_>) {
    sk.pushed_seq = sk.write_seq;
    if let Some(tail) = sk.send_queue.write_tail() {
        tail.flags |= TcpFlags::PSH;
    }
}

/// More than half of the peer's largest window was written since the last push (`forced_push`).
#[inline]
#[must_use]
pub fn forced_push(sk: &Sk<'_>) -> bool {
    after(sk.write_seq, sk.pushed_seq.wrapping_add(sk.max_window >> 1))
}

/// Sends what was written, as far as Nagle, cork and the windows let it (`tcp_push`).
#[inline]
pub fn push(sk: &mut Sk<'_>, cx: &Cx<'_>, flags: u32, mss_now: u32, nonagle: u8) {
    if sk.send_queue.write_tail().is_none() {
        return;
    }
    let more = flags & MSG_MORE != 0;
    if !more || forced_push(sk) {
        mark_push(sk);
    }
    if flags & MSG_OOB != 0 {
        sk.snd_up = sk.write_seq;
    }
    let nonagle = if more { TCP_NAGLE_CORK } else { nonagle };
    write_xmit::push_frames(sk, cx, mss_now, nonagle);
}

/// Forgets everything that was written (`tcp_write_queue_purge`).
pub fn write_queue_purge(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    while let Some(seg) = sk.send_queue.pop_front() {
        debug_assert!(seg.sacked & SACKED_ACKED == 0 || sk.sacked_out > 0);
        mem::wmem_uncharge(sk, cx, seg.skb.truesize);
        cx.consume_skb(seg.skb);
    }
    if sk.zerocopy_pending {
        crate::api::zerocopy::purge(sk, cx);
    }
    sk.send_queue.shrink();
    chrono::stop(sk, chrono::BUSY);
    sk.packets_out = 0;
    sk.backoff = 0;
}
