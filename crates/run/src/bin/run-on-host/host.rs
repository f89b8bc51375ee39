//! A stack made of the host kernel's own sockets: the oracle that tells the runner's faults from a stack's.

use sockeye_run::stack::{Cred, NAME_MAX, Name, Received, Send, Sid, Stack};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Instant;
use uapi::{Errno, Result};

pub(crate) struct HostStack {
    epoll: OwnedFd,
    sockets: Vec<Option<OwnedFd>>,
}

fn errno() -> Errno {
    let raw = std::io::Error::last_os_error().raw_os_error();
    raw.and_then(Errno::from_raw).unwrap_or(Errno::EIO)
}

fn check(ret: i32) -> Result<i32> {
    if ret < 0 { Err(errno()) } else { Ok(ret) }
}

fn check_len(ret: isize) -> Result<usize> {
    usize::try_from(ret).map_err(|_| errno())
}

fn own(fd: i32) -> Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: just returned by the kernel.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl HostStack {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no pointer.
        let epoll = own(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self { epoll, sockets: Vec::new() })
    }

    fn insert(&mut self, fd: OwnedFd) -> Result<Sid> {
        let free = self.sockets.iter().position(Option::is_none).unwrap_or_else(|| {
            self.sockets.push(None);
            self.sockets.len() - 1
        });
        let bits = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET;
        let mut ev = libc::epoll_event { events: bits as u32, u64: free as u64 };
        // SAFETY: `ev` is valid.
        check(unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut ev)
        })?;
        self.sockets[free] = Some(fd);
        Ok(Sid(free as u32))
    }

    fn fd(&self, sid: Sid) -> Result<i32> {
        let s = self.sockets.get(sid.0 as usize).and_then(Option::as_ref);
        s.map(AsRawFd::as_raw_fd).ok_or(Errno::EBADF)
    }

    fn name(
        &self,
        sid: Sid,
        f: unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut libc::socklen_t) -> i32,
    ) -> Result<Name> {
        let mut name = Name::default();
        let mut len = NAME_MAX as libc::socklen_t;
        // SAFETY: the buffer has `len` bytes.
        check(unsafe { f(self.fd(sid)?, name.buffer().as_mut_ptr().cast(), &raw mut len) })?;
        name.set_len(len as usize);
        Ok(name)
    }
}

impl Stack for HostStack {
    fn socket(&mut self, _: &Cred, family: i32, ty: i32, protocol: i32) -> Result<Sid> {
        // SAFETY: no pointer.
        let fd =
            own(unsafe { libc::socket(family, ty | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, protocol) })?;
        self.insert(fd)
    }

