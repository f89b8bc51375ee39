//! Local ports: which may be chosen, in which order (RFC 6056), and who may bind the low ones.
//!
//! Shared by all transport protocols. What is taken is theirs to know; here is only what the
//! administrator and the socket say: `ip_local_port_range`, `IP_LOCAL_PORT_RANGE`,
//! `ip_local_reserved_ports`, `ip_unprivileged_port_start`.

mod conflict;
mod order;
mod sysctl;
#[cfg(test)]
mod tests;

pub use conflict::{LOOPBACK4_IPV6, Local};
pub use order::{BindOrder, ConnectOrder, RandomOrder};
pub use sysctl::register;

use net::netns::{Pernet, Slot};
use net::{Cx, Net};
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed};

/// `net.ipv4.ip_local_port_range` of a fresh namespace.
pub const LOCAL_PORT_RANGE: RangeInclusive<u16> = 32768..=60999;
/// Entries of the table that moves the beginning of each destination's search
/// (`INET_TABLE_PERTURB_SIZE`).
const PERTURB: usize = 256;

/// What a namespace knows of ports (`net->ipv4`'s part of it).
pub struct Ports {
    /// Low in the low half, high in the high half: one load reads both.
    range: AtomicU32,
    /// The first port that needs no capability.
    unprivileged_start: [AtomicI32; 1],
    /// `ip_autobind_reuse`.
    autobind_reuse: [AtomicI32; 1],
    /// One bit a port; not there while nothing is reserved.
    reserved: OnceLock<Box<[AtomicU64]>>,
    perturb: Box<[AtomicU32]>,
}

impl Pernet for Ports {
    const SLOT: Slot = Slot::Ports;
}

impl Ports {
    /// As a fresh namespace has it, with the search's beginnings drawn from its randomness.
    pub fn new(net: &Net) -> Self {
        Ports {
            range: AtomicU32::new(pack(&LOCAL_PORT_RANGE)),
            unprivileged_start: [AtomicI32::new(i32::from(uapi::PROT_SOCK))],
            autobind_reuse: [AtomicI32::new(0)],
            reserved: OnceLock::new(),
            perturb: (0..PERTURB).map(|_| AtomicU32::new(net.rng.u32())).collect(),
        }
    }

    /// `ip_local_port_range` (`inet_get_local_port_range`).
    #[inline]
    pub fn range(&self) -> RangeInclusive<u16> {
        unpack(self.range.load(Relaxed))
    }

    /// The namespace's range cut to the socket's `IP_LOCAL_PORT_RANGE` (low half low, high half
    /// high, 0 for none each), and whether the socket had one (`inet_sk_get_local_port_range`).
    pub fn sk_range(&self, local: u32) -> (RangeInclusive<u16>, bool) {
        let (low, high) = self.range().into_inner();
        if local == 0 {
            return (low..=high, false);
        }
        let (sk_low, sk_high) = unpack(local).into_inner();
        // An end that lies outside of the namespace's range is not taken over.
        let inside = |port: u16| low <= port && port <= high;
        let low2 = if sk_low != 0 && inside(sk_low) { sk_low } else { low };
        let high2 = if sk_high != 0 && inside(sk_high) { sk_high } else { high };
        (low2..=high2, true)
    }

    /// True for a port that is never chosen, only asked for (`inet_is_local_reserved_port`).
    #[inline]
    pub fn is_reserved(&self, port: u16) -> bool {
        let Some(bits) = self.reserved.get() else { return false };
        bits[usize::from(port) / 64].load(Relaxed) >> (port % 64) & 1 != 0
    }

    /// True for a port that only `CAP_NET_BIND_SERVICE` may bind (`inet_port_requires_bind_service`).
    #[inline]
    pub fn is_privileged(&self, port: u16) -> bool {
        i32::from(port) < self.unprivileged_start[0].load(Relaxed)
    }

    /// `net.ipv4.ip_autobind_reuse`.
    pub fn autobind_reuse(&self) -> bool {
        self.autobind_reuse[0].load(Relaxed) != 0
    }
}

/// The ports of the namespace that `cx` is in.
#[inline]
pub fn of<'c>(cx: &Cx<'c>) -> &'c Ports {
    cx.net.generic::<Ports>()
}

fn pack(range: &RangeInclusive<u16>) -> u32 {
    u32::from(*range.end()) << 16 | u32::from(*range.start())
}

fn unpack(range: u32) -> RangeInclusive<u16> {
    range as u16..=(range >> 16) as u16
}
