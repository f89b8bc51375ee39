//! Where sequence numbers and timestamps begin (`secure_tcp_seq`, `secure_tcp_ts_off`; RFC 6528,
//! RFC 7323 section 5.4).

use crate::TcpCx;
use crate::hash::Key;
use kern::hash::SipKey;
use net::Cx;

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
    let secret = SipKey([k0, k1]);
    let ((a, b), (c, d)) = (key.laddr.words(), key.faddr.words());
    let ports = u64::from(key.lport) << 16 | u64::from(key.fport);
    let (ts_off, hash) = match (key.laddr.as_v4(), key.faddr.as_v4()) {
        (Some(laddr), Some(faddr)) => {
            let addrs = u64::from(laddr.to_bits()) << 32 | u64::from(faddr.to_bits());
            (secret.hash([addrs]) as u32, secret.hash([addrs, ports]) as u32)
        }
        _ => (secret.hash([a, b, c, d]) as u32, secret.hash([a, b, c, d, ports]) as u32),
    };
    // One step every 64 ns: round once in 274 seconds, as Linux.
    let isn = hash.wrapping_add((cx.now().ns() >> 6) as u32);
    Secrets { isn, ts_off: if cx.tcp().sysctl.timestamps() == 1 { ts_off } else { 0 } }
}
