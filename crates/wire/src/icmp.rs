//! ICMP (RFC 792): the header, and values to emit from. The numbers are [`uapi::icmp`]'s.

use crate::checksum::{Wsum, checksum};
use crate::error::{Error, Result};
use crate::view::header;
use core::net::Ipv4Addr;
use uapi::icmp::{
    ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_PARAMETERPROB, ICMP_REDIRECT, ICMP_SOURCE_QUENCH,
    ICMP_TIME_EXCEEDED,
};
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The header (`struct icmphdr`), 8 bytes; what the last four mean depends on the type.
///
/// ```
/// use sockeye_wire::{IcmpHdr, icmp};
///
/// let mut buf = *b"........ping";
/// icmp::emit_echo(&mut buf, 8, 0x1234, 1);
/// assert!(icmp::check(&buf));
/// let (hdr, data) = IcmpHdr::view(&buf).unwrap();
/// assert_eq!((hdr.kind(), hdr.echo_id(), hdr.echo_seq(), data), (8, 0x1234, 1, &b"ping"[..]));
/// ```
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct IcmpHdr {
    kind: u8,
    code: u8,
    check: U16,
    rest: [u8; 4],
}
header!(IcmpHdr, 8);

impl IcmpHdr {
    /// Where the checksum stands.
    pub const CHECK_OFFSET: usize = 2;

    /// A header with a zero checksum.
    #[must_use]
    pub const fn new(kind: u8, code: u8, rest: [u8; 4]) -> Self {
        Self { kind, code, check: U16::ZERO, rest }
    }

    /// Type (`ICMP_*`).
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

    /// Fragmentation needed: MTU of the next hop (RFC 1191).
    #[inline]
    #[must_use]
    pub fn mtu(&self) -> u16 {
        u16::from_be_bytes([self.rest[2], self.rest[3]])
    }

    /// Redirect: the better gateway.
    #[inline]
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.rest)
    }

    /// Parameter problem: which byte.
    #[inline]
    #[must_use]
    pub fn pointer(&self) -> u8 {
        self.rest[0]
    }

    /// RFC 4884: length of the quoted packet in 32-bit words, 0 if there are no extensions.
    #[inline]
    #[must_use]
    pub fn quoted_words(&self) -> u8 {
        self.rest[1]
    }

    /// Whether it is about another packet (`icmp_is_err`).
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

/// Whether a message of this type is about another packet (`icmp_is_err`).
#[inline]
#[must_use]
pub const fn is_error(kind: u8) -> bool {
    matches!(
        kind,
        ICMP_DEST_UNREACH | ICMP_SOURCE_QUENCH | ICMP_REDIRECT | ICMP_TIME_EXCEEDED | ICMP_PARAMETERPROB
    )
}

/// Whether a whole message has the right checksum.
#[inline]
#[must_use]
pub fn check(message: &[u8]) -> bool {
    Wsum::of(message).is_valid()
}

/// The header and what follows it, with the checksum verified.
///
/// # Errors
/// `Truncated` below 8 bytes; `Checksum`.
#[inline]
pub fn parse(message: &[u8]) -> Result<(&IcmpHdr, &[u8])> {
    let parts = IcmpHdr::view(message).ok_or(Error::Truncated)?;
    if check(message) { Ok(parts) } else { Err(Error::Checksum) }
}

/// Compute and store the checksum of a whole message.
#[inline]
pub fn fill_check(message: &mut [u8]) {
    if let Some((hdr, _)) = IcmpHdr::view_mut(message) {
        hdr.set_check(0);
    }
    let sum = checksum(message);
    if let Some((hdr, _)) = IcmpHdr::view_mut(message) {
        hdr.set_check(sum);
    }
}

/// Write an echo header (`kind` is `ICMP_ECHO` or `ICMP_ECHOREPLY`) before the data that stands in the message, and the checksum.
/// Gives false if the message is too short.
pub fn emit_echo(message: &mut [u8], kind: u8, id: u16, seq: u16) -> bool {
    debug_assert!(matches!(kind, ICMP_ECHO | ICMP_ECHOREPLY));
    let ([a, b], [c, d]) = (id.to_be_bytes(), seq.to_be_bytes());
    emit(message, kind, 0, [a, b, c, d])
}

/// Write a header before the data that stands in the message, and the checksum. Gives false if the message is too short.
pub fn emit(message: &mut [u8], kind: u8, code: u8, rest: [u8; 4]) -> bool {
    let Some((hdr, _)) = IcmpHdr::view_mut(message) else {
        return false;
    };
    *hdr = IcmpHdr::new(kind, code, rest);
    fill_check(message);
    true
}

#[cfg(test)]
mod tests;
