//! When to acknowledge: at once or later (RFC 9293 section 3.8.6.3; `__tcp_ack_snd_check`,
//! quick-ACK and interactive modes).

use crate::output::ack::{DELACK_MIN, send_ack, send_delayed_ack};
use crate::output::mstamp_refresh;
use crate::output::window::choose;
use crate::seq::{after, before};
use crate::sock::{ACK_NOW, ACK_SCHED, Sk};
use crate::timer::Which;
use net::Cx;
use wire::tcp::SackBlock;

/// Most ACKs in a row without delay (`TCP_MAX_QUICKACKS`).
pub const MAX_QUICKACKS: u8 = 16;

/// The session is interactive: ACKs wait for data to go with (`inet_csk_in_pingpong_mode`).
#[inline]
#[must_use]
pub fn in_pingpong_mode(sk: &Sk<'_>, _cx: &Cx<'_>) -> bool {
    i32::from(sk.ack_pingpong) >= sk.sysctl().pingpong_thresh()
}

/// It is (`inet_csk_enter_pingpong_mode`).
pub fn enter_pingpong_mode(sk: &mut Sk<'_>, _cx: &Cx<'_>) {
    sk.ack_pingpong = sk.sysctl().pingpong_thresh().clamp(0, 255) as u8;
}

/// It is not (`inet_csk_exit_pingpong_mode`).
pub fn exit_pingpong_mode(sk: &mut Sk<'_>) {
    sk.ack_pingpong = 0;
}

/// One more answer to a request (`inet_csk_inc_pingpong_cnt`).
#[inline]
pub fn inc_pingpong_cnt(sk: &mut Sk<'_>) {
    sk.ack_pingpong = sk.ack_pingpong.saturating_add(1);
}

/// As many ACKs at once as fill half of the window (`tcp_incr_quickack`).
pub fn incr_quickack(sk: &mut Sk<'_>, max: u8) {
    let mss = u32::from(sk.ack_rcv_mss).max(1);
    let quick = match sk.rcv_wnd / (2 * mss) {
        0 => 2,
        segments => segments,
    };
    let quick = quick.min(u32::from(max)) as u8;
    if quick > sk.ack_quick {
        sk.ack_quick = quick;
    }
}

/// The peer needs ACKs (`tcp_enter_quickack_mode`).
pub fn enter_quickack_mode(sk: &mut Sk<'_>, max: u8) {
    incr_quickack(sk, max);
    exit_pingpong_mode(sk);
    sk.ack_ato = DELACK_MIN;
}

/// ACKs go at once now (`tcp_in_quickack_mode`).
#[inline]
#[must_use]
pub fn in_quickack_mode(sk: &Sk<'_>, cx: &Cx<'_>) -> bool {
    (sk.ack_quick > 0 && !in_pingpong_mode(sk, cx))
        || sk.inet.dst.as_ref().is_some_and(|dst| dst.metrics.quickack != 0)
}

/// An ACK is due, now or soon.
#[inline]
pub fn ack_snd_check(sk: &mut Sk<'_>, cx: &Cx<'_>, ofo_possible: bool) {
    // More than a segment came and the reader keeps up, so that the window moves.
    let full = sk.rcv_nxt.wrapping_sub(sk.rcv_wup) > u32::from(sk.ack_rcv_mss)
        && (sk.rcv_nxt.wrapping_sub(sk.copied_seq) < sk.sk.rcvlowat().max(0) as u32
            || choose(sk, cx) >= sk.rcv_wnd);
    if full || sk.ack_pending & ACK_NOW != 0 || in_quickack_mode(sk, cx) {
        send_ack(sk, cx);
    } else if ofo_possible && !sk.ofo.queue.is_empty() {
        out_of_order(sk, cx);
    } else {
        send_delayed_ack(sk, cx);
    }
}

/// Duplicate ACKs that make the peer retransmit go at once; of those after them, one speaks for all that
/// a twentieth of an RTT brings.
#[cold]
fn out_of_order(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    /// Segments that arrive out of order before the peer retransmits (`TCP_FASTRETRANS_THRESH`).
    const FASTRETRANS_THRESH: u8 = 3;
    if sk.is_reno() || i32::from(sk.compressed_ack) >= sk.sysctl().comp_sack_nr() {
        return send_ack(sk, cx);
    }
    if sk.compressed_ack_rcv_nxt != sk.rcv_nxt {
        sk.compressed_ack_rcv_nxt = sk.rcv_nxt;
        sk.dup_ack_counter = 0;
    }
    if sk.dup_ack_counter < FASTRETRANS_THRESH {
        sk.dup_ack_counter += 1;
        return send_ack(sk, cx);
    }
    sk.compressed_ack += 1;
    if sk.compressing {
        return;
    }
    sk.compressing = true;
    // Both are eight times what they say.
    let rtt = if sk.srtt_us != 0 { sk.rcv_rtt_us.min(sk.srtt_us) } else { sk.rcv_rtt_us };
    let sysctl = sk.sysctl();
    let delay = (u64::from(rtt) * (1000 >> 3) / 20).min(u64::from(sysctl.comp_sack_delay_ns()));
    let at = cx.now() + (delay + u64::from(sysctl.comp_sack_slack_ns()));
    let sock = sk.sk;
    cx.hrtimer_start(&sk.rare_mut().compressed_ack_timer, at, Which::CompressedAck as u8, || sock.hold());
}

/// It is time to send the one for all (`tcp_compressed_ack_kick`).
pub(crate) fn compressed_ack_kick(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.compressing = false;
    if sk.compressed_ack > 0 {
        // This one is sent.
        sk.compressed_ack -= 1;
        mstamp_refresh(sk, cx);
        send_ack(sk, cx);
    }
}

/// A block that is not among the newest two is about to change: what the peer was not told of the others
/// yet is told now (`tcp_sack_compress_send_ack`).
pub(crate) fn flush_compressed(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32, end_seq: u32) {
    const BLOCKS_EXPECTED: usize = 2;
    let known = usize::from(sk.rx_opt.num_sacks);
    let touches = |block: &SackBlock| !after(seq, block.end) && !before(end_seq, block.start);
    if sk.compressed_ack > 0
        && known >= BLOCKS_EXPECTED
        && !sk.ofo.selective_acks[..BLOCKS_EXPECTED].iter().any(touches)
    {
        sk.compressed_ack -= 1;
        send_ack(sk, cx);
    }
}

/// The same if one is due at all (`tcp_ack_snd_check`).
#[inline]
pub fn ack_if_scheduled(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.ack_pending & ACK_SCHED != 0 {
        ack_snd_check(sk, cx, true);
    }
}

/// `TCP_QUICKACK` (`__tcp_sock_set_quickack`): even values stay for the ACK at hand only.
pub fn set_quickack(sk: &mut Sk<'_>, cx: &Cx<'_>, value: i32) {
    use uapi::tcp::TcpState::{CloseWait, Established};
    if value == 0 {
        enter_pingpong_mode(sk, cx);
        return;
    }
    exit_pingpong_mode(sk);
    if crate::state::state(sk).is_in(Established.bit() | CloseWait.bit()) && sk.ack_pending & ACK_SCHED != 0 {
        sk.ack_pending |= crate::sock::ACK_PUSHED;
        super::cleanup_rbuf(sk, cx, 1);
        if value & 1 == 0 {
            enter_pingpong_mode(sk, cx);
        }
    }
}
