//! What the locks are made of: `std`, or loom under `--cfg sk_loom`.

use crate::fault::{self, Fault};

#[cfg(not(sk_loom))]
mod imp {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    pub(crate) use std::sync::{Condvar, Mutex};
    pub(crate) use std::thread::yield_now;

    /// A place whose accesses the model checker watches.
    #[derive(Debug, Default)]
    pub(crate) struct DataCell<T>(std::cell::UnsafeCell<T>);

    impl<T> DataCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            DataCell(std::cell::UnsafeCell::new(value))
        }

        /// To read through.
        #[inline]
        pub(crate) fn ptr(&self) -> *const T {
            self.0.get()
        }

        /// To write through.
        #[inline]
        pub(crate) fn ptr_mut(&self) -> *mut T {
            self.0.get()
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }
}

#[cfg(sk_loom)]
mod imp {
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    pub(crate) use loom::sync::{Condvar, Mutex};
    pub(crate) use loom::thread::yield_now;

    #[derive(Debug, Default)]
    pub(crate) struct DataCell<T>(loom::cell::UnsafeCell<T>);

    impl<T> DataCell<T> {
        pub(crate) fn new(value: T) -> Self {
            DataCell(loom::cell::UnsafeCell::new(value))
        }

        pub(crate) fn ptr(&self) -> *const T {
            self.0.with(|ptr| ptr)
        }

        pub(crate) fn ptr_mut(&self) -> *mut T {
            self.0.with_mut(|ptr| ptr)
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }
}

pub(crate) use imp::*;

/// `order`, or none when the models make a mistake of it.
#[inline(always)]
pub(crate) fn unless(fault: Fault, order: Ordering) -> Ordering {
    if fault::is(fault) { Ordering::Relaxed } else { order }
}

/// Waiting for somebody who holds something for a moment: looks a few times, then lets others run,
/// for the holder may have lost its CPU.
#[derive(Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    /// How often to look before the first yield: less than a microsecond or two.
    const LOOKS: u32 = 40;

    #[inline]
    pub(crate) fn wait(&mut self) {
        if cfg!(not(sk_loom)) && self.0 < Self::LOOKS {
            self.0 += 1;
            spin_loop();
        } else {
            yield_now();
        }
    }

    /// True once [`Backoff::wait`] has done its looking.
    #[inline]
    pub(crate) fn is_long(&self) -> bool {
        cfg!(sk_loom) || self.0 >= Self::LOOKS
    }
}
