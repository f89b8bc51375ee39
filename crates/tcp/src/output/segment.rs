//! One segment on its way: header, options, window, checksum, and down to IP
//! (`__tcp_transmit_skb`).

use super::options::{OutOptions, TIMESTAMP_LEN, only_timestamp, timestamp_bytes};
use super::pace;
use super::queue::Segment;
use super::window::select_window;
use crate::api::txstamp;
use crate::ecn;
use crate::seq::{after, before};
use crate::sock::Sk;
use net::mib;
use net::sock::PACING_NONE;
use net::{Cx, Skb};
use uapi::{Errno, InetAddr, Result};
use wire::checksum::{pseudo_v4, pseudo_v6};
use wire::{TcpFlags, TcpHdr};

/// What of a segment its header says.
#[derive(Clone, Copy)]
pub struct Out {
    /// First sequence number.
    pub seq: u32,
    /// One past the last.
    pub end_seq: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// Packets it is.
    pub pcount: u16,
    /// Their size; 0 for one.
    pub gso_size: u16,
}

impl Out {
    /// A segment without data.
    #[must_use]
    pub fn bare(seq: u32, flags: TcpFlags) -> Self {
        Out { seq, end_seq: seq, flags, pcount: 1, gso_size: 0 }
    }

    /// That of a queued segment.
    #[inline]
    #[must_use]
    pub fn of(seg: &Segment) -> Self {
        // A large send is pushed, so that the receiver's GRO lets it go at once.
        let push = if seg.pcount > 1 { TcpFlags::PSH } else { TcpFlags::NONE };
        Out {
            seq: seg.seq,
            end_seq: seg.end_seq,
            flags: seg.flags.with(push),
            pcount: seg.pcount.max(1),
            gso_size: seg.gso_size,
        }
    }
}

/// The pseudo-header's sum, as it is left in the header for the device to complete
/// (`tcp_v4_send_check`).
#[inline]
fn pseudo_check(saddr: InetAddr, daddr: InetAddr, len: u32) -> u16 {
    let sum = match (saddr.as_v4(), daddr.as_v4()) {
        (Some(saddr), Some(daddr)) => pseudo_v4(saddr, daddr, uapi::IPPROTO_TCP as u8, len),
        _ => pseudo_v6(saddr.as_v6(), daddr.as_v6(), uapi::IPPROTO_TCP as u8, len),
    };
    sum.fold_partial()
}

/// Leaves the checksum of a segment to the device.
#[inline]
pub fn set_checksum(skb: &mut Skb, saddr: InetAddr, daddr: InetAddr) {
    let check = pseudo_check(saddr, daddr, skb.len() as u32);
    skb.set_transport_header();
    skb.csum_partial(TcpHdr::CHECK_OFFSET as u16);
    if let Some((hdr, _)) = TcpHdr::view_mut(skb.linear_mut()) {
        hdr.set_check(check);
    }
}

/// Sends a copy of segment `i` of the queue, and stamps it (`tcp_transmit_skb` with a clone).
#[inline]
pub fn transmit(sk: &mut Sk<'_>, cx: &Cx<'_>, i: usize) -> Result<()> {
    // A segment that does not wait for pacing counts as sent when it was its turn.
    let before = pace::stamp(sk);
    let seg = &sk.send_queue[i];
    let mut skb = seg.skb.clone_in(cx);
    let out = Out::of(seg);
    let told = if skb.tx_flags != 0 { txstamp::going(sk, &mut skb) } else { 0 };
    let len = skb.len();
    transmit_skb(sk, cx, skb, out)?;
    sk.send_queue[i].tx_mstamp = sk.wstamp / 1000;
    rate_skb_sent(sk, i);
    if told != 0 {
        txstamp::gone(sk, cx, i, told);
    }
    if sk.sk.pacing_status() != PACING_NONE {
        pace::advance(sk, before, len);
    }
    Ok(())
}

/// Notes what was delivered when a segment leaves (`tcp_rate_skb_sent`).
#[inline]
fn rate_skb_sent(sk: &mut Sk<'_>, i: usize) {
    if sk.packets_out == 0 {
        // The flight begins: what came before does not limit it.
        let now = sk.wstamp / 1000;
        (sk.first_tx_mstamp, sk.delivered_mstamp) = (now, now);
    }
    let (first, delivered_at, delivered, limited) =
        (sk.first_tx_mstamp, sk.delivered_mstamp, sk.delivered, sk.app_limited != 0);
    let seg = &mut sk.send_queue[i];
    (seg.first_tx_mstamp, seg.delivered_mstamp, seg.delivered, seg.app_limited) =
        (first, delivered_at, delivered, limited);
}

