//! Data beyond a hole (`tcp_data_queue_ofo`), and the SACK blocks that tell of it (RFC 2018).

use super::challenge::{dsack_extend, dsack_set};
use super::{TcpRx, delack, prune, window};
use crate::fifo::Fifo;
use crate::mem::{charge, drop_skb, uncharge};
use crate::seq::{after, before};
use crate::sock::{ACK_SCHED, RxSegment, Sk, TcpSock};
use kern::rarely::AtRest;
use net::mib::TcpExt;
use net::{Cx, DropReason, Skb};
use std::collections::VecDeque;
use wire::tcp::SackBlock;

/// Most blocks that are remembered (`TCP_NUM_SACKS`).
const NUM_SACKS: usize = 4;

/// Data beyond a hole, and what the next segment tells of it.
#[derive(Default)]
pub struct Ofo {
    /// The data (`out_of_order_queue`).
    pub queue: OfoQueue,
    /// What the next SACK says (`selective_acks`), the newest first.
    pub selective_acks: [SackBlock; NUM_SACKS],
    /// What its D-SACK says (`duplicate_sack`).
    pub duplicate_sack: Option<SackBlock>,
}

impl AtRest for Ofo {
    const AT_REST: &'static Ofo = &Ofo {
        queue: OfoQueue { segs: Fifo::NEW },
        selective_acks: [SackBlock { start: 0, end: 0 }; NUM_SACKS],
        duplicate_sack: None,
    };
}

impl TcpSock {
    /// The next SACK tells of no duplicate.
    #[inline]
    pub fn clear_dsack(&mut self) {
        if self.ofo.duplicate_sack.is_some() {
            self.ofo.duplicate_sack = None;
        }
    }
}

/// Segments in order of their first sequence number; none lies inside another.
#[derive(Default)]
pub struct OfoQueue {
    segs: Fifo<RxSegment>,
}

impl OfoQueue {
    /// True when there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segs.is_empty()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segs.len()
    }

    /// The first.
    #[inline]
    #[must_use]
    pub fn front(&self) -> Option<&RxSegment> {
        self.segs.front()
    }

    /// The last.
    #[must_use]
    pub fn back(&self) -> Option<&RxSegment> {
        self.segs.back()
    }

    /// Takes the first.
    pub fn pop_front(&mut self) -> Option<RxSegment> {
        self.segs.pop_front()
    }

    /// Takes the last.
    pub fn pop_back(&mut self) -> Option<RxSegment> {
        self.segs.pop_back()
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &RxSegment> {
        self.segs.iter()
    }

    /// All, in order.
    pub fn into_segments(self) -> VecDeque<RxSegment> {
        self.segs.into()
    }

    /// Where a segment that begins at `seq` belongs: behind all that begin earlier or there.
    #[must_use]
    pub fn position(&self, seq: u32) -> usize {
        match self.segs.back() {
            Some(last) if before(seq, last.seq) => self.segs.partition_point(|seg| !after(seg.seq, seq)),
            _ => self.segs.len(),
        }
    }

    pub(super) fn get(&self, i: usize) -> Option<&RxSegment> {
        self.segs.get(i)
    }

    pub(super) fn get_mut(&mut self, i: usize) -> Option<&mut RxSegment> {
        self.segs.get_mut(i)
    }

    pub(super) fn insert(&mut self, i: usize, seg: RxSegment) {
        self.segs.insert(i, seg);
    }

    pub(super) fn remove(&mut self, i: usize) -> Option<RxSegment> {
        self.segs.remove(i)
    }
}

impl From<VecDeque<RxSegment>> for OfoQueue {
    fn from(segs: VecDeque<RxSegment>) -> Self {
        OfoQueue { segs: segs.into() }
    }
}

