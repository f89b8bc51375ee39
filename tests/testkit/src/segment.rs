//! A TCP segment as its headers say, for those who watch a wire.

use crate::{End, MS, Passing, Verdict, Wire};
use sockeye::sim::{Filter, WireTap};
use std::sync::{Arc, Mutex, PoisonError};
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

/// Writes down every segment on a wire, also those that get lost.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Segment>>>);

impl Recorder {
    /// Watches a wire.
    pub fn on(wire: &Wire) -> Recorder {
        let recorder = Recorder::default();
        wire.set_tap(Some(Arc::new(recorder.clone())));
        recorder
    }

    /// All segments so far, in the order of sending.
    pub fn all(&self) -> Vec<Segment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those that are as `wanted` says.
    pub fn that(&self, wanted: impl Fn(&Segment) -> bool) -> Vec<Segment> {
        self.all().into_iter().filter(|segment| wanted(segment)).collect()
    }

    /// When those that are as `wanted` says were sent, in milliseconds since the first of them.
    pub fn times(&self, wanted: impl Fn(&Segment) -> bool) -> Vec<u64> {
        let found = self.that(wanted);
        let first = found.first().map_or(0, |segment| segment.ns);
        found.iter().map(|segment| (segment.ns - first) / MS).collect()
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl WireTap for Recorder {
    fn packet(&self, packet: &Passing<'_>) {
        if let Some(segment) = Segment::parse(packet) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(segment);
        }
    }
}

/// A filter that loses the first `count` segments that are as `wanted` says.
pub fn lose(count: usize, wanted: impl Fn(&Segment) -> bool + Send + 'static) -> Option<Box<dyn Filter>> {
    let mut left = count;
    Some(Box::new(move |packet: &Passing<'_>| {
        if left > 0 && Segment::parse(packet).is_some_and(|segment| wanted(&segment)) {
            left -= 1;
            return Verdict::Drop;
        }
        Verdict::Pass
    }))
}
