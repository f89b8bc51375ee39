//! ICMPv6 (RFC 4443): the header, and values to emit from. The numbers are [`uapi::icmp`]'s; neighbour discovery
//! and multicast listeners have files of their own.

use crate::checksum::pseudo_v6;
use crate::error::{Error, Result};
use crate::view::header;
use core::net::Ipv6Addr;
use uapi::IPPROTO_ICMPV6;
use uapi::icmp::ICMPV6_INFOMSG_MASK;
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The header (`struct icmp6hdr`), 8 bytes; what the last four mean depends on the type.
///
/// ```
/// use sockeye_wire::{Icmpv6Hdr, icmpv6};
/// use core::net::Ipv6Addr;
///
/// let (src, dst) = (Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
/// let mut buf = *b"........ping";
/// icmpv6::emit(&mut buf, 128, 0, [0, 9, 0, 1], src, dst);
/// let (hdr, data) = icmpv6::parse(&buf, src, dst).unwrap();
/// assert_eq!((hdr.kind(), hdr.echo_id(), data), (128, 9, &b"ping"[..]));
/// ```
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Icmpv6Hdr {
    kind: u8,
    code: u8,
    check: U16,
    rest: [u8; 4],
}
header!(Icmpv6Hdr, 8);

impl Icmpv6Hdr {
    /// Where the checksum stands.
    pub const CHECK_OFFSET: usize = 2;

    /// A header with a zero checksum.
    #[must_use]
    pub const fn new(kind: u8, code: u8, rest: [u8; 4]) -> Self {
        Self { kind, code, check: U16::ZERO, rest }
    }

    /// Type (`ICMPV6_*`).
    #[inline]
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// Code.
    #[inline]
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Checksum.
    #[inline]
    #[must_use]
    pub fn check(&self) -> u16 {
        self.check.get()
    }

    /// The last four bytes.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> [u8; 4] {
        self.rest
    }

    /// Echo: identifier.
    #[inline]
    #[must_use]
    pub fn echo_id(&self) -> u16 {
        u16::from_be_bytes([self.rest[0], self.rest[1]])
    }

    /// Echo: sequence number.
    #[inline]
    #[must_use]
    pub fn echo_seq(&self) -> u16 {
        u16::from_be_bytes([self.rest[2], self.rest[3]])
    }

    /// Packet too big: the MTU. Parameter problem: which byte.
    #[inline]
    #[must_use]
    pub fn mtu_or_pointer(&self) -> u32 {
        u32::from_be_bytes(self.rest)
    }

    /// Whether it is about another packet (`icmpv6_is_err`).
    #[inline]
    #[must_use]
    pub fn is_error(&self) -> bool {
        is_error(self.kind)
    }

    /// Set the type and the code; the checksum is left.
    #[inline]
    pub fn set_kind_code(&mut self, kind: u8, code: u8) {
        self.kind = kind;
        self.code = code;
    }

    /// Set the last four bytes; the checksum is left.
    #[inline]
    pub fn set_rest(&mut self, rest: [u8; 4]) {
        self.rest = rest;
    }

    /// Set the identifier of an echo; the checksum is left.
    #[inline]
    pub fn set_echo_id(&mut self, id: u16) {
        let [a, b] = id.to_be_bytes();
        self.rest = [a, b, self.rest[2], self.rest[3]];
    }

    /// Set the checksum.
    #[inline]
    pub fn set_check(&mut self, check: u16) {
        self.check.set(check);
    }
}

/// Whether a message of this type is about another packet: the high bit is clear (RFC 4443 section 2.1).
#[inline]
#[must_use]
pub const fn is_error(kind: u8) -> bool {
    kind & ICMPV6_INFOMSG_MASK == 0
}

/// Whether a whole message has the right checksum, its pseudo-header counted.
#[inline]
#[must_use]
pub fn check(message: &[u8], src: Ipv6Addr, dst: Ipv6Addr) -> bool {
    pseudo_v6(src, dst, IPPROTO_ICMPV6 as u8, message.len() as u32).add_bytes(message).is_valid()
}

/// The header and what follows it, with the checksum verified.
///
/// # Errors
/// `Truncated` below 8 bytes; `Checksum`.
#[inline]
pub fn parse(message: &[u8], src: Ipv6Addr, dst: Ipv6Addr) -> Result<(&Icmpv6Hdr, &[u8])> {
    let parts = Icmpv6Hdr::view(message).ok_or(Error::Truncated)?;
    if check(message, src, dst) { Ok(parts) } else { Err(Error::Checksum) }
}

/// Compute and store the checksum of a whole message.
#[inline]
pub fn fill_check(message: &mut [u8], src: Ipv6Addr, dst: Ipv6Addr) {
    if let Some((hdr, _)) = Icmpv6Hdr::view_mut(message) {
        hdr.set_check(0);
    }
    let sum = pseudo_v6(src, dst, IPPROTO_ICMPV6 as u8, message.len() as u32).add_bytes(message).fold();
    if let Some((hdr, _)) = Icmpv6Hdr::view_mut(message) {
        hdr.set_check(sum);
    }
}

/// Write a header before the data that stands in the message, and the checksum. Gives false if the message is too short.
pub fn emit(message: &mut [u8], kind: u8, code: u8, rest: [u8; 4], src: Ipv6Addr, dst: Ipv6Addr) -> bool {
    let Some((hdr, _)) = Icmpv6Hdr::view_mut(message) else {
        return false;
    };
    *hdr = Icmpv6Hdr::new(kind, code, rest);
    fill_check(message, src, dst);
    true
}
