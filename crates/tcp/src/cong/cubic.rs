//! CUBIC (RFC 9438) with HyStart: `tcp_cubic`, and Linux's constants.

use super::{CaEvent, CaPriv, CongestionOps, cong_avoid_ai, slow_start};
use crate::seq::after;
use crate::sock::{CaState, TcpSock};
use net::Cx;
use net::mib::TcpExt;

/// Multiplicative decrease, in 1024ths (`beta`).
const BETA: u64 = 717;
const BETA_DENOM: u64 = 1024;
/// Ticks of the cubic function in a second: 2^10 (`BICTCP_HZ`).
const BICTCP_HZ: u32 = 10;
/// `bic_scale * 10`
const CUBE_RTT_SCALE: u64 = 410;
/// `2^(10 + 3 * BICTCP_HZ) / CUBE_RTT_SCALE`
const CUBE_FACTOR: u64 = (1 << (10 + 3 * BICTCP_HZ)) / CUBE_RTT_SCALE;
/// `8 * (1024 + beta) / 3 / (1024 - beta)`
const BETA_SCALE: u64 = 8 * (BETA_DENOM + BETA) / 3 / (BETA_DENOM - BETA);
/// HyStart begins at this window, segments.
const HYSTART_LOW_WINDOW: u32 = 16;
/// Samples of the RTT in a round.
const HYSTART_MIN_SAMPLES: u8 = 8;
/// ACKs at most so far apart are a train, µs.
const HYSTART_ACK_DELTA_US: u32 = 2000;
const HYSTART_DELAY_MIN: u32 = 4000;
const HYSTART_DELAY_MAX: u32 = 16_000;

/// CUBIC's state (`struct bictcp`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Cubic {
    cnt: u32,
    last_max_cwnd: u32,
    last_cwnd: u32,
    last_time: u32,
    origin_point: u32,
    k: u32,
    delay_min: u32,
    epoch_start: u32,
    ack_cnt: u32,
    tcp_cwnd: u32,
    sample_cnt: u8,
    found: bool,
    round_start: u32,
    end_seq: u32,
    last_ack: u32,
    curr_rtt: u32,
}

/// `tcp_cubic`
pub struct CubicOps;

/// The integer cube root (`cubic_root`): Linux's is a table and one Newton step, within 0.2%.
fn cubic_root(a: u64) -> u32 {
    let mut x = (a as f64).cbrt() as u64;
    while x * x * x > a {
        x -= 1;
    }
    while (x + 1) * (x + 1) * (x + 1) <= a {
        x += 1;
    }
    x as u32
}

impl Cubic {
    /// How many ACKs the next increase takes (`bictcp_update`). `now` in ms.
    fn update(&mut self, now: u32, cwnd: u32, acked: u32) {
        self.ack_cnt += acked;
        if self.last_cwnd == cwnd && now.wrapping_sub(self.last_time) as i32 <= 1000 / 32 {
            return;
        }
        if self.epoch_start == 0 || now != self.last_time {
            self.cubic_target(now, cwnd, acked);
        }
        let delta = ((u64::from(cwnd) * BETA_SCALE) >> 3).max(1) as u32;
        while self.ack_cnt > delta {
            self.ack_cnt -= delta;
            self.tcp_cwnd += 1;
        }
        if self.tcp_cwnd > cwnd {
            self.cnt = self.cnt.min(cwnd / (self.tcp_cwnd - cwnd));
        }
        self.cnt = self.cnt.max(2);
    }

    fn cubic_target(&mut self, now: u32, cwnd: u32, acked: u32) {
        self.last_cwnd = cwnd;
        self.last_time = now;
        if self.epoch_start == 0 {
            self.epoch_start = now.max(1);
            self.ack_cnt = acked;
            self.tcp_cwnd = cwnd;
            if self.last_max_cwnd <= cwnd {
                (self.k, self.origin_point) = (0, cwnd);
            } else {
                self.k = cubic_root(CUBE_FACTOR * u64::from(self.last_max_cwnd - cwnd));
                self.origin_point = self.last_max_cwnd;
            }
        }
        let ms = u64::from(now.wrapping_sub(self.epoch_start)) + u64::from(self.delay_min.div_ceil(1000));
        let t = (ms << BICTCP_HZ) / 1000;
        let offs = t.abs_diff(u64::from(self.k)).min(1 << 21);
        let delta = ((CUBE_RTT_SCALE * offs * offs).saturating_mul(offs) >> (10 + 3 * BICTCP_HZ)) as u32;
        let target = if t < u64::from(self.k) {
            self.origin_point.wrapping_sub(delta)
        } else {
            self.origin_point.wrapping_add(delta)
        };
        self.cnt = if target > cwnd { cwnd / (target - cwnd) } else { 100 * cwnd };
        if self.last_max_cwnd == 0 {
            self.cnt = self.cnt.min(20);
        }
    }

