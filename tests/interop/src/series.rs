//! How a connection went: samples of `TCP_INFO` at even distances, as text, and what two of them have in
//! common.

use sockeye::uapi::TcpInfo;
use std::fmt::Write as _;

/// Milliseconds between samples.
pub const STEP: u64 = 100;

/// One look at a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Since the connection was made, ms.
    pub at: u64,
    /// Segments.
    pub cwnd: u32,
    /// Segments; 0 while it is infinite.
    pub ssthresh: u32,
    /// Smoothed, µs.
    pub srtt: u32,
    /// Bytes that were acknowledged so far.
    pub acked: u64,
}

impl Sample {
    /// Of a connection at this moment.
    #[must_use]
    pub fn of(at: u64, info: &TcpInfo) -> Self {
        let ssthresh = if info.snd_ssthresh >= 0x7fff_ffff { 0 } else { info.snd_ssthresh };
        Sample { at, cwnd: info.snd_cwnd, ssthresh, srtt: info.rtt, acked: info.bytes_acked }
    }
}

/// Samples in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series(pub Vec<Sample>);

impl Series {
    /// As lines of numbers.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::from("ms\tcwnd\tssthresh\tsrtt_us\tacked\n");
        for Sample { at, cwnd, ssthresh, srtt, acked } in &self.0 {
            let _ = writeln!(text, "{at}\t{cwnd}\t{ssthresh}\t{srtt}\t{acked}");
        }
        text
    }

    /// Of such lines; `None` for anything else.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let line = |line: &str| {
            let numbers: Option<Vec<u64>> = line.split('\t').map(|word| word.parse().ok()).collect();
            let [at, cwnd, ssthresh, srtt, acked] = numbers?[..] else { return None };
            let small = |n: u64| u32::try_from(n).ok();
            Some(Sample { at, cwnd: small(cwnd)?, ssthresh: small(ssthresh)?, srtt: small(srtt)?, acked })
        };
        text.lines().skip(1).map(line).collect::<Option<Vec<_>>>().map(Series)
    }

    /// From `from` to `until` ms: the means of window and smoothed RTT, and the goodput.
    #[must_use]
    pub fn phase(&self, from: u64, until: u64) -> Phase {
        let of: Vec<_> = self.0.iter().filter(|s| (from..until).contains(&s.at)).collect();
        let n = of.len().max(1) as f64;
        let bytes = |at: u64| {
            let s = self.0.iter().rev().find(|s| s.at <= at);
            s.map_or(0, |s| s.acked) as f64
        };
        Phase {
            from,
            until,
            cwnd: of.iter().map(|s| f64::from(s.cwnd)).sum::<f64>() / n,
            srtt_ms: of.iter().map(|s| f64::from(s.srtt) / 1000.0).sum::<f64>() / n,
            mbit: (bytes(until) - bytes(from)) * 8.0 / 1000.0 / (until - from) as f64,
        }
    }
}

/// What a part of a series amounts to.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// Its begin, ms.
    pub from: u64,
    /// Its end.
    pub until: u64,
    /// Mean window, segments.
    pub cwnd: f64,
    /// Mean smoothed RTT, ms.
    pub srtt_ms: f64,
    /// Goodput, Mbit/s.
    pub mbit: f64,
}

/// The phases a comparison is made of: how the connection begins, and how it goes on.
pub const PHASES: &[(u64, u64)] = &[(0, 6_000), (6_000, 20_000), (20_000, 40_000), (40_000, 60_000)];

/// By how much `a` differs from `b`, percent of `b`.
#[must_use]
pub fn differs(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { (a - b) / b * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let series = Series(
            (0..5)
                .map(|i| Sample { at: i * STEP, cwnd: 10 + i as u32, acked: i * 1000, ..Sample::default() })
                .collect(),
        );
        assert_eq!(Series::from_text(&series.to_text()), Some(series.clone()));
        assert_eq!(Series::from_text("ms\n1\t2"), None);
        let phase = series.phase(0, 400);
        assert_eq!((phase.cwnd, phase.mbit), (11.5, 0.08));
    }
}
