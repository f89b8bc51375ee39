//! Loss recovery (`tcp_fastretrans_alert`): the states of congestion avoidance, proportional rate
//! reduction (RFC 6937), F-RTO (RFC 5682).

use super::ack::{
    FLAG_DATA_ACKED, FLAG_DATA_SACKED, FLAG_DSACK_TLP, FLAG_ECE, FLAG_FORWARD_PROGRESS, FLAG_LOST_RETRANS,
    FLAG_NOT_DUP, FLAG_ORIG_SACK_ACKED, FLAG_SACK_RENEGING, FLAG_SET_XMIT_TIMER, FLAG_SND_UNA_ADVANCED,
    highest_sack_seq,
};
use super::undo;
use super::{rack, window};
use crate::TcpCx;
use crate::cong::{self, CaEvent, RateSample};
use crate::ecn;
use crate::init::INFINITE_SSTHRESH;
use crate::output::mss::current_mss;
use crate::output::mtu_probe;
use crate::output::queue::{LOST, SACKED_ACKED};
use crate::output::retransmit::{mark_skb_lost, xmit_retransmit_queue};
use crate::output::split;
use crate::output::write_xmit::{current_ssthresh, in_cwnd_reduction, push_frames};
use crate::seq::{after, before};
use crate::sock::{CaState, Sk, TCP_NAGLE_OFF, TcpSock, XmitTimer};
use crate::timer;
use net::Cx;
use net::mib::TcpExt;
use uapi::tcp::TcpState;

/// What is to be sent after an ACK (`REXMIT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rexmit {
    /// Nothing special.
    None,
    /// What was lost.
    Lost,
    /// New data, to learn whether a timeout was spurious.
    New,
}

/// An ACK that is a duplicate, carries SACKs, or comes during recovery.
#[cold]
pub fn fastretrans_alert(
    sk: &mut Sk<'_>,
    cx: &Cx<'_>,
    prior_snd_una: u32,
    num_dupack: u32,
    flag: &mut u32,
    rexmit: &mut Rexmit,
) {
    let ece = *flag & FLAG_ECE != 0;
    let advanced = *flag & FLAG_SND_UNA_ADVANCED != 0;
    if sk.packets_out == 0 && sk.sacked_out > 0 {
        sk.sacked_out = 0;
    }
    if ece {
        sk.prior_ssthresh = 0;
    }
    if check_sack_reneging(sk, cx, flag) {
        return;
    }
    // A state ends when all that was out at its beginning is acknowledged.
    if sk.ca_state == CaState::Open {
        sk.retrans_stamp = 0;
    } else if !before(sk.snd_una, sk.high_seq) {
        match sk.ca_state {
            // The ACK must be above high_seq, so that CWR has reached the peer.
            CaState::Cwr if sk.snd_una != sk.high_seq => {
                end_cwnd_reduction(sk, cx);
                cong::set_ca_state(sk, CaState::Open);
            }
            CaState::Recovery => {
                if sk.is_reno() {
                    sk.sacked_out = 0;
                }
                if undo::try_undo_recovery(sk, cx) {
                    return;
                }
                end_cwnd_reduction(sk, cx);
            }
            _ => {}
        }
    }
    match sk.ca_state {
        CaState::Recovery => {
            if !advanced {
                if sk.is_reno() {
                    add_reno_sack(sk, cx, num_dupack);
                }
            } else if undo::try_undo_partial(sk, cx, prior_snd_una) {
                return;
            }
            if undo::try_undo_dsack(sk, cx) {
                try_to_open(sk, ece);
            }
            identify_packet_loss(sk, cx, flag);
            if sk.ca_state != CaState::Recovery {
                if sk.lost_out == 0 || mtu_probe::failed(sk, cx) {
                    return;
                }
                enter_recovery(sk, cx, ece);
            }
        }
        state => {
            if state == CaState::Loss {
                process_loss(sk, cx, *flag, num_dupack, rexmit);
                if sk.ca_state != CaState::Loss {
                    update_rto_time(sk);
                }
                identify_packet_loss(sk, cx, flag);
                if sk.ca_state != CaState::Open && *flag & FLAG_LOST_RETRANS == 0 {
                    return;
                }
            }
            if sk.is_reno() {
                if advanced {
                    sk.sacked_out = 0;
                }
                add_reno_sack(sk, cx, num_dupack);
            }
            if sk.ca_state <= CaState::Disorder {
                undo::try_undo_dsack(sk, cx);
            }
            identify_packet_loss(sk, cx, flag);
            if sk.lost_out == 0 {
                try_to_open(sk, ece);
                return;
            }
            if mtu_probe::failed(sk, cx) {
                return;
            }
            enter_recovery(sk, cx, ece);
        }
    }
    *rexmit = Rexmit::Lost;
}

