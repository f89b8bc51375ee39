//! Socket addresses as bytes: `sockaddr_in`, `sockaddr_in6`, `sockaddr_nl`, `sockaddr_ll`, `sockaddr_un`.
//!
//! Each family decides which lengths it takes, so the parsers of one family stand apart from [`SockAddr::parse`],
//! which serves traces and tests.

use crate::addr::InetAddr;
use crate::errno::{Errno, Result};
use crate::socket::{AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_UNSPEC, family_name};
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// `sizeof(struct sockaddr_in)`
pub const SOCKADDR_IN_LEN: usize = 16;
/// `sizeof(struct sockaddr_in6)`
pub const SOCKADDR_IN6_LEN: usize = 28;
/// A `sockaddr_in6` before it had a scope id (`SIN6_LEN_RFC2133`): still accepted.
pub const SIN6_LEN_RFC2133: usize = 24;
/// `sizeof(struct sockaddr_nl)`
pub const SOCKADDR_NL_LEN: usize = 12;
/// `sizeof(struct sockaddr_ll)`
pub const SOCKADDR_LL_LEN: usize = 20;
/// `sizeof(struct sockaddr_un)`
pub const SOCKADDR_UN_LEN: usize = 110;
/// Longest path of `sockaddr_un` (`UNIX_PATH_MAX`).
pub const UNIX_PATH_MAX: usize = 108;
/// `sizeof(struct sockaddr_storage)`: what the kernel copies in at most (`move_addr_to_kernel`).
pub const SOCKADDR_STORAGE_LEN: usize = 128;

/// A socket address, parsed.
///
/// ```
/// use sockeye_uapi::{Errno, SockAddr};
/// use core::net::Ipv4Addr;
///
/// let a = SockAddr::Inet { addr: Ipv4Addr::LOCALHOST, port: 80 };
/// let mut buf = [0; 128];
/// let len = a.encode(&mut buf);
/// assert_eq!(&buf[..len], &[2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
/// assert_eq!(SockAddr::parse(&buf[..len]), Ok(a));
/// assert_eq!(SockAddr::parse(&buf[..15]), Err(Errno::EINVAL));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum SockAddr {
    /// `AF_UNSPEC`: dissolves a connection.
    Unspec,
    /// `struct sockaddr_in`.
    Inet {
        /// Address.
        addr: Ipv4Addr,
        /// Port, host order.
        port: u16,
    },
    /// `struct sockaddr_in6`.
    Inet6 {
        /// Address.
        addr: Ipv6Addr,
        /// Port, host order.
        port: u16,
        /// Class and flow label, host order.
        flowinfo: u32,
        /// Interface index; 0 for none.
        scope_id: u32,
    },
    /// `struct sockaddr_nl`.
    Netlink {
        /// Port id; 0 is the kernel.
        pid: u32,
        /// Multicast groups.
        groups: u32,
    },
    /// `struct sockaddr_ll`.
    Packet(SockAddrLl),
    /// `struct sockaddr_un`.
    Unix(SockAddrUn),
    /// Another family.
    Other {
        /// The family.
        family: u16,
    },
}

/// `struct sockaddr_ll` without its family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SockAddrLl {
    /// Ethertype, host order (`sll_protocol` is in network order).
    pub protocol: u16,
    /// Interface index.
    pub ifindex: i32,
    /// Hardware type (`ARPHRD_*`).
    pub hatype: u16,
    /// `PACKET_HOST` and its kin.
    pub pkttype: u8,
    /// Bytes of the address.
    pub halen: u8,
    /// The address.
    pub addr: [u8; 8],
}

/// The path of a `sockaddr_un`: empty is unnamed, a first byte of zero is abstract.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SockAddrUn {
    path: [u8; UNIX_PATH_MAX],
    len: u8,
}

impl SockAddrUn {
    /// From the bytes after the family.
    ///
    /// # Errors
    /// `EINVAL` if they are more than [`UNIX_PATH_MAX`].
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let mut path = [0; UNIX_PATH_MAX];
        path.get_mut(..bytes.len()).ok_or(Errno::EINVAL)?.copy_from_slice(bytes);
        Ok(Self { path, len: bytes.len() as u8 })
    }

    /// The bytes after the family, as given.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path[..usize::from(self.len)]
    }
}

impl fmt::Debug for SockAddrUn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            [] => f.write_str("(unnamed)"),
            [0, name @ ..] => write!(f, "@{}", name.escape_ascii()),
            name => {
                let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
                write!(f, "{}", name[..end].escape_ascii())
            }
        }
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    bytes.get(at..at + N).and_then(|b| b.try_into().ok()).ok_or(Errno::EINVAL)
}

/// The family of raw bytes; `EINVAL` if they are fewer than two.
///
/// # Errors
/// `EINVAL` if there are fewer than two bytes.
#[inline]
pub fn sa_family(bytes: &[u8]) -> Result<u16> {
    field(bytes, 0).map(u16::from_ne_bytes)
}

