//! Deliberate mistakes, so that the models prove that they would notice: a model is run once as the
//! code is, and once for each mistake, which must fail it.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(sk_loom), allow(dead_code, reason = "made by the models only"))]
pub(crate) enum Fault {
    /// [`SpinLock`](crate::sync::SpinLock) is unlocked without release ordering.
    SpinUnlockRelaxed,
    /// The owner of a socket lets go without release ordering.
    OwnerReleaseRelaxed,
    /// A softirq lets go of a socket without release ordering.
    BhReleaseRelaxed,
    /// The owner takes the backlog, and marks it empty only after others could add to it.
    BacklogMarkedLate,
    /// The owner lets go without looking at those who wait in line.
    WaitersForgotten,
    /// A waker looks for sleepers without a barrier.
    SleepersUnfenced,
    /// A sleeper makes himself ready without a barrier.
    PrepareUnfenced,
    /// A sleeper blocks without looking whether he was woken.
    BlockUnchecked,
    /// An exclusive waiter leaves and keeps a wake that may have been another's.
    WakeKept,
    /// An exclusive wake counts although its waiter has left.
    LeaverCounts,
    /// A signal looks for the sleeper before it is pending.
    SignalLate,
    /// A timer that was armed once is taken for pending although it expired.
    TimerPendingUnchecked,
    /// The names of timers are used twice.
    TimerNamesReused,
    /// A claim ends without looking for items that came in.
    ClaimReleaseUnchecked,
    /// A claimer takes what came in, and marks it taken only after others could add to it.
    ClaimMarkedLate,
    /// A new claim adds items before it takes in those that were there.
    ClaimOrder,
}

#[cfg(not(sk_loom))]
#[inline(always)]
pub(crate) const fn is(_fault: Fault) -> bool {
    false
}

/// Which mistake a process makes: the [`Debug`] name of a [`Fault`].
#[cfg(sk_loom)]
pub(crate) const ENV: &str = "SK_FAULT";

#[cfg(sk_loom)]
pub(crate) fn is(fault: Fault) -> bool {
    // One for the whole process: the models that must fail run in processes of their own, because a
    // model that fails may abort.
    static MADE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let made = MADE.get_or_init(|| std::env::var(ENV).ok());
    made.as_ref().is_some_and(|made| *made == format!("{fault:?}"))
}
