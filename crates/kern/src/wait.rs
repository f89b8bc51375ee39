//! Wait queues (`wait_queue_head_t`): who wants to hear that something happened.
//!
//! The shape of a wait (`wait_event`): [`WaitQueue::add`]; then, again and again,
//! [`Parker::prepare`], check the condition, sleep; at last [`WaitQueue::finish_wait`]. The other side makes the condition true and then calls
//! [`WaitQueue::wake`]. No wake is lost: see [`WaitQueue::has_sleepers`].

use crate::fault::{self, Fault};
use crate::park::Parker;
use crate::sync::SpinLock;
use crate::sync::prim::{AtomicU32, Ordering};
use std::collections::VecDeque;
use std::sync::Arc;

/// Somebody who can be woken: a parked thread, an epoll item, an async task (`wait_queue_func_t`).
pub trait Wake: Send + Sync {
    /// The events of `mask` (`EPOLL*` bits) happened. True if this took the wake: an exclusive
    /// wake goes on to the next waiter otherwise. It is called without any lock of the queue.
    fn wake(&self, mask: u32) -> bool;
}

/// Names an entry of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaitKey(u64);

#[derive(Clone)]
struct Entry {
    key: u64,
    exclusive: bool,
    wake: Arc<dyn Wake>,
}

#[derive(Default)]
struct List {
    /// Those that are all woken, then the exclusive ones, first come first served.
    entries: VecDeque<Entry>,
    next_key: u64,
}

/// A wait queue. Empty, it holds no memory of its own.
#[derive(Default)]
pub struct WaitQueue {
    sleepers: AtomicU32,
    list: SpinLock<List>,
}

impl WaitQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// True if somebody waits (`skwq_has_sleeper`). Call it after the condition was made true:
    /// it is a full barrier with [`WaitQueue::add`].
    #[inline]
    pub fn has_sleepers(&self) -> bool {
        if fault::is(Fault::SleepersUnfenced) {
            return self.sleepers.load(Ordering::Acquire) != 0;
        }
        // A read-modify-write stands in the same order with the one of `add`: if it finds 0, then
        // `add` comes after it, and who added himself sees all that was stored before.
        // A look that finds somebody, even one who left, needs no more.
        self.sleepers.load(Ordering::Relaxed) != 0
            || self.sleepers.compare_exchange(0, 0, Ordering::AcqRel, Ordering::Acquire).is_err()
    }

    /// True if somebody waits (`waitqueue_active`). No barrier: ask under a lock that who waits takes
    /// between [`WaitQueue::add`] and looking at the condition.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.sleepers.load(Ordering::Relaxed) != 0
    }

    /// Wakes all that are not exclusive, and one exclusive waiter (`wake_up_interruptible_poll`).
    #[inline]
    pub fn wake(&self, mask: u32) {
        if self.has_sleepers() {
            self.wake_up(mask, 1);
        }
    }

    /// Wakes everybody (`wake_up_interruptible_all`).
    #[inline]
    pub fn wake_all(&self, mask: u32) {
        if self.has_sleepers() {
            self.wake_up(mask, usize::MAX);
        }
    }

    #[inline(never)]
    fn wake_up(&self, mask: u32, exclusives: usize) {
        const INLINE: usize = 4;
        let list = self.list.lock();
        if list.entries.len() == 1 {
            let only = list.entries[0].wake.clone();
            drop(list);
            only.wake(mask);
        } else if list.entries.len() <= INLINE {
            let entries: [Option<Entry>; INLINE] = std::array::from_fn(|i| list.entries.get(i).cloned());
            drop(list);
            self.wake_each(entries.iter().flatten(), mask, exclusives);
        } else {
            let entries: Vec<Entry> = list.entries.iter().cloned().collect();
            drop(list);
            self.wake_each(entries.iter(), mask, exclusives);
        }
    }

    fn wake_each<'e>(&self, entries: impl Iterator<Item = &'e Entry>, mask: u32, mut exclusives: usize) {
        for entry in entries {
            // Who left the queue meanwhile will not pass the wake on, so it does not count.
            if entry.wake.wake(mask) && entry.exclusive && self.holds(entry.key) {
                exclusives -= 1;
                if exclusives == 0 {
                    return;
                }
            }
        }
    }

    fn holds(&self, key: u64) -> bool {
        let list = self.list.lock();
        list.entries.iter().any(|entry| entry.key == key) || fault::is(Fault::LeaverCounts)
    }

    /// Adds a waiter (`add_wait_queue`, `add_wait_queue_exclusive`). Check the condition after.
    pub fn add(&self, wake: Arc<dyn Wake>, exclusive: bool) -> WaitKey {
        self.insert(wake, exclusive, !exclusive)
    }

    /// Adds an exclusive waiter who is woken before all others (`__add_wait_queue_exclusive`). Check
    /// the condition after.
    pub fn add_exclusive_first(&self, wake: Arc<dyn Wake>) -> WaitKey {
        self.insert(wake, true, true)
    }

    fn insert(&self, wake: Arc<dyn Wake>, exclusive: bool, first: bool) -> WaitKey {
        let mut list = self.list.lock();
        let key = list.next_key;
        list.next_key += 1;
        let entry = Entry { key, exclusive, wake };
        if first {
            list.entries.push_front(entry);
        } else {
            list.entries.push_back(entry);
        }
        self.sleepers.fetch_add(1, Ordering::AcqRel);
        WaitKey(key)
    }

    /// Removes a waiter (`remove_wait_queue`). A wake that is under way may still reach it.
    pub fn remove(&self, key: WaitKey) {
        drop(self.take(key));
    }

    /// Removes a waiter who slept on `parker` (`finish_wait`). If he was woken since his last
    /// [`Parker::prepare`] and was exclusive, the next one is woken with `mask`: the wake may have
    /// been for something else than what he takes away.
    pub fn finish_wait(&self, key: WaitKey, parker: &Parker, mask: u32) {
        let exclusive = self.take(key).is_some_and(|entry| entry.exclusive);
        if exclusive && parker.is_notified() && !fault::is(Fault::WakeKept) {
            self.wake(mask);
        }
    }

    fn take(&self, key: WaitKey) -> Option<Entry> {
        let mut list = self.list.lock();
        let at = list.entries.iter().position(|entry| entry.key == key.0)?;
        let entry = list.entries.remove(at);
        self.sleepers.fetch_sub(1, Ordering::AcqRel);
        entry
    }
}
