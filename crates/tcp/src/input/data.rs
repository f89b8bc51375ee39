//! Data (`tcp_data_queue`): in order to the reader, beyond a hole to the out-of-order queue; and the
//! end of it (`tcp_fin`).

use super::challenge::dsack_set;
use super::{TcpRx, delack, ofo, prune, window};
use crate::ecn::feedback::spurious_retrans;
use crate::mem::{self, charge, drop_skb, uncharge};
use crate::mini::timewait;
use crate::seq::{after, before, earlier};
use crate::sock::{ACK_NOMEM, ACK_NOW, ACK_SCHED, RxSegment, Sk};
use crate::state::{self, set_state};
use net::mib::TcpExt;
use net::sock::SockFlag;
use net::sock::{RCV_SHUTDOWN, SHUTDOWN_MASK};
use net::{Cx, DropReason, Skb};
use uapi::tcp::TcpState;
use wire::TcpFlags;

/// A received segment was read to its end (`tcp_eat_recv_skb`).
#[inline]
pub fn eat_skb(sk: &mut Sk<'_>, cx: &Cx<'_>, seg: RxSegment) {
    uncharge(sk, cx, seg.skb.truesize);
    cx.consume_skb(seg.skb);
}

/// `rcv_nxt` moves on (`tcp_rcv_nxt_update`).
#[inline]
pub fn rcv_nxt_update(sk: &mut Sk<'_>, seq: u32) {
    let delta = seq.wrapping_sub(sk.rcv_nxt);
    sk.bytes_received += u64::from(delta);
    sk.rcv_nxt = seq;
}

/// Puts payload at the end of the receive queue; its header is off already (`tcp_queue_rcv`).
#[inline]
pub fn queue_rcv(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: Skb) {
    rcv_nxt_update(sk, rx.end_seq);
    let seg = RxSegment::new((rx.seq, rx.end_seq), rx.flags, skb);
    let charged = match join_tail(sk, cx, seg) {
        Ok(added) => added,
        Err(seg) => {
            let truesize = seg.skb.truesize;
            sk.receive_queue.push_back(seg);
            truesize
        }
    };
    charge(sk, charged);
}

/// Joins a segment with the tail of the receive queue, and gives by how much the charge grows
/// (`tcp_try_coalesce`).
#[inline]
fn join_tail(sk: &mut Sk<'_>, cx: &Cx<'_>, seg: RxSegment) -> Result<u32, RxSegment> {
    match sk.receive_queue.back_mut() {
        Some(tail) if prune::can_join(cx, tail, &seg) => {
            cx.inc(TcpExt::TCPRcvCoalesce);
            Ok(prune::join(cx, tail, seg))
        }
        _ => Err(seg),
    }
}

/// A segment with data or a FIN that passed all checks; the header is still in front.
pub fn data_queue(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, mut skb: Skb) {
    if rx.is_bare() {
        return cx.consume_skb(skb);
    }
    skb.pull(rx.header_len as usize);
    sk.clear_dsack();
    let window = sk.receive_window();
    if rx.seq == sk.rcv_nxt {
        // A bare FIN is taken although the window is closed: peers would repeat it for ever.
        if window == 0 && !(rx.len == 0 && rx.flags.fin()) {
            cx.inc(TcpExt::TCPZeroWindowDrop);
            return out_of_window(sk, cx, skb, DropReason::TcpZeroWindow);
        }
        return queue_and_out(sk, cx, rx, skb);
    }
    if !after(rx.end_seq, sk.rcv_nxt) {
        spurious_retrans(sk, rx.seq);
        cx.inc(TcpExt::DelayedACKLost);
        dsack_set(sk, cx, rx.seq, rx.end_seq);
        return out_of_window(sk, cx, skb, DropReason::TcpOldData);
    }
    if !before(rx.seq, sk.rcv_nxt.wrapping_add(window)) {
        cx.inc(TcpExt::BeyondWindow);
        return out_of_window(sk, cx, skb, DropReason::TcpOverWindow);
    }
    if before(rx.seq, sk.rcv_nxt) {
        // Its head is old.
        let rcv_nxt = sk.rcv_nxt;
        dsack_set(sk, cx, rx.seq, rcv_nxt);
        if window == 0 {
            cx.inc(TcpExt::TCPZeroWindowDrop);
            return out_of_window(sk, cx, skb, DropReason::TcpZeroWindow);
        }
        return queue_and_out(sk, cx, rx, skb);
    }
    ofo::data_queue_ofo(sk, cx, rx, skb);
}

