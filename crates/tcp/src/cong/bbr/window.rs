//! What follows from the model: the pacing rate and the window (`bbr_set_pacing_rate`,
//! `bbr_set_cwnd`).

use super::{
    BBR_SCALE, BBR_UNIT, BW_SCALE, BW_UNIT, Bbr, CWND_MIN_TARGET, EXTRA_ACKED_MAX_US, FULL_BW_REACHED,
    HAS_SEEN_RTT, HIGH_GAIN, PACING_MARGIN, PACKET_CONSERVATION, PROBE_BW, PROBE_RTT, min_tso_segs,
};
use crate::cong::RateSample;
use crate::init::INIT_CWND;
use crate::output::mss::gso_max_size;
use crate::sock::{CaState, Sk};

impl Bbr {
    /// `rate` of the model as bytes a second, times a gain (`bbr_rate_bytes_per_sec`).
    pub(super) fn bytes_per_sec(sk: &Sk<'_>, rate: u64, gain: u32) -> u64 {
        let rate = rate.saturating_mul(u64::from(sk.mss_cache)).saturating_mul(u64::from(gain)) >> BBR_SCALE;
        rate.saturating_mul(1_000_000 / 100 * (100 - PACING_MARGIN)) >> BW_SCALE
    }

    fn to_pacing_rate(sk: &Sk<'_>, bw: u64, gain: u32) -> u64 {
        Self::bytes_per_sec(sk, bw, gain).min(sk.sk.max_pacing_rate())
    }

    /// Before there is a rate: the window in an RTT, or in a millisecond.
    pub(super) fn init_pacing_rate_from_rtt(&mut self, sk: &Sk<'_>) {
        let rtt_us = if sk.srtt_us != 0 {
            self.set(HAS_SEEN_RTT, true);
            (sk.srtt_us >> 3).max(1)
        } else {
            1000
        };
        let bw = u64::from(sk.snd_cwnd) * BW_UNIT / u64::from(rtt_us);
        sk.sk.set_pacing_rate(Self::to_pacing_rate(sk, bw, HIGH_GAIN));
    }

    pub(super) fn set_pacing_rate(&mut self, sk: &Sk<'_>, bw: u32, gain: u32) {
        let rate = Self::to_pacing_rate(sk, bw.into(), gain);
        if !self.is(HAS_SEEN_RTT) && sk.srtt_us != 0 {
            self.init_pacing_rate_from_rtt(sk);
        }
        // Before the pipe was full, it only goes up.
        if self.is(FULL_BW_REACHED) || rate > sk.sk.pacing_rate() {
            sk.sk.set_pacing_rate(rate);
        }
    }

    /// How many segments a large send is meant to have (`bbr_tso_segs_goal`).
    fn tso_segs_goal(sk: &Sk<'_>) -> u32 {
        let bytes = (sk.sk.pacing_rate() >> 10).min(u64::from(gso_max_size())) as u32;
        (bytes / sk.mss_cache.max(1)).max(min_tso_segs(sk)).min(0x7f)
    }

    /// Keeps the window to return to after recovery or PROBE_RTT.
    pub(super) fn save_cwnd(&mut self, sk: &Sk<'_>) {
        let undisturbed = self.prev_ca_state < CaState::Recovery as u8 && self.mode != PROBE_RTT;
        self.prior_cwnd = if undisturbed { sk.snd_cwnd } else { self.prior_cwnd.max(sk.snd_cwnd) };
    }

    /// The bandwidth-delay product times a gain, segments.
    fn bdp(&self, bw: u32, gain: u32) -> u32 {
        if self.min_rtt_us == u32::MAX {
            return INIT_CWND;
        }
        let product = (u128::from(bw) * u128::from(self.min_rtt_us) * u128::from(gain)) >> BBR_SCALE;
        product.div_ceil(u128::from(BW_UNIT)).min(u128::from(u32::MAX >> 1)) as u32
    }

