//! Whether a signal waits for a task (`signal_pending`), and how it ends a sleep.

use crate::sync::SpinLock;
use crate::wait::Wake;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// A task's signals, as far as blocking calls care: one bit.
#[derive(Default)]
pub struct Signals {
    pending: AtomicBool,
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
        self.pending.load(SeqCst)
    }

    /// A signal arrives: the call that sleeps now, or the next that wants to, ends with `EINTR` or
    /// `ERESTARTSYS` (`signal_wake_up`). Any thread may call it.
    pub fn interrupt(&self) {
        self.pending.store(true, SeqCst);
        let sleeper = self.sleeper.lock().clone();
        if let Some(sleeper) = sleeper {
            sleeper.wake(0);
        }
    }

    /// The signals were handled.
    pub fn clear(&self) {
        self.pending.store(false, SeqCst);
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
