//! The socket lock (`socket_lock_t`): a process owns it while a system call works, a softirq holds
//! it for a moment, and what a softirq brings meanwhile waits in the owner's backlog.
//!
//! One word says all: who has it, whether something is in the backlog, whether processes wait. The
//! last two are set only while somebody owns it and under the lock of `aux`; the owner lets go with
//! a compare-exchange that fails when one is set. So an uncontended lock and release are two
//! read-modify-writes, a softirq's are one, and no item is left behind.

use super::prim::{AtomicU32, Backoff, DataCell, Ordering, unless};
use super::spin::SpinLock;
use crate::context::{Process, Softirq};
use crate::fault::{self, Fault};
use crate::park::Parker;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

const FREE: u32 = 0;
/// A softirq, or the last reference, holds it for a moment.
const BH: u32 = 1;
/// A process owns it (`sk_lock.owned`).
const OWNED: u32 = 2;
const HELD: u32 = BH | OWNED;
/// The backlog holds items.
const BACKLOG: u32 = 4;
/// Processes wait in line. It may stay set while the lock is free: the first of them is on its way.
const WAITERS: u32 = 8;

/// What is needed only when the lock is contended.
struct Aux<B> {
    backlog: VecDeque<B>,
    /// Of the backlog and of the items that the owner has taken and not finished (`sk_backlog.len`).
    bytes: usize,
    waiters: VecDeque<Arc<Parker>>,
}

/// The socket lock. `T` is what it guards, `B` what goes to the backlog.
pub struct OwnerLock<T, B> {
    state: AtomicU32,
    aux: SpinLock<Option<Box<Aux<B>>>>,
    data: DataCell<T>,
}

// SAFETY: the lock gives the data to one thread at a time, and items go from thread to thread.
unsafe impl<T: Send, B: Send> Sync for OwnerLock<T, B> {}
// SAFETY: nothing in it is tied to a thread.
unsafe impl<T: Send, B: Send> Send for OwnerLock<T, B> {}

impl<T: Default, B> Default for OwnerLock<T, B> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, B> OwnerLock<T, B> {
    /// A free lock that guards `value`.
    pub fn new(value: T) -> Self {
        OwnerLock { state: AtomicU32::new(FREE), aux: SpinLock::new(None), data: DataCell::new(value) }
    }

    /// Owns it (`lock_sock`). Sleeps while another process does.
    #[inline]
    pub fn lock(&self, process: &Process<'_>) -> Owner<'_, T, B> {
        if self.state.compare_exchange(FREE, OWNED, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lock_slow(process);
        }
        Owner::new(self)
    }

    #[cold]
    fn lock_slow(&self, process: &Process<'_>) {
        let mut backoff = Backoff::default();
        loop {
            let state = self.state.load(Ordering::Relaxed);
            match state & HELD {
                FREE => {
                    let owned = state | OWNED;
                    if self.state.compare_exchange(state, owned, Ordering::Acquire, Ordering::Relaxed).is_ok()
                    {
                        return;
                    }
                }
                OWNED if backoff.is_long() => self.wait_in_line(process.cpu.lock_parker()),
                _ => backoff.wait(),
            }
        }
    }

    /// Blocks until the owner lets go; at once when nobody owns it any more.
    fn wait_in_line(&self, parker: &Arc<Parker>) {
        parker.prepare();
        {
            let mut aux = self.aux.lock();
            if !self.set_while_owned(WAITERS) {
                return;
            }
            aux_mut(&mut aux).waiters.push_back(parker.clone());
        }
        parker.block(None);
    }

    /// Sets a bit that the owner must see before it lets go; false if nobody owns the lock. The
    /// caller holds `aux`.
    fn set_while_owned(&self, bit: u32) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & OWNED == 0 {
                return false;
            }
            if state & bit != 0 {
                // It is cleared under `aux` only.
                return true;
            }
            match self.state.compare_exchange_weak(state, state | bit, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
    }

    /// Owns it if it is free.
    #[inline]
    pub fn try_lock(&self, _process: &Process<'_>) -> Option<Owner<'_, T, B>> {
        self.try_set(OWNED).map(|_| Owner::new(self))
    }

    /// Takes the lock if it is free; the bits that were set beside.
    #[inline]
    fn try_set(&self, holder: u32) -> Option<u32> {
        let mut state = FREE;
        loop {
            match self.state.compare_exchange(state, state | holder, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(state),
                Err(now) if now & HELD != 0 => return None,
                Err(now) => state = now,
            }
        }
    }

    /// Holds it if it is free, without a context: for the last one who has a reference.
    #[inline]
    pub fn try_lock_idle(&self) -> Option<BhGuard<'_, T, B>> {
        self.try_set(BH).map(|beside| BhGuard::new(self, beside))
    }

    /// Holds it for a moment in softirq context, or tells that a process owns it (`bh_lock_sock`,
    /// `sock_owned_by_user`).
    #[inline]
    pub fn bh_lock(&self, _softirq: &Softirq) -> BhLock<'_, T, B> {
        match self.state.compare_exchange(FREE, BH, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => BhLock::Free(BhGuard::new(self, FREE)),
            Err(state) if state & OWNED != 0 => BhLock::Owned(OwnedByUser::new(self)),
            Err(_) => self.bh_lock_slow(),
        }
    }

