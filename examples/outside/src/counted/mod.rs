//! Counted datagrams: UDP's ports, and a number that tells the receiver what was lost.
//!
//! The header, in network byte order:
//!
//! | bytes | field |
//! |---|---|
//! | 0–1 | source port |
//! | 2–3 | destination port |
//! | 4–7 | number of the datagram, from 0 at the sender's `connect()` |
//!
//! [`attach`] adds the protocol to a namespace, [`detach`] takes it away.

mod input;
mod ports;
mod send;
mod sock;

use ports::Ports;
pub use sock::Counted;
use sockeye::inet::{InetNet, ProtoSw, SwFlags, ops};
use sockeye::ip::protocol::{self, Family, NetProtocol};
use sockeye::kern::slab::Cache;
use sockeye::stack::netns::{Pernet, Slot};
use sockeye::stack::{Net, ProtoOps, Sock};
use sockeye::uapi::{AF_INET, AF_INET6, Result, SOCK_DGRAM};
use std::sync::Arc;

/// Its number, one of the two for experiments (RFC 3692), and the level of its socket options.
pub const IPPROTO_COUNTED: i32 = 253;

/// `getsockopt()`: how many datagrams of the connected peer did not arrive, an `int`.
pub const COUNTED_LOST: i32 = 1;

/// Bytes of the header.
const HEADER: usize = 8;

/// What the protocol keeps with a namespace.
struct CountedNet {
    ports: Ports,
    slab: Cache<Arc<Sock<Counted>>>,
}

impl Pernet for CountedNet {
    const SLOT: Slot = Slot::Embedder;
}

impl CountedNet {
    fn of(net: &Net) -> &CountedNet {
        net.generic()
    }
}

static OPS: ProtoOps = ops::dgram::<Counted>("counted_dgram_ops", AF_INET);
static OPS6: ProtoOps = ops::dgram::<Counted>("counted6_dgram_ops", AF_INET6);

const fn row(ops: &'static ProtoOps) -> ProtoSw {
    ProtoSw::new::<Counted>(SOCK_DGRAM as u16, IPPROTO_COUNTED as u16, ops, SwFlags::empty())
}

/// From now on the namespace has the protocol, over IPv4 and IPv6.
///
/// # Errors
/// `EEXIST` when it had it, or another of the same number.
pub fn attach(net: &Net) -> Result<()> {
    if net.try_generic::<CountedNet>().is_none() {
        net.set_generic(CountedNet { ports: Ports::new(&net.rng), slab: Cache::new("COUNTED", 256) })?;
        let handler =
            NetProtocol { handler: input::receive, err_handler: Some(input::error), no_policy: true };
        for family in [Family::V4, Family::V6] {
            protocol::add(net, family, IPPROTO_COUNTED as u8, handler)?;
        }
    }
    let inet = InetNet::of(net);
    inet.v4.register(row(&OPS))?;
    inet.v6.register(row(&OPS6))
}

/// No more sockets of it are made; those there are live on.
///
/// # Errors
/// `ENOENT` when there is no such protocol.
pub fn detach(net: &Net) -> Result<()> {
    let inet = InetNet::of(net);
    for switch in [&inet.v4, &inet.v6] {
        switch.unregister(SOCK_DGRAM as u16, IPPROTO_COUNTED as u16, "COUNTED")?;
    }
    Ok(())
}
