//! A queue that threads claim (`softnet_data`): who has the claim adds and takes without any atomic
//! operation, the others line their items up behind, and whoever ends a claim is told of them.

use super::prim::{AtomicU32, DataCell, Ordering};
use super::spin::SpinLock;
use crate::fault::{self, Fault};
use std::collections::VecDeque;
use std::marker::PhantomData;

const CLAIMED: u32 = 1;
/// `remote` holds items.
const REMOTE: u32 = 2;

/// A first-in first-out queue with one consumer at a time.
pub struct ClaimQueue<T> {
    state: AtomicU32,
    /// From threads without the claim; the bit [`REMOTE`] changes under this lock only.
    remote: SpinLock<VecDeque<T>>,
    /// The claimer's.
    local: DataCell<VecDeque<T>>,
}

// SAFETY: `local` is touched by the one thread that has the claim; items go from thread to thread.
unsafe impl<T: Send> Sync for ClaimQueue<T> {}
// SAFETY: nothing in it is tied to a thread.
unsafe impl<T: Send> Send for ClaimQueue<T> {}

impl<T> Default for ClaimQueue<T> {
    fn default() -> Self {
        ClaimQueue {
            state: AtomicU32::new(0),
            remote: SpinLock::new(VecDeque::new()),
            local: DataCell::new(VecDeque::new()),
        }
    }
}

impl<T> ClaimQueue<T> {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Becomes the consumer; `None` if somebody is.
    #[inline]
    pub fn claim(&self) -> Option<Claim<'_, T>> {
        let mut state = 0;
        loop {
            match self.state.compare_exchange(state, state | CLAIMED, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) if now & CLAIMED != 0 => return None,
                Err(now) => state = now,
            }
        }
        let mut claim = Claim { queue: self, not_send: PhantomData };
        // What others added before us goes before what we will add.
        if !fault::is(Fault::ClaimOrder) {
            claim.absorb_if(state);
        }
        Some(claim)
    }

    /// Adds an item. `Some` if nobody consumes: then the caller must, until the queue is empty.
    #[inline]
    pub fn push(&self, item: T) -> Option<Claim<'_, T>> {
        let state = {
            let mut remote = self.remote.lock();
            remote.push_back(item);
            self.state.fetch_or(REMOTE, Ordering::AcqRel)
        };
        // A claimer cannot end its claim without seeing the bit.
        if state & CLAIMED != 0 { None } else { self.claim() }
    }
}

/// The right to consume a [`ClaimQueue`]. End it with [`Claim::release`]; after a mere drop, what is
/// left waits for the next claim.
pub struct Claim<'q, T> {
    queue: &'q ClaimQueue<T>,
    not_send: PhantomData<(*const (), &'q mut T)>,
}

impl<'q, T> Claim<'q, T> {
    #[inline]
    fn local(&mut self) -> &mut VecDeque<T> {
        // SAFETY: there is one claim at a time, and we have it for ourselves.
        unsafe { &mut *self.queue.local.ptr_mut() }
    }

    #[inline]
    fn absorb_if(&mut self, state: u32) {
        if state & REMOTE != 0 {
            self.absorb();
        }
    }

    #[cold]
    fn absorb(&mut self) {
        let queue = self.queue;
        if fault::is(Fault::ClaimMarkedLate) {
            let mut items = std::mem::take(&mut *queue.remote.lock());
            queue.state.fetch_and(!REMOTE, Ordering::AcqRel);
            self.local().append(&mut items);
            return;
        }
        let mut remote = queue.remote.lock();
        queue.state.fetch_and(!REMOTE, Ordering::AcqRel);
        let local = self.local();
        if local.is_empty() {
            std::mem::swap(local, &mut remote);
        } else {
            local.append(&mut remote);
        }
    }

    /// Adds an item.
    #[inline]
    pub fn push_local(&mut self, item: T) {
        self.local().push_back(item);
    }

    /// Takes the oldest item. Items that other threads added line up behind those that are here at
    /// this moment.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.absorb_if(self.queue.state.load(Ordering::Relaxed));
        self.local().pop_front()
    }

    /// Ends the claim. `Some` if there still are items, which may have come this moment: go on.
    #[inline]
    pub fn release(mut self) -> Option<Claim<'q, T>> {
        if !self.local().is_empty() {
            return Some(self);
        }
        if fault::is(Fault::ClaimReleaseUnchecked) {
            return None;
        }
        if self.queue.state.compare_exchange(CLAIMED, 0, Ordering::Release, Ordering::Relaxed).is_ok() {
            std::mem::forget(self);
            return None;
        }
        self.absorb();
        Some(self)
    }
}

impl<T> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        self.queue.state.fetch_and(!CLAIMED, Ordering::Release);
    }
}
