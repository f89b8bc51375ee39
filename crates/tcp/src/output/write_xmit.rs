//! When a segment may leave: Nagle, cork, congestion window, peer's window, size of large sends
//! (`tcp_write_xmit` and its tests).

use super::mss::{current_mss, gso_max_size};
use super::mtu_probe::{self, Probed};
use super::queue::{EVER_RETRANS, Segment};
use super::{pace, segment, split};
use crate::api::repair;
use crate::chrono;
use crate::cong::{self, CaEvent};
use crate::ecn;
use crate::seq::{after, before};
use crate::sock::{CaState, Sk, TCP_NAGLE_CORK, TCP_NAGLE_OFF, TCP_NAGLE_PUSH, XmitTimer};
use crate::timer;
use net::Cx;
use net::mib::TcpExt;
use uapi::tcp::TcpState;

/// How much [`write_xmit`] sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// All it may.
    All,
    /// One segment.
    One,
    /// One segment, also beyond the congestion window: a tail loss probe.
    Probe,
}

/// Sends what may be sent, with the sock's own Nagle setting (`tcp_push_pending_frames`).
#[inline]
pub fn push_pending_frames(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.send_queue.send_head().is_some() {
        let mss = current_mss(sk, cx);
        let nonagle = sk.nonagle;
        push_frames(sk, cx, mss, nonagle);
    }
}

/// The same with the caller's (`__tcp_push_pending_frames`).
#[inline]
pub fn push_frames(sk: &mut Sk<'_>, cx: &Cx<'_>, mss: u32, nonagle: u8) {
    if crate::state::state(sk) == TcpState::Close {
        return;
    }
    if write_xmit(sk, cx, mss, nonagle, Push::All) {
        check_probe_timer(sk, cx);
    }
}

/// Sends one segment of what may be sent (`tcp_push_one`).
pub fn push_one(sk: &mut Sk<'_>, cx: &Cx<'_>, mss: u32) {
    write_xmit(sk, cx, mss, TCP_NAGLE_PUSH, Push::One);
}

/// Nothing is in flight and nothing may be sent: somebody must ask for a window
/// (`tcp_check_probe_timer`).
pub fn check_probe_timer(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.packets_out == 0 && sk.pending == XmitTimer::None {
        let when = timer::probe::probe0_base(sk);
        timer::reset_xmit_timer(sk, cx, XmitTimer::Probe0, when + pace::delay(sk));
    }
}

