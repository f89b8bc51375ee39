//! A hierarchical timer wheel in ticks of 1 ms (`timer_list`). Unlike Linux's it is exact to the
//! tick at any distance: entries cascade to finer levels as their time comes near.
//!
//! It calls nobody: [`Wheel::expire`] hands the payloads out, and its caller runs them. An entry's
//! level is given by the highest 6-bit digit in which its expiry differs from the present, so all
//! of a level expires before any of the next, and a bitmap finds the next in a few instructions.

use crate::fault::{self, Fault};
use crate::sync::SpinLock;
use crate::sync::prim::{AtomicU64, Ordering};
use crate::time::Jiffies;

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// Enough for 64 bits.
const LEVELS: usize = 64usize.div_ceil(BITS as usize);
const NIL: u32 = u32::MAX;

/// A timer of an object (`struct timer_list`). It belongs to the first wheel that arms it.
#[derive(Debug, Default)]
pub struct TimerSlot {
    /// Names the entry: index + 1 and generation, 0 when it was never armed or was deleted. After
    /// it expired the old name stays, and names nothing.
    handle: AtomicU64,
    expires: AtomicU64,
}

impl TimerSlot {
    /// A timer that is not armed.
    pub fn new() -> Self {
        Self::default()
    }

    /// When it expires, or expired if it is not pending.
    #[inline]
    pub fn expires(&self) -> Jiffies {
        self.expires.load(Ordering::Relaxed)
    }
}

struct Entry<T> {
    /// `None` in the free list.
    payload: Option<T>,
    expires: Jiffies,
    generation: u32,
    /// Neighbours in the list, `NIL` at its ends. `next` links the free list, too.
    next: u32,
    prev: u32,
    list: u16,
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

struct Inner<T> {
    now: Jiffies,
    entries: Vec<Entry<T>>,
    free: u32,
    armed: usize,
    occupied: [u64; LEVELS],
    lists: Box<[List; LEVELS * SLOTS]>,
}

/// A timer wheel with payloads `T`.
pub struct Wheel<T> {
    /// All that expires up to here has been handed out.
    now: AtomicU64,
    inner: SpinLock<Inner<T>>,
}

impl<T> Wheel<T> {
    /// An empty wheel.
    pub fn new(now: Jiffies) -> Self {
        let inner = Inner {
            now,
            entries: Vec::new(),
            free: NIL,
            armed: 0,
            occupied: [0; LEVELS],
            lists: Box::new([List { head: NIL, tail: NIL }; LEVELS * SLOTS]),
        };
        Wheel { now: AtomicU64::new(now), inner: SpinLock::new(inner) }
    }

    /// Arms a timer with what `make` gives, or moves it and keeps its payload; true if it was
    /// pending (`mod_timer`). A time that has passed counts as the present. `make` runs under the
    /// wheel's lock and must not use it.
    #[inline]
    pub fn mod_timer(&self, slot: &TimerSlot, expires: Jiffies, make: impl FnOnce() -> T) -> bool {
        if self.surely_pending(slot) && slot.expires.load(Ordering::Relaxed) == expires {
            return true;
        }
        let mut inner = self.inner.lock();
        let pending = inner.find(slot);
        // The order matters to `surely_pending`: who sees the new name sees the new time.
        slot.expires.store(expires, Ordering::Relaxed);
        match pending {
            Some(index) => {
                inner.unlink(index);
                inner.entries[index as usize].expires = expires;
                inner.link(index);
                true
            }
            None => {
                let index = inner.alloc(expires, make());
                inner.link(index);
                slot.handle.store(inner.name(index), Ordering::Release);
                false
            }
        }
    }

    /// Without the lock: true only if the timer was pending at some moment during the call, with
    /// the expiry that the slot then showed.
    #[inline]
    fn surely_pending(&self, slot: &TimerSlot) -> bool {
        // A timer that was named and not deleted is pending until its time comes.
        slot.handle.load(Ordering::Acquire) != 0
            && (slot.expires.load(Ordering::Relaxed) > self.now.load(Ordering::Acquire)
                || fault::is(Fault::TimerPendingUnchecked))
    }

    /// Disarms a timer and gives its payload back; `None` if it is not pending, or its payload was
    /// handed out already (`timer_delete`).
    #[inline]
    pub fn del_timer(&self, slot: &TimerSlot) -> Option<T> {
        if slot.handle.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut inner = self.inner.lock();
        let index = inner.find(slot);
        slot.handle.store(0, Ordering::Release);
        let index = index?;
        inner.unlink(index);
        inner.release(index)
    }

    /// True if the timer is armed (`timer_pending`).
    #[inline]
    pub fn pending(&self, slot: &TimerSlot) -> bool {
        slot.handle.load(Ordering::Acquire) != 0
            && (self.surely_pending(slot) || self.inner.lock().find(slot).is_some())
    }

