//! The receiver's side of flow control: how much window, how large a buffer, and what follows when
//! there is room to send.

use super::TcpRx;
use super::delack::{self, MAX_QUICKACKS, incr_quickack};
use super::rtt::tsopt_us;
use crate::TcpCx;
use crate::ecn;
use crate::mem;
use crate::output::ack::DELACK_MIN;
use crate::output::append::is_writeable;
use crate::output::window::{choose, space};
use crate::output::{push_pending_frames, send_ack};
use crate::seq::before;
use crate::sock::{ACK_PUSHED, ACK_PUSHED2, ACK_SCHED, Sk};
use net::Cx;
use net::sock::RCV_SHUTDOWN;
use net::sock::SockFlag;
use net::sock::mem::{SHINFO_SIZE, SKB_SIZE};
use std::sync::atomic::Ordering::Relaxed;

/// Data arrived in order: schedule an ACK, learn the peer's segment size and pace, open the window
/// (`tcp_event_data_recv`).
#[inline]
pub fn event_data_recv(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, gso_size: u16, truesize: u32) {
    sk.ack_pending |= ACK_SCHED;
    measure_rcv_mss(sk, rx, gso_size, truesize);
    rcv_rtt_measure(sk);
    let now = sk.jiffies32();
    if sk.ack_ato == 0 {
        // The first data: the engine of delayed ACKs starts, the peer is in slow start.
        incr_quickack(sk, MAX_QUICKACKS);
        sk.ack_ato = DELACK_MIN;
    } else {
        let m = now.wrapping_sub(sk.ack_lrcvtime);
        if m <= DELACK_MIN / 2 {
            sk.ack_ato = (sk.ack_ato >> 1) + DELACK_MIN / 2;
        } else if m < sk.ack_ato {
            sk.ack_ato = ((sk.ack_ato >> 1) + m).min(sk.rto);
        } else if m > sk.rto {
            // After such a gap the peer begins a slow start.
            incr_quickack(sk, MAX_QUICKACKS);
        }
    }
    sk.ack_lrcvtime = now;
    data_ecn_check(sk, rx);
    if rx.len >= 128 {
        grow_window(sk, cx, rx.len, truesize);
    }
}

/// Marks of a segment with data. Without ECN, or while nothing was marked and is not, there is nothing to do.
#[inline]
pub fn data_ecn_check(sk: &mut Sk<'_>, rx: &TcpRx) {
    if sk.ecn_flags & ecn::ANY != 0 {
        ecn::data_check(sk, rx.ecn);
    }
}

/// Learns the peer's segment size, which delays and windows are measured in
/// (`tcp_measure_rcv_mss`).
#[inline]
pub fn measure_rcv_mss(sk: &mut Sk<'_>, rx: &TcpRx, gso_size: u16, truesize: u32) {
    let last = u32::from(std::mem::take(&mut sk.ack_last_seg_size));
    let len = if gso_size != 0 { u32::from(gso_size) } else { rx.len };
    let rcv_mss = u32::from(sk.ack_rcv_mss);
    if len >= rcv_mss {
        if len != rcv_mss {
            let ratio = ((u64::from(rx.len) << 8) / u64::from(truesize.max(1))).clamp(1, 255) as u8;
            if ratio != sk.scaling_ratio {
                sk.scaling_ratio = ratio;
                set_window_clamp(sk);
            }
        }
        sk.ack_rcv_mss = len.min(u32::from(sk.advmss)) as u16;
        if rx.flags.psh() {
            sk.ack_pending |= ACK_PUSHED;
        }
        return;
    }
    // SACK blocks make a full segment smaller; its length with the header does not change.
    let whole = rx.len + rx.header_len;
    if whole >= 536 + 20 || (whole >= 88 + 20 && !rx.flags.psh()) {
        let len = whole - u32::from(sk.tcp_header_len);
        sk.ack_last_seg_size = len as u16;
        if len == last {
            sk.ack_rcv_mss = len as u16;
            return;
        }
    }
    if sk.ack_pending & ACK_PUSHED != 0 {
        sk.ack_pending |= ACK_PUSHED2;
    }
    sk.ack_pending |= ACK_PUSHED;
}

