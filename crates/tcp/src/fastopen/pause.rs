//! When clients of a namespace do without Fast Open, because something on the way swallows such
//! connections (`tfo_active_disable_times`, `tfo_active_disable_stamp`).

use crate::TcpNet;
use net::Net;
use net::sysctl::{IntRow, SysctlNode};
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed};
use uapi::Result;

/// A pause is at most 2 to this power times the first.
const MOST_DOUBLINGS: u32 = 6;

/// How often there was one, and when the last began.
#[derive(Default)]
pub struct Pauses {
    /// How long the first is, s; 0 for none.
    first: AtomicI32,
    times: AtomicU32,
    /// ms of the stack's clock.
    stamp: AtomicU64,
}

impl Pauses {
    /// One more begins at `now`, ms.
    pub fn begin(&self, now: u64) {
        self.stamp.store(now, Relaxed);
        self.times.fetch_add(1, Relaxed);
    }

    /// How many there were since the last success.
    #[must_use]
    pub fn times(&self) -> u32 {
        self.times.load(Relaxed)
    }

    /// True when there are any.
    #[must_use]
    pub fn are_on(&self) -> bool {
        self.first.load(Relaxed) > 0
    }

    /// True while the last one lasts at `now`, ms: each is twice as long as the one before it.
    #[must_use]
    pub fn lasts(&self, now: u64) -> bool {
        let first = u64::from(self.first.load(Relaxed).max(0) as u32) * 1000;
        let doublings = self.times().saturating_sub(1).min(MOST_DOUBLINGS);
        self.times() > 0 && now < self.stamp.load(Relaxed).saturating_add(first << doublings)
    }

    /// A connection succeeded.
    pub fn forget(&self) {
        self.times.store(0, Relaxed);
    }
}

/// `tcp_fastopen_blackhole_timeout_sec`: setting it ends a pause (`proc_tfo_blackhole_detect_timeout`).
pub(crate) struct TimeoutFile;

/// Where it is.
pub(crate) const PATH: &str = "net/ipv4/tcp_fastopen_blackhole_timeout_sec";

static ROW: IntRow =
    IntRow::new(PATH, |net| std::slice::from_ref(&net.generic::<TcpNet>().fastopen.pauses.first))
        .range(0, i32::MAX);

impl SysctlNode for TimeoutFile {
    fn read(&self, net: &Net) -> String {
        (&ROW).read(net)
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let taken = (&ROW).write_bytes(net, bytes)?;
        net.generic::<TcpNet>().fastopen.pauses.forget();
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_64_times_the_first() {
        let pauses = Pauses::default();
        assert!(!pauses.are_on() && !pauses.lasts(0));
        pauses.first.store(1, Relaxed);
        for (times, factor) in [1, 2, 4, 8, 16, 32, 64, 64].into_iter().enumerate() {
            pauses.begin(5000);
            assert!(pauses.lasts(5000 + factor * 1000 - 1), "pause {times}");
            assert!(!pauses.lasts(5000 + factor * 1000), "pause {times}");
        }
        pauses.forget();
        assert!(!pauses.lasts(5000));
    }
}