    fn hystart_reset(&mut self, mstamp: u64, snd_nxt: u32) {
        self.round_start = mstamp as u32;
        self.last_ack = self.round_start;
        self.end_seq = snd_nxt;
        self.curr_rtt = u32::MAX;
        self.sample_cnt = 0;
    }

    fn reset(&mut self) {
        *self = Cubic {
            found: false,
            end_seq: self.end_seq,
            round_start: self.round_start,
            curr_rtt: self.curr_rtt,
            ..Cubic::default()
        };
    }
}

fn hystart_ack_delay(tp: &TcpSock) -> u32 {
    const GSO_MAX_SIZE: u64 = 65_536;
    if tp.pacing_rate == 0 {
        return 0;
    }
    (GSO_MAX_SIZE * 4 * 1_000_000 / tp.pacing_rate).min(1000) as u32
}

fn hystart_update(tp: &mut TcpSock, cx: &Cx<'_>, delay: u32) {
    let threshold_extra = hystart_ack_delay(tp);
    let (mstamp, snd_una, snd_nxt, cwnd) = (tp.mstamp, tp.snd_una, tp.snd_nxt, tp.snd_cwnd);
    let CaPriv::Cubic(ca) = &mut tp.cong.state else { return };
    if after(snd_una, ca.end_seq) {
        ca.hystart_reset(mstamp, snd_nxt);
    }
    if cwnd < HYSTART_LOW_WINDOW {
        return;
    }
    let now = mstamp as u32;
    if now.wrapping_sub(ca.last_ack) as i32 <= HYSTART_ACK_DELTA_US as i32 {
        ca.last_ack = now;
        let threshold = (ca.delay_min + threshold_extra) >> 1;
        if now.wrapping_sub(ca.round_start) as i32 > threshold as i32 {
            ca.found = true;
            cx.inc(TcpExt::TCPHystartTrainDetect);
            cx.add(TcpExt::TCPHystartTrainCwnd, u64::from(cwnd));
        }
    }
    if !ca.found {
        ca.curr_rtt = ca.curr_rtt.min(delay);
        if ca.sample_cnt < HYSTART_MIN_SAMPLES {
            ca.sample_cnt += 1;
        } else if ca.curr_rtt > ca.delay_min + (ca.delay_min >> 3).clamp(HYSTART_DELAY_MIN, HYSTART_DELAY_MAX)
        {
            ca.found = true;
            cx.inc(TcpExt::TCPHystartDelayDetect);
            cx.add(TcpExt::TCPHystartDelayCwnd, u64::from(cwnd));
        }
    }
    if ca.found {
        tp.snd_ssthresh = cwnd;
    }
}

