//! Bare acknowledgements (`tcp_send_ack`, `tcp_send_delayed_ack`, `tcp_event_ack_sent`).

use super::segment::{Out, transmit_skb};
use crate::sock::{ACK_PUSHED, ACK_SCHED, ACK_TIMER, Sk};
use crate::timer::{self, Which};
use net::Cx;
use uapi::tcp::TcpState;
use wire::TcpFlags;

/// Least delay of an ACK, ms (`TCP_DELACK_MIN`, `TCP_ATO_MIN`).
pub const DELACK_MIN: u32 = 40;
/// Most (`TCP_DELACK_MAX`).
pub const DELACK_MAX: u32 = 200;

/// Acknowledges now.
pub fn send_ack(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    send_ack_with(sk, cx, TcpFlags::NONE);
}

/// The same with flags of ECN in place of those that are due.
pub fn send_ack_with(sk: &mut Sk<'_>, cx: &Cx<'_>, flags: TcpFlags) {
    if crate::state::state(sk) == TcpState::Close {
        return;
    }
    super::mstamp_refresh(sk, cx);
    let mut skb = cx.alloc_skb();
    skb.truesize = net::sock::mem::SKB_OVERHEAD;
    let seq = acceptable_seq(sk);
    // A lost ACK is made good by the next one.
    let _ = transmit_skb(sk, cx, skb, Out::bare(seq, TcpFlags::ACK.with(flags)));
}

/// A sequence number that the peer takes even if its window shrank (`tcp_acceptable_seq`).
#[inline]
#[must_use]
pub fn acceptable_seq(sk: &Sk<'_>) -> u32 {
    let end = sk.wnd_end();
    let past = sk.snd_nxt.wrapping_sub(end);
    if !crate::seq::before(end, sk.snd_nxt) || (sk.rx_opt.wscale_ok && past < 1 << sk.rx_opt.snd_wscale) {
        sk.snd_nxt
    } else {
        end
    }
}

/// An ACK left: quick-ACK credit is used up, the timer is off.
#[inline]
pub fn event_ack_sent(sk: &mut Sk<'_>, cx: &Cx<'_>, rcv_nxt: u32) {
    if sk.compressed_ack > 0 {
        cx.add(net::mib::TcpExt::TCPAckCompressed, u64::from(sk.compressed_ack));
        sk.compressed_ack = 0;
    }
    if sk.compressing {
        cancel_compressed(sk, cx);
    }
    if rcv_nxt != sk.rcv_nxt {
        return;
    }
    if sk.ack_quick > 0 {
        // Leaving quick-ACK mode, the delay begins small.
        sk.ack_quick -= 1;
        if sk.ack_quick == 0 {
            sk.ack_ato = DELACK_MIN;
        }
    }
    if sk.ack_pending != 0 {
        sk.ack_pending = 0;
        sk.ack_retry = 0;
        sk.delack_timer.deadline = 0;
    }
}

/// The ACK that is sent speaks for those that were left out.
#[cold]
pub(crate) fn cancel_compressed(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.compressing = false;
    if let Some(rare) = &sk.rare {
        cx.hrtimer_cancel(&rare.compressed_ack_timer);
    }
}

/// Acknowledges after a while, or with the next data.
pub fn send_delayed_ack(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let mut ato = sk.ack_ato;
    if ato > DELACK_MIN {
        let mut max_ato = 500;
        if crate::input::delack::in_pingpong_mode(sk, cx) || sk.ack_pending & ACK_PUSHED != 0 {
            max_ato = DELACK_MAX;
        }
        // Waiting longer than the RTT is useless.
        if sk.srtt_us != 0 {
            max_ato = max_ato.min(((sk.srtt_us >> 3) / 1000).max(DELACK_MIN));
        }
        ato = ato.min(max_ato);
    }
    ato = ato.min(sk.delack_max);
    let mut timeout = cx.jiffies() + u64::from(ato);
    if sk.ack_pending & ACK_TIMER != 0 {
        if sk.delack_timer.is_pending() && sk.delack_timer.deadline <= cx.jiffies() + u64::from(ato >> 2) {
            send_ack(sk, cx);
            return;
        }
        if sk.delack_timer.is_pending() && timeout > sk.delack_timer.deadline {
            timeout = sk.delack_timer.deadline;
        }
    }
    sk.ack_pending |= ACK_SCHED | ACK_TIMER;
    timer::arm(sk, cx, Which::Delack, timeout);
}