/// Writes to the network. True when nothing is in flight although something waits.
pub fn write_xmit(sk: &mut Sk<'_>, cx: &Cx<'_>, mss: u32, nonagle: u8, push: Push) -> bool {
    super::mstamp_refresh(sk, cx);
    let mut mss = mss;
    if sk.ecn_flags & ecn::ACCECN != 0 && ecn::option::is_beacon_due(sk) {
        mss = current_mss(sk, cx);
    }
    let (mut sent, mut cwnd_limited, mut rearm, mut rwnd_limited) = (0, false, false, false);
    if sk.mtup_enabled && push == Push::All && sk.send_queue.send_head().is_some() {
        match mtu_probe::probe(sk, cx) {
            Probed::No => {}
            Probed::Wait => return false,
            Probed::Sent => sent = 1,
        }
    }
    while sk.send_queue.send_head().is_some() {
        if pace::check(sk, cx) {
            break;
        }
        let i = sk.send_queue.sent();
        if sk.repair && repair::fills_send_queue(sk) {
            // It counts as sent, some time ago: it is no measure of the RTT.
            let now = sk.mstamp;
            sk.wstamp = now * 1000;
            let seg = &mut sk.send_queue[i];
            (seg.tx_mstamp, seg.delivered_mstamp) = (now, u64::MAX);
            seg.sacked |= EVER_RETRANS;
            seg.set_packets(mss);
            let (packets, first) = advance(sk, cx, mss);
            sent += packets;
            rearm |= first;
            if push != Push::All {
                break;
            }
            continue;
        }
        let quota = match cwnd_test(sk) {
            0 if push == Push::Probe => 1,
            0 => {
                break;
            }
            quota => quota,
        };
        let head = &sk.send_queue[i];
        let alone = i + 1 == sk.send_queue.len();
        let max_segs = if alone && head.len() <= mss { 1 } else { tso_segs(sk, mss) };
        if !alone {
            // What was written in pieces can go in one.
            let room = quota.min(max_segs).saturating_mul(mss).saturating_sub(head.len());
            split::grow(sk, cx, i, room);
        }
        // More than a device takes would only be cut again.
        let max_segs = max_segs.min((gso_max_size() / mss.max(1)).max(1));
        let quota = quota.min(max_segs);
        let is_last = i + 1 == sk.send_queue.len();
        let head = &sk.send_queue[i];
        let (seq, end_seq, len, fin) = (head.seq, head.end_seq, head.len(), head.flags.fin());
        let segs = if head.pcount == 0 || (head.pcount > 1 && u32::from(head.gso_size) != mss) {
            sk.send_queue[i].set_packets(mss)
        } else {
            head.packets()
        };
        let first_end = if len > mss { seq.wrapping_add(mss) } else { end_seq };
        if after(first_end, sk.wnd_end()) {
            rwnd_limited = true;
            break;
        }
        if segs == 1 {
            let nonagle = if is_last { nonagle } else { TCP_NAGLE_PUSH };
            if !nagle_test(sk, len, fin, mss, nonagle) {
                break;
            }
        } else if push == Push::All && tso_should_defer(sk, i, max_segs, &mut cwnd_limited) {
            break;
        }
        let mut limit = mss;
        if segs > 1 && sk.snd_up == sk.snd_una {
            limit = split_point(sk, i, mss, quota, nonagle);
        }
        if len > limit {
            split::fragment(sk, cx, i, limit, mss);
        }
        if sk.send_queue[i].pcount == 0 {
            sk.send_queue[i].set_packets(mss);
        }
        if segment::transmit(sk, cx, i).is_err() {
            break;
        }
        let (packets, first) = advance(sk, cx, mss);
        sent += packets;
        rearm |= first;
        if push != Push::All {
            break;
        }
    }
    if rwnd_limited {
        chrono::start(sk, chrono::RWND_LIMITED);
    } else {
        chrono::stop(sk, chrono::RWND_LIMITED);
    }
    cwnd_limited |= sk.packets_in_flight() >= sk.snd_cwnd;
    if sent > 0 {
        if in_cwnd_reduction(sk) {
            sk.prr_out += sent;
        }
        // The probe's timer replaces the retransmission's.
        let probed = push != Push::Probe && timer::tlp::schedule_loss_probe(sk, cx, false);
        if rearm && !probed {
            timer::rearm_rto(sk, cx);
        }
    }
    if sent > 0 || cwnd_limited {
        cwnd_validate(sk, cx, cwnd_limited);
    }
    sent == 0 && sk.packets_out == 0 && sk.send_queue.send_head().is_some()
}

/// The first unsent segment has left: it is in flight now (`tcp_event_new_data_sent`).
pub fn new_data_sent(sk: &mut Sk<'_>, cx: &Cx<'_>, mss: u32) {
    if advance(sk, cx, mss).1 {
        timer::rearm_rto(sk, cx);
    }
}

/// The same; gives how many packets it is, and whether the timer is to be set for it.
#[inline]
fn advance(sk: &mut Sk<'_>, cx: &Cx<'_>, mss: u32) -> (u32, bool) {
    let seg: &Segment = &sk.send_queue[sk.send_queue.sent()];
    let (end_seq, packets, len) = (seg.end_seq, seg.packets(), seg.len());
    sk.send_queue.advance();
    sk.snd_nxt = end_seq;
    let prior = sk.packets_out;
    sk.packets_out += packets;
    if len < packets * mss {
        // Minshall: a small segment is out.
        sk.snd_sml = end_seq;
    }
    cx.add(TcpExt::TCPOrigDataSent, u64::from(packets));
    (packets, prior == 0 || sk.pending == XmitTimer::LossProbe)
}

/// How many packets the congestion window has room for (`tcp_cwnd_test`); half of it at once at
/// most, to keep ACKs coming.
#[inline]
fn cwnd_test(sk: &Sk<'_>) -> u32 {
    let in_flight = sk.packets_in_flight();
    if in_flight >= sk.snd_cwnd {
        return 0;
    }
    (sk.snd_cwnd >> 1).max(1).min(sk.snd_cwnd - in_flight)
}

/// True when a small segment must wait: corked, or Nagle (RFC 9293 section 3.7.4) in Minshall's
/// form, where only an outstanding small segment holds the next one back.
#[inline]
fn nagle_holds(sk: &Sk<'_>, partial: bool, nonagle: u8) -> bool {
    partial
        && (nonagle & TCP_NAGLE_CORK != 0
            || (nonagle == 0
                && sk.packets_out > 0
                && after(sk.snd_sml, sk.snd_una)
                && !after(sk.snd_sml, sk.snd_nxt)))
}

#[inline]
fn nagle_test(sk: &Sk<'_>, len: u32, fin: bool, mss: u32, nonagle: u8) -> bool {
    // Urgent data and FINs do not wait.
    nonagle & TCP_NAGLE_PUSH != 0
        || sk.snd_up != sk.snd_una && after(sk.snd_up, sk.snd_una)
        || fin
        || !nagle_holds(sk, len < mss, nonagle)
}

