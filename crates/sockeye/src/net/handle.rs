//! A socket held by a value instead of a descriptor: what the std-like types share.

use crate::{Net, socket_addr, sys};
use kern::context::Process;
use net::MsgHdr;
use net::msg::RecvMsg;
use net::sock::GetOpt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use uapi::socket::{
    AF_INET, AF_INET6, MSG_NOSIGNAL, SHUT_RD, SHUT_RDWR, SHUT_WR, SO_ERROR, SO_RCVTIMEO, SO_SNDTIMEO,
    SOL_SOCKET,
};
use uapi::{Errno, Result};
use vfs::{File, IovSink, IovSource};

/// An open socket. Dropping the last handle closes it.
#[derive(Clone)]
pub(super) struct Handle {
    net: Net,
    /// `None` only while it is being dropped.
    file: Option<Arc<File>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            self.net.with_process(|p| vfs::fput(file, p));
        }
    }
}

impl Handle {
    pub(super) fn open(net: &Net, addr: SocketAddr, kind: i32) -> Result<Handle> {
        Handle::open_family(net, if addr.is_ipv4() { AF_INET } else { AF_INET6 }, kind)
    }

    pub(super) fn open_family(net: &Net, family: i32, kind: i32) -> Result<Handle> {
        let file = net.with_process(|p| sys::socket::socket(p, net.stack(), family, kind, 0))?;
        Ok(Handle { net: net.clone(), file: Some(file) })
    }

    pub(super) fn pair(net: &Net, family: i32, kind: i32) -> Result<[Handle; 2]> {
        let files = net.with_process(|p| sys::socket::socketpair(p, net.stack(), family, kind, 0))?;
        Ok(files.map(|file| Handle { net: net.clone(), file: Some(file) }))
    }

    fn call<R>(&self, f: impl FnOnce(&Process<'_>, &Arc<File>) -> Result<R>) -> io::Result<R> {
        let file = self.file.as_ref().ok_or(Errno::EBADF)?;
        self.net.with_process(|p| f(p, file)).map_err(io::Error::from)
    }

    pub(super) fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.bind_to(crate::sockaddr(addr).as_ref())
    }

    /// To the bytes of a sockaddr.
    pub(super) fn bind_to(&self, addr: &[u8]) -> io::Result<()> {
        self.call(|p, file| sys::socket::bind(p, file, addr))
    }

    pub(super) fn listen(&self, backlog: i32) -> io::Result<()> {
        self.call(|p, file| sys::socket::listen(p, file, backlog))
    }

    pub(super) fn connect(&self, addr: SocketAddr) -> io::Result<()> {
        self.connect_to(crate::sockaddr(addr).as_ref())
    }

    /// To the bytes of a sockaddr.
    pub(super) fn connect_to(&self, addr: &[u8]) -> io::Result<()> {
        self.call(|p, file| sys::socket::connect(p, file, addr))
    }

    pub(super) fn accept(&self) -> io::Result<(Handle, SocketAddr)> {
        let (handle, peer) = self.accept_from()?;
        Ok((handle, socket_addr(&peer).ok_or(Errno::EAFNOSUPPORT)?))
    }

    /// With the peer as the bytes of a sockaddr.
    pub(super) fn accept_from(&self) -> io::Result<(Handle, Vec<u8>)> {
        let mut addr = [0; sys::SOCKADDR_MAX];
        let (file, len) = self.call(|p, file| sys::accept::accept(p, file, Some(&mut addr), 0))?;
        Ok((Handle { net: self.net.clone(), file: Some(file) }, addr[..len].to_vec()))
    }

    pub(super) fn name(&self, peer: bool) -> io::Result<SocketAddr> {
        Ok(socket_addr(&self.name_bytes(peer)?).ok_or(Errno::EAFNOSUPPORT)?)
    }

