//! Receive memory: joining small segments, and what goes when the buffer is full
//! (`tcp_try_rmem_schedule`, `tcp_prune_queue`, `tcp_collapse`).

use super::data::uncharge;
use crate::TcpCx;
use crate::output::queue::SEGMENT_TRUESIZE;
use crate::seq::after;
use crate::sock::{RxSegment, Sk};
use net::mib::TcpExt;
use net::sock::SockFlag;
use net::{Cx, DropReason};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use wire::TcpFlags;

/// Fragments a joined buffer may have (`MAX_SKB_FRAGS`).
const MAX_FRAGS: usize = 17;
/// Bytes a joined buffer may have.
const MAX_JOINED: usize = 64 * 1024;

/// True when `next` may become part of `tail`: it follows, neither has a FIN or urgent data, and the
/// result is no monster.
#[inline]
pub fn can_join(tail: &RxSegment, next: &RxSegment) -> bool {
    const APART: TcpFlags = TcpFlags::FIN.with(TcpFlags::SYN).with(TcpFlags::URG);
    tail.end_seq == next.seq
        && !tail.flags.intersects(APART)
        && !next.flags.intersects(TcpFlags::SYN.with(TcpFlags::URG).with(TcpFlags::FIN))
        && tail.skb.len() + next.skb.len() <= MAX_JOINED
        && (next.skb.linear_len() <= tail.skb.tailroom() && next.skb.nr_frags() == 0
            || next.skb.linear_len() == 0 && tail.skb.nr_frags() + next.skb.nr_frags() <= MAX_FRAGS)
}

/// Joins them; gives the bytes of truesize that are saved.
pub fn join(cx: &Cx<'_>, tail: &mut RxSegment, next: RxSegment) -> u32 {
    let bytes = next.skb.len() as u32;
    let had = next.skb.truesize;
    // The payload stays charged, the buffer's own overhead does not.
    let kept = had.saturating_sub(SEGMENT_TRUESIZE).max(bytes).min(had);
    tail.end_seq = next.end_seq;
    tail.flags |= next.flags;
    tail.skb.truesize += kept;
    // The time of the last byte.
    tail.skb.tstamp = next.skb.tstamp.or(tail.skb.tstamp);
    tail.skb.append_skb(cx, next.skb);
    had - kept
}

/// True when the receive buffer is not exceeded (`tcp_can_ingest`).
#[inline]
fn can_ingest(sk: &Sk<'_>) -> bool {
    sk.sk.rmem_alloc.load(Relaxed) <= sk.sk.rcvbuf()
}

/// Makes room for a segment at `seq`; false when there is none.
#[inline]
pub fn try_rmem_schedule(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32, truesize: u32) -> bool {
    let _ = truesize;
    can_ingest(sk) || prune_queue(sk, cx, seq)
}

#[cold]
fn prune_queue(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32) -> bool {
    cx.inc(TcpExt::PruneCalled);
    clamp_window(sk, cx);
    if can_ingest(sk) {
        return true;
    }
    collapse_ofo(sk, cx);
    collapse_receive_queue(sk, cx);
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
    let most = cx.tcp().sysctl.rmem(2);
    let held = sk.sk.rmem_alloc.load(Relaxed);
    if sk.sk.rcvbuf() < most && !sk.sk.flag(SockFlag::RcvbufLock) {
        sk.sk.set_rcvbuf(held.min(most));
    }
    if held > sk.sk.rcvbuf() {
        sk.rcv_ssthresh = sk.window_clamp.min(2 * u32::from(sk.advmss));
    }
}

/// Copies neighbours together, so that their overhead is freed (`tcp_collapse`).
fn collapse(cx: &Cx<'_>, segs: &mut VecDeque<RxSegment>) -> u32 {
    let (mut freed, mut collapsed) = (0, 0);
    let mut out: VecDeque<RxSegment> = VecDeque::with_capacity(segs.len());
    for seg in segs.drain(..) {
        match out.back_mut() {
            Some(tail) if tail.end_seq == seg.seq && may_collapse(tail, &seg) => {
                let kept = seg.skb.len() as u32;
                let had = seg.skb.truesize;
                tail.end_seq = seg.end_seq;
                tail.flags |= seg.flags;
                tail.skb.truesize += kept;
                let mut bytes = vec![0; seg.skb.len()];
                seg.skb.copy_bits(0, &mut bytes);
                tail.skb.append(cx, &bytes);
                cx.consume_skb(seg.skb);
                freed += had.saturating_sub(kept);
                collapsed += 1;
            }
            _ => out.push_back(seg),
        }
    }
    cx.add(TcpExt::TCPRcvCollapsed, collapsed);
    *segs = out;
    freed
}

fn may_collapse(tail: &RxSegment, next: &RxSegment) -> bool {
    const APART: TcpFlags = TcpFlags::FIN.with(TcpFlags::SYN).with(TcpFlags::URG);
    !tail.flags.intersects(APART)
        && !next.flags.intersects(APART)
        && tail.skb.len() + next.skb.len() <= 16 * 1024
        // Only where there is overhead to save.
        && next.skb.truesize as usize > 2 * next.skb.len()
}

fn collapse_receive_queue(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let mut segs = std::mem::take(&mut sk.receive_queue).into();
    let freed = collapse(cx, &mut segs);
    sk.receive_queue = segs.into();
    uncharge(sk, freed);
}

fn collapse_ofo(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let mut segs = std::mem::take(&mut sk.ofo_queue).into_segments();
    let freed = collapse(cx, &mut segs);
    sk.ofo_queue = super::ofo::OfoQueue::from(segs);
    uncharge(sk, freed);
}

/// Drops what is farthest beyond the hole; the peer will see its SACKs taken back
/// (`tcp_prune_ofo_queue`).
fn prune_ofo_queue(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32) {
    let mut pruned = false;
    let mut goal = i64::from(sk.sk.rcvbuf() >> 3);
    while let Some(last) = sk.ofo_queue.back() {
        if !after(last.seq, seq) {
            break;
        }
        let Some(seg) = sk.ofo_queue.pop_back() else { break };
        pruned = true;
        goal -= i64::from(seg.skb.truesize);
        uncharge(sk, seg.skb.truesize);
        cx.drop_skb(seg.skb, DropReason::TcpOfoQueuePrune);
        if goal <= 0 {
            if can_ingest(sk) {
                break;
            }
            goal = i64::from(sk.sk.rcvbuf() >> 3);
        }
    }
    if pruned {
        cx.inc(TcpExt::OfoPruned);
        if sk.rx_opt.sack_ok {
            sk.rx_opt.num_sacks = 0;
            sk.duplicate_sack = None;
        }
    }
}
