//! The delayed ACK is due (`tcp_delack_timer_handler`).

use crate::input::delack;
use crate::output::{ack, mstamp_refresh, send_ack};
use crate::sock::{ACK_TIMER, Sk};
use net::Cx;
use net::mib::TcpExt;
use uapi::tcp::TcpState;

/// Sends the ACK that waited for data to go with.
pub fn delack_timer(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if crate::state::state(sk).is_in(TcpState::Close.bit() | TcpState::Listen.bit()) {
        return;
    }
    if sk.compressed_ack > 0 {
        sk.compressed_ack -= 1;
        mstamp_refresh(sk, cx);
        send_ack(sk, cx);
        return;
    }
    if sk.ack_pending & ACK_TIMER == 0 {
        return;
    }
    sk.ack_pending &= !ACK_TIMER;
    if sk.ack_pending & crate::sock::ACK_SCHED == 0 {
        return;
    }
    if delack::in_pingpong_mode(sk, cx) {
        // No data came to carry the ACK: not interactive after all.
        delack::exit_pingpong_mode(sk);
        sk.ack_ato = ack::DELACK_MIN;
    } else {
        // The peer's data comes slower than we thought.
        sk.ack_ato = (sk.ack_ato << 1).min(sk.rto);
    }
    mstamp_refresh(sk, cx);
    send_ack(sk, cx);
    cx.inc(TcpExt::DelayedACKs);
}
