//! The Transmission Control Protocol.
//!
//! Split by event, as Linux splits it: a segment arrives ([`glue`], [`input`]), a call is made
//! ([`api`]), a timer fires ([`timer`]); all of them send through [`output`]. [`hash`] finds who a
//! segment is for, [`mini`] stands in for socks that are not yet or no more, [`cong`] decides how much
//! may be in flight. [`state`] alone writes the state.

#![forbid(unsafe_code)]

pub mod api;
pub mod chrono;
pub mod cong;
pub mod ecn;
pub mod fastopen;
pub mod fifo;
pub mod glue;
pub mod hash;
pub mod init;
pub mod input;
pub mod mem;
pub mod metrics;
pub mod mini;
pub mod output;
mod proto;
pub mod seq;
mod shared;
pub mod sock;
pub mod state;
pub mod syncookies;
pub mod sysctl;
pub mod timer;

pub use api::listen;
pub use proto::Tcp;
pub use shared::TcpShared;

use ip::protocol::{Family, NetProtocol};
use kern::slab::Cache;
use net::netns::{Pernet, Slot};
use net::sock::MemAccount;
use net::{Cx, Net, Sock};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use uapi::{IPPROTO_TCP, Result};

/// What TCP keeps with a namespace.
pub struct TcpNet {
    /// `net.ipv4.tcp_*`.
    pub sysctl: Arc<sysctl::Sysctl>,
    /// Who a segment is for.
    pub hash: hash::Hashinfo,
    /// What is known of peers.
    pub metrics: metrics::Table,
    /// Keys of Fast Open.
    pub fastopen: fastopen::keys::FastOpen,
    /// Challenge ACKs sent lately.
    pub challenge: input::challenge::Limit,
    /// Socks without a file (`tcp_orphan_count`).
    pub orphans: AtomicI64,
    /// What all socks' buffers may hold (`tcp_mem`, `tcp_memory_allocated`).
    pub memory: MemAccount,
    keys: (u64, u64),
    time_waits: AtomicI64,
    slab: Cache<Arc<Sock<Tcp>>>,
}

impl Pernet for TcpNet {
    const SLOT: Slot = Slot::Tcp;
}

/// The way from a context to TCP's part of the namespace.
pub trait TcpCx {
    /// TCP's part.
    fn tcp(&self) -> &TcpNet;
}

impl TcpCx for Cx<'_> {
    #[inline]
    fn tcp(&self) -> &TcpNet {
        self.net.generic()
    }
}

impl TcpNet {
    fn new(net: &Net) -> Self {
        TcpNet {
            sysctl: Arc::default(),
            hash: hash::Hashinfo::new(net.rng.u64()),
            metrics: metrics::Table::new(net.rng.u64()),
            fastopen: fastopen::keys::FastOpen::default(),
            challenge: input::challenge::Limit::default(),
            orphans: AtomicI64::new(0),
            memory: MemAccount::new(16, true),
            keys: (net.rng.u64(), net.rng.u64()),
            time_waits: AtomicI64::new(0),
            slab: Cache::new("TCP", 4096),
        }
    }

    /// A place for one more TIME_WAIT, if `tcp_max_tw_buckets` leaves one.
    fn reserve_time_wait(&self) -> bool {
        if self.time_waits.fetch_add(1, Relaxed) >= i64::from(self.sysctl.max_tw_buckets()) {
            self.time_waits.fetch_sub(1, Relaxed);
            return false;
        }
        true
    }

    fn release_time_wait(&self) {
        self.time_waits.fetch_sub(1, Relaxed);
    }

    /// How many TIME_WAITs there are.
    pub fn time_waits(&self) -> i64 {
        self.time_waits.load(Relaxed)
    }

    /// The slab of socks, for who lists them.
    pub fn slab(&self) -> &Cache<Arc<Sock<Tcp>>> {
        &self.slab
    }

    /// Lets go of what keeps itself alive in a circle.
    pub fn exit(&self) {
        self.hash.clear();
        self.slab.shrink();
    }
}

/// Attaches TCP to a namespace, over IPv4 and IPv6.
///
/// # Errors
/// `EEXIST` when it is attached already.
pub fn init(net: &Arc<Net>) -> Result<()> {
    net.set_generic(TcpNet::new(net))?;
    sysctl::register(net)?;
    let protocol = NetProtocol { handler: glue::tcp_rcv, err_handler: Some(glue::tcp_err), no_policy: true };
    ip::protocol::add(net, Family::V4, IPPROTO_TCP as u8, protocol)?;
    ip::protocol::add(net, Family::V6, IPPROTO_TCP as u8, protocol)
}
