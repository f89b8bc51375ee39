//! The fragments of one packet (`struct inet_frag_queue`, `inet_frag_queue_insert`).

use super::Piece;
use kern::time::Jiffies;
use net::sock::mem::SKB_OVERHEAD;
use net::{Cx, Skb};

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It waits for others.
    Added,
    /// It was the last one missing.
    Complete,
    /// It repeats what is there.
    Duplicate,
    /// It overlaps another without repeating it.
    Overlap,
    /// It contradicts the others: an end beyond the end.
    Invalid,
}

/// The fragments of one packet that came so far.
pub struct Queue {
    /// When it is given up.
    pub(super) deadline: Jiffies,
    /// In order, without gaps filled: (start, end, data).
    pieces: Vec<(usize, usize, Skb)>,
    /// Where the packet ends as far as known.
    len: usize,
    /// Bytes that are there.
    meat: usize,
    last_in: bool,
    mem: u64,
    /// One bit for each value of the two ECN bits.
    ecn: u8,
    /// The largest fragment, and the largest with DF.
    max_size: usize,
    max_df_size: usize,
    /// The source's count of fragments when the last one came.
    rid: u32,
}

impl Queue {
    /// Without fragments.
    pub fn new(deadline: Jiffies) -> Self {
        Queue {
            deadline,
            pieces: Vec::new(),
            len: 0,
            meat: 0,
            last_in: false,
            mem: 0,
            ecn: 0,
            max_size: 0,
            max_df_size: 0,
            rid: 0,
        }
    }

    /// Notes the source's count of fragments; true when more than `max` came from it since this
    /// packet's last one.
    pub(super) fn is_too_far(&mut self, rid: u32, max: u64) -> bool {
        let passed = rid.wrapping_sub(std::mem::replace(&mut self.rid, rid));
        !self.is_empty() && u64::from(passed) > max
    }

    /// Bytes charged.
    pub fn mem(&self) -> u64 {
        self.mem
    }

    /// Bytes of the whole packet, as far as known.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without fragments.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Adds a fragment. One that is refused is freed; after [`Inserted::Overlap`] or `Invalid` the
    /// whole packet is to be thrown away.
    pub fn insert(&mut self, cx: &Cx<'_>, piece: Piece) -> Inserted {
        let Piece { mut skb, start, end, more, ecn, df } = piece;
        let refused = |skb, why| {
            cx.drop_skb(skb, net::DropReason::DupFrag);
            why
        };
        if more {
            if end > self.len {
                if self.last_in {
                    return refused(skb, Inserted::Invalid);
                }
                self.len = end;
            }
        } else {
            if end < self.len || self.last_in && end != self.len {
                return refused(skb, Inserted::Invalid);
            }
            self.last_in = true;
            self.len = end;
        }
        if end <= start || end - start > skb.len() {
            return refused(skb, Inserted::Invalid);
        }
        skb.trim(cx, end - start);
        // Fragments mostly come in order: looking from the end finds the place at once.
        let at = self.pieces.iter().rposition(|(s, ..)| *s <= start).map_or(0, |i| i + 1);
        if let Some((_, before_end, _)) = at.checked_sub(1).and_then(|i| self.pieces.get(i))
            && *before_end > start
        {
            let repeated = *before_end >= end;
            return refused(skb, if repeated { Inserted::Duplicate } else { Inserted::Overlap });
        }
        if self.pieces.get(at).is_some_and(|(next_start, ..)| *next_start < end) {
            return refused(skb, Inserted::Overlap);
        }
        self.mem += u64::from(skb.truesize).max((skb.len() + SKB_OVERHEAD as usize) as u64);
        self.meat += end - start;
        self.ecn |= 1 << (ecn & 3);
        let size = end - start + crate::packet::network_offset(&skb);
        self.max_size = self.max_size.max(size);
        if df {
            self.max_df_size = self.max_df_size.max(size);
        }
        self.pieces.insert(at, (start, end, skb));
        let complete = self.last_in && self.meat == self.len;
        if complete { Inserted::Complete } else { Inserted::Added }
    }

    /// The first fragment, if it came.
    pub fn first(&self) -> Option<&Skb> {
        self.pieces.first().filter(|(start, ..)| *start == 0).map(|(.., skb)| skb)
    }

    /// True when DF was set on a fragment as large as the largest: the path takes such.
    pub fn df(&self) -> bool {
        self.max_df_size != 0 && self.max_df_size == self.max_size
    }

    /// The whole packet's ECN bits, or `None` for fragments that disagree in what may not be
    /// (RFC 3168 section 5.3, `ip_frag_ecn_table`): the second value says "make it CE".
    pub fn ecn(&self) -> Option<bool> {
        let (not_ect, ce) = (self.ecn & 1 != 0, self.ecn & 1 << 3 != 0);
        if not_ect && self.ecn != 1 {
            return None;
        }
        Some(ce && self.ecn != 1 << 3)
    }

    /// Joins the fragments into the first one (`inet_frag_reasm_finish`); data is behind its headers.
    pub fn join(mut self, cx: &Cx<'_>) -> Option<Skb> {
        let mut pieces = self.pieces.drain(..);
        let (.., mut whole) = pieces.next()?;
        let mut summed = whole.ip_summed;
        for (.., skb) in pieces {
            whole.truesize = whole.truesize.saturating_add(skb.truesize);
            if skb.ip_summed != summed {
                summed = net::skb::IpSummed::None;
            }
            whole.append_skb(cx, skb);
        }
        // A partial sum covered one fragment at most.
        whole.ip_summed = match summed {
            net::skb::IpSummed::Unnecessary => net::skb::IpSummed::None,
            other => other,
        };
        Some(whole)
    }

    /// Throws all away.
    pub fn free(self, cx: &Cx<'_>, reason: net::DropReason) {
        for (.., skb) in self.pieces {
            cx.drop_skb(skb, reason);
        }
    }
}
