//! IPv6 (RFC 8200): the header, the checked packet, and a value to emit from. Extension headers are in [`ext`].

pub mod ext;

use crate::error::{Error, Result};
use crate::view::header;
use core::net::Ipv6Addr;
use uapi::IPPROTO_HOPOPTS;
use zerocopy::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The least MTU of a link (`IPV6_MIN_MTU`).
pub const IPV6_MIN_MTU: u32 = 1280;

/// The fixed header (`struct ipv6hdr`), 40 bytes.
///
/// ```
/// use sockeye_wire::{Ipv6Packet, Ipv6Repr};
/// use core::net::Ipv6Addr;
///
/// let mut buf = [0; 48];
/// let repr = Ipv6Repr {
///     next_header: 17,
///     src: Ipv6Addr::LOCALHOST,
///     dst: Ipv6Addr::LOCALHOST,
///     payload_len: 8,
///     flow_label: 0x12345,
///     ..Ipv6Repr::default()
/// };
/// assert_eq!(repr.emit(&mut buf), 40);
/// let packet = Ipv6Packet::parse(&buf).unwrap();
/// assert_eq!(packet.hdr.flow_label(), 0x12345);
/// assert_eq!(packet.payload.len(), 8);
/// ```
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Ipv6Hdr {
    ver_class_flow: U32,
    payload_len: U16,
    next_header: u8,
    hop_limit: u8,
    saddr: [u8; 16],
    daddr: [u8; 16],
}
header!(Ipv6Hdr, 40);

impl Ipv6Hdr {
    /// Version.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u8 {
        (self.ver_class_flow.get() >> 28) as u8
    }

    /// Traffic class: DSCP and ECN.
    #[inline]
    #[must_use]
    pub fn traffic_class(&self) -> u8 {
        (self.ver_class_flow.get() >> 20) as u8
    }

    /// The two ECN bits.
    #[inline]
    #[must_use]
    pub fn ecn(&self) -> u8 {
        self.traffic_class() & 3
    }

    /// Flow label.
    #[inline]
    #[must_use]
    pub fn flow_label(&self) -> u32 {
        self.ver_class_flow.get() & 0xf_ffff
    }

    /// Class and flow label as `sin6_flowinfo` carries them, host order (`ip6_flowinfo`).
    #[inline]
    #[must_use]
    pub fn flowinfo(&self) -> u32 {
        self.ver_class_flow.get() & 0xfff_ffff
    }

    /// Bytes after this header, unchecked; 0 in a jumbogram.
    #[inline]
    #[must_use]
    pub fn payload_len(&self) -> u16 {
        self.payload_len.get()
    }

    /// Kind of the next header.
    #[inline]
    #[must_use]
    pub fn next_header(&self) -> u8 {
        self.next_header
    }

    /// Hop limit.
    #[inline]
    #[must_use]
    pub fn hop_limit(&self) -> u8 {
        self.hop_limit
    }

    /// Source.
    #[inline]
    #[must_use]
    pub fn saddr(&self) -> Ipv6Addr {
        Ipv6Addr::from_octets(self.saddr)
    }

    /// Destination.
    #[inline]
    #[must_use]
    pub fn daddr(&self) -> Ipv6Addr {
        Ipv6Addr::from_octets(self.daddr)
    }

    /// Set the traffic class.
    #[inline]
    pub fn set_traffic_class(&mut self, class: u8) {
        let rest = self.ver_class_flow.get() & !(0xff << 20);
        self.ver_class_flow.set(rest | u32::from(class) << 20);
    }

    /// Set the flow label.
    #[inline]
    pub fn set_flow_label(&mut self, label: u32) {
        let rest = self.ver_class_flow.get() & !0xf_ffff;
        self.ver_class_flow.set(rest | label & 0xf_ffff);
    }

    /// Set the bytes after this header.
    #[inline]
    pub fn set_payload_len(&mut self, len: u16) {
        self.payload_len.set(len);
    }

    /// Set the kind of the next header.
    #[inline]
    pub fn set_next_header(&mut self, next: u8) {
        self.next_header = next;
    }

    /// Set the hop limit.
    #[inline]
    pub fn set_hop_limit(&mut self, hops: u8) {
        self.hop_limit = hops;
    }

    /// Set the source.
    #[inline]
    pub fn set_saddr(&mut self, addr: Ipv6Addr) {
        self.saddr = addr.octets();
    }

    /// Set the destination.
    #[inline]
    pub fn set_daddr(&mut self, addr: Ipv6Addr) {
        self.daddr = addr.octets();
    }

    /// Mark congestion experienced (`IP6_ECN_set_ce`); gives false if the packet is not ECT.
    #[inline]
    pub fn set_ce(&mut self) -> bool {
        let ect = self.ecn() != 0;
        if ect {
            self.set_traffic_class(self.traffic_class() | 3);
        }
        ect
    }
}

