//! Probes: of a closed window, and keepalives (`tcp_write_wakeup`, `tcp_xmit_probe_skb`).

use super::mss::current_mss;
use super::segment::{Out, transmit_skb};
use super::write_xmit::new_data_sent;
use super::{segment, split};
use crate::seq::{before, between};
use crate::sock::Sk;
use net::Cx;
use net::mib::TcpExt;
use uapi::tcp::TcpState;
use uapi::{Errno, Result};
use wire::TcpFlags;

/// An ACK with an old sequence number: the peer answers with its window (RFC 9293 section 3.8.6.1).
pub fn xmit_probe(sk: &mut Sk<'_>, cx: &Cx<'_>, urgent: bool, counter: TcpExt) -> Result<()> {
    let seq = if urgent { sk.snd_una } else { sk.snd_una.wrapping_sub(1) };
    let skb = cx.alloc_skb();
    cx.inc(counter);
    transmit_skb(sk, cx, skb, Out::bare(seq, TcpFlags::ACK))
}

/// Sends data if any fits in the window, else a probe. True in `Ok` when data went.
pub fn write_wakeup(sk: &mut Sk<'_>, cx: &Cx<'_>, counter: TcpExt) -> Result<bool> {
    if crate::state::state(sk) == TcpState::Close {
        return Err(Errno::EPIPE);
    }
    super::mstamp_refresh(sk, cx);
    let i = sk.send_queue.sent();
    if let Some(head) = sk.send_queue.send_head()
        && before(head.seq, sk.wnd_end())
    {
        let (seq, end_seq, len) = (head.seq, head.end_seq, head.len());
        let mss = current_mss(sk, cx);
        let room = sk.wnd_end().wrapping_sub(seq);
        if before(sk.pushed_seq, end_seq) {
            sk.pushed_seq = end_seq;
        }
        if room < end_seq.wrapping_sub(seq) || len > mss {
            split::fragment(sk, cx, i, room.min(mss), mss);
        }
        let seg = &mut sk.send_queue[i];
        if seg.pcount == 0 {
            seg.set_packets(mss);
        }
        seg.flags |= TcpFlags::PSH;
        segment::transmit(sk, cx, i)?;
        new_data_sent(sk, cx, mss);
        return Ok(true);
    }
    if between(sk.snd_up, sk.snd_una.wrapping_add(1), sk.snd_una.wrapping_add(0xffff)) {
        xmit_probe(sk, cx, true, counter)?;
    }
    xmit_probe(sk, cx, false, counter)?;
    Ok(false)
}

/// Probes the window (`tcp_send_window_probe`), for who leaves repair mode.
pub fn send_window_probe(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if crate::state::state(sk) == TcpState::Established {
        sk.snd_wl1 = sk.rcv_nxt.wrapping_sub(1);
        super::mstamp_refresh(sk, cx);
        let _ = xmit_probe(sk, cx, false, TcpExt::TCPWinProbe);
    }
}
