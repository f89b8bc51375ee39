//! Packets whose lengths and checksums are right, so that what is wrong is further in.

/// The Internet checksum, written for tests alone.
pub(super) fn checksum(parts: &[&[u8]]) -> u16 {
    let all = parts.concat();
    let mut sum = 0u32;
    for pair in all.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Source and destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Addrs {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

/// Where the checksum of a protocol lies in its header.
fn sum_at(protocol: u8) -> Option<usize> {
    match protocol {
        6 => Some(16),
        17 => Some(6),
        1 | 58 => Some(2),
        _ => None,
    }
}

/// Fills the checksum of a transport header in.
fn fill(addrs: &Addrs, protocol: u8, payload: &mut [u8]) {
    let Some(at) = sum_at(protocol).filter(|at| at + 2 <= payload.len()) else { return };
    payload[at..at + 2].fill(0);
    let len = (payload.len() as u32).to_be_bytes();
    let sum = match (addrs, protocol) {
        (Addrs::V4(..), 1) => checksum(&[payload]),
        (Addrs::V4(s, d), _) => checksum(&[s, d, &[0, protocol], &len[2..], payload]),
        (Addrs::V6(s, d), _) => checksum(&[s, d, &len, &[0, 0, 0, protocol], payload]),
    };
    payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// An IP packet around this payload. `frag` is the fragment word of IPv4.
pub(super) fn ip(addrs: &Addrs, protocol: u8, ttl: u8, tos: u8, frag: u16, mut payload: Vec<u8>) -> Vec<u8> {
    if frag & 0x3fff == 0 {
        fill(addrs, protocol, &mut payload);
    }
    let mut packet;
    match addrs {
        Addrs::V4(source, dest) => {
            packet = vec![0x45, tos, 0, 0, 0, 7, 0, 0, ttl, protocol, 0, 0];
            packet[2..4].copy_from_slice(&((20 + payload.len()) as u16).to_be_bytes());
            packet[6..8].copy_from_slice(&frag.to_be_bytes());
            packet.extend_from_slice(source);
            packet.extend_from_slice(dest);
            let sum = checksum(&[&packet]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        Addrs::V6(source, dest) => {
            packet = vec![0x60 | tos >> 4, tos << 4, 0, 0, 0, 0, protocol, ttl];
            packet[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
            packet.extend_from_slice(source);
            packet.extend_from_slice(dest);
        }
    }
    packet.extend_from_slice(&payload);
    packet
}

/// The fields of a TCP header.
#[derive(Clone, Debug, Default)]
pub(super) struct Tcp {
    pub(super) sport: u16,
    pub(super) dport: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    pub(super) urgent: u16,
    pub(super) options: Vec<u8>,
}

impl Tcp {
    /// Header and data, the checksum still missing.
    pub(super) fn segment(&self, data: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        options.truncate(40);
        options.resize(options.len().next_multiple_of(4), 0);
        let mut out = Vec::with_capacity(20 + options.len() + data.len());
        out.extend_from_slice(&self.sport.to_be_bytes());
        out.extend_from_slice(&self.dport.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.ack.to_be_bytes());
        out.push((((20 + options.len()) / 4) << 4) as u8);
        out.push(self.flags);
        out.extend_from_slice(&self.window.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.urgent.to_be_bytes());
        out.extend_from_slice(&options);
        out.extend_from_slice(data);
        out
    }
}

/// A UDP datagram, the checksum still missing.
pub(super) fn udp(sport: u16, dport: u16, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + data.len());
    out.extend_from_slice(&sport.to_be_bytes());
    out.extend_from_slice(&dport.to_be_bytes());
    out.extend_from_slice(&((8 + data.len()) as u16).to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(data);
    out
}