    #[cold]
    fn bh_lock_slow(&self) -> BhLock<'_, T, B> {
        let mut backoff = Backoff::default();
        loop {
            if let Some(beside) = self.try_set(BH) {
                return BhLock::Free(BhGuard::new(self, beside));
            }
            if self.is_owned() {
                return BhLock::Owned(OwnedByUser::new(self));
            }
            backoff.wait();
        }
    }

    /// True if a process owns it now (`sock_owned_by_user_nocheck`).
    #[inline]
    pub fn is_owned(&self) -> bool {
        self.state.load(Ordering::Relaxed) & OWNED != 0
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

    /// Lets go if nothing is in the backlog and nobody waits.
    #[inline]
    fn release_fast(&self) -> bool {
        let order = unless(Fault::OwnerReleaseRelaxed, Ordering::Release);
        if fault::is(Fault::WaitersForgotten) {
            self.state.swap(FREE, order);
            return true;
        }
        self.state.compare_exchange(OWNED, FREE, order, Ordering::Relaxed).is_ok()
    }

    /// The owner found a bit set. Takes the backlog if there is one, else lets go and wakes the first
    /// in line.
    #[cold]
    fn release_slow(&self) -> Option<VecDeque<B>> {
        let mut guard = self.aux.lock();
        let aux = aux_mut(&mut guard);
        let state = self.state.load(Ordering::Relaxed);
        // We own it and hold `aux`: nobody else writes the word.
        if state & BACKLOG != 0 {
            let items = std::mem::take(&mut aux.backlog);
            if fault::is(Fault::BacklogMarkedLate) {
                drop(guard);
            }
            self.state.store(state & !BACKLOG, Ordering::Relaxed);
            return Some(items);
        }
        let first = aux.waiters.pop_front();
        let line = if aux.waiters.is_empty() { FREE } else { WAITERS };
        self.state.store(line, Ordering::Release);
        drop(guard);
        if let Some(first) = first {
            first.unpark();
        }
        None
    }

    /// The owner has finished with a batch of the backlog.
    fn finish_batch(&self, mut storage: VecDeque<B>) {
        storage.clear();
        let mut guard = self.aux.lock();
        let aux = aux_mut(&mut guard);
        if aux.backlog.is_empty() {
            // Only now, as Linux does: who floods a socket cannot keep its owner busy for ever.
            aux.bytes = 0;
            if aux.backlog.capacity() < storage.capacity() {
                std::mem::swap(&mut aux.backlog, &mut storage);
            }
        }
    }
}

fn aux_mut<B>(aux: &mut Option<Box<Aux<B>>>) -> &mut Aux<B> {
    aux.get_or_insert_with(|| Box::new(Aux { backlog: VecDeque::new(), bytes: 0, waiters: VecDeque::new() }))
}

/// The lock, owned by a process. Let go of it with [`Owner::try_release`]; dropping it drops what is
/// in the backlog.
pub struct Owner<'a, T, B> {
    lock: &'a OwnerLock<T, B>,
    not_send: PhantomData<(*const (), &'a mut T)>,
}

impl<'a, T, B> Owner<'a, T, B> {
    #[inline]
    fn new(lock: &'a OwnerLock<T, B>) -> Self {
        Owner { lock, not_send: PhantomData }
    }

    /// What is in the backlog; it stays owned (`sk_flush_backlog`). `None` when nothing is.
    #[inline]
    pub fn backlog(&mut self) -> Option<BacklogItems<'a, T, B>> {
        let lock = self.lock;
        if lock.state.load(Ordering::Relaxed) & BACKLOG == 0 {
            return None;
        }
        // Only an owner clears the bit, so it is still set and the lock is not let go of.
        lock.release_slow().map(|items| BacklogItems { lock, items })
    }

    /// Lets go of it (`release_sock`). When something is in the backlog it stays owned: process the
    /// items and try again.
    ///
    /// # Errors
    /// [`Backlogged`]: the owner and the items.
    #[inline]
    pub fn try_release(self) -> Result<(), Backlogged<'a, T, B>> {
        let lock = self.lock;
        if lock.release_fast() {
            std::mem::forget(self);
            return Ok(());
        }
        match lock.release_slow() {
            None => {
                std::mem::forget(self);
                Ok(())
            }
            Some(items) => Err(Backlogged { owner: self, items: BacklogItems { lock, items } }),
        }
    }
}

impl<T, B> Deref for Owner<'_, T, B> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: we own the lock as long as this lives, and writing needs `&mut` of it.
        unsafe { &*self.lock.data.ptr() }
    }
}

