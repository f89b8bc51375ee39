//! `std::net::TcpStream` and `TcpListener`.

use super::handle::Handle;
use super::methods::{shutdown_method, socket_methods, stream_io, timeout_methods, ttl_methods};
use super::{current, each_addr};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::time::Duration;
use uapi::socket::{MSG_PEEK, SO_LINGER, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET, SOL_TCP};
use uapi::tcp::TCP_NODELAY;
use uapi::{IP_TTL, IPPROTO_IP};

/// The backlog that `std` asks for.
const BACKLOG: i32 = 128;

/// A connection; see [`std::net::TcpStream`].
pub struct TcpStream(Handle);

/// A listener; see [`std::net::TcpListener`].
pub struct TcpListener(Handle);

/// Connections as they come; see [`std::net::Incoming`].
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

socket_methods!(TcpStream);
timeout_methods!(TcpStream);
shutdown_method!(TcpStream);
ttl_methods!(TcpStream);
stream_io!(TcpStream & TcpStream);
socket_methods!(TcpListener);
ttl_methods!(TcpListener);

impl TcpStream {
    /// Connects to the first address that answers.
    pub fn connect(addr: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let net = current()?;
        each_addr(addr, |addr| {
            let handle = Handle::open(&net, addr, SOCK_STREAM | SOCK_CLOEXEC)?;
            handle.connect(addr)?;
            Ok(TcpStream(handle))
        })
    }

    /// The peer.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.name(true)
    }

    /// The local end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.name(false)
    }

    /// Bytes that stay to be read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, MSG_PEEK as i32)
    }

    /// `TCP_NODELAY`.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.set_opt(SOL_TCP, TCP_NODELAY, on.into())
    }

    /// `TCP_NODELAY`.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.0.opt(SOL_TCP, TCP_NODELAY)? != 0)
    }

    /// `SO_LINGER`, in seconds.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        let seconds = linger.map_or(0, |linger| i32::try_from(linger.as_secs()).unwrap_or(i32::MAX));
        let mut value = [0; 8];
        value[..4].copy_from_slice(&i32::from(linger.is_some()).to_ne_bytes());
        value[4..].copy_from_slice(&seconds.to_ne_bytes());
        self.0.set_bytes(SOL_SOCKET, SO_LINGER, &value)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("addr", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}

impl TcpListener {
    /// Binds to the first address that can be bound, and listens.
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let net = current()?;
        each_addr(addr, |addr| {
            let handle = Handle::open(&net, addr, SOCK_STREAM | SOCK_CLOEXEC)?;
            handle.set_opt(SOL_SOCKET, SO_REUSEADDR, 1)?;
            handle.bind(addr)?;
            handle.listen(BACKLOG)?;
            Ok(TcpListener(handle))
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.name(false)
    }

    /// The next connection and its peer.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (handle, peer) = self.0.accept()?;
        Ok((TcpStream(handle), peer))
    }

    /// Connections as they come, without end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("addr", &self.local_addr().ok()).finish()
    }
}
