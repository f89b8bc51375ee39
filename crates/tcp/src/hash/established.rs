//! Connections by both addresses and ports (`ehash`).

use super::{Found, Key};
use crate::sock::Sk;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;
use kern::sync::SpinLock;
use net::Cx;

/// Locks: enough that two threads rarely meet, each over a table that grows by itself.
const SHARDS: usize = 64;

/// The table. One lock for a look-up, whatever the number of connections.
pub struct Established {
    secret: u64,
    shards: [Shard; SHARDS],
}

#[repr(align(64))]
#[derive(Default)]
struct Shard(SpinLock<HashTable<Entry>>);

struct Entry {
    key: Key,
    /// The device the sock is bound to; 0 for any.
    bound_dev: u32,
    found: Found,
}

impl Established {
    pub(super) fn new(secret: u64) -> Self {
        Established { secret, shards: std::array::from_fn(|_| Shard::default()) }
    }

    #[inline]
    fn shard(&self, hash: u64) -> &SpinLock<HashTable<Entry>> {
        // The low bits choose the bucket inside the shard.
        &self.shards[(hash >> 48) as usize % SHARDS].0
    }

    /// What a segment that came in by `dif` is for (`__inet_lookup_established`).
    #[inline]
    pub fn lookup(&self, key: &Key, dif: u32) -> Option<Found> {
        let hash = key.hash(self.secret);
        let table = self.shard(hash).lock();
        let entry = table.find(hash, |e| e.key == *key && (e.bound_dev == 0 || e.bound_dev == dif))?;
        Some(entry.found.clone())
    }

    /// Adds a connection (`inet_ehash_insert`); gives back who has the place.
    pub fn insert(&self, key: Key, bound_dev: u32, found: Found) -> Result<(), Found> {
        let hash = key.hash(self.secret);
        let mut table = self.shard(hash).lock();
        let same = |e: &Entry| e.key == key && e.bound_dev == bound_dev;
        match table.entry(hash, same, |e| e.key.hash(self.secret)) {
            Place::Occupied(place) => Err(place.get().found.clone()),
            Place::Vacant(place) => {
                place.insert(Entry { key, bound_dev, found });
                Ok(())
            }
        }
    }

    /// Puts `new` in the place of `old`, in one step: no segment meets neither
    /// (`inet_twsk_hashdance`, `inet_ehash_nolisten`). False when `old` is not there any more.
    pub fn replace(&self, key: Key, old: &Found, new: Found) -> bool {
        let hash = key.hash(self.secret);
        let mut table = self.shard(hash).lock();
        let before = match table.find_mut(hash, |e| e.key == key && e.found.is(old)) {
            Some(entry) => std::mem::replace(&mut entry.found, new),
            None => return false,
        };
        drop(table);
        drop(before);
        true
    }

    /// Puts `new` in the place of whoever is there for this key and device, or in a free one, if
    /// `may_take` agrees (`__inet_check_established`). Gives back who was there.
    pub fn take_place(
        &self,
        key: Key,
        bound_dev: u32,
        new: Found,
        may_take: impl FnOnce(&Found) -> bool,
    ) -> Result<Option<Found>, Found> {
        let hash = key.hash(self.secret);
        let mut table = self.shard(hash).lock();
        let overlap =
            |e: &Entry| e.key == key && (e.bound_dev == 0 || bound_dev == 0 || e.bound_dev == bound_dev);
        match table.entry(hash, overlap, |e| e.key.hash(self.secret)) {
            Place::Occupied(mut place) => {
                if !may_take(&place.get().found) {
                    return Err(place.get().found.clone());
                }
                let before = std::mem::replace(place.get_mut(), Entry { key, bound_dev, found: new });
                Ok(Some(before.found))
            }
            Place::Vacant(place) => {
                place.insert(Entry { key, bound_dev, found: new });
                Ok(None)
            }
        }
    }

    /// Removes an entry; true if it was there.
    pub fn remove(&self, key: &Key, found: &Found) -> bool {
        let hash = key.hash(self.secret);
        let mut table = self.shard(hash).lock();
        let removed = match table.find_entry(hash, |e| e.key == *key && e.found.is(found)) {
            Ok(place) => place.remove().0,
            Err(_) => return false,
        };
        drop(table);
        drop(removed);
        true
    }

    pub(super) fn remove_sock(&self, sk: &Sk<'_>, _cx: &Cx<'_>) {
        let (key, hash) = (Key::of(sk), Key::of(sk).hash(self.secret));
        let mut table = self.shard(hash).lock();
        let is_it = |e: &Entry| {
            e.key == key && matches!(&e.found, Found::Sock(s) if std::ptr::eq(&raw const **s, sk.sk))
        };
        let removed = table.find_entry(hash, is_it).ok().map(|place| place.remove().0);
        drop(table);
        // The caller has a reference of its own, so this is never the last.
        drop(removed);
    }

    /// All connections, for who lists them.
    pub fn for_each(&self, mut f: impl FnMut(&Key, &Found)) {
        for Shard(shard) in &self.shards {
            let all: Vec<(Key, Found)> = shard.lock().iter().map(|e| (e.key, e.found.clone())).collect();
            all.iter().for_each(|(key, found)| f(key, found));
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|Shard(shard)| shard.lock().len()).sum()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn clear(&self) {
        for Shard(shard) in &self.shards {
            let all = std::mem::take(&mut *shard.lock());
            drop(all);
        }
    }
}
