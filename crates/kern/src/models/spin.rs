//! The spin lock: one holder at a time, who sees what the last one did.

use super::check;
use crate::fault::Fault;
use crate::sync::prim::DataCell;
use crate::sync::spin::RawSpin;
use loom::thread;
use std::sync::Arc;

#[derive(Default)]
struct Counter(RawSpin, DataCell<u32>);

// SAFETY: the model checker watches the accesses.
unsafe impl Sync for Counter {}

impl Counter {
    fn add(&self) {
        let guard = self.0.lock();
        // SAFETY: the lock is held.
        unsafe { *self.1.ptr_mut() += 1 };
        drop(guard);
    }

    fn try_add(&self) -> u32 {
        let Some(guard) = self.0.try_lock() else {
            return 0;
        };
        // SAFETY: the lock is held.
        unsafe { *self.1.ptr_mut() += 1 };
        drop(guard);
        1
    }
}

#[test]
fn one_at_a_time() {
    check(4, &[Fault::SpinUnlockRelaxed], || {
        let counter = Arc::new(Counter::default());
        let other = {
            let counter = counter.clone();
            thread::spawn(move || {
                counter.add();
                counter.try_add()
            })
        };
        counter.add();
        let tried = other.join().unwrap();
        let Counter(_, count) = Arc::try_unwrap(counter).unwrap_or_else(|_| unreachable!());
        assert_eq!(count.into_inner(), 2 + tried);
    });
}
