//! Acknowledgements (`tcp_ack`): what they say is taken in here, what follows from it is decided in
//! the files beside this one.

use super::clean::{CleanResult, clean_rtx_queue};
use super::fast_ack::{self, acks_all};
use super::recovery::{self, Rexmit};
use super::sack::{SackState, sacktag_write_queue};
use super::{TcpRx, challenge, options, rack, rate};
use crate::cong::{self, RateSample};
use crate::ecn::{self, feedback};
use crate::output::{mss, pace, write_xmit};
use crate::seq::{after, before};
use crate::sock::{CaState, Sk, XmitTimer};
use crate::timer;
use net::mib::TcpExt;
use net::{Cx, DropReason};
use wire::tcp::options::SackBlocks;

/// The segment has data.
pub const FLAG_DATA: u32 = 0x01;
/// It updated the window.
pub const FLAG_WIN_UPDATE: u32 = 0x02;
/// It acknowledged new data.
pub const FLAG_DATA_ACKED: u32 = 0x04;
/// Some of which had been retransmitted.
pub const FLAG_RETRANS_DATA_ACKED: u32 = 0x08;
/// It acknowledged a SYN.
pub const FLAG_SYN_ACKED: u32 = 0x10;
/// New SACK.
pub const FLAG_DATA_SACKED: u32 = 0x20;
/// ECE was set.
pub const FLAG_ECE: u32 = 0x40;
/// A retransmission was lost.
pub const FLAG_LOST_RETRANS: u32 = 0x80;
/// The segment was not predicted.
pub const FLAG_SLOWPATH: u32 = 0x100;
/// Data that was never retransmitted was acknowledged or SACKed.
pub const FLAG_ORIG_SACK_ACKED: u32 = 0x200;
/// `snd_una` moved.
pub const FLAG_SND_UNA_ADVANCED: u32 = 0x400;
/// It carries a D-SACK.
pub const FLAG_DSACKING_ACK: u32 = 0x800;
/// The RTO is to be set anew.
pub const FLAG_SET_XMIT_TIMER: u32 = 0x1000;
/// The peer took a SACK back.
pub const FLAG_SACK_RENEGING: u32 = 0x2000;
/// The timestamp may be taken.
pub const FLAG_UPDATE_TS_RECENT: u32 = 0x4000;
/// No challenge for an old ACK.
pub const FLAG_NO_CHALLENGE_ACK: u32 = 0x8000;
/// The peer may have delayed it.
pub const FLAG_ACK_MAYBE_DELAYED: u32 = 0x10000;
/// The D-SACK is for a tail loss probe.
pub const FLAG_DSACK_TLP: u32 = 0x20000;
/// Its timestamp is newer than the one before.
pub const FLAG_TS_PROGRESS: u32 = 0x40000;

/// It acknowledged something.
pub const FLAG_ACKED: u32 = FLAG_DATA_ACKED | FLAG_SYN_ACKED;
/// It is no duplicate.
pub const FLAG_NOT_DUP: u32 = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED;
/// Something may be wrong.
pub const FLAG_CA_ALERT: u32 = FLAG_DATA_SACKED | FLAG_ECE | FLAG_DSACKING_ACK;
/// It acknowledged or SACKed something.
pub const FLAG_FORWARD_PROGRESS: u32 = FLAG_ACKED | FLAG_DATA_SACKED;

/// True when the segment's window is newer than what we know (`tcp_may_update_window`).
#[inline]
#[must_use]
pub fn may_update_window(sk: &Sk<'_>, ack: u32, ack_seq: u32, window: u32) -> bool {
    after(ack, sk.snd_una)
        || after(ack_seq, sk.snd_wl1)
        || (ack_seq == sk.snd_wl1 && (window > sk.snd_wnd || window == 0))
}

