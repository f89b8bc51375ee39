//! Who receives a datagram: the sockets of each port (`struct udp_table`).
//!
//! A port has a slot of its own, so no two ports collide. A slot keeps what a lookup compares beside
//! the reference, so looking touches one socket: the one that is found. Slots with many sockets
//! (one address each, or one peer each) are indexed by address.

mod lookup;
mod port;
mod slot;

pub use lookup::Packet;
pub use port::Claim;
pub use slot::Key;

use crate::Udp;
use kern::hash::SipKey;
use kern::sync::SpinLock;
use net::{Net, Sock};
use slot::Slot;
use std::sync::{Arc, OnceLock};

/// Ports of one piece of the table; pieces are made when one of their ports is first used.
const PIECE: usize = 64;

type Piece = Box<[SpinLock<Slot>]>;

/// The sockets of a protocol, by local port.
pub struct UdpTable {
    pieces: Box<[OnceLock<Piece>]>,
    /// Keys the choice among the sockets of a `SO_REUSEPORT` group.
    secret: SipKey,
}

impl UdpTable {
    /// An empty table.
    pub fn new(net: &Net) -> Self {
        UdpTable {
            pieces: (0..65536 / PIECE).map(|_| OnceLock::new()).collect(),
            secret: SipKey([net.rng.u64(), net.rng.u64()]),
        }
    }

    /// The port's slot, if anybody ever used it.
    #[inline]
    fn slot(&self, port: u16) -> Option<&SpinLock<Slot>> {
        let piece = self.pieces.get(usize::from(port) / PIECE)?.get()?;
        piece.get(usize::from(port) % PIECE)
    }

    fn slot_or_new(&self, port: u16) -> Option<&SpinLock<Slot>> {
        let piece = self.pieces.get(usize::from(port) / PIECE)?;
        let piece = piece.get_or_init(|| (0..PIECE).map(|_| SpinLock::new(Slot::default())).collect());
        piece.get(usize::from(port) % PIECE)
    }

    /// Changes what a socket is looked up by, after `connect()` and its kin (`udp_lib_rehash`).
    pub fn rehash(&self, port: u16, sk: &Sock<Udp>, from: &Key, to: Key) {
        if let Some(slot) = self.slot(port) {
            slot.lock().set_key(sk, from, to);
        }
    }

    /// Takes a socket out (`udp_lib_unhash`); gives the table's reference back.
    pub fn remove(&self, port: u16, sk: &Sock<Udp>, key: &Key) -> Option<Arc<Sock<Udp>>> {
        self.slot(port)?.lock().remove(sk, key)
    }

    /// Every socket with its port, in order of ports, for who lists them.
    pub fn for_each(&self, mut each: impl FnMut(u16, &Arc<Sock<Udp>>)) {
        for (i, piece) in self.pieces.iter().enumerate() {
            for (j, slot) in piece.get().into_iter().flatten().enumerate() {
                // Listing takes sock locks, which is not done under a table's.
                let socks: Vec<_> = slot.lock().iter().cloned().collect();
                for sk in &socks {
                    each((i * PIECE + j) as u16, sk);
                }
            }
        }
    }

    /// Whether `sk` is in the slot of `port`.
    pub fn contains(&self, port: u16, sk: &Sock<Udp>) -> bool {
        self.slot(port).is_some_and(|slot| slot.lock().position(sk).is_some())
    }
}
