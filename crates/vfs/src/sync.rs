//! The atomics of the epoll: `core`'s, or the model checker's under `--cfg sk_loom`; and the mistakes the models must notice.

#[cfg(not(sk_loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
#[cfg(sk_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A deliberate mistake: a model is run once as the code is, and once for each of these, which must fail it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(sk_loom), allow(dead_code, reason = "made by the models only"))]
pub(crate) enum Fault {
    /// `EPOLL_CTL_MOD` changes the events without the lock under which a wake-up reads them.
    ModUnlocked,
    /// `EPOLL_CTL_ADD` asks the file, and stands on its queue only then.
    AskedFirst,
    /// `epoll_wait` sleeps without looking once more.
    SleepsBlindly,
    /// What becomes ready during a scan is not noted.
    NotedNowhere,
}

#[cfg(not(sk_loom))]
#[inline(always)]
pub(crate) const fn is(_fault: Fault) -> bool {
    false
}

/// The mistake a process makes: the [`Debug`] name of a [`Fault`].
#[cfg(sk_loom)]
pub(crate) const ENV: &str = "SK_FAULT";

#[cfg(sk_loom)]
pub(crate) fn is(fault: Fault) -> bool {
    static MADE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let made = MADE.get_or_init(|| std::env::var(ENV).ok());
    made.as_ref().is_some_and(|made| *made == format!("{fault:?}"))
}
