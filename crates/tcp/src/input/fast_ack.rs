//! The acknowledgement nearly every segment has: of all that is in flight, when nothing went wrong.
//! What [`super::ack`] does in general is done here for that case alone.

use super::ack::{FLAG_ACK_MAYBE_DELAYED, FLAG_DATA_ACKED, FLAG_SLOWPATH, snd_una_update};
use super::{TcpRx, rack, rate, recovery, rtt};
use crate::chrono;
use crate::cong::{self, AckSample, RateSample};
use crate::mem::wmem_uncharge;
use crate::output::queue::RETRANS;
use crate::seq::before;
use crate::sock::{CaState, Sk};
use crate::timer;
use net::Cx;
use net::mib::TcpExt;

/// True for a predicted segment that acknowledges all that is in flight, nothing of which was lost,
/// SACKed or sent again.
#[inline]
pub(super) fn acks_all(sk: &Sk<'_>, ack: u32, flags: u32) -> bool {
    ack == sk.snd_nxt
        && before(sk.snd_una, ack)
        && flags & FLAG_SLOWPATH == 0
        && sk.ca_state == CaState::Open
        && sk.sacked_out | sk.lost_out | sk.retrans_out | sk.retrans_stamp == 0
        && !sk.tlp_pending
        && !sk.tx_acks
        && !sk.mtup_enabled
        && sk.rx_opt.sack_ok
        && sk.ecn_flags & crate::ecn::ACCECN == 0
        && sk.snd_up == sk.snd_una
}

/// Takes it.
#[inline]
pub(super) fn take(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, flags: u32) {
    let prior_snd_una = sk.snd_una;
    let prior_in_flight = sk.packets_out;
    sk.retransmits = 0;
    sk.snd_wl1 = rx.seq;
    snd_una_update(sk, rx.ack_seq);
    sk.snd_up = rx.ack_seq;
    cx.inc(TcpExt::TCPHPAcks);
    if sk.sk.err_soft() != 0 {
        sk.sk.set_err_soft(0);
    }
    sk.probes_out = 0;
    sk.rcv_tstamp = sk.jiffies32();
    let mut rs =
        RateSample { prior_in_flight, delivered: -1, interval_us: -1, rtt_us: -1, ..RateSample::default() };
    let (first_ackt, last_ackt, tags) = pop_all(sk, cx, &mut rs);
    if sk.zerocopy_pending {
        crate::api::zerocopy::complete(sk, cx);
    }
    let mut flag = flags | FLAG_DATA_ACKED;
    let (mut seq_rtt, mut ca_rtt) = (-1, -1);
    if tags & RETRANS == 0 {
        seq_rtt = sk.mstamp.saturating_sub(first_ackt) as i64;
        ca_rtt = sk.mstamp.saturating_sub(last_ackt) as i64;
        if prior_in_flight == 1 && rx.ack_seq.wrapping_sub(prior_snd_una) < sk.mss_cache {
            flag |= FLAG_ACK_MAYBE_DELAYED;
        }
    }
    rtt::ack_update_rtt(sk, flag, seq_rtt, -1, ca_rtt, &mut rs);
    let acked = AckSample { pkts_acked: prior_in_flight, rtt_us: ca_rtt, in_flight: prior_in_flight };
    cong::pkts_acked(sk, cx, acked);
    rs.is_ack_delayed = flag & FLAG_ACK_MAYBE_DELAYED != 0;
    rack::update_reo_wnd(sk, cx, &rs);
    if let Some(in_ack_event) = sk.cong.ops.in_ack_event {
        in_ack_event(sk, cong::CA_ACK_WIN_UPDATE);
    }
    timer::clear_retransmit(sk);
    cx.add(TcpExt::TCPDelivered, u64::from(prior_in_flight));
    rate::rate_gen(sk, prior_in_flight, 0, &mut rs);
    recovery::cong_control(sk, cx, rx.ack_seq, prior_in_flight, flag, &rs);
}

/// Empties the flight; gives when its first and last segment were sent, and the tags of all.
#[inline]
fn pop_all(sk: &mut Sk<'_>, cx: &Cx<'_>, rs: &mut RateSample) -> (u64, u64, u8) {
    let (mut first, mut last, mut tags) = (None, 0, 0);
    // The youngest makes the rate sample, and is RACK's.
    if let Some(youngest) = sk.send_queue.sent().checked_sub(1) {
        let seg = &sk.send_queue[youngest];
        let (sacked, end_seq, sent_at) = (seg.sacked, seg.end_seq, seg.tx_mstamp);
        rack::advance(sk, sacked, end_seq, sent_at);
        rate::skb_delivered(sk, youngest, rs);
    }
    while let Some(seg) = sk.send_queue.pop_sent() {
        last = seg.tx_mstamp;
        first.get_or_insert(last);
        tags |= seg.sacked;
        wmem_uncharge(sk, cx, seg.skb.truesize);
        cx.consume_skb(seg.skb);
    }
    chrono::stop(sk, chrono::BUSY);
    sk.delivered = sk.delivered.wrapping_add(sk.packets_out);
    sk.packets_out = 0;
    (first.unwrap_or(0), last, tags)
}
