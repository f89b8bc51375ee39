//! `pidfd_open(2)` and `pidfd_getfd(2)`: another task's descriptors.

use super::{check, check_fd};
use std::os::fd::{AsRawFd, OwnedFd};
use uapi::{Errno, Result};

/// `PIDFD_THREAD` (6.9): the pidfd is the thread's, not its group leader's.
const PIDFD_THREAD: libc::c_uint = libc::O_EXCL.cast_unsigned();

fn open_raw(pid: i32, flags: libc::c_uint) -> Result<OwnedFd> {
    // SAFETY: no pointer is passed.
    let ret = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) })?;
    check_fd(i32::try_from(ret).unwrap_or(-1))
}

/// A pidfd of a thread; before 6.9, of its thread group (whose descriptors are the same unless unshared).
///
/// # Errors
/// ESRCH if it is gone.
pub(crate) fn open_thread(tid: i32) -> Result<OwnedFd> {
    match open_raw(tid, PIDFD_THREAD) {
        Err(Errno::EINVAL) => open_raw(thread_group(tid)?, 0),
        other => other,
    }
}

/// A pidfd of a process.
///
/// # Errors
/// ESRCH if it is gone.
pub(crate) fn open(pid: i32) -> Result<OwnedFd> {
    open_raw(pid, 0)
}

/// The thread group (process) of a thread, from `/proc`.
///
/// # Errors
/// ESRCH if it is gone.
pub(crate) fn thread_group(tid: i32) -> Result<i32> {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).map_err(|_| Errno::ESRCH)?;
    status
        .lines()
        .find_map(|l| l.strip_prefix("Tgid:"))
        .and_then(|v| v.trim().parse().ok())
        .ok_or(Errno::ESRCH)
}

/// A copy of the task's descriptor `fd`.
///
/// # Errors
/// EBADF if the task has no such descriptor, ESRCH if it is gone, EPERM if we may not trace it.
pub(crate) fn getfd(pidfd: &OwnedFd, fd: i32) -> Result<OwnedFd> {
    // SAFETY: no pointer is passed.
    let ret = check(unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), fd, 0) })?;
    check_fd(i32::try_from(ret).unwrap_or(-1))
}
