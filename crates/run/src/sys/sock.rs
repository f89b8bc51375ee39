//! The host's AF_UNIX sockets, of which carriers are made.

use super::{check_fd, check_int, check_len, len_of};
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use uapi::{Errno, Result};

/// A new AF_UNIX socket of type `ty` (with `SOCK_NONBLOCK` as wanted); close-on-exec always.
pub(crate) fn unix_socket(ty: i32) -> Result<OwnedFd> {
    // SAFETY: no pointer is passed.
    check_fd(unsafe { libc::socket(libc::AF_UNIX, ty | libc::SOCK_CLOEXEC, 0) })
}

/// A connected pair. `program` is the end that goes to the program, `ours` (non-blocking) stays here.
pub(crate) struct Pair {
    /// The carrier.
    pub program: OwnedFd,
    /// The supervisor's end.
    pub ours: OwnedFd,
}

/// A connected pair of type `ty`; the program's end is non-blocking if asked.
pub(crate) fn pair(ty: i32, program_nonblock: bool) -> Result<Pair> {
    let mut fds = [0i32; 2];
    let ty = ty | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: `fds` has room for two descriptors.
    check_int(unsafe { libc::socketpair(libc::AF_UNIX, ty, 0, fds.as_mut_ptr()) })?;
    let pair = Pair { program: check_fd(fds[0])?, ours: check_fd(fds[1])? };
    if !program_nonblock {
        set_nonblock(as_fd(&pair.program), false)?;
    }
    Ok(pair)
}

pub(crate) fn as_fd(fd: &OwnedFd) -> BorrowedFd<'_> {
    use std::os::fd::AsFd;
    fd.as_fd()
}

/// Set or clear `O_NONBLOCK` of an open file.
pub(crate) fn set_nonblock(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    let mut value: libc::c_int = i32::from(on);
    // SAFETY: FIONBIO reads one int, which lives until the call returns.
    check_int(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw mut value) }).map(drop)
}

/// Whether the open file has `O_NONBLOCK`.
pub(crate) fn is_nonblock(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: F_GETFL passes no pointer.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) & libc::O_NONBLOCK != 0 }
}

fn getsockopt<T: Copy>(fd: BorrowedFd<'_>, name: i32, mut value: T) -> Result<T> {
    let mut len = len_of::<T>();
    // SAFETY: `value` has `len` writable bytes, and the options asked for are plain integers.
    let ret = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut len)
    };
    check_int(ret)?;
    Ok(value)
}

/// The socket's cookie: which socket a descriptor is, whoever holds it (`SO_COOKIE`).
pub(crate) fn cookie(fd: BorrowedFd<'_>) -> Result<u64> {
    getsockopt(fd, libc::SO_COOKIE, 0u64)
}

/// Take the carrier's own pending error (`SO_ERROR`).
pub(crate) fn take_error(fd: BorrowedFd<'_>) -> Option<Errno> {
    getsockopt(fd, libc::SO_ERROR, 0i32).ok().and_then(Errno::from_raw)
}

/// Set an option of `SOL_SOCKET` from raw bytes.
pub(crate) fn set_opt(fd: BorrowedFd<'_>, name: i32, value: &[u8]) -> Result<()> {
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel reads `len` bytes of `value`.
    check_int(unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, name, value.as_ptr().cast(), len) })
        .map(drop)
}

/// Set an integer option of `SOL_SOCKET`.
pub(crate) fn set_int(fd: BorrowedFd<'_>, name: i32, value: i32) -> Result<()> {
    set_opt(fd, name, &value.to_ne_bytes())
}

/// `shutdown(2)`.
pub(crate) fn shutdown(fd: BorrowedFd<'_>, how: i32) -> Result<()> {
    // SAFETY: no pointer is passed.
    check_int(unsafe { libc::shutdown(fd.as_raw_fd(), how) }).map(drop)
}

/// Send without blocking and without SIGPIPE; `flags` are added.
pub(crate) fn send(fd: BorrowedFd<'_>, data: &[u8], flags: i32) -> Result<usize> {
    let flags = flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the kernel only reads `data`.
    check_len(unsafe { libc::send(fd.as_raw_fd(), data.as_ptr().cast(), data.len(), flags) })
}

