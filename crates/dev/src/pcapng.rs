//! Captures in the pcapng format (draft-ietf-opsawg-pcapng), as a tap on a namespace or on a wire.
//!
//! Packets are written from the network header on (`LINKTYPE_RAW`), with an interface block for each
//! device and the direction of each packet. Writing stops at the first error, which
//! [`Capture::finish`] tells.

use crate::wire::{End, Passing, WireTap};
use kern::sync::SpinLock;
use net::dev::{Tap, TapDirection};
use net::skb::SkBuff;
use net::{Cx, Skb};
use std::io::{self, Write};

const LINKTYPE_RAW: u16 = 101;
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1A2B_3C4D;
const OPT_END: u16 = 0;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const SHB_USERAPPL: u16 = 4;
const EPB_FLAGS: u16 = 2;
/// Nanoseconds: ten to the minus ninth.
const NANOSECONDS: u8 = 9;

/// Which way a packet went, as the low bits of `epb_flags`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Direction {
    In = 1,
    Out = 2,
}

/// Writes blocks.
pub struct Writer<W> {
    out: W,
    interfaces: u32,
}

impl<W: Write> Writer<W> {
    /// Begins a section.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = Writer { out, interfaces: 0 };
        let mut body = Vec::with_capacity(40);
        body.extend_from_slice(&BYTE_ORDER.to_le_bytes());
        body.extend_from_slice(&1u16.to_le_bytes());
        body.extend_from_slice(&0u16.to_le_bytes());
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        option(&mut body, SHB_USERAPPL, b"sockeye");
        option(&mut body, OPT_END, b"");
        writer.block(SECTION, &body)?;
        Ok(writer)
    }

    /// Adds an interface and returns its number.
    ///
    /// # Errors
    /// What the output says.
    pub fn interface(&mut self, name: &str) -> io::Result<u32> {
        let mut body = Vec::with_capacity(40);
        body.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
        body.extend_from_slice(&0u16.to_le_bytes());
        body.extend_from_slice(&0u32.to_le_bytes());
        option(&mut body, IF_NAME, name.as_bytes());
        option(&mut body, IF_TSRESOL, &[NANOSECONDS]);
        option(&mut body, OPT_END, b"");
        self.block(INTERFACE, &body)?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// Adds a packet; the time is in nanoseconds since 1970.
    ///
    /// # Errors
    /// What the output says.
    pub fn packet(&mut self, interface: u32, ns: u64, direction: Direction, bytes: &[u8]) -> io::Result<()> {
        let mut body = Vec::with_capacity(bytes.len() + 40);
        let len = (bytes.len() as u32).to_le_bytes();
        body.extend_from_slice(&interface.to_le_bytes());
        body.extend_from_slice(&((ns >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(ns as u32).to_le_bytes());
        body.extend_from_slice(&len);
        body.extend_from_slice(&len);
        body.extend_from_slice(bytes);
        pad(&mut body);
        option(&mut body, EPB_FLAGS, &(direction as u32).to_le_bytes());
        option(&mut body, OPT_END, b"");
        self.block(PACKET, &body)
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let len = (body.len() as u32 + 12).to_le_bytes();
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&len)?;
        self.out.write_all(body)?;
        self.out.write_all(&len)
    }

    /// Ends the capture and gives the output back.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&(value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

struct Inner<W> {
    /// Until the first error.
    writer: io::Result<Writer<W>>,
    /// Interface numbers by name.
    known: Vec<(String, u32)>,
}

impl<W: Write> Inner<W> {
    fn record(&mut self, name: &str, ns: u64, direction: Direction, bytes: &[u8]) {
        let Ok(writer) = &mut self.writer else { return };
        let known = self.known.iter().find(|(known, _)| known == name).map(|(_, number)| *number);
        let written = match known {
            Some(number) => writer.packet(number, ns, direction, bytes),
            None => writer.interface(name).and_then(|number| {
                self.known.push((name.to_owned(), number));
                writer.packet(number, ns, direction, bytes)
            }),
        };
        if let Err(error) = written {
            self.writer = Err(error);
        }
    }
}

/// A capture that taps write to: [`net::Net::add_tap`], [`crate::Wire::set_tap`].
pub struct Capture<W>(SpinLock<Inner<W>>, u64);

impl<W: Write> Capture<W> {
    /// Begins a capture.
    pub fn new(out: W) -> Self {
        Capture(SpinLock::new(Inner { writer: Writer::new(out), known: Vec::new() }), 0)
    }

    /// The same for a wire, whose clock knows no calendar: `epoch_ns` is its origin in nanoseconds
    /// since 1970.
    #[must_use]
    pub fn with_epoch(self, epoch_ns: u64) -> Self {
        Capture(self.0, epoch_ns)
    }

    /// Ends it.
    ///
    /// # Errors
    /// The first that happened since it began.
    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner().writer?.finish()
    }
}

/// The device that a packet passes, by name.
fn device_name(cx: &Cx<'_>, skb: &SkBuff) -> String {
    cx.net.dev.by_index(skb.iif).map_or_else(|| "any".to_owned(), |dev| dev.name.clone())
}

impl<W: Write + Send> Tap for Capture<W> {
    fn packet(&self, cx: &Cx<'_>, skb: &Skb, direction: TapDirection) {
        let loopback = cx.net.dev.by_index(skb.iif).is_some_and(|dev| dev.features.loopback);
        let direction = match direction {
            TapDirection::In => Direction::In,
            // What goes out by `lo` comes in again; tcpdump shows it once.
            TapDirection::Out if loopback => return,
            TapDirection::Out => Direction::Out,
        };
        let (name, bytes) = (device_name(cx, skb), skb.to_vec());
        self.0.lock().record(&name, cx.net.clock.realtime_ns(), direction, &bytes);
    }
}

impl<W: Write + Send> WireTap for Capture<W> {
    fn packet(&self, packet: &Passing<'_>) {
        // Seen from A.
        let direction = if packet.from == End::A { Direction::Out } else { Direction::In };
        self.0.lock().record("wire", self.1 + packet.time.ns(), direction, packet.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u32_at(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    /// Kinds and bodies of all blocks; their two lengths agree.
    fn blocks(mut bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut blocks = Vec::new();
        while !bytes.is_empty() {
            let len = u32_at(bytes, 4) as usize;
            assert_eq!(len % 4, 0);
            assert_eq!(u32_at(bytes, len - 4) as usize, len);
            blocks.push((u32_at(bytes, 0), bytes[8..len - 4].to_vec()));
            bytes = &bytes[len..];
        }
        blocks
    }

    #[test]
    fn blocks_are_well_formed() {
        let mut inner = Inner { writer: Writer::new(Vec::new()), known: Vec::new() };
        inner.record("eth0", 5 << 32 | 7, Direction::Out, b"hello");
        inner.record("eth1", 1, Direction::In, b"");
        inner.record("eth0", 2, Direction::In, b"four");
        let blocks = blocks(&inner.writer.unwrap().finish().unwrap());
        let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [SECTION, INTERFACE, PACKET, INTERFACE, PACKET, PACKET]);
        let packet = &blocks[2].1;
        let words: Vec<u32> = (0..5).map(|i| u32_at(packet, i * 4)).collect();
        assert_eq!(words, [0, 5, 7, 5, 5]);
        assert_eq!(&packet[20..28], b"hello\0\0\0");
        assert_eq!(u32_at(packet, 32), 2);
        assert_eq!(u32_at(&blocks[4].1, 0), 1);
    }

    /// Takes so many bytes more.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(buf.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_first_error_is_told() {
        let capture = Capture::new(Full(60));
        let passing = Passing { time: kern::time::Time::ZERO, from: End::A, bytes: b"x" };
        WireTap::packet(&capture, &passing);
        WireTap::packet(&capture, &passing);
        assert_eq!(capture.finish().err().map(|e| e.kind()), Some(io::ErrorKind::StorageFull));
    }
}
