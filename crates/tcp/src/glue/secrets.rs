//! Where sequence numbers and timestamps begin (`secure_tcp_seq`, `secure_tcp_ts_off`; RFC 6528,
//! RFC 7323 section 5.4).

use crate::TcpCx;
use crate::hash::Key;
use net::Cx;
use siphasher::sip::SipHasher24;
use std::hash::Hasher;

/// The beginnings for one connection.
#[derive(Clone, Copy, Debug)]
pub struct Secrets {
    /// Initial sequence number.
    pub isn: u32,
    /// Added to the clock in timestamps.
    pub ts_off: u32,
}

/// Beginnings that nobody can guess, and that grow with time for the same addresses and ports.
pub fn secrets(cx: &Cx<'_>, key: &Key) -> Secrets {
    let (k0, k1) = cx.tcp().keys;
    let mut hasher = SipHasher24::new_with_keys(k0, k1);
    hasher.write(&key.laddr.octets());
    hasher.write(&key.faddr.octets());
    let ts_off = hasher.finish() as u32;
    hasher.write_u32(u32::from(key.lport) << 16 | u32::from(key.fport));
    let hash = hasher.finish() as u32;
    // One step every 64 ns: round once in 274 seconds, as Linux.
    let isn = hash.wrapping_add((cx.now().ns() >> 6) as u32);
    Secrets { isn, ts_off: if cx.tcp().sysctl.timestamps() == 1 { ts_off } else { 0 } }
}
