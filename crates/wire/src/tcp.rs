//! TCP (RFC 9293): the header, the checked segment, and a value to emit from. Options are in [`options`].

pub mod options;
mod write;

use crate::checksum::{Wsum, pseudo_v4, pseudo_v6};
use crate::error::{Error, Result};
use crate::view::header;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::{BitAnd, BitOr, BitOrAssign, Not};
use uapi::IPPROTO_TCP;
use zerocopy::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use options::{FastOpen, SackBlock, SackBlocks, TcpOptions, TcpTimestamp};

/// Flags of a segment: the eight of the flag byte, and AE (RFC 9768) above them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u16);

impl TcpFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// No more data.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement field counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);
    /// ECN echo.
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced.
    pub const CWR: Self = Self(0x80);
    /// Accurate ECN.
    pub const AE: Self = Self(0x100);
    /// The flag byte and AE.
    pub const MASK: Self = Self(0x1ff);

    /// Whether all of `other` are set.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is set.
    #[inline]
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether FIN is set.
    #[inline]
    #[must_use]
    pub const fn fin(self) -> bool {
        self.intersects(Self::FIN)
    }

    /// Whether SYN is set.
    #[inline]
    #[must_use]
    pub const fn syn(self) -> bool {
        self.intersects(Self::SYN)
    }

    /// Whether RST is set.
    #[inline]
    #[must_use]
    pub const fn rst(self) -> bool {
        self.intersects(Self::RST)
    }

    /// Whether PSH is set.
    #[inline]
    #[must_use]
    pub const fn psh(self) -> bool {
        self.intersects(Self::PSH)
    }

    /// Whether ACK is set.
    #[inline]
    #[must_use]
    pub const fn ack(self) -> bool {
        self.intersects(Self::ACK)
    }

    /// Whether URG is set.
    #[inline]
    #[must_use]
    pub const fn urg(self) -> bool {
        self.intersects(Self::URG)
    }

    /// Whether ECE is set.
    #[inline]
    #[must_use]
    pub const fn ece(self) -> bool {
        self.intersects(Self::ECE)
    }

    /// Whether CWR is set.
    #[inline]
    #[must_use]
    pub const fn cwr(self) -> bool {
        self.intersects(Self::CWR)
    }

    /// These and `other`.
    #[inline]
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without `other`.
    #[inline]
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for TcpFlags {
    type Output = Self;
    #[inline]
    fn bitor(self, rhs: Self) -> Self {
        self.with(rhs)
    }
}

impl BitOrAssign for TcpFlags {
    #[inline]
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

impl BitAnd for TcpFlags {
    type Output = Self;
    #[inline]
    fn bitand(self, rhs: Self) -> Self {
        Self(self.0 & rhs.0)
    }
}

impl Not for TcpFlags {
    type Output = Self;
    #[inline]
    fn not(self) -> Self {
        Self(!self.0 & Self::MASK.0)
    }
}

/// As tcpdump writes them: `S.`, `P.`, `none`.
impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(TcpFlags, &str); 9] = [
            (TcpFlags::FIN, "F"),
            (TcpFlags::SYN, "S"),
            (TcpFlags::RST, "R"),
            (TcpFlags::PSH, "P"),
            (TcpFlags::ACK, "."),
            (TcpFlags::URG, "U"),
            (TcpFlags::ECE, "E"),
            (TcpFlags::CWR, "W"),
            (TcpFlags::AE, "e"),
        ];
        if !self.intersects(Self::MASK) {
            return f.write_str("none");
        }
        for (flag, letter) in LETTERS {
            if self.intersects(flag) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The fixed header (`struct tcphdr`), 20 bytes.
///
/// ```
/// use sockeye_wire::{TcpFlags, TcpHdr, TcpRepr};
///
/// let mut buf = [0; 20];
/// TcpRepr { source: 80, dest: 4000, seq: 7, flags: TcpFlags::SYN, window: 65535, ..TcpRepr::default() }.emit(&mut buf);
/// let (hdr, rest) = TcpHdr::view(&buf).unwrap();
/// assert_eq!((hdr.source(), hdr.dest(), hdr.seq()), (80, 4000, 7));
/// assert!(hdr.flags().syn() && !hdr.flags().ack());
/// assert_eq!(hdr.header_len(), 20);
/// assert!(rest.is_empty());
/// assert!(TcpHdr::view(&buf[..19]).is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct TcpHdr {
    source: U16,
    dest: U16,
    seq: U32,
    ack_seq: U32,
    doff_flags: U16,
    window: U16,
    check: U16,
    urg_ptr: U16,
}
header!(TcpHdr, 20);

