//! The fast path (`tcp_rcv_established`): header prediction, after Van Jacobson.
//!
//! A segment that is just what was expected is either data in order or an ACK; everything else goes
//! the slow way.

use super::ack::{self, FLAG_DATA, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT};
use super::validate::validate_incoming;
use super::{TcpRx, data, delack, options, urg, window};
use crate::ecn;
use crate::mem::drop_skb;
use crate::output::mstamp_refresh;
use crate::seq::after;
use crate::sock::{ACK_SCHED, Sk};
use net::mib::TcpExt;
use net::{Cx, DropReason, Skb};
use wire::tcp::options::SackBlocks;

/// What prediction compares of the header's third word: all but PSH and the reserved bits
/// (`TCP_HP_BITS`).
pub const HP_BITS: u32 = !(0x0e00_0000 | 0x0008_0000);

/// A segment of an established connection.
#[inline]
pub fn rcv_established(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: TcpRx, skb: Skb) {
    mstamp_refresh(sk, cx);
    let predicted = rx.flag_word & HP_BITS == sk.pred_flags
        && rx.seq == sk.rcv_nxt
        && !after(rx.ack_seq, sk.snd_nxt)
        && predict_timestamp(sk, &rx, &skb);
    if !predicted {
        return slow_path(sk, cx, rx, skb);
    }
    if rx.len == 0 {
        if sk.rx_opt.saw_tstamp && sk.rcv_nxt == sk.rcv_wup {
            options::store_ts_recent(sk);
        }
        note_ecn(sk, &rx, &skb);
        // The acknowledgement was checked already: it cannot be refused.
        let _ = ack::tcp_ack(sk, cx, &rx, &SackBlocks::NONE, 0);
        cx.consume_skb(skb);
        window::data_snd_check(sk, cx);
        return;
    }
    if after(rx.end_seq, sk.rcv_nxt.wrapping_add(sk.receive_window())) {
        return slow_path(sk, cx, rx, skb);
    }
    if skb.truesize as i32 > sk.sk.forward_alloc() {
        // There may be no memory.
        return slow_path(sk, cx, rx, skb);
    }
    if sk.rx_opt.saw_tstamp && sk.rcv_nxt == sk.rcv_wup {
        options::store_ts_recent(sk);
    }
    window::rcv_rtt_measure_ts(sk, &rx);
    cx.inc(TcpExt::TCPHPHits);
    note_ecn(sk, &rx, &skb);
    let (gso_size, truesize) = (skb.gso_size, skb.truesize);
    let mut skb = skb;
    skb.pull(rx.header_len as usize);
    data::queue_rcv(sk, cx, &rx, skb);
    window::event_data_recv(sk, cx, &rx, gso_size, truesize);
    if rx.ack_seq != sk.snd_una {
        // The acknowledgement was checked already: it cannot be refused.
        let _ = ack::tcp_ack(sk, cx, &rx, &SackBlocks::NONE, FLAG_DATA);
        window::data_snd_check(sk, cx);
        if sk.ack_pending & ACK_SCHED == 0 {
            return data_ready(sk, cx);
        }
    } else {
        sk.snd_wl1 = rx.seq;
    }
    delack::ack_snd_check(sk, cx, false);
    data_ready(sk, cx);
}

/// Tells readers once there is what `SO_RCVLOWAT` asks for (`tcp_data_ready`).
#[inline]
pub fn data_ready(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if window::epollin_ready(sk, sk.sk.rcvlowat()) || sk.sk.flag(net::sock::SockFlag::Done) {
        sk.sk.data_ready(cx);
    }
}

/// Marks of ECN, and their end.
#[inline]
fn note_ecn(sk: &mut Sk<'_>, rx: &TcpRx, skb: &Skb) {
    if rx.ecn | sk.prev_ecn != ecn::NOT_ECT {
        ecn::received(sk, rx.ecn, skb.gso_segs, rx.len);
    }
}

/// The timestamps are where and what prediction wants them to be.
#[inline]
fn predict_timestamp(sk: &mut Sk<'_>, rx: &TcpRx, skb: &Skb) -> bool {
    sk.rx_opt.saw_tstamp = false;
    if rx.header_len != 32 {
        return true;
    }
    // An old timestamp is a case for PAWS.
    options::parse_aligned(sk, options::bytes(skb, rx))
        && sk.rx_opt.rcv_tsval.wrapping_sub(sk.rx_opt.ts_recent) as i32 >= 0
}

fn slow_path(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: TcpRx, skb: Skb) {
    use wire::TcpFlags;
    if !rx.flags.intersects(TcpFlags::ACK.with(TcpFlags::RST).with(TcpFlags::SYN)) {
        return drop_skb(sk, cx, skb, DropReason::TcpFlags);
    }
    let Some((skb, sack)) = validate_incoming(sk, cx, &rx, skb) else { return };
    note_ecn(sk, &rx, &skb);
    if let Err(reason) = ack::tcp_ack(sk, cx, &rx, &sack, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT) {
        return drop_skb(sk, cx, skb, reason);
    }
    window::rcv_rtt_measure_ts(sk, &rx);
    urg::tcp_urg(sk, cx, &rx, &skb);
    data::data_queue(sk, cx, &rx, skb);
    if crate::state::state(sk) != uapi::tcp::TcpState::Close {
        window::data_snd_check(sk, cx);
        delack::ack_if_scheduled(sk, cx);
    }
}
