//! The window we advertise (`tcp_select_window`, `__tcp_select_window`).

use crate::input::prune::adjust_rcv_ssthresh;
use crate::seq::before;
use crate::sock::{ACK_NOMEM, Sk};
use crate::{TcpCx, mem};
use net::Cx;
use net::mib::TcpExt;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of payload that the free receive buffer holds (`tcp_space`).
#[inline]
#[must_use]
pub fn space(sk: &Sk<'_>) -> i32 {
    let free = sk.sk.rcvbuf() - sk.sk.rmem_alloc.load(Relaxed);
    sk.win_from_space(free)
}

/// Bytes of payload that the whole receive buffer holds (`tcp_full_space`).
#[inline]
#[must_use]
pub fn full_space(sk: &Sk<'_>) -> i32 {
    sk.win_from_space(sk.sk.rcvbuf())
}

/// Chooses the window to advertise in the segment at hand, never less than was advertised before
/// (RFC 9293 section 3.8.6), and scales it.
#[inline]
pub fn select_window(sk: &mut Sk<'_>, cx: &Cx<'_>) -> u16 {
    if sk.ack_pending & ACK_NOMEM != 0 {
        shrink(sk);
        (sk.pred_flags, sk.rcv_wnd, sk.rcv_wup) = (0, 0, sk.rcv_nxt);
        return 0;
    }
    let old_win = sk.rcv_wnd;
    let cur_win = sk.receive_window();
    let mut new_win = choose(sk, cx);
    if new_win < cur_win && may_shrink(sk) {
        shrink(sk);
    } else if new_win < cur_win {
        if new_win == 0 {
            cx.inc(TcpExt::TCPWantZeroWindowAdv);
        }
        let shift = sk.rx_opt.rcv_wscale;
        new_win = round_up(cur_win, shift);
    }
    sk.rcv_wnd = new_win;
    sk.rcv_wup = sk.rcv_nxt;
    if sk.wnd_shrank {
        let end = sk.rcv_nxt.wrapping_add(new_win);
        sk.wnd_shrank = before(end, sk.rare_mut().max_wnd_end);
    }
    let mut wire = new_win;
    if sk.rx_opt.rcv_wscale == 0 && cx.tcp().sysctl.workaround_signed_windows() != 0 {
        wire = wire.min(32_767);
    } else {
        wire = wire.min(65_535 << sk.rx_opt.rcv_wscale);
    }
    let wire = wire >> sk.rx_opt.rcv_wscale;
    if wire == 0 {
        sk.pred_flags = 0;
        if old_win != 0 {
            cx.inc(TcpExt::TCPToZeroWindowAdv);
        }
    } else if old_win == 0 {
        cx.inc(TcpExt::TCPFromZeroWindowAdv);
    }
    wire as u16
}

/// The window is about to be offered smaller: segments within the old one are under way.
#[cold]
fn shrink(sk: &mut Sk<'_>) {
    let end = sk.rcv_nxt.wrapping_add(sk.max_receive_window());
    sk.rare_mut().max_wnd_end = end;
    sk.wnd_shrank = true;
}

/// `tcp_shrink_window`, which needs windows that are exact.
#[inline]
fn may_shrink(sk: &Sk<'_>) -> bool {
    sk.sysctl().shrink_window() != 0 && sk.rx_opt.rcv_wscale != 0
}

/// The window where it may shrink: what is free, in units of the scale.
#[cold]
fn choose_exact(sk: &mut Sk<'_>, cx: &Cx<'_>, full: i32, mss: i32) -> u32 {
    let shift = sk.rx_opt.rcv_wscale;
    let mut free = space(sk) & !((1 << shift) - 1);
    if free < full >> 1 {
        sk.ack_quick = 0;
        if mem::under_pressure(cx) {
            adjust_rcv_ssthresh(sk);
        }
        if free < full_space(sk) >> 4 || free < mss || free < 1 << shift {
            return 0;
        }
    }
    let threshold = sk.rcv_ssthresh.min(i32::MAX as u32) as i32;
    if free > threshold {
        // The threshold is no hard limit: a unit more does no harm.
        free = round_up(threshold as u32, shift) as i32;
    }
    free.max(0) as u32
}

fn round_up(win: u32, shift: u8) -> u32 {
    let unit = 1 << shift;
    win.wrapping_add(unit - 1) & !(unit - 1)
}

/// What the free buffer allows, in steps of the peer's segment size so that no silly window is
/// offered (`__tcp_select_window`, RFC 9293 section 3.8.6.2.2).
#[must_use]
pub fn choose(sk: &mut Sk<'_>, cx: &Cx<'_>) -> u32 {
    let mut mss = i32::from(sk.ack_rcv_mss);
    let mut free = space(sk);
    let full = full_space(sk).min(sk.window_clamp.min(i32::MAX as u32) as i32);
    if mss > full {
        mss = full;
        if mss <= 0 {
            return 0;
        }
    }
    if may_shrink(sk) {
        return choose_exact(sk, cx, full, mss);
    }
    if free < full >> 1 {
        sk.ack_quick = 0;
        if mem::under_pressure(cx) {
            adjust_rcv_ssthresh(sk);
        }
        // Memory is short: do not let the window grow, and close it rather than offer crumbs.
        free &= !((1 << sk.rx_opt.rcv_wscale) - 1);
        if free < full_space(sk) >> 4 || free < mss {
            return 0;
        }
    }
    let free = free.max(0).min(sk.rcv_ssthresh.min(i32::MAX as u32) as i32);
    if sk.rx_opt.rcv_wscale != 0 {
        return round_up(free as u32, sk.rx_opt.rcv_wscale);
    }
    let window = sk.rcv_wnd as i32;
    if window <= free - mss || window > free {
        let rounded = if mss > 0 { free / mss * mss } else { free };
        return rounded.max(0) as u32;
    }
    if mss == full && free > window + (full >> 1) {
        return free as u32;
    }
    window as u32
}
