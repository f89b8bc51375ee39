//! The end of a stream, polite or not (`tcp_send_fin`, `tcp_send_active_reset`).

use super::ack::acceptable_seq;
use super::mss::current_mss;
use super::queue::Segment;
use super::segment::{Out, transmit_skb};
use super::write_xmit::push_frames;
use crate::mem;
use crate::sock::{Sk, TCP_NAGLE_OFF};
use net::Cx;
use net::mib;
use wire::TcpFlags;

/// Queues a FIN behind what was written, on the last unsent segment if there is one, and sends.
pub fn send_fin(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let seq = sk.write_seq;
    if let Some(tail) = sk.send_queue.write_tail() {
        tail.flags |= TcpFlags::FIN;
        tail.end_seq = tail.end_seq.wrapping_add(1);
    } else {
        let mut seg = Segment::new(cx, seq, TcpFlags::ACK.with(TcpFlags::FIN));
        seg.end_seq = seq.wrapping_add(1);
        mem::force(sk, cx, seg.skb.truesize);
        mem::wmem_charge(sk, seg.skb.truesize);
        sk.send_queue.push(seg);
    }
    sk.write_seq = seq.wrapping_add(1);
    let mss = current_mss(sk, cx);
    push_frames(sk, cx, mss, TCP_NAGLE_OFF);
}

/// Resets the connection at the peer.
pub fn send_active_reset(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    cx.inc(mib::Tcp::OutRsts);
    super::mstamp_refresh(sk, cx);
    let skb = cx.alloc_skb();
    let seq = acceptable_seq(sk);
    // Nobody waits for the outcome.
    let _ = transmit_skb(sk, cx, skb, Out::bare(seq, TcpFlags::ACK.with(TcpFlags::RST)));
}