/// Takes an acknowledgement in. `Ok(false)` for an old one; an error is a reason to drop the
/// segment.
#[inline]
pub fn tcp_ack(
    sk: &mut Sk<'_>,
    cx: &Cx<'_>,
    rx: &TcpRx,
    sack: &SackBlocks,
    flags: u32,
) -> Result<bool, DropReason> {
    let ack = rx.ack_seq;
    if acks_all(sk, ack, flags) {
        fast_ack::take(sk, cx, rx, flags);
        return Ok(true);
    }
    let prior_snd_una = sk.snd_una;
    let mut flag = flags;
    if before(ack, prior_snd_una) {
        return old_ack(sk, cx, rx, sack, flag);
    }
    if after(ack, sk.snd_nxt) {
        // RFC 5961 section 5.2
        if flag & FLAG_NO_CHALLENGE_ACK == 0 {
            challenge::send_challenge_ack(sk, cx);
        }
        return Err(DropReason::TcpAckUnsentData);
    }
    if after(ack, prior_snd_una) {
        flag |= FLAG_SND_UNA_ADVANCED;
        sk.retransmits = 0;
    }
    let prior_fack = highest_sack_seq(sk);
    let prior_packets = sk.packets_out;
    let mut rs = RateSample {
        prior_in_flight: sk.packets_in_flight(),
        delivered: -1,
        interval_us: -1,
        rtt_us: -1,
        ..RateSample::default()
    };
    let (delivered, lost) = (sk.delivered, sk.lost);
    let mut state = SackState::new(sk);
    if flag & FLAG_UPDATE_TS_RECENT != 0 && options::replace_ts_recent(sk, rx.seq) {
        flag |= FLAG_TS_PROGRESS;
    }
    if flag & (FLAG_SLOWPATH | FLAG_SND_UNA_ADVANCED) == FLAG_SND_UNA_ADVANCED {
        // The window is what was predicted; only its place moved.
        sk.snd_wl1 = rx.seq;
        snd_una_update(sk, ack);
        flag |= FLAG_WIN_UPDATE;
        cx.inc(TcpExt::TCPHPAcks);
    } else {
        if rx.is_bare() {
            cx.inc(TcpExt::TCPPureAcks);
        } else {
            flag |= FLAG_DATA;
        }
        flag |= update_window(sk, cx, rx);
        if !sack.as_slice().is_empty() {
            flag |= sacktag_write_queue(sk, cx, rx, sack, prior_snd_una, &mut state, &mut rs);
        }
        if rx.flags.ece() && !rx.flags.syn() && sk.is_rfc3168() {
            flag |= FLAG_ECE;
        }
    }
    if sk.ecn_flags != 0 {
        ecn::accept_cwr(sk, rx);
    }
    if sk.sk.err_soft() != 0 {
        sk.sk.set_err_soft(0);
    }
    sk.probes_out = 0;
    sk.rcv_tstamp = sk.jiffies32();
    let mut rexmit = Rexmit::None;
    if prior_packets == 0 {
        let marked = accurate_feedback(sk, rx, delivered, state.delivered_bytes, &mut flag);
        if flag & FLAG_DSACKING_ACK != 0 {
            recovery::fastretrans_alert(sk, cx, prior_snd_una, 0, &mut flag, &mut rexmit);
            newly_delivered(sk, cx, delivered, marked, flag);
        }
        in_ack_event(sk, flag);
        ack_probe(sk, cx);
        if sk.tlp_pending {
            recovery::tlp_process_ack(sk, cx, ack, flag);
        }
        return Ok(true);
    }
    let CleanResult { flags: cleaned } =
        clean_rtx_queue(sk, cx, flag, prior_fack, prior_snd_una, &mut state, &mut rs);
    flag = cleaned;
    rack::update_reo_wnd(sk, cx, &rs);
    let marked = accurate_feedback(sk, rx, delivered, state.delivered_bytes, &mut flag);
    in_ack_event(sk, flag);
    if sk.tlp_pending {
        recovery::tlp_process_ack(sk, cx, ack, flag);
    }
    if flag & FLAG_NOT_DUP == 0 || flag & FLAG_CA_ALERT != 0 || sk.ca_state != CaState::Open {
        let num_dupack = num_dupack(rx, flag);
        recovery::fastretrans_alert(sk, cx, prior_snd_una, num_dupack, &mut flag, &mut rexmit);
    }
    if flag & FLAG_SET_XMIT_TIMER != 0 && !timer::tlp::schedule_loss_probe(sk, cx, true) {
        timer::rearm_rto(sk, cx);
    }
    let delivered = newly_delivered(sk, cx, delivered, marked, flag);
    let lost = sk.lost.wrapping_sub(lost);
    rs.is_ack_delayed = flag & FLAG_ACK_MAYBE_DELAYED != 0;
    rate::rate_gen(sk, delivered, lost, &mut rs);
    recovery::cong_control(sk, cx, ack, delivered, flag, &rs);
    recovery::xmit_recovery(sk, cx, rexmit);
    Ok(true)
}

/// What an Accurate ECN peer tells; how many more packets were marked.
#[inline]
fn accurate_feedback(sk: &mut Sk<'_>, rx: &TcpRx, prior: u32, bytes: u32, flag: &mut u32) -> u32 {
    if !sk.is_accecn() {
        return 0;
    }
    let packets = sk.delivered.wrapping_sub(prior);
    let marked = feedback::process(sk, rx, feedback::Delivered { packets, bytes }, *flag);
    if marked > 0 {
        *flag |= FLAG_ECE;
    }
    marked
}

