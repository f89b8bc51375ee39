//! The send queue: segments in order of their sequence numbers, sent ones first (`tcp_rtx_queue`
//! and `sk_write_queue` in one).
//!
//! One queue and an index: a new segment is appended, sending one moves the index, acknowledging
//! pops the front, and a lookup by sequence is a binary search. Only splitting moves entries.

use crate::fifo::Fifo;
use crate::seq::before;
use net::{Cx, Skb};
use std::ops::{Index, IndexMut};
use wire::TcpFlags;

/// SACKed (`TCPCB_SACKED_ACKED`).
pub const SACKED_ACKED: u8 = 1;
/// Retransmitted and in flight (`TCPCB_SACKED_RETRANS`).
pub const SACKED_RETRANS: u8 = 2;
/// Taken for lost (`TCPCB_LOST`).
pub const LOST: u8 = 4;
/// Any of the above (`TCPCB_TAGBITS`).
pub const TAGBITS: u8 = 7;
/// Retransmitted some time (`TCPCB_EVER_RETRANS`).
pub const EVER_RETRANS: u8 = 0x80;
/// Retransmitted now or before (`TCPCB_RETRANS`).
pub const RETRANS: u8 = SACKED_RETRANS | EVER_RETRANS;

/// What is charged for an empty segment, as Linux counts it (`skb->truesize`).
pub const SEGMENT_TRUESIZE: u32 = 832;

/// One entry of the send queue: a packet, or many of the same size sent as one, with its control
/// block (`struct tcp_skb_cb`).
pub struct Segment {
    /// The payload; `data` is at its first byte.
    pub skb: Skb,
    /// First sequence number.
    pub seq: u32,
    /// One past the last, SYN and FIN counted.
    pub end_seq: u32,
    /// Flags to send (`tcp_flags`).
    pub flags: TcpFlags,
    /// [`SACKED_ACKED`] and its kin (`sacked`).
    pub sacked: u8,
    /// No later byte may join it (`MSG_EOR`, `eor`).
    pub eor: bool,
    /// The application limited the sender when it was sent (`is_app_limited`).
    pub app_limited: bool,
    /// How many packets it is on the wire; 0 when not counted yet (`tcp_gso_segs`).
    pub pcount: u16,
    /// Their size (`tcp_gso_size`).
    pub gso_size: u16,
    /// `delivered` of the sock when it was sent.
    pub delivered: u32,
    /// When it was sent last, µs; 0 for never (`skb_mstamp_ns`).
    pub tx_mstamp: u64,
    /// The sock's `first_tx_mstamp` then, µs.
    pub first_tx_mstamp: u64,
    /// The sock's `delivered_mstamp` then, µs.
    pub delivered_mstamp: u64,
}

impl Segment {
    /// An empty one at `seq`.
    #[inline]
    pub fn new(cx: &Cx<'_>, seq: u32, flags: TcpFlags) -> Self {
        let mut skb = cx.alloc_skb();
        skb.truesize = SEGMENT_TRUESIZE;
        Segment {
            skb,
            seq,
            end_seq: seq,
            flags,
            sacked: 0,
            eor: false,
            app_limited: false,
            pcount: 0,
            gso_size: 0,
            delivered: 0,
            tx_mstamp: 0,
            first_tx_mstamp: 0,
            delivered_mstamp: 0,
        }
    }

    /// Bytes of payload.
    #[inline]
    #[must_use]
    pub fn len(&self) -> u32 {
        self.skb.len() as u32
    }

    /// True without payload: a SYN, a FIN.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.skb.is_empty()
    }

    /// How many packets it is (`tcp_skb_pcount`).
    #[inline]
    #[must_use]
    pub fn packets(&self) -> u32 {
        u32::from(self.pcount)
    }

    /// Counts its packets of `mss` bytes (`tcp_set_skb_tso_segs`).
    #[inline]
    pub fn set_packets(&mut self, mss: u32) -> u32 {
        let len = self.len();
        if len <= mss {
            (self.gso_size, self.pcount) = (0, 1);
        } else {
            self.gso_size = mss as u16;
            self.pcount = len.div_ceil(mss) as u16;
        }
        u32::from(self.pcount)
    }

    /// True when any tag of `bits` is set.
    #[inline]
    #[must_use]
    pub fn is(&self, bits: u8) -> bool {
        self.sacked & bits != 0
    }
}

/// Sent and unsent segments.
#[derive(Default)]
pub struct SendQueue {
    segs: Fifo<Segment>,
    sent: usize,
}

