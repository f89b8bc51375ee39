//! Keepalives (RFC 9293 section 3.8.4), and how long an orphan stays in FIN_WAIT2
//! (`tcp_keepalive_timer`).

use super::{Which, arm, remove};
use crate::TcpCx;
use crate::mini::timewait;
use crate::output::{self, mstamp_refresh, write_wakeup};
use crate::sock::Sk;
use net::Cx;
use net::mib::TcpExt;
use net::sock::SockFlag;
use uapi::tcp::TcpState;

/// How long a TIME_WAIT lasts, ms (`TCP_TIMEWAIT_LEN`).
pub const TIMEWAIT_LEN: u32 = 60_000;

/// Silence before the first keepalive, ms (`keepalive_time_when`).
#[must_use]
pub fn keepalive_time(sk: &Sk<'_>, cx: &Cx<'_>) -> u64 {
    seconds(sk.keepalive_time, cx.tcp().sysctl.keepalive_time())
}

fn keepalive_intvl(sk: &Sk<'_>, cx: &Cx<'_>) -> u64 {
    seconds(sk.keepalive_intvl, cx.tcp().sysctl.keepalive_intvl())
}

fn keepalive_probes(sk: &Sk<'_>, cx: &Cx<'_>) -> u32 {
    if sk.keepalive_probes != 0 {
        u32::from(sk.keepalive_probes)
    } else {
        cx.tcp().sysctl.keepalive_probes() as u32
    }
}

fn seconds(own: u32, sysctl: i32) -> u64 {
    let seconds = if own != 0 { u64::from(own) } else { sysctl.max(0) as u64 };
    seconds * 1000
}

/// How long an orphan waits for the peer's FIN, ms (`tcp_fin_time`).
#[must_use]
pub fn fin_time(sk: &Sk<'_>, cx: &Cx<'_>) -> u64 {
    let timeout = match sk.linger2 {
        0 => cx.tcp().sysctl.fin_timeout().max(0) as u64 * 1000,
        ms => ms.max(0) as u64,
    };
    let rto = u64::from(sk.rto);
    timeout.max((rto << 2) - (rto >> 1))
}

/// Arms the timer (`tcp_reset_keepalive_timer`).
pub fn reset_keepalive(sk: &mut Sk<'_>, cx: &Cx<'_>, ms: u64) {
    let deadline = cx.jiffies() + ms;
    arm(sk, cx, Which::Keepalive, deadline);
}

/// Takes it off (`tcp_delete_keepalive_timer`).
pub fn delete_keepalive(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    remove(sk, cx, Which::Keepalive);
}

/// `SO_KEEPALIVE` changes (`tcp_set_keepalive`).
pub fn set_keepalive(sk: &mut Sk<'_>, cx: &Cx<'_>, on: bool) {
    if crate::state::state(sk).is_in(TcpState::Close.bit() | TcpState::Listen.bit()) {
        return;
    }
    if on && !sk.sk.flag(SockFlag::KeepOpen) {
        let time = keepalive_time(sk, cx);
        reset_keepalive(sk, cx, time);
    } else if !on {
        delete_keepalive(sk, cx);
    }
}

/// `TCP_KEEPIDLE` changed while the timer may run (`tcp_sock_set_keepidle_locked`).
pub fn keepalive_changed(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.sk.flag(SockFlag::KeepOpen)
        && !crate::state::state(sk).is_in(TcpState::Close.bit() | TcpState::Listen.bit())
    {
        mstamp_refresh(sk, cx);
        let left = keepalive_time(sk, cx).saturating_sub(elapsed(sk));
        reset_keepalive(sk, cx, left);
    }
}

/// Silence so far, ms (`keepalive_time_elapsed`).
fn elapsed(sk: &Sk<'_>) -> u64 {
    let now = sk.jiffies32();
    let data = now.wrapping_sub(sk.ack_lrcvtime);
    let ack = now.wrapping_sub(sk.rcv_tstamp);
    u64::from(data.min(ack))
}

/// The timer fired.
pub fn keepalive_timer(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    mstamp_refresh(sk, cx);
    let state = crate::state::state(sk);
    if state == TcpState::Listen {
        return;
    }
    if state == TcpState::FinWait2 && sk.sk.is_dead() {
        if sk.linger2 >= 0 {
            let left = fin_time(sk, cx) as i64 - i64::from(TIMEWAIT_LEN);
            if left > 0 {
                timewait::enter(sk, cx, TcpState::FinWait2, left as u64);
                return;
            }
        }
        output::send_active_reset(sk, cx);
        crate::input::tcp_done(sk, cx);
        return;
    }
    if !sk.sk.flag(SockFlag::KeepOpen) || state.is_in(TcpState::Close.bit() | TcpState::SynSent.bit()) {
        return;
    }
    let mut next = keepalive_time(sk, cx);
    if sk.packets_out > 0 || sk.send_queue.send_head().is_some() {
        // The other timers see to it.
        return reset_keepalive(sk, cx, next);
    }
    let silent = elapsed(sk);
    if silent < next {
        return reset_keepalive(sk, cx, next - silent);
    }
    let over = if sk.user_timeout != 0 {
        silent >= u64::from(sk.user_timeout) && sk.probes_out > 0
    } else {
        u32::from(sk.probes_out) >= keepalive_probes(sk, cx)
    };
    if over {
        output::send_active_reset(sk, cx);
        super::rto::write_err(sk, cx);
        return;
    }
    if write_wakeup(sk, cx, TcpExt::TCPKeepAlive).is_ok() {
        sk.probes_out = sk.probes_out.saturating_add(1);
        next = keepalive_intvl(sk, cx);
    } else {
        next = super::RESOURCE_PROBE_INTERVAL;
    }
    reset_keepalive(sk, cx, next);
}
