//! The system calls the runner itself makes: thin, safe wrappers, each over one call of the host kernel.

pub(crate) mod epoll;
pub(crate) mod inotify;
pub(crate) mod mem;
pub(crate) mod pidfd;
pub(crate) mod seccomp;
pub(crate) mod sock;

use std::os::fd::{FromRawFd, OwnedFd};
use uapi::{Errno, Result};

/// The calling thread's `errno` as an [`Errno`]; EIO if the C library left none.
pub(crate) fn last_errno() -> Errno {
    std::io::Error::last_os_error().raw_os_error().and_then(Errno::from_raw).unwrap_or(Errno::EIO)
}

/// A C return value of `-1` is an error in `errno`.
pub(crate) fn check(ret: libc::c_long) -> Result<libc::c_long> {
    if ret < 0 { Err(last_errno()) } else { Ok(ret) }
}

/// As [`check`], for calls that give `int`.
pub(crate) fn check_int(ret: libc::c_int) -> Result<libc::c_int> {
    if ret < 0 { Err(last_errno()) } else { Ok(ret) }
}

/// As [`check`], for calls that give `ssize_t`.
pub(crate) fn check_len(ret: libc::ssize_t) -> Result<usize> {
    usize::try_from(ret).map_err(|_| last_errno())
}

/// A new descriptor, owned from here on.
pub(crate) fn check_fd(ret: libc::c_int) -> Result<OwnedFd> {
    let fd = check_int(ret)?;
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The size of `T` as the kernel's calls want it.
pub(crate) fn len_of<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}
