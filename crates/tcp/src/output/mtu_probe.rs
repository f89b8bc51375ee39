//! Packetization-layer path MTU discovery (RFC 4821; `tcp_mtu_probe`): now and then a segment is larger
//! than the others, and what becomes of it tells whether the path takes more.

use super::mss::{current_mss, mss_to_mtu, mtu_to_mss, sync_mss};
use super::queue::SEGMENT_TRUESIZE;
use super::write_xmit::{current_ssthresh, new_data_sent};
use super::{segment, split};
use crate::TcpCx;
use crate::api::txstamp;
use crate::seq::after;
use crate::sock::{CaState, Sk};
use net::Cx;
use net::mib::TcpExt;
use wire::{TcpFlags, TcpHdr};

/// The search (`icsk_mtup`, `tp->mtu_probe`). Sizes are MTUs, bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mtup {
    /// What is known to pass (`search_low`).
    pub low: u32,
    /// The most that may (`search_high`).
    pub high: u32,
    /// The probe in flight, 0 for none (`probe_size`).
    pub size: u32,
    /// Its first byte (`probe_seq_start`).
    pub start: u32,
    /// One past its last (`probe_seq_end`).
    pub end: u32,
    /// When the search began, ms (`probe_timestamp`).
    pub stamp: u32,
}

/// The most the peer takes, as an MTU.
fn highest(sk: &Sk<'_>) -> u32 {
    let ip = if sk.inet.daddr.is_v4() { 20 } else { 40 };
    u32::from(sk.rx_opt.mss_clamp) + TcpHdr::LEN as u32 + ip
}

fn begin(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let low = mss_to_mtu(sk, cx.tcp().sysctl.base_mss() as u32);
    let (high, stamp) = (highest(sk), sk.jiffies32());
    sk.rare_mut().mtup = Mtup { low, high, stamp, ..Mtup::default() };
    sk.mtup_enabled = true;
}

/// A connection begins: it probes if `tcp_mtu_probing` is 2 (`tcp_mtup_init`).
pub fn init(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.mtup_enabled = false;
    if cx.tcp().sysctl.mtu_probing() > 1 {
        begin(sk, cx);
    }
}

/// The path's MTU is known to be `pmtu`: no probe goes beyond; the segment size stays within what is
/// known to pass.
#[cold]
pub fn bound(sk: &mut Sk<'_>, cx: &Cx<'_>, pmtu: u32, mss: u32) -> u32 {
    let mtup = &mut sk.rare_mut().mtup;
    mtup.high = mtup.high.min(pmtu);
    let low = mtup.low;
    mss.min(mtu_to_mss(sk, cx, low))
}

/// Timeouts in a row: something on the way may swallow large packets without a word
/// (`tcp_mtu_probing`).
pub fn black_hole(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let sysctl = &cx.tcp().sysctl;
    if sysctl.mtu_probing() == 0 {
        return;
    }
    if sk.mtup_enabled {
        let low = sk.rare_mut().mtup.low;
        let mss = (mtu_to_mss(sk, cx, low) >> 1).min(sysctl.base_mss() as u32);
        let mss = mss.max(sysctl.mtu_probe_floor() as u32).max(sysctl.min_snd_mss() as u32);
        let low = mss_to_mtu(sk, mss);
        sk.rare_mut().mtup.low = low;
    } else {
        begin(sk, cx);
    }
    let pmtu = sk.pmtu_cookie;
    sync_mss(sk, cx, pmtu);
}

/// What the queue is to do after [`probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// Go on as if there were no probing.
    No,
    /// Wait: there is no room for a probe yet.
    Wait,
    /// A probe went.
    Sent,
}

/// Sends a probe if it is time for one.
#[cold]
pub fn probe(sk: &mut Sk<'_>, cx: &Cx<'_>) -> Probed {
    let mtup = sk.rare_mut().mtup;
    if mtup.size != 0
        || sk.ca_state != CaState::Open
        || sk.snd_cwnd < 11
        || sk.rx_opt.num_sacks != 0
        || sk.ofo.duplicate_sack.is_some()
    {
        return Probed::No;
    }
    let mss = current_mss(sk, cx);
    let size = mtu_to_mss(sk, cx, (mtup.high + mtup.low) >> 1);
    let needed = u64::from(size) + u64::from(sk.reordering + 1) * u64::from(sk.mss_cache);
    let interval = mtup.high as i32 - mtup.low as i32;
    if size > mtu_to_mss(sk, cx, mtup.high) || interval < cx.tcp().sysctl.probe_threshold() {
        check_reprobe(sk, cx);
        return Probed::No;
    }
    if u64::from(sk.notsent()) < needed || u64::from(sk.snd_wnd) < needed {
        return Probed::No;
    }
    if after(sk.snd_nxt.wrapping_add(needed as u32), sk.wnd_end()) {
        return Probed::Wait;
    }
    let in_flight = sk.packets_in_flight();
    if in_flight + 2 > sk.snd_cwnd {
        return if in_flight == 0 { Probed::No } else { Probed::Wait };
    }
    if !may_join(sk, size) {
        return Probed::No;
    }
    let i = sk.send_queue.sent();
    gather(sk, cx, i, size, mss);
    let (start, end) = (sk.send_queue[i].seq, sk.send_queue[i].end_seq);
    if segment::transmit(sk, cx, i).is_err() {
        return Probed::No;
    }
    // It counts for two.
    sk.snd_cwnd -= 1;
    new_data_sent(sk, cx, mss);
    let size = mss_to_mtu(sk, size);
    let mtup = &mut sk.rare_mut().mtup;
    (mtup.size, mtup.start, mtup.end) = (size, start, end);
    Probed::Sent
}

