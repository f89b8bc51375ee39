//! Reassembly (`net/ipv4/inet_fragment.c`): fragments wait, by packet, until all are there, time is
//! up or memory runs out.
//!
//! Overlapping fragments throw the whole packet away (RFC 5722, and Linux does so for IPv4 too);
//! exact repetitions are ignored.

mod queue;
pub mod v4;
pub mod v6;

pub use queue::{Inserted, Queue};

use crate::IpNet;
use crate::protocol::Family;
use crate::sysctl::IpSysctl;
use hashbrown::HashMap;
use kern::sync::SpinLock;
use kern::time::{HZ, Jiffies};
use kern::timer::TimerSlot;
use net::timer::TimerTarget;
use net::{BhCx, DropReason, Skb, mib};
use std::sync::Arc;
use uapi::InetAddr;

/// What the fragments of one packet have in common (`struct frag_v4_compare_key`,
/// `struct frag_v6_compare_key`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    saddr: InetAddr,
    daddr: InetAddr,
    id: u32,
    /// IPv4 only.
    protocol: u8,
    /// IPv6: the interface, for addresses that mean something on one link only.
    iif: u32,
}

/// The packets of one family that are incomplete.
#[derive(Default)]
struct Pending {
    queues: HashMap<Key, Queue>,
    /// Bytes they hold (`fqdir->mem`).
    mem: u64,
    /// How many fragments each source sent while packets are incomplete (`peer->rid`).
    rids: HashMap<InetAddr, u32>,
}

impl Pending {
    /// Counts a fragment of `source`, and tells how many.
    fn count(&mut self, source: InetAddr) -> u32 {
        let rid = self.rids.entry(source).or_default();
        *rid = rid.wrapping_add(1);
        *rid
    }
}

/// The packets of one family that are incomplete, and when to look after them.
#[derive(Default)]
struct Side {
    pending: SpinLock<Pending>,
    timer: TimerSlot,
}

/// All incomplete packets of a namespace (`struct fqdir`, two of them).
#[derive(Default)]
pub struct Frags {
    v4: Side,
    v6: Side,
}

/// What became of a fragment.
enum Added {
    /// The last one missing: the queue is taken out, complete.
    Complete(Queue),
    /// It waits, or repeated what was there.
    Waits,
    /// It overlaps or contradicts others: the whole packet is thrown away.
    Failed(Inserted, Queue),
    /// No memory for another.
    NoRoom(Skb),
}

impl Frags {
    fn side(&self, family: Family) -> &Side {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// Bytes that fragments hold (`/proc/net/sockstat`: `FRAG: memory`).
    pub fn mem(&self, family: Family) -> u64 {
        self.side(family).pending.lock().mem
    }

    /// Packets that are incomplete (`/proc/net/sockstat`: `FRAG: inuse`).
    pub fn inuse(&self, family: Family) -> usize {
        self.side(family).pending.lock().queues.len()
    }

    /// Adds a fragment that covers `start..end` of its packet (`ip_frag_queue`, `ip6_frag_queue`);
    /// data is at its first byte.
    fn add(self: &Arc<Self>, cx: &BhCx<'_, '_>, family: Family, key: Key, piece: Piece) -> Added {
        let sysctl = &IpNet::of(cx.net).sysctl;
        let (high, time) = match family {
            Family::V4 => (&sysctl.ipfrag_high_thresh, &sysctl.ipfrag_time),
            Family::V6 => (&sysctl.ip6frag_high_thresh, &sysctl.ip6frag_time),
        };
        let deadline = cx.jiffies() + IpSysctl::amount(time) * HZ;
        let high = IpSysctl::amount(high);
        let side = self.side(family);
        let mut pending = side.pending.lock();
        if !pending.queues.contains_key(&key) {
            if pending.mem > high || high == 0 {
                return Added::NoRoom(piece.skb);
            }
            pending.queues.insert(key, Queue::new(deadline));
            if pending.queues.len() == 1 {
                let this = self.clone();
                cx.mod_timer(&side.timer, deadline, family as u8, || this);
            }
        }
        let max_dist = match family {
            Family::V4 => IpSysctl::amount(&sysctl.ipfrag_max_dist),
            Family::V6 => 0,
        };
        let rid = if max_dist != 0 { pending.count(key.saddr) } else { 0 };
        let Pending { queues, mem, .. } = &mut *pending;
        let Some(queue) = queues.get_mut(&key) else { return Added::NoRoom(piece.skb) };
        let before = queue.mem();
        if max_dist != 0 && queue.is_too_far(rid, max_dist) {
            // So many came from there meanwhile that the identification was used again
            // (`ip_frag_too_far`): what waits belongs to another packet.
            cx.inc(mib::Ip::ReasmFails);
            *mem -= before;
            std::mem::replace(queue, Queue::new(deadline)).free(cx, DropReason::FragTooFar);
            queue.is_too_far(rid, max_dist);
        }
        let before = queue.mem();
        let inserted = queue.insert(cx, piece);
        *mem += queue.mem() - before;
        match inserted {
            Inserted::Complete => match take(&mut pending, &key) {
                Some(queue) => Added::Complete(queue),
                None => Added::Waits,
            },
            Inserted::Added | Inserted::Duplicate => Added::Waits,
            Inserted::Overlap | Inserted::Invalid => match take(&mut pending, &key) {
                Some(queue) => Added::Failed(inserted, queue),
                None => Added::Waits,
            },
        }
    }
}

fn take(pending: &mut Pending, key: &Key) -> Option<Queue> {
    let queue = pending.queues.remove(key)?;
    pending.mem = pending.mem.saturating_sub(queue.mem());
    if pending.queues.is_empty() {
        pending.rids.clear();
    }
    Some(queue)
}

/// A fragment on its way into a queue.
pub struct Piece {
    /// Data is at the first byte, the network header is set.
    pub skb: Skb,
    /// Where it begins, bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// More follow.
    pub more: bool,
    /// The two ECN bits of its header.
    pub ecn: u8,
    /// DF was set: IPv4 only.
    pub df: bool,
}

impl TimerTarget for Frags {
    /// Time is up for the oldest packets (`ip_expire`, `ip6frag_expire_frag_queue`).
    fn expire(self: Arc<Self>, which: u8, cx: &BhCx<'_, '_>) {
        let family = if which == Family::V4 as u8 { Family::V4 } else { Family::V6 };
        let side = self.side(family);
        let now: Jiffies = cx.jiffies();
        let mut pending = side.pending.lock();
        let mut due: Vec<(Jiffies, Key)> = pending
            .queues
            .iter()
            .filter(|(_, q)| q.deadline <= now)
            .map(|(key, q)| (q.deadline, *key))
            .collect();
        // The map's order is not ours to show.
        due.sort_by_key(|(deadline, key)| (*deadline, key.id, key.saddr, key.daddr));
        let late: Vec<Queue> = due.iter().filter_map(|(_, key)| take(&mut pending, key)).collect();
        let next = pending.queues.values().map(|q| q.deadline).min();
        drop(pending);
        for queue in late {
            match family {
                Family::V4 => v4::expired(cx, queue),
                Family::V6 => v6::expired(cx, queue),
            }
        }
        if let Some(next) = next {
            let this = self.clone();
            cx.mod_timer(&side.timer, next, which, || this);
        }
    }
}

#[cfg(test)]
mod tests;
