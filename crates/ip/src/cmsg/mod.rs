//! Control messages: what a sender asks for a packet (`ip_cmsg_send`, `ip6_datagram_send_ctl`), and
//! what a receiver is told of one (`ip_cmsg_recv_offset`, `ip6_datagram_recv_ctl`).

mod recv;
mod send;

pub use recv::{echoed_options, prepare, recv};
pub(crate) use recv::{recv4, recv6_common, recv6_specific};
pub(crate) use send::send6;
pub use send::{send, send_v4};

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What a receiver of IPv4 packets wants to be told (`IP_CMSG_*`): bits of
/// [`crate::InetShared::cmsg_flags`].
#[allow(missing_docs, reason = "each names its option")]
pub mod want4 {
    pub const PKTINFO: u32 = 1;
    pub const TTL: u32 = 1 << 1;
    pub const TOS: u32 = 1 << 2;
    pub const RECVOPTS: u32 = 1 << 3;
    pub const RETOPTS: u32 = 1 << 4;
    pub const PASSSEC: u32 = 1 << 5;
    pub const ORIGDSTADDR: u32 = 1 << 6;
}

/// What a receiver of IPv6 packets wants to be told (`np->rxopt`): bits of
/// [`crate::InetShared::rxopt`]. Those with an `O` are RFC 2292's.
#[allow(missing_docs, reason = "each names its option")]
pub mod want6 {
    pub const INFO: u32 = 1;
    pub const HLIM: u32 = 1 << 1;
    pub const TCLASS: u32 = 1 << 2;
    pub const FLOW: u32 = 1 << 3;
    pub const HOPOPTS: u32 = 1 << 4;
    pub const DSTOPTS: u32 = 1 << 5;
    pub const SRCRT: u32 = 1 << 6;
    pub const OINFO: u32 = 1 << 7;
    pub const OHLIM: u32 = 1 << 8;
    pub const OHOPOPTS: u32 = 1 << 9;
    pub const ODSTOPTS: u32 = 1 << 10;
    pub const OSRCRT: u32 = 1 << 11;
    pub const ORIGDSTADDR: u32 = 1 << 12;
}

/// Sets or clears a bit of either.
pub(crate) fn set_bit(word: &AtomicU32, bit: u32, on: bool) {
    if on {
        word.fetch_or(bit, Relaxed);
    } else {
        word.fetch_and(!bit, Relaxed);
    }
}