/// The peer took back what it had SACKed: wait a little for it to make up its mind, then time out
/// (`tcp_check_sack_reneging`).
fn check_sack_reneging(sk: &mut Sk<'_>, cx: &Cx<'_>, flag: &mut u32) -> bool {
    if *flag & FLAG_SACK_RENEGING == 0 || *flag & FLAG_SND_UNA_ADVANCED == 0 {
        return false;
    }
    let delay = u64::from((sk.srtt_us >> 4) / 1000).max(10);
    timer::reset_xmit_timer(sk, cx, XmitTimer::Retrans, delay);
    *flag &= !FLAG_SET_XMIT_TIMER;
    true
}

fn identify_packet_loss(sk: &mut Sk<'_>, cx: &Cx<'_>, flag: &mut u32) {
    if sk.send_queue.sent() == 0 {
        return;
    }
    if sk.is_reno() {
        newreno_mark_lost(sk, cx, *flag & FLAG_SND_UNA_ADVANCED != 0);
        return;
    }
    let prior_retrans = sk.retrans_out;
    if rack::mark_lost(sk, cx) {
        *flag &= !FLAG_SET_XMIT_TIMER;
    }
    if prior_retrans > sk.retrans_out {
        *flag |= FLAG_LOST_RETRANS;
    }
}

/// Without SACK: three duplicates, and every partial ACK after that, mean that the head is lost
/// (RFC 6582; `tcp_newreno_mark_lost`).
fn newreno_mark_lost(sk: &mut Sk<'_>, cx: &Cx<'_>, advanced: bool) {
    let lost = (sk.ca_state < CaState::Recovery && sk.sacked_out >= sk.reordering)
        || (sk.ca_state == CaState::Recovery && advanced);
    if !lost || sk.send_queue.sent() == 0 || sk.send_queue[0].is(LOST) {
        return;
    }
    let mss = current_mss(sk, cx);
    if sk.send_queue[0].packets() > 1 && sk.send_queue[0].len() > mss {
        split::fragment(sk, cx, 0, mss, mss);
    }
    mark_skb_lost(sk, 0);
}

/// Duplicate ACKs stand for SACKs when there are none (`tcp_add_reno_sack`).
fn add_reno_sack(sk: &mut Sk<'_>, cx: &Cx<'_>, num_dupack: u32) {
    if num_dupack == 0 {
        return;
    }
    let prior = sk.sacked_out;
    sk.sacked_out += num_dupack;
    check_reno_reordering(sk, cx, 0);
    sk.delivered = sk.delivered.wrapping_add(sk.sacked_out.saturating_sub(prior));
}

/// `acked` packets left the flight: one filled the hole, the rest had been counted by duplicates
/// (`tcp_remove_reno_sacks`).
pub fn remove_reno_sacks(sk: &mut Sk<'_>, cx: &Cx<'_>, acked: u32) {
    if acked > 0 {
        let fresh = acked.saturating_sub(sk.sacked_out).max(1);
        sk.delivered = sk.delivered.wrapping_add(fresh);
        sk.sacked_out = sk.sacked_out.saturating_sub(acked - 1);
    }
    check_reno_reordering(sk, cx, acked);
}

/// More duplicates than packets can be missing: they were reordered
/// (`tcp_check_reno_reordering`).
fn check_reno_reordering(sk: &mut Sk<'_>, cx: &Cx<'_>, addend: u32) {
    if !limit_reno_sacked(sk) {
        return;
    }
    sk.reordering = (sk.packets_out + addend).min(cx.tcp().sysctl.max_reordering() as u32);
    sk.reord_seen += 1;
    cx.inc(TcpExt::TCPRenoReorder);
}

