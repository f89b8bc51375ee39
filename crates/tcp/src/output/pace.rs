//! Pacing: segments leave one after the other at the sock's rate, by a timer of the sock's own
//! (`tcp_pacing_check`, `tcp_update_skb_after_send`). Only socks that ask for it are paced: by
//! `SO_MAX_PACING_RATE`, by a congestion control that needs it, or by a device that paces.

use super::retransmit::xmit_retransmit_queue;
use super::write_xmit::{Push, write_xmit};
use super::{mss, mstamp_refresh};
use crate::init::INIT_CWND;
use crate::sock::Sk;
use crate::timer::Which;
use kern::time::Time;
use net::Cx;
use net::sock::PACING_NEEDED;
use uapi::tcp::TcpState;

/// The present counts as when a segment leaves, unless it had been meant to leave later; gives when the
/// one before it was.
#[inline]
pub(super) fn stamp(sk: &mut Sk<'_>) -> u64 {
    let before = sk.wstamp;
    sk.wstamp = before.max(sk.mstamp * 1000);
    before
}

/// A segment of `len` bytes left: when may the next one? Lateness is made good, up to half of the gap.
#[cold]
pub(super) fn advance(sk: &mut Sk<'_>, before: u64, len: usize) {
    let rate = sk.sk.pacing_rate();
    // The first flight goes at once.
    if rate == u64::MAX || rate == 0 || sk.data_segs_out < INIT_CWND {
        return;
    }
    let gap = (len as u64 * 1_000_000_000) / rate;
    let credit = sk.wstamp - before;
    sk.wstamp += gap - credit.min(gap / 2);
}

/// True when the next segment must wait; the timer runs then.
#[inline]
pub fn check(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    sk.sk.pacing_status() == PACING_NEEDED && holds(sk, cx)
}

#[cold]
fn holds(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    if sk.wstamp / 1000 <= sk.mstamp {
        return false;
    }
    if !sk.pacing_armed {
        sk.pacing_armed = true;
        let (sock, at) = (sk.sk, Time::from_ns(sk.wstamp));
        let timer = &sk.rare_mut().pacing_timer;
        cx.hrtimer_start(timer, at, Which::Pacing as u8, || sock.hold());
    }
    true
}

/// How long pacing holds the next segment back, ms: it is no time to wait for an ACK
/// (`tcp_pacing_delay`).
#[inline]
#[must_use]
pub fn delay(sk: &Sk<'_>) -> u64 {
    (sk.wstamp / 1000).saturating_sub(sk.mstamp) / 1000
}

/// The timer fired (`tcp_pace_kick`, `tcp_tsq_write`).
pub(crate) fn kick(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    const SENDING: u32 = TcpState::Established.bit()
        | TcpState::FinWait1.bit()
        | TcpState::Closing.bit()
        | TcpState::CloseWait.bit()
        | TcpState::LastAck.bit();
    sk.pacing_armed = false;
    if !crate::state::state(sk).is_in(SENDING) {
        return;
    }
    mstamp_refresh(sk, cx);
    if sk.lost_out > sk.retrans_out && sk.snd_cwnd > sk.packets_in_flight() {
        xmit_retransmit_queue(sk, cx);
    }
    let (mss, nonagle) = (mss::current_mss(sk, cx), sk.nonagle);
    write_xmit(sk, cx, mss, nonagle, Push::All);
}

/// The timer is not wanted any more.
pub(crate) fn cancel(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if std::mem::take(&mut sk.pacing_armed)
        && let Some(rare) = &sk.rare
    {
        cx.hrtimer_cancel(&rare.pacing_timer);
    }
}