/// Flags and urgent pointer of a segment: only one that comes before the urgent byte tells of it.
#[inline]
fn urgent(sk: &Sk<'_>, out: Out) -> (TcpFlags, u16) {
    if sk.snd_up != sk.snd_una && before(out.seq, sk.snd_up) {
        if before(sk.snd_up, out.seq.wrapping_add(0x10000)) {
            return (out.flags.with(TcpFlags::URG), sk.snd_up.wrapping_sub(out.seq) as u16);
        }
        if after(out.seq.wrapping_add(0xffff), sk.snd_nxt) {
            return (out.flags.with(TcpFlags::URG), 0xffff);
        }
    }
    (out.flags, 0)
}

/// Words in network order.
#[inline]
fn bytes_of(words: [u32; 5]) -> [u8; TcpHdr::LEN] {
    let mut bytes = [0; TcpHdr::LEN];
    let (chunks, _) = bytes.as_chunks_mut::<4>();
    for (chunk, word) in chunks.iter_mut().zip(words) {
        *chunk = word.to_be_bytes();
    }
    bytes
}

/// What options of a segment tell of is told.
fn told(sk: &mut Sk<'_>, flags: TcpFlags, options: &OutOptions) {
    if sk.is_accecn() {
        let dsack = sk.ofo.duplicate_sack.map(|block| block.start);
        ecn::option::sent(sk, options.has_accecn(), dsack);
    }
    if !flags.syn() {
        sk.clear_dsack();
    }
}

/// Puts the header in front of `skb` and sends it.
#[inline]
pub fn transmit_skb(sk: &mut Sk<'_>, cx: &Cx<'_>, mut skb: Skb, out: Out) -> Result<()> {
    let payload = skb.len() as u32;
    let timestamp = only_timestamp(sk, out.flags);
    let mut others = (OutOptions::None, TIMESTAMP_LEN);
    if timestamp.is_none() {
        others = OutOptions::of(sk, cx, out.flags);
    }
    let header_len = TcpHdr::LEN + others.1;
    let window = if out.flags.syn() {
        // RFC 7323 section 2.2: the window of a SYN is not scaled.
        sk.rcv_wnd.min(65_535) as u16
    } else {
        select_window(sk, cx)
    };
    let rcv_nxt = sk.rcv_nxt;
    let (mut flags, urg_ptr) = urgent(sk, out);
    if sk.ecn_flags & ecn::ANY != 0 {
        flags |= ecn::send(sk, &out, payload);
        skb.gso_cwr = sk.is_accecn();
    }
    if timestamp.is_none() {
        told(sk, flags, &others.0);
    }
    let check = pseudo_check(sk.inet.saddr, sk.inet.daddr, payload + header_len as u32);
    let words = [
        u32::from(sk.inet.num) << 16 | u32::from(sk.inet.dport),
        out.seq,
        if flags.ack() { rcv_nxt } else { 0 },
        (header_len as u32 / 4) << 28 | u32::from(flags.0) << 16 | u32::from(window),
        u32::from(check) << 16 | u32::from(urg_ptr),
    ];
    if let Some((fixed, rest)) = skb.push(header_len).split_first_chunk_mut::<{ TcpHdr::LEN }>() {
        *fixed = bytes_of(words);
        match (timestamp, rest.first_chunk_mut()) {
            (Some(ts), Some(rest)) => *rest = timestamp_bytes(ts),
            _ => others.0.write(rest),
        }
    }
    skb.set_transport_header();
    skb.csum_partial(TcpHdr::CHECK_OFFSET as u16);
    skb.gso_size = out.gso_size;
    skb.gso_segs = out.pcount;
    if flags.ack() {
        super::ack::event_ack_sent(sk, cx, rcv_nxt);
    }
    if payload > 0 {
        sk.data_segs_out = sk.data_segs_out.wrapping_add(u32::from(out.pcount));
        event_data_sent(sk, cx);
        sk.bytes_sent += u64::from(payload);
    }
    let segs = u64::from(out.pcount);
    sk.segs_out = sk.segs_out.wrapping_add(segs as u32);
    if after(out.end_seq, sk.snd_nxt) || out.seq == out.end_seq {
        cx.add(mib::Tcp::OutSegs, segs);
    }
    let common = sk.sk;
    let sent = ip::output::queue_xmit(cx, common, &mut sk.inet, skb);
    if sent == Err(Errno::ENOBUFS) {
        // The device's queue is full: that is congestion too.
        crate::input::recovery::enter_cwr(sk);
    }
    sent
}

/// Data leaves: is the session interactive? (`tcp_event_data_sent`)
#[inline]
fn event_data_sent(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let now = sk.jiffies32();
    if sk.packets_out == 0 {
        crate::cong::event(sk, cx, crate::cong::CaEvent::TxStart);
    }
    sk.lsndtime = now;
    // A reply within the delay of an ACK means request and response.
    if now.wrapping_sub(sk.ack_lrcvtime) < sk.ack_ato {
        crate::input::delack::inc_pingpong_cnt(sk);
    }
}
