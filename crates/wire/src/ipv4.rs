//! IPv4 (RFC 791): the header, the checked packet, and a value to emit from. Options are in [`options`].

pub mod options;

use crate::checksum::{Wsum, update16};
use crate::error::{Error, Result};
use crate::view::header;
use core::net::Ipv4Addr;
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Do not fragment (`IP_DF`).
pub const IP_DF: u16 = 0x4000;
/// More fragments follow (`IP_MF`).
pub const IP_MF: u16 = 0x2000;
/// The fragment offset, in units of eight bytes (`IP_OFFSET`).
pub const IP_OFFSET: u16 = 0x1fff;

/// The fixed header (`struct iphdr`), 20 bytes.
///
/// ```
/// use sockeye_wire::{Ipv4Packet, Ipv4Repr};
/// use core::net::Ipv4Addr;
///
/// let mut buf = [0; 28];
/// let repr = Ipv4Repr {
///     protocol: 17,
///     ttl: 64,
///     src: Ipv4Addr::LOCALHOST,
///     dst: Ipv4Addr::LOCALHOST,
///     payload_len: 8,
///     ..Ipv4Repr::default()
/// };
/// assert_eq!(repr.emit(&mut buf), 20);
/// let packet = Ipv4Packet::parse(&buf).unwrap();
/// assert_eq!(packet.hdr.daddr(), Ipv4Addr::LOCALHOST);
/// assert_eq!(packet.payload.len(), 8);
/// buf[8] = 63;
/// assert_eq!(Ipv4Packet::parse(&buf).unwrap_err(), sockeye_wire::Error::Checksum);
/// ```
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Ipv4Hdr {
    version_ihl: u8,
    tos: u8,
    tot_len: U16,
    id: U16,
    frag_off: U16,
    ttl: u8,
    protocol: u8,
    check: U16,
    saddr: [u8; 4],
    daddr: [u8; 4],
}
header!(Ipv4Hdr, 20);

impl Ipv4Hdr {
    /// Longest header, with options.
    pub const MAX_LEN: usize = 60;

