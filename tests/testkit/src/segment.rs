//! A TCP segment as its headers say, for those who watch a wire.

use sockeye::sim::{End, Passing};
use wire::{Ipv4Hdr, TcpHdr};

/// What tests look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When it was sent, nanoseconds.
    pub ns: u64,
    /// Who sent it.
    pub from: End,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Flags, as in the header.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Bytes of data.
    pub len: usize,
}

/// `FIN`.
pub const FIN: u8 = 1;
/// `SYN`.
pub const SYN: u8 = 2;
/// `RST`.
pub const RST: u8 = 4;
/// `ACK`.
pub const ACK: u8 = 16;

impl Segment {
    /// The segment in an IPv4 packet, if it is one.
    pub fn parse(packet: &Passing<'_>) -> Option<Segment> {
        let (ip, _) = Ipv4Hdr::view(packet.bytes)?;
        if ip.protocol() != 6 {
            return None;
        }
        let payload = packet.bytes.get(ip.header_len()..usize::from(ip.tot_len()))?;
        let (tcp, _) = TcpHdr::view(payload)?;
        Some(Segment {
            ns: packet.time.ns(),
            from: packet.from,
            seq: tcp.seq(),
            ack: tcp.ack_seq(),
            flags: *payload.get(13)?,
            window: tcp.window(),
            len: payload.len().checked_sub(tcp.header_len())?,
        })
    }

    /// True if this flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}
