//! Ethernet II frames and VLAN tags; hardware addresses.

use crate::error::{Error, Result};
use crate::view::header;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A hardware address of 48 bits.
///
/// ```
/// use sockeye_wire::MacAddr;
/// use core::net::{Ipv4Addr, Ipv6Addr};
///
/// assert_eq!(MacAddr::for_v4_group(Ipv4Addr::new(224, 129, 2, 3)).to_string(), "01:00:5e:01:02:03");
/// assert_eq!(MacAddr::for_v6_group("ff02::1:ff00:7".parse().unwrap()).to_string(), "33:33:ff:00:00:07");
/// ```
#[derive(
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// All zeros: none.
    pub const ZERO: Self = Self([0; 6]);
    /// All ones: everybody.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether it is everybody.
    #[inline]
    #[must_use]
    pub const fn is_broadcast(self) -> bool {
        matches!(self.0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    }

    /// Whether it is a group, everybody included.
    #[inline]
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether one station can have it (`is_valid_ether_addr`).
    #[inline]
    #[must_use]
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }

    /// The address of an IPv4 group (RFC 1112 section 6.4).
    #[must_use]
    pub const fn for_v4_group(group: Ipv4Addr) -> Self {
        let [_, b, c, d] = group.octets();
        Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }

    /// The address of an IPv6 group (RFC 2464 section 7).
    #[must_use]
    pub const fn for_v6_group(group: Ipv6Addr) -> Self {
        let [.., a, b, c, d] = group.octets();
        Self([0x33, 0x33, a, b, c, d])
    }

    /// The interface identifier of IPv6 (modified EUI-64, RFC 4291 appendix A).
    #[must_use]
    pub const fn eui64(self) -> [u8; 8] {
        let [a, b, c, d, e, f] = self.0;
        [a ^ 2, b, c, 0xff, 0xfe, d, e, f]
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, fm: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(fm, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The header (`struct ethhdr`), 14 bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct EthHdr {
    dest: MacAddr,
    source: MacAddr,
    proto: U16,
}
header!(EthHdr, 14);

impl EthHdr {
    /// A header.
    #[must_use]
    pub fn new(dest: MacAddr, source: MacAddr, proto: u16) -> Self {
        Self { dest, source, proto: proto.into() }
    }

    /// Destination.
    #[inline]
    #[must_use]
    pub fn dest(&self) -> MacAddr {
        self.dest
    }

    /// Source.
    #[inline]
    #[must_use]
    pub fn source(&self) -> MacAddr {
        self.source
    }

    /// Ethertype; below 0x600 it is a length.
    #[inline]
    #[must_use]
    pub fn proto(&self) -> u16 {
        self.proto.get()
    }

    /// Set the destination.
    #[inline]
    pub fn set_dest(&mut self, dest: MacAddr) {
        self.dest = dest;
    }

    /// Set the source.
    #[inline]
    pub fn set_source(&mut self, source: MacAddr) {
        self.source = source;
    }

    /// Set the ethertype.
    #[inline]
    pub fn set_proto(&mut self, proto: u16) {
        self.proto.set(proto);
    }

    /// Write it at the start of `frame`; gives 14, or 0 if `frame` is too short.
    #[inline]
    pub fn emit(self, frame: &mut [u8]) -> usize {
        let Some((hdr, _)) = Self::view_mut(frame) else {
            return 0;
        };
        *hdr = self;
        Self::LEN
    }
}

/// Split a frame.
///
/// # Errors
/// `Truncated` below 14 bytes.
#[inline]
pub fn parse(frame: &[u8]) -> Result<(&EthHdr, &[u8])> {
    EthHdr::view(frame).ok_or(Error::Truncated)
}

/// A VLAN tag after its ethertype (`struct vlan_hdr`), 4 bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct VlanHdr {
    tci: U16,
    encapsulated: U16,
}
header!(VlanHdr, 4);

impl VlanHdr {
    /// A tag; `tci` is priority, drop bit and number.
    #[must_use]
    pub fn new(tci: u16, encapsulated: u16) -> Self {
        Self { tci: tci.into(), encapsulated: encapsulated.into() }
    }

    /// Priority, drop bit and number.
    #[must_use]
    pub fn tci(&self) -> u16 {
        self.tci.get()
    }

    /// Number of the VLAN.
    #[must_use]
    pub fn vid(&self) -> u16 {
        self.tci.get() & 0xfff
    }

    /// Priority.
    #[must_use]
    pub fn priority(&self) -> u8 {
        (self.tci.get() >> 13) as u8
    }

    /// Ethertype of what is inside.
    #[must_use]
    pub fn proto(&self) -> u16 {
        self.encapsulated.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert!(MacAddr::BROADCAST.is_broadcast() && MacAddr::BROADCAST.is_multicast());
        assert!(!MacAddr::ZERO.is_unicast() && MacAddr([2, 0, 0, 0, 0, 1]).is_unicast());
        assert_eq!(
            MacAddr([0x02, 0x11, 0x22, 0x33, 0x44, 0x55]).eui64(),
            [0x00, 0x11, 0x22, 0xff, 0xfe, 0x33, 0x44, 0x55]
        );
    }

    #[test]
    fn frames() {
        let mut frame = [0u8; 20];
        let hdr = EthHdr::new(MacAddr::BROADCAST, MacAddr([2; 6]), 0x8100);
        assert_eq!(hdr.emit(&mut frame), 14);
        frame[14..18].copy_from_slice(VlanHdr::new(0x6005, 0x0800).bytes());
        let (hdr, rest) = parse(&frame).unwrap();
        assert_eq!((hdr.dest(), hdr.source(), hdr.proto()), (MacAddr::BROADCAST, MacAddr([2; 6]), 0x8100));
        let (tag, rest) = VlanHdr::view(rest).unwrap();
        assert_eq!((tag.vid(), tag.priority(), tag.proto(), rest.len()), (5, 3, 0x800, 2));
        assert_eq!(parse(&frame[..13]).unwrap_err(), Error::Truncated);
    }
}
