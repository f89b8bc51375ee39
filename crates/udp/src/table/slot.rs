//! The sockets of one port.

use crate::Udp;
use hashbrown::HashMap;
use net::Sock;
use std::sync::Arc;
use uapi::InetAddr;

/// What a lookup compares of a socket, beside its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The address it receives for, or unspecified (`sk_rcv_saddr`).
    pub rcv_saddr: InetAddr,
    /// The address it is connected to, or unspecified (`sk_daddr`).
    pub daddr: InetAddr,
    /// The port it is connected to, or 0.
    pub dport: u16,
    /// It is an `AF_INET6` socket.
    pub v6: bool,
    /// `IPV6_V6ONLY`.
    pub v6only: bool,
}

/// One socket of a port.
pub(super) struct Entry {
    pub(super) key: Key,
    /// Younger sockets come first, as at the head of the kernel's chains.
    pub(super) age: u64,
    /// Which `SO_REUSEPORT` group it joined when it was bound; 0 for none.
    pub(super) group: u32,
    /// Its place there: those who join come last, and when one leaves the last takes its place.
    pub(super) place: u32,
    pub(super) sk: Arc<Sock<Udp>>,
}

/// A slot with more sockets than this is indexed by local address and peer.
const INDEX_FROM: usize = 12;

/// The sockets of one port.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) entries: Vec<Entry>,
    /// Where in `entries` the sockets of a local address and peer are; only while there are many.
    index: Option<Box<HashMap<IndexKey, Vec<u32>>>>,
    ages: u64,
    groups: u32,
}

/// Sockets under the same key are looked through one by one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct IndexKey {
    /// Unspecified in one form only.
    rcv_saddr: InetAddr,
    daddr: InetAddr,
    dport: u16,
}

impl IndexKey {
    pub(super) fn new(rcv_saddr: InetAddr, daddr: InetAddr, dport: u16) -> Self {
        let one_form = |addr: InetAddr| if addr.is_unspecified() { InetAddr::UNSPECIFIED_V6 } else { addr };
        IndexKey { rcv_saddr: one_form(rcv_saddr), daddr: one_form(daddr), dport }
    }

    fn of(key: &Key) -> Self {
        Self::new(key.rcv_saddr, key.daddr, key.dport)
    }
}

impl Slot {
    /// Adds a socket; `group` 0 for none.
    pub(super) fn insert(&mut self, key: Key, group: u32, sk: Arc<Sock<Udp>>) {
        self.ages += 1;
        let at = self.entries.len();
        let place = if group == 0 { 0 } else { self.members(group).count() as u32 };
        self.entries.push(Entry { key, age: self.ages, group, place, sk });
        if self.index.is_some() {
            self.index_add(at);
        } else if self.entries.len() > INDEX_FROM {
            self.index = Some(Box::default());
            for at in 0..self.entries.len() {
                self.index_add(at);
            }
        }
    }

    /// The sockets of a group.
    pub(super) fn members(&self, group: u32) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.group == group)
    }

    /// A number for a new `SO_REUSEPORT` group.
    pub(super) fn new_group(&mut self) -> u32 {
        self.groups += 1;
        self.groups
    }

    pub(super) fn position(&self, sk: &Sock<Udp>) -> Option<usize> {
        self.entries.iter().position(|entry| std::ptr::eq(&*entry.sk, sk))
    }

    /// Where the socket is, looked for under `key` first.
    fn find(&self, sk: &Sock<Udp>, key: &Key) -> Option<usize> {
        let is = |at: &usize| self.entries.get(*at).is_some_and(|e| std::ptr::eq(&*e.sk, sk));
        let places = self.index.as_ref().and_then(|index| index.get(&IndexKey::of(key)));
        let hit = places.and_then(|places| places.iter().map(|&at| at as usize).find(is));
        hit.or_else(|| self.position(sk))
    }

    pub(super) fn set_key(&mut self, sk: &Sock<Udp>, from: &Key, key: Key) {
        let Some(at) = self.find(sk, from) else { return };
        self.index_remove(at);
        self.entries[at].key = key;
        self.index_add(at);
    }

    pub(super) fn remove(&mut self, sk: &Sock<Udp>, key: &Key) -> Option<Arc<Sock<Udp>>> {
        let at = self.find(sk, key)?;
        self.index_remove(at);
        let last = self.entries.len() - 1;
        if at != last {
            self.index_remove(last);
        }
        let entry = self.entries.swap_remove(at);
        if at != last {
            self.index_add(at);
        }
        if entry.group != 0 {
            entry.sk.leave_reuseport();
            let members = self.entries.iter_mut().filter(|other| other.group == entry.group);
            if let Some(last) =
                members.max_by_key(|other| other.place).filter(|last| last.place > entry.place)
            {
                last.place = entry.place;
            }
        }
        if self.entries.is_empty() {
            *self = Slot { ages: self.ages, groups: self.groups, ..Slot::default() };
        }
        Some(entry.sk)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Sock<Udp>>> {
        self.entries.iter().map(|entry| &entry.sk)
    }

    /// True while there are so many sockets that they are looked up by key.
    #[inline]
    pub(super) fn is_indexed(&self) -> bool {
        self.index.is_some()
    }

    /// The sockets under each of `keys`; none when the slot is not indexed.
    pub(super) fn indexed<const N: usize>(&self, keys: [IndexKey; N]) -> impl Iterator<Item = &Entry> {
        let places = move |key| self.index.as_ref().and_then(|index| index.get(&key));
        let places = keys.into_iter().filter_map(places).flatten();
        places.filter_map(|&at| self.entries.get(at as usize))
    }

    fn index_add(&mut self, at: usize) {
        if let Some(index) = &mut self.index {
            index.entry(IndexKey::of(&self.entries[at].key)).or_default().push(at as u32);
        }
    }

    fn index_remove(&mut self, at: usize) {
        let Some(index) = &mut self.index else { return };
        let key = IndexKey::of(&self.entries[at].key);
        if let Some(places) = index.get_mut(&key) {
            places.retain(|&place| place != at as u32);
            if places.is_empty() {
                index.remove(&key);
            }
        }
    }
}
