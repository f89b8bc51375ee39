//! Who has which port. One socket for each family: this protocol knows no `SO_REUSEADDR`.

use super::Counted;
use sockeye::kern::rng::Rng;
use sockeye::kern::sync::SpinLock;
use sockeye::stack::Sock;
use sockeye::uapi::{AF_INET6, InetAddr};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Ports that are chosen begin here.
const FIRST_FREE: u16 = 32768;

type Key = (bool, u16);

/// The table.
pub(super) struct Ports(SpinLock<Inner>);

struct Inner {
    taken: BTreeMap<Key, Arc<Sock<Counted>>>,
    rover: u16,
}

fn is_v6(sk: &Sock<Counted>) -> bool {
    i32::from(sk.family()) == AF_INET6
}

impl Ports {
    pub(super) fn new(rng: &Rng) -> Self {
        Ports(SpinLock::new(Inner { taken: BTreeMap::new(), rover: rng.u32() as u16 }))
    }

    /// Takes a port, or for 0 the next free one; `None` when it is taken.
    pub(super) fn take(&self, port: u16, sk: &Sock<Counted>) -> Option<u16> {
        let mut inner = self.0.lock();
        let v6 = is_v6(sk);
        let port = match port {
            0 => {
                let rover = inner.rover;
                let mut after = (1..=u16::MAX).map(|i| rover.wrapping_add(i) | FIRST_FREE);
                inner.rover = after.find(|port| !inner.taken.contains_key(&(v6, *port)))?;
                inner.rover
            }
            port => port,
        };
        if inner.taken.contains_key(&(v6, port)) {
            return None;
        }
        inner.taken.insert((v6, port), sk.hold());
        Some(port)
    }

    /// The reference that the table held, if the socket had the port.
    pub(super) fn give_back(&self, port: u16, sk: &Sock<Counted>) -> Option<Arc<Sock<Counted>>> {
        self.0.lock().taken.remove(&(is_v6(sk), port))
    }

    /// The socket that takes datagrams for this address and port, from this peer.
    pub(super) fn lookup(
        &self,
        (local, port): (InetAddr, u16),
        (peer, peer_port): (InetAddr, u16),
    ) -> Option<Arc<Sock<Counted>>> {
        let sk = self.0.lock().taken.get(&(local.is_v6(), port)).cloned()?;
        let names = sk.shared.inet.names();
        let mine = names.rcv_saddr.is_unspecified() || names.rcv_saddr == local;
        let from_peer = names.dport == 0 || (names.daddr, names.dport) == (peer, peer_port);
        (mine && from_peer).then_some(sk)
    }
}