impl TcpHdr {
    /// Where the checksum stands (`offsetof(struct tcphdr, check)`), for partial checksums.
    pub const CHECK_OFFSET: usize = 16;
    /// Longest header, with options.
    pub const MAX_LEN: usize = 60;

    /// Source port.
    #[inline]
    #[must_use]
    pub fn source(&self) -> u16 {
        self.source.get()
    }

    /// Destination port.
    #[inline]
    #[must_use]
    pub fn dest(&self) -> u16 {
        self.dest.get()
    }

    /// Sequence number.
    #[inline]
    #[must_use]
    pub fn seq(&self) -> u32 {
        self.seq.get()
    }

    /// Acknowledgement number.
    #[inline]
    #[must_use]
    pub fn ack_seq(&self) -> u32 {
        self.ack_seq.get()
    }

    /// Length of header and options as the header says, bytes: 0 to 60, unchecked (`doff * 4`).
    #[inline]
    #[must_use]
    pub fn header_len(&self) -> usize {
        usize::from(self.doff_flags.get() >> 12) * 4
    }

    /// Flags, AE included.
    #[inline]
    #[must_use]
    pub fn flags(&self) -> TcpFlags {
        TcpFlags(self.doff_flags.get() & TcpFlags::MASK.0)
    }

    /// The three reserved bits.
    #[inline]
    #[must_use]
    pub fn reserved(&self) -> u8 {
        (self.doff_flags.get() >> 9 & 7) as u8
    }

    /// The second word of the header as the kernel's header prediction compares it: length, flags and window
    /// (`tcp_flag_word`), host order, with the twelve flag bits in place.
    #[inline]
    #[must_use]
    pub fn flag_word(&self) -> u32 {
        u32::from(self.doff_flags.get()) << 16 | u32::from(self.window.get())
    }

    /// Window, not scaled.
    #[inline]
    #[must_use]
    pub fn window(&self) -> u16 {
        self.window.get()
    }

    /// Checksum.
    #[inline]
    #[must_use]
    pub fn check(&self) -> u16 {
        self.check.get()
    }

    /// Urgent pointer.
    #[inline]
    #[must_use]
    pub fn urg_ptr(&self) -> u16 {
        self.urg_ptr.get()
    }

    /// Set the source port.
    #[inline]
    pub fn set_source(&mut self, port: u16) {
        self.source.set(port);
    }

    /// Set the destination port.
    #[inline]
    pub fn set_dest(&mut self, port: u16) {
        self.dest.set(port);
    }

    /// Set the sequence number.
    #[inline]
    pub fn set_seq(&mut self, seq: u32) {
        self.seq.set(seq);
    }

    /// Set the acknowledgement number.
    #[inline]
    pub fn set_ack_seq(&mut self, ack: u32) {
        self.ack_seq.set(ack);
    }

    /// Set length (bytes, a multiple of four up to 60) and flags; the reserved bits become zero.
    #[inline]
    pub fn set_len_flags(&mut self, header_len: usize, flags: TcpFlags) {
        let doff = (header_len / 4).min(15) as u16;
        self.doff_flags.set(doff << 12 | flags.0 & TcpFlags::MASK.0);
    }

    /// Set the flags and leave the length.
    #[inline]
    pub fn set_flags(&mut self, flags: TcpFlags) {
        self.doff_flags.set(self.doff_flags.get() & !TcpFlags::MASK.0 | flags.0 & TcpFlags::MASK.0);
    }

    /// Set the window.
    #[inline]
    pub fn set_window(&mut self, window: u16) {
        self.window.set(window);
    }

    /// Set the checksum.
    #[inline]
    pub fn set_check(&mut self, check: u16) {
        self.check.set(check);
    }

    /// Set the urgent pointer.
    #[inline]
    pub fn set_urg_ptr(&mut self, urg_ptr: u16) {
        self.urg_ptr.set(urg_ptr);
    }
}

