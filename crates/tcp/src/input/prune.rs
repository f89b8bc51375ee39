//! Receive memory: joining small segments, and what goes when the buffer is full
//! (`tcp_try_rmem_schedule`, `tcp_prune_queue`, `tcp_collapse`).

use super::ofo::OfoQueue;
use crate::TcpCx;
use crate::fifo::Fifo;
use crate::mem::{self, charge, drop_skb, uncharge};
use crate::output::queue::SEGMENT_TRUESIZE;
use crate::seq::{after, before, earlier, later};
use crate::sock::{RxSegment, Sk};
use net::mib::TcpExt;
use net::sock::SockFlag;
use net::sock::mem::{PAGE_SIZE, SHINFO_SIZE, truesize_linear};
use net::{Cx, DropReason};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use wire::TcpFlags;

/// Fragments a joined buffer may have (`MAX_SKB_FRAGS`).
const MAX_FRAGS: u8 = 17;
/// Bytes of a buffer that segments are collapsed into (`SKB_MAX_ORDER(0, 0)`).
const COLLAPSED: u32 = PAGE_SIZE - SHINFO_SIZE;
/// Segments with these stay apart (`tcp_skb_can_collapse_rx`).
const APART: TcpFlags = TcpFlags::FIN.with(TcpFlags::SYN).with(TcpFlags::URG);
/// Segments with these are not copied together.
const ENDS: TcpFlags = TcpFlags::FIN.with(TcpFlags::SYN);

/// True when `next` may become part of `tail`: it follows, neither has a FIN or urgent data, and nobody
/// else holds what it would be added to.
#[inline]
pub fn can_join(cx: &Cx<'_>, tail: &RxSegment, next: &RxSegment) -> bool {
    let apart = tail.end_seq != next.seq || tail.flags.intersects(APART) || next.flags.intersects(APART);
    if apart || tail.skb.is_shared(cx) {
        return false;
    }
    if next.skb.is_clone() && tail.skb.is_clone() {
        return tail.frags + next.frags <= MAX_FRAGS;
    }
    // As they came by a device: copied into what room there is, or handed over.
    let (linear, room) = (next.skb.linear_len(), tail.skb.tailroom());
    linear <= room && next.frags == 0 || linear == 0 && tail.frags + next.frags <= MAX_FRAGS
}

/// Joins them; gives the bytes of truesize that are added to the first.
pub fn join(cx: &Cx<'_>, tail: &mut RxSegment, next: RxSegment) -> u32 {
    let bytes = next.skb.len() as u32;
    let had = next.skb.truesize;
    // The payload stays charged, the buffer's own overhead does not.
    let kept = had.saturating_sub(SEGMENT_TRUESIZE).max(bytes).min(had);
    tail.end_seq = next.end_seq;
    tail.flags |= next.flags;
    tail.frags += next.frags;
    tail.skb.truesize += kept;
    // The time of the last byte.
    tail.skb.tstamp = next.skb.tstamp.or(tail.skb.tstamp);
    tail.skb.append_skb(cx, next.skb);
    kept
}

/// True when the receive buffer is not exceeded (`tcp_can_ingest`).
#[inline]
fn can_ingest(sk: &Sk<'_>) -> bool {
    sk.sk.rmem_alloc.load(Relaxed) <= sk.sk.rcvbuf()
}

/// Makes room for a segment at `seq`; false when there is none.
#[inline]
pub fn try_rmem_schedule(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32, truesize: u32) -> bool {
    can_ingest(sk) && mem::rmem_schedule(sk, cx, truesize) || make_room(sk, cx, seq, truesize)
}

#[cold]
fn make_room(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32, truesize: u32) -> bool {
    if !prune_queue(sk, cx, seq) {
        return false;
    }
    while !mem::rmem_schedule(sk, cx, truesize) {
        if !prune_ofo_queue(sk, cx, seq) {
            return false;
        }
    }
    true
}

