//! UDP (RFC 768).

use crate::checksum::{Wsum, pseudo_v4, pseudo_v6};
use crate::error::{Error, Result};
use crate::view::header;
use core::net::{Ipv4Addr, Ipv6Addr};
use uapi::IPPROTO_UDP;
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The header (`struct udphdr`), 8 bytes.
///
/// ```
/// use sockeye_wire::{UdpDatagram, UdpRepr};
///
/// let mut buf = [0; 12];
/// UdpRepr { source: 53, dest: 4000, payload_len: 4 }.emit(&mut buf);
/// let datagram = UdpDatagram::parse(&buf).unwrap();
/// assert_eq!((datagram.hdr.source(), datagram.payload.len()), (53, 4));
/// ```
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct UdpHdr {
    source: U16,
    dest: U16,
    len: U16,
    check: U16,
}
header!(UdpHdr, 8);

impl UdpHdr {
    /// Where the checksum stands (`offsetof(struct udphdr, check)`).
    pub const CHECK_OFFSET: usize = 6;

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

    /// Length of header and data, unchecked; 0 only in a jumbogram.
    #[inline]
    #[must_use]
    pub fn datagram_len(&self) -> u16 {
        self.len.get()
    }

    /// Checksum; 0 means there is none.
    #[inline]
    #[must_use]
    pub fn check(&self) -> u16 {
        self.check.get()
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

    /// Set the length of header and data.
    #[inline]
    pub fn set_datagram_len(&mut self, len: u16) {
        self.len.set(len);
    }

    /// Set the checksum as it stands; see [`Wsum::fold_udp`].
    #[inline]
    pub fn set_check(&mut self, check: u16) {
        self.check.set(check);
    }
}

/// A checked datagram.
#[derive(Clone, Copy, Debug)]
pub struct UdpDatagram<'a> {
    /// The header.
    pub hdr: &'a UdpHdr,
    /// The data, cut to the header's length.
    pub payload: &'a [u8],
}

impl<'a> UdpDatagram<'a> {
    /// Check the length as `__udp4_lib_rcv` does, and split; bytes beyond the header's length are left out.
    ///
    /// # Errors
    /// `Truncated` below 8 bytes; `TotalLength` if the header's length is below 8 or beyond the bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let (hdr, rest) = UdpHdr::view(bytes).ok_or(Error::Truncated)?;
        let payload = usize::from(hdr.datagram_len())
            .checked_sub(UdpHdr::LEN)
            .and_then(|len| rest.get(..len))
            .ok_or(Error::TotalLength)?;
        Ok(Self { hdr, payload })
    }
}

/// Whether a whole datagram has the right checksum over IPv4, or none.
#[inline]
#[must_use]
pub fn check_v4(datagram: &[u8], src: Ipv4Addr, dst: Ipv4Addr) -> bool {
    UdpHdr::view(datagram).is_some_and(|(hdr, _)| hdr.check() == 0)
        || pseudo_v4(src, dst, IPPROTO_UDP as u8, datagram.len() as u32).add_bytes(datagram).is_valid()
}

/// Whether a whole datagram has the right checksum over IPv6, where there must be one (RFC 8200 section 8.1).
#[inline]
#[must_use]
pub fn check_v6(datagram: &[u8], src: Ipv6Addr, dst: Ipv6Addr) -> bool {
    UdpHdr::view(datagram).is_some_and(|(hdr, _)| hdr.check() != 0)
        && pseudo_v6(src, dst, IPPROTO_UDP as u8, datagram.len() as u32).add_bytes(datagram).is_valid()
}

/// Write the checksum of a whole datagram, given the sum of its pseudo-header. A slice too short is left alone.
#[inline]
pub fn fill_check(datagram: &mut [u8], pseudo: Wsum) {
    if let Some((hdr, _)) = UdpHdr::view_mut(datagram) {
        hdr.set_check(0);
        let check = pseudo.add_bytes(datagram).fold_udp();
        if let Some((hdr, _)) = UdpHdr::view_mut(datagram) {
            hdr.set_check(check);
        }
    }
}

/// A header as a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpRepr {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub dest: u16,
    /// Bytes of data.
    pub payload_len: u16,
}

impl UdpRepr {
    /// Write the header with a zero checksum; gives 8, or 0 if `buf` is too short.
    #[inline]
    pub fn emit(&self, buf: &mut [u8]) -> usize {
        let Some((hdr, _)) = UdpHdr::view_mut(buf) else {
            return 0;
        };
        *hdr = UdpHdr {
            source: self.source.into(),
            dest: self.dest.into(),
            len: self.payload_len.saturating_add(8).into(),
            check: U16::ZERO,
        };
        UdpHdr::LEN
    }
}

#[cfg(test)]
mod tests;