impl Index<usize> for SendQueue {
    type Output = Segment;
    #[inline]
    fn index(&self, i: usize) -> &Segment {
        self.segs.get(i).expect("a segment of the queue")
    }
}

impl IndexMut<usize> for SendQueue {
    #[inline]
    fn index_mut(&mut self, i: usize) -> &mut Segment {
        self.segs.get_mut(i).expect("a segment of the queue")
    }
}

impl SendQueue {
    /// How many were sent and not acknowledged: they have the indices `0..sent()`.
    #[inline]
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// How many there are in all.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.segs.len()
    }

    /// How many were not sent.
    #[inline]
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.segs.len() - self.sent
    }

    /// True when there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segs.is_empty()
    }

    /// The first that was not sent (`tcp_send_head`).
    #[inline]
    #[must_use]
    pub fn send_head(&self) -> Option<&Segment> {
        self.segs.get(self.sent)
    }

    /// The last one not sent (`tcp_write_queue_tail`).
    #[inline]
    pub fn write_tail(&mut self) -> Option<&mut Segment> {
        if self.segs.len() > self.sent { self.segs.back_mut() } else { None }
    }

    /// The last of all, sent or not.
    pub fn back_mut(&mut self) -> Option<&mut Segment> {
        self.segs.back_mut()
    }

    /// The oldest sent one (`tcp_rtx_queue_head`).
    #[inline]
    #[must_use]
    pub fn rtx_head(&self) -> Option<&Segment> {
        if self.sent > 0 { self.segs.front() } else { None }
    }

    /// The youngest sent one (`tcp_rtx_queue_tail`).
    #[inline]
    #[must_use]
    pub fn rtx_tail(&self) -> Option<&Segment> {
        self.segs.get(self.sent.checked_sub(1)?)
    }

    /// Appends (`tcp_add_write_queue_tail`).
    #[inline]
    pub fn push(&mut self, seg: Segment) {
        self.segs.push_back(seg);
    }

    /// The first unsent one is sent now.
    #[inline]
    pub fn advance(&mut self) {
        debug_assert!(self.sent < self.segs.len());
        self.sent += 1;
    }

    /// The youngest sent one was not sent after all.
    pub fn take_back(&mut self) {
        debug_assert!(self.sent > 0);
        self.sent -= 1;
    }

    /// Takes the oldest sent one.
    #[inline]
    pub fn pop_sent(&mut self) -> Option<Segment> {
        self.sent = self.sent.checked_sub(1)?;
        self.segs.pop_front()
    }

    /// Takes the first, sent or not.
    pub fn pop_front(&mut self) -> Option<Segment> {
        self.sent = self.sent.saturating_sub(1);
        self.segs.pop_front()
    }

    /// Takes the last unsent one.
    pub fn pop_back(&mut self) -> Option<Segment> {
        if self.segs.len() > self.sent { self.segs.pop_back() } else { None }
    }

    /// Puts the second half of a split behind the first, on the same side of the index.
    pub fn insert_after(&mut self, i: usize, seg: Segment) {
        self.segs.insert(i + 1, seg);
        if i < self.sent {
            self.sent += 1;
        }
    }

    /// Takes the one behind `i`, to be joined with it.
    pub fn remove_after(&mut self, i: usize) -> Option<Segment> {
        let seg = self.segs.remove(i + 1)?;
        if i + 1 < self.sent {
            self.sent -= 1;
        }
        Some(seg)
    }

    /// The index of the first sent segment that ends after `seq`; `sent()` if none does.
    #[must_use]
    pub fn find(&self, seq: u32) -> usize {
        if self.sent == 0 {
            return 0;
        }
        let at = self.segs.partition_point(|seg| !before(seq, seg.end_seq));
        at.min(self.sent)
    }

    /// The sent ones, oldest first.
    pub fn iter_sent(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        (0..self.sent).filter_map(|i| self.segs.get(i))
    }

    /// The sent ones, oldest first.
    pub fn iter_sent_mut(&mut self) -> impl Iterator<Item = &mut Segment> {
        self.segs.iter_mut().take(self.sent)
    }

    /// The unsent ones.
    pub fn iter_unsent(&self) -> impl Iterator<Item = &Segment> {
        self.segs.iter().skip(self.sent)
    }

    /// Lets go of the memory of an empty queue.
    pub fn shrink(&mut self) {
        self.segs.shrink();
    }
}