/// Keeps the guess of what arrived below what is out (`tcp_limit_reno_sacked`).
pub fn limit_reno_sacked(tp: &mut TcpSock) -> bool {
    let holes = tp.lost_out.max(1).min(tp.packets_out);
    if tp.sacked_out + holes > tp.packets_out {
        tp.sacked_out = tp.packets_out - holes;
        return true;
    }
    false
}

/// What lies at `low_seq` arrived after what was sent later (`tcp_check_sack_reordering`).
pub fn check_sack_reordering(sk: &mut Sk<'_>, cx: &Cx<'_>, low_seq: u32, by_timestamp: bool) {
    let fack = highest_sack_seq(sk);
    if !before(low_seq, fack) {
        return;
    }
    let metric = fack.wrapping_sub(low_seq);
    let mss = sk.mss_cache.max(1);
    if metric > sk.reordering.saturating_mul(mss) {
        sk.reordering = metric.div_ceil(mss).min(cx.tcp().sysctl.max_reordering() as u32);
    }
    sk.reord_seen += 1;
    cx.inc(if by_timestamp { TcpExt::TCPTSReorder } else { TcpExt::TCPSACKReorder });
}

/// Anything in flight was retransmitted (`tcp_any_retrans_done`).
#[must_use]
pub fn any_retrans_done(sk: &Sk<'_>) -> bool {
    sk.retrans_out > 0
        || sk.send_queue.rtx_head().is_some_and(|head| head.is(crate::output::queue::EVER_RETRANS))
}

/// Open, or Disorder while something is SACKed or retransmitted (`tcp_try_keep_open`).
pub fn try_keep_open(sk: &mut Sk<'_>) {
    let disorder = sk.sacked_out + sk.lost_out > 0 || any_retrans_done(sk);
    let state = if disorder { CaState::Disorder } else { CaState::Open };
    if sk.ca_state != state {
        cong::set_ca_state(sk, state);
        sk.high_seq = sk.snd_nxt;
    }
}

fn try_to_open(sk: &mut Sk<'_>, ece: bool) {
    if !any_retrans_done(sk) {
        sk.retrans_stamp = 0;
    }
    if ece {
        enter_cwr(sk);
    }
    if sk.ca_state != CaState::Cwr {
        try_keep_open(sk);
    }
}

/// A loss is evident: fast recovery begins (`tcp_enter_recovery`).
pub fn enter_recovery(sk: &mut Sk<'_>, cx: &Cx<'_>, ece: bool) {
    cx.inc(if sk.is_reno() { TcpExt::TCPRenoRecovery } else { TcpExt::TCPSackRecovery });
    sk.prior_ssthresh = 0;
    undo::init_undo(sk);
    if !in_cwnd_reduction(sk) {
        if !ece {
            sk.prior_ssthresh = current_ssthresh(sk);
        }
        init_cwnd_reduction(sk);
    }
    cong::set_ca_state(sk, CaState::Recovery);
}

/// The window is to be reduced without a loss (`tcp_enter_cwr`).
pub fn enter_cwr(sk: &mut Sk<'_>) {
    sk.prior_ssthresh = 0;
    if sk.ca_state < CaState::Cwr {
        sk.undo_marker_set = false;
        init_cwnd_reduction(sk);
        cong::set_ca_state(sk, CaState::Cwr);
    }
}

fn init_cwnd_reduction(sk: &mut Sk<'_>) {
    sk.high_seq = sk.snd_nxt;
    sk.tlp_pending = false;
    sk.snd_cwnd_cnt = 0;
    sk.prior_cwnd = sk.snd_cwnd;
    sk.prr_delivered = 0;
    sk.prr_out = 0;
    sk.snd_ssthresh = cong::ssthresh(sk);
    ecn::queue_cwr(sk);
}

