//! How a thread sleeps: a [`Parker`] that wakers mark, and a [`Sleeper`] that knows what sleeping
//! means in this world (a thread blocks, or a simulation runs forward).

use crate::fault::{self, Fault};
use crate::sync::prim::{self, Condvar, Mutex};
use crate::sync::prim::{AtomicU32, Ordering};
use crate::time::{Clock, Time};
use crate::wait::Wake;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// What a thread sleeps on (the kernel's `current->state` and `wake_up_process`).
///
/// The sleeper calls [`Parker::prepare`], checks its condition, then sleeps; whoever makes the
/// condition true calls [`Wake::wake`] after it. Both are read-modify-writes of the same word, so
/// either the waker's comes first and the sleeper sees the condition, or it comes second and the
/// sleep returns at once.
pub struct Parker {
    state: AtomicU32,
    mutex: Mutex<()>,
    condvar: Condvar,
}

impl Default for Parker {
    fn default() -> Self {
        Parker { state: AtomicU32::new(EMPTY), mutex: Mutex::new(()), condvar: Condvar::new() }
    }
}

impl Parker {
    /// Forgets earlier wakes (`set_current_state(TASK_INTERRUPTIBLE)`). Check the condition after.
    #[inline]
    pub fn prepare(&self) {
        if fault::is(Fault::PrepareUnfenced) {
            self.state.store(EMPTY, Ordering::Release);
            return;
        }
        self.state.swap(EMPTY, Ordering::AcqRel);
    }

    /// True if a wake came since [`Parker::prepare`].
    #[inline]
    pub fn is_notified(&self) -> bool {
        self.state.load(Ordering::Acquire) == NOTIFIED
    }

    /// Wakes the sleeper, or makes its next sleep return at once. True if it was not woken already.
    #[inline]
    pub fn unpark(&self) -> bool {
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            EMPTY => true,
            PARKED => {
                // The sleeper holds the mutex from PARKED until it waits: it cannot miss the notice.
                drop(self.mutex.lock().unwrap_or_else(PoisonError::into_inner));
                self.condvar.notify_one();
                true
            }
            _ => false,
        }
    }

    /// Blocks the thread until a wake, or until `timeout` is over. Returns at once if a wake came
    /// since [`Parker::prepare`]. May return early; true if a wake came.
    pub fn block(&self, timeout: Option<Duration>) -> bool {
        let mut guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        if fault::is(Fault::BlockUnchecked) {
            self.state.store(PARKED, Ordering::Release);
        } else if self.state.compare_exchange(EMPTY, PARKED, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return true;
        }
        match timeout {
            Some(timeout) => {
                drop(self.condvar.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0);
            }
            None => loop {
                guard = self.condvar.wait(guard).unwrap_or_else(PoisonError::into_inner);
                if self.is_notified() {
                    return true;
                }
            },
        }
        self.state.compare_exchange(PARKED, EMPTY, Ordering::AcqRel, Ordering::Acquire).is_err()
    }

    /// Watches for a wake up to `turns` times without giving the CPU up; true if one came.
    #[inline]
    pub fn spin(&self, turns: u32) -> bool {
        for _ in 0..turns {
            if self.is_notified() {
                return true;
            }
            prim::spin_loop();
        }
        self.is_notified()
    }
}

impl Wake for Parker {
    #[inline]
    fn wake(&self, _mask: u32) -> bool {
        self.unpark()
    }
}

/// How this world sleeps.
pub trait Sleeper: Send + Sync {
    /// Returns when `parker` was woken since its [`Parker::prepare`], or when `until` has passed.
    /// It may return early: callers check again.
    fn sleep(&self, parker: &Parker, until: Option<Time>);
}

/// Sleeps by blocking the thread.
pub struct ThreadSleeper {
    clock: Arc<dyn Clock>,
    spin: u32,
}

impl ThreadSleeper {
    /// How often a sleeper looks before it blocks: about 2 µs, less than a wake-up costs.
    const SPIN: u32 = 50;

    /// A sleeper for a machine with `cpus` CPUs. `clock` must run in real time.
    pub fn new(clock: Arc<dyn Clock>, cpus: usize) -> Self {
        // With one CPU nobody can wake us while we look.
        ThreadSleeper { clock, spin: if cpus > 1 { Self::SPIN } else { 0 } }
    }
}

impl Sleeper for ThreadSleeper {
    fn sleep(&self, parker: &Parker, until: Option<Time>) {
        if parker.spin(self.spin) {
            return;
        }
        let Some(until) = until else {
            parker.block(None);
            return;
        };
        loop {
            let left = until - self.clock.now();
            if left == 0 || parker.block(Some(Duration::from_nanos(left))) {
                return;
            }
        }
    }
}
