//! The model of the path: delivery rate, least RTT, aggregation of ACKs, policers, and the modes that
//! follow from them (`bbr_update_model`).

use super::{
    ACK_EPOCH_MOST, ACK_EPOCH_RESET, BBR_SCALE, BBR_UNIT, BW_RTTS, BW_UNIT, Bbr, CWND_GAIN, CWND_MIN_TARGET,
    CYCLE_LEN, CYCLE_RAND, DRAIN, DRAIN_GAIN, EXTRA_ACKED_WIN_RTTS, FULL_BW_CNT, FULL_BW_REACHED,
    FULL_BW_THRESH, HIGH_GAIN, IDLE_RESTART, LT_BW_DIFF, LT_BW_MAX_RTTS, LT_BW_RATIO, LT_INTVL_MIN_RTTS,
    LT_IS_SAMPLING, LT_LOSS_THRESH, LT_USE_BW, MIN_RTT_WIN, PACING_GAINS, PACKET_CONSERVATION, PROBE_BW,
    PROBE_RTT, PROBE_RTT_MODE, PROBE_RTT_ROUND_DONE, ROUND_START, STARTUP,
};
use crate::cong::RateSample;
use crate::seq::{after, before};
use crate::sock::Sk;
use net::Cx;

/// The greatest of a moving window, kept as the best three of its parts (`minmax_running_max`).
pub(super) fn running_max(best: &mut [[u32; 2]; 3], window: u32, now: u32, value: u32) {
    let sample = [now, value];
    if value >= best[0][1] || now.wrapping_sub(best[2][0]) > window {
        *best = [sample; 3];
        return;
    }
    if value >= best[1][1] {
        (best[1], best[2]) = (sample, sample);
    } else if value >= best[2][1] {
        best[2] = sample;
    }
    let age = now.wrapping_sub(best[0][0]);
    if age > window {
        // The best is too old: the others move up.
        *best = [best[1], best[2], sample];
        if now.wrapping_sub(best[0][0]) > window {
            *best = [best[1], best[2], sample];
        }
    } else if best[1][0] == best[0][0] && age > window / 4 {
        (best[1], best[2]) = (sample, sample);
    } else if best[2][0] == best[1][0] && age > window / 2 {
        best[2] = sample;
    }
}

impl Bbr {
    pub(super) fn update_model(&mut self, sk: &mut Sk<'_>, cx: &Cx<'_>, rs: &RateSample) {
        self.update_bw(sk, cx, rs);
        self.update_ack_aggregation(sk, rs);
        if self.mode == PROBE_BW && self.is_next_cycle_phase(sk, rs) {
            self.advance_cycle_phase(sk);
        }
        self.check_full_bw_reached(rs);
        self.check_drain(sk, cx);
        self.update_min_rtt(sk, cx, rs);
        self.update_gains();
    }

    fn update_bw(&mut self, sk: &Sk<'_>, cx: &Cx<'_>, rs: &RateSample) {
        self.set(ROUND_START, false);
        if rs.delivered < 0 || rs.interval_us <= 0 {
            return;
        }
        // What was sent after the last round ended was acknowledged: another round.
        if !before(rs.prior_delivered, self.next_rtt_delivered) {
            self.next_rtt_delivered = sk.delivered;
            self.rtt_cnt = self.rtt_cnt.wrapping_add(1);
            self.set(ROUND_START, true);
            self.set(PACKET_CONSERVATION, false);
        }
        self.lt_bw_sampling(sk, rs, Some(cx));
        let bw = u64::from(rs.delivered as u32) * BW_UNIT / rs.interval_us as u64;
        let bw = bw.min(u64::from(u32::MAX)) as u32;
        // A rate that the application limited counts if it is greater all the same.
        if !rs.app_limited || bw >= self.max_bw() {
            running_max(&mut self.bw, BW_RTTS, self.rtt_cnt, bw);
        }
    }

    /// How many more segments ACKs bring at once than the rate accounts for
    /// (`bbr_update_ack_aggregation`).
    fn update_ack_aggregation(&mut self, sk: &Sk<'_>, rs: &RateSample) {
        if rs.acked_sacked == 0 || rs.delivered < 0 || rs.interval_us <= 0 {
            return;
        }
        if self.is(ROUND_START) {
            self.extra_acked_win_rtts = (self.extra_acked_win_rtts + 1).min(0x1f);
            if self.extra_acked_win_rtts >= EXTRA_ACKED_WIN_RTTS {
                self.extra_acked_win_rtts = 0;
                self.extra_acked_win_idx ^= 1;
                self.extra_acked[usize::from(self.extra_acked_win_idx & 1)] = 0;
            }
        }
        let epoch_us = sk.delivered_mstamp.saturating_sub(self.ack_epoch_mstamp);
        let mut expected =
            (u64::from(self.bw()).saturating_mul(epoch_us) / BW_UNIT).min(u64::from(u32::MAX)) as u32;
        if self.ack_epoch_acked <= expected
            || self.ack_epoch_acked.saturating_add(rs.acked_sacked) >= ACK_EPOCH_RESET
        {
            self.ack_epoch_acked = 0;
            self.ack_epoch_mstamp = sk.delivered_mstamp;
            expected = 0;
        }
        self.ack_epoch_acked = self.ack_epoch_acked.saturating_add(rs.acked_sacked).min(ACK_EPOCH_MOST);
        let extra = self.ack_epoch_acked.saturating_sub(expected).min(sk.snd_cwnd).min(u32::from(u16::MAX));
        let most = &mut self.extra_acked[usize::from(self.extra_acked_win_idx & 1)];
        *most = (*most).max(extra as u16);
    }