/// Queues a segment that begins beyond `rcv_nxt`; its header is off.
#[cold]
pub fn data_queue_ofo(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: Skb) {
    window::data_ecn_check(sk, rx);
    if !prune::try_rmem_schedule(sk, cx, rx.seq, skb.truesize) {
        cx.inc(TcpExt::TCPOFODrop);
        sk.sk.data_ready(cx);
        return drop_skb(sk, cx, skb, DropReason::ProtoMem);
    }
    window::measure_rcv_mss(sk, rx, skb.gso_size, skb.truesize);
    queue(sk, cx, rx, skb);
    // What waits behind a hole needs room too; not for who has no reader yet, or none any more.
    if sk.sk.ino() != 0 {
        let space = sk.rcvq_space;
        window::rcvbuf_grow(sk, cx, space);
    }
}

fn queue(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: Skb) {
    sk.pred_flags = 0;
    sk.ack_pending |= ACK_SCHED;
    sk.rcv_ooopack = sk.rcv_ooopack.wrapping_add(u32::from(skb.gso_segs.max(1)));
    cx.inc(TcpExt::TCPOFOQueue);
    let (seq, end_seq) = (rx.seq, rx.end_seq);
    let truesize = skb.truesize;
    let at = sk.ofo.queue.position(seq);
    if let Some(i) = at.checked_sub(1)
        && let Some(before_it) = sk.ofo.queue.get(i)
        && before(seq, before_it.end_seq)
    {
        if !after(end_seq, before_it.end_seq) {
            // All of it is there.
            cx.inc(TcpExt::TCPOFOMerge);
            dsack_set(sk, cx, seq, end_seq);
            delack::flush_compressed(sk, cx, seq, end_seq);
            sack_new(sk, seq, end_seq);
            return drop_skb(sk, cx, skb, DropReason::TcpOfoMerge);
        }
        let overlap = before_it.end_seq;
        if seq == before_it.seq {
            // It replaces the shorter one.
            dsack_extend(sk, cx, seq, overlap);
            if let Some(old) = sk.ofo.queue.remove(i) {
                cx.inc(TcpExt::TCPOFOMerge);
                uncharge(sk, cx, old.skb.truesize);
                drop_skb(sk, cx, old.skb, DropReason::TcpOfoMerge);
            }
            return insert(sk, cx, i, rx, skb, truesize);
        }
        dsack_set(sk, cx, seq, overlap);
    }
    insert(sk, cx, at, rx, skb, truesize);
}

fn insert(sk: &mut Sk<'_>, cx: &Cx<'_>, at: usize, rx: &TcpRx, skb: Skb, truesize: u32) {
    let seg = RxSegment::new((rx.seq, rx.end_seq), rx.flags, skb);
    let joined = match at.checked_sub(1).and_then(|i| sk.ofo.queue.get_mut(i)) {
        Some(before_it) if prune::can_join(cx, before_it, &seg) => {
            let added = prune::join(cx, before_it, seg);
            charge(sk, added);
            cx.inc(TcpExt::TCPRcvCoalesce);
            true
        }
        _ => {
            sk.ofo.queue.insert(at, seg);
            false
        }
    };
    // What begins behind it may lie inside it.
    let next = if joined { at } else { at + 1 };
    while let Some(other) = sk.ofo.queue.get(next) {
        if !after(rx.end_seq, other.seq) {
            break;
        }
        if before(rx.end_seq, other.end_seq) {
            let start = other.seq;
            dsack_extend(sk, cx, start, rx.end_seq);
            break;
        }
        let (start, end) = (other.seq, other.end_seq);
        dsack_extend(sk, cx, start, end);
        if let Some(old) = sk.ofo.queue.remove(next) {
            cx.inc(TcpExt::TCPOFOMerge);
            uncharge(sk, cx, old.skb.truesize);
            drop_skb(sk, cx, old.skb, DropReason::TcpOfoMerge);
        }
    }
    delack::flush_compressed(sk, cx, rx.seq, rx.end_seq);
    sack_new(sk, rx.seq, rx.end_seq);
    if sk.rx_opt.sack_ok {
        window::grow_window(sk, cx, rx.len, truesize);
    }
    // A segment of its own is charged last: the window grows by what was free before it.
    if !joined {
        charge(sk, truesize);
    }
}

/// Widens a block by one that touches it (`tcp_sack_extend`).
pub fn sack_extend(block: &mut SackBlock, seq: u32, end_seq: u32) -> bool {
    if after(seq, block.end) || after(block.start, end_seq) {
        return false;
    }
    if before(seq, block.start) {
        block.start = seq;
    }
    if after(end_seq, block.end) {
        block.end = end_seq;
    }
    true
}

