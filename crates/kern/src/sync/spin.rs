//! A spin lock (`spinlock_t`): one read-modify-write to lock, a plain store to unlock.

use super::prim::{AtomicU32, Backoff, DataCell, Ordering, unless};
use crate::fault::Fault;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// The lock without what it guards.
#[derive(Debug, Default)]
pub(crate) struct RawSpin(AtomicU32);

/// A locked [`RawSpin`].
pub(crate) struct RawSpinGuard<'a>(&'a RawSpin);

#[cfg_attr(sk_loom, allow(dead_code, reason = "has a model of its own"))]
impl RawSpin {
    #[cfg(not(sk_loom))]
    const fn new() -> Self {
        RawSpin(AtomicU32::new(0))
    }

    #[inline]
    pub(crate) fn lock(&self) -> RawSpinGuard<'_> {
        if !self.try_set() {
            self.lock_slow();
        }
        RawSpinGuard(self)
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Option<RawSpinGuard<'_>> {
        self.try_set().then(|| RawSpinGuard(self))
    }

    #[inline]
    fn try_set(&self) -> bool {
        // Not a swap: one that fails would write, and to the model checker hide the unlock.
        self.0.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn lock_slow(&self) {
        let mut backoff = Backoff::default();
        loop {
            backoff.wait();
            // Look before the next try: looking leaves the cache line where it is.
            if self.0.load(Ordering::Relaxed) == 0 && self.try_set() {
                return;
            }
        }
    }
}

impl Drop for RawSpinGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.0.store(0, unless(Fault::SpinUnlockRelaxed, Ordering::Release));
    }
}

#[cfg(not(sk_loom))]
use self::{RawSpin as Raw, RawSpinGuard as RawGuard};

/// In the models a lock that blocks: three threads that spin never come to an end there.
#[cfg(sk_loom)]
#[derive(Debug, Default)]
struct Raw(loom::sync::Mutex<()>);

#[cfg(sk_loom)]
type RawGuard<'a> = loom::sync::MutexGuard<'a, ()>;

#[cfg(sk_loom)]
impl Raw {
    fn lock(&self) -> RawGuard<'_> {
        self.0.lock().unwrap()
    }

    fn try_lock(&self) -> Option<RawGuard<'_>> {
        self.0.try_lock().ok()
    }
}

/// A lock for a few instructions. Never sleep, and never call out, while holding one.
#[derive(Debug, Default)]
pub struct SpinLock<T> {
    raw: Raw,
    data: DataCell<T>,
}

// SAFETY: the lock gives the data to one thread at a time; it moves between threads, so it is Send.
unsafe impl<T: Send> Sync for SpinLock<T> {}
// SAFETY: nothing in it is tied to a thread.
unsafe impl<T: Send> Send for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// A lock that guards `value`.
    #[cfg(not(sk_loom))]
    pub const fn new(value: T) -> Self {
        SpinLock { raw: Raw::new(), data: DataCell::new(value) }
    }

    /// A lock that guards `value`.
    #[cfg(sk_loom)]
    pub fn new(value: T) -> Self {
        SpinLock { raw: Raw::default(), data: DataCell::new(value) }
    }

    /// Locks it (`spin_lock`).
    #[inline]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        SpinGuard::new(self, self.raw.lock())
    }

    /// Locks it if it is free (`spin_trylock`).
    #[inline]
    pub fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        Some(SpinGuard::new(self, self.raw.try_lock()?))
    }

    /// What it guards, without locking: nobody else has it.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self` is the only reference to the lock, so no guard exists.
        unsafe { &mut *self.data.ptr_mut() }
    }

    /// What it guards.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

/// A locked [`SpinLock`].
pub struct SpinGuard<'a, T> {
    data: &'a DataCell<T>,
    _raw: RawGuard<'a>,
    /// Keeps `&SpinGuard<T>` from being shared more freely than `&T`, and the guard on its thread.
    not_send: PhantomData<(*const (), &'a mut T)>,
}

impl<'a, T> SpinGuard<'a, T> {
    #[inline]
    fn new(lock: &'a SpinLock<T>, raw: RawGuard<'a>) -> Self {
        SpinGuard { data: &lock.data, _raw: raw, not_send: PhantomData }
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held as long as the guard lives, and writing needs `&mut` of it.
        unsafe { &*self.data.ptr() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held as long as the guard lives, and we have the guard for ourselves.
        unsafe { &mut *self.data.ptr_mut() }
    }
}