/// Receive without blocking; `flags` are added.
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: i32) -> Result<usize> {
    let flags = flags | libc::MSG_DONTWAIT;
    // SAFETY: `buf` is writable for its whole length.
    check_len(unsafe { libc::recv(fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), flags) })
}

/// Bytes (with the kernel's overhead) sent on this end and not yet taken by the other (`SIOCOUTQ`).
pub(crate) fn unsent(fd: BorrowedFd<'_>) -> usize {
    let mut n: libc::c_int = 0;
    // SAFETY: TIOCOUTQ writes one int.
    let ret = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut n) };
    if ret < 0 { 0 } else { usize::try_from(n).unwrap_or(0) }
}

/// `/proc/self/fd/N`, with its NUL.
pub(crate) fn proc_fd_path(fd: BorrowedFd<'_>) -> CString {
    CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap_or_default()
}

struct UnixAddr(libc::sockaddr_un, libc::socklen_t);

fn unix_addr(path: &[u8]) -> Result<UnixAddr> {
    // SAFETY: all-zero bytes are a valid `sockaddr_un`.
    let mut addr: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    addr.sun_family = libc::AF_UNIX as libc::sa_family_t;
    if path.len() >= addr.sun_path.len() {
        return Err(Errno::ENAMETOOLONG);
    }
    for (to, from) in addr.sun_path.iter_mut().zip(path) {
        *to = from.cast_signed() as libc::c_char;
    }
    Ok(UnixAddr(addr, len_of::<libc::sockaddr_un>()))
}

/// Bind to a path, and give the bound file as a descriptor (O_PATH) that reaches it after the name is gone.
pub(crate) fn bind_nameless(fd: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = path.as_os_str().as_bytes();
    let addr = unix_addr(bytes)?;
    // SAFETY: the address is valid for its length.
    check_int(unsafe { libc::bind(fd.as_raw_fd(), (&raw const addr.0).cast(), addr.1) })?;
    let name = CString::new(bytes).map_err(|_| Errno::EINVAL)?;
    // SAFETY: `name` ends with a NUL and lives until the call returns.
    let open = check_fd(unsafe { libc::open(name.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) });
    // SAFETY: as above.
    unsafe { libc::unlink(name.as_ptr()) };
    open
}

/// `listen(2)`.
pub(crate) fn listen(fd: BorrowedFd<'_>, backlog: i32) -> Result<()> {
    // SAFETY: no pointer is passed.
    check_int(unsafe { libc::listen(fd.as_raw_fd(), backlog) }).map(drop)
}

/// Connect to the socket file behind an O_PATH descriptor.
pub(crate) fn connect_nameless(fd: BorrowedFd<'_>, file: BorrowedFd<'_>) -> Result<()> {
    let addr = unix_addr(proc_fd_path(file).as_bytes())?;
    // SAFETY: the address is valid for its length.
    check_int(unsafe { libc::connect(fd.as_raw_fd(), (&raw const addr.0).cast(), addr.1) }).map(drop)
}

/// Take a connection, close-on-exec and non-blocking as asked.
pub(crate) fn accept(fd: BorrowedFd<'_>, nonblock: bool) -> Result<OwnedFd> {
    let flags = libc::SOCK_CLOEXEC | if nonblock { libc::SOCK_NONBLOCK } else { 0 };
    let null = std::ptr::null_mut();
    // SAFETY: null pointers ask for no address.
    check_fd(unsafe { libc::accept4(fd.as_raw_fd(), null, null.cast(), flags) })
}

/// Undo `connect`: `connect(2)` with AF_UNSPEC.
pub(crate) fn disconnect(fd: BorrowedFd<'_>) -> Result<()> {
    let addr = libc::sockaddr { sa_family: 0, sa_data: [0; 14] };
    // SAFETY: the address is valid for its length.
    check_int(unsafe { libc::connect(fd.as_raw_fd(), &raw const addr, len_of::<libc::sockaddr>()) }).map(drop)
}