    fn is_next_cycle_phase(&self, sk: &Sk<'_>, rs: &RateSample) -> bool {
        let full_length = sk.delivered_mstamp.saturating_sub(self.cycle_mstamp) > u64::from(self.min_rtt_us);
        let gain = u32::from(self.pacing_gain);
        if gain == BBR_UNIT {
            return full_length;
        }
        let inflight = self.packets_in_net_at_edt(sk, rs.prior_in_flight);
        if gain > BBR_UNIT {
            // Until the queue is as long as it may be, or something is lost.
            return full_length && (rs.losses > 0 || inflight >= self.inflight(sk, self.max_bw(), gain));
        }
        full_length || inflight <= self.inflight(sk, self.max_bw(), BBR_UNIT)
    }

    fn advance_cycle_phase(&mut self, sk: &Sk<'_>) {
        self.cycle_idx = (self.cycle_idx + 1) & (CYCLE_LEN as u8 - 1);
        self.cycle_mstamp = sk.delivered_mstamp;
    }

    /// Cruising begins at a phase drawn by lot, so that flows do not probe together. Without a context
    /// at the one after probing.
    pub(super) fn reset_probe_bw_mode(&mut self, sk: &Sk<'_>, cx: Option<&Cx<'_>>) {
        self.mode = PROBE_BW;
        let drawn = cx.map_or(CYCLE_RAND - 1, |cx| cx.net.rng.u32() % CYCLE_RAND);
        self.cycle_idx = CYCLE_LEN as u8 - 1 - drawn as u8;
        self.advance_cycle_phase(sk);
    }

    fn check_full_bw_reached(&mut self, rs: &RateSample) {
        if self.is(FULL_BW_REACHED) || !self.is(ROUND_START) || rs.app_limited {
            return;
        }
        let threshold = (u64::from(self.full_bw) * u64::from(FULL_BW_THRESH)) >> BBR_SCALE;
        if u64::from(self.max_bw()) >= threshold {
            (self.full_bw, self.full_bw_cnt) = (self.max_bw(), 0);
            return;
        }
        self.full_bw_cnt += 1;
        self.set(FULL_BW_REACHED, self.full_bw_cnt >= FULL_BW_CNT);
    }

    fn check_drain(&mut self, sk: &mut Sk<'_>, cx: &Cx<'_>) {
        if self.mode == STARTUP && self.is(FULL_BW_REACHED) {
            self.mode = DRAIN;
            sk.snd_ssthresh = self.inflight(sk, self.max_bw(), BBR_UNIT);
        }
        if self.mode == DRAIN
            && self.packets_in_net_at_edt(sk, sk.packets_in_flight())
                <= self.inflight(sk, self.max_bw(), BBR_UNIT)
        {
            self.reset_probe_bw_mode(sk, Some(cx));
        }
    }

    /// The least RTT; when it was not seen again for ten seconds, the queue is let run empty to see it
    /// (`bbr_update_min_rtt`).
    fn update_min_rtt(&mut self, sk: &mut Sk<'_>, cx: &Cx<'_>, rs: &RateSample) {
        let now = sk.jiffies32();
        let expired = after(now, self.min_rtt_stamp.wrapping_add(MIN_RTT_WIN));
        if rs.rtt_us >= 0 && (rs.rtt_us < i64::from(self.min_rtt_us) || (expired && !rs.is_ack_delayed)) {
            self.min_rtt_us = rs.rtt_us as u32;
            self.min_rtt_stamp = now;
        }
        if expired && !self.is(IDLE_RESTART) && self.mode != PROBE_RTT {
            self.mode = PROBE_RTT;
            self.save_cwnd(sk);
            self.probe_rtt_done_stamp = 0;
        }
        if self.mode == PROBE_RTT {
            // The samples of this time are not the path's.
            sk.app_limited = sk.delivered.wrapping_add(sk.packets_in_flight()).max(1);
            if self.probe_rtt_done_stamp == 0 && sk.packets_in_flight() <= CWND_MIN_TARGET {
                self.probe_rtt_done_stamp = now.wrapping_add(PROBE_RTT_MODE).max(1);
                self.set(PROBE_RTT_ROUND_DONE, false);
                self.next_rtt_delivered = sk.delivered;
            } else if self.probe_rtt_done_stamp != 0 {
                if self.is(ROUND_START) {
                    self.set(PROBE_RTT_ROUND_DONE, true);
                }
                if self.is(PROBE_RTT_ROUND_DONE) {
                    self.check_probe_rtt_done(sk, cx);
                }
            }
        }
        if rs.delivered > 0 {
            self.set(IDLE_RESTART, false);
        }
    }

