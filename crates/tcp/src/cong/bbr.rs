//! BBR (version 1, as `tcp_bbr.c`): the window and the pacing rate follow a model of the path, the
//! greatest delivery rate of the last rounds and the least RTT of the last seconds, and not losses.
//!
//! It has no window growth of its own that the rest of TCP knows: it has `cong_control`, which is asked
//! at each acknowledgement, and paces.

mod model;
mod window;

#[cfg(test)]
mod tests;

use super::{CaEvent, CcInfo, CongestionOps, RateSample};
use crate::init::INFINITE_SSTHRESH;
use crate::seq::after;
use crate::sock::{CaState, Sk};
use net::Cx;
use net::sock::{PACING_NEEDED, PACING_NONE};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Rates are segments per microsecond, times 2^24 (`BW_UNIT`).
const BW_SCALE: u32 = 24;
const BW_UNIT: u64 = 1 << BW_SCALE;
/// Gains are in 256ths (`BBR_UNIT`).
const BBR_SCALE: u32 = 8;
const BBR_UNIT: u32 = 1 << BBR_SCALE;

/// Rounds that the greatest rate is taken from.
const BW_RTTS: u32 = CYCLE_LEN as u32 + 2;
/// Milliseconds that the least RTT is taken from.
const MIN_RTT_WIN: u32 = 10_000;
/// How long the queue is let run empty, ms.
const PROBE_RTT_MODE: u32 = 200;
/// At less than so many bits a second, large sends are of one segment.
const MIN_TSO_RATE: u64 = 1_200_000;
/// Below the model's rate by so many percent, so that queues drain.
const PACING_MARGIN: u64 = 1;
/// 2/ln(2): the least gain that doubles the rate in a round.
const HIGH_GAIN: u32 = BBR_UNIT * 2885 / 1000 + 1;
/// Its inverse, to drain what the start queued.
const DRAIN_GAIN: u32 = BBR_UNIT * 1000 / 2885;
/// Window in steady state, times the bandwidth-delay product.
const CWND_GAIN: u32 = BBR_UNIT * 2;
/// Gains of the rounds of a cycle: probe for more, drain, cruise.
const PACING_GAINS: [u32; CYCLE_LEN] =
    [BBR_UNIT * 5 / 4, BBR_UNIT * 3 / 4, BBR_UNIT, BBR_UNIT, BBR_UNIT, BBR_UNIT, BBR_UNIT, BBR_UNIT];
const CYCLE_LEN: usize = 8;
/// A cycle begins at any phase but the last.
const CYCLE_RAND: u32 = 7;
/// The window of PROBE_RTT, and the least there is.
const CWND_MIN_TARGET: u32 = 4;
/// The pipe is full when the rate grew by less than this,
const FULL_BW_THRESH: u32 = BBR_UNIT * 5 / 4;
/// in so many rounds.
const FULL_BW_CNT: u8 = 3;
/// A policer is looked for over at least so many rounds,
const LT_INTVL_MIN_RTTS: u8 = 4;
/// with a loss of at least this share,
const LT_LOSS_THRESH: u32 = 50;
/// and two rates that differ by at most an eighth,
const LT_BW_RATIO: u32 = BBR_UNIT / 8;
/// or by so many bytes a second;
const LT_BW_DIFF: u64 = 4000 / 8;
/// its rate is used for so many rounds.
const LT_BW_MAX_RTTS: u8 = 48;
/// Rounds that the greatest aggregation is taken from, twice.
const EXTRA_ACKED_WIN_RTTS: u8 = 5;
/// Aggregation is measured anew after so many segments.
const ACK_EPOCH_RESET: u32 = 1 << 20;
const ACK_EPOCH_MOST: u32 = (1 << 20) - 1;
/// Most of the window that is for aggregation, µs at the model's rate.
const EXTRA_ACKED_MAX_US: u64 = 100_000;

/// `enum bbr_mode`
const STARTUP: u8 = 0;
const DRAIN: u8 = 1;
const PROBE_BW: u8 = 2;
const PROBE_RTT: u8 = 3;

