//! Whether a signal waits for a task (`signal_pending`), and how it ends a sleep.

use crate::fault::{self, Fault};
use crate::sync::SpinLock;
use crate::sync::prim::{AtomicU32, Ordering};
use crate::wait::Wake;
use std::sync::Arc;

/// A task's signals, as far as blocking calls care: one bit.
#[derive(Default)]
pub struct Signals {
    pending: AtomicU32,
    sleeper: SpinLock<Option<Arc<dyn Wake>>>,
}

impl Signals {
    /// No signal.
    pub fn new() -> Self {
        Self::default()
    }

    /// True if a signal waits to be handled (`signal_pending`).
    #[inline]
    pub fn pending(&self) -> bool {
        self.pending.load(Ordering::Acquire) != 0
    }

    /// A signal arrives: the call that sleeps now, or the next that wants to, ends with `EINTR` or
    /// `ERESTARTSYS` (`signal_wake_up`). Any thread may call it.
    pub fn interrupt(&self) {
        if !fault::is(Fault::SignalLate) {
            self.pending.store(1, Ordering::Release);
        }
        let sleeper = self.sleeper.lock().clone();
        if fault::is(Fault::SignalLate) {
            self.pending.store(1, Ordering::Release);
        }
        if let Some(sleeper) = sleeper {
            sleeper.wake(0);
        }
    }

    /// The signals were handled.
    pub fn clear(&self) {
        self.pending.store(0, Ordering::Release);
    }

    /// From now on [`Signals::interrupt`] wakes `sleeper`. False if a signal is pending already:
    /// then do not sleep.
    pub(crate) fn bind(&self, sleeper: Arc<dyn Wake>) -> bool {
        *self.sleeper.lock() = Some(sleeper);
        // After the lock: an `interrupt` that found nobody there stored its bit before it.
        !self.pending()
    }

    pub(crate) fn unbind(&self) {
        let sleeper = self.sleeper.lock().take();
        drop(sleeper);
    }
}