    /// Version.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u8 {
        self.version_ihl >> 4
    }

    /// Length of header and options as the header says, bytes: 0 to 60, unchecked (`ihl * 4`).
    #[inline]
    #[must_use]
    pub fn header_len(&self) -> usize {
        usize::from(self.version_ihl & 0xf) * 4
    }

    /// Type of service: DSCP and ECN.
    #[inline]
    #[must_use]
    pub fn tos(&self) -> u8 {
        self.tos
    }

    /// The two ECN bits (RFC 3168).
    #[inline]
    #[must_use]
    pub fn ecn(&self) -> u8 {
        self.tos & 3
    }

    /// Length of the packet, unchecked.
    #[inline]
    #[must_use]
    pub fn tot_len(&self) -> u16 {
        self.tot_len.get()
    }

    /// Identification.
    #[inline]
    #[must_use]
    pub fn id(&self) -> u16 {
        self.id.get()
    }

    /// Flags and fragment offset as one field.
    #[inline]
    #[must_use]
    pub fn frag_off(&self) -> u16 {
        self.frag_off.get()
    }

    /// Whether DF is set.
    #[inline]
    #[must_use]
    pub fn dont_fragment(&self) -> bool {
        self.frag_off.get() & IP_DF != 0
    }

    /// Whether MF is set.
    #[inline]
    #[must_use]
    pub fn more_fragments(&self) -> bool {
        self.frag_off.get() & IP_MF != 0
    }

    /// Where the fragment stands, bytes.
    #[inline]
    #[must_use]
    pub fn fragment_offset(&self) -> usize {
        usize::from(self.frag_off.get() & IP_OFFSET) * 8
    }

    /// Whether it is part of a fragmented packet (`ip_is_fragment`).
    #[inline]
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        self.frag_off.get() & (IP_MF | IP_OFFSET) != 0
    }

    /// Time to live.
    #[inline]
    #[must_use]
    pub fn ttl(&self) -> u8 {
        self.ttl
    }

    /// Protocol (`IPPROTO_*`).
    #[inline]
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Checksum of the header.
    #[inline]
    #[must_use]
    pub fn check(&self) -> u16 {
        self.check.get()
    }

    /// Source.
    #[inline]
    #[must_use]
    pub fn saddr(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.saddr)
    }

    /// Destination.
    #[inline]
    #[must_use]
    pub fn daddr(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.daddr)
    }

    /// Set the type of service; the checksum is left.
    #[inline]
    pub fn set_tos(&mut self, tos: u8) {
        self.tos = tos;
    }

    /// Set the packet's length; the checksum is left.
    #[inline]
    pub fn set_tot_len(&mut self, len: u16) {
        self.tot_len.set(len);
    }

    /// Set the identification; the checksum is left.
    #[inline]
    pub fn set_id(&mut self, id: u16) {
        self.id.set(id);
    }

    /// Set flags and fragment offset; the checksum is left.
    #[inline]
    pub fn set_frag_off(&mut self, frag_off: u16) {
        self.frag_off.set(frag_off);
    }

    /// Set the time to live; the checksum is left.
    #[inline]
    pub fn set_ttl(&mut self, ttl: u8) {
        self.ttl = ttl;
    }

    /// Set the source; the checksum is left.
    #[inline]
    pub fn set_saddr(&mut self, addr: Ipv4Addr) {
        self.saddr = addr.octets();
    }

    /// Set the destination; the checksum is left.
    #[inline]
    pub fn set_daddr(&mut self, addr: Ipv4Addr) {
        self.daddr = addr.octets();
    }

    /// Set the checksum.
    #[inline]
    pub fn set_check(&mut self, check: u16) {
        self.check.set(check);
    }

    /// One hop less, with the checksum kept right (`ip_decrease_ttl`). At 0 it stays 0.
    #[inline]
    pub fn decrease_ttl(&mut self) {
        let old = u16::from_be_bytes([self.ttl, self.protocol]);
        self.ttl = self.ttl.saturating_sub(1);
        let new = u16::from_be_bytes([self.ttl, self.protocol]);
        self.check.set(update16(self.check.get(), old, new));
    }

    /// Mark congestion experienced, with the checksum kept right (`IP_ECN_set_ce`); gives false if the packet is not ECT.
    #[inline]
    pub fn set_ce(&mut self) -> bool {
        if self.ecn() == 0 {
            return false;
        }
        let old = u16::from_be_bytes([self.version_ihl, self.tos]);
        self.tos |= 3;
        let new = u16::from_be_bytes([self.version_ihl, self.tos]);
        self.check.set(update16(self.check.get(), old, new));
        true
    }
}

/// Compute and store the checksum of the header at the start of `bytes`, options included (`ip_send_check`).
#[inline]
pub fn fill_check(bytes: &mut [u8]) {
    let Some((hdr, rest)) = Ipv4Hdr::view_mut(bytes) else {
        return;
    };
    hdr.set_check(0);
    let options = hdr.header_len().saturating_sub(Ipv4Hdr::LEN);
    let sum = Wsum::of(hdr.bytes()).add_bytes(rest.get(..options).unwrap_or(&[]));
    hdr.set_check(sum.fold());
}

/// A checked packet.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4Packet<'a> {
    /// The fixed header.
    pub hdr: &'a Ipv4Hdr,
    /// The bytes of the options.
    pub options: &'a [u8],
    /// The data, cut to the header's length.
    pub payload: &'a [u8],
}