/// Address and port of a `sockaddr_in`, whatever its family says.
///
/// # Errors
/// `EINVAL` if there are fewer than 16 bytes.
#[inline]
pub fn parse_in(bytes: &[u8]) -> Result<(Ipv4Addr, u16)> {
    let sin: [u8; SOCKADDR_IN_LEN] = field(bytes, 0)?;
    let [_, _, p0, p1, a, b, c, d, ..] = sin;
    Ok((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([p0, p1])))
}

/// A `sockaddr_in6`, whatever its family says; a short one (24 bytes) has no scope.
///
/// # Errors
/// `EINVAL` if there are fewer than 24 bytes.
#[inline]
pub fn parse_in6(bytes: &[u8]) -> Result<SocketAddrV6> {
    if bytes.len() < SIN6_LEN_RFC2133 {
        return Err(Errno::EINVAL);
    }
    let port = u16::from_be_bytes(field(bytes, 2)?);
    let flowinfo = u32::from_be_bytes(field(bytes, 4)?);
    let addr = Ipv6Addr::from_octets(field(bytes, 8)?);
    let scope_id = field(bytes, 24).map_or(0, u32::from_ne_bytes);
    Ok(SocketAddrV6::new(addr, port, flowinfo, scope_id))
}

/// `struct sockaddr_in`
#[inline]
fn encode_in(addr: Ipv4Addr, port: u16) -> [u8; SOCKADDR_IN_LEN] {
    let ([f0, f1], [p0, p1]) = ((AF_INET as u16).to_ne_bytes(), port.to_be_bytes());
    let [a, b, c, d] = addr.octets();
    [f0, f1, p0, p1, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0]
}

impl SockAddr {
    /// An address of the family that fits: IPv4 stays IPv4.
    #[must_use]
    pub const fn inet(addr: InetAddr, port: u16, scope_id: u32) -> Self {
        match addr.as_v4() {
            Some(addr) => Self::Inet { addr, port },
            None => Self::Inet6 { addr: addr.as_v6(), port, flowinfo: 0, scope_id },
        }
    }

    /// An address as an `AF_INET6` socket shows it: IPv4 as v4-mapped.
    #[must_use]
    pub const fn inet6(addr: InetAddr, port: u16, scope_id: u32) -> Self {
        Self::Inet6 { addr: addr.as_v6(), port, flowinfo: 0, scope_id }
    }

    /// Read the bytes by their own family.
    ///
    /// # Errors
    /// `EINVAL` if they are too short for the family.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let family = sa_family(bytes)?;
        Ok(match i32::from(family) {
            AF_UNSPEC => Self::Unspec,
            AF_INET => {
                let (addr, port) = parse_in(bytes)?;
                Self::Inet { addr, port }
            }
            AF_INET6 => parse_in6(bytes)?.into(),
            AF_NETLINK => Self::Netlink {
                pid: u32::from_ne_bytes(field(bytes, 4)?),
                groups: u32::from_ne_bytes(field(bytes, 8)?),
            },
            AF_PACKET => Self::Packet(SockAddrLl {
                protocol: u16::from_be_bytes(field(bytes, 2)?),
                ifindex: i32::from_ne_bytes(field(bytes, 4)?),
                hatype: u16::from_ne_bytes(field(bytes, 8)?),
                pkttype: field::<1>(bytes, 10)?[0],
                halen: field::<1>(bytes, 11)?[0],
                addr: field(bytes, 12)?,
            }),
            AF_UNIX => Self::Unix(SockAddrUn::new(bytes.get(2..).unwrap_or(&[]))?),
            _ => Self::Other { family },
        })
    }

    /// Write it as the kernel hands it out, and return its length. `buf` is cut, never overrun.
    #[inline]
    pub fn encode(&self, buf: &mut [u8]) -> usize {
        if let (Self::Inet { addr, port }, Some(whole)) = (self, buf.first_chunk_mut::<SOCKADDR_IN_LEN>()) {
            *whole = encode_in(*addr, *port);
            return SOCKADDR_IN_LEN;
        }
        self.encode_any(buf)
    }

    fn encode_any(&self, buf: &mut [u8]) -> usize {
        let mut full = [0u8; SOCKADDR_STORAGE_LEN];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(slot) = full.get_mut(at..at + bytes.len()) {
                slot.copy_from_slice(bytes);
            }
        };
        put(0, &self.family().to_ne_bytes());
        let len = match *self {
            Self::Unspec | Self::Other { .. } => 2,
            Self::Inet { addr, port } => {
                put(0, &encode_in(addr, port));
                SOCKADDR_IN_LEN
            }
            Self::Inet6 { addr, port, flowinfo, scope_id } => {
                put(2, &port.to_be_bytes());
                put(4, &flowinfo.to_be_bytes());
                put(8, &addr.octets());
                put(24, &scope_id.to_ne_bytes());
                SOCKADDR_IN6_LEN
            }
            Self::Netlink { pid, groups } => {
                put(4, &pid.to_ne_bytes());
                put(8, &groups.to_ne_bytes());
                SOCKADDR_NL_LEN
            }
            Self::Packet(ll) => {
                put(2, &ll.protocol.to_be_bytes());
                put(4, &ll.ifindex.to_ne_bytes());
                put(8, &ll.hatype.to_ne_bytes());
                put(10, &[ll.pkttype, ll.halen]);
                put(12, &ll.addr);
                SOCKADDR_LL_LEN
            }
            Self::Unix(un) => {
                put(2, un.path());
                2 + un.path().len()
            }
        };
        let n = len.min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), full.get(..n)) {
            to.copy_from_slice(from);
        }
        len
    }

    /// The family.
    #[must_use]
    pub const fn family(&self) -> u16 {
        match self {
            Self::Unspec => AF_UNSPEC as u16,
            Self::Inet { .. } => AF_INET as u16,
            Self::Inet6 { .. } => AF_INET6 as u16,
            Self::Netlink { .. } => AF_NETLINK as u16,
            Self::Packet(_) => AF_PACKET as u16,
            Self::Unix(_) => AF_UNIX as u16,
            Self::Other { family } => *family,
        }
    }

    /// Address and port, if it is an internet address (v4-mapped becomes IPv4).
    #[must_use]
    pub const fn inet_parts(&self) -> Option<(InetAddr, u16)> {
        match *self {
            Self::Inet { addr, port } => Some((InetAddr::v4(addr), port)),
            Self::Inet6 { addr, port, .. } => Some((InetAddr::v6(addr), port)),
            _ => None,
        }
    }

    /// As std's type, if it is an internet address. The family stays what it was.
    #[must_use]
    pub const fn to_std(&self) -> Option<SocketAddr> {
        match *self {
            Self::Inet { addr, port } => Some(SocketAddr::V4(SocketAddrV4::new(addr, port))),
            Self::Inet6 { addr, port, flowinfo, scope_id } => {
                Some(SocketAddr::V6(SocketAddrV6::new(addr, port, flowinfo, scope_id)))
            }
            _ => None,
        }
    }
}

