//! CUBIC (RFC 9438) with HyStart: `tcp_cubic`, and Linux's constants.

use super::{AckSample, CONG_NON_RESTRICTED, CaEvent, CongestionOps, cong_avoid_ai, reno, slow_start};
use crate::seq::after;
use crate::sock::{CaState, Sk, TcpSock};
use net::Cx;
use net::mib::TcpExt;
use net::sock::PACING_NONE;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Multiplicative decrease as the module has it when it is loaded, in 1024ths (`beta`).
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
/// Samples of the RTT in a round.
const HYSTART_MIN_SAMPLES: u16 = 8;
/// `HYSTART_ACK_TRAIN`
const ACK_TRAIN: i32 = 1;
/// `HYSTART_DELAY`
const DELAY: i32 = 2;
const HYSTART_DELAY_MIN: u32 = 4000;
const HYSTART_DELAY_MAX: u32 = 16_000;

/// CUBIC's state (`struct bictcp`).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
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
    sample_cnt: u16,
    found: u16,
    round_start: u32,
    end_seq: u32,
    last_ack: u32,
    curr_rtt: u32,
}

/// `tcp_cubic`
pub static CUBIC: CongestionOps = CongestionOps {
    flags: CONG_NON_RESTRICTED,
    init: Some(|sk, _cx| {
        let (hystart, initial) = (sk.sysctl().cubic.hystart() != 0, sk.sysctl().cubic.initial_ssthresh());
        if hystart {
            hystart_reset(sk);
        } else if initial != 0 {
            sk.snd_ssthresh = initial as u32;
        }
    }),
    ssthresh: |sk| {
        let params = &sk.sysctl().cubic;
        let (beta, fast_convergence) = (params.beta() as u32, params.fast_convergence() != 0);
        ssthresh(sk, beta, fast_convergence)
    },
    cong_avoid: Some(|sk, _cx, _ack, acked| {
        let friendly = sk.sysctl().cubic.tcp_friendliness() != 0;
        cong_avoid(sk, acked, friendly);
    }),
    set_state: Some(|sk, to| {
        if to == CaState::Loss {
            state(sk).reset();
            hystart_reset(sk);
        }
    }),
    cwnd_event: Some(cwnd_event),
    pkts_acked: Some(pkts_acked),
    undo_cwnd: |sk| reno::undo_cwnd(sk),
    ..CongestionOps::new("cubic")
};

