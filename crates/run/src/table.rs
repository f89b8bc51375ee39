//! The carriers in use, found by the carrier's cookie, by the stack's socket, or by the inotify watch.

use crate::carrier::Carrier;
use crate::stack::Sid;
use crate::sys::inotify::Watch;
use std::collections::HashMap;

/// Names a carrier; a stale key finds nothing, because a reused slot has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    slot: u32,
    generation: u32,
}

impl Key {
    /// The key as the word that epoll keeps.
    pub(crate) fn to_word(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// Back from [`to_word`](Self::to_word).
    pub(crate) fn from_word(word: u64) -> Self {
        Self { slot: word as u32, generation: (word >> 32) as u32 }
    }
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    carrier: Option<Carrier>,
}

/// All carriers.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_cookie: HashMap<u64, Key>,
    by_sid: HashMap<Sid, Key>,
    by_watch: HashMap<Watch, Key>,
}

/// Generations stay below this, so that the words above are free for the supervisor's own descriptors.
const MAX_GENERATION: u32 = u32::MAX - 1;

impl Table {
    /// Add a carrier.
    pub(crate) fn insert(&mut self, carrier: Carrier) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let place = &mut self.slots[slot as usize];
        let key = Key { slot, generation: place.generation };
        self.by_cookie.insert(carrier.cookie, key);
        self.by_sid.insert(carrier.sid, key);
        if let Some(watch) = carrier.watch {
            self.by_watch.insert(watch, key);
        }
        place.carrier = Some(carrier);
        key
    }

    /// Take a carrier out.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Carrier> {
        let place = self.slots.get_mut(key.slot as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let carrier = place.carrier.take()?;
        place.generation = (place.generation + 1) % MAX_GENERATION;
        self.free.push(key.slot);
        self.by_cookie.remove(&carrier.cookie);
        self.by_sid.remove(&carrier.sid);
        if let Some(watch) = carrier.watch {
            self.by_watch.remove(&watch);
        }
        Some(carrier)
    }

    /// The carrier of a key.
    pub(crate) fn get(&mut self, key: Key) -> Option<&mut Carrier> {
        let place = self.slots.get_mut(key.slot as usize)?;
        if place.generation == key.generation { place.carrier.as_mut() } else { None }
    }

    /// The carrier with this cookie.
    pub(crate) fn by_cookie(&self, cookie: u64) -> Option<Key> {
        self.by_cookie.get(&cookie).copied()
    }

    /// The carrier of a socket of the stack.
    pub(crate) fn by_sid(&self, sid: Sid) -> Option<Key> {
        self.by_sid.get(&sid).copied()
    }

    /// The carrier whose last close this watch has reported; the watch is used up.
    pub(crate) fn take_watch(&mut self, watch: Watch) -> Option<Key> {
        let key = self.by_watch.remove(&watch)?;
        if let Some(carrier) = self.get(key) {
            carrier.watch = None;
        }
        Some(key)
    }

    /// The carrier has this watch from now on.
    pub(crate) fn set_watch(&mut self, key: Key, watch: Watch) {
        if let Some(carrier) = self.get(key) {
            carrier.watch = Some(watch);
            self.by_watch.insert(watch, key);
        }
    }

    /// The carrier is another kernel socket from now on, with another cookie and no watch.
    pub(crate) fn set_cookie(&mut self, key: Key, cookie: u64) {
        let Some(carrier) = self.get(key) else { return };
        let old = std::mem::replace(&mut carrier.cookie, cookie);
        let watch = carrier.watch.take();
        self.by_cookie.remove(&old);
        self.by_cookie.insert(cookie, key);
        if let Some(watch) = watch {
            self.by_watch.remove(&watch);
        }
    }

    /// Every key in use.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.by_sid.values().copied().collect()
    }
}
