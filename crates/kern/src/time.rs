//! Time: nanoseconds since a clock's origin, and ticks of 1 ms (`HZ` = 1000).

use std::ops::{Add, AddAssign, Sub};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Ticks in a second (`CONFIG_HZ`): behaviour shows it in the rounding of timers.
pub const HZ: u64 = 1000;

/// A time or a span in ticks of 1 ms (`jiffies`). 64 bits: it does not wrap.
pub type Jiffies = u64;

const NS_PER_JIFFY: u64 = 1_000_000_000 / HZ;

/// Nanoseconds since the clock's origin (`ktime_t`, `CLOCK_MONOTONIC`). Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The origin.
    pub const ZERO: Time = Time(0);
    /// Never (`KTIME_MAX`).
    pub const MAX: Time = Time(u64::MAX);

    /// From nanoseconds.
    #[inline]
    pub const fn from_ns(ns: u64) -> Time {
        Time(ns)
    }

    /// From microseconds.
    #[inline]
    pub const fn from_us(us: u64) -> Time {
        Time(us.saturating_mul(1000))
    }

    /// From milliseconds.
    #[inline]
    pub const fn from_ms(ms: u64) -> Time {
        Time(ms.saturating_mul(1_000_000))
    }

    /// The beginning of a tick.
    #[inline]
    pub const fn from_jiffies(jiffies: Jiffies) -> Time {
        Time(jiffies.saturating_mul(NS_PER_JIFFY))
    }

    /// In nanoseconds.
    #[inline]
    pub const fn ns(self) -> u64 {
        self.0
    }

    /// In microseconds, rounded down.
    #[inline]
    pub const fn us(self) -> u64 {
        self.0 / 1000
    }

    /// In milliseconds, rounded down.
    #[inline]
    pub const fn ms(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The tick it falls into.
    #[inline]
    pub const fn jiffies(self) -> Jiffies {
        self.0 / NS_PER_JIFFY
    }

    /// Nanoseconds since `earlier`, 0 if that is later.
    #[inline]
    pub const fn since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// `ns` nanoseconds later.
impl Add<u64> for Time {
    type Output = Time;
    #[inline]
    fn add(self, ns: u64) -> Time {
        Time(self.0.saturating_add(ns))
    }
}

impl AddAssign<u64> for Time {
    #[inline]
    fn add_assign(&mut self, ns: u64) {
        *self = *self + ns;
    }
}

/// `ns` nanoseconds earlier.
impl Sub<u64> for Time {
    type Output = Time;
    #[inline]
    fn sub(self, ns: u64) -> Time {
        Time(self.0.saturating_sub(ns))
    }
}

/// Nanoseconds between, 0 if the right side is later.
impl Sub for Time {
    type Output = u64;
    #[inline]
    fn sub(self, earlier: Time) -> u64 {
        self.since(earlier)
    }
}

/// Where time comes from. The stack reads no other clock.
pub trait Clock: Send + Sync {
    /// The time (`ktime_get`). It never goes back.
    fn now(&self) -> Time;
    /// The time at the last tick, where that is cheaper to ask for: never later than [`Clock::now`], and
    /// a few milliseconds behind it at most (`ktime_get_coarse`).
    fn coarse(&self) -> Time {
        self.now()
    }
    /// Nanoseconds since 1970 (`ktime_get_real_ns`), for time stamps.
    fn realtime_ns(&self) -> u64;
}

/// A clock that stands still until it is told to advance.
#[derive(Debug)]
pub struct VirtualClock {
    now: AtomicU64,
    epoch_ns: u64,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new(Time::ZERO)
    }
}

impl VirtualClock {
    /// 2020-01-01 00:00:00 UTC, where the wall clock of a virtual world begins.
    pub const EPOCH_NS: u64 = 1_577_836_800 * 1_000_000_000;

    /// A clock that shows `now`.
    pub fn new(now: Time) -> Self {
        VirtualClock { now: AtomicU64::new(now.ns()), epoch_ns: Self::EPOCH_NS }
    }

    /// Sets the clock to `time`, unless it is past that already.
    pub fn advance_to(&self, time: Time) {
        self.now.fetch_max(time.ns(), SeqCst);
    }

    /// Advances by `ns` nanoseconds.
    pub fn advance(&self, ns: u64) {
        self.now.fetch_add(ns, SeqCst);
    }
}

impl Clock for VirtualClock {
    #[inline]
    fn now(&self) -> Time {
        Time::from_ns(self.now.load(SeqCst))
    }

    #[inline]
    fn realtime_ns(&self) -> u64 {
        self.epoch_ns + self.now().ns()
    }
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Time::from_ns(5) - 7, Time::ZERO);
        assert_eq!(Time::MAX + 1, Time::MAX);
        assert_eq!(Time::from_ns(5) - Time::from_ns(7), 0);
        assert_eq!(Time::from_jiffies(3).ns(), 3_000_000);
        assert_eq!(Time::from_ns(3_999_999).jiffies(), 3);
        assert_eq!(Time::from_jiffies(u64::MAX), Time::MAX);
    }

    #[test]
    fn a_virtual_clock_does_not_go_back() {
        let clock = VirtualClock::default();
        clock.advance_to(Time::from_us(5));
        clock.advance_to(Time::from_us(3));
        assert_eq!(clock.now(), Time::from_us(5));
        clock.advance(1);
        assert_eq!(clock.realtime_ns(), VirtualClock::EPOCH_NS + 5001);
    }
}
