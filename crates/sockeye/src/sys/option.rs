//! setsockopt(2), getsockopt(2).

use super::sockfd;
use kern::context::Process;
use net::sock::{GetOpt, options};
use uapi::Result;
use uapi::socket::SOL_SOCKET;
use vfs::File;

/// setsockopt(2); `value` is the option's memory of `optlen` bytes.
pub fn setsockopt(p: &Process<'_>, file: &File, level: i32, name: i32, value: &[u8]) -> Result<()> {
    let sock = sockfd(file)?;
    let cx = sock.enter(p);
    if level == SOL_SOCKET {
        options::sock_setsockopt(sock, &cx, name, value)
    } else {
        (sock.ops().setsockopt)(sock, &cx, level, name, value)
    }
}

/// getsockopt(2); `out.len` is the option's length on return.
pub fn getsockopt(p: &Process<'_>, file: &File, level: i32, name: i32, out: &mut GetOpt<'_>) -> Result<()> {
    let sock = sockfd(file)?;
    let cx = sock.enter(p);
    if level == SOL_SOCKET {
        options::sock_getsockopt(sock, &cx, name, out)
    } else {
        (sock.ops().getsockopt)(sock, &cx, level, name, out)
    }
}