/// How many bytes of a large segment may go now (`tcp_mss_split_point`).
fn split_point(sk: &Sk<'_>, i: usize, mss: u32, max_segs: u32, nonagle: u8) -> u32 {
    let seg = &sk.send_queue[i];
    let window = sk.wnd_end().wrapping_sub(seg.seq);
    let max_len = mss.saturating_mul(max_segs);
    let is_tail = i + 1 == sk.send_queue.len();
    if max_len <= window && !is_tail {
        return max_len;
    }
    let needed = seg.len().min(window);
    if max_len <= needed {
        return max_len;
    }
    let partial = needed % mss;
    if nagle_holds(sk, partial != 0, nonagle) { needed - partial } else { needed }
}

/// Segments of a large send by the rate of the flow: about a millisecond's worth, more when the RTT
/// is small (`tcp_tso_autosize`).
#[inline]
#[must_use]
pub fn tso_segs(sk: &Sk<'_>, mss: u32) -> u32 {
    if !sk.can_gso {
        return 1;
    }
    let sysctl = sk.sysctl();
    let max = gso_max_size();
    let rtt_shift = sk.min_rtt() >> sysctl.tso_rtt_log().min(31);
    let mut bytes = (sk.sk.pacing_rate() >> 10).min(u64::from(u32::MAX)) as u32;
    if rtt_shift < 32 {
        bytes = bytes.saturating_add(max >> rtt_shift);
    }
    let mss = mss.max(1);
    let least = match sk.cong.ops.min_tso_segs {
        Some(min_tso_segs) => min_tso_segs(sk),
        None => sysctl.min_tso_segs() as u32,
    };
    (bytes.min(max) / mss).max(least)
}

/// Waits with a large segment that is not full for the ACKs that will open the window
/// (`tcp_tso_should_defer`).
fn tso_should_defer(sk: &Sk<'_>, i: usize, max_segs: u32, cwnd_limited: &mut bool) -> bool {
    if sk.ca_state >= CaState::Recovery {
        return false;
    }
    // Only while writes come quickly.
    if sk.mstamp.saturating_sub(sk.wstamp / 1000) > 1000 {
        return false;
    }
    let seg = &sk.send_queue[i];
    let send_win = sk.wnd_end().wrapping_sub(seg.seq);
    let in_flight = sk.packets_in_flight();
    let cong_win = sk.snd_cwnd.saturating_sub(in_flight).saturating_mul(sk.mss_cache);
    let limit = send_win.min(cong_win);
    let is_last = i + 1 == sk.send_queue.len();
    if limit >= max_segs.saturating_mul(sk.mss_cache) || (!is_last && limit >= seg.len()) {
        return false;
    }
    let divisor = sk.sysctl().tso_win_divisor() as u32;
    let chunk = sk.snd_wnd.min(sk.snd_cwnd.saturating_mul(sk.mss_cache)).checked_div(divisor);
    if limit >= chunk.unwrap_or(3 * sk.mss_cache + 1) {
        return false;
    }
    // An ACK must be near: half an RTT after the head was sent it is.
    let Some(head) = sk.send_queue.rtx_head() else { return false };
    if sk.mstamp.saturating_sub(head.tx_mstamp) < u64::from(sk.srtt_us >> 4) {
        return false;
    }
    if cong_win < send_win {
        if cong_win <= seg.len() {
            *cwnd_limited = true;
            return true;
        }
    } else if send_win <= seg.len() {
        return true;
    }
    !seg.flags.fin() && !seg.eor
}

/// The window is being reduced (`tcp_in_cwnd_reduction`).
#[inline]
#[must_use]
pub fn in_cwnd_reduction(sk: &Sk<'_>) -> bool {
    matches!(sk.ca_state, CaState::Cwr | CaState::Recovery)
}

