//! When to acknowledge: at once or later (RFC 9293 section 3.8.6.3; `__tcp_ack_snd_check`,
//! quick-ACK and interactive modes).

use crate::output::ack::{DELACK_MIN, send_ack, send_delayed_ack};
use crate::output::window::choose;
use crate::sock::{ACK_NOW, ACK_SCHED, Sk};
use net::Cx;

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
    if full
        || sk.ack_pending & ACK_NOW != 0
        || in_quickack_mode(sk, cx)
        || (ofo_possible && !sk.ofo.queue.is_empty())
    {
        send_ack(sk, cx);
    } else {
        send_delayed_ack(sk, cx);
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
