//! What raw and ping sockets keep with a namespace, and how they join one.

use crate::table::RawTable;
use crate::{Raw, ping};
use ip::IpNet;
use kern::slab::Cache;
use net::netns::{Pernet, Slot};
use net::sysctl::{IntRow, register_ints};
use net::{Net, Sock};
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use uapi::{AF_INET6, Errno, Result};

/// The part of raw sockets in a namespace.
pub struct RawNet {
    v4: RawTable,
    v6: RawTable,
    pub(crate) slab: Cache<Arc<Sock<Raw>>>,
    l3mdev_accept: AtomicI32,
}

impl Pernet for RawNet {
    const SLOT: Slot = Slot::Raw;
}

static ROWS: &[IntRow] =
    &[IntRow::new("net/ipv4/raw_l3mdev_accept", |net| from_ref(&net.generic::<RawNet>().l3mdev_accept))
        .range(0, 1)];

impl RawNet {
    /// The part of raw sockets in `net`.
    #[inline]
    pub fn of(net: &Net) -> &RawNet {
        net.generic()
    }

    /// The sockets of `AF_INET` or `AF_INET6`.
    #[inline]
    pub fn table(&self, family: u16) -> &RawTable {
        if i32::from(family) == AF_INET6 { &self.v6 } else { &self.v4 }
    }
}

/// Gives a namespace raw and ping sockets (`raw_init`, `rawv6_init`, `ping_init`). After
/// [`ip::attach`]; `EEXIST` the second time.
pub fn init(net: &Net) -> Result<()> {
    net.set_generic(RawNet {
        v4: RawTable::default(),
        v6: RawTable::default(),
        slab: Cache::new("RAW", 256),
        l3mdev_accept: AtomicI32::new(1),
    })?;
    register_ints(net, ROWS)?;
    let hooks = &IpNet::of(net).protocols;
    let taken = |_| Errno::EEXIST;
    hooks.raw.set(crate::input::deliver4).map_err(taken)?;
    hooks.raw6.set(crate::input::deliver6).map_err(taken)?;
    hooks.raw_err.set(crate::input::error).map_err(|_| Errno::EEXIST)?;
    ping::init(net)
}