/// A checked packet.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6Packet<'a> {
    /// The fixed header.
    pub hdr: &'a Ipv6Hdr,
    /// What follows, extension headers included, cut to the header's length.
    pub payload: &'a [u8],
}

impl<'a> Ipv6Packet<'a> {
    /// Check as `ipv6_rcv` does, and split; bytes beyond the packet's length are left out.
    ///
    /// # Errors
    /// `Truncated` below 40 bytes; `Version`; `TotalLength` if the length is beyond the bytes. A length of 0 before hop-by-hop
    /// options may be a jumbogram: then all the bytes are the payload and the option decides.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let (hdr, rest) = Ipv6Hdr::view(bytes).ok_or(Error::Truncated)?;
        if hdr.version() != 6 {
            return Err(Error::Version);
        }
        let jumbo = hdr.payload_len() == 0 && i32::from(hdr.next_header) == IPPROTO_HOPOPTS;
        let payload = if jumbo {
            rest
        } else {
            rest.get(..usize::from(hdr.payload_len())).ok_or(Error::TotalLength)?
        };
        Ok(Self { hdr, payload })
    }

    /// As [`parse`](Self::parse) for the packet quoted in an ICMPv6 error, which may be cut: `payload` is what there is.
    ///
    /// # Errors
    /// `Truncated` and `Version`.
    #[inline]
    pub fn parse_quoted(bytes: &'a [u8]) -> Result<Self> {
        let (hdr, payload) = Ipv6Hdr::view(bytes).ok_or(Error::Truncated)?;
        if hdr.version() != 6 {
            return Err(Error::Version);
        }
        Ok(Self { hdr, payload })
    }
}

/// A header as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Repr {
    /// Traffic class.
    pub traffic_class: u8,
    /// Flow label.
    pub flow_label: u32,
    /// Kind of the next header.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source.
    pub src: Ipv6Addr,
    /// Destination.
    pub dst: Ipv6Addr,
    /// Bytes after this header.
    pub payload_len: usize,
}

impl Default for Ipv6Repr {
    fn default() -> Self {
        Self {
            traffic_class: 0,
            flow_label: 0,
            next_header: 0,
            hop_limit: 64,
            src: Ipv6Addr::UNSPECIFIED,
            dst: Ipv6Addr::UNSPECIFIED,
            payload_len: 0,
        }
    }
}

impl Ipv6Repr {
    /// Write the header at the start of `buf`; gives 40, or 0 if `buf` is too short. More than 65535 bytes give length 0, as a
    /// jumbogram has.
    #[inline]
    pub fn emit(&self, buf: &mut [u8]) -> usize {
        let Some((hdr, _)) = Ipv6Hdr::view_mut(buf) else {
            return 0;
        };
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xf_ffff;
        *hdr = Ipv6Hdr {
            ver_class_flow: word.into(),
            payload_len: u16::try_from(self.payload_len).unwrap_or(0).into(),
            next_header: self.next_header,
            hop_limit: self.hop_limit,
            saddr: self.src.octets(),
            daddr: self.dst.octets(),
        };
        Ipv6Hdr::LEN
    }
}

#[cfg(test)]
mod tests;
