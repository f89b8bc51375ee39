//! socket(2), bind(2), listen(2), accept(2), connect(2) and their kin.

use super::Task;
use crate::sys;
use net::trace::Event;
use uapi::fcntl::O_CLOEXEC;
use uapi::{Errno, Result};

impl Task {
    /// socket(2). `kind` may have `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
    #[inline]
    pub fn socket(&self, family: i32, kind: i32, protocol: i32) -> Result<i32> {
        let p = self.process();
        let (_, flags) = sys::socket::type_and_flags(kind)?;
        let net = self.net.stack();
        let fd = self
            .files
            .open(&p, flags & O_CLOEXEC, || sys::socket::socket(&p, net, family, kind, protocol))?;
        self.tell_mapped(fd);
        Ok(fd)
    }

    /// Tells whoever watches which inode a new descriptor names.
    #[inline]
    fn tell_mapped(&self, fd: i32) {
        let net = self.net.stack();
        if net.tracer.is_on()
            && let Ok(ino) = self.fstat(fd).map(|stat| stat.ino)
        {
            net.tracer.report(net, &Event::FileMapped { ino, fd });
        }
    }

    /// socketpair(2).
    pub fn socketpair(&self, family: i32, kind: i32, protocol: i32) -> Result<[i32; 2]> {
        let p = self.process();
        let (_, flags) = sys::socket::type_and_flags(kind)?;
        let [a, b] = sys::socket::socketpair(&p, self.net.stack(), family, kind, protocol)?;
        let first = self.files.open(&p, flags & O_CLOEXEC, || Ok(a))?;
        match self.files.open(&p, flags & O_CLOEXEC, || Ok(b)) {
            Ok(second) => Ok([first, second]),
            Err(errno) => {
                self.files.close(&p, first)?;
                Err(errno)
            }
        }
    }

    /// bind(2); the address is the bytes of a `struct sockaddr`, see [`crate::sockaddr`].
    pub fn bind(&self, fd: i32, addr: impl AsRef<[u8]>) -> Result<()> {
        let p = self.process();
        self.files.with(&p, fd, |file| sys::socket::bind(&p, file, addr.as_ref()))?
    }

    /// listen(2).
    pub fn listen(&self, fd: i32, backlog: i32) -> Result<()> {
        let p = self.process();
        self.files.with(&p, fd, |file| sys::socket::listen(&p, file, backlog))?
    }

    /// accept4(2) without the peer's address.
    pub fn accept4(&self, fd: i32, flags: i32) -> Result<i32> {
        Ok(self.accept_into(fd, None, flags)?.0)
    }

    /// accept4(2) with the peer's address: its whole length is returned with the descriptor.
    pub fn accept_from(&self, fd: i32, addr: &mut [u8], flags: i32) -> Result<(i32, usize)> {
        self.accept_into(fd, Some(addr), flags)
    }

    fn accept_into(&self, fd: i32, addr: Option<&mut [u8]>, flags: i32) -> Result<(i32, usize)> {
        let p = self.process();
        let listener = self.files.get(fd)?;
        let mut len = 0;
        let new = sys::accept::accept_flags(flags).and_then(|flags| {
            self.files.open(&p, flags & O_CLOEXEC, || {
                let (file, whole) = sys::accept::accept(&p, &listener, addr, flags)?;
                len = whole;
                Ok(file)
            })
        });
        vfs::fput(listener, &p);
        if let Ok(fd) = new {
            self.tell_mapped(fd);
        }
        Task::interrupted(new.map(|fd| (fd, len)))
    }

    /// connect(2).
    pub fn connect(&self, fd: i32, addr: impl AsRef<[u8]>) -> Result<()> {
        let p = self.process();
        Task::interrupted(self.files.with(&p, fd, |file| sys::socket::connect(&p, file, addr.as_ref()))?)
    }

    /// shutdown(2).
    pub fn shutdown(&self, fd: i32, how: i32) -> Result<()> {
        let p = self.process();
        self.files.with(&p, fd, |file| sys::socket::shutdown(&p, file, how))?
    }

    /// getsockname(2): fills the buffer as far as it goes, returns the address's whole length.
    pub fn getsockname(&self, fd: i32, addr: &mut [u8]) -> Result<usize> {
        let p = self.process();
        self.files.with(&p, fd, |file| sys::socket::getname(&p, file, addr, false))?
    }

    /// getpeername(2): fills the buffer as far as it goes, returns the address's whole length.
    pub fn getpeername(&self, fd: i32, addr: &mut [u8]) -> Result<usize> {
        let p = self.process();
        self.files.with(&p, fd, |file| sys::socket::getname(&p, file, addr, true))?
    }

    /// The local address of a socket of IPv4 or IPv6.
    pub fn local_addr(&self, fd: i32) -> Result<std::net::SocketAddr> {
        let mut buf = [0; sys::SOCKADDR_MAX];
        let len = self.getsockname(fd, &mut buf)?;
        crate::socket_addr(&buf[..len]).ok_or(Errno::EAFNOSUPPORT)
    }

    /// The peer of a socket of IPv4 or IPv6.
    pub fn peer_addr(&self, fd: i32) -> Result<std::net::SocketAddr> {
        let mut buf = [0; sys::SOCKADDR_MAX];
        let len = self.getpeername(fd, &mut buf)?;
        crate::socket_addr(&buf[..len]).ok_or(Errno::EAFNOSUPPORT)
    }
}