/// A checked segment: the header with its length believed, options and payload split off.
#[derive(Clone, Copy, Debug)]
pub struct TcpSegment<'a> {
    /// The fixed header.
    pub hdr: &'a TcpHdr,
    /// The bytes of the options.
    pub options: &'a [u8],
    /// The data.
    pub payload: &'a [u8],
}

impl<'a> TcpSegment<'a> {
    /// Check as `tcp_v4_rcv` does, and split.
    ///
    /// # Errors
    /// `Truncated` below 20 bytes; `HeaderLength` if the data offset is below 5 or beyond the bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let (hdr, rest) = TcpHdr::view(bytes).ok_or(Error::Truncated)?;
        let options_len = hdr.header_len().checked_sub(TcpHdr::LEN).ok_or(Error::HeaderLength)?;
        let (options, payload) = rest.split_at_checked(options_len).ok_or(Error::HeaderLength)?;
        Ok(Self { hdr, options, payload })
    }

    /// Sequence space it takes: its data, and one each for SYN and FIN.
    #[inline]
    #[must_use]
    pub fn seq_len(&self) -> u32 {
        let flags = self.hdr.flags();
        self.payload.len() as u32 + u32::from(flags.syn()) + u32::from(flags.fin())
    }

    /// All its options, read as Linux reads them.
    #[inline]
    #[must_use]
    pub fn parse_options(&self) -> TcpOptions<'a> {
        TcpOptions::parse(self.options)
    }
}

/// Whether a whole segment (header, options, data) has the right checksum over IPv4 (`tcp_v4_check` is 0).
#[inline]
#[must_use]
pub fn check_v4(segment: &[u8], src: Ipv4Addr, dst: Ipv4Addr) -> bool {
    pseudo_v4(src, dst, IPPROTO_TCP as u8, segment.len() as u32).add_bytes(segment).is_valid()
}

/// Whether a whole segment has the right checksum over IPv6 (`tcp_v6_check` is 0).
#[inline]
#[must_use]
pub fn check_v6(segment: &[u8], src: Ipv6Addr, dst: Ipv6Addr) -> bool {
    pseudo_v6(src, dst, IPPROTO_TCP as u8, segment.len() as u32).add_bytes(segment).is_valid()
}

/// Write the checksum of a whole segment, given the sum of its pseudo-header. A slice too short is left alone.
#[inline]
pub fn fill_check(segment: &mut [u8], pseudo: Wsum) {
    if let Some((hdr, _)) = TcpHdr::view_mut(segment) {
        hdr.set_check(0);
        let check = pseudo.add_bytes(segment).fold();
        if let Some((hdr, _)) = TcpHdr::view_mut(segment) {
            hdr.set_check(check);
        }
    }
}

/// A segment's header as a value.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpRepr<'a> {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub dest: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack_seq: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// Window, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urg_ptr: u16,
    /// Options.
    pub options: TcpOptions<'a>,
}

impl<'a> TcpRepr<'a> {
    /// The header of a segment, options included.
    #[must_use]
    pub fn from_segment(seg: &TcpSegment<'a>) -> Self {
        Self {
            source: seg.hdr.source(),
            dest: seg.hdr.dest(),
            seq: seg.hdr.seq(),
            ack_seq: seg.hdr.ack_seq(),
            flags: seg.hdr.flags(),
            window: seg.hdr.window(),
            urg_ptr: seg.hdr.urg_ptr(),
            options: seg.parse_options(),
        }
    }

    /// Bytes of header and options.
    #[inline]
    #[must_use]
    pub fn header_len(&self) -> usize {
        TcpHdr::LEN + self.options.emit_len()
    }

    /// Write header and options at the start of `buf` with a zero checksum; gives the bytes written, or 0 if `buf` is too short.
    #[inline]
    pub fn emit(&self, buf: &mut [u8]) -> usize {
        let len = self.header_len();
        let Some((hdr, rest)) = TcpHdr::view_mut(buf) else {
            return 0;
        };
        if self.options.emit(rest) != len - TcpHdr::LEN {
            return 0;
        }
        *hdr = TcpHdr {
            source: self.source.into(),
            dest: self.dest.into(),
            seq: self.seq.into(),
            ack_seq: self.ack_seq.into(),
            doff_flags: U16::ZERO,
            window: self.window.into(),
            check: U16::ZERO,
            urg_ptr: self.urg_ptr.into(),
        };
        hdr.set_len_flags(len, self.flags);
        len
    }
}

#[cfg(test)]
mod tests;