fn prune_queue(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32) -> bool {
    if sk.sk.rmem_alloc.load(Relaxed) == 0 {
        return false;
    }
    cx.inc(TcpExt::PruneCalled);
    if !can_ingest(sk) {
        clamp_window(sk, cx);
    } else if mem::under_pressure(cx) {
        adjust_rcv_ssthresh(sk);
    }
    if can_ingest(sk) {
        return true;
    }
    collapse_ofo(sk, cx);
    if !sk.receive_queue.is_empty() {
        let segs = std::mem::take(&mut sk.receive_queue).into();
        let range = (sk.copied_seq, sk.rcv_nxt);
        sk.receive_queue = collapse(sk, cx, segs, range).into();
    }
    if can_ingest(sk) {
        return true;
    }
    prune_ofo_queue(sk, cx, seq);
    if can_ingest(sk) {
        return true;
    }
    cx.inc(TcpExt::RcvPruned);
    sk.pred_flags = 0;
    false
}

/// Grows the buffer if it may, else closes the window down (`tcp_clamp_window`).
fn clamp_window(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.ack_quick = 0;
    let tcp = cx.tcp();
    let most = tcp.sysctl.rmem(2);
    let held = sk.sk.rmem_alloc.load(Relaxed);
    let may_grow = !sk.sk.flag(SockFlag::RcvbufLock) && !mem::under_pressure(cx) && !tcp.memory.is_tight();
    if sk.sk.rcvbuf() < most && may_grow {
        sk.sk.set_rcvbuf(held.min(most));
    }
    if held > sk.sk.rcvbuf() {
        sk.rcv_ssthresh = sk.window_clamp.min(2 * u32::from(sk.advmss));
    }
}

/// `tcp_adjust_rcv_ssthresh`
pub fn adjust_rcv_ssthresh(sk: &mut Sk<'_>) {
    let unused = sk.sk.forward_alloc();
    let advmss = 4 * u32::from(sk.advmss);
    sk.rcv_ssthresh = sk.rcv_ssthresh.min(advmss.max(sk.win_from_space(unused).max(0) as u32));
}

/// Copies the bytes of a range of neighbours into buffers of a page, where that frees memory
/// (`tcp_collapse`). What lies before `start` is not needed any more.
fn collapse(sk: &Sk<'_>, cx: &Cx<'_>, segs: VecDeque<RxSegment>, range: (u32, u32)) -> VecDeque<RxSegment> {
    let (mut start, end) = range;
    let mut out = VecDeque::with_capacity(segs.len());
    let mut left = Fifo::from(segs);
    // Where it begins to be of use.
    let found = loop {
        let Some(seg) = left.front() else { break false };
        if !before(start, seg.end_seq) {
            collapse_one(sk, cx, &mut left);
            continue;
        }
        let bloated = sk.win_from_space(seg.skb.truesize as i32) > seg.skb.len() as i32;
        if !seg.flags.intersects(ENDS) && (bloated || before(seg.seq, start)) {
            break true;
        }
        let overlaps = |next: &RxSegment| {
            seg.end_seq != next.seq && !seg.flags.intersects(APART) && !next.flags.intersects(APART)
        };
        if left.get(1).is_some_and(overlaps) {
            break !seg.flags.intersects(ENDS);
        }
        start = seg.end_seq;
        out.extend(left.pop_front());
    };
    if found {
        copy_together(sk, cx, &mut left, &mut out, (start, end));
    }
    out.extend(VecDeque::from(left));
    out
}

