//! What UDP keeps with a namespace, and how it joins one.

use crate::Udp;
use crate::table::UdpTable;
use kern::slab::{Cache, CacheStats};
use net::Net;
use net::Sock;
use net::netns::{Pernet, Slot};
use net::sock::{MemAccount, Scheduled};
use net::sysctl::{IntRow, register_ints};
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::{IPPROTO_UDP, IPPROTO_UDPLITE, Result};

/// UDP's part of a namespace.
pub struct UdpNet {
    udp: UdpTable,
    udplite: UdpTable,
    pub(crate) slab: Cache<Arc<Sock<Udp>>>,
    rmem_min: AtomicI32,
    wmem_min: AtomicI32,
    /// What all sockets of both protocols may hold (`udp_mem`).
    pub memory: MemAccount,
    l3mdev_accept: AtomicI32,
}

impl Pernet for UdpNet {
    const SLOT: Slot = Slot::Udp;
}

static ROWS: &[IntRow] = &[
    IntRow::new("net/ipv4/udp_mem", |net| &net.generic::<UdpNet>().memory.limits),
    IntRow::new("net/ipv4/udp_rmem_min", |net| from_ref(&net.generic::<UdpNet>().rmem_min))
        .range(1, i32::MAX),
    IntRow::new("net/ipv4/udp_wmem_min", |net| from_ref(&net.generic::<UdpNet>().wmem_min))
        .range(1, i32::MAX),
    IntRow::new("net/ipv4/udp_l3mdev_accept", |net| from_ref(&net.generic::<UdpNet>().l3mdev_accept))
        .range(0, 1),
];

impl UdpNet {
    /// UDP's part of `net`.
    #[inline]
    pub fn of(net: &Net) -> &UdpNet {
        net.generic()
    }

    /// The table of `IPPROTO_UDP` or `IPPROTO_UDPLITE`.
    #[inline]
    pub fn table(&self, protocol: u16) -> &UdpTable {
        if i32::from(protocol) == IPPROTO_UDPLITE { &self.udplite } else { &self.udp }
    }

    /// Where the memory of receive queues comes from.
    #[inline]
    pub(crate) fn scheduled(&self) -> Scheduled<'_> {
        Scheduled { account: &self.memory, least: self.rmem_min.load(Relaxed) }
    }

    /// How many socks are in use.
    pub fn slab_stats(&self) -> CacheStats {
        self.slab.stats()
    }
}

/// Gives a namespace UDP and UDP-Lite over both families (`udp_init`, `udpv6_init`). After
/// [`ip::attach`]; `EEXIST` the second time.
pub fn init(net: &Net) -> Result<()> {
    let int = AtomicI32::new;
    net.set_generic(UdpNet {
        udp: UdpTable::new(net),
        udplite: UdpTable::new(net),
        slab: Cache::new("UDP", 4096),
        rmem_min: int(4096),
        wmem_min: int(4096),
        memory: MemAccount::new(8, false),
        l3mdev_accept: int(0),
    })?;
    register_ints(net, ROWS)?;
    for family in [ip::protocol::Family::V4, ip::protocol::Family::V6] {
        ip::protocol::add(net, family, IPPROTO_UDP as u8, crate::input::UDP)?;
        ip::protocol::add(net, family, IPPROTO_UDPLITE as u8, crate::input::UDPLITE)?;
    }
    Ok(())
}
