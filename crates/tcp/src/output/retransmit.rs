//! Sending again (`tcp_retransmit_skb`, `tcp_xmit_retransmit_queue`, `tcp_simple_retransmit`).

use super::mss::current_mss;
use super::queue::{EVER_RETRANS, LOST, SACKED_ACKED, SACKED_RETRANS, Segment};
use super::write_xmit::{in_cwnd_reduction, tso_segs};
use super::{pace, segment, split};
use crate::TcpCx;
use crate::ecn::handshake::retransmitted_syn;
use crate::fastopen::client;
use crate::seq::{after, before};
use crate::sock::{CaState, Sk, XmitTimer};
use crate::timer;
use net::Cx;
use net::mib::{self, TcpExt};
use uapi::tcp::TcpState;
use uapi::{Errno, Result};
use wire::TcpFlags;

/// Sends up to `segs` packets of segment `i` again. `EAGAIN` when the peer's window has no room.
pub fn retransmit(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize, segs: u32) -> Result<()> {
    let sent = send_again(sk, cx, i, segs);
    if sent.is_ok() {
        let seg = &mut sk.send_queue[i];
        seg.sacked |= SACKED_RETRANS;
        let packets = seg.packets();
        sk.retrans_out += packets;
    }
    if sk.retrans_stamp == 0 {
        sk.retrans_stamp = sk.jiffies32().max(1);
    }
    if sk.undo_retrans < 0 {
        sk.undo_retrans = 0;
    }
    sk.undo_retrans += sk.send_queue[i].packets() as i32;
    sent
}

/// The same without noting that it was: a tail loss probe (`__tcp_retransmit_skb`).
pub fn send_again(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize, segs: u32) -> Result<()> {
    super::mtu_probe::forget(sk);
    let mss = current_mss(sk, cx);
    let seg = &sk.send_queue[i];
    if before(seg.seq, sk.snd_una) && !seg.flags.syn() {
        let gone = sk.snd_una.wrapping_sub(seg.seq);
        if gone > seg.len() {
            return Err(Errno::EINVAL);
        }
        split::trim_head(sk, cx, i, gone, mss);
    }
    let seg = &sk.send_queue[i];
    let (seq, len) = (seg.seq, seg.len());
    let window = sk.wnd_end().wrapping_sub(seq) as i32;
    // A window that shrank to nothing takes one segment, as a probe.
    let window = match window {
        ..=0 if seq != sk.snd_una => return Err(Errno::EAGAIN),
        ..=0 => mss,
        bytes => bytes as u32,
    };
    let mut most = mss.saturating_mul(segs.max(1));
    if most > window {
        most = (window / mss * mss).max(window.min(mss));
    }
    if len > most {
        split::fragment(sk, cx, i, most, mss);
    } else {
        let seg = &mut sk.send_queue[i];
        let (before, tags) = (seg.packets(), seg.sacked);
        let now = seg.set_packets(mss);
        if now != before {
            split::adjust_pcount(sk, tags, before, now);
        }
        if len < mss && cx.tcp().sysctl.retrans_collapse() != 0 {
            while split::collapse(sk, cx, i, window.min(mss)) {}
        }
    }
    if sk.send_queue[i].flags.syn() {
        sk.send_queue[i].flags = retransmitted_syn(sk, sk.send_queue[i].flags);
    }
    let seg = &mut sk.send_queue[i];
    seg.pcount = seg.pcount.max(1);
    let (packets, bytes, syn) = (seg.packets(), seg.len(), seg.flags.syn());
    cx.add(mib::Tcp::RetransSegs, u64::from(packets));
    if syn {
        cx.inc(TcpExt::TCPSynRetrans);
    }
    sk.total_retrans = sk.total_retrans.wrapping_add(packets);
    sk.bytes_retrans += u64::from(bytes);
    let sent = segment::transmit(sk, cx, i);
    sk.send_queue[i].sacked |= EVER_RETRANS;
    if sent.is_err() {
        cx.add(TcpExt::TCPRetransFail, u64::from(packets));
    }
    sent
}