    fn close(&mut self, sid: Sid, reset: bool) {
        if reset {
            let linger = libc::linger { l_onoff: 1, l_linger: 0 };
            if let Ok(fd) = self.fd(sid) {
                // SAFETY: `linger` is valid for its size.
                unsafe {
                    let size = size_of::<libc::linger>() as u32;
                    libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size);
                }
            }
        }
        self.sockets[sid.0 as usize] = None;
    }

    fn bind(&mut self, _: &Cred, sid: Sid, addr: &[u8]) -> Result<()> {
        // SAFETY: the address is valid for its length.
        check(unsafe { libc::bind(self.fd(sid)?, addr.as_ptr().cast(), addr.len() as u32) }).map(drop)
    }

    fn listen(&mut self, sid: Sid, backlog: i32) -> Result<()> {
        // SAFETY: no pointer.
        check(unsafe { libc::listen(self.fd(sid)?, backlog) }).map(drop)
    }

    fn connect(&mut self, _: &Cred, sid: Sid, addr: &[u8]) -> Result<()> {
        // SAFETY: the address is valid for its length.
        check(unsafe { libc::connect(self.fd(sid)?, addr.as_ptr().cast(), addr.len() as u32) }).map(drop)
    }

    fn accept(&mut self, _: &Cred, sid: Sid) -> Result<(Sid, Name)> {
        let mut name = Name::default();
        let mut len = NAME_MAX as libc::socklen_t;
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: the buffer has `len` bytes.
        let fd = own(unsafe {
            libc::accept4(self.fd(sid)?, name.buffer().as_mut_ptr().cast(), &raw mut len, flags)
        })?;
        name.set_len(len as usize);
        Ok((self.insert(fd)?, name))
    }

    fn getsockname(&mut self, sid: Sid) -> Result<Name> {
        self.name(sid, libc::getsockname)
    }

    fn getpeername(&mut self, sid: Sid) -> Result<Name> {
        self.name(sid, libc::getpeername)
    }

    fn getsockopt(&mut self, sid: Sid, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        let mut len = value.len() as libc::socklen_t;
        // SAFETY: `value` has `len` bytes.
        check(unsafe {
            libc::getsockopt(self.fd(sid)?, level, name, value.as_mut_ptr().cast(), &raw mut len)
        })?;
        Ok(len as usize)
    }

    fn setsockopt(&mut self, _: &Cred, sid: Sid, level: i32, name: i32, value: &[u8]) -> Result<()> {
        // SAFETY: `value` is valid for its length.
        check(unsafe {
            libc::setsockopt(self.fd(sid)?, level, name, value.as_ptr().cast(), value.len() as u32)
        })
        .map(drop)
    }

    fn shutdown(&mut self, sid: Sid, how: i32) -> Result<()> {
        // SAFETY: no pointer.
        check(unsafe { libc::shutdown(self.fd(sid)?, how) }).map(drop)
    }

    fn sendmsg(&mut self, _: &Cred, sid: Sid, msg: &Send<'_>) -> Result<usize> {
        let mut iov = libc::iovec { iov_base: msg.data.as_ptr().cast_mut().cast(), iov_len: msg.data.len() };
        // SAFETY: all-zero bytes are a valid header; its pointers live until the call returns.
        check_len(unsafe {
            let mut hdr: libc::msghdr = std::mem::zeroed();
            hdr.msg_iov = &raw mut iov;
            hdr.msg_iovlen = 1;
            if !msg.name.is_empty() {
                hdr.msg_name = msg.name.as_ptr().cast_mut().cast();
                hdr.msg_namelen = msg.name.len() as u32;
            }
            if !msg.control.is_empty() {
                hdr.msg_control = msg.control.as_ptr().cast_mut().cast();
                hdr.msg_controllen = msg.control.len();
            }
            libc::sendmsg(self.fd(sid)?, &raw const hdr, msg.flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        })
    }

    fn recvmsg(&mut self, sid: Sid, buf: &mut [u8], control_len: usize, flags: i32) -> Result<Received> {
        let mut r = Received { control: vec![0; control_len], ..Received::default() };
        let mut iov = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
        // SAFETY: all-zero bytes are a valid header; its pointers live until the call returns.
        unsafe {
            let mut hdr: libc::msghdr = std::mem::zeroed();
            hdr.msg_iov = &raw mut iov;
            hdr.msg_iovlen = 1;
            hdr.msg_name = r.name.buffer().as_mut_ptr().cast();
            hdr.msg_namelen = NAME_MAX as u32;
            hdr.msg_control = r.control.as_mut_ptr().cast();
            hdr.msg_controllen = control_len;
            r.ret = check_len(libc::recvmsg(self.fd(sid)?, &raw mut hdr, flags | libc::MSG_DONTWAIT))?;
            r.len = r.ret.min(buf.len());
            r.name.set_len(hdr.msg_namelen as usize);
            r.control.truncate(hdr.msg_controllen);
            r.flags = hdr.msg_flags;
        }
        Ok(r)
    }

    fn proc_file(&mut self, _: &str) -> Option<Result<String>> {
        None
    }

    fn ioctl(&mut self, _: &Cred, sid: Sid, request: u32, arg: &mut [u8]) -> Result<i32> {
        if request == libc::SIOCGIFCONF as u32 {
            let mut conf = [0u8; 16];
            conf[..4].copy_from_slice(&(arg.len() as i32).to_ne_bytes());
            conf[8..].copy_from_slice(&(arg.as_mut_ptr() as u64).to_ne_bytes());
            // SAFETY: an ifconf that points to `arg`.
            check(unsafe { libc::ioctl(self.fd(sid)?, request as libc::Ioctl, conf.as_mut_ptr()) })?;
            return Ok(i32::from_ne_bytes([conf[0], conf[1], conf[2], conf[3]]));
        }
        // SAFETY: the runner passes a structure of the request's size.
        check(unsafe { libc::ioctl(self.fd(sid)?, request as libc::Ioctl, arg.as_mut_ptr()) })
    }

    fn poll(&mut self, sid: Sid) -> u32 {
        let Ok(fd) = self.fd(sid) else {
            return libc::POLLNVAL as u32;
        };
        let events = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP | libc::POLLPRI;
        let mut p = libc::pollfd { fd, events, revents: 0 };
        // SAFETY: one pollfd.
        unsafe { libc::poll(&raw mut p, 1, 0) };
        p.revents as u16 as u32
    }

    fn ready_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.epoll.as_fd())
    }

    fn take_ready(&mut self, out: &mut Vec<Sid>) {
        let mut ev = [libc::epoll_event { events: 0, u64: 0 }; 64];
        // SAFETY: room for 64 events.
        let n = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), ev.as_mut_ptr(), 64, 0) };
        for e in &ev[..usize::try_from(n).unwrap_or(0)] {
            let word = e.u64;
            out.push(Sid(word as u32));
        }
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        None
    }

    fn run_timers(&mut self) {}
}
