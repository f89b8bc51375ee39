//! What is to be gone in the end: socks and timers.

use crate::{Net, Pair, SEC};
use std::sync::atomic::Ordering::Relaxed;
use tcp::TcpNet;

/// What is left of TCP in a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Socks in use.
    pub socks: u64,
    /// Entries of the table of connections, requests and `TIME_WAIT`s too.
    pub established: usize,
    /// `TIME_WAIT`s.
    pub time_waits: i64,
    /// Socks without a file.
    pub orphans: i64,
    /// Pages of buffers.
    pub pages: i64,
}

/// What is left in `net`.
pub fn left(net: &Net) -> Left {
    let tcp: &TcpNet = net.stack().generic();
    Left {
        socks: tcp.slab().stats().active,
        established: tcp.hash.established.len(),
        time_waits: tcp.time_waits(),
        orphans: tcp.orphans.load(Relaxed),
        pages: tcp.memory.total(),
    }
}

/// Runs a pair until nothing can happen any more, which is to be within ten virtual hours, and checks
/// that nothing is left.
///
/// # Panics
/// When something is.
pub fn assert_gone(pair: &Pair) {
    let quiet =
        || [&pair.a, &pair.b].iter().all(|net| net.next_timer().is_none()) && pair.wire.in_flight() == 0;
    let over = pair.world.run_until(36_000 * SEC, quiet);
    for net in [&pair.a, &pair.b] {
        assert_eq!(left(net), Left::default());
    }
    assert!(over, "timers are left: {:?} {:?}", pair.a.next_timer(), pair.b.next_timer());
}