/// Sends lost segments again, oldest first, as far as the congestion window goes.
pub fn xmit_retransmit_queue(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.packets_out == 0 {
        return;
    }
    let mss = current_mss(sk, cx);
    let max_segs = tso_segs(sk, mss);
    let (mut i, mut rearm) = (0, false);
    while i < sk.send_queue.sent() {
        if pace::check(sk, cx) {
            break;
        }
        let in_flight = sk.packets_in_flight();
        if in_flight >= sk.snd_cwnd || sk.retrans_out >= sk.lost_out {
            break;
        }
        let seg = &sk.send_queue[i];
        if !seg.is(LOST) || seg.is(SACKED_ACKED | SACKED_RETRANS) {
            i += 1;
            continue;
        }
        let segs = (sk.snd_cwnd - in_flight).min(max_segs);
        if retransmit(sk, cx, i, segs).is_err() {
            break;
        }
        let packets = sk.send_queue[i].packets();
        let counter =
            if sk.ca_state == CaState::Loss { TcpExt::TCPSlowStartRetrans } else { TcpExt::TCPFastRetrans };
        cx.add(counter, u64::from(packets));
        if in_cwnd_reduction(sk) {
            sk.prr_out += packets;
        }
        rearm |= i == 0 && sk.pending != XmitTimer::ReoTimeout;
        i += 1;
    }
    if rearm {
        let rto = u64::from(sk.rto) + pace::delay(sk);
        timer::reset_xmit_timer(sk, cx, XmitTimer::Retrans, rto);
    }
}

/// The path's MTU shrank: what is larger than the new segment size is lost, without a reduction of
/// the window (`tcp_simple_retransmit`). A SYN with data stands in two segments: both are lost.
pub fn simple_retransmit(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let syn_data = crate::state::state(sk) == TcpState::SynSent && client::of(sk).syn_data;
    let mss = current_mss(sk, cx);
    for i in 0..sk.send_queue.sent() {
        let seg: &Segment = &sk.send_queue[i];
        let size = if seg.gso_size != 0 { u32::from(seg.gso_size) } else { seg.len() };
        if size > mss || syn_data {
            mark_skb_lost(sk, i);
        }
    }
    if sk.lost_out == 0 {
        return;
    }
    if sk.is_reno() {
        crate::input::recovery::limit_reno_sacked(sk);
    }
    non_congestion_loss_retransmit(sk, cx);
}

/// What is marked lost goes again; that it was lost says nothing of congestion
/// (`tcp_non_congestion_loss_retransmit`).
pub fn non_congestion_loss_retransmit(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.ca_state != CaState::Loss {
        sk.high_seq = sk.snd_nxt;
        sk.snd_ssthresh = super::write_xmit::current_ssthresh(sk);
        sk.prior_ssthresh = 0;
        sk.undo_marker_set = false;
        crate::cong::set_ca_state(sk, CaState::Loss);
    }
    xmit_retransmit_queue(sk, cx);
}

/// Segment `i` is taken for lost (`tcp_mark_skb_lost`).
pub fn mark_skb_lost(sk: &mut Sk<'_>, i: usize) {
    let seg = &mut sk.send_queue[i];
    if seg.is(SACKED_ACKED) {
        return;
    }
    let packets = seg.packets();
    if seg.is(LOST) {
        // The retransmission was lost too.
        if seg.is(SACKED_RETRANS) {
            seg.sacked &= !SACKED_RETRANS;
            sk.retrans_out -= packets;
            sk.lost += packets;
        }
    } else {
        seg.sacked |= LOST;
        let retransmitted = seg.is(SACKED_RETRANS);
        seg.sacked &= !SACKED_RETRANS;
        sk.lost_out += packets;
        sk.lost += packets;
        if retransmitted {
            sk.retrans_out -= packets;
        }
    }
}

/// True when the head's retransmission may have to be repeated: nothing was sent after it.
#[must_use]
pub fn is_tail(sk: &Sk<'_>, seq: u32) -> bool {
    !after(sk.snd_nxt, seq)
}

/// A queued FIN or SYN has no payload but takes a sequence number.
#[must_use]
pub fn is_control(flags: TcpFlags) -> bool {
    flags.intersects(TcpFlags::SYN.with(TcpFlags::FIN))
}
