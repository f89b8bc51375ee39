//! Tail loss probe (RFC 8985 section 7; `tcp_schedule_loss_probe`, `tcp_send_loss_probe`).

use super::{TIMEOUT_INIT, rearm_rto, reset_xmit_timer, rto_delta_us};
use crate::output::mss::current_mss;
use crate::output::write_xmit::{Push, write_xmit};
use crate::output::{pace, retransmit, split};
use crate::seq::after;
use crate::sock::{CaState, Sk, TCP_NAGLE_OFF, XmitTimer};
use net::Cx;
use net::mib::TcpExt;

/// Arms a probe instead of the RTO when the tail of a flight could get lost unseen. `advancing`:
/// the RTO is counted from now, not from the oldest segment.
#[inline]
pub fn schedule_loss_probe(sk: &mut Sk<'_>, cx: &Cx<'_>, advancing: bool) -> bool {
    if sk.packets_out == 0
        || sk.is_reno()
        || sk.ca_state > CaState::Disorder && sk.ca_state != CaState::Cwr
        || sk.ca_state == CaState::Disorder
    {
        return false;
    }
    let early_retrans = sk.sysctl().early_retrans();
    if early_retrans != 3 && early_retrans != 4 {
        return false;
    }
    // Twice the RTT; a lone segment's ACK may be delayed.
    let mut timeout = if sk.srtt_us != 0 {
        let rtt2 = u64::from(sk.srtt_us >> 2);
        rtt2 + if sk.packets_out == 1 { u64::from(sk.rto_min) * 1000 } else { 2000 }
    } else {
        u64::from(TIMEOUT_INIT) * 1000
    };
    let rto = if advancing { i64::from(sk.rto) * 1000 } else { rto_delta_us(sk) };
    if rto > 0 {
        timeout = timeout.min(rto as u64);
    }
    let timeout = timeout.div_ceil(1000).max(1) + pace::delay(sk);
    reset_xmit_timer(sk, cx, XmitTimer::LossProbe, timeout);
    true
}

/// The probe is due: new data if there is, else the last segment again.
pub fn send_loss_probe(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.tlp_pending {
        return rearm_rto(sk, cx);
    }
    sk.tlp_retrans = false;
    let mss = current_mss(sk, cx);
    let mut probed = false;
    if sk
        .send_queue
        .send_head()
        .is_some_and(|head| !after(head.seq.wrapping_add(head.len().min(mss)), sk.wnd_end()))
    {
        let before = sk.packets_out;
        write_xmit(sk, cx, mss, TCP_NAGLE_OFF, Push::Probe);
        probed = sk.packets_out > before;
    }
    if !probed && let Some(last) = sk.send_queue.sent().checked_sub(1) {
        let seg = &sk.send_queue[last];
        let (packets, len) = (seg.packets(), seg.len());
        let mut i = last;
        if packets > 1 && len > (packets - 1) * mss {
            split::fragment(sk, cx, last, (packets - 1) * mss, mss);
            i = last + 1;
        }
        if sk.send_queue[i].packets() > 0 && retransmit::send_again(sk, cx, i, 1).is_ok() {
            sk.tlp_retrans = true;
            probed = true;
        }
    }
    if probed {
        sk.tlp_pending = true;
        sk.tlp_high_seq = sk.snd_nxt;
        cx.inc(TcpExt::TCPLossProbes);
        sk.pending = XmitTimer::None;
    }
    rearm_rto(sk, cx);
}
