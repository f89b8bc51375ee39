//! When two sockets want the same port: whether their local addresses overlap
//! (`inet_rcv_saddr_equal`, `net/ipv4/inet_connection_sock.c`).

use core::net::Ipv4Addr;
use uapi::InetAddr;

/// The local end of a socket, as far as conflicts depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The address it is bound to, or unspecified (`sk_rcv_saddr`, `sk_v6_rcv_saddr`).
    pub addr: InetAddr,
    /// It is an `AF_INET6` socket.
    pub v6: bool,
    /// `IPV6_V6ONLY`.
    pub v6only: bool,
}

/// What an `AF_INET6` socket with an IPv6 address shows as its IPv4 address (`LOOPBACK4_IPV6`): one
/// that nothing is sent to.
pub const LOOPBACK4_IPV6: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);

impl Local {
    /// `sk_rcv_saddr` of the socket, also of an `AF_INET6` one.
    fn as_v4(self) -> Ipv4Addr {
        match self.addr.as_v4() {
            Some(addr) => addr,
            None if self.addr.is_unspecified() => Ipv4Addr::UNSPECIFIED,
            None => LOOPBACK4_IPV6,
        }
    }

    /// True when the socket takes packets for any address.
    pub fn is_any(self) -> bool {
        self.addr.is_unspecified()
    }

    /// Whether this socket (the one that binds) and `other` may receive the same packet. An
    /// unspecified address overlaps with all when `wildcard` is set, else only with itself.
    ///
    /// As on Linux the answer depends on which of the two comes second.
    pub fn overlaps(self, other: Local, wildcard: bool) -> bool {
        let v4 = || {
            let (a, b) = (self.as_v4(), other.as_v4());
            !other.v6only && (a == b || wildcard && (a.is_unspecified() || b.is_unspecified()))
        };
        if !self.v6 {
            return v4();
        }
        let mapped = self.addr.is_v4();
        let other_mapped = !other.v6 || other.addr.is_v4();
        if mapped && other_mapped {
            return v4();
        }
        let any = !mapped && self.is_any();
        let other_any = !other_mapped && other.is_any();
        any && other_any
            || other_any && wildcard && !(other.v6only && mapped)
            || any && wildcard && !(self.v6only && other_mapped)
            || other.v6 && self.addr == other.addr
    }
}
