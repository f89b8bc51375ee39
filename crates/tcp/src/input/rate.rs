//! Delivery rate samples (`tcp_rate.c`; draft-cheng-iccrg-delivery-rate-estimation).

use super::rack::sent_after;
use crate::cong::RateSample;
use crate::output::queue::{RETRANS, SACKED_ACKED};
use crate::seq::after;
use crate::sock::Sk;

/// Segment `i` was delivered: the youngest of them makes the sample (`tcp_rate_skb_delivered`).
#[inline]
pub fn skb_delivered(sk: &mut Sk<'_>, i: usize, rs: &mut RateSample) {
    let first_tx = sk.first_tx_mstamp;
    let seg = &mut sk.send_queue[i];
    if seg.delivered_mstamp == u64::MAX {
        return;
    }
    let sent_at = seg.tx_mstamp;
    let mut start = first_tx;
    if rs.last_end_seq.is_none_or(|last| sent_after(sent_at, first_tx, seg.end_seq, last)) {
        rs.prior_delivered = seg.delivered;
        rs.prior_mstamp = seg.delivered_mstamp;
        rs.app_limited = seg.app_limited;
        rs.is_retrans = seg.is(RETRANS);
        rs.last_end_seq = Some(seg.end_seq);
        rs.interval_us = sent_at.saturating_sub(seg.first_tx_mstamp) as i64;
        start = sent_at;
    }
    if seg.is(SACKED_ACKED) {
        // Once is enough.
        seg.delivered_mstamp = u64::MAX;
    }
    sk.first_tx_mstamp = start;
}

/// Completes the sample of an ACK (`tcp_rate_gen`).
#[inline]
pub fn rate_gen(sk: &mut Sk<'_>, delivered: u32, lost: u32, rs: &mut RateSample) {
    if sk.app_limited != 0 && after(sk.delivered, sk.app_limited) {
        sk.app_limited = 0;
    }
    if delivered > 0 {
        sk.delivered_mstamp = sk.mstamp;
    }
    rs.acked_sacked = delivered;
    rs.losses = lost;
    if rs.last_end_seq.is_none() || sk.is_sack_reneg {
        (rs.delivered, rs.interval_us) = (-1, -1);
        return;
    }
    rs.delivered = sk.delivered.wrapping_sub(rs.prior_delivered) as i32;
    let ack_us = sk.mstamp.saturating_sub(rs.prior_mstamp) as i64;
    rs.interval_us = rs.interval_us.max(ack_us);
    if rs.interval_us < i64::from(sk.min_rtt()) {
        // Too short to be a flight.
        rs.interval_us = -1;
        return;
    }
    let faster = u64::from(rs.delivered.max(0) as u32) * u64::from(sk.rate_interval_us)
        >= u64::from(sk.rate_delivered) * rs.interval_us as u64;
    if !rs.app_limited || faster {
        sk.rate_delivered = rs.delivered.max(0) as u32;
        sk.rate_interval_us = rs.interval_us.min(i64::from(u32::MAX)) as u32;
        sk.rate_app_limited = rs.app_limited;
    }
}

/// The application left the pipe empty (`tcp_rate_check_app_limited`).
#[inline]
pub fn check_app_limited(sk: &mut Sk<'_>) {
    if sk.notsent() < sk.mss_cache && sk.packets_in_flight() < sk.snd_cwnd && sk.lost_out <= sk.retrans_out {
        sk.app_limited = match sk.delivered.wrapping_add(sk.packets_in_flight()) {
            0 => 1,
            end => end,
        };
    }
}