    /// As the bytes of a sockaddr.
    pub(super) fn name_bytes(&self, peer: bool) -> io::Result<Vec<u8>> {
        let mut addr = [0; sys::SOCKADDR_MAX];
        let len = self.call(|p, file| sys::socket::getname(p, file, &mut addr, peer))?;
        Ok(addr[..len].to_vec())
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => SHUT_RD,
            Shutdown::Write => SHUT_WR,
            Shutdown::Both => SHUT_RDWR,
        };
        self.call(|p, file| sys::socket::shutdown(p, file, how))
    }

    pub(super) fn send(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        let to = to.map(crate::sockaddr);
        self.send_to(bytes, to.as_ref().map(AsRef::as_ref))
    }

    /// To the bytes of a sockaddr.
    pub(super) fn send_to(&self, bytes: &[u8], to: Option<&[u8]>) -> io::Result<usize> {
        let mut msg = MsgHdr::new(IovSource::from_slice(bytes), MSG_NOSIGNAL);
        msg.name = to;
        self.call(|p, file| sys::msg::sendmsg(p, file, &mut msg))
    }

    pub(super) fn send_vectored(&self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let bufs = &bufs[..bufs.len().min(sys::msg::UIO_MAXIOV)];
        let mut msg = MsgHdr::new(IovSource::new(bufs), MSG_NOSIGNAL);
        self.call(|p, file| sys::msg::sendmsg(p, file, &mut msg))
    }

    pub(super) fn recv(&self, buf: &mut [u8], flags: i32) -> io::Result<usize> {
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), flags as u32);
        self.call(|p, file| sys::msg::recvmsg(p, file, &mut msg))
    }

    pub(super) fn recv_from(&self, buf: &mut [u8], flags: i32) -> io::Result<(usize, SocketAddr)> {
        let (n, from) = self.recv_named(buf, flags)?;
        Ok((n, socket_addr(&from).ok_or(Errno::EAFNOSUPPORT)?))
    }

    /// With the sender as the bytes of a sockaddr, none for who has no name.
    pub(super) fn recv_named(&self, buf: &mut [u8], flags: i32) -> io::Result<(usize, Vec<u8>)> {
        let mut addr = [0; sys::SOCKADDR_MAX];
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), flags as u32);
        msg.name = Some(&mut addr);
        let n = self.call(|p, file| sys::msg::recvmsg(p, file, &mut msg))?;
        let len = msg.name_len;
        Ok((n, addr[..len].to_vec()))
    }

    pub(super) fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.call(|_, file| {
            file.set_nonblock(on);
            Ok(())
        })
    }

    pub(super) fn set_bytes(&self, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
        self.call(|p, file| sys::option::setsockopt(p, file, level, name, value))
    }

    pub(super) fn set_opt(&self, level: i32, name: i32, value: i32) -> io::Result<()> {
        self.set_bytes(level, name, &value.to_ne_bytes())
    }

    pub(super) fn opt(&self, level: i32, name: i32) -> io::Result<i32> {
        let mut buf = [0; 4];
        let mut out = GetOpt::new(&mut buf, 4);
        self.call(|p, file| sys::option::getsockopt(p, file, level, name, &mut out))?;
        Ok(i32::from_ne_bytes(buf))
    }

    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let errno = self.opt(SOL_SOCKET, SO_ERROR)?;
        Ok((errno != 0).then(|| io::Error::from_raw_os_error(errno)))
    }

    pub(super) fn set_timeout(&self, write: bool, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = match timeout {
            Some(Duration::ZERO) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "a timeout of zero"));
            }
            Some(timeout) => timeout,
            None => Duration::ZERO,
        };
        // struct timeval; a timeout below a microsecond is still one.
        let micros = if timeout.is_zero() {
            0
        } else {
            timeout.subsec_micros().max(u32::from(timeout.as_secs() == 0))
        };
        let mut value = [0; 16];
        value[..8].copy_from_slice(&i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX).to_ne_bytes());
        value[8..].copy_from_slice(&i64::from(micros).to_ne_bytes());
        let name = if write { SO_SNDTIMEO } else { SO_RCVTIMEO };
        self.call(|p, file| sys::option::setsockopt(p, file, SOL_SOCKET, name, &value))
    }

    pub(super) fn timeout(&self, write: bool) -> io::Result<Option<Duration>> {
        let name = if write { SO_SNDTIMEO } else { SO_RCVTIMEO };
        let mut buf = [0; 16];
        let mut out = GetOpt::new(&mut buf, 16);
        self.call(|p, file| sys::option::getsockopt(p, file, SOL_SOCKET, name, &mut out))?;
        let (sec, usec) = buf.split_at(8);
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_ne_bytes).max(0) as u64;
        let timeout = Duration::from_secs(number(sec)) + Duration::from_micros(number(usec));
        Ok((!timeout.is_zero()).then_some(timeout))
    }
}