/// The newest block comes first; those it touches become part of it (`tcp_sack_new_ofo_skb`).
pub fn sack_new(tp: &mut TcpSock, seq: u32, end_seq: u32) {
    if !tp.rx_opt.sack_ok {
        return;
    }
    let mut n = usize::from(tp.rx_opt.num_sacks);
    let blocks = &mut tp.ofo.selective_acks;
    let found = blocks[..n].iter_mut().position(|block| sack_extend(block, seq, end_seq));
    if let Some(i) = found {
        blocks[..=i].rotate_right(1);
        // It may touch others now.
        let mut i = 1;
        while i < n {
            let other = blocks[i];
            if sack_extend(&mut blocks[0], other.start, other.end) {
                blocks.copy_within(i + 1..n, i);
                n -= 1;
            } else {
                i += 1;
            }
        }
    } else {
        n = (n + 1).min(NUM_SACKS);
        blocks[..n].rotate_right(1);
        blocks[0] = SackBlock { start: seq, end: end_seq };
    }
    tp.rx_opt.num_sacks = n as u8;
}

/// `rcv_nxt` moved: blocks below it are gone (`tcp_sack_remove`).
pub fn sack_remove(tp: &mut TcpSock) {
    if tp.ofo.queue.is_empty() {
        tp.rx_opt.num_sacks = 0;
        return;
    }
    let (mut n, mut i) = (usize::from(tp.rx_opt.num_sacks), 0);
    while i < n {
        if before(tp.rcv_nxt, tp.ofo.selective_acks[i].start) {
            i += 1;
        } else {
            tp.ofo.selective_acks.copy_within(i + 1..n, i);
            n -= 1;
        }
    }
    tp.rx_opt.num_sacks = n as u8;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(start: u32, end: u32) -> SackBlock {
        SackBlock { start, end }
    }

    fn sock() -> TcpSock {
        let mut tp = TcpSock::default();
        tp.rx_opt.sack_ok = true;
        tp
    }

    #[test]
    fn newest_block_is_first_and_touching_ones_join() {
        let mut tp = sock();
        sack_new(&mut tp, 10, 20);
        sack_new(&mut tp, 30, 40);
        assert_eq!(tp.ofo.selective_acks[..2], [block(30, 40), block(10, 20)]);
        sack_new(&mut tp, 20, 30);
        assert_eq!((tp.rx_opt.num_sacks, tp.ofo.selective_acks[0]), (1, block(10, 40)));
    }

    #[test]
    fn a_fifth_block_pushes_the_oldest_out() {
        let mut tp = sock();
        for i in 0..5 {
            sack_new(&mut tp, i * 100, i * 100 + 10);
        }
        assert_eq!(tp.rx_opt.num_sacks, 4);
        assert_eq!(
            tp.ofo.selective_acks,
            [block(400, 410), block(300, 310), block(200, 210), block(100, 110)]
        );
    }

    proptest! {
        /// Against a set of received numbers: every block is one run of it, and no two touch.
        #[test]
        fn blocks_are_runs_of_what_came(pieces in prop::collection::vec((0u32..200, 1u32..20), 1..12), base: u32) {
            let mut tp = sock();
            let mut got = std::collections::BTreeSet::new();
            for (start, len) in pieces {
                for x in start..start + len {
                    got.insert(x);
                }
                sack_new(&mut tp, base.wrapping_add(start), base.wrapping_add(start + len));
                let first = tp.ofo.selective_acks[0];
                let (s, e) = (first.start.wrapping_sub(base), first.end.wrapping_sub(base));
                prop_assert!(s <= start && e >= start + len);
                let blocks = &tp.ofo.selective_acks[..usize::from(tp.rx_opt.num_sacks)];
                for block in blocks {
                    for x in block.start.wrapping_sub(base)..block.end.wrapping_sub(base) {
                        prop_assert!(got.contains(&x));
                    }
                }
            }
        }
    }
}
