//! Times of what a stream sends (`SO_TIMESTAMPING`): of the last byte of each write, as it goes and as
//! the peer acknowledges it (`tcp_tx_timestamp`, `tcp_ack_tstamp`), with statistics if asked for
//! (`tcp_get_timestamping_opt_stats`).

use crate::chrono;
use crate::output::queue::Segment;
use crate::seq::before;
use crate::sock::Sk;
use net::sock::txstamp::{TX_ACK, TX_SCHED, TX_SOFTWARE, queue_tstamp, told, tx_flags};
use net::{Cx, Skb};
use uapi::{
    SCM_TSTAMP_ACK, SCM_TSTAMP_SCHED, SCM_TSTAMP_SND, SOF_TIMESTAMPING_OPT_STATS, SOF_TIMESTAMPING_TX_ACK,
    SOF_TIMESTAMPING_TX_RECORD_MASK,
};

/// Bytes were written: the segment with the last of them tells its times.
#[inline]
pub fn written(sk: &mut Sk<'_>, tsflags: u32) {
    if tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK != 0 {
        note(sk, tsflags);
    }
}

#[cold]
fn note(sk: &mut Sk<'_>, tsflags: u32) {
    let acks = tsflags & SOF_TIMESTAMPING_TX_ACK != 0;
    let Some(seg) = sk.send_queue.back_mut() else { return };
    let flags = tx_flags(tsflags) | if acks { TX_ACK } else { 0 };
    seg.skb.tx_flags |= flags;
    seg.skb.tskey = seg.seq.wrapping_add(seg.len()).wrapping_sub(1);
    sk.tx_acks |= acks;
}

/// The second half of a segment takes the notes if the byte they are about is in it
/// (`tcp_fragment_tstamp`).
pub fn split(first: &mut Segment, rest: &mut Segment) {
    if first.skb.tx_flags != 0 && !before(first.skb.tskey, rest.seq) {
        rest.skb.tx_flags = std::mem::take(&mut first.skb.tx_flags);
        rest.skb.tskey = first.skb.tskey;
    }
}

/// A segment takes over those of one that joins it (`tcp_skb_collapse_tstamp`).
pub fn join(seg: &mut Skb, next: &Skb) {
    if next.tx_flags != 0 {
        seg.tx_flags |= next.tx_flags;
        seg.tskey = next.tskey;
    }
}

/// A copy of a segment that tells of itself is about to go. Gives what is told at once, when it was
/// sent: with statistics, which only the locked sock knows.
#[cold]
pub fn going(sk: &Sk<'_>, skb: &mut Skb) -> u8 {
    let at_once = if sk.sk.tsflags() & SOF_TIMESTAMPING_OPT_STATS != 0 {
        std::mem::take(&mut skb.tx_flags) & (TX_SCHED | TX_SOFTWARE)
    } else {
        0
    };
    skb.tx_flags &= !TX_ACK;
    if skb.tx_flags != 0 {
        skb.owner = Some(sk.sk.hold());
    }
    at_once
}

/// Segment `i` went.
#[cold]
pub fn gone(sk: &Sk<'_>, cx: &Cx<'_>, i: usize, flags: u8) {
    let seg = &sk.send_queue[i];
    for (flag, kind) in [(TX_SCHED, SCM_TSTAMP_SCHED), (TX_SOFTWARE, SCM_TSTAMP_SND)] {
        if flags & flag != 0 {
            queue_tstamp(cx, sk.sk, stats(sk, cx, seg, None), kind, seg.skb.tskey, true);
        }
    }
}

/// The first segment in flight was acknowledged, all of it or from `prior_snd_una` on.
#[cold]
pub fn acked(sk: &Sk<'_>, cx: &Cx<'_>, prior_snd_una: u32) {
    let Some(seg) = sk.send_queue.rtx_head() else { return };
    let key = seg.skb.tskey;
    if seg.skb.tx_flags & TX_ACK == 0 || before(key, prior_snd_una) || !before(key, sk.snd_una) {
        return;
    }
    let with_stats = sk.sk.tsflags() & SOF_TIMESTAMPING_OPT_STATS != 0;
    let ttl = sk.rare.as_ref().map_or(0, |rare| rare.ack_ttl);
    let skb = if with_stats { stats(sk, cx, seg, Some(ttl)) } else { told(cx, sk.sk, &seg.skb) };
    queue_tstamp(cx, sk.sk, skb, SCM_TSTAMP_ACK, key, with_stats);
}

/// Attributes as netlink has them, in the kernel's order.
#[derive(Default)]
struct Attrs(Vec<u8>);

impl Attrs {
    fn put(&mut self, kind: u16, value: &[u8]) {
        self.0.extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn u64(&mut self, kind: u16, value: u64) {
        self.put(kind, &value.to_ne_bytes());
    }

    fn u32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_ne_bytes());
    }
}

/// `TCP_NLA_*`. The numbers are the ABI's.
fn stats(sk: &Sk<'_>, cx: &Cx<'_>, seg: &Segment, ack_ttl: Option<u8>) -> Skb {
    let mut all = Attrs::default();
    let (busy, rwnd_limited, sndbuf_limited) = chrono::times(sk);
    all.u64(1, busy);
    all.u64(2, rwnd_limited);
    all.u64(3, sndbuf_limited);
    all.u64(4, sk.data_segs_out.into());
    all.u64(5, sk.total_retrans.into());
    all.u64(6, sk.sk.pacing_rate());
    all.u64(7, super::info::delivery_rate(sk));
    all.u32(8, sk.snd_cwnd);
    all.u32(9, sk.reordering);
    all.u32(10, sk.min_rtt());
    all.put(11, &[sk.retransmits]);
    all.put(12, &[sk.rate_app_limited.into()]);
    all.u32(15, sk.snd_ssthresh);
    all.u32(16, sk.delivered);
    all.u32(17, sk.delivered_ce);
    all.u32(13, sk.write_seq.wrapping_sub(sk.snd_una).cast_signed().max(0).cast_unsigned());
    all.put(14, &[sk.ca_state as u8]);
    all.u64(18, sk.bytes_sent);
    all.u64(19, sk.bytes_retrans);
    all.u32(20, sk.dsack_dups);
    all.u32(21, sk.reord_seen);
    all.u32(22, sk.srtt_us >> 3);
    // Flows do not move to other paths here.
    all.put(23, &0u16.to_ne_bytes());
    all.u32(24, sk.notsent().cast_signed().max(0).cast_unsigned());
    all.u64(25, seg.tx_mstamp * 1000);
    if let Some(ttl) = ack_ttl {
        all.put(26, &[ttl]);
    }
    all.u32(27, 0);
    let mut skb = cx.alloc_skb();
    let mut from = vfs::iov::IovSource::from_slice(&all.0);
    skb.append_from(cx, &mut from, all.0.len());
    skb
}