    /// When the next timer expires.
    pub fn next_expiry(&self) -> Option<Jiffies> {
        let inner = self.inner.lock();
        let (level, index) = inner.first()?;
        if level == 0 {
            return Some(inner.slot_time(0, index));
        }
        let mut at = inner.lists[level * SLOTS + index].head;
        let mut soonest = u64::MAX;
        while at != NIL {
            let entry = &inner.entries[at as usize];
            soonest = soonest.min(entry.expires);
            at = entry.next;
        }
        Some(soonest)
    }

    /// How many timers are armed.
    pub fn armed(&self) -> usize {
        self.inner.lock().armed
    }

    /// Advances to `now` and hands out what expires, in order of expiry, then of arming
    /// (`run_timers`).
    pub fn expire(&self, now: Jiffies, out: &mut Vec<T>) {
        let mut inner = self.inner.lock();
        let now = now.max(inner.now);
        self.now.store(now, Ordering::Release);
        while let Some((level, index)) = inner.first() {
            let time = inner.slot_time(level, index);
            if time > now {
                break;
            }
            inner.now = time;
            inner.drain(level, index, out);
        }
        inner.now = now;
    }
}

impl<T> Inner<T> {
    /// The list that holds the first to expire.
    fn first(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// When the span of a list begins.
    fn slot_time(&self, level: usize, index: usize) -> Jiffies {
        let shift = level as u32 * BITS;
        // The digits above are the present's.
        let above = self.now.checked_shr(shift + BITS).map_or(0, |high| high << (shift + BITS));
        above | (index as u64) << shift
    }

    /// Hands a list of the finest level out, or spreads another over the levels below.
    fn drain(&mut self, level: usize, index: usize, out: &mut Vec<T>) {
        let list = std::mem::replace(&mut self.lists[level * SLOTS + index], List { head: NIL, tail: NIL });
        self.occupied[level] &= !(1 << index);
        let mut at = list.head;
        while at != NIL {
            let next = self.entries[at as usize].next;
            if level == 0 {
                out.extend(self.release(at));
            } else {
                self.link(at);
            }
            at = next;
        }
    }

    fn link(&mut self, index: u32) {
        let expires = self.entries[index as usize].expires.max(self.now);
        let differ = (expires ^ self.now) | 1;
        let level = (differ.ilog2() / BITS) as usize;
        let slot = (expires >> (level as u32 * BITS)) as usize % SLOTS;
        let list = &mut self.lists[level * SLOTS + slot];
        let prev = std::mem::replace(&mut list.tail, index);
        if prev == NIL {
            list.head = index;
            self.occupied[level] |= 1 << slot;
        } else {
            self.entries[prev as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        (entry.prev, entry.next, entry.list) = (prev, NIL, (level * SLOTS + slot) as u16);
    }

    fn unlink(&mut self, index: u32) {
        let Entry { next, prev, list: at, .. } = self.entries[index as usize];
        let at = usize::from(at);
        match prev {
            NIL => self.lists[at].head = next,
            prev => self.entries[prev as usize].next = next,
        }
        match next {
            NIL => self.lists[at].tail = prev,
            next => self.entries[next as usize].prev = prev,
        }
        if self.lists[at].head == NIL {
            self.occupied[at / SLOTS] &= !(1 << (at % SLOTS));
        }
    }

    fn alloc(&mut self, expires: Jiffies, payload: T) -> u32 {
        self.armed += 1;
        if self.free == NIL {
            let entry =
                Entry { payload: Some(payload), expires, generation: 0, next: NIL, prev: NIL, list: 0 };
            self.entries.push(entry);
            return (self.entries.len() - 1) as u32;
        }
        let index = self.free;
        let entry = &mut self.entries[index as usize];
        self.free = entry.next;
        (entry.payload, entry.expires) = (Some(payload), expires);
        index
    }

    /// Takes the payload of an unlinked entry, and its name away.
    fn release(&mut self, index: u32) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        if !fault::is(Fault::TimerNamesReused) {
            entry.generation = entry.generation.wrapping_add(1);
        }
        entry.next = self.free;
        self.free = index;
        self.armed -= 1;
        entry.payload.take()
    }

    fn name(&self, index: u32) -> u64 {
        u64::from(self.entries[index as usize].generation) << 32 | u64::from(index + 1)
    }

    /// The armed entry that a slot names.
    fn find(&self, slot: &TimerSlot) -> Option<u32> {
        let handle = slot.handle.load(Ordering::Relaxed);
        let index = (handle as u32).checked_sub(1)?;
        let entry = self.entries.get(index as usize)?;
        (entry.payload.is_some() && u64::from(entry.generation) == handle >> 32).then_some(index)
    }
}