impl CongestionOps for CubicOps {
    fn name(&self) -> &'static str {
        "cubic"
    }

    fn init(&self, tp: &TcpSock) -> CaPriv {
        let mut ca = Cubic::default();
        ca.hystart_reset(tp.mstamp, tp.snd_nxt);
        CaPriv::Cubic(ca)
    }

    fn ssthresh(&self, tp: &mut TcpSock) -> u32 {
        let cwnd = u64::from(tp.snd_cwnd);
        if let CaPriv::Cubic(ca) = &mut tp.cong.state {
            ca.epoch_start = 0;
            // Fast convergence: below the last maximum, leave room to newcomers.
            ca.last_max_cwnd = if cwnd < u64::from(ca.last_max_cwnd) {
                (cwnd * (BETA_DENOM + BETA) / (2 * BETA_DENOM)) as u32
            } else {
                cwnd as u32
            };
        }
        ((cwnd * BETA / BETA_DENOM) as u32).max(2)
    }

    fn cong_avoid(&self, tp: &mut TcpSock, _ack: u32, acked: u32) {
        if !tp.is_cwnd_limited() {
            return;
        }
        let mut acked = acked;
        if tp.in_slow_start() {
            acked = slow_start(tp, acked);
            if acked == 0 {
                return;
            }
        }
        let (now, cwnd) = (tp.jiffies32(), tp.snd_cwnd);
        let cnt = match &mut tp.cong.state {
            CaPriv::Cubic(ca) => {
                ca.update(now, cwnd, acked);
                ca.cnt
            }
            _ => cwnd,
        };
        cong_avoid_ai(tp, cnt, acked);
    }

    fn set_state(&self, tp: &mut TcpSock, to: CaState) {
        let (mstamp, snd_nxt) = (tp.mstamp, tp.snd_nxt);
        if to == CaState::Loss
            && let CaPriv::Cubic(ca) = &mut tp.cong.state
        {
            ca.reset();
            ca.hystart_reset(mstamp, snd_nxt);
        }
    }

    fn cwnd_event(&self, tp: &mut TcpSock, event: CaEvent) {
        let now = tp.jiffies32();
        let idle = now.wrapping_sub(tp.lsndtime) as i32;
        if event == CaEvent::TxStart
            && idle > 0
            && let CaPriv::Cubic(ca) = &mut tp.cong.state
            && ca.epoch_start != 0
        {
            // The epoch does not run while the application is silent.
            ca.epoch_start = ca.epoch_start.wrapping_add(idle as u32);
            if after(ca.epoch_start, now) {
                ca.epoch_start = now;
            }
        }
    }

    fn pkts_acked(&self, tp: &mut TcpSock, cx: &Cx<'_>, _acked: u32, rtt_us: i64) {
        if rtt_us < 0 {
            return;
        }
        let (now, slow_start) = (tp.jiffies32(), tp.in_slow_start());
        let CaPriv::Cubic(ca) = &mut tp.cong.state else { return };
        // Right after recovery the queue is still draining.
        if ca.epoch_start != 0 && (now.wrapping_sub(ca.epoch_start) as i32) < 1000 {
            return;
        }
        let delay = (rtt_us as u32).max(1);
        if ca.delay_min == 0 || ca.delay_min > delay {
            ca.delay_min = delay;
        }
        if !ca.found && slow_start {
            hystart_update(tp, cx, delay);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots() {
        for x in [0u64, 1, 2, 7, 8, 9, 26, 27, 1 << 30, CUBE_FACTOR * 100] {
            let root = u64::from(cubic_root(x));
            assert!(root.pow(3) <= x && (root + 1).pow(3) > x);
        }
    }

    /// After a reduction from 1000 segments the window returns to 1000 after K seconds:
    /// K = cbrt((1000 - 700) / 0.4) = 9.1 s.
    #[test]
    fn plateau_is_reached_at_k() {
        let mut tp =
            TcpSock { snd_cwnd: 1000, snd_cwnd_clamp: u32::MAX, is_cwnd_limited: true, ..TcpSock::default() };
        tp.cong.state = CubicOps.init(&tp);
        tp.snd_ssthresh = CubicOps.ssthresh(&mut tp);
        assert_eq!(tp.snd_ssthresh, 700);
        tp.snd_cwnd = 700;
        tp.mstamp = 1_000_000;
        let rtt_us = 50_000;
        let mut reached = 0;
        for round in 0..400u64 {
            tp.mstamp += rtt_us;
            for _ in 0..tp.snd_cwnd {
                CubicOps.cong_avoid(&mut tp, 0, 1);
            }
            if tp.snd_cwnd >= 998 {
                reached = round * rtt_us / 1000;
                break;
            }
        }
        assert!((6800..9500).contains(&reached), "{reached} ms");
    }

    #[test]
    fn fast_convergence_gives_way() {
        let mut tp = TcpSock { snd_cwnd: 100, ..TcpSock::default() };
        tp.cong.state = CubicOps.init(&tp);
        CubicOps.ssthresh(&mut tp);
        tp.snd_cwnd = 80;
        CubicOps.ssthresh(&mut tp);
        let CaPriv::Cubic(ca) = &tp.cong.state else { panic!("cubic") };
        assert_eq!(ca.last_max_cwnd, 80 * (1024 + 717) / 2048);
    }
}