fn set_window_clamp(sk: &mut Sk<'_>) {
    let clamp = sk.win_from_space(sk.sk.rcvbuf()).max(0) as u32;
    let old = std::mem::replace(&mut sk.window_clamp, clamp);
    if clamp <= old {
        sk.rcv_ssthresh = sk.rcv_ssthresh.min(clamp);
    } else {
        let most = sk.rcv_wnd.min(clamp);
        sk.rcv_ssthresh = sk.rcv_ssthresh.max(most).min(clamp.max(sk.rcv_ssthresh));
    }
    if clamp < sk.rcvq_space {
        sk.rcvq_space = clamp.max(1);
    }
}

/// Lets the window grow with what arrives, as far as the overhead of its buffers is covered
/// (`tcp_grow_window`).
pub fn grow_window(sk: &mut Sk<'_>, cx: &Cx<'_>, len: u32, truesize: u32) {
    let room = sk.window_clamp.min(space(sk).max(0) as u32) as i64 - i64::from(sk.rcv_ssthresh);
    if room <= 0 || mem::under_pressure(cx) {
        return;
    }
    let incr = if sk.win_from_space(truesize as i32) <= len as i32 {
        2 * u32::from(sk.advmss)
    } else {
        grow_by(sk, cx, len, truesize)
    };
    if incr > 0 {
        let incr = i64::from(incr.max(2 * len));
        sk.rcv_ssthresh += room.min(incr) as u32;
        sk.ack_quick |= 1;
    }
}

/// How far a small segment opens the window (`__tcp_grow_window`).
fn grow_by(sk: &Sk<'_>, cx: &Cx<'_>, len: u32, truesize: u32) -> u32 {
    let mut truesize = sk.win_from_space(truesize as i32) >> 1;
    let mut window = sk.win_from_space(cx.tcp().sysctl.rmem(2)) >> 1;
    while sk.rcv_ssthresh as i32 <= window {
        if truesize <= len as i32 {
            return 2 * u32::from(sk.ack_rcv_mss);
        }
        truesize >>= 1;
        window >>= 1;
    }
    0
}

/// Turns header prediction on when nothing stands against it (`tcp_fast_path_check`).
#[inline]
pub fn fast_path_check(sk: &mut Sk<'_>) {
    if sk.ofo.queue.is_empty()
        && sk.rcv_wnd != 0
        && sk.sk.rmem_alloc.load(Relaxed) < sk.sk.rcvbuf()
        && sk.urg_data == 0
    {
        fast_path_on(sk);
    }
}

/// What the third word of the next header is expected to be (`__tcp_fast_path_on`).
#[inline]
pub fn fast_path_on(sk: &mut Sk<'_>) {
    const ACK: u32 = 0x0010_0000;
    let ace = if sk.is_accecn() { sk.delivered_ce.wrapping_add(ecn::CEP_INIT) & 7 } else { 0 };
    sk.pred_flags = u32::from(sk.tcp_header_len) << 26
        | ace << 22
        | ACK
        | ((sk.snd_wnd >> sk.rx_opt.snd_wscale) & 0xffff);
}

/// There may be room to send, and room for writers (`tcp_data_snd_check`).
#[inline]
pub fn data_snd_check(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    push_pending_frames(sk, cx);
    check_space(sk, cx);
}

/// Wakes writers that found no room (`tcp_check_space`).
#[inline]
pub fn check_space(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.sk.flag(SockFlag::NoSpace) {
        new_space(sk, cx);
    }
}

#[cold]
fn new_space(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if should_expand_sndbuf(sk, cx) {
        sndbuf_expand(sk, cx);
        sk.snd_cwnd_stamp = sk.jiffies32();
    }
    if is_writeable(sk, cx) {
        sk.sk.set_flag(SockFlag::NoSpace, false);
        sk.sk.write_space(cx);
        crate::chrono::stop(sk, crate::chrono::SNDBUF_LIMITED);
    }
}

