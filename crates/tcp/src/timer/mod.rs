//! When nothing happens: retransmission, delayed ACKs, probes, keepalives
//! (`net/ipv4/tcp_timer.c`).
//!
//! Timers are lazy: a deadline that moves into the future leaves the wheel alone. The entry that is
//! already there fires early, finds the real deadline and arms itself again. So sending and
//! acknowledging touch no wheel, and a handler always checks its deadline.

pub mod delack;
pub mod keepalive;
pub mod probe;
pub mod rto;
pub mod tlp;

pub use keepalive::{delete_keepalive, fin_time, keepalive_changed, reset_keepalive, set_keepalive};
pub use rto::write_err;

use crate::sock::{LazyTimer, Sk, TcpSock, XmitTimer};
use kern::time::Jiffies;
use net::Cx;

/// The first retransmission timeout, ms (`TCP_TIMEOUT_INIT`, RFC 6298).
pub const TIMEOUT_INIT: u32 = 1000;
/// The one after a SYN had to be sent again, ms (`TCP_TIMEOUT_FALLBACK`).
pub const TIMEOUT_FALLBACK: u32 = 3000;
/// Least timeout of anything, ms (`TCP_TIMEOUT_MIN`).
pub const TIMEOUT_MIN: u64 = 2;
/// When a probe could not be sent for want of memory, ms (`TCP_RESOURCE_PROBE_INTERVAL`).
pub const RESOURCE_PROBE_INTERVAL: u64 = 500;

/// The timers of a sock, as [`net::Proto::deferred`] numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Which {
    /// Retransmission, probe, TLP, RACK (`icsk_retransmit_timer`).
    Retransmit,
    /// Delayed ACK (`icsk_delack_timer`).
    Delack,
    /// Keepalive, FIN_WAIT2 (`sk_timer`).
    Keepalive,
    /// Pacing (`pacing_timer`), of high resolution.
    Pacing,
    /// Compressed ACKs (`compressed_ack_timer`), of high resolution.
    CompressedAck,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Which::Retransmit => "retransmit",
            Which::Delack => "delack",
            Which::Keepalive => "keepalive",
            Which::Pacing => "pacing",
            Which::CompressedAck => "compressed ack",
        }
    }

    fn of(which: u8) -> Option<Which> {
        [Which::Retransmit, Which::Delack, Which::Keepalive, Which::Pacing, Which::CompressedAck]
            .into_iter()
            .find(|w| *w as u8 == which)
    }
}

fn timer(tp: &mut TcpSock, which: Which) -> &mut LazyTimer {
    match which {
        Which::Retransmit => &mut tp.retransmit_timer,
        Which::Delack => &mut tp.delack_timer,
        Which::Keepalive | Which::Pacing | Which::CompressedAck => &mut tp.sk_timer,
    }
}

/// Sets a timer's deadline (`sk_reset_timer`); the wheel is touched only if it would be too late.
#[inline]
pub fn arm(sk: &mut Sk<'_>, cx: &Cx<'_>, which: Which, deadline: Jiffies) {
    let t = timer(sk, which);
    t.deadline = deadline.max(1);
    if t.armed == 0 || t.deadline < t.armed {
        wheel(sk, cx, which);
    }
}

#[cold]
fn wheel(sk: &mut Sk<'_>, cx: &Cx<'_>, which: Which) {
    let sock = sk.sk;
    let t = timer(sk, which);
    t.armed = t.deadline;
    cx.mod_timer(&t.slot, t.deadline, which as u8, || sock.hold());
}

/// No deadline any more (`sk_stop_timer`); the wheel's entry dies by itself.
#[inline]
pub fn disarm(sk: &mut Sk<'_>, which: Which) {
    timer(sk, which).deadline = 0;
}

/// Takes a timer off the wheel, so that it does not keep the sock.
fn remove(sk: &mut Sk<'_>, cx: &Cx<'_>, which: Which) {
    let t = timer(sk, which);
    t.deadline = 0;
    if t.armed != 0 {
        t.armed = 0;
        cx.del_timer(&t.slot);
    }
}