/// The search is over; after `tcp_probe_interval` it begins again (`tcp_mtu_check_reprobe`).
fn check_reprobe(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let interval = u64::from(cx.tcp().sysctl.probe_interval()) * 1000;
    let now = sk.jiffies32();
    if u64::from(now.wrapping_sub(sk.rare_mut().mtup.stamp)) >= interval {
        let mss = current_mss(sk, cx);
        let (low, high) = (mss_to_mtu(sk, mss), highest(sk));
        let mtup = &mut sk.rare_mut().mtup;
        (mtup.size, mtup.low, mtup.high, mtup.stamp) = (0, low, high, now);
    }
}

/// What was written may go in one segment (`tcp_can_coalesce_send_queue_head`).
fn may_join(sk: &Sk<'_>, size: u32) -> bool {
    let mut left = size;
    for seg in sk.send_queue.iter_unsent() {
        if left <= seg.len() {
            return true;
        }
        if seg.eor || seg.skb.tx_flags != 0 {
            return false;
        }
        left -= seg.len();
    }
    false
}

/// The first `size` bytes that were not sent become one segment.
fn gather(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize, size: u32, mss: u32) {
    while sk.send_queue[i].len() < size {
        let need = size - sk.send_queue[i].len();
        if sk.send_queue[i + 1].len() > need {
            split::fragment(sk, cx, i + 1, need, mss);
        }
        let Some(next) = sk.send_queue.remove_after(i) else { return };
        let freed = next.skb.truesize.min(SEGMENT_TRUESIZE);
        let head = &mut sk.send_queue[i];
        head.end_seq = next.end_seq;
        head.flags |= next.flags;
        head.eor = next.eor;
        head.skb.truesize += next.skb.truesize - freed;
        txstamp::join(&mut head.skb, &next.skb);
        head.skb.append_skb(cx, next.skb);
        crate::mem::wmem_uncharge(sk, cx, freed);
    }
    if sk.send_queue[i].len() > size {
        split::fragment(sk, cx, i, size, mss);
    }
    let head = &mut sk.send_queue[i];
    if head.end_seq == head.seq.wrapping_add(size) {
        head.flags = head.flags.without(TcpFlags::FIN);
    }
    head.set_packets(size);
}

/// Data was acknowledged: did the probe arrive? (`tcp_mtup_probe_success`)
#[cold]
pub fn acked(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let mtup = sk.rare_mut().mtup;
    if mtup.size == 0 || after(mtup.end, sk.snd_una) {
        return;
    }
    sk.prior_ssthresh = current_ssthresh(sk);
    // As many bytes as before, in larger segments.
    let usual = mss_to_mtu(sk, sk.mss_cache);
    let cwnd = u64::from(sk.snd_cwnd) * u64::from(usual) / u64::from(mtup.size);
    sk.snd_cwnd = (cwnd as u32).max(1);
    sk.snd_cwnd_cnt = 0;
    sk.snd_cwnd_stamp = sk.jiffies32();
    sk.snd_ssthresh = current_ssthresh(sk);
    let known = &mut sk.rare_mut().mtup;
    (known.low, known.size) = (mtup.size, 0);
    let pmtu = sk.pmtu_cookie;
    sync_mss(sk, cx, pmtu);
    cx.inc(TcpExt::TCPMTUPSuccess);
}

/// A loss is evident: it is no congestion if the probe alone was lost. True then
/// (`tcp_mtup_probe_failed`).
pub fn failed(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    if !sk.mtup_enabled || sk.ca_state >= CaState::Cwr {
        return false;
    }
    let mtup = sk.rare_mut().mtup;
    if mtup.size == 0 || sk.snd_una != mtup.start {
        return false;
    }
    let known = &mut sk.rare_mut().mtup;
    (known.high, known.size) = (mtup.size - 1, 0);
    cx.inc(TcpExt::TCPMTUPFail);
    sk.snd_cwnd += 1;
    super::retransmit::simple_retransmit(sk, cx);
    true
}

/// True while a probe is in flight.
#[must_use]
pub fn in_flight(sk: &Sk<'_>) -> bool {
    sk.mtup_enabled && sk.rare.as_ref().is_some_and(|rare| rare.mtup.size != 0)
}

/// Something is sent again: the probe tells nothing any more.
pub fn forget(sk: &mut Sk<'_>) {
    if sk.mtup_enabled {
        sk.rare_mut().mtup.size = 0;
    }
}
