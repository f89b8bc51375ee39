//! The retransmission timeout (`tcp_retransmit_timer`, RFC 6298), and when to give up.

use super::{TIMEOUT_INIT, reset_xmit_timer};
use crate::TcpCx;
use crate::input::recovery;
use crate::output::retransmit;
use crate::sock::{CaState, Sk, XmitTimer};
use net::Cx;
use net::mib::TcpExt;
use uapi::Errno;
use uapi::tcp::TcpState::{SynRecv, SynSent};

/// The connection timed out: the error of the last ICMP message, or `ETIMEDOUT` (`tcp_write_err`).
pub fn write_err(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let err = Errno::from_raw(sk.sk.err_soft()).unwrap_or(Errno::ETIMEDOUT);
    crate::input::done_with_error(sk, cx, err);
    cx.inc(TcpExt::TCPAbortOnTimeout);
}

/// How often to retry when the socket has no owner (`tcp_orphan_retries`).
#[must_use]
pub fn orphan_retries(sk: &Sk<'_>, cx: &Cx<'_>, alive: bool) -> u32 {
    let retries = cx.tcp().sysctl.orphan_retries() as u32;
    if sk.sk.err_soft() != 0 && !alive {
        return 0;
    }
    if retries == 0 && alive { 8 } else { retries }
}

/// How long `boundary` doublings of `base` take, ms (`tcp_model_timeout`).
#[must_use]
pub fn model_timeout(boundary: u32, base: u32, rto_max: u32) -> u32 {
    let thresh = (rto_max / base.max(1)).max(1).ilog2();
    if boundary <= thresh {
        ((2u64 << boundary) - 1).saturating_mul(u64::from(base)).min(u64::from(u32::MAX)) as u32
    } else {
        (((2u64 << thresh) - 1) * u64::from(base) + u64::from(boundary - thresh) * u64::from(rto_max))
            .min(u64::from(u32::MAX)) as u32
    }
}

/// True when retransmissions began longer ago than `boundary` timeouts take
/// (`retransmits_timed_out`). `timeout` in ms overrides, 0 for the model.
#[must_use]
pub fn retransmits_timed_out(sk: &Sk<'_>, boundary: u32, timeout: u32) -> bool {
    if sk.retransmits == 0 || sk.retrans_stamp == 0 {
        return false;
    }
    let timeout = if timeout != 0 {
        timeout
    } else {
        let base = if crate::state::state(sk).is_in(SynSent.bit() | SynRecv.bit()) {
            TIMEOUT_INIT
        } else {
            sk.rto_min
        };
        model_timeout(boundary, base, sk.rto_max)
    };
    sk.jiffies32().wrapping_sub(sk.retrans_stamp) as i32 - timeout as i32 >= 0
}

/// True when the connection was given up (`tcp_write_timeout`).
fn write_timeout(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    let sysctl = &cx.tcp().sysctl;
    let mut expired = false;
    let retry_until;
    if crate::state::state(sk).is_in(SynSent.bit() | SynRecv.bit()) {
        retry_until =
            if sk.syn_retries != 0 { u32::from(sk.syn_retries) } else { sysctl.syn_retries() as u32 };
        // Timeouts before the backoff begins do not count.
        let linear = if crate::state::state(sk) == SynSent { sysctl.syn_linear_timeouts() as u32 } else { 0 };
        expired = u32::from(sk.retransmits) >= retry_until + linear;
    } else {
        if retransmits_timed_out(sk, sysctl.retries1() as u32, 0) {
            crate::output::mtu_probe::black_hole(sk, cx);
        }
        let mut retries = sysctl.retries2() as u32;
        if sk.sk.is_dead() {
            let alive = sk.rto < sk.rto_max;
            retries = orphan_retries(sk, cx, alive);
            if crate::api::close::check_oom(sk, cx) {
                return true;
            }
        }
        retry_until = retries;
    }
    expired = expired || retransmits_timed_out(sk, retry_until, sk.user_timeout);
    crate::fastopen::client::detect_blackhole(sk, cx, expired);
    if expired {
        write_err(sk, cx);
    }
    expired
}

