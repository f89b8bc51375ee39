//! The SACK scoreboard (RFC 2018, 2883; `tcp_sacktag_write_queue`): tags on the send queue.

use super::TcpRx;
use super::ack::{
    FLAG_DATA_SACKED, FLAG_DSACK_TLP, FLAG_DSACKING_ACK, FLAG_ORIG_SACK_ACKED, highest_sack_seq,
};
use super::{rack, rate, recovery};
use crate::cong::RateSample;
use crate::output::queue::{LOST, RETRANS, SACKED_ACKED, SACKED_RETRANS};
use crate::output::split;
use crate::seq::{after, before};
use crate::sock::{CaState, Sk};
use net::Cx;
use net::mib::TcpExt;
use wire::tcp::SackBlock;
use wire::tcp::options::SackBlocks;

/// What one ACK's SACKs amount to (`struct tcp_sacktag_state`).
pub struct SackState {
    /// When the first and the last of the newly SACKed were sent, µs.
    pub sackt: Option<(u64, u64)>,
    /// Bytes of them, or of what was acknowledged (`delivered_bytes`).
    pub delivered_bytes: u32,
    /// The lowest sequence that was overtaken.
    reord: u32,
    /// `FLAG_*`
    flag: u32,
}

impl SackState {
    /// Nothing yet.
    #[inline]
    #[must_use]
    pub fn new(sk: &Sk<'_>) -> Self {
        SackState { sackt: None, delivered_bytes: 0, reord: sk.snd_nxt, flag: 0 }
    }
}

/// Tags what the blocks say; gives `FLAG_*`.
#[cold]
pub fn sacktag_write_queue(
    sk: &mut Sk<'_>,
    cx: &Cx<'_>,
    rx: &TcpRx,
    sack: &SackBlocks,
    prior_snd_una: u32,
    state: &mut SackState,
    rs: &mut RateSample,
) -> u32 {
    state.reord = sk.snd_nxt;
    let blocks = sack.as_slice();
    let found_dup = check_dsack(sk, cx, rx, blocks, prior_snd_una, state);
    // An ACK from before the window tells nothing that still counts.
    if before(rx.ack_seq, prior_snd_una.wrapping_sub(sk.max_window)) || sk.packets_out == 0 {
        return state.flag;
    }
    let mut used = [SackBlock::default(); 4];
    let mut n = 0;
    for (i, block) in blocks.iter().enumerate() {
        let dup = i == 0 && found_dup;
        if !is_sackblock_valid(sk, dup, *block) {
            let counter = match (dup, sk.undo_marker_set) {
                (true, false) => TcpExt::TCPDSACKIgnoredNoUndo,
                (true, true) => TcpExt::TCPDSACKIgnoredOld,
                // A SACK of what was acknowledged since is no fault.
                _ if rx.ack_seq != sk.snd_una && !after(block.end, sk.snd_una) => continue,
                _ => TcpExt::TCPSACKDiscard,
            };
            cx.inc(counter);
            continue;
        }
        if !after(block.end, prior_snd_una) && !dup {
            continue;
        }
        used[n] = *block;
        n += 1;
    }
    let dup_block = blocks.first().copied().filter(|_| found_dup);
    let used = &mut used[..n];
    used.sort_by(|a, b| (a.start.wrapping_sub(b.start) as i32).cmp(&0));
    for block in used.iter() {
        let dup = dup_block == Some(*block);
        walk(sk, cx, *block, dup, state, rs);
    }
    if sk.ca_state != CaState::Loss || sk.undo_marker_set {
        recovery::check_sack_reordering(sk, cx, state.reord, false);
    }
    state.flag
}

/// Tags the segments of one block (`tcp_sacktag_walk`).
fn walk(
    sk: &mut Sk<'_>,
    cx: &Cx<'_>,
    block: SackBlock,
    dup: bool,
    state: &mut SackState,
    rs: &mut RateSample,
) {
    let mut i = sk.send_queue.find(block.start);
    while i < sk.send_queue.sent() && before(sk.send_queue[i].seq, block.end) {
        if match_segment(sk, cx, i, block) {
            tag_one(sk, i, dup, state, rs);
        }
        i += 1;
    }
}

/// True when the block covers segment `i`; a large one is cut where the block begins or ends, at
/// packets (`tcp_match_skb_to_sack`).
fn match_segment(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize, block: SackBlock) -> bool {
    let seg = &sk.send_queue[i];
    let covers_start = !after(block.start, seg.seq);
    let in_sack = covers_start && !before(block.end, seg.end_seq);
    if in_sack || seg.packets() <= 1 || !after(seg.end_seq, block.start) {
        return in_sack;
    }
    let mss = u32::from(seg.gso_size).max(1);
    let mut len = if covers_start {
        block.end.wrapping_sub(seg.seq)
    } else {
        block.start.wrapping_sub(seg.seq).max(mss)
    };
    if covers_start && len < mss {
        return false;
    }
    if len > mss {
        let whole = len / mss * mss;
        len = if !covers_start && whole < len { whole + mss } else { whole };
    }
    if len >= seg.len() {
        return covers_start && !before(block.end, seg.end_seq);
    }
    split::fragment(sk, cx, i, len, mss);
    covers_start
}

