//! What netlink keeps with a namespace, and how it joins one.

use crate::diag::DiagDump;
use crate::family::NetlinkFamily;
use crate::sock::Netlink;
use kern::slab::{Cache, CacheStats};
use kern::sync::SpinLock;
use net::netns::{Pernet, Slot};
use net::{Net, Sock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{Errno, Result};

/// Sockets by protocol and port.
type Ports = BTreeMap<(u16, u32), Arc<Sock<Netlink>>>;

/// Netlink's part of a namespace.
pub struct NetlinkNet {
    /// Sockets that have a port, by protocol and port (`nl_table`).
    ports: SpinLock<Ports>,
    /// Who lists which protocol's sockets (`inet_diag_table`).
    pub(crate) diag: SpinLock<Vec<(u8, DiagDump)>>,
    pub(crate) slab: Cache<Arc<Sock<Netlink>>>,
}

impl Pernet for NetlinkNet {
    const SLOT: Slot = Slot::Netlink;
}

/// Gives a namespace AF_NETLINK with `NETLINK_ROUTE` (`netlink_proto_init`, `rtnetlink_init`). After
/// [`ip::attach`]; `EEXIST` the second time.
pub fn init(net: &Arc<Net>) -> Result<()> {
    net.set_generic(NetlinkNet {
        ports: SpinLock::default(),
        diag: SpinLock::default(),
        slab: Cache::new("NETLINK", 1024),
    })?;
    net.families.register(NetlinkFamily)
}

impl NetlinkNet {
    /// Netlink's part of `net`.
    pub fn of(net: &Net) -> &NetlinkNet {
        net.generic()
    }

    /// How many socks are in use.
    pub fn slab_stats(&self) -> CacheStats {
        self.slab.stats()
    }

    /// Takes a port (`netlink_insert`); `EADDRINUSE`.
    pub(crate) fn insert(&self, protocol: u16, port: u32, sk: Arc<Sock<Netlink>>) -> Result<()> {
        let mut ports = self.ports.lock();
        if ports.contains_key(&(protocol, port)) {
            return Err(Errno::EADDRINUSE);
        }
        ports.insert((protocol, port), sk);
        Ok(())
    }

    /// Gives it back (`netlink_remove`).
    pub(crate) fn remove(&self, protocol: u16, port: u32) -> Option<Arc<Sock<Netlink>>> {
        self.ports.lock().remove(&(protocol, port))
    }

    /// The socket with this port.
    pub(crate) fn lookup(&self, protocol: u16, port: u32) -> Option<Arc<Sock<Netlink>>> {
        self.ports.lock().get(&(protocol, port)).cloned()
    }

    /// The sockets that joined a multicast group of a protocol.
    pub(crate) fn members(&self, protocol: u16, group: u32) -> Vec<Arc<Sock<Netlink>>> {
        let bit = 1u64 << (group.clamp(1, 64) - 1);
        let ports = self.ports.lock();
        let of = ports.range((protocol, 0)..=(protocol, u32::MAX)).map(|(_, sk)| sk);
        of.filter(|sk| sk.shared.groups.load(Relaxed) & bit != 0).cloned().collect()
    }
}
