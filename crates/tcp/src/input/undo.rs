//! Taking a reduction back that was not needed (`tcp_undo_cwnd_reduction`): Eifel by timestamps
//! (RFC 3522), D-SACK (RFC 3708), F-RTO.

use super::rack::RECOVERY_THRESH;
use super::recovery::{any_retrans_done, check_sack_reordering, try_keep_open};
use crate::cong;
use crate::output::queue::LOST;
use crate::seq::before;
use crate::sock::{CaState, Sk};
use net::Cx;
use net::mib::TcpExt;
use uapi::tcp::TcpState;

/// A reduction begins that may be undone (`tcp_init_undo`).
pub fn init_undo(sk: &mut Sk<'_>) {
    sk.undo_marker = sk.snd_una;
    sk.undo_marker_set = true;
    sk.undo_retrans = sk.retrans_out as i32;
    if sk.tlp_pending && sk.tlp_retrans {
        sk.undo_retrans += 1;
    }
    if sk.undo_retrans == 0 {
        sk.undo_retrans = -1;
    }
}

/// The ACK is for an original, not for its retransmission (`tcp_packet_delayed`).
fn packet_delayed(sk: &Sk<'_>) -> bool {
    if sk.retrans_stamp == 0 {
        // Nothing was sent again.
        return crate::state::state(sk) != TcpState::SynSent;
    }
    sk.rx_opt.saw_tstamp && sk.rx_opt.rcv_tsecr != 0 && before(sk.rx_opt.rcv_tsecr, sk.retrans_stamp)
}

/// `tcp_may_undo`
fn may_undo(sk: &Sk<'_>) -> bool {
    sk.undo_marker_set && (sk.undo_retrans == 0 || packet_delayed(sk))
}

/// Back to the window of before.
pub fn undo_cwnd_reduction(sk: &mut Sk<'_>, unmark_loss: bool) {
    if unmark_loss {
        for seg in sk.send_queue.iter_sent_mut() {
            seg.sacked &= !LOST;
        }
        sk.lost_out = 0;
    }
    if sk.prior_ssthresh != 0 {
        sk.snd_cwnd = (sk.cong.ops.undo_cwnd)(sk);
        if sk.prior_ssthresh > sk.snd_ssthresh {
            sk.snd_ssthresh = sk.prior_ssthresh;
            crate::ecn::withdraw_cwr(sk);
        }
    }
    sk.snd_cwnd_stamp = sk.jiffies32();
    sk.undo_marker_set = false;
    // What RACK saw must be looked at again.
    sk.rack.advanced = true;
}

/// Without SACK a late duplicate could start another recovery: hold the state until above
/// `high_seq` (`tcp_is_non_sack_preventing_reopen`).
fn holds_open(sk: &mut Sk<'_>) -> bool {
    if sk.snd_una == sk.high_seq && sk.is_reno() {
        if !any_retrans_done(sk) {
            sk.retrans_stamp = 0;
        }
        return true;
    }
    false
}

/// All that was out is acknowledged: was it needed? True when the state is held
/// (`tcp_try_undo_recovery`).
pub fn try_undo_recovery(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    if may_undo(sk) {
        let counter = if sk.ca_state == CaState::Loss { TcpExt::TCPLossUndo } else { TcpExt::TCPFullUndo };
        undo_cwnd_reduction(sk, false);
        cx.inc(counter);
    } else if sk.rack.reo_wnd_persist > 0 {
        sk.rack.reo_wnd_persist -= 1;
    }
    if holds_open(sk) {
        return true;
    }
    cong::set_ca_state(sk, CaState::Open);
    sk.is_sack_reneg = false;
    false
}

/// Every retransmission was a duplicate (`tcp_try_undo_dsack`).
pub fn try_undo_dsack(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    if !sk.undo_marker_set || sk.undo_retrans != 0 {
        return false;
    }
    sk.rack.reo_wnd_persist = (sk.rack.reo_wnd_persist + 1).min(RECOVERY_THRESH);
    undo_cwnd_reduction(sk, false);
    cx.inc(TcpExt::TCPDSACKUndo);
    true
}

/// After a timeout (`tcp_try_undo_loss`).
pub fn try_undo_loss(sk: &mut Sk<'_>, cx: &Cx<'_>, frto: bool) -> bool {
    if !frto && !may_undo(sk) {
        return false;
    }
    undo_cwnd_reduction(sk, true);
    cx.inc(TcpExt::TCPLossUndo);
    if frto {
        cx.inc(TcpExt::TCPSpuriousRTOs);
    }
    sk.retransmits = 0;
    if holds_open(sk) {
        return true;
    }
    if frto || !sk.is_reno() {
        cong::set_ca_state(sk, CaState::Open);
        sk.is_sack_reneg = false;
    }
    true
}

/// A partial ACK for an original: the hole was reordered, not lost. True when there are still
/// retransmissions in flight (`tcp_try_undo_partial`).
pub fn try_undo_partial(sk: &mut Sk<'_>, cx: &Cx<'_>, prior_snd_una: u32) -> bool {
    if !sk.undo_marker_set || !packet_delayed(sk) {
        return false;
    }
    check_sack_reordering(sk, cx, prior_snd_una, true);
    if sk.retrans_out > 0 {
        return true;
    }
    if !any_retrans_done(sk) {
        sk.retrans_stamp = 0;
    }
    undo_cwnd_reduction(sk, true);
    cx.inc(TcpExt::TCPPartialUndo);
    try_keep_open(sk);
    false
}
