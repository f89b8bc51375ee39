//! An internet address of either family, in one key.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 or IPv6 address in 16 bytes: IPv4 is held v4-mapped, so that one table serves both families.
///
/// Comparison and hash work on two words; the order is that of the bytes.
///
/// ```
/// use sockeye_uapi::InetAddr;
/// use core::net::{Ipv4Addr, Ipv6Addr};
///
/// let a = InetAddr::v4(Ipv4Addr::LOCALHOST);
/// assert!(a.is_v4() && a.is_loopback());
/// assert_eq!(a.as_v4(), Some(Ipv4Addr::LOCALHOST));
/// assert_eq!(a.as_v6(), Ipv4Addr::LOCALHOST.to_ipv6_mapped());
/// assert_eq!(a.to_string(), "127.0.0.1");
/// assert_eq!(InetAddr::v6(Ipv6Addr::LOCALHOST).to_string(), "::1");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InetAddr {
    hi: u64,
    lo: u64,
}

const V4_PREFIX: u64 = 0x0000_ffff_0000_0000;

impl InetAddr {
    /// `::`
    pub const UNSPECIFIED_V6: Self = Self { hi: 0, lo: 0 };
    /// `0.0.0.0`
    pub const UNSPECIFIED_V4: Self = Self { hi: 0, lo: V4_PREFIX };
    /// `::1`
    pub const LOOPBACK_V6: Self = Self { hi: 0, lo: 1 };
    /// `127.0.0.1`
    pub const LOOPBACK_V4: Self = Self { hi: 0, lo: V4_PREFIX | 0x7f00_0001 };

    /// An IPv4 address.
    #[inline]
    #[must_use]
    pub const fn v4(addr: Ipv4Addr) -> Self {
        Self { hi: 0, lo: V4_PREFIX | addr.to_bits() as u64 }
    }

    /// An IPv6 address; a v4-mapped one becomes the IPv4 address it stands for.
    #[inline]
    #[must_use]
    pub const fn v6(addr: Ipv6Addr) -> Self {
        let bits = addr.to_bits();
        Self { hi: (bits >> 64) as u64, lo: bits as u64 }
    }

    /// From 16 bytes in network order.
    #[inline]
    #[must_use]
    pub const fn from_octets(octets: [u8; 16]) -> Self {
        Self::v6(Ipv6Addr::from_octets(octets))
    }

    /// The 16 bytes in network order, IPv4 as v4-mapped.
    #[inline]
    #[must_use]
    pub const fn octets(self) -> [u8; 16] {
        self.as_v6().octets()
    }

    /// Whether it is IPv4.
    #[inline]
    #[must_use]
    pub const fn is_v4(self) -> bool {
        self.hi == 0 && self.lo >> 32 == 0xffff
    }

    /// Whether it is IPv6 proper, not v4-mapped.
    #[inline]
    #[must_use]
    pub const fn is_v6(self) -> bool {
        !self.is_v4()
    }

    /// The IPv4 address, if it is one.
    #[inline]
    #[must_use]
    pub const fn as_v4(self) -> Option<Ipv4Addr> {
        if self.is_v4() { Some(Ipv4Addr::from_bits(self.lo as u32)) } else { None }
    }

    /// As an IPv6 address, IPv4 as v4-mapped.
    #[inline]
    #[must_use]
    pub const fn as_v6(self) -> Ipv6Addr {
        Ipv6Addr::from_bits((self.hi as u128) << 64 | self.lo as u128)
    }

    /// `0.0.0.0` or `::`.
    #[inline]
    #[must_use]
    pub const fn is_unspecified(self) -> bool {
        self.hi == 0 && (self.lo == 0 || self.lo == V4_PREFIX)
    }

    /// `127.0.0.0/8` or `::1`.
    #[inline]
    #[must_use]
    pub const fn is_loopback(self) -> bool {
        self.hi == 0 && (self.lo == 1 || self.lo >> 24 == V4_PREFIX >> 24 | 127)
    }

