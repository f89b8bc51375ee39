//! The persist timer: the peer's window is closed and data waits (`tcp_probe_timer`,
//! `tcp_send_probe0`).

use super::{RESOURCE_PROBE_INTERVAL, reset_xmit_timer, rto};
use crate::TcpCx;
use crate::output::write_wakeup;
use crate::sock::{Sk, XmitTimer};
use net::Cx;
use net::mib::TcpExt;
use uapi::Errno;

/// The first interval of probes, ms (`tcp_probe0_base`).
#[must_use]
pub fn probe0_base(sk: &Sk<'_>) -> u64 {
    u64::from(sk.rto).max(200)
}

/// The interval now, doubled for each probe, ms (`tcp_probe0_when`).
#[must_use]
pub fn probe0_when(sk: &Sk<'_>) -> u64 {
    // More doublings than rto_max can hold change nothing.
    let backoff = u32::from(sk.backoff).min(10);
    (probe0_base(sk) << backoff).min(u64::from(sk.rto_max))
}

/// The timer fired.
pub fn probe_timer(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.packets_out > 0 || sk.send_queue.send_head().is_none() {
        sk.probes_out = 0;
        sk.probes_tstamp = 0;
        return;
    }
    let now = sk.jiffies32().max(1);
    // RFC 9293 section 3.8.6.1: a closed window is probed for as long as the peer answers.
    if sk.probes_tstamp == 0 {
        sk.probes_tstamp = now;
    } else if sk.user_timeout != 0 && now.wrapping_sub(sk.probes_tstamp) as i32 >= sk.user_timeout as i32 {
        return abort(sk, cx);
    }
    let mut max_probes = cx.tcp().sysctl.retries2() as u32;
    if sk.sk.is_dead() {
        let alive = probe0_when(sk) < u64::from(sk.rto_max);
        max_probes = rto::orphan_retries(sk, cx, alive);
        if !alive && u32::from(sk.backoff) >= max_probes {
            return abort(sk, cx);
        }
        if crate::api::close::check_oom(sk, cx) {
            return;
        }
    }
    if u32::from(sk.probes_out) >= max_probes {
        abort(sk, cx);
    } else {
        send_probe0(sk, cx);
    }
}

fn abort(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    rto::write_err(sk, cx);
}

/// Asks for a window, and doubles the interval.
pub fn send_probe0(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let sent = write_wakeup(sk, cx, TcpExt::TCPWinProbe);
    if sk.packets_out > 0 || sk.send_queue.send_head().is_none() {
        sk.probes_out = 0;
        sk.backoff = 0;
        sk.probes_tstamp = 0;
        return;
    }
    sk.probes_out = sk.probes_out.saturating_add(1);
    let when = match sent {
        Err(Errno::ENOBUFS) => RESOURCE_PROBE_INTERVAL,
        _ => {
            if u32::from(sk.backoff) < cx.tcp().sysctl.retries2() as u32 {
                sk.backoff += 1;
            }
            probe0_when(sk)
        }
    };
    let when = clamp_to_user_timeout(sk, when);
    reset_xmit_timer(sk, cx, XmitTimer::Probe0, when + crate::output::pace::delay(sk));
}

/// `tcp_clamp_probe0_to_user_timeout`
#[must_use]
pub fn clamp_to_user_timeout(sk: &Sk<'_>, when: u64) -> u64 {
    if sk.user_timeout == 0 || sk.probes_tstamp == 0 {
        return when;
    }
    let elapsed = (sk.jiffies32().wrapping_sub(sk.probes_tstamp) as i32).max(0) as u64;
    let left = u64::from(sk.user_timeout).saturating_sub(elapsed).max(super::TIMEOUT_MIN);
    when.min(left)
}
