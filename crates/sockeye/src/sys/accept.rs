//! accept4(2).

use super::socket::type_and_flags;
use super::{SOCKADDR_MAX, sockfd};
use kern::context::Process;
use net::socket::file::sock_alloc_file;
use net::socket::{AcceptFlags, SocketState, Whose};
use std::sync::Arc;
use uapi::fcntl::{O_CLOEXEC, O_NONBLOCK};
use uapi::{Errno, Result};
use vfs::File;
use vfs::file::fput;

/// The flags of accept4(2) as those of the new file.
///
/// # Errors
/// `EINVAL` for anything but `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
pub fn accept_flags(flags: i32) -> Result<u32> {
    match type_and_flags(flags)? {
        (0, flags) => Ok(flags & (O_CLOEXEC | O_NONBLOCK)),
        _ => Err(Errno::EINVAL),
    }
}

/// The next connection in a file that no descriptor names yet; its peer's address goes to `addr`
/// (`None` for a null pointer), whose whole length is returned with it.
pub fn accept(
    p: &Process<'_>,
    file: &File,
    addr: Option<&mut [u8]>,
    flags: u32,
) -> Result<(Arc<File>, usize)> {
    let sock = sockfd(file)?;
    let cx = sock.enter(p);
    let fresh = sock_alloc_file(&cx, &sock.net, flags);
    let result = sockfd(&fresh).and_then(|new| {
        new.set_kind(sock.kind());
        new.set_ops(sock.ops());
        (sock.ops().accept)(sock, new, &cx, AcceptFlags { nonblock: file.nonblock() })?;
        new.set_state(&cx, SocketState::Connected);
        let Some(addr) = addr else { return Ok(0) };
        let mut whole = [0; SOCKADDR_MAX];
        // The connection may have been reset before it was accepted.
        let len =
            (new.ops().getname)(new, &cx, &mut whole, Whose::LastPeer).map_err(|_| Errno::ECONNABORTED)?;
        let n = len.min(addr.len());
        addr[..n].copy_from_slice(&whole[..n]);
        Ok(len)
    });
    match result {
        Ok(len) => Ok((fresh, len)),
        Err(errno) => {
            drop(cx);
            fput(fresh, p);
            Err(errno)
        }
    }
}
