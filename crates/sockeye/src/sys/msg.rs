//! sendmsg(2), recvmsg(2) and all that ends there.

use super::{MAX_RW_COUNT, check_sockaddr, sockfd};
use kern::context::Process;
use net::MsgHdr;
use net::msg::RecvMsg;
use std::sync::atomic::Ordering::Relaxed;
use uapi::socket::MSG_DONTWAIT;
use uapi::{Errno, Result};
use vfs::File;

/// The most elements of an I/O vector (`UIO_MAXIOV`).
pub const UIO_MAXIOV: usize = 1024;
/// `MSG_CMSG_COMPAT` and flags that only the kernel sets (`MSG_INTERNAL_SENDMSG_FLAGS`): users' are dropped.
const INTERNAL: u32 = 0x8000_0000 | 0x0800_0000 | 0x0001_0000 << 3 | 0x0002_0000 << 3;

#[inline]
fn flags(file: &File, flags: u32) -> u32 {
    if file.nonblock() { flags | MSG_DONTWAIT } else { flags }
}

/// Sends a message; returns bytes taken.
///
/// # Errors
/// `ENOTSOCK`, `EINVAL` for too long an address, `ENOBUFS` for more control data than
/// `net.core.optmem_max`, and the protocol's.
#[inline]
pub fn sendmsg(p: &Process<'_>, file: &File, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let sock = sockfd(file)?;
    if let Some(name) = msg.name {
        check_sockaddr(name)?;
    }
    if !msg.control.is_empty() && msg.control.len() > sock.net.core.optmem_max.load(Relaxed).max(0) as usize {
        return Err(Errno::ENOBUFS);
    }
    msg.iov.truncate(MAX_RW_COUNT);
    msg.flags = flags(file, msg.flags & !INTERNAL);
    (sock.ops().sendmsg)(sock, &sock.enter(p), msg)
}

/// Receives a message; returns bytes put, or the datagram's length with `MSG_TRUNC`.
///
/// # Errors
/// `ENOTSOCK`, and the protocol's.
#[inline]
pub fn recvmsg(p: &Process<'_>, file: &File, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let sock = sockfd(file)?;
    msg.iov.truncate(MAX_RW_COUNT);
    msg.flags = flags(file, msg.flags & !INTERNAL);
    let result = (sock.ops().recvmsg)(sock, &sock.enter(p), msg);
    if msg.control.truncated() {
        msg.out_flags |= uapi::MSG_CTRUNC;
    }
    result
}