/// `tcp_should_expand_sndbuf`
#[inline]
fn should_expand_sndbuf(sk: &Sk<'_>, cx: &Cx<'_>) -> bool {
    let short = mem::under_pressure(cx) || cx.tcp().memory.is_tight();
    !sk.sk.flag(SockFlag::SndbufLock) && !short && sk.packets_in_flight() < sk.snd_cwnd
}

/// The send buffer holds two windows (`tcp_sndbuf_expand`).
pub fn sndbuf_expand(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    const MAX_TCP_HEADER: u32 = 320;
    let per_mss = u32::from(sk.rx_opt.mss_clamp).max(sk.mss_cache) + MAX_TCP_HEADER + SHINFO_SIZE;
    let per_mss = u64::from(per_mss.next_power_of_two() + SKB_SIZE);
    let segs = crate::init::INIT_CWND.max(sk.snd_cwnd).max(sk.reordering + 1);
    // Congestion control may want room for more than the window and as much again.
    let windows = sk.cong.ops.sndbuf_expand.map_or(2, |sndbuf_expand| u64::from(sndbuf_expand(sk)));
    let want = (windows * u64::from(segs) * per_mss).min(cx.tcp().sysctl.wmem(2) as u64) as i32;
    if sk.sk.sndbuf() < want {
        sk.sk.set_sndbuf(want);
    }
}

/// Bytes per second to pace at: twice the window per RTT in slow start, 1.2 times later
/// (`tcp_update_pacing_rate`).
#[inline]
pub fn update_pacing_rate(sk: &mut Sk<'_>) {
    let sysctl = sk.sysctl();
    let percent =
        if sk.snd_cwnd < sk.snd_ssthresh / 2 { sysctl.pacing_ss_ratio() } else { sysctl.pacing_ca_ratio() };
    let mut rate = u64::from(sk.mss_cache) * ((1_000_000 / 100) << 3) * percent as u64;
    rate = rate.saturating_mul(u64::from(sk.snd_cwnd.max(sk.packets_out)));
    if sk.srtt_us != 0 {
        rate /= u64::from(sk.srtt_us);
    }
    sk.sk.set_pacing_rate(rate.min(sk.sk.max_pacing_rate()));
}

/// An RTT by the time it takes to receive a window (`tcp_rcv_rtt_measure`).
#[inline]
fn rcv_rtt_measure(sk: &mut Sk<'_>) {
    if sk.rcv_rtt_time != 0 {
        if before(sk.rcv_nxt, sk.rcv_rtt_seq) {
            return;
        }
        let delta = sk.mstamp.saturating_sub(sk.rcv_rtt_time).max(1);
        rcv_rtt_update(sk, delta.min(u64::from(u32::MAX >> 3)) as u32, true);
    }
    sk.rcv_rtt_seq = sk.rcv_nxt.wrapping_add(sk.rcv_wnd);
    sk.rcv_rtt_time = sk.mstamp.max(1);
}

/// An RTT by timestamps (`tcp_rcv_rtt_measure_ts`).
#[inline]
pub fn rcv_rtt_measure_ts(sk: &mut Sk<'_>, rx: &TcpRx) {
    if !sk.rx_opt.saw_tstamp || sk.rx_opt.rcv_tsecr == sk.rcv_rtt_last_tsecr {
        return;
    }
    sk.rcv_rtt_last_tsecr = sk.rx_opt.rcv_tsecr;
    if rx.end_seq.wrapping_sub(rx.seq) >= u32::from(sk.ack_rcv_mss) {
        let delta = tsopt_us(sk, 0);
        if delta > 0 {
            rcv_rtt_update(sk, delta as u32, false);
        }
    }
}