/// A new round began with this ACK.
const ROUND_START: u8 = 1;
/// Only what was delivered may be sent, for the first round of recovery.
const PACKET_CONSERVATION: u8 = 2;
/// The flow begins again after a silence.
const IDLE_RESTART: u8 = 4;
/// PROBE_RTT lasted for a round.
const PROBE_RTT_ROUND_DONE: u8 = 8;
/// A policer is looked for.
const LT_IS_SAMPLING: u8 = 16;
/// One was found.
const LT_USE_BW: u8 = 32;
/// The pipe was full once.
const FULL_BW_REACHED: u8 = 64;
/// The pacing rate has seen an RTT.
const HAS_SEEN_RTT: u8 = 128;

/// The attribute by which `ss` gets [`info`] (`INET_DIAG_BBRINFO`).
const INET_DIAG_BBRINFO: u16 = 16;

/// BBR's state (`struct bbr`): 104 bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Bbr {
    /// When the present phase of the cycle began, µs.
    cycle_mstamp: u64,
    /// When aggregation was last counted from, µs.
    ack_epoch_mstamp: u64,
    min_rtt_us: u32,
    /// When that was, ms.
    min_rtt_stamp: u32,
    /// When PROBE_RTT may end, ms; 0 before it began to count.
    probe_rtt_done_stamp: u32,
    /// The greatest rate: `(round, rate)` of a moving window's best three.
    bw: [[u32; 2]; 3],
    rtt_cnt: u32,
    /// `delivered` at the end of this round.
    next_rtt_delivered: u32,
    lt_bw: u32,
    lt_last_delivered: u32,
    lt_last_stamp: u32,
    lt_last_lost: u32,
    prior_cwnd: u32,
    full_bw: u32,
    ack_epoch_acked: u32,
    extra_acked: [u16; 2],
    pacing_gain: u16,
    cwnd_gain: u16,
    mode: u8,
    prev_ca_state: u8,
    flags: u8,
    lt_rtt_cnt: u8,
    full_bw_cnt: u8,
    cycle_idx: u8,
    extra_acked_win_rtts: u8,
    extra_acked_win_idx: u8,
}

const _: () = assert!(size_of::<Bbr>() <= super::private::SIZE);

impl Bbr {
    fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }
}

/// `tcp_bbr`
pub static BBR: CongestionOps = CongestionOps {
    init: Some(init),
    ssthresh: |sk| {
        with(sk, |bbr, sk| bbr.save_cwnd(sk));
        sk.snd_ssthresh
    },
    set_state: Some(set_state),
    cwnd_event: Some(|sk, cx, event| {
        if event == CaEvent::TxStart && sk.app_limited != 0 {
            with(sk, |bbr, sk| bbr.restart(sk, cx));
        }
    }),
    min_tso_segs: Some(min_tso_segs),
    cong_control: Some(|sk, cx, _ack, _flag, rs| with(sk, |bbr, sk| bbr.main(sk, cx, rs))),
    // A spurious loss: what was learnt of it is forgotten.
    undo_cwnd: |sk| {
        with(sk, |bbr, sk| {
            (bbr.full_bw, bbr.full_bw_cnt) = (0, 0);
            bbr.reset_lt_bw_sampling(sk);
        });
        sk.snd_cwnd
    },
    sndbuf_expand: Some(|_| 3),
    get_info: Some(info),
    ..CongestionOps::new("bbr")
};

/// Works on a copy of the state, since the work needs the rest of the sock too.
fn with<R>(sk: &mut Sk<'_>, f: impl FnOnce(&mut Bbr, &mut Sk<'_>) -> R) -> R {
    let mut bbr = *sk.cong.state_ref::<Bbr>();
    let result = f(&mut bbr, sk);
    *sk.cong.state() = bbr;
    result
}

