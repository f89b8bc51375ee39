//! `std::net::UdpSocket`.

use super::handle::Handle;
use super::methods::{socket_methods, timeout_methods, ttl_methods};
use super::{current, each_addr};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;
use uapi::socket::{MSG_PEEK, SO_BROADCAST, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET};
use uapi::{
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_TTL, IPPROTO_IP,
    IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP, IPV6_MULTICAST_LOOP,
};

/// A datagram socket; see [`std::net::UdpSocket`].
pub struct UdpSocket(Handle);

socket_methods!(UdpSocket);
timeout_methods!(UdpSocket);
ttl_methods!(UdpSocket);

impl UdpSocket {
    /// Binds to the first address that can be bound.
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        let net = current()?;
        each_addr(addr, |addr| {
            let handle = Handle::open(&net, addr, SOCK_DGRAM | SOCK_CLOEXEC)?;
            handle.bind(addr)?;
            Ok(UdpSocket(handle))
        })
    }

    /// A datagram and its sender.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buf, 0)
    }

    /// The same, but it stays to be received.
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buf, MSG_PEEK as i32)
    }

    /// Sends to the first of the addresses.
    pub fn send_to(&self, buf: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        match addr.to_socket_addrs()?.next() {
            Some(addr) => self.0.send(buf, Some(addr)),
            None => Err(io::Error::new(io::ErrorKind::InvalidInput, "no address")),
        }
    }

    /// The peer it is connected to.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.name(true)
    }

    /// Where it is bound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.name(false)
    }

    /// `SO_BROADCAST`.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.0.set_opt(SOL_SOCKET, SO_BROADCAST, on.into())
    }

    /// `SO_BROADCAST`.
    pub fn broadcast(&self) -> io::Result<bool> {
        Ok(self.0.opt(SOL_SOCKET, SO_BROADCAST)? != 0)
    }

    /// `IP_MULTICAST_LOOP`.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.0.set_opt(IPPROTO_IP, IP_MULTICAST_LOOP, on.into())
    }

    /// `IP_MULTICAST_LOOP`.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        Ok(self.0.opt(IPPROTO_IP, IP_MULTICAST_LOOP)? != 0)
    }

    /// `IP_MULTICAST_TTL`.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.0.set_opt(IPPROTO_IP, IP_MULTICAST_TTL, ttl as i32)
    }

    /// `IP_MULTICAST_TTL`.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        Ok(self.0.opt(IPPROTO_IP, IP_MULTICAST_TTL)? as u32)
    }

    /// `IPV6_MULTICAST_LOOP`.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.0.set_opt(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on.into())
    }

    /// `IPV6_MULTICAST_LOOP`.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        Ok(self.0.opt(IPPROTO_IPV6, IPV6_MULTICAST_LOOP)? != 0)
    }

    /// `IP_ADD_MEMBERSHIP`.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.set_bytes(IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq4(*group, *interface))
    }

    /// `IP_DROP_MEMBERSHIP`.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.set_bytes(IPPROTO_IP, IP_DROP_MEMBERSHIP, &mreq4(*group, *interface))
    }

    /// `IPV6_ADD_MEMBERSHIP`.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.set_bytes(IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &mreq6(group, interface))
    }

    /// `IPV6_DROP_MEMBERSHIP`.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.set_bytes(IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &mreq6(group, interface))
    }

    /// Sets the peer: the first of the addresses that can be had.
    pub fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        each_addr(addr, |addr| self.0.connect(addr))
    }

    /// Sends to the peer.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf, None)
    }

    /// Receives from the peer.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, 0)
    }

    /// Receives from the peer; the datagram stays.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, MSG_PEEK as i32)
    }
}

/// `struct ip_mreq`.
fn mreq4(group: Ipv4Addr, interface: Ipv4Addr) -> [u8; 8] {
    let mut value = [0; 8];
    value[..4].copy_from_slice(&group.octets());
    value[4..].copy_from_slice(&interface.octets());
    value
}

/// `struct ipv6_mreq`.
fn mreq6(group: &Ipv6Addr, interface: u32) -> [u8; 20] {
    let mut value = [0; 20];
    value[..16].copy_from_slice(&group.octets());
    value[16..].copy_from_slice(&interface.to_ne_bytes());
    value
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket").field("addr", &self.local_addr().ok()).finish()
    }
}