fn copy_together(
    sk: &Sk<'_>,
    cx: &Cx<'_>,
    left: &mut Fifo<RxSegment>,
    out: &mut VecDeque<RxSegment>,
    (mut start, end): (u32, u32),
) {
    while before(start, end) {
        let Some(first) = left.front().filter(|first| !after(first.seq, start)) else { return };
        let mut room = COLLAPSED.min(end.wrapping_sub(start));
        let mut skb = cx.alloc_skb();
        (skb.tstamp, skb.truesize) = (first.skb.tstamp, truesize_linear(room));
        charge(sk, skb.truesize);
        out.push_back(RxSegment { seq: start, end_seq: start, flags: first.flags, skb, frags: 0 });
        while room > 0 {
            let (Some(to), Some(from)) = (out.back_mut(), left.front()) else { return };
            let offset = start.wrapping_sub(from.seq) as usize;
            let n = (from.end_seq.wrapping_sub(start) as i32).max(0).unsigned_abs().min(room);
            let mut bytes = vec![0; n as usize];
            from.skb.copy_bits(offset, &mut bytes);
            to.skb.append(cx, &bytes);
            start = start.wrapping_add(n);
            to.end_seq = start;
            room -= n;
            if before(start, from.end_seq) {
                continue;
            }
            let apart = to.flags.intersects(APART);
            collapse_one(sk, cx, left);
            if apart || left.front().is_none_or(|next| next.flags.intersects(APART) || after(next.seq, start))
            {
                return;
            }
        }
    }
}

/// The first has been copied, or is not needed (`tcp_collapse_one`).
fn collapse_one(sk: &Sk<'_>, cx: &Cx<'_>, left: &mut Fifo<RxSegment>) {
    if let Some(seg) = left.pop_front() {
        uncharge(sk, cx, seg.skb.truesize);
        cx.consume_skb(seg.skb);
        cx.inc(TcpExt::TCPRcvCollapsed);
    }
}

/// Collapses each run of neighbours beyond the hole, if it is worth it (`tcp_collapse_ofo_queue`).
fn collapse_ofo(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.ofo.queue.is_empty() {
        return;
    }
    let mut left = std::mem::take(&mut sk.ofo.queue).into_segments();
    let mut out = VecDeque::with_capacity(left.len());
    let mut tiny = 0;
    while let Some(first) = left.pop_front() {
        let (mut start, mut end, alone) = (first.seq, first.end_seq, first.skb.truesize);
        let mut truesize = alone;
        let mut run = VecDeque::from([first]);
        while let Some(next) = left.front()
            && !after(next.seq, end)
            && !before(next.end_seq, start)
        {
            truesize += next.skb.truesize;
            (start, end) = (earlier(start, next.seq), later(end, next.end_seq));
            run.extend(left.pop_front());
        }
        if truesize != alone || end.wrapping_sub(start) >= COLLAPSED {
            out.append(&mut collapse(sk, cx, run, (start, end)));
            continue;
        }
        out.append(&mut run);
        tiny += truesize;
        if tiny > (sk.sk.rcvbuf() >> 3).max(0) as u32 {
            break;
        }
    }
    out.append(&mut left);
    sk.ofo.queue = OfoQueue::from(out);
}

/// Drops what is farthest beyond the hole; the peer will see its SACKs taken back
/// (`tcp_prune_ofo_queue`). False when there is nothing to drop.
fn prune_ofo_queue(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32) -> bool {
    let mut pruned = false;
    let mut goal = i64::from(sk.sk.rcvbuf() >> 3);
    while let Some(last) = sk.ofo.queue.back() {
        if !after(last.seq, seq) {
            break;
        }
        let Some(seg) = sk.ofo.queue.pop_back() else { break };
        pruned = true;
        goal -= i64::from(seg.skb.truesize);
        uncharge(sk, cx, seg.skb.truesize);
        drop_skb(sk, cx, seg.skb, DropReason::TcpOfoQueuePrune);
        if goal <= 0 {
            if can_ingest(sk) && !mem::under_pressure(cx) {
                break;
            }
            goal = i64::from(sk.sk.rcvbuf() >> 3);
        }
    }
    if pruned {
        cx.inc(TcpExt::OfoPruned);
        if sk.rx_opt.sack_ok {
            sk.rx_opt.num_sacks = 0;
            sk.clear_dsack();
        }
    }
    pruned
}