/// Counts what was delivered since `prior`, and how much of it was marked (`tcp_newly_delivered`).
#[inline]
fn newly_delivered(sk: &mut Sk<'_>, cx: &Cx<'_>, prior: u32, marked: u32, flag: u32) -> u32 {
    let delivered = sk.delivered.wrapping_sub(prior);
    cx.add(TcpExt::TCPDelivered, u64::from(delivered));
    if flag & FLAG_ECE != 0 {
        let mut marked = marked;
        if sk.is_rfc3168() {
            // It does not say which: all of it.
            marked = delivered;
            sk.delivered_ce = sk.delivered_ce.wrapping_add(delivered);
        }
        cx.add(TcpExt::TCPDeliveredCE, u64::from(marked));
    }
    delivered
}

/// Tells the congestion control of the ACK (`tcp_in_ack_event`).
#[inline]
fn in_ack_event(sk: &mut Sk<'_>, flag: u32) {
    let Some(in_ack_event) = sk.cong.ops.in_ack_event else { return };
    let mut event = 0;
    if flag & FLAG_WIN_UPDATE != 0 {
        event |= cong::CA_ACK_WIN_UPDATE;
    }
    if flag & FLAG_SLOWPATH != 0 {
        event |= cong::CA_ACK_SLOWPATH;
        if flag & FLAG_ECE != 0 {
            event |= cong::CA_ACK_ECE;
        }
    }
    in_ack_event(sk, event);
}

/// How many duplicate ACKs this one counts for.
fn num_dupack(rx: &TcpRx, flag: u32) -> u32 {
    u32::from(flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK) == 0 && rx.is_bare())
}

#[cold]
fn old_ack(
    sk: &mut Sk<'_>,
    cx: &Cx<'_>,
    rx: &TcpRx,
    sack: &SackBlocks,
    flags: u32,
) -> Result<bool, DropReason> {
    let mut flag = flags;
    let prior_snd_una = sk.snd_una;
    // RFC 5961 section 5.2: too old to be the peer's.
    let max_window = u64::from(sk.max_window).min(sk.bytes_acked) as u32;
    if before(rx.ack_seq, prior_snd_una.wrapping_sub(max_window)) {
        if flag & FLAG_NO_CHALLENGE_ACK == 0 {
            challenge::send_challenge_ack(sk, cx);
        }
        return Err(DropReason::TcpTooOldAck);
    }
    if !sack.as_slice().is_empty() {
        let delivered = sk.delivered;
        let mut state = SackState::new(sk);
        let mut rs = RateSample::default();
        flag |= sacktag_write_queue(sk, cx, rx, sack, prior_snd_una, &mut state, &mut rs);
        let mut rexmit = Rexmit::None;
        let dups = num_dupack(rx, flag);
        recovery::fastretrans_alert(sk, cx, prior_snd_una, dups, &mut flag, &mut rexmit);
        newly_delivered(sk, cx, delivered, 0, flag);
        recovery::xmit_recovery(sk, cx, rexmit);
    }
    Ok(false)
}

/// The end of the highest SACKed segment, `snd_una` without any (`tcp_highest_sack_seq`).
#[inline]
#[must_use]
pub fn highest_sack_seq(sk: &Sk<'_>) -> u32 {
    if sk.sacked_out == 0 { sk.snd_una } else { sk.highest_sack }
}

#[inline]
pub(super) fn snd_una_update(sk: &mut Sk<'_>, ack: u32) {
    sk.bytes_acked += u64::from(ack.wrapping_sub(sk.snd_una));
    sk.snd_una = ack;
}

/// Takes the window of a segment that was not predicted (`tcp_ack_update_window`).
fn update_window(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx) -> u32 {
    let mut window = u32::from(rx.window);
    if !rx.flags.syn() {
        window <<= sk.rx_opt.snd_wscale;
    }
    let mut flag = 0;
    if may_update_window(sk, rx.ack_seq, rx.seq, window) {
        flag = FLAG_WIN_UPDATE;
        sk.snd_wl1 = rx.seq;
        if sk.snd_wnd != window {
            sk.snd_wnd = window;
            sk.pred_flags = 0;
            super::window::fast_path_check(sk);
            if sk.send_queue.send_head().is_some() {
                write_xmit::slow_start_after_idle_check(sk, cx);
            }
            if window > sk.max_window {
                sk.max_window = window;
                let pmtu = sk.pmtu_cookie;
                mss::sync_mss(sk, cx, pmtu);
            }
        }
    }
    snd_una_update(sk, rx.ack_seq);
    flag
}

/// Nothing was in flight: does the window admit what waits? (`tcp_ack_probe`)
fn ack_probe(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let Some(head) = sk.send_queue.send_head() else { return };
    if after(head.end_seq, sk.wnd_end()) {
        let when = timer::probe::probe0_when(sk);
        let when = timer::probe::clamp_to_user_timeout(sk, when);
        timer::reset_xmit_timer(sk, cx, XmitTimer::Probe0, when + pace::delay(sk));
    } else {
        sk.backoff = 0;
        sk.probes_tstamp = 0;
        if sk.pending == XmitTimer::Probe0 {
            timer::clear_retransmit(sk);
        }
    }
}
