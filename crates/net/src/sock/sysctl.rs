//! `net.core.*`: buffer sizes and limits of all sockets.

use crate::netns::Net;
use crate::sysctl::{IntRow, register_ints};
use std::slice::from_ref;
use std::sync::atomic::AtomicI32;

/// The values of `net.core.*`.
pub struct CoreSysctl {
    /// Default receive buffer, bytes.
    pub rmem_default: AtomicI32,
    /// Default send buffer, bytes.
    pub wmem_default: AtomicI32,
    /// The most `SO_RCVBUF` gives, bytes.
    pub rmem_max: AtomicI32,
    /// The most `SO_SNDBUF` gives, bytes.
    pub wmem_max: AtomicI32,
    /// The most control data and options of a socket, bytes.
    pub optmem_max: AtomicI32,
    /// The most `listen()` takes.
    pub somaxconn: AtomicI32,
}

impl Default for CoreSysctl {
    fn default() -> Self {
        let int = AtomicI32::new;
        CoreSysctl {
            rmem_default: int(212_992),
            wmem_default: int(212_992),
            rmem_max: int(4 << 20),
            wmem_max: int(4 << 20),
            optmem_max: int(131_072),
            somaxconn: int(4096),
        }
    }
}

static ROWS: &[IntRow] = &[
    IntRow::new("net/core/rmem_default", |net| from_ref(&net.core.rmem_default))
        .range(super::mem::SOCK_MIN_RCVBUF, i32::MAX),
    IntRow::new("net/core/wmem_default", |net| from_ref(&net.core.wmem_default))
        .range(super::mem::SOCK_MIN_SNDBUF, i32::MAX),
    IntRow::new("net/core/rmem_max", |net| from_ref(&net.core.rmem_max))
        .range(super::mem::SOCK_MIN_RCVBUF, i32::MAX),
    IntRow::new("net/core/wmem_max", |net| from_ref(&net.core.wmem_max))
        .range(super::mem::SOCK_MIN_SNDBUF, i32::MAX),
    IntRow::new("net/core/optmem_max", |net| from_ref(&net.core.optmem_max)).range(0, i32::MAX),
    IntRow::new("net/core/somaxconn", |net| from_ref(&net.core.somaxconn)).range(0, i32::MAX),
];

pub(crate) fn register(net: &Net) {
    // A fresh namespace has none of these files yet.
    let _ = register_ints(net, ROWS);
}