/// Proportional rate reduction with the reduction bound that suits what is in flight
/// (`tcp_cwnd_reduction`).
pub fn cwnd_reduction(sk: &mut Sk<'_>, newly_acked_sacked: u32, newly_lost: u32, flag: u32) {
    if newly_acked_sacked == 0 || sk.prior_cwnd == 0 {
        return;
    }
    let in_flight = sk.packets_in_flight();
    let delta = sk.snd_ssthresh as i32 - in_flight as i32;
    sk.prr_delivered += newly_acked_sacked;
    let mut sndcnt = if delta < 0 {
        let dividend =
            u64::from(sk.snd_ssthresh) * u64::from(sk.prr_delivered) + u64::from(sk.prior_cwnd) - 1;
        (dividend / u64::from(sk.prior_cwnd)) as i32 - sk.prr_out as i32
    } else {
        let mut count = (sk.prr_delivered as i32 - sk.prr_out as i32).max(newly_acked_sacked as i32);
        if flag & FLAG_SND_UNA_ADVANCED != 0 && newly_lost == 0 {
            count += 1;
        }
        count.min(delta)
    };
    // The first retransmission goes in any case.
    sndcnt = sndcnt.max(i32::from(sk.prr_out == 0));
    sk.snd_cwnd = (in_flight as i32 + sndcnt).max(1) as u32;
}

fn end_cwnd_reduction(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if cong::controls(sk) {
        return;
    }
    if sk.snd_ssthresh < INFINITE_SSTHRESH && (sk.ca_state == CaState::Cwr || sk.undo_marker_set) {
        sk.snd_cwnd = sk.snd_ssthresh;
        sk.snd_cwnd_stamp = sk.jiffies32();
    }
    cong::event(sk, cx, CaEvent::CompleteCwr);
}

/// The window after an ACK (`tcp_cong_control`).
#[inline]
pub fn cong_control(sk: &mut Sk<'_>, cx: &Cx<'_>, ack: u32, acked_sacked: u32, flag: u32, rs: &RateSample) {
    if let Some(cong_control) = sk.cong.ops.cong_control {
        return cong_control(sk, cx, ack, flag, rs);
    }
    if in_cwnd_reduction(sk) {
        cwnd_reduction(sk, acked_sacked, rs.losses, flag);
    } else if may_raise_cwnd(sk, flag) {
        if let Some(cong_avoid) = sk.cong.ops.cong_avoid {
            cong_avoid(sk, cx, ack, acked_sacked);
        }
        sk.snd_cwnd_stamp = sk.jiffies32();
    }
    window::update_pacing_rate(sk);
}

/// `tcp_may_raise_cwnd`
#[inline]
fn may_raise_cwnd(sk: &Sk<'_>, flag: u32) -> bool {
    if sk.reordering > sk.sysctl().reordering() as u32 {
        flag & FLAG_FORWARD_PROGRESS != 0
    } else {
        flag & FLAG_DATA_ACKED != 0
    }
}

/// Forgets retransmissions and losses (`tcp_clear_retrans`).
pub fn clear_retrans(tp: &mut TcpSock) {
    tp.retrans_out = 0;
    tp.lost_out = 0;
    tp.undo_marker_set = false;
    tp.undo_retrans = -1;
    tp.sacked_out = 0;
    tp.rto_stamp = 0;
    tp.total_rto = 0;
    tp.total_rto_recoveries = 0;
    tp.total_rto_time = 0;
}

fn update_rto_time(sk: &mut Sk<'_>) {
    if sk.rto_stamp != 0 {
        sk.total_rto_time = sk.total_rto_time.wrapping_add(sk.jiffies32().wrapping_sub(sk.rto_stamp));
        sk.rto_stamp = 0;
    }
}

/// A timeout: everything is lost, and the window is one segment (`tcp_enter_loss`).
pub fn enter_loss(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let sysctl = &cx.tcp().sysctl;
    let new_recovery = sk.ca_state < CaState::Recovery;
    timeout_mark_lost(sk, cx);
    // Reduce only once for a window.
    if sk.ca_state <= CaState::Disorder
        || !after(sk.high_seq, sk.snd_una)
        || (sk.ca_state == CaState::Loss && sk.retransmits == 0)
    {
        sk.prior_ssthresh = current_ssthresh(sk);
        sk.prior_cwnd = sk.snd_cwnd;
        sk.snd_ssthresh = cong::ssthresh(sk);
        cong::event(sk, cx, CaEvent::Loss);
        undo::init_undo(sk);
    }
    sk.snd_cwnd = sk.packets_in_flight() + 1;
    sk.snd_cwnd_cnt = 0;
    sk.snd_cwnd_stamp = sk.jiffies32();
    // A timeout after many duplicates: reordering was overestimated.
    let reordering = sysctl.reordering() as u32;
    if sk.ca_state <= CaState::Disorder && sk.sacked_out >= reordering {
        sk.reordering = sk.reordering.min(reordering);
    }
    cong::set_ca_state(sk, CaState::Loss);
    sk.high_seq = sk.snd_nxt;
    sk.tlp_pending = false;
    ecn::queue_cwr(sk);
    sk.frto = sysctl.frto() != 0 && (new_recovery || sk.retransmits > 0) && !mtu_probe::in_flight(sk);
}

