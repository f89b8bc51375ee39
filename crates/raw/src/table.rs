//! Raw sockets by protocol (`struct raw_hashinfo`).

use crate::Raw;
use ip::sock::SockNames;
use kern::sync::SpinLock;
use net::Sock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use uapi::InetAddr;

type List = SpinLock<Vec<Arc<Sock<Raw>>>>;

/// The raw sockets of one family.
pub struct RawTable {
    lists: Box<[List]>,
    /// How many a protocol has: every packet that comes in asks.
    counts: [AtomicU32; 256],
}

impl Default for RawTable {
    fn default() -> Self {
        RawTable {
            lists: (0..256).map(|_| List::default()).collect(),
            counts: [const { AtomicU32::new(0) }; 256],
        }
    }
}

/// The ends of a packet, seen from this host.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// This host's.
    pub local: InetAddr,
    /// The other one.
    pub remote: InetAddr,
    /// The device it came in by.
    pub dif: u32,
}

impl RawTable {
    /// Adds a socket (`raw_hash_sk`).
    pub fn insert(&self, protocol: u8, sk: Arc<Sock<Raw>>) {
        let mut list = self.lists[usize::from(protocol)].lock();
        list.push(sk);
        self.counts[usize::from(protocol)].store(list.len() as u32, Relaxed);
    }

    /// Removes a socket (`raw_unhash_sk`); gives the table's reference back.
    pub fn remove(&self, protocol: u8, sk: &Sock<Raw>) -> Option<Arc<Sock<Raw>>> {
        let mut list = self.lists[usize::from(protocol)].lock();
        let at = list.iter().position(|other| std::ptr::eq(&**other, sk))?;
        let removed = list.remove(at);
        self.counts[usize::from(protocol)].store(list.len() as u32, Relaxed);
        Some(removed)
    }

    /// True when no socket is there for a protocol, without the lock.
    #[inline]
    pub fn is_unused(&self, protocol: u8) -> bool {
        self.counts[usize::from(protocol)].load(Relaxed) == 0
    }

    /// The sockets a packet is for (`raw_v4_match`, `raw_v6_match`), the youngest first.
    pub fn matching(&self, protocol: u8, ends: &Ends) -> Vec<Arc<Sock<Raw>>> {
        let list = self.lists[usize::from(protocol)].lock();
        list.iter().rev().filter(|sk| ends.fit(sk)).cloned().collect()
    }

    /// Every socket with its protocol, for who lists them.
    pub fn for_each(&self, mut each: impl FnMut(u8, &Arc<Sock<Raw>>)) {
        for (protocol, list) in (0u8..=255).zip(&self.lists) {
            let socks: Vec<_> = list.lock().clone();
            for sk in &socks {
                each(protocol, sk);
            }
        }
    }
}

impl Ends {
    fn fit(&self, sk: &Sock<Raw>) -> bool {
        let SockNames { rcv_saddr, daddr, .. } = sk.shared.inet.names();
        let bound = sk.bound_dev_if();
        // A socket bound to a group receives what is sent to it; so does one bound to nothing.
        (daddr.is_unspecified() || daddr == self.remote)
            && (rcv_saddr.is_unspecified() || rcv_saddr == self.local)
            && (bound == 0 || bound == self.dif)
    }
}
