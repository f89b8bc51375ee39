//! Cutting a segment in two, and joining two again (`tcp_fragment`, `tso_fragment`,
//! `tcp_collapse_retrans`).

use super::queue::{EVER_RETRANS, LOST, SACKED_ACKED, SACKED_RETRANS, SEGMENT_TRUESIZE, Segment};
use crate::api::txstamp;
use crate::mem;
use crate::sock::Sk;
use net::Cx;
use wire::TcpFlags;

/// Cuts segment `i` behind its first `len` bytes; the rest follows it, with the same tags. Counts
/// are kept when it was sent already.
pub fn fragment(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize, len: u32, mss: u32) {
    let was_sent = i < sk.send_queue.sent();
    let seg = &mut sk.send_queue[i];
    if len >= seg.len() {
        return;
    }
    let mut skb = seg.skb.split_off(cx, len as usize);
    let moved = skb.len() as u32;
    skb.truesize = SEGMENT_TRUESIZE + moved;
    seg.skb.truesize = seg.skb.truesize.saturating_sub(moved).max(SEGMENT_TRUESIZE);
    let at = seg.seq.wrapping_add(len);
    let mut rest = Segment {
        skb,
        seq: at,
        end_seq: seg.end_seq,
        flags: seg.flags,
        sacked: seg.sacked,
        eor: seg.eor,
        app_limited: seg.app_limited,
        pcount: 0,
        gso_size: 0,
        delivered: seg.delivered,
        tx_mstamp: seg.tx_mstamp,
        first_tx_mstamp: seg.first_tx_mstamp,
        delivered_mstamp: seg.delivered_mstamp,
    };
    txstamp::split(seg, &mut rest);
    seg.end_seq = at;
    seg.eor = false;
    seg.flags = seg.flags.without(TcpFlags::FIN.with(TcpFlags::PSH));
    let before = seg.packets();
    let tags = seg.sacked;
    let now = seg.set_packets(mss) + rest.set_packets(mss);
    mem::force(sk, cx, SEGMENT_TRUESIZE);
    mem::wmem_charge(sk, SEGMENT_TRUESIZE);
    sk.send_queue.insert_after(i, rest);
    if was_sent {
        adjust_pcount(sk, tags, before, now);
    }
}

/// The packets of a sent segment were counted anew (`tcp_adjust_pcount`).
pub fn adjust_pcount(sk: &mut Sk<'_>, tags: u8, before: u32, now: u32) {
    let moved = |count: u32| (count + now).saturating_sub(before);
    sk.packets_out = moved(sk.packets_out);
    if tags & SACKED_ACKED != 0 {
        sk.sacked_out = moved(sk.sacked_out);
    } else if sk.is_reno() && sk.sacked_out > 0 && before > now {
        // Without SACK the count is a guess; it shrinks with the flight.
        sk.sacked_out = sk.sacked_out.saturating_sub(before - now).min(sk.packets_out);
    }
    if tags & SACKED_RETRANS != 0 {
        sk.retrans_out = moved(sk.retrans_out);
    }
    if tags & LOST != 0 {
        sk.lost_out = moved(sk.lost_out);
    }
}

/// Joins the segment behind `i` to it, if both were sent, fit in `room` bytes together and say
/// nothing different (`tcp_collapse_retrans`).
pub fn collapse(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize, room: u32) -> bool {
    if i + 1 >= sk.send_queue.sent() {
        return false;
    }
    let (first, next) = (&sk.send_queue[i], &sk.send_queue[i + 1]);
    let joinable = first.len() + next.len() <= room
        && next.packets() == 1
        && first.packets() == 1
        && !next.is(SACKED_ACKED)
        && !first.eor
        && !first.flags.intersects(TcpFlags::SYN.with(TcpFlags::FIN))
        && !next.flags.syn()
        && !next.is_empty();
    if !joinable {
        return false;
    }
    let Some(next) = sk.send_queue.remove_after(i) else { return false };
    let (tags, packets) = (next.sacked, next.packets());
    let freed = next.skb.truesize.saturating_sub(next.len());
    let seg = &mut sk.send_queue[i];
    seg.end_seq = next.end_seq;
    seg.flags |= next.flags;
    seg.eor = next.eor;
    seg.sacked |= tags & EVER_RETRANS;
    txstamp::join(&mut seg.skb, &next.skb);
    seg.skb.truesize += next.skb.len() as u32;
    seg.skb.append_skb(cx, next.skb);
    mem::wmem_uncharge(sk, cx, freed);
    adjust_pcount(sk, tags, packets, 0);
    true
}

/// Moves up to `room` bytes of the segment behind unsent segment `i` to its end (`tcp_grow_skb`).
pub fn grow(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize, room: u32) {
    let (head, next) = (&sk.send_queue[i], &sk.send_queue[i + 1]);
    let whole = next.len() <= room;
    // A piece of a small segment is not worth the copy, a large one is only handed over.
    if room == 0 || head.eor || head.flags.fin() || next.is_empty() || (!whole && next.skb.linear_len() > 0) {
        return;
    }
    if whole {
        let Some(next) = sk.send_queue.remove_after(i) else { return };
        let freed = next.skb.truesize.min(SEGMENT_TRUESIZE);
        let head = &mut sk.send_queue[i];
        head.end_seq = next.end_seq;
        head.flags |= next.flags;
        head.eor = next.eor;
        head.pcount = 0;
        head.skb.truesize += next.skb.truesize - freed;
        txstamp::join(&mut head.skb, &next.skb);
        head.skb.append_skb(cx, next.skb);
        mem::wmem_uncharge(sk, cx, freed);
        return;
    }
    let next = &mut sk.send_queue[i + 1];
    let rest = next.skb.split_off(cx, room as usize);
    let mut piece = std::mem::replace(&mut next.skb, rest);
    next.skb.truesize = piece.truesize.saturating_sub(room);
    next.seq = next.seq.wrapping_add(room);
    next.pcount = 0;
    piece.truesize = room;
    let head = &mut sk.send_queue[i];
    head.end_seq = head.end_seq.wrapping_add(room);
    head.pcount = 0;
    head.skb.truesize += room;
    head.skb.append_skb(cx, piece);
}

/// Drops bytes of a sent segment that were acknowledged already (`tcp_trim_head`).
pub fn trim_head(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize, len: u32, mss: u32) {
    let seg = &mut sk.send_queue[i];
    let (before, tags) = (seg.packets(), seg.sacked);
    seg.skb.trim_front(cx, len as usize);
    seg.seq = seg.seq.wrapping_add(len);
    seg.skb.truesize = seg.skb.truesize.saturating_sub(len);
    let now = if before > 1 { seg.set_packets(mss) } else { before };
    mem::wmem_uncharge(sk, cx, len);
    if now != before {
        adjust_pcount(sk, tags, before, now);
    }
}
