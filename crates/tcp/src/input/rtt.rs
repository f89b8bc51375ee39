//! Round-trip times and the timeout that follows from them (RFC 6298 with Linux's bounds;
//! `tcp_rtt_estimator`, `tcp_set_rto`), and the windowed minimum (`win_minmax.c`).

use super::ack::{FLAG_ACK_MAYBE_DELAYED, FLAG_ACKED};
use crate::cong::RateSample;
use crate::seq::after;
use crate::sock::{MinRtt, Sk, TcpSock};

/// The timeout that the estimates give, ms (`__tcp_set_rto`).
#[inline]
#[must_use]
pub fn rto_of(tp: &TcpSock) -> u32 {
    ((tp.srtt_us >> 3) + tp.rttvar_us).div_ceil(1000)
}

/// Takes a sample into the estimates, µs.
pub fn rtt_estimator(tp: &mut TcpSock, sample_us: u32) {
    let mut m = i64::from(sample_us);
    let mut srtt = i64::from(tp.srtt_us);
    let rto_min_us = tp.rto_min * 1000;
    if srtt == 0 {
        srtt = m << 3;
        tp.mdev_us = (m << 1) as u32;
        tp.rttvar_us = tp.mdev_us.max(rto_min_us);
        tp.mdev_max_us = tp.rttvar_us;
        tp.rtt_seq = tp.snd_nxt;
        tp.srtt_us = srtt.max(1) as u32;
        return;
    }
    m -= srtt >> 3;
    srtt += m;
    if m < 0 {
        m = -m;
        m -= i64::from(tp.mdev_us >> 2);
        // A fall of the RTT must not raise the timeout: gain 1/32 then.
        if m > 0 {
            m >>= 3;
        }
    } else {
        m -= i64::from(tp.mdev_us >> 2);
    }
    tp.mdev_us = (i64::from(tp.mdev_us) + m).max(0) as u32;
    if tp.mdev_us > tp.mdev_max_us {
        tp.mdev_max_us = tp.mdev_us;
        if tp.mdev_max_us > tp.rttvar_us {
            tp.rttvar_us = tp.mdev_max_us;
        }
    }
    if after(tp.snd_una, tp.rtt_seq) {
        if tp.mdev_max_us < tp.rttvar_us {
            tp.rttvar_us -= (tp.rttvar_us - tp.mdev_max_us) >> 2;
        }
        tp.rtt_seq = tp.snd_nxt;
        tp.mdev_max_us = rto_min_us;
    }
    tp.srtt_us = srtt.max(1) as u32;
}

/// What an ACK says of the RTT; true when there was a sample (`tcp_ack_update_rtt`).
pub fn ack_update_rtt(
    sk: &mut Sk<'_>,
    flag: u32,
    seq_rtt: i64,
    sack_rtt: i64,
    ca_rtt: i64,
    rs: &mut RateSample,
) -> bool {
    let (mut seq_rtt, mut ca_rtt) = (if seq_rtt < 0 { sack_rtt } else { seq_rtt }, ca_rtt);
    // Only timestamps tell which copy of a retransmitted segment arrived (Karn, RFC 7323).
    if seq_rtt < 0 && flag & FLAG_ACKED != 0 {
        seq_rtt = tsopt_us(sk, 1);
        ca_rtt = seq_rtt;
    }
    rs.rtt_us = ca_rtt;
    if seq_rtt < 0 {
        return false;
    }
    update_rtt_min(sk, ca_rtt.max(0) as u32, flag);
    rtt_estimator(sk, seq_rtt.min(i64::from(u32::MAX >> 4)) as u32);
    sk.rto = rto_of(sk).min(sk.rto_max).max(1);
    sk.backoff = 0;
    true
}

/// The RTT by the echoed timestamp, µs, at least `min_delta` ms; -1 without (`tcp_rtt_tsopt_us`).
#[must_use]
pub fn tsopt_us(sk: &Sk<'_>, min_delta: u32) -> i64 {
    if !sk.rx_opt.saw_tstamp || sk.rx_opt.rcv_tsecr == 0 {
        return -1;
    }
    let delta = sk.jiffies32().wrapping_sub(sk.rx_opt.rcv_tsecr);
    if delta >= i32::MAX as u32 / 1000 {
        return -1;
    }
    i64::from(delta.max(min_delta)) * 1000
}

