//! Takes what was acknowledged off the queue (`tcp_clean_rtx_queue`).

use super::ack::{
    FLAG_ACK_MAYBE_DELAYED, FLAG_ACKED, FLAG_CA_ALERT, FLAG_DATA_ACKED, FLAG_ORIG_SACK_ACKED,
    FLAG_RETRANS_DATA_ACKED, FLAG_SACK_RENEGING, FLAG_SET_XMIT_TIMER, FLAG_SYN_ACKED,
};
use super::sack::SackState;
use super::{rack, rate, recovery, rtt};
use crate::api::txstamp;
use crate::chrono;
use crate::cong::{self, AckSample, RateSample};
use crate::mem::wmem_uncharge;
use crate::output::queue::{LOST, RETRANS, SACKED_ACKED, SACKED_RETRANS};
use crate::seq::{after, before, between};
use crate::sock::Sk;
use net::Cx;

/// What cleaning found.
pub struct CleanResult {
    /// The ACK's flags, completed.
    pub flags: u32,
}

/// Removes segments up to `snd_una`, and takes RTT samples.
#[inline]
pub fn clean_rtx_queue(
    sk: &mut Sk<'_>,
    cx: &Cx<'_>,
    flags: u32,
    prior_fack: u32,
    prior_snd_una: u32,
    state: &mut SackState,
    rs: &mut RateSample,
) -> CleanResult {
    let mut flag = flags;
    let prior_sacked = sk.sacked_out;
    let mut reord = sk.snd_nxt;
    let (mut first_ackt, mut last_ackt) = (None, 0u64);
    let mut pkts_acked = 0;
    let mut fully_acked = true;
    let snd_una = sk.snd_una;
    let last_delivered = sk.delivered;
    while let Some(seg) = sk.send_queue.rtx_head() {
        let start_seq = seg.seq;
        let mut acked = seg.packets();
        let whole = !after(seg.end_seq, snd_una);
        if !whole {
            if acked == 1 || !after(snd_una, start_seq) {
                break;
            }
            let mss = u32::from(seg.gso_size).max(1);
            let before = acked;
            let len = snd_una.wrapping_sub(start_seq);
            // The packets that are left are counted where they are trimmed; these leave the flight.
            acked = tso_acked(sk, cx, len, mss, before);
            if acked == 0 {
                break;
            }
            fully_acked = false;
        }
        let Some(seg) = sk.send_queue.rtx_head() else { break };
        let (sacked, end_seq, sent_at, syn) = (seg.sacked, seg.end_seq, seg.tx_mstamp, seg.flags.syn());
        if sacked & RETRANS != 0 {
            if sacked & SACKED_RETRANS != 0 {
                sk.retrans_out -= acked;
            }
            flag |= FLAG_RETRANS_DATA_ACKED;
        } else if sacked & SACKED_ACKED == 0 {
            last_ackt = sent_at;
            first_ackt.get_or_insert(sent_at);
            if before(start_seq, reord) {
                reord = start_seq;
            }
            if !after(end_seq, sk.high_seq) {
                flag |= FLAG_ORIG_SACK_ACKED;
            }
        }
        if sacked & SACKED_ACKED != 0 {
            sk.sacked_out -= acked;
        } else if sk.rx_opt.sack_ok {
            sk.delivered = sk.delivered.wrapping_add(acked);
            if sacked & RETRANS == 0 || !is_spurious_retrans(sk, sent_at) {
                rack::advance(sk, sacked, end_seq, sent_at);
            }
        }
        if sacked & LOST != 0 {
            sk.lost_out -= acked;
        }
        sk.packets_out -= acked;
        pkts_acked += acked;
        rate::skb_delivered(sk, 0, rs);
        if syn {
            flag |= FLAG_SYN_ACKED;
            sk.retrans_stamp = 0;
        } else {
            flag |= FLAG_DATA_ACKED;
        }
        if !fully_acked {
            break;
        }
        if sk.tx_acks {
            txstamp::acked(sk, cx, prior_snd_una);
        }
        if let Some(seg) = sk.send_queue.pop_sent() {
            wmem_uncharge(sk, cx, seg.skb.truesize);
            cx.consume_skb(seg.skb);
        }
    }
    if sk.tx_acks {
        txstamp::acked(sk, cx, prior_snd_una);
        sk.tx_acks = !sk.send_queue.is_empty();
    }
    if sk.send_queue.sent() == 0 {
        chrono::stop(sk, chrono::BUSY);
    }
    if sk.zerocopy_pending {
        crate::api::zerocopy::complete(sk, cx);
    }
    if sk.snd_up != snd_una && between(sk.snd_up, prior_snd_una, snd_una) {
        sk.snd_up = snd_una;
    }
    let now = sk.mstamp;
    let head = sk.send_queue.rtx_head().map(|head| (head.is(SACKED_ACKED), head.tx_mstamp));
    if head.is_some_and(|(sacked, _)| sacked) {
        flag |= FLAG_SACK_RENEGING;
    }
    let (mut seq_rtt, mut ca_rtt, mut sack_rtt) = (-1i64, -1i64, -1i64);
    if let Some(first) = first_ackt
        && flag & FLAG_RETRANS_DATA_ACKED == 0
    {
        seq_rtt = now.saturating_sub(first) as i64;
        ca_rtt = now.saturating_sub(last_ackt) as i64;
        if pkts_acked == 1
            && fully_acked
            && prior_sacked == 0
            && sk.snd_una.wrapping_sub(prior_snd_una) < sk.mss_cache
            && last_delivered.wrapping_add(1) == sk.delivered
            && flag & (FLAG_CA_ALERT | FLAG_SYN_ACKED) == 0
        {
            // One small packet: the peer may have waited for another.
            flag |= FLAG_ACK_MAYBE_DELAYED;
        }
    }
    if let Some((first, last)) = state.sackt {
        sack_rtt = now.saturating_sub(first) as i64;
        ca_rtt = now.saturating_sub(last) as i64;
    }
    let rtt_update = rtt::ack_update_rtt(sk, flag, seq_rtt, sack_rtt, ca_rtt, rs);
    if flag & FLAG_ACKED != 0 {
        flag |= FLAG_SET_XMIT_TIMER;
        if sk.mtup_enabled {
            crate::output::mtu_probe::acked(sk, cx);
        }
        if sk.is_reno() {
            recovery::remove_reno_sacks(sk, cx, pkts_acked);
            // Without SACK nobody knows whether it was the original.
            if flag & FLAG_RETRANS_DATA_ACKED != 0 {
                flag &= !FLAG_ORIG_SACK_ACKED;
            }
        } else if before(reord, prior_fack) {
            recovery::check_sack_reordering(sk, cx, reord, false);
        }
        let first = sk.send_queue.rtx_head().map_or(snd_una, |head| head.seq);
        state.delivered_bytes = first.wrapping_sub(prior_snd_una);
    } else if let Some((_, sent_at)) = head
        && rtt_update
        && sack_rtt >= 0
        && sack_rtt > now.saturating_sub(sent_at) as i64
    {
        // What was SACKed had been sent before the head went again: the path lives.
        flag |= FLAG_SET_XMIT_TIMER;
    }
    if pkts_acked > 0 || state.sackt.is_some() {
        let sample = AckSample { pkts_acked, rtt_us: ca_rtt, in_flight: rs.prior_in_flight };
        cong::pkts_acked(sk, cx, sample);
    }
    CleanResult { flags: flag }
}

/// Trims the acknowledged packets off the head; how many there were (`tcp_tso_acked`).
#[cold]
fn tso_acked(sk: &mut Sk<'_>, cx: &Cx<'_>, len: u32, mss: u32, before: u32) -> u32 {
    let seg = &mut sk.send_queue[0];
    let truesize = seg.skb.truesize;
    seg.skb.trim_front(cx, len as usize);
    seg.skb.truesize = truesize.saturating_sub(len);
    seg.seq = seg.seq.wrapping_add(len);
    let now = seg.set_packets(mss).min(before);
    let left = sk.send_queue[0].skb.truesize;
    wmem_uncharge(sk, cx, truesize - left);
    before - now
}

/// The ACK came too fast to be for the retransmission (`tcp_skb_spurious_retrans`).
fn is_spurious_retrans(sk: &Sk<'_>, sent_at: u64) -> bool {
    sk.rx_opt.saw_tstamp && sk.rx_opt.rcv_tsecr != 0 && before(sk.rx_opt.rcv_tsecr, (sent_at / 1000) as u32)
}
