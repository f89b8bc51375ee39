//! `std::os::unix::net::UnixDatagram`.

use super::current;
use super::handle::Handle;
use super::methods::{shutdown_method, socket_methods, timeout_methods};
use super::unix::{from_path, from_std, to_std};
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use uapi::socket::{AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM};

const KIND: i32 = SOCK_DGRAM | SOCK_CLOEXEC;

/// A datagram socket; see [`std::os::unix::net::UnixDatagram`].
///
/// ```
/// use sockeye::net::UnixDatagram;
///
/// let net = sockeye::Net::new();
/// let _guard = sockeye::net::enter(&net);
/// let log = UnixDatagram::bind("/dev/log")?;
/// UnixDatagram::unbound()?.send_to(b"hello", "/dev/log")?;
/// let mut buf = [0; 16];
/// let (n, from) = log.recv_from(&mut buf)?;
/// assert!(&buf[..n] == b"hello" && from.is_unnamed());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram(Handle);

socket_methods!(UnixDatagram);
timeout_methods!(UnixDatagram);
shutdown_method!(UnixDatagram);

impl UnixDatagram {
    /// Makes a file and receives what is sent there.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.0.bind_to(&from_path(path.as_ref())?)?;
        Ok(socket)
    }

    /// Receives what is sent to an address.
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.0.bind_to(&from_std(addr)?)?;
        Ok(socket)
    }

    /// Without a name.
    pub fn unbound() -> io::Result<UnixDatagram> {
        Ok(UnixDatagram(Handle::open_family(&current()?, AF_UNIX, KIND)?))
    }

    /// Two that are connected to each other.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let [a, b] = Handle::pair(&current()?, AF_UNIX, KIND)?;
        Ok((UnixDatagram(a), UnixDatagram(b)))
    }

    /// Says whom [`UnixDatagram::send`] means, and from whom alone to receive.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.0.connect_to(&from_path(path.as_ref())?)
    }

    /// The same by an address.
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.0.connect_to(&from_std(addr)?)
    }

    /// Its name.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        to_std(&self.0.name_bytes(false)?)
    }

    /// Whom it is connected to.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        to_std(&self.0.name_bytes(true)?)
    }

    /// A datagram and its sender.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (n, from) = self.0.recv_named(buf, 0)?;
        Ok((n, to_std(&from)?))
    }

    /// A datagram.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf, 0)
    }

    /// Sends to the socket that is bound to a file.
    pub fn send_to(&self, buf: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.0.send_to(buf, Some(&from_path(path.as_ref())?))
    }

    /// Sends to an address.
    pub fn send_to_addr(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.0.send_to(buf, Some(&from_std(addr)?))
    }

    /// Sends to whom it is connected to.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf, None)
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixDatagram")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}
