//! Blocking: how a system call sleeps until something happens, time is over, or a signal comes.

use kern::context::Process;
use kern::time::Time;
use kern::wait::{WaitQueue, Wake};
use std::sync::Arc;
use uapi::{Errno, Result};

/// How long a call may wait, as the caller said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// For ever.
    Never,
    /// Not longer than this many nanoseconds; 0 does not wait at all.
    After(u64),
}

impl Timeout {
    /// Milliseconds, negative for ever (`poll(2)`, `epoll_wait(2)`).
    #[must_use]
    pub fn from_ms(ms: i32) -> Self {
        u64::try_from(ms).map_or(Self::Never, |ms| Self::After(ms * 1_000_000))
    }

    /// A `struct timespec` (`ppoll(2)`, `epoll_pwait2(2)`).
    ///
    /// # Errors
    /// `EINVAL` if it is negative or not normal.
    pub fn from_timespec(sec: i64, nsec: i64) -> Result<Self> {
        if sec < 0 || !(0..1_000_000_000).contains(&nsec) {
            return Err(Errno::EINVAL);
        }
        Ok(Self::After((sec as u64).saturating_mul(1_000_000_000).saturating_add(nsec as u64)))
    }

    /// A `struct timeval` (`select(2)`): more than a second of microseconds counts as seconds.
    ///
    /// # Errors
    /// `EINVAL` if it is negative.
    pub fn from_timeval(sec: i64, usec: i64) -> Result<Self> {
        let sec = sec.wrapping_add(usec / 1_000_000);
        Self::from_timespec(sec, usec % 1_000_000 * 1000)
    }

    /// The moment at which it is over, from now on.
    #[must_use]
    pub fn deadline(self, p: &Process<'_>) -> Deadline {
        match self {
            Self::Never => Deadline::Never,
            Self::After(0) => Deadline::Now,
            Self::After(ns) => Deadline::At(Time::from_ns(p.now().ns().saturating_add(ns))),
        }
    }
}

/// When a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Do not wait.
    Now,
    /// At this moment.
    At(Time),
    /// Never.
    Never,
}

impl Deadline {
    /// Whether it has come.
    #[must_use]
    pub fn is_over(self, p: &Process<'_>) -> bool {
        match self {
            Self::Now => true,
            Self::Never => false,
            Self::At(time) => p.now() >= time,
        }
    }

    /// As the sleeper wants it.
    pub(crate) fn until(self) -> Option<Time> {
        match self {
            Self::At(time) => Some(time),
            Self::Now | Self::Never => None,
        }
    }
}

/// How a call stands on a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Woken with all others.
    All,
    /// One is woken, the first who came.
    Exclusive,
    /// One is woken, the last who came: his caches are the warmest.
    ExclusiveFirst,
}

/// Sleep once on a queue unless `ready` already. Wakes for the queue, a signal, the deadline, or for nothing: look again after it.
pub fn sleep_once(
    p: &Process<'_>,
    wq: &WaitQueue,
    stand: Stand,
    deadline: Deadline,
    ready: impl FnOnce() -> bool,
) {
    let parker = p.cpu.parker();
    let key = match stand {
        Stand::ExclusiveFirst => wq.add_exclusive_first(parker.clone()),
        _ => wq.add(parker.clone(), stand == Stand::Exclusive),
    };
    parker.prepare();
    if !ready() {
        p.sleep(deadline.until());
    }
    wq.remove(key);
}

/// Wait until `cond` gives something (`wait_event_interruptible_timeout`).
///
/// # Errors
/// `EAGAIN` when `until` has come, `ERESTARTSYS` for a signal.
pub fn wait_event<R>(
    p: &Process<'_>,
    wq: &WaitQueue,
    until: Option<Time>,
    mut cond: impl FnMut() -> Option<R>,
) -> Result<R> {
    let deadline = until.map_or(Deadline::Never, Deadline::At);
    loop {
        if let Some(result) = cond() {
            return Ok(result);
        }
        if deadline.is_over(p) {
            return Err(Errno::EAGAIN);
        }
        if p.signal_pending() {
            return Err(Errno::ERESTARTSYS);
        }
        let mut found = None;
        sleep_once(p, wq, Stand::All, deadline, || {
            found = cond();
            found.is_some()
        });
        if let Some(result) = found {
            return Ok(result);
        }
    }
}

/// Wakes a thread for some events only.
pub(crate) struct Filter {
    pub(crate) parker: Arc<dyn Wake>,
    pub(crate) mask: u32,
}

impl Wake for Filter {
    fn wake(&self, mask: u32) -> bool {
        (mask == 0 || mask & self.mask != 0) && self.parker.wake(mask)
    }
}