impl From<SocketAddrV4> for SockAddr {
    fn from(a: SocketAddrV4) -> Self {
        Self::Inet { addr: *a.ip(), port: a.port() }
    }
}

impl From<SocketAddrV6> for SockAddr {
    fn from(a: SocketAddrV6) -> Self {
        Self::Inet6 { addr: *a.ip(), port: a.port(), flowinfo: a.flowinfo(), scope_id: a.scope_id() }
    }
}

impl From<SocketAddr> for SockAddr {
    fn from(a: SocketAddr) -> Self {
        match a {
            SocketAddr::V4(a) => a.into(),
            SocketAddr::V6(a) => a.into(),
        }
    }
}

impl fmt::Display for SockAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet { .. } | Self::Inet6 { .. } => match self.to_std() {
                Some(a) => fmt::Display::fmt(&a, f),
                None => Ok(()),
            },
            Self::Netlink { pid, groups } => write!(f, "netlink:{pid}/{groups:#x}"),
            Self::Packet(ll) => write!(f, "packet:{:#06x}%{}", ll.protocol, ll.ifindex),
            Self::Unix(un) => write!(f, "{un:?}"),
            Self::Unspec | Self::Other { .. } => f.write_str(family_name(i32::from(self.family()))),
        }
    }
}

impl fmt::Debug for SockAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let all = [
            SockAddr::Unspec,
            SockAddr::Inet { addr: Ipv4Addr::new(192, 0, 2, 7), port: 65535 },
            SockAddr::Inet6 { addr: Ipv6Addr::LOCALHOST, port: 443, flowinfo: 0x1_2345, scope_id: 3 },
            SockAddr::Netlink { pid: 77, groups: 1 },
            SockAddr::Packet(SockAddrLl {
                protocol: 0x800,
                ifindex: 2,
                hatype: 1,
                pkttype: 4,
                halen: 6,
                addr: [1, 2, 3, 4, 5, 6, 0, 0],
            }),
            SockAddr::Unix(SockAddrUn::new(b"/tmp/x").unwrap()),
            SockAddr::Unix(SockAddrUn::new(b"\0abs").unwrap()),
            SockAddr::Other { family: 30 },
        ];
        for a in all {
            let mut buf = [0xff; SOCKADDR_STORAGE_LEN];
            let len = a.encode(&mut buf);
            assert_eq!(SockAddr::parse(&buf[..len]), Ok(a), "{a}");
            let mut short = [0; 5];
            assert_eq!(a.encode(&mut short), len);
        }
    }

    #[test]
    fn lengths() {
        let mut b = [0u8; 28];
        b[0] = 10;
        b[24] = 9;
        assert_eq!(parse_in6(&b).unwrap().scope_id(), 9);
        assert_eq!(parse_in6(&b[..24]).unwrap().scope_id(), 0);
        assert_eq!(parse_in6(&b[..27]).unwrap().scope_id(), 0);
        assert_eq!(parse_in6(&b[..23]), Err(Errno::EINVAL));
        assert_eq!(sa_family(&b[..1]), Err(Errno::EINVAL));
        assert_eq!(parse_in(&b[..15]), Err(Errno::EINVAL));
        assert!(SockAddrUn::new(&[1; 109]).is_err());
    }
}