    /// Room for sends that are under way as a whole, and for ACKs of every second segment.
    fn quantization_budget(&self, sk: &Sk<'_>, cwnd: u32) -> u32 {
        let even = (cwnd + 3 * Self::tso_segs_goal(sk) + 1) & !1;
        if self.mode == PROBE_BW && self.cycle_idx == 0 { even + 2 } else { even }
    }

    /// Segments in flight that a rate and a gain are meant to have (`bbr_inflight`).
    pub(super) fn inflight(&self, sk: &Sk<'_>, bw: u32, gain: u32) -> u32 {
        self.quantization_budget(sk, self.bdp(bw, gain))
    }

    /// Segments in flight when the next one leaves, which pacing holds back until then
    /// (`bbr_packets_in_net_at_edt`).
    pub(super) fn packets_in_net_at_edt(&self, sk: &Sk<'_>, inflight_now: u32) -> u32 {
        let wait_us = (sk.wstamp / 1000).saturating_sub(sk.mstamp);
        let delivered =
            (u64::from(self.bw()).saturating_mul(wait_us) >> BW_SCALE).min(u64::from(u32::MAX)) as u32;
        let probing = u32::from(self.pacing_gain) > BBR_UNIT;
        let inflight = inflight_now + if probing { Self::tso_segs_goal(sk) } else { 0 };
        inflight.saturating_sub(delivered)
    }

    /// What the window needs more because ACKs come in lumps.
    fn ack_aggregation_cwnd(&self) -> u32 {
        if !self.is(FULL_BW_REACHED) {
            return 0;
        }
        let most = (u64::from(self.bw()) * EXTRA_ACKED_MAX_US / BW_UNIT).min(u64::from(u32::MAX)) as u32;
        u32::from(self.extra_acked[0].max(self.extra_acked[1])).min(most)
    }

    /// The window at the beginning and the end of recovery; true while it is just what was delivered.
    fn recover_or_restore(&mut self, sk: &Sk<'_>, rs: &RateSample, cwnd: &mut u32) -> bool {
        let state = sk.ca_state;
        if rs.losses > 0 {
            *cwnd = cwnd.saturating_sub(rs.losses).max(1);
        }
        let was_recovering = self.prev_ca_state >= CaState::Recovery as u8;
        if state == CaState::Recovery && self.prev_ca_state != CaState::Recovery as u8 {
            self.set(PACKET_CONSERVATION, true);
            self.next_rtt_delivered = sk.delivered;
            *cwnd = sk.packets_in_flight() + rs.acked_sacked;
        } else if was_recovering && state < CaState::Recovery {
            *cwnd = (*cwnd).max(self.prior_cwnd);
            self.set(PACKET_CONSERVATION, false);
        }
        self.prev_ca_state = state as u8;
        if self.is(PACKET_CONSERVATION) {
            *cwnd = (*cwnd).max(sk.packets_in_flight() + rs.acked_sacked);
        }
        self.is(PACKET_CONSERVATION)
    }

    pub(super) fn set_cwnd(&mut self, sk: &mut Sk<'_>, rs: &RateSample, bw: u32, gain: u32) {
        let mut cwnd = sk.snd_cwnd;
        if rs.acked_sacked > 0 && !self.recover_or_restore(sk, rs, &mut cwnd) {
            let target = self.bdp(bw, gain) + self.ack_aggregation_cwnd();
            let target = self.quantization_budget(sk, target);
            if self.is(FULL_BW_REACHED) {
                cwnd = (cwnd + rs.acked_sacked).min(target);
            } else if cwnd < target || sk.delivered < INIT_CWND {
                cwnd += rs.acked_sacked;
            }
            cwnd = cwnd.max(CWND_MIN_TARGET);
        }
        sk.snd_cwnd = cwnd.min(sk.snd_cwnd_clamp);
        if self.mode == PROBE_RTT {
            sk.snd_cwnd = sk.snd_cwnd.min(CWND_MIN_TARGET);
        }
    }
}