fn rcv_rtt_update(sk: &mut Sk<'_>, sample: u32, window_based: bool) {
    let old = sk.rcv_rtt_us;
    let m = sample << 3;
    if old == 0 || m < old {
        sk.rcv_rtt_us = m;
    } else if !window_based && sk.rcv_nxt == sk.copied_seq {
        sk.rcv_rtt_us = old - (old >> 3) + sample;
    }
}

/// After the user read: once for each RTT, the buffer becomes as large as what is read in one asks
/// for (`tcp_rcv_space_adjust`, dynamic right-sizing). The clock is that of the last segment.
#[inline]
pub fn rcv_space_adjust(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.rcv_rtt_us == 0 {
        return;
    }
    let time = sk.mstamp.saturating_sub(sk.rcvq_time);
    if time < u64::from(sk.rcv_rtt_us >> 3) {
        return;
    }
    let copied = sk.copied_seq.wrapping_sub(sk.rcvq_seq);
    let unread = sk.rcv_nxt.wrapping_sub(sk.copied_seq);
    let copied = copied.saturating_sub(unread);
    if copied > sk.rcvq_space {
        rcvbuf_grow(sk, cx, copied);
    }
    sk.rcvq_seq = sk.copied_seq;
    sk.rcvq_time = sk.mstamp;
}

/// `tcp_rcvbuf_grow`
#[cold]
pub fn rcvbuf_grow(sk: &mut Sk<'_>, cx: &Cx<'_>, copied: u32) {
    let old = u64::from(std::mem::replace(&mut sk.rcvq_space, copied).max(1));
    let sysctl = &cx.tcp().sysctl;
    if sysctl.moderate_rcvbuf() == 0 || sk.sk.flag(SockFlag::RcvbufLock) {
        return;
    }
    // We are one RTT late, and a sender in slow start doubles again.
    let mut window = u64::from(copied) << 1;
    window += (window * (u64::from(copied) - old.min(u64::from(copied))) / old) << 1;
    if let Some(last) = sk.ofo.queue.back() {
        window += u64::from(last.end_seq.wrapping_sub(sk.rcv_nxt));
    }
    let want = sk.space_from_win(window.min(u64::from(u32::MAX)) as u32).min(sysctl.rmem(2));
    if want > sk.sk.rcvbuf() {
        sk.sk.set_rcvbuf(want);
        sk.window_clamp = sk.win_from_space(want).max(0) as u32;
    }
}

/// After the user read `copied` bytes: acknowledge if an ACK waits for that, or if the window grew
/// enough to tell (`__tcp_cleanup_rbuf`).
#[inline]
pub fn cleanup_rbuf(sk: &mut Sk<'_>, cx: &Cx<'_>, copied: usize) {
    let mut ack_now = false;
    if sk.ack_pending & ACK_SCHED != 0 {
        let pushed = sk.ack_pending & ACK_PUSHED2 != 0
            || (sk.ack_pending & ACK_PUSHED != 0 && !delack::in_pingpong_mode(sk, cx));
        ack_now = sk.rcv_nxt.wrapping_sub(sk.rcv_wup) > u32::from(sk.ack_rcv_mss)
            || (copied > 0 && pushed && sk.sk.rmem_alloc.load(Relaxed) == 0);
    }
    if copied > 0 && !ack_now && sk.sk.shutdown() & RCV_SHUTDOWN == 0 {
        let now = sk.receive_window();
        if 2 * u64::from(now) <= u64::from(sk.window_clamp) {
            let new = choose(sk, cx);
            ack_now = new != 0 && u64::from(new) >= 2 * u64::from(now);
        }
    }
    if ack_now {
        send_ack(sk, cx);
    }
}

/// There are `target` bytes to read, or as many as the window lets in (`tcp_epollin_ready`).
#[inline]
#[must_use]
pub fn epollin_ready(sk: &Sk<'_>, target: i32) -> bool {
    let available = sk.rcv_nxt.wrapping_sub(sk.copied_seq) as i32;
    available >= target || (available > 0 && (2 * sk.receive_window() <= u32::from(sk.ack_rcv_mss)))
}
