//! RACK (RFC 8985; `tcp_recovery.c`): a segment is lost when one that was sent later arrived and a
//! reordering window has passed since.

use super::recovery;
use crate::TcpCx;
use crate::cong::{self, RateSample};
use crate::output::queue::{LOST, RETRANS, SACKED_ACKED, SACKED_RETRANS};
use crate::output::retransmit::{mark_skb_lost, xmit_retransmit_queue};
use crate::seq::{after, before};
use crate::sock::{CaState, Sk, XmitTimer};
use crate::timer;
use net::Cx;

/// Bits of `tcp_recovery` (`TCP_RACK_*`).
const STATIC_REO_WND: i32 = 2;
const NO_DUPTHRESH: i32 = 4;
/// Recoveries for which a widened window lasts (`TCP_RACK_RECOVERY_THRESH`).
pub const RECOVERY_THRESH: u8 = 16;

/// The order of sending, ties broken by sequence (`tcp_skb_sent_after`).
#[inline]
#[must_use]
pub fn sent_after(t1: u64, t2: u64, seq1: u32, seq2: u32) -> bool {
    t1 > t2 || (t1 == t2 && after(seq1, seq2))
}

/// A segment that was sent at `sent_at` arrived (`tcp_rack_advance`).
#[inline]
pub fn advance(sk: &mut Sk<'_>, sacked: u8, end_seq: u32, sent_at: u64) {
    let rtt_us = sk.mstamp.saturating_sub(sent_at) as u32;
    // Too fast for a retransmission: the ACK is for the original.
    if rtt_us < sk.min_rtt() && sacked & RETRANS != 0 {
        return;
    }
    sk.rack.advanced = true;
    sk.rack.rtt_us = rtt_us;
    if sent_after(sent_at, sk.rack.mstamp, end_seq, sk.rack.end_seq) {
        sk.rack.mstamp = sent_at;
        sk.rack.end_seq = end_seq;
    }
}

/// How much reordering is tolerated, µs (`tcp_rack_reo_wnd`).
fn reo_wnd(sk: &Sk<'_>, cx: &Cx<'_>) -> u32 {
    if sk.reord_seen == 0 {
        // None seen so far: in recovery, or after enough duplicates, do not wait.
        if sk.ca_state >= CaState::Recovery {
            return 0;
        }
        if sk.sacked_out >= sk.reordering && cx.tcp().sysctl.recovery() & NO_DUPTHRESH == 0 {
            return 0;
        }
    }
    ((sk.min_rtt() >> 2).saturating_mul(u32::from(sk.rack.reo_wnd_steps))).min(sk.srtt_us >> 3)
}

/// Until a segment sent at `sent_at` counts as lost, µs (`tcp_rack_skb_timeout`).
#[must_use]
pub fn skb_timeout(sk: &Sk<'_>, sent_at: u64, reo_wnd: u32) -> i64 {
    i64::from(sk.rack.rtt_us) + i64::from(reo_wnd) - sk.mstamp.saturating_sub(sent_at) as i64
}

/// Marks what is lost; gives the longest wait among what may yet be, µs (`tcp_rack_detect_loss`).
fn detect_loss(sk: &mut Sk<'_>, cx: &Cx<'_>) -> u32 {
    let reo_wnd = reo_wnd(sk, cx);
    let mut timeout = 0;
    for i in 0..sk.send_queue.sent() {
        let seg = &sk.send_queue[i];
        if seg.is(SACKED_ACKED) || (seg.is(LOST) && !seg.is(SACKED_RETRANS)) {
            continue;
        }
        let (sent_at, end_seq) = (seg.tx_mstamp, seg.end_seq);
        if !sent_after(sk.rack.mstamp, sent_at, sk.rack.end_seq, end_seq) {
            // Retransmissions are sent out of order; originals behind the first are all younger.
            if !seg.is(RETRANS) {
                break;
            }
            continue;
        }
        let remaining = skb_timeout(sk, sent_at, reo_wnd);
        if remaining <= 0 {
            mark_skb_lost(sk, i);
        } else {
            timeout = timeout.max(remaining as u32);
        }
    }
    timeout
}

/// Marks what is lost, after an ACK; true when a timer for the rest was armed
/// (`tcp_rack_mark_lost`).
pub fn mark_lost(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    if !sk.rack.advanced {
        return false;
    }
    sk.rack.advanced = false;
    let timeout = detect_loss(sk, cx);
    if timeout > 0 {
        let ms = (u64::from(timeout) + 2000).div_ceil(1000);
        let ms = ms.min(u64::from(sk.rto));
        timer::reset_xmit_timer(sk, cx, XmitTimer::ReoTimeout, ms);
    }
    timeout > 0
}

/// The reordering window is over without news (`tcp_rack_reo_timeout`).
pub fn reo_timeout(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let prior_in_flight = sk.packets_in_flight();
    let lost = sk.lost;
    detect_loss(sk, cx);
    if prior_in_flight != sk.packets_in_flight() {
        if sk.ca_state != CaState::Recovery {
            recovery::enter_recovery(sk, cx, false);
            if !cong::controls(sk) {
                let newly_lost = sk.lost.wrapping_sub(lost);
                recovery::cwnd_reduction(sk, 1, newly_lost, 0);
            }
        }
        xmit_retransmit_queue(sk, cx);
    }
    if sk.pending != XmitTimer::Retrans {
        timer::rearm_rto(sk, cx);
    }
}

/// D-SACKs widen the window, recoveries without any narrow it again (`tcp_rack_update_reo_wnd`).
#[inline]
pub fn update_reo_wnd(sk: &mut Sk<'_>, cx: &Cx<'_>, rs: &RateSample) {
    if rs.prior_delivered == 0 {
        return;
    }
    if sk.rack.dsack_seen && before(rs.prior_delivered, sk.rack.last_delivered) {
        sk.rack.dsack_seen = false;
    }
    if sk.rack.dsack_seen {
        if cx.tcp().sysctl.recovery() & STATIC_REO_WND != 0 {
            return;
        }
        sk.rack.reo_wnd_steps = sk.rack.reo_wnd_steps.saturating_add(1);
        sk.rack.dsack_seen = false;
        sk.rack.last_delivered = sk.delivered;
        sk.rack.reo_wnd_persist = RECOVERY_THRESH;
    } else if sk.rack.reo_wnd_persist == 0 && sk.rack.reo_wnd_steps != 1 {
        sk.rack.reo_wnd_steps = 1;
    }
}
