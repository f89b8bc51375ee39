//! Names: `unix_bind`, `unix_autobind`, `unix_find_other`.

use crate::addr::{self, Name, PATH_AT, UnixAddr};
use crate::sock::Unix;
use crate::state::UnixNet;
use net::{Sock, Socket, UserCx};
use std::sync::Arc;
use uapi::socket::AF_UNIX;
use uapi::{Errno, Result};

/// Permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// Gives a socket a name; without one in the address, a name of its own.
pub(crate) fn bind(sock: &Socket, sk: &Sock<Unix>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    if addr.len() == PATH_AT && addr::family(addr) == Some(AF_UNIX) {
        return autobind(sk, cx);
    }
    match addr::parse(addr)? {
        Name::File(path) => bind_file(sock, sk, cx, path),
        name @ Name::Abstract(bytes) => {
            let _bindlock = sk.lock_sock(cx);
            if sk.shared.lock().addr.is_some() {
                return Err(Errno::EINVAL);
            }
            bind_abstract(sk, cx, name, bytes)
        }
    }
}

fn bind_abstract(sk: &Sock<Unix>, cx: &UserCx<'_>, name: Name<'_>, bytes: &[u8]) -> Result<()> {
    UnixNet::of(cx.net).table.insert(sk.kind(), bytes, sk.hold())?;
    sk.shared.lock().addr = Some(Arc::new(UnixAddr::new(name)));
    Ok(())
}

fn bind_file(sock: &Socket, sk: &Sock<Unix>, cx: &UserCx<'_>, path: &[u8]) -> Result<()> {
    let unix = UnixNet::of(cx.net);
    let mode = vfs::FileOps::stat(sock).mode & PERMISSIONS;
    // The file comes first: binding a bound socket to a name in use says that the name is.
    let ino = unix.names.create(cx.process, path, mode)?;
    let _bindlock = sk.lock_sock(cx);
    if sk.shared.lock().addr.is_some() {
        let _ = unix.names.remove(cx.process, path);
        return Err(Errno::EINVAL);
    }
    unix.table.insert_file(ino, sk.hold());
    let mut inner = sk.shared.lock();
    inner.addr = Some(Arc::new(UnixAddr::new(Name::File(path))));
    inner.inode = Some(ino);
    Ok(())
}

/// A name that nobody has: five hexadecimal digits. Nothing happens to a socket that has a name.
pub(crate) fn autobind(sk: &Sock<Unix>, cx: &UserCx<'_>) -> Result<()> {
    const NUMBERS: u32 = 1 << 20;
    let _bindlock = sk.lock_sock(cx);
    if sk.shared.lock().addr.is_some() {
        return Ok(());
    }
    let first = cx.net.rng.below(NUMBERS);
    for i in 0..NUMBERS {
        let bytes = format!("\0{:05x}", (first + i) % NUMBERS).into_bytes();
        match bind_abstract(sk, cx, Name::Abstract(&bytes), &bytes) {
            Err(Errno::EADDRINUSE) => {}
            answer => return answer,
        }
    }
    Err(Errno::ENOSPC)
}

/// A name for who tells others who he is, so that they can answer.
pub(crate) fn autobind_if_passcred(sk: &Sock<Unix>, cx: &UserCx<'_>) -> Result<()> {
    if Unix::may_passcred(sk) && sk.shared.lock().addr.is_none() { autobind(sk, cx) } else { Ok(()) }
}

/// The socket of type `kind` that has a name.
///
/// # Errors
/// `ECONNREFUSED`; of a file also `ENOENT`, `EACCES`, …, and `EPROTOTYPE` for another type.
pub(crate) fn find_other(cx: &UserCx<'_>, name: Name<'_>, kind: u16) -> Result<Arc<Sock<Unix>>> {
    let unix = UnixNet::of(cx.net);
    let ino = match name {
        Name::Abstract(bytes) => return unix.table.find(kind, bytes).ok_or(Errno::ECONNREFUSED),
        Name::File(path) => unix.names.lookup(cx.process, path)?,
    };
    let other = unix.table.find_file(ino).ok_or(Errno::ECONNREFUSED)?;
    if other.kind() != kind {
        cx.sock_put(other);
        return Err(Errno::EPROTOTYPE);
    }
    Ok(other)
}
