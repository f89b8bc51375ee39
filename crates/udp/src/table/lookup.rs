//! Which socket a datagram is for (`__udp4_lib_lookup`, `__udp6_lib_lookup`), and which ones a
//! multicast is for.

use super::UdpTable;
use super::slot::{Entry, IndexKey, Key, Slot};
use crate::Udp;
use net::{Cx, Skb, Sock};
use std::sync::Arc;
use uapi::InetAddr;
use wire::UdpHdr;

/// The ends of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Where it comes from.
    pub saddr: InetAddr,
    /// From which port.
    pub sport: u16,
    /// Where it goes.
    pub daddr: InetAddr,
    /// To which port.
    pub dport: u16,
    /// The device it came in by.
    pub dif: u32,
}

/// Worth more than all that a socket with an unspecified address can score: one bound to the
/// datagram's own address comes first, whatever else it is.
const EXACT: i32 = 64;

impl Packet {
    /// How well an entry fits; `None` when it does not (`compute_score`).
    #[inline]
    fn score(&self, entry: &Entry) -> Option<i32> {
        let key = &entry.key;
        let mut score = self.address_score(key)?;
        if !key.daddr.is_unspecified() {
            if key.daddr != self.saddr {
                return None;
            }
            score += 4;
        }
        if key.dport != 0 {
            if key.dport != self.sport {
                return None;
            }
            score += 4;
        }
        let bound = entry.sk.bound_dev_if();
        if bound != 0 {
            if bound != self.dif {
                return None;
            }
            score += 4;
        }
        Some(score)
    }

    #[inline]
    fn address_score(&self, key: &Key) -> Option<i32> {
        // An IPv4 socket is preferred for IPv4; an IPv6 datagram is for IPv6 sockets only.
        let own_family = if self.daddr.is_v4() {
            if key.v6only {
                return None;
            }
            i32::from(!key.v6)
        } else if key.v6 && (key.rcv_saddr.is_v6() || key.rcv_saddr == self.daddr) {
            0
        } else {
            return None;
        };
        if key.rcv_saddr == self.daddr {
            Some(EXACT + own_family)
        } else if key.rcv_saddr.is_unspecified() {
            Some(own_family)
        } else {
            None
        }
    }

    /// Whether an entry gets its copy of a multicast (`__udp_is_mcast_sock`), apart from what its
    /// groups say.
    fn is_for(&self, entry: &Entry) -> bool {
        self.score(entry).is_some()
    }
}

impl Slot {
    #[inline]
    fn best(&self, packet: &Packet) -> Option<&Entry> {
        match &self.entries[..] {
            [] => None,
            // Most ports have one socket.
            [only] => packet.score(only).map(|_| only),
            many => match self.is_indexed() {
                false => best_of(packet, many.iter()),
                true => self.best_indexed(packet),
            },
        }
    }

    fn best_indexed(&self, packet: &Packet) -> Option<&Entry> {
        let (any, none) = (InetAddr::UNSPECIFIED_V6, InetAddr::UNSPECIFIED_V6);
        let keys = [
            IndexKey::new(packet.daddr, packet.saddr, packet.sport),
            IndexKey::new(packet.daddr, none, 0),
            IndexKey::new(any, packet.saddr, packet.sport),
            IndexKey::new(any, none, 0),
        ];
        best_of(packet, self.indexed(keys))
    }

    /// A member of the entry's `SO_REUSEPORT` group, chosen by a program that sees the datagram or by the flow's hash
    /// (`reuseport_select_sock`); connected members are not chosen by hash.
    fn select<'a>(
        &'a self,
        cx: &Cx<'_>,
        found: &'a Entry,
        skb: Option<&Skb>,
        hash: impl FnOnce() -> u32,
    ) -> &'a Entry {
        let special = found.sk.reuseport().filter(|group| group.is_special());
        let Some(special) = special else {
            let members = || self.members(found.group).filter(|entry| entry.key.dport == 0);
            let n = (u64::from(hash()) * members().count() as u64) >> 32;
            return members().nth(n as usize).unwrap_or(found);
        };
        let member = |place: usize| self.members(found.group).find(|entry| entry.place as usize == place);
        let takes =
            |place| member(place).filter(|entry| entry.key.dport == 0).map(|entry| entry.sk.incoming_cpu());
        let (packet, members) = (skb.map(|skb| (skb, UdpHdr::LEN)), self.members(found.group).count());
        special.select(cx, packet, (hash(), members), takes).and_then(member).unwrap_or(found)
    }
}

/// The best of some entries; of equals the youngest.
fn best_of<'a>(packet: &Packet, entries: impl Iterator<Item = &'a Entry>) -> Option<&'a Entry> {
    let scored = entries.filter_map(|entry| Some((packet.score(entry)?, entry.age, entry)));
    scored.max_by_key(|&(score, age, _)| (score, age)).map(|(_, _, entry)| entry)
}

impl UdpTable {
    /// The socket that fits a datagram best.
    pub fn lookup(&self, cx: &Cx<'_>, packet: &Packet) -> Option<Arc<Sock<Udp>>> {
        self.lookup_then(cx, packet, None, |sk, _| sk.clone()).ok()
    }

    /// Gives the socket that fits a datagram best to `then`, with the datagram, which begins with its header and may have
    /// a say in the choice; gives it back when there is none. The port is locked meanwhile, which saves a reference:
    /// `then` may queue, not more.
    #[inline]
    pub fn lookup_then<R>(
        &self,
        cx: &Cx<'_>,
        packet: &Packet,
        skb: Option<Skb>,
        then: impl FnOnce(&Arc<Sock<Udp>>, Option<Skb>) -> R,
    ) -> Result<R, Option<Skb>> {
        let Some(slot) = self.slot(packet.dport) else { return Err(skb) };
        let slot = slot.lock();
        let Some(found) = slot.best(packet) else { return Err(skb) };
        // A connected socket is meant by name; its group is not asked.
        let found = if found.group != 0 && found.key.dport == 0 {
            slot.select(cx, found, skb.as_ref(), || self.flow_hash(packet))
        } else {
            found
        };
        Ok(then(&found.sk, skb))
    }

    /// All sockets that a multicast or broadcast is for and that `wants` it
    /// (`__udp4_lib_mcast_deliver`).
    pub fn lookup_all(&self, packet: &Packet, wants: impl Fn(&Sock<Udp>) -> bool) -> Vec<Arc<Sock<Udp>>> {
        let Some(slot) = self.slot(packet.dport) else { return Vec::new() };
        let slot = slot.lock();
        let matching = slot.entries.iter().filter(|entry| packet.is_for(entry) && wants(&entry.sk));
        matching.map(|entry| entry.sk.clone()).collect()
    }

    fn flow_hash(&self, packet: &Packet) -> u32 {
        let ((a, b), (c, d)) = (packet.daddr.words(), packet.saddr.words());
        let ports = u64::from(packet.dport) << 16 | u64::from(packet.sport);
        self.secret.hash_fast([a, b, c, d, ports]) as u32
    }
}