fn out_of_window(sk: &mut Sk<'_>, cx: &Cx<'_>, skb: Skb, reason: DropReason) {
    delack::enter_quickack_mode(sk, delack::MAX_QUICKACKS);
    sk.ack_pending |= ACK_SCHED;
    drop_skb(sk, cx, skb, reason);
}

fn queue_and_out(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: Skb) {
    if !prune::try_rmem_schedule(sk, cx, rx.seq, skb.truesize) {
        sk.ack_pending |= ACK_SCHED | ACK_NOW | ACK_NOMEM;
        sk.sk.data_ready(cx);
        if !sk.receive_queue.is_empty() && rx.len > 0 {
            cx.inc(TcpExt::TCPRcvQDrop);
            return drop_skb(sk, cx, skb, DropReason::ProtoMem);
        }
        mem::force(sk, cx, skb.truesize);
    }
    let (gso_size, truesize) = (skb.gso_size, skb.truesize);
    queue_rcv(sk, cx, rx, skb);
    if rx.len > 0 {
        window::event_data_recv(sk, cx, rx, gso_size, truesize);
    }
    if rx.flags.fin() {
        fin(sk, cx);
    }
    if !sk.ofo.queue.is_empty() {
        drain_ofo(sk, cx);
        // RFC 5681 section 4.2: at once, when the hole is filled.
        if sk.ofo.queue.is_empty() {
            sk.ack_pending |= ACK_NOW;
        }
    }
    if sk.rx_opt.num_sacks > 0 {
        ofo::sack_remove(sk);
    }
    window::fast_path_check(sk);
    if !sk.sk.is_dead() {
        super::established::data_ready(sk, cx);
    }
}

/// What the hole held back goes to the reader (`tcp_ofo_queue`).
fn drain_ofo(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let dsack_high = sk.rcv_nxt;
    while let Some(first) = sk.ofo.queue.front() {
        let (seq, end_seq, flags) = (first.seq, first.end_seq, first.flags);
        if after(seq, sk.rcv_nxt) {
            break;
        }
        if before(seq, dsack_high) {
            super::challenge::dsack_extend(sk, cx, seq, earlier(end_seq, dsack_high));
        }
        let Some(seg) = sk.ofo.queue.pop_front() else { break };
        if !after(end_seq, sk.rcv_nxt) {
            uncharge(sk, cx, seg.skb.truesize);
            drop_skb(sk, cx, seg.skb, DropReason::TcpOldData);
            continue;
        }
        rcv_nxt_update(sk, end_seq);
        let truesize = seg.skb.truesize;
        match join_tail(sk, cx, seg) {
            Ok(added) => {
                charge(sk, added);
                uncharge(sk, cx, truesize);
            }
            Err(seg) => sk.receive_queue.push_back(seg),
        }
        if flags.contains(TcpFlags::FIN) {
            // Behind a FIN there is nothing.
            fin(sk, cx);
            break;
        }
    }
}

/// The peer's FIN is in order (`tcp_fin`).
pub fn fin(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.ack_pending |= ACK_SCHED;
    sk.sk.set_shutdown(sk.sk.shutdown() | RCV_SHUTDOWN);
    sk.sk.set_flag(SockFlag::Done, true);
    match state::state(sk) {
        TcpState::SynRecv | TcpState::Established => {
            set_state(sk, cx, TcpState::CloseWait);
            delack::enter_pingpong_mode(sk, cx);
        }
        TcpState::FinWait1 => {
            // Simultaneous close.
            crate::output::send_ack(sk, cx);
            set_state(sk, cx, TcpState::Closing);
        }
        TcpState::FinWait2 => {
            crate::output::send_ack(sk, cx);
            timewait::enter(sk, cx, TcpState::TimeWait, 0);
        }
        _ => {}
    }
    if !sk.ofo.queue.is_empty() {
        for seg in std::mem::take(&mut sk.ofo.queue).into_segments() {
            eat_skb(sk, cx, seg);
        }
    }
    // `tcp_sack_reset`
    sk.rx_opt.num_sacks = 0;
    sk.clear_dsack();
    if !sk.sk.is_dead() {
        sk.sk.state_change(cx);
        let hup = sk.sk.shutdown() == SHUTDOWN_MASK || state::state(sk) == TcpState::Close;
        sk.sk.wake_async(if hup { vfs::fasync::Band::Hup } else { vfs::fasync::Band::In });
    }
}
