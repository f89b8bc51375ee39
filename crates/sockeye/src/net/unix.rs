//! `std::os::unix::net::UnixStream` and `UnixListener`.

use super::current;
use super::handle::Handle;
use super::methods::{shutdown_method, socket_methods, stream_io, timeout_methods};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use uapi::socket::{AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM};

/// The backlog that `std` asks for: as long as may be.
const BACKLOG: i32 = -1;

/// A sockaddr of this family with the bytes after it.
fn sockaddr(path: &[u8]) -> Vec<u8> {
    [&(AF_UNIX as u16).to_ne_bytes()[..], path].concat()
}

/// The sockaddr of a file; a zero in its path is refused, as by `std`.
pub(super) fn from_path(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a path with a zero in it"));
    }
    Ok(sockaddr(bytes))
}

/// The sockaddr of an address of `std`'s.
pub(super) fn from_std(addr: &SocketAddr) -> io::Result<Vec<u8>> {
    match (addr.as_pathname(), addr.as_abstract_name()) {
        (Some(path), _) => from_path(path),
        (None, Some(name)) => Ok(sockaddr(&[b"\0", name].concat())),
        (None, None) => Ok(sockaddr(b"")),
    }
}

/// A sockaddr as `std`'s address.
pub(super) fn to_std(bytes: &[u8]) -> io::Result<SocketAddr> {
    match bytes.get(2..).unwrap_or(&[]) {
        [0, name @ ..] => SocketAddr::from_abstract_name(name),
        path => {
            let end = path.iter().position(|&b| b == 0).unwrap_or(path.len());
            SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(&path[..end]))
        }
    }
}

/// A connection; see [`std::os::unix::net::UnixStream`].
///
/// ```
/// use sockeye::net::{UnixListener, UnixStream};
/// use std::io::{Read, Write};
///
/// let net = sockeye::Net::new();
/// let _guard = sockeye::net::enter(&net);
/// let listener = UnixListener::bind("/run/service")?;
/// let mut client = UnixStream::connect("/run/service")?;
/// let (mut server, _peer) = listener.accept()?;
/// client.write_all(b"ping")?;
/// let mut buf = [0; 4];
/// server.read_exact(&mut buf)?;
/// assert_eq!(&buf, b"ping");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream(Handle);

/// A listener; see [`std::os::unix::net::UnixListener`].
pub struct UnixListener(Handle);

/// Connections as they come; see [`std::os::unix::net::Incoming`].
pub struct IncomingUnix<'a> {
    listener: &'a UnixListener,
}

socket_methods!(UnixStream);
timeout_methods!(UnixStream);
shutdown_method!(UnixStream);
stream_io!(UnixStream & UnixStream);
socket_methods!(UnixListener);

impl UnixStream {
    /// Connects to the listener that is bound to a file.
    pub fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        UnixStream::to(&from_path(path.as_ref())?)
    }

    /// Connects to a listener by its address.
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        UnixStream::to(&from_std(addr)?)
    }

    fn to(addr: &[u8]) -> io::Result<UnixStream> {
        let handle = Handle::open_family(&current()?, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)?;
        handle.connect_to(addr)?;
        Ok(UnixStream(handle))
    }

    /// Two ends of a connection.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let [a, b] = Handle::pair(&current()?, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)?;
        Ok((UnixStream(a), UnixStream(b)))
    }

    /// The local end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        to_std(&self.0.name_bytes(false)?)
    }

    /// The peer.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        to_std(&self.0.name_bytes(true)?)
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixStream")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}

impl UnixListener {
    /// Makes a file and listens at it.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        UnixListener::at(&from_path(path.as_ref())?)
    }

    /// Listens at an address.
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
        UnixListener::at(&from_std(addr)?)
    }

    fn at(addr: &[u8]) -> io::Result<UnixListener> {
        let handle = Handle::open_family(&current()?, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)?;
        handle.bind_to(addr)?;
        handle.listen(BACKLOG)?;
        Ok(UnixListener(handle))
    }

    /// The next connection and its peer.
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (handle, peer) = self.0.accept_from()?;
        Ok((UnixStream(handle), to_std(&peer)?))
    }

    /// Connections as they come, without end.
    pub fn incoming(&self) -> IncomingUnix<'_> {
        IncomingUnix { listener: self }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        to_std(&self.0.name_bytes(false)?)
    }
}

impl Iterator for IncomingUnix<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixListener").field("local", &self.local_addr().ok()).finish()
    }
}