    /// `224.0.0.0/4` or `ff00::/8`.
    #[inline]
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        if self.is_v4() { self.lo as u32 >> 28 == 0xe } else { self.hi >> 56 == 0xff }
    }

    /// `255.255.255.255`.
    #[inline]
    #[must_use]
    pub const fn is_broadcast(self) -> bool {
        self.hi == 0 && self.lo == V4_PREFIX | 0xffff_ffff
    }

    /// `fe80::/10`, or `169.254.0.0/16`.
    #[inline]
    #[must_use]
    pub const fn is_link_local(self) -> bool {
        if self.is_v4() { self.lo as u32 >> 16 == 0xa9fe } else { self.hi >> 54 == 0xfe80 >> 6 }
    }

    /// A multicast address that means something on one link only: `224.0.0.0/24`, or `ff01::/16`, `ff02::/16` with any flags.
    #[inline]
    #[must_use]
    pub const fn is_link_scope_multicast(self) -> bool {
        if self.is_v4() {
            self.lo as u32 >> 8 == 0x00e0_0000
        } else {
            self.hi >> 56 == 0xff && matches!(self.hi >> 48 & 0xf, 1 | 2)
        }
    }

    /// Whether a socket must name an interface to use it (`__ipv6_addr_needs_scope_id`); never so for IPv4.
    #[inline]
    #[must_use]
    pub const fn needs_scope_id(self) -> bool {
        self.is_v6() && (self.is_link_local() || self.is_link_scope_multicast())
    }

    /// As std's address type.
    #[inline]
    #[must_use]
    pub const fn to_ip(self) -> IpAddr {
        match self.as_v4() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(self.as_v6()),
        }
    }

    /// Two words to hash or compare: the high and the low eight bytes.
    #[inline]
    #[must_use]
    pub const fn words(self) -> (u64, u64) {
        (self.hi, self.lo)
    }

    /// Whether the first `len` bits agree, counted in the address's own family (`ipv6_prefix_equal`).
    ///
    /// An IPv4 and an IPv6 address share no prefix longer than none.
    #[inline]
    #[must_use]
    pub const fn prefix_eq(self, other: Self, len: u8) -> bool {
        if self.is_v4() != other.is_v4() {
            return false;
        }
        let base = if self.is_v4() { 96 } else { 0 };
        let bits = base + len as u32;
        let bits = if bits > 128 { 128 } else { bits };
        if bits == 0 {
            return true;
        }
        (self.as_v6().to_bits() ^ other.as_v6().to_bits()) >> (128 - bits) == 0
    }
}

impl fmt::Display for InetAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_v4() {
            Some(v4) => fmt::Display::fmt(&v4, f),
            None => fmt::Display::fmt(&self.as_v6(), f),
        }
    }
}

impl fmt::Debug for InetAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Ipv4Addr> for InetAddr {
    fn from(addr: Ipv4Addr) -> Self {
        Self::v4(addr)
    }
}

impl From<Ipv6Addr> for InetAddr {
    fn from(addr: Ipv6Addr) -> Self {
        Self::v6(addr)
    }
}

impl From<IpAddr> for InetAddr {
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(a) => Self::v4(a),
            IpAddr::V6(a) => Self::v6(a),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a(s: &str) -> InetAddr {
        s.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn kinds() {
        assert!(a("0.0.0.0").is_unspecified() && a("::").is_unspecified());
        assert!(!a("0.0.0.1").is_unspecified() && !a("::1").is_unspecified());
        assert!(a("127.255.0.1").is_loopback() && !a("128.0.0.1").is_loopback());
        assert!(a("::1").is_loopback() && !a("::2").is_loopback());
        assert!(!a("1::1").is_loopback());
        assert!(a("224.0.0.1").is_multicast() && a("239.1.1.1").is_multicast());
        assert!(!a("240.0.0.1").is_multicast() && !a("223.0.0.1").is_multicast());
        assert!(a("ff02::1").is_multicast() && !a("fe02::1").is_multicast());
        assert!(a("255.255.255.255").is_broadcast());
        assert!(a("fe80::1").is_link_local() && a("febf::1").is_link_local());
        assert!(!a("fec0::1").is_link_local());
        assert!(a("fe80::1").needs_scope_id() && a("ff02::1").needs_scope_id());
        assert!(a("ff12::1").needs_scope_id() && !a("ff05::1").needs_scope_id());
        assert!(!a("169.254.0.1").needs_scope_id());
        assert_eq!(a("::ffff:10.0.0.1"), a("10.0.0.1"));
    }

    #[test]
    fn prefixes() {
        assert!(a("10.0.0.1").prefix_eq(a("10.255.0.1"), 8));
        assert!(!a("10.0.0.1").prefix_eq(a("11.0.0.1"), 8));
        assert!(a("10.0.0.1").prefix_eq(a("11.0.0.1"), 0));
        assert!(a("2001:db8::1").prefix_eq(a("2001:db8::2"), 64));
        assert!(!a("2001:db8::1").prefix_eq(a("2001:db8::2"), 128));
        assert!(a("::1").prefix_eq(a("fe80::"), 0));
        assert!(!a("10.0.0.1").prefix_eq(a("::1"), 0));
    }
}
