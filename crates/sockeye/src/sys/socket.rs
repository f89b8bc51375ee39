//! socket(2), socketpair(2), bind(2), listen(2), connect(2), shutdown(2), getsockname(2).

use super::{SOCKADDR_MAX, check_sockaddr, sockfd};
use kern::context::Process;
use net::socket::Whose;
use net::socket::create::sock_create;
use std::sync::Arc;
use uapi::fcntl::{O_CLOEXEC, O_NONBLOCK};
use uapi::socket::{SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_TYPE_MASK};
use uapi::{Errno, Result};
use vfs::File;
use vfs::file::fput;

/// Splits `type` into the type proper and the flags of the file and its descriptor.
///
/// # Errors
/// `EINVAL` for a bit that is neither.
pub fn type_and_flags(kind: i32) -> Result<(i32, u32)> {
    let flags = kind & !SOCK_TYPE_MASK;
    if flags & !(SOCK_CLOEXEC | SOCK_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut file = 0;
    if flags & SOCK_CLOEXEC != 0 {
        file |= O_CLOEXEC;
    }
    if flags & SOCK_NONBLOCK != 0 {
        file |= O_NONBLOCK;
    }
    Ok((kind & SOCK_TYPE_MASK, file))
}

/// A socket in a file that no descriptor names yet.
pub fn socket(
    p: &Process<'_>,
    net: &Arc<net::Net>,
    family: i32,
    kind: i32,
    protocol: i32,
) -> Result<Arc<File>> {
    let (kind, flags) = type_and_flags(kind)?;
    sock_create(p, net, family, kind, protocol, flags)
}

/// Two sockets connected to each other.
pub fn socketpair(
    p: &Process<'_>,
    net: &Arc<net::Net>,
    family: i32,
    kind: i32,
    protocol: i32,
) -> Result<[Arc<File>; 2]> {
    let a = socket(p, net, family, kind, protocol)?;
    let b = match socket(p, net, family, kind, protocol) {
        Ok(b) => b,
        Err(errno) => {
            fput(a, p);
            return Err(errno);
        }
    };
    let paired = sockfd(&a).and_then(|first| {
        let second = sockfd(&b)?;
        (first.ops().socketpair)(first, second, &first.enter(p))
    });
    match paired {
        Ok(()) => Ok([a, b]),
        Err(errno) => {
            fput(b, p);
            fput(a, p);
            Err(errno)
        }
    }
}

/// bind(2).
pub fn bind(p: &Process<'_>, file: &File, addr: &[u8]) -> Result<()> {
    let sock = sockfd(file)?;
    check_sockaddr(addr)?;
    (sock.ops().bind)(sock, &sock.enter(p), addr)
}

/// listen(2): the backlog is cut to `net.core.somaxconn`.
pub fn listen(p: &Process<'_>, file: &File, backlog: i32) -> Result<()> {
    let sock = sockfd(file)?;
    let most = sock.net.core.somaxconn.load(std::sync::atomic::Ordering::Relaxed);
    // As unsigned: a negative backlog is a very large one.
    let backlog = if backlog as u32 > most as u32 { most } else { backlog };
    (sock.ops().listen)(sock, &sock.enter(p), backlog)
}

/// connect(2).
pub fn connect(p: &Process<'_>, file: &File, addr: &[u8]) -> Result<()> {
    let sock = sockfd(file)?;
    check_sockaddr(addr)?;
    (sock.ops().connect)(sock, &sock.enter(p), addr, file.nonblock())
}

/// shutdown(2).
pub fn shutdown(p: &Process<'_>, file: &File, how: i32) -> Result<()> {
    let sock = sockfd(file)?;
    (sock.ops().shutdown)(sock, &sock.enter(p), how)
}

/// getsockname(2) and, with `peer`, getpeername(2): fills the buffer as far as it goes and returns
/// the address's whole length.
pub fn getname(p: &Process<'_>, file: &File, buf: &mut [u8], peer: bool) -> Result<usize> {
    let sock = sockfd(file)?;
    let mut whole = [0; SOCKADDR_MAX];
    let whose = if peer { Whose::Peer } else { Whose::Own };
    let len = (sock.ops().getname)(sock, &sock.enter(p), &mut whole, whose)?;
    let n = len.min(buf.len());
    buf[..n].copy_from_slice(&whole[..n]);
    Ok(len)
}