fn timeout_mark_lost(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let is_reneg = sk.send_queue.rtx_head().is_some_and(|head| head.is(SACKED_ACKED));
    if is_reneg {
        cx.inc(TcpExt::TCPSACKReneging);
        sk.sacked_out = 0;
        sk.is_sack_reneg = true;
    } else if sk.is_reno() {
        sk.sacked_out = 0;
    }
    for i in 0..sk.send_queue.sent() {
        if is_reneg {
            sk.send_queue[i].sacked &= !SACKED_ACKED;
        } else if i > 0 && !sk.is_reno() && rack::skb_timeout(sk, sk.send_queue[i].tx_mstamp, 0) > 0 {
            // Sent only just now.
            continue;
        }
        mark_skb_lost(sk, i);
    }
}

/// An ACK after a timeout (`tcp_process_loss`): F-RTO asks whether it was spurious.
fn process_loss(sk: &mut Sk<'_>, cx: &Cx<'_>, flag: u32, num_dupack: u32, rexmit: &mut Rexmit) {
    let advanced = flag & FLAG_SND_UNA_ADVANCED != 0;
    let recovered = !before(sk.snd_una, sk.high_seq);
    if advanced && undo::try_undo_loss(sk, cx, false) {
        return;
    }
    if sk.frto {
        // Something arrived that was never retransmitted: not all was lost.
        if flag & FLAG_ORIG_SACK_ACKED != 0 && undo::try_undo_loss(sk, cx, true) {
            return;
        }
        if after(sk.snd_nxt, sk.high_seq) {
            if flag & FLAG_DATA_SACKED != 0 || num_dupack > 0 {
                sk.frto = false;
            }
        } else if advanced && !recovered {
            sk.high_seq = sk.snd_nxt;
            if sk.send_queue.send_head().is_some() && after(sk.wnd_end(), sk.snd_nxt) {
                *rexmit = Rexmit::New;
                return;
            }
            sk.frto = false;
        }
    }
    if recovered {
        undo::try_undo_recovery(sk, cx);
        return;
    }
    if sk.is_reno() {
        if after(sk.snd_nxt, sk.high_seq) && num_dupack > 0 {
            add_reno_sack(sk, cx, num_dupack);
        } else if advanced {
            sk.sacked_out = 0;
        }
    }
    *rexmit = Rexmit::Lost;
}

/// Sends what the ACK made due (`tcp_xmit_recovery`).
#[inline]
pub fn xmit_recovery(sk: &mut Sk<'_>, cx: &Cx<'_>, rexmit: Rexmit) {
    if rexmit == Rexmit::None || crate::state::state(sk) == TcpState::SynSent {
        return;
    }
    if rexmit == Rexmit::New {
        let mss = current_mss(sk, cx);
        push_frames(sk, cx, mss, TCP_NAGLE_OFF);
        if after(sk.snd_nxt, sk.high_seq) {
            return;
        }
        sk.frto = false;
    }
    xmit_retransmit_queue(sk, cx);
}

/// What an ACK says of the tail loss probe (`tcp_process_tlp_ack`).
pub fn tlp_process_ack(sk: &mut Sk<'_>, cx: &Cx<'_>, ack: u32, flag: u32) {
    if before(ack, sk.tlp_high_seq) {
        return;
    }
    if !sk.tlp_retrans || flag & FLAG_DSACK_TLP != 0 {
        sk.tlp_pending = false;
    } else if after(ack, sk.tlp_high_seq) {
        // The probe repaired a loss: reduce the window for it.
        init_cwnd_reduction(sk);
        cong::set_ca_state(sk, CaState::Cwr);
        end_cwnd_reduction(sk, cx);
        try_keep_open(sk);
        cx.inc(TcpExt::TCPLossProbeRecovery);
    } else if flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED) == 0 {
        // A pure duplicate: the original and the probe both arrived.
        sk.tlp_pending = false;
    }
}