impl<T, B> DerefMut for Owner<'_, T, B> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we own the lock as long as this lives, and we have this for ourselves.
        unsafe { &mut *self.lock.data.ptr_mut() }
    }
}

impl<T, B> Drop for Owner<'_, T, B> {
    fn drop(&mut self) {
        while !self.lock.release_fast() {
            match self.lock.release_slow() {
                None => return,
                Some(items) => self.lock.finish_batch(items),
            }
        }
    }
}

/// An [`Owner`] that could not let go yet.
pub struct Backlogged<'a, T, B> {
    owner: Owner<'a, T, B>,
    items: BacklogItems<'a, T, B>,
}

impl<'a, T, B> Backlogged<'a, T, B> {
    /// The owner, and what came in meanwhile, in order.
    pub fn into_parts(self) -> (Owner<'a, T, B>, BacklogItems<'a, T, B>) {
        (self.owner, self.items)
    }
}

/// What came in while a process owned the lock, in order. Its bytes count until it is dropped.
pub struct BacklogItems<'a, T, B> {
    lock: &'a OwnerLock<T, B>,
    items: VecDeque<B>,
}

impl<T, B> Iterator for BacklogItems<'_, T, B> {
    type Item = B;
    #[inline]
    fn next(&mut self) -> Option<B> {
        self.items.pop_front()
    }
}

impl<T, B> Drop for BacklogItems<'_, T, B> {
    fn drop(&mut self) {
        self.lock.finish_batch(std::mem::take(&mut self.items));
    }
}

/// What a softirq finds.
pub enum BhLock<'a, T, B> {
    /// It holds the lock.
    Free(BhGuard<'a, T, B>),
    /// A process owns it.
    Owned(OwnedByUser<'a, T, B>),
}

/// The lock, held for a moment.
pub struct BhGuard<'a, T, B> {
    lock: &'a OwnerLock<T, B>,
    /// What the word will be. Bits are set only while a process owns the lock, so nobody writes the
    /// word but us, and we need not read it again.
    after: u32,
    not_send: PhantomData<(*const (), &'a mut T)>,
}

impl<'a, T, B> BhGuard<'a, T, B> {
    #[inline]
    fn new(lock: &'a OwnerLock<T, B>, after: u32) -> Self {
        BhGuard { lock, after, not_send: PhantomData }
    }
}

impl<T, B> Deref for BhGuard<'_, T, B> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: we hold the lock as long as this lives, and writing needs `&mut` of it.
        unsafe { &*self.lock.data.ptr() }
    }
}

impl<T, B> DerefMut for BhGuard<'_, T, B> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we hold the lock as long as this lives, and we have this for ourselves.
        unsafe { &mut *self.lock.data.ptr_mut() }
    }
}

impl<T, B> Drop for BhGuard<'_, T, B> {
    #[inline]
    fn drop(&mut self) {
        self.lock.state.store(self.after, unless(Fault::BhReleaseRelaxed, Ordering::Release));
    }
}

/// How full the backlog is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BacklogStats {
    /// Items that wait.
    pub len: usize,
    /// Bytes of the items that wait, and of those that the owner is processing (`sk_backlog.len`).
    pub bytes: usize,
}

/// Why an item did not enter the backlog.
#[derive(Debug, PartialEq, Eq)]
pub enum AddBacklog<B> {
    /// The limit refused it (`ENOBUFS` of `sk_add_backlog`).
    Full(B),
    /// The owner let go meanwhile: try [`OwnerLock::bh_lock`] again.
    Released(B),
}

/// A process owned the lock when a softirq asked.
pub struct OwnedByUser<'a, T, B> {
    lock: &'a OwnerLock<T, B>,
    not_send: PhantomData<*const ()>,
}

impl<'a, T, B> OwnedByUser<'a, T, B> {
    #[inline]
    fn new(lock: &'a OwnerLock<T, B>) -> Self {
        OwnedByUser { lock, not_send: PhantomData }
    }

    /// Leaves `item` to the owner if `limit` agrees, which sees the backlog without it
    /// (`sk_add_backlog`).
    ///
    /// # Errors
    /// [`AddBacklog`] gives the item back.
    pub fn add_backlog(
        self,
        item: B,
        bytes: usize,
        limit: impl FnOnce(BacklogStats) -> bool,
    ) -> Result<(), AddBacklog<B>> {
        let mut guard = self.lock.aux.lock();
        let aux = aux_mut(&mut guard);
        if !self.lock.is_owned() {
            return Err(AddBacklog::Released(item));
        }
        if !limit(BacklogStats { len: aux.backlog.len(), bytes: aux.bytes }) {
            return Err(AddBacklog::Full(item));
        }
        if !self.lock.set_while_owned(BACKLOG) {
            return Err(AddBacklog::Released(item));
        }
        aux.backlog.push_back(item);
        aux.bytes += bytes;
        Ok(())
    }
}