    fn update_gains(&mut self) {
        let (pacing, cwnd) = match self.mode {
            STARTUP => (HIGH_GAIN, HIGH_GAIN),
            DRAIN => (DRAIN_GAIN, HIGH_GAIN),
            PROBE_BW if self.is(LT_USE_BW) => (BBR_UNIT, CWND_GAIN),
            PROBE_BW => (PACING_GAINS[usize::from(self.cycle_idx) % CYCLE_LEN], CWND_GAIN),
            _ => (BBR_UNIT, BBR_UNIT),
        };
        (self.pacing_gain, self.cwnd_gain) = (pacing as u16, cwnd as u16);
    }

    fn reset_lt_bw_interval(&mut self, sk: &Sk<'_>) {
        self.lt_last_stamp = (sk.delivered_mstamp / 1000) as u32;
        (self.lt_last_delivered, self.lt_last_lost) = (sk.delivered, sk.lost);
        self.lt_rtt_cnt = 0;
    }

    pub(super) fn reset_lt_bw_sampling(&mut self, sk: &Sk<'_>) {
        self.lt_bw = 0;
        self.set(LT_USE_BW | LT_IS_SAMPLING, false);
        self.reset_lt_bw_interval(sk);
    }

    /// An interval with much loss ended: when its rate is that of the last, somebody polices.
    fn lt_bw_interval_done(&mut self, sk: &Sk<'_>, bw: u32) {
        if self.lt_bw != 0 {
            let diff = bw.abs_diff(self.lt_bw);
            let alike =
                u64::from(diff) * u64::from(BBR_UNIT) <= u64::from(LT_BW_RATIO) * u64::from(self.lt_bw);
            if alike || Self::bytes_per_sec(sk, diff.into(), BBR_UNIT) <= LT_BW_DIFF {
                self.lt_bw = ((u64::from(bw) + u64::from(self.lt_bw)) >> 1) as u32;
                self.set(LT_USE_BW, true);
                self.pacing_gain = BBR_UNIT as u16;
                self.lt_rtt_cnt = 0;
                return;
            }
        }
        self.lt_bw = bw;
        self.reset_lt_bw_interval(sk);
    }

    /// Token-bucket policers let a burst through and then drop: intervals between losses that have the
    /// same rate tell of one (`bbr_lt_bw_sampling`).
    pub(super) fn lt_bw_sampling(&mut self, sk: &Sk<'_>, rs: &RateSample, cx: Option<&Cx<'_>>) {
        if self.is(LT_USE_BW) {
            if self.mode == PROBE_BW && self.is(ROUND_START) {
                self.lt_rtt_cnt += 1;
                if self.lt_rtt_cnt >= LT_BW_MAX_RTTS {
                    self.reset_lt_bw_sampling(sk);
                    self.reset_probe_bw_mode(sk, cx);
                }
            }
            return;
        }
        if !self.is(LT_IS_SAMPLING) {
            // From a loss on: the bucket is empty then.
            if rs.losses == 0 {
                return;
            }
            self.reset_lt_bw_interval(sk);
            self.set(LT_IS_SAMPLING, true);
        }
        if rs.app_limited {
            return self.reset_lt_bw_sampling(sk);
        }
        if self.is(ROUND_START) {
            self.lt_rtt_cnt += 1;
        }
        if self.lt_rtt_cnt < LT_INTVL_MIN_RTTS {
            return;
        }
        if self.lt_rtt_cnt > 4 * LT_INTVL_MIN_RTTS {
            return self.reset_lt_bw_sampling(sk);
        }
        // To a loss: the bucket is empty again.
        if rs.losses == 0 {
            return;
        }
        let lost = sk.lost.wrapping_sub(self.lt_last_lost);
        let delivered = sk.delivered.wrapping_sub(self.lt_last_delivered);
        if delivered == 0 || u64::from(lost) << BBR_SCALE < u64::from(LT_LOSS_THRESH) * u64::from(delivered) {
            return;
        }
        let ms = ((sk.delivered_mstamp / 1000) as u32).wrapping_sub(self.lt_last_stamp);
        if (ms as i32) < 1 {
            return;
        }
        if ms >= u32::MAX / 1000 {
            return self.reset_lt_bw_sampling(sk);
        }
        let bw = u64::from(delivered) * BW_UNIT / (u64::from(ms) * 1000);
        self.lt_bw_interval_done(sk, bw.min(u64::from(u32::MAX)) as u32);
    }
}