fn update_rtt_min(sk: &mut Sk<'_>, rtt_us: u32, flag: u32) {
    if flag & FLAG_ACK_MAYBE_DELAYED != 0 && rtt_us > sk.min_rtt() {
        return;
    }
    let window = sk.sysctl().min_rtt_wlen() as u32 * 1000;
    let now = sk.jiffies32();
    running_min(&mut sk.rtt_min, window, now, if rtt_us == 0 { 1000 } else { rtt_us });
}

/// The minimum of a moving window, kept as the best three of its parts (`minmax_running_min`).
pub fn running_min(m: &mut MinRtt, window: u32, now: u32, value: u32) {
    let sample = (now, value);
    if m.s[0].1 == 0 || value <= m.s[0].1 || now.wrapping_sub(m.s[2].0) > window {
        m.s = [sample; 3];
        return;
    }
    if value <= m.s[1].1 {
        m.s[1] = sample;
        m.s[2] = sample;
    } else if value <= m.s[2].1 {
        m.s[2] = sample;
    }
    let dt = now.wrapping_sub(m.s[0].0);
    if dt > window {
        // The best is too old: the others move up.
        m.s = [m.s[1], m.s[2], sample];
        if now.wrapping_sub(m.s[0].0) > window {
            m.s = [m.s[1], m.s[2], sample];
        }
    } else if m.s[1].0 == m.s[0].0 && dt > window / 4 {
        m.s[1] = sample;
        m.s[2] = sample;
    } else if m.s[2].0 == m.s[1].0 && dt > window / 2 {
        m.s[2] = sample;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fresh() -> TcpSock {
        TcpSock { rto_min: 200, rto_max: 120_000, ..TcpSock::default() }
    }

    #[test]
    fn first_sample() {
        let mut tp = fresh();
        rtt_estimator(&mut tp, 100_000);
        assert_eq!((tp.srtt_us >> 3, tp.mdev_us, tp.rttvar_us), (100_000, 200_000, 200_000));
        assert_eq!(rto_of(&tp), 300);
    }

    #[test]
    fn steady_rtt_settles_at_rtt_plus_the_least_variance() {
        let mut tp = fresh();
        for i in 0..200u32 {
            tp.snd_una = i * 1000;
            tp.snd_nxt = tp.snd_una + 500;
            rtt_estimator(&mut tp, 50_000);
        }
        assert_eq!(tp.srtt_us >> 3, 50_000);
        assert_eq!(rto_of(&tp), 250);
    }

    #[test]
    fn zero_rtt_is_known() {
        let mut tp = fresh();
        rtt_estimator(&mut tp, 0);
        assert_eq!(tp.srtt_us, 1);
        assert_eq!(rto_of(&tp), 200);
    }

    proptest! {
        #[test]
        fn srtt_stays_within_the_samples(samples in prop::collection::vec(1u32..10_000_000, 1..100)) {
            let mut tp = fresh();
            for (i, sample) in samples.iter().enumerate() {
                tp.snd_una = i as u32;
                tp.snd_nxt = i as u32 + 1;
                rtt_estimator(&mut tp, *sample);
            }
            let (low, high) = (samples.iter().min().unwrap(), samples.iter().max().unwrap());
            prop_assert!(tp.srtt_us >> 3 <= *high && (tp.srtt_us >> 3) + 8 >= *low);
            prop_assert!(tp.rttvar_us >= 200_000);
        }

        #[test]
        fn minimum_is_that_of_the_window(steps in prop::collection::vec((1u32..50, 1u32..1000), 1..200)) {
            let window = 300;
            let (mut m, mut now, mut seen) = (MinRtt::default(), 1000u32, Vec::new());
            for (step, value) in steps {
                now += step;
                running_min(&mut m, window, now, value);
                seen.push((now, value));
                prop_assert!(seen.contains(&m.s[0]) && now - m.s[0].0 <= window);
                prop_assert!(m.s[0].1 <= value);
            }
        }
    }
}
