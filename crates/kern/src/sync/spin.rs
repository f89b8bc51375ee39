//! A spin lock (`spinlock_t`): one read-modify-write to lock, a plain store to unlock.

use super::prim::{AtomicU32, Backoff, DataCell, Ordering};
use std::ops::{Deref, DerefMut};

/// A lock for a few instructions. Never sleep, and never call out, while holding one.
#[derive(Debug, Default)]
pub struct SpinLock<T> {
    locked: AtomicU32,
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
        SpinLock {
            locked: AtomicU32::new(0),
            data: DataCell::new(value),
        }
    }

    /// A lock that guards `value`.
    #[cfg(sk_loom)]
    pub fn new(value: T) -> Self {
        SpinLock {
            locked: AtomicU32::new(0),
            data: DataCell::new(value),
        }
    }

    /// Locks it (`spin_lock`).
    #[inline]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        if self.locked.swap(1, Ordering::Acquire) != 0 {
            self.lock_slow();
        }
        SpinGuard {
            lock: self,
            not_send: std::marker::PhantomData,
        }
    }

    #[cold]
    fn lock_slow(&self) {
        let mut backoff = Backoff::default();
        loop {
            // Look before the next try: looking leaves the cache line where it is.
            if self.locked.load(Ordering::Relaxed) == 0
                && self.locked.swap(1, Ordering::Acquire) == 0
            {
                return;
            }
            backoff.wait();
        }
    }

    /// Locks it if it is free (`spin_trylock`).
    #[inline]
    pub fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        let free =
            self.locked.load(Ordering::Relaxed) == 0 && self.locked.swap(1, Ordering::Acquire) == 0;
        free.then(|| SpinGuard {
            lock: self,
            not_send: std::marker::PhantomData,
        })
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
    lock: &'a SpinLock<T>,
    /// Keeps `&SpinGuard<T>` from being shared more freely than `&T`, and the guard on its thread.
    not_send: std::marker::PhantomData<(*const (), &'a mut T)>,
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held as long as the guard lives, and writing needs `&mut` of it.
        unsafe { &*self.lock.data.ptr() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held as long as the guard lives, and we have the guard for ourselves.
        unsafe { &mut *self.lock.data.ptr_mut() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.locked.store(0, Ordering::Release);
    }
}