/// Notes how much of the window was used (`tcp_cwnd_validate`, RFC 2861).
#[inline]
fn cwnd_validate(sk: &mut Sk<'_>, cx: &Cx<'_>, limited: bool) {
    if !before(sk.snd_una, sk.cwnd_usage_seq)
        || limited
        || (!sk.is_cwnd_limited && sk.packets_out > sk.max_packets_out)
    {
        sk.is_cwnd_limited = limited;
        sk.max_packets_out = sk.packets_out;
        sk.cwnd_usage_seq = sk.snd_nxt;
    }
    let now = sk.jiffies32();
    if sk.is_cwnd_limited() {
        sk.snd_cwnd_used = 0;
        sk.snd_cwnd_stamp = now;
        return;
    }
    sk.snd_cwnd_used = sk.snd_cwnd_used.max(sk.packets_out);
    if sk.sysctl().slow_start_after_idle() != 0
        && now.wrapping_sub(sk.snd_cwnd_stamp) as i32 >= sk.rto as i32
        && !cong::controls(sk)
    {
        cwnd_application_limited(sk, cx);
    }
    // All is sent, and the application waits for room.
    if sk.send_queue.unsent() == 0
        && sk.sk.flag(net::sock::SockFlag::NoSpace)
        && crate::state::state(sk).is_in(TcpState::Established.bit() | TcpState::CloseWait.bit())
    {
        chrono::start(sk, chrono::SNDBUF_LIMITED);
    }
}

/// The window was not used for an RTO: let it shrink towards what was (`tcp_cwnd_application_limited`).
fn cwnd_application_limited(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.ca_state == CaState::Open && !sk.sk.flag(net::sock::SockFlag::SelectErrQueue) {
        let init = init_cwnd(sk, cx);
        let used = sk.snd_cwnd_used.max(init);
        if used < sk.snd_cwnd {
            sk.snd_ssthresh = current_ssthresh(sk);
            sk.snd_cwnd = (sk.snd_cwnd + used) >> 1;
        }
        sk.snd_cwnd_used = 0;
    }
    sk.snd_cwnd_stamp = sk.jiffies32();
}

/// The threshold that the window as it is amounts to (`tcp_current_ssthresh`).
#[must_use]
pub fn current_ssthresh(sk: &Sk<'_>) -> u32 {
    if in_cwnd_reduction(sk) {
        sk.snd_ssthresh
    } else {
        sk.snd_ssthresh.max((sk.snd_cwnd >> 1) + (sk.snd_cwnd >> 2))
    }
}

/// The initial window: ten segments (RFC 6928), or the route's (`tcp_init_cwnd`).
#[must_use]
pub fn init_cwnd(sk: &Sk<'_>, _cx: &Cx<'_>) -> u32 {
    let metric = sk.inet.dst.as_ref().map_or(0, |dst| dst.metrics.initcwnd);
    let cwnd = if metric == 0 { 10 } else { metric };
    cwnd.min(sk.snd_cwnd_clamp)
}

/// A write after an idle RTO begins a new slow start (`tcp_slow_start_after_idle_check`).
#[inline]
pub fn slow_start_after_idle_check(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.packets_out != 0 || sk.sysctl().slow_start_after_idle() == 0 || cong::controls(sk) {
        return;
    }
    let idle = (cx.now().ns() / 1_000_000) as u32;
    let idle = idle.wrapping_sub(sk.lsndtime) as i32;
    if idle > sk.rto as i32 {
        cwnd_restart(sk, cx, idle);
    }
}

/// Halves the window for every RTO of silence (`tcp_cwnd_restart`).
fn cwnd_restart(sk: &mut Sk<'_>, cx: &Cx<'_>, idle: i32) {
    let restart = init_cwnd(sk, cx).min(sk.snd_cwnd);
    let mut cwnd = sk.snd_cwnd;
    cong::event(sk, cx, CaEvent::CwndRestart);
    sk.snd_ssthresh = current_ssthresh(sk);
    let mut left = idle;
    loop {
        left -= sk.rto.max(1) as i32;
        if left <= 0 || cwnd <= restart {
            break;
        }
        cwnd >>= 1;
    }
    sk.snd_cwnd = cwnd.max(restart);
    sk.snd_cwnd_stamp = sk.jiffies32();
    sk.snd_cwnd_used = 0;
}

/// `TCP_NODELAY` and `TCP_CORK` as they change (`__tcp_sock_set_nodelay`, `__tcp_sock_set_cork`).
pub fn set_nodelay(sk: &mut Sk<'_>, cx: &Cx<'_>, on: bool) {
    if on {
        sk.nonagle |= TCP_NAGLE_OFF | TCP_NAGLE_PUSH;
        push_pending_frames(sk, cx);
    } else {
        sk.nonagle &= !TCP_NAGLE_OFF;
    }
}

/// `TCP_CORK`.
pub fn set_cork(sk: &mut Sk<'_>, cx: &Cx<'_>, on: bool) {
    if on {
        sk.nonagle |= TCP_NAGLE_CORK;
    } else {
        sk.nonagle &= !TCP_NAGLE_CORK;
        if sk.nonagle & TCP_NAGLE_OFF != 0 {
            sk.nonagle |= TCP_NAGLE_PUSH;
        }
        push_pending_frames(sk, cx);
    }
}