fn init(sk: &mut Sk<'_>, _cx: &Cx<'_>) {
    sk.snd_ssthresh = INFINITE_SSTHRESH;
    let mut bbr = Bbr {
        next_rtt_delivered: sk.delivered,
        min_rtt_us: sk.min_rtt(),
        min_rtt_stamp: sk.jiffies32(),
        ack_epoch_mstamp: sk.mstamp,
        ..Bbr::default()
    };
    bbr.init_pacing_rate_from_rtt(sk);
    bbr.reset_lt_bw_sampling(sk);
    *sk.cong.state() = bbr;
    if sk.sk.pacing_status() == PACING_NONE {
        sk.sk.set_pacing_status(PACING_NEEDED);
    }
}

/// A timeout counts as a round with a loss: the model may have been too high.
fn set_state(sk: &mut Sk<'_>, to: CaState) {
    if to == CaState::Loss {
        with(sk, |bbr, sk| {
            bbr.prev_ca_state = CaState::Loss as u8;
            bbr.full_bw = 0;
            bbr.set(ROUND_START, true);
            bbr.lt_bw_sampling(sk, &RateSample { losses: 1, ..RateSample::default() }, None);
        });
    }
}

fn min_tso_segs(sk: &Sk<'_>) -> u32 {
    if sk.sk.pacing_rate() < MIN_TSO_RATE >> 3 { 1 } else { 2 }
}

/// `struct tcp_bbr_info`: bandwidth in bytes a second, least RTT, gains.
fn info(sk: &Sk<'_>) -> CcInfo {
    let bbr = sk.cong.state_ref::<Bbr>();
    let bw = (u64::from(bbr.bw()) * u64::from(sk.mss_cache)).saturating_mul(1_000_000) >> BW_SCALE;
    let words = [bw as u32, (bw >> 32) as u32, bbr.min_rtt_us, bbr.pacing_gain.into(), bbr.cwnd_gain.into()];
    let mut bytes = [0; 20];
    bytes.copy_from_slice(words.as_bytes());
    CcInfo { attr: INET_DIAG_BBRINFO, len: bytes.len(), bytes }
}

impl Bbr {
    /// Everything that an ACK brings (`bbr_main`).
    fn main(&mut self, sk: &mut Sk<'_>, cx: &Cx<'_>, rs: &RateSample) {
        self.update_model(sk, cx, rs);
        let bw = self.bw();
        self.set_pacing_rate(sk, bw, u32::from(self.pacing_gain));
        self.set_cwnd(sk, rs, bw, u32::from(self.cwnd_gain));
    }

    /// First transmission after the application was silent.
    fn restart(&mut self, sk: &mut Sk<'_>, cx: &Cx<'_>) {
        self.set(IDLE_RESTART, true);
        (self.ack_epoch_mstamp, self.ack_epoch_acked) = (sk.mstamp, 0);
        match self.mode {
            // At the model's rate: there is no queue that a higher one would have to make up for.
            PROBE_BW => self.set_pacing_rate(sk, self.bw(), BBR_UNIT),
            PROBE_RTT => self.check_probe_rtt_done(sk, cx),
            _ => {}
        }
    }

    /// The rate that is used: the policer's, or the greatest (`bbr_bw`).
    fn bw(&self) -> u32 {
        if self.is(LT_USE_BW) { self.lt_bw } else { self.max_bw() }
    }

    fn max_bw(&self) -> u32 {
        self.bw[0][1]
    }

    fn check_probe_rtt_done(&mut self, sk: &mut Sk<'_>, cx: &Cx<'_>) {
        if self.probe_rtt_done_stamp == 0 || !after(sk.jiffies32(), self.probe_rtt_done_stamp) {
            return;
        }
        self.min_rtt_stamp = sk.jiffies32();
        sk.snd_cwnd = sk.snd_cwnd.max(self.prior_cwnd);
        self.reset_mode(sk, cx);
    }

    fn reset_mode(&mut self, sk: &Sk<'_>, cx: &Cx<'_>) {
        if self.is(FULL_BW_REACHED) {
            self.reset_probe_bw_mode(sk, Some(cx));
        } else {
            self.mode = STARTUP;
        }
    }
}