impl<'a> Ipv4Packet<'a> {
    /// Check as `ip_rcv` does and in its order, and split; bytes beyond the packet's length are left out.
    ///
    /// # Errors
    /// `Truncated` below 20 bytes; `Version`; `HeaderLength` if the header's length is below 20 or beyond the bytes; `Checksum`;
    /// `TotalLength` if the packet's length is beyond the bytes (`InTruncatedPkts`) or less than the header (`InHdrErrors`).
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let (hdr, options) = Self::split(bytes)?;
        if !Wsum::of(hdr.bytes()).add_bytes(options).is_valid() {
            return Err(Error::Checksum);
        }
        Self::cut(hdr, options, bytes)
    }

    /// As [`parse`](Self::parse) without the checksum: for the packet quoted in an ICMP error, where routers have changed it.
    ///
    /// # Errors
    /// Those of `parse` but `Checksum`; a quoted packet may be cut, so `payload` is what there is.
    #[inline]
    pub fn parse_quoted(bytes: &'a [u8]) -> Result<Self> {
        let (hdr, options) = Self::split(bytes)?;
        Ok(Self { hdr, options, payload: bytes.get(hdr.header_len()..).unwrap_or(&[]) })
    }

    #[inline]
    fn split(bytes: &'a [u8]) -> Result<(&'a Ipv4Hdr, &'a [u8])> {
        let (hdr, rest) = Ipv4Hdr::view(bytes).ok_or(Error::Truncated)?;
        if hdr.version() != 4 {
            return Err(Error::Version);
        }
        let options = hdr
            .header_len()
            .checked_sub(Ipv4Hdr::LEN)
            .and_then(|len| rest.get(..len))
            .ok_or(Error::HeaderLength)?;
        Ok((hdr, options))
    }

    #[inline]
    fn cut(hdr: &'a Ipv4Hdr, options: &'a [u8], bytes: &'a [u8]) -> Result<Self> {
        let payload = bytes.get(hdr.header_len()..usize::from(hdr.tot_len())).ok_or(Error::TotalLength)?;
        Ok(Self { hdr, options, payload })
    }
}

/// A header as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Repr<'a> {
    /// Type of service.
    pub tos: u8,
    /// Identification.
    pub id: u16,
    /// Flags and fragment offset.
    pub frag_off: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol.
    pub protocol: u8,
    /// Source.
    pub src: Ipv4Addr,
    /// Destination.
    pub dst: Ipv4Addr,
    /// Options, already padded to four bytes.
    pub options: &'a [u8],
    /// Bytes after the header.
    pub payload_len: usize,
}

impl Default for Ipv4Repr<'_> {
    fn default() -> Self {
        Self {
            tos: 0,
            id: 0,
            frag_off: 0,
            ttl: 64,
            protocol: 0,
            src: Ipv4Addr::UNSPECIFIED,
            dst: Ipv4Addr::UNSPECIFIED,
            options: &[],
            payload_len: 0,
        }
    }
}

impl Ipv4Repr<'_> {
    /// Bytes of header and options.
    #[inline]
    #[must_use]
    pub const fn header_len(&self) -> usize {
        Ipv4Hdr::LEN + self.options.len()
    }

    /// Write header, options and checksum at the start of `buf`; gives the bytes written, or 0 if they do not fit `buf`, or the
    /// options a header, or the packet 65535 bytes.
    #[inline]
    pub fn emit(&self, buf: &mut [u8]) -> usize {
        let len = self.header_len();
        let Ok(tot_len) = u16::try_from(len + self.payload_len) else {
            return 0;
        };
        if len > Ipv4Hdr::MAX_LEN || !len.is_multiple_of(4) {
            return 0;
        }
        let Some((hdr, rest)) = Ipv4Hdr::view_mut(buf) else {
            return 0;
        };
        let Some(options) = rest.get_mut(..self.options.len()) else {
            return 0;
        };
        options.copy_from_slice(self.options);
        *hdr = Ipv4Hdr {
            version_ihl: 4 << 4 | (len / 4) as u8,
            tos: self.tos,
            tot_len: tot_len.into(),
            id: self.id.into(),
            frag_off: self.frag_off.into(),
            ttl: self.ttl,
            protocol: self.protocol,
            check: U16::ZERO,
            saddr: self.src.octets(),
            daddr: self.dst.octets(),
        };
        let check = Wsum::of(hdr.bytes()).add_bytes(options).fold();
        hdr.set_check(check);
        len
    }
}

#[cfg(test)]
mod tests;
