//! Packets as bytes: made for the stack, taken apart from it.

pub mod build;
pub mod compare;
pub mod show;

use std::net::IpAddr;
use wire::Wsum;

/// `TCP` in an IP header.
pub const IPPROTO_TCP: u8 = 6;
/// `UDP` there.
pub const IPPROTO_UDP: u8 = 17;

/// Addresses and ports of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Source.
    pub source: (IpAddr, u16),
    /// Destination.
    pub dest: (IpAddr, u16),
}

/// A packet that the stack sent: whole, and where its parts begin.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Microseconds since the script began.
    pub usecs: i64,
    /// From the IP header on.
    pub bytes: Vec<u8>,
    ip_len: usize,
    protocol: u8,
}

/// A TCP segment that the stack sent, or several that follow each other.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Microseconds since the script began.
    pub usecs: i64,
    /// Type of service or traffic class.
    pub tos: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// The flow label of IPv6.
    pub flow_label: u32,
    /// The IP header has no options.
    pub plain_ip: bool,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Flags, AE as bit 8, the reserved bits above.
    pub flags: u16,
    /// Window, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urg: u16,
    /// Options.
    pub options: Vec<u8>,
    /// Data.
    pub payload: Vec<u8>,
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]))
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

impl Sent {
    /// Takes a packet apart; none for what has no whole header.
    pub fn parse(usecs: i64, mut bytes: Vec<u8>) -> Option<Sent> {
        let first = *bytes.first()?;
        let (ip_len, protocol, total) = match first >> 4 {
            4 if bytes.len() >= 20 => (usize::from(first & 15) * 4, bytes[9], usize::from(be16(&bytes, 2))),
            6 if bytes.len() >= 40 => (40, bytes[6], 40 + usize::from(be16(&bytes, 4))),
            _ => return None,
        };
        let least = ip_len + if protocol == IPPROTO_TCP { 20 } else { 8 };
        if total < least || bytes.len() < total {
            return None;
        }
        bytes.truncate(total);
        let sent = Sent { usecs, bytes, ip_len, protocol };
        if protocol == IPPROTO_TCP && (sent.header_len() < 20 || ip_len + sent.header_len() > total) {
            return None;
        }
        Some(sent)
    }

    /// True for IPv4.
    pub fn is_v4(&self) -> bool {
        self.bytes[0] >> 4 == 4
    }

    /// True for TCP.
    pub fn is_tcp(&self) -> bool {
        self.protocol == IPPROTO_TCP
    }

    /// The protocol after IP.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Type of service or traffic class.
    pub fn tos(&self) -> u8 {
        if self.is_v4() { self.bytes[1] } else { self.bytes[0] << 4 | self.bytes[1] >> 4 }
    }

    /// Time to live or hop limit.
    pub fn ttl(&self) -> u8 {
        if self.is_v4() { self.bytes[8] } else { self.bytes[7] }
    }

    /// The flow label of IPv6; 0 for IPv4.
    pub fn flow_label(&self) -> u32 {
        if self.is_v4() { 0 } else { be32(&self.bytes, 0) & 0xf_ffff }
    }

    /// Length of the IP header.
    pub fn ip_len(&self) -> usize {
        self.ip_len
    }

    /// Addresses and ports; ports are 0 for what has none.
    pub fn tuple(&self) -> Tuple {
        let addr = |at4: usize, at6: usize| -> IpAddr {
            if self.is_v4() {
                IpAddr::from(be32(&self.bytes, at4).to_be_bytes())
            } else {
                let mut octets = [0; 16];
                octets.copy_from_slice(&self.bytes[at6..at6 + 16]);
                IpAddr::from(octets)
            }
        };
        let ports = matches!(self.protocol, IPPROTO_TCP | IPPROTO_UDP);
        let port = |at| if ports { be16(self.transport(), at) } else { 0 };
        Tuple { source: (addr(12, 8), port(0)), dest: (addr(16, 24), port(2)) }
    }

    /// From the transport header on.
    pub fn transport(&self) -> &[u8] {
        &self.bytes[self.ip_len..]
    }

    /// TCP: length of the header.
    fn header_len(&self) -> usize {
        usize::from(self.transport()[12] >> 4) * 4
    }

    /// The TCP segment in it.
    pub fn segment(&self) -> Segment {
        let tcp = self.transport();
        Segment {
            usecs: self.usecs,
            tos: self.tos(),
            ttl: self.ttl(),
            flow_label: self.flow_label(),
            plain_ip: self.ip_len == if self.is_v4() { 20 } else { 40 },
            seq: be32(tcp, 4),
            ack: be32(tcp, 8),
            flags: be16(tcp, 12) & 0xfff,
            window: be16(tcp, 14),
            urg: be16(tcp, 18),
            options: tcp[20..self.header_len()].to_vec(),
            payload: tcp[self.header_len()..].to_vec(),
        }
    }

    /// What is wrong with its checksums.
    pub fn bad_checksum(&self) -> Option<&'static str> {
        if self.is_v4() && wire::checksum::checksum(&self.bytes[..self.ip_len]) != 0 {
            return Some("IP checksum");
        }
        let sum = pseudo(&self.tuple(), self.protocol, self.transport());
        if self.is_tcp() && sum.fold() != 0 {
            return Some("TCP checksum");
        }
        None
    }
}

/// The sum over the pseudo-header and the transport part.
pub(crate) fn pseudo(tuple: &Tuple, protocol: u8, transport: &[u8]) -> Wsum {
    let mut header = Vec::new();
    for addr in [tuple.source.0, tuple.dest.0] {
        match addr {
            IpAddr::V4(v4) => header.extend(v4.octets()),
            IpAddr::V6(v6) => header.extend(v6.octets()),
        }
    }
    header.extend((transport.len() as u32).to_be_bytes());
    header.extend(u32::from(protocol).to_be_bytes());
    Wsum::of(&header).add_bytes(transport)
}

/// The options of a TCP header: kind and data.
pub(crate) fn options(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut out = Vec::new();
    while let Some((&kind, rest)) = bytes.split_first() {
        if kind <= 1 {
            out.push((kind, &bytes[..0]));
            bytes = rest;
            if kind == 0 {
                break;
            }
            continue;
        }
        let len = usize::from(rest.first().copied().unwrap_or(0));
        if len < 2 || len > bytes.len() {
            out.push((kind, rest));
            break;
        }
        out.push((kind, &bytes[2..len]));
        bytes = &bytes[len..];
    }
    out
}