/// All timers off, for good (`tcp_clear_xmit_timers`). The keepalive timer stays.
pub fn clear_xmit_timers(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.pending = XmitTimer::None;
    sk.ack_pending = 0;
    crate::output::pace::cancel(sk, cx);
    if sk.compressing {
        crate::output::ack::cancel_compressed(sk, cx);
    }
    remove(sk, cx, Which::Retransmit);
    remove(sk, cx, Which::Delack);
}

/// All timers off, the keepalive timer too: the sock is about to be freed.
pub fn clear_all(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    clear_xmit_timers(sk, cx);
    remove(sk, cx, Which::Keepalive);
}

/// Arms the retransmit timer for `what`, `when` ms from now (`tcp_reset_xmit_timer`).
#[inline]
pub fn reset_xmit_timer(sk: &mut Sk<'_>, cx: &Cx<'_>, what: XmitTimer, when: u64) {
    let when = when.min(u64::from(sk.rto_max));
    sk.pending = what;
    let deadline = cx.jiffies() + when;
    arm(sk, cx, Which::Retransmit, deadline);
}

/// Nothing is due on the retransmit timer any more (`inet_csk_clear_xmit_timer`).
#[inline]
pub fn clear_retransmit(sk: &mut Sk<'_>) {
    sk.pending = XmitTimer::None;
    sk.retransmit_timer.deadline = 0;
}

/// Restarts the RTO, or turns it off when nothing is in flight (`tcp_rearm_rto`).
#[inline]
pub fn rearm_rto(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.packets_out == 0 {
        clear_retransmit(sk);
        return;
    }
    let mut rto = u64::from(sk.rto);
    // A probe or RACK's timer replaced it: what is left since the head was sent.
    if matches!(sk.pending, XmitTimer::ReoTimeout | XmitTimer::LossProbe) {
        let left = rto_delta_us(sk);
        if left > 0 {
            rto = (left as u64).div_ceil(1000).max(1);
        }
    }
    reset_xmit_timer(sk, cx, XmitTimer::Retrans, rto + crate::output::pace::delay(sk));
}

/// Until the RTO of the oldest segment, µs; negative when it is over (`tcp_rto_delta_us`).
#[must_use]
pub fn rto_delta_us(sk: &Sk<'_>) -> i64 {
    match sk.send_queue.rtx_head() {
        Some(head) => (head.tx_mstamp + u64::from(sk.rto) * 1000) as i64 - sk.mstamp as i64,
        None => i64::from(sk.rto) * 1000,
    }
}

/// A timer fired (`Proto::deferred`): early ones are armed again.
pub fn deferred(sk: &mut Sk<'_>, cx: &Cx<'_>, which: u8) {
    let Some(which) = Which::of(which) else { return };
    // Those of high resolution are not lazy.
    match which {
        Which::Pacing => return crate::output::pace::kick(sk, cx),
        Which::CompressedAck => return crate::input::delack::compressed_ack_kick(sk, cx),
        _ => {}
    }
    let now = cx.jiffies();
    let t = timer(sk, which);
    t.armed = 0;
    match t.deadline {
        0 => return,
        deadline if deadline > now => return wheel(sk, cx, which),
        _ => t.deadline = 0,
    }
    cx.trace(|| net::trace::Event::Timer { prot: "TCP", cookie: sk.sk.cookie(cx.net), which: which.name() });
    match which {
        Which::Retransmit => write_timer(sk, cx),
        Which::Delack => delack::delack_timer(sk, cx),
        Which::Keepalive | Which::Pacing | Which::CompressedAck => keepalive::keepalive_timer(sk, cx),
    }
}

/// The retransmit timer (`tcp_write_timer_handler`).
fn write_timer(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    use uapi::tcp::TcpState::{Close, Listen};
    let what = std::mem::take(&mut sk.pending);
    if crate::state::state(sk).is_in(Close.bit() | Listen.bit()) {
        return;
    }
    crate::output::mstamp_refresh(sk, cx);
    match what {
        XmitTimer::None => {}
        XmitTimer::ReoTimeout => crate::input::rack::reo_timeout(sk, cx),
        XmitTimer::LossProbe => tlp::send_loss_probe(sk, cx),
        XmitTimer::Retrans => rto::retransmit_timer(sk, cx),
        XmitTimer::Probe0 => probe::probe_timer(sk, cx),
    }
}