fn state(tp: &mut TcpSock) -> &mut Cubic {
    tp.cong.state()
}

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
    fn update(&mut self, now: u32, cwnd: u32, acked: u32, friendly: bool) {
        self.ack_cnt += acked;
        if self.last_cwnd == cwnd && now.wrapping_sub(self.last_time) as i32 <= 1000 / 32 {
            return;
        }
        if self.epoch_start == 0 || now != self.last_time {
            self.cubic_target(now, cwnd, acked);
        }
        if friendly {
            let delta = ((u64::from(cwnd) * BETA_SCALE) >> 3).max(1) as u32;
            self.tcp_cwnd = self.tcp_cwnd.wrapping_add(self.ack_cnt.saturating_sub(1) / delta);
            self.ack_cnt -= self.ack_cnt.saturating_sub(1) / delta * delta;
            if self.tcp_cwnd > cwnd {
                self.cnt = self.cnt.min(cwnd / (self.tcp_cwnd - cwnd));
            }
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

    fn reset(&mut self) {
        *self = Cubic {
            sample_cnt: self.sample_cnt,
            end_seq: self.end_seq,
            round_start: self.round_start,
            last_ack: self.last_ack,
            curr_rtt: self.curr_rtt,
            ..Cubic::default()
        };
    }
}

fn hystart_reset(tp: &mut TcpSock) {
    let (now, snd_nxt) = (tp.mstamp as u32, tp.snd_nxt);
    let ca = state(tp);
    (ca.round_start, ca.last_ack, ca.end_seq) = (now, now, snd_nxt);
    (ca.curr_rtt, ca.sample_cnt) = (u32::MAX, 0);
}

/// How long the ACKs of a few large sends may be held together, µs.
fn hystart_ack_delay(sk: &Sk<'_>) -> u32 {
    const GSO_MAX_SIZE: u64 = 65_536;
    let bytes_us = GSO_MAX_SIZE * 4 * 1_000_000;
    bytes_us.checked_div(sk.sk.pacing_rate()).map_or(0, |us| us.min(1000) as u32)
}

fn hystart_update(sk: &mut Sk<'_>, cx: &Cx<'_>, delay: u32) {
    if after(sk.snd_una, state(sk).end_seq) {
        hystart_reset(sk);
    }
    let params = &sk.sysctl().cubic;
    let (low_window, detect) = (params.hystart_low_window() as u32, params.hystart_detect());
    let (ack_delta, cwnd, now) = (params.hystart_ack_delta_us(), sk.snd_cwnd, sk.mstamp as u32);
    if cwnd < low_window {
        return;
    }
    let extra = hystart_ack_delay(sk);
    // Pacing spreads a round's packets over half of it.
    let shift = u32::from(sk.sk.pacing_status() == PACING_NONE);
    let ca = state(sk);
    let mut found = (false, false);
    if detect & ACK_TRAIN != 0 && now.wrapping_sub(ca.last_ack) as i32 <= ack_delta {
        ca.last_ack = now;
        let threshold = (ca.delay_min + extra) >> shift;
        found.0 = now.wrapping_sub(ca.round_start) as i32 > threshold as i32;
    }
    if detect & DELAY != 0 {
        ca.curr_rtt = ca.curr_rtt.min(delay);
        let margin = (ca.delay_min >> 3).clamp(HYSTART_DELAY_MIN, HYSTART_DELAY_MAX);
        if ca.sample_cnt < HYSTART_MIN_SAMPLES {
            ca.sample_cnt += 1;
        } else {
            found.1 = ca.curr_rtt > ca.delay_min + margin;
        }
    }
    if found == (false, false) {
        return;
    }
    ca.found = 1;
    if found.0 {
        cx.inc(TcpExt::TCPHystartTrainDetect);
        cx.add(TcpExt::TCPHystartTrainCwnd, u64::from(cwnd));
    }
    if found.1 {
        cx.inc(TcpExt::TCPHystartDelayDetect);
        cx.add(TcpExt::TCPHystartDelayCwnd, u64::from(cwnd));
    }
    sk.snd_ssthresh = cwnd;
}

/// `cubictcp_recalc_ssthresh`
fn ssthresh(tp: &mut TcpSock, beta: u32, fast_convergence: bool) -> u32 {
    let cwnd = u64::from(tp.snd_cwnd);
    let ca = state(tp);
    ca.epoch_start = 0;
    // Below the last maximum, leave room to newcomers.
    ca.last_max_cwnd = if cwnd < u64::from(ca.last_max_cwnd) && fast_convergence {
        (cwnd * (BETA_DENOM + u64::from(beta)) / (2 * BETA_DENOM)) as u32
    } else {
        cwnd as u32
    };
    ((cwnd * u64::from(beta) / BETA_DENOM) as u32).max(2)
}

/// `cubictcp_cong_avoid`
fn cong_avoid(tp: &mut TcpSock, acked: u32, friendly: bool) {
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
    let ca = state(tp);
    ca.update(now, cwnd, acked, friendly);
    let cnt = ca.cnt;
    cong_avoid_ai(tp, cnt, acked);
}

fn cwnd_event(sk: &mut Sk<'_>, _cx: &Cx<'_>, event: CaEvent) {
    if event != CaEvent::TxStart {
        return;
    }
    let now = sk.jiffies32();
    let idle = now.wrapping_sub(sk.lsndtime) as i32;
    let ca = state(sk);
    if idle > 0 && ca.epoch_start != 0 {
        // The epoch does not run while the application is silent.
        ca.epoch_start = ca.epoch_start.wrapping_add(idle as u32);
        if after(ca.epoch_start, now) {
            ca.epoch_start = now;
        }
    }
}

/// `cubictcp_acked`
fn pkts_acked(sk: &mut Sk<'_>, cx: &Cx<'_>, sample: &AckSample) {
    if sample.rtt_us < 0 {
        return;
    }
    let (now, slow_start) = (sk.jiffies32(), sk.in_slow_start());
    let ca = state(sk);
    // Right after recovery the queue is still draining.
    if ca.epoch_start != 0 && (now.wrapping_sub(ca.epoch_start) as i32) < 1000 {
        return;
    }
    let delay = (sample.rtt_us as u32).max(1);
    if ca.delay_min == 0 || ca.delay_min > delay {
        ca.delay_min = delay;
    }
    if ca.found == 0 && slow_start && sk.sysctl().cubic.hystart() != 0 {
        hystart_update(sk, cx, delay);
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
        tp.snd_ssthresh = ssthresh(&mut tp, BETA as u32, true);
        assert_eq!(tp.snd_ssthresh, 700);
        tp.snd_cwnd = 700;
        tp.mstamp = 1_000_000;
        let rtt_us = 50_000;
        let mut reached = 0;
        for round in 0..400u64 {
            tp.mstamp += rtt_us;
            for _ in 0..tp.snd_cwnd {
                cong_avoid(&mut tp, 1, true);
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
        ssthresh(&mut tp, BETA as u32, true);
        tp.snd_cwnd = 80;
        ssthresh(&mut tp, BETA as u32, true);
        assert_eq!(state(&mut tp).last_max_cwnd, 80 * (1024 + 717) / 2048);
    }
}
