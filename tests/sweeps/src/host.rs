//! The host's kernel, by way of the C library.

use crate::{Errno, Kernel, Received, parse_control};
use std::io;

/// The host's kernel, in the namespace of the thread that calls.
pub struct Host;

fn errno() -> Errno {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn check(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| errno())
}

/// Runs `f` in a thread with a network namespace of its own that has `lo` up; `None` without the right
/// to make one.
pub fn in_private_namespace<R: Send>(f: impl FnOnce() -> R + Send) -> Option<R> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: takes no pointer; only this thread changes its namespace.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                eprintln!("no private namespace: {}", io::Error::last_os_error());
                return None;
            }
            let up = std::process::Command::new("ip").args(["link", "set", "lo", "up"]).status();
            if !up.is_ok_and(|status| status.success()) {
                eprintln!("no `ip` to bring lo up with");
                return None;
            }
            Some(f())
        });
        thread.join().expect("the calls on the host do not panic")
    })
}

/// Runs `f` in a thread without capabilities.
pub fn without_capabilities<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            const VERSION_3: u32 = 0x2008_0522;
            let (head, none) = ([VERSION_3, 0], [0u32; 6]);
            // SAFETY: capset reads a header of two words and three words twice, all given.
            let dropped = unsafe { libc::syscall(libc::SYS_capset, head.as_ptr(), none.as_ptr()) };
            assert_eq!(dropped, 0, "anybody may drop capabilities");
            f()
        });
        thread.join().expect("the calls on the host do not panic")
    })
}

impl Kernel for Host {
    fn socket(&self, family: i32, kind: i32, protocol: i32) -> Result<i32, Errno> {
        // SAFETY: takes no pointer.
        check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) } as isize)
            .map(|fd| fd as i32)
    }

    fn close(&self, fd: i32) {
        // SAFETY: the descriptor is one that the test opened here.
        unsafe { libc::close(fd) };
    }

    fn setsockopt(&self, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
        let (at, len) = (value.as_ptr().cast(), value.len() as libc::socklen_t);
        // SAFETY: the pointer and the length are of one slice.
        check(unsafe { libc::setsockopt(fd, level, name, at, len) } as isize).map(drop)
    }

    fn getsockopt(
        &self,
        fd: i32,
        level: i32,
        name: i32,
        len: usize,
        fill: u8,
    ) -> Result<(usize, Vec<u8>), Errno> {
        let mut buf = vec![fill; len];
        let mut answer = len as libc::socklen_t;
        // SAFETY: the buffer has as many bytes as the length says.
        let result = unsafe { libc::getsockopt(fd, level, name, buf.as_mut_ptr().cast(), &raw mut answer) };
        check(result as isize).map(|_| (answer as usize, buf))
    }

    fn bind(&self, fd: i32, addr: &[u8]) -> Result<(), Errno> {
        // SAFETY: the pointer and the length are of one slice.
        check(unsafe { libc::bind(fd, addr.as_ptr().cast(), addr.len() as u32) } as isize).map(drop)
    }

    fn listen(&self, fd: i32, backlog: i32) -> Result<(), Errno> {
        // SAFETY: takes no pointer.
        check(unsafe { libc::listen(fd, backlog) } as isize).map(drop)
    }

    fn connect(&self, fd: i32, addr: &[u8]) -> Result<(), Errno> {
        // SAFETY: the pointer and the length are of one slice.
        check(unsafe { libc::connect(fd, addr.as_ptr().cast(), addr.len() as u32) } as isize).map(drop)
    }

    fn getsockname(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        let mut buf = vec![0u8; 128];
        let mut len = 128;
        // SAFETY: the buffer has as many bytes as the length says.
        check(unsafe { libc::getsockname(fd, buf.as_mut_ptr().cast(), &raw mut len) } as isize)?;
        buf.truncate(len as usize);
        Ok(buf)
    }

    fn sendmsg(
        &self,
        fd: i32,
        name: &[u8],
        bytes: &[u8],
        control: &[u8],
        flags: i32,
    ) -> Result<usize, Errno> {
        let mut iov = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        // SAFETY: all zeros is a message without anything.
        let mut msg: libc::msghdr = unsafe { std::mem::zeroed() };
        msg.msg_name = name.as_ptr().cast_mut().cast();
        msg.msg_namelen = name.len() as u32;
        (msg.msg_iov, msg.msg_iovlen) = (&raw mut iov, 1);
        msg.msg_control = control.as_ptr().cast_mut().cast();
        msg.msg_controllen = control.len();
        // SAFETY: every pointer of the message is of a slice that outlives the call, which only reads.
        check(unsafe { libc::sendmsg(fd, &raw const msg, flags) })
    }

    fn recvmsg(&self, fd: i32, room: usize, control: usize, flags: i32) -> Result<Received, Errno> {
        let (mut name, mut bytes, mut ctl) = ([0u8; 128], vec![0u8; room], vec![0u8; control]);
        let mut iov = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: room };
        // SAFETY: all zeros is a message without anything.
        let mut msg: libc::msghdr = unsafe { std::mem::zeroed() };
        (msg.msg_name, msg.msg_namelen) = (name.as_mut_ptr().cast(), 128);
        (msg.msg_iov, msg.msg_iovlen) = (&raw mut iov, 1);
        (msg.msg_control, msg.msg_controllen) = (ctl.as_mut_ptr().cast(), control);
        // SAFETY: every pointer of the message is of a buffer as long as it says.
        let result = check(unsafe { libc::recvmsg(fd, &raw mut msg, flags | libc::MSG_DONTWAIT) })?;
        bytes.truncate(result);
        Ok(Received {
            result,
            bytes,
            name: name[..(msg.msg_namelen as usize).min(128)].to_vec(),
            control: parse_control(&ctl[..msg.msg_controllen]),
            flags: msg.msg_flags,
        })
    }
}