/// Notes that segment `i` arrived (`tcp_sacktag_one`).
fn tag_one(sk: &mut Sk<'_>, i: usize, dup: bool, state: &mut SackState, rs: &mut RateSample) {
    let seg = &sk.send_queue[i];
    let (seq, end_seq, mut sacked, packets, sent_at) =
        (seg.seq, seg.end_seq, seg.sacked, seg.packets(), seg.tx_mstamp);
    if dup && sacked & RETRANS != 0 {
        if sk.undo_marker_set && sk.undo_retrans > 0 && after(end_seq, sk.undo_marker) {
            sk.undo_retrans = (sk.undo_retrans - packets as i32).max(0);
        }
        if sacked & SACKED_ACKED != 0 && before(seq, state.reord) {
            state.reord = seq;
        }
    }
    if !after(end_seq, sk.snd_una) {
        return;
    }
    if sacked & SACKED_ACKED == 0 {
        rack::advance(sk, sacked, end_seq, sent_at);
        if sacked & SACKED_RETRANS != 0 {
            // Not marked lost: the retransmission is thought to be still in flight.
            if sacked & LOST != 0 {
                sacked &= !(LOST | SACKED_RETRANS);
                sk.lost_out -= packets;
                sk.retrans_out -= packets;
            }
        } else {
            if sacked & RETRANS == 0 {
                if before(seq, highest_sack_seq(sk)) && before(seq, state.reord) {
                    state.reord = seq;
                }
                if !after(end_seq, sk.high_seq) {
                    state.flag |= FLAG_ORIG_SACK_ACKED;
                }
                state.sackt = Some((state.sackt.map_or(sent_at, |(first, _)| first), sent_at));
            }
            if sacked & LOST != 0 {
                sacked &= !LOST;
                sk.lost_out -= packets;
            }
        }
        sacked |= SACKED_ACKED;
        state.flag |= FLAG_DATA_SACKED;
        let highest = highest_sack_seq(sk);
        sk.sacked_out += packets;
        state.delivered_bytes += end_seq.wrapping_sub(seq);
        sk.highest_sack = if after(end_seq, highest) { end_seq } else { highest };
        sk.delivered = sk.delivered.wrapping_add(packets);
    }
    if dup && sacked & SACKED_RETRANS != 0 {
        sacked &= !SACKED_RETRANS;
        sk.retrans_out -= packets;
    }
    sk.send_queue[i].sacked = sacked;
    rate::skb_delivered(sk, i, rs);
}

/// True when the first block tells of a duplicate (`tcp_check_dsack`).
fn check_dsack(
    sk: &mut Sk<'_>,
    cx: &Cx<'_>,
    rx: &TcpRx,
    blocks: &[SackBlock],
    prior_snd_una: u32,
    state: &mut SackState,
) -> bool {
    let Some(first) = blocks.first().copied() else { return false };
    if before(first.start, rx.ack_seq) {
        cx.inc(TcpExt::TCPDSACKRecv);
    } else if blocks
        .get(1)
        .is_some_and(|next| !after(first.end, next.end) && !before(first.start, next.start))
    {
        cx.inc(TcpExt::TCPDSACKOfoRecv);
    } else {
        return false;
    }
    let Some(dup_segs) = dsack_seen(sk, first, state) else {
        cx.inc(TcpExt::TCPDSACKIgnoredDubious);
        return false;
    };
    cx.add(TcpExt::TCPDSACKRecvSegs, u64::from(dup_segs));
    // For what is off the queue already.
    if sk.undo_marker_set
        && sk.undo_retrans > 0
        && !after(first.end, prior_snd_una)
        && after(first.end, sk.undo_marker)
    {
        sk.undo_retrans = (sk.undo_retrans - dup_segs as i32).max(0);
    }
    true
}

/// How many segments were duplicates; `None` when that cannot be (`tcp_dsack_seen`).
fn dsack_seen(sk: &mut Sk<'_>, block: SackBlock, state: &mut SackState) -> Option<u32> {
    if !before(block.start, block.end) {
        return None;
    }
    let len = block.end.wrapping_sub(block.start);
    if len > sk.max_window {
        return None;
    }
    let mut dup_segs = 1;
    if len > sk.mss_cache {
        dup_segs = len.div_ceil(sk.mss_cache.max(1));
    } else if sk.tlp_pending && sk.tlp_high_seq == block.end {
        state.flag |= FLAG_DSACK_TLP;
    }
    sk.dsack_dups = sk.dsack_dups.wrapping_add(dup_segs);
    // More duplicates than retransmissions: somebody else makes them.
    if sk.dsack_dups > sk.total_retrans {
        return None;
    }
    sk.rx_opt.dsack_seen = true;
    if sk.reord_seen != 0 && state.flag & FLAG_DSACK_TLP == 0 {
        sk.rack.dsack_seen = true;
    }
    state.flag |= FLAG_DSACKING_ACK;
    Some(dup_segs)
}

/// True when a block can be the peer's (`tcp_is_sackblock_valid`).
fn is_sackblock_valid(sk: &Sk<'_>, is_dsack: bool, block: SackBlock) -> bool {
    let SackBlock { start, end } = block;
    if after(end, sk.snd_nxt) || !before(start, end) || !before(start, sk.snd_nxt) {
        return false;
    }
    if after(start, sk.snd_una) {
        return true;
    }
    if !is_dsack || !sk.undo_marker_set || after(end, sk.snd_una) {
        return false;
    }
    if !before(start, sk.undo_marker) {
        return true;
    }
    after(end, sk.undo_marker) && !before(start, end.wrapping_sub(sk.max_window))
}