/// The oldest segment was not acknowledged in time.
pub fn retransmit_timer(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if crate::fastopen::synack_timer(sk, cx) {
        return;
    }
    if sk.packets_out == 0 || sk.send_queue.sent() == 0 {
        return;
    }
    if sk.snd_wnd == 0 && !sk.sk.is_dead() && !crate::state::state(sk).is_in(SynSent.bit() | SynRecv.bit()) {
        // The peer closed its window: ask as long as it answers.
        let base = if sk.retrans_stamp != 0 { sk.retrans_stamp } else { sk.jiffies32() };
        let silent = sk.jiffies32().wrapping_sub(sk.rcv_tstamp) as i32;
        let tried = sk.jiffies32().wrapping_sub(base) as i32;
        if silent > sk.rto_max as i32 * 2 && tried > sk.rto_max as i32 * 2 {
            write_err(sk, cx);
            return;
        }
        recovery::enter_loss(sk, cx);
        let _ = retransmit::retransmit(sk, cx, 0, 1);
        return back_off(sk, cx);
    }
    cx.inc(TcpExt::TCPTimeouts);
    if write_timeout(sk, cx) {
        return;
    }
    if sk.retransmits == 0 {
        let counter = match sk.ca_state {
            CaState::Recovery if sk.rx_opt.sack_ok => Some(TcpExt::TCPSackRecoveryFail),
            CaState::Recovery => Some(TcpExt::TCPRenoRecoveryFail),
            CaState::Loss => Some(TcpExt::TCPLossFailures),
            CaState::Disorder if sk.rx_opt.sack_ok => Some(TcpExt::TCPSackFailures),
            CaState::Disorder => Some(TcpExt::TCPRenoFailures),
            _ if sk.sacked_out > 0 => Some(TcpExt::TCPSackFailures),
            _ => None,
        };
        if let Some(counter) = counter {
            cx.inc(counter);
        }
    }
    recovery::enter_loss(sk, cx);
    sk.total_rto = sk.total_rto.wrapping_add(1);
    if sk.rto_stamp == 0 {
        sk.rto_stamp = sk.jiffies32().max(1);
        sk.total_rto_recoveries = sk.total_rto_recoveries.wrapping_add(1);
    }
    sk.retransmits = sk.retransmits.saturating_add(1);
    if retransmit::retransmit(sk, cx, 0, 1) == Err(Errno::ENOBUFS) {
        // The device's queue is full: soon again, without backing off.
        let when = super::RESOURCE_PROBE_INTERVAL.min(u64::from(sk.rto));
        reset_xmit_timer(sk, cx, XmitTimer::Retrans, when);
        return;
    }
    back_off(sk, cx);
}

/// Doubles the timeout, except for SYNs at first and thin streams (Karn).
fn back_off(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let sysctl = &cx.tcp().sysctl;
    let state = crate::state::state(sk);
    let thin = state == uapi::tcp::TcpState::Established
        && (sk.thin_lto || sysctl.thin_linear_timeouts() != 0)
        && sk.packets_out < 4
        && sk.snd_ssthresh < crate::init::INFINITE_SSTHRESH
        && sk.retransmits <= 6;
    if thin {
        sk.backoff = 0;
        sk.rto = crate::input::rtt::rto_of(sk).min(sk.rto_max);
    } else if state != SynSent || u32::from(sk.retransmits) > sysctl.syn_linear_timeouts() as u32 {
        sk.backoff = sk.backoff.saturating_add(1);
        sk.rto = (sk.rto.saturating_mul(2)).min(sk.rto_max);
    }
    let rto = u64::from(clamp_rto_to_user_timeout(sk));
    reset_xmit_timer(sk, cx, XmitTimer::Retrans, rto);
}

/// The timeout, cut where `TCP_USER_TIMEOUT` ends (`tcp_clamp_rto_to_user_timeout`).
fn clamp_rto_to_user_timeout(sk: &Sk<'_>) -> u32 {
    if sk.user_timeout == 0 || sk.retrans_stamp == 0 {
        return sk.rto;
    }
    let elapsed = sk.jiffies32().wrapping_sub(sk.retrans_stamp);
    match i64::from(sk.user_timeout) - i64::from(elapsed) {
        ..=0 => 1,
        left => sk.rto.min(left.min(i64::from(u32::MAX)) as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::model_timeout;

    /// `tcp_retries2` = 15 gives up after 924.6 s (ip-sysctl).
    #[test]
    fn fifteen_retries_take_924_seconds() {
        assert_eq!(model_timeout(15, 200, 120_000), 924_600);
        assert_eq!(model_timeout(3, 200, 120_000), 3000);
    }
}
