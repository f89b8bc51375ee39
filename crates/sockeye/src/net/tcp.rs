//! `std::net::TcpStream` and `TcpListener`.

use super::handle::Handle;
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

    /// Ends a direction, or both.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// Another handle on the same connection.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream(self.0.clone()))
    }

    /// `SO_RCVTIMEO`.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_timeout(false, timeout)
    }

    /// `SO_SNDTIMEO`.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_timeout(true, timeout)
    }

    /// `SO_RCVTIMEO`.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.0.timeout(false)
    }

    /// `SO_SNDTIMEO`.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.0.timeout(true)
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

    /// `IP_TTL`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.set_opt(IPPROTO_IP, IP_TTL, ttl as i32)
    }

    /// `IP_TTL`.
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.0.opt(IPPROTO_IP, IP_TTL)? as u32)
    }

    /// `SO_ERROR`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    /// `O_NONBLOCK`.
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.0.set_nonblocking(on)
    }
}

impl Read for TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, 0)
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, 0)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf, None)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf, None)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

    /// Another handle on the same listener.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(TcpListener(self.0.clone()))
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

    /// `IP_TTL`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.set_opt(IPPROTO_IP, IP_TTL, ttl as i32)
    }

    /// `IP_TTL`.
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.0.opt(IPPROTO_IP, IP_TTL)? as u32)
    }

    /// `SO_ERROR`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    /// `O_NONBLOCK`.
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.0.set_nonblocking(on)
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
