//! `seccomp(2)` user notification: the calls on the listener.

use super::{check, check_int};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use uapi::{Errno, Result};

/// A trapped call, as the kernel describes it.
pub(crate) type Notif = libc::seccomp_notif;

/// `SECCOMP_IOCTL_NOTIF_SET_FLAGS` (6.6).
const SET_FLAGS: libc::Ioctl = 0x4008_2104;
/// `SECCOMP_IOCTL_NOTIF_ID_VALID`.
const ID_VALID: libc::Ioctl = 0x4008_2102;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`.
const SYNC_WAKE_UP: u64 = 1;
const ADDFD_FLAG_SETFD: u32 = 1;
const ADDFD_FLAG_SEND: u32 = 2;

/// The supervisor's end of a filter.
#[derive(Debug)]
pub(crate) struct Listener(OwnedFd);

impl std::os::fd::AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Listener {
    /// Take over the listener; ask for synchronous wake-ups where the kernel has them.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        // SAFETY: this request takes its argument by value. An older kernel refuses; traps are then slower, not wrong.
        let _ = check_int(unsafe { libc::ioctl(fd.as_raw_fd(), SET_FLAGS, SYNC_WAKE_UP) });
        Self(fd)
    }

    /// Take the next trapped call; `None` if there is none or it was withdrawn by a signal.
    ///
    /// Call only after poll said so: older kernels block here.
    pub(crate) fn recv(&self) -> Result<Option<Notif>> {
        let mut notif = MaybeUninit::<Notif>::zeroed();
        // SAFETY: `notif` is a zeroed struct of the size the request is built with, as the kernel demands.
        let ret =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, notif.as_mut_ptr()) };
        match check_int(ret) {
            // SAFETY: zeroed bytes are a valid `Notif`, and the kernel has now filled them.
            Ok(_) => Ok(Some(unsafe { notif.assume_init() })),
            Err(Errno::ENOENT | Errno::EINTR | Errno::EAGAIN) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Answer a call: its value, or minus an errno.
    ///
    /// # Errors
    /// ENOENT if the call was withdrawn.
    pub(crate) fn send(&self, id: u64, ret: i64) -> Result<()> {
        let (val, error) =
            if (-4095..0).contains(&ret) { (0, i32::try_from(ret).unwrap_or(-1)) } else { (ret, 0) };
        self.send_raw(&libc::seccomp_notif_resp { id, val, error, flags: 0 })
    }

    /// Let the host kernel execute the call.
    pub(crate) fn send_continue(&self, id: u64) -> Result<()> {
        let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1);
        self.send_raw(&libc::seccomp_notif_resp { id, val: 0, error: 0, flags })
    }

    fn send_raw(&self, resp: &libc::seccomp_notif_resp) -> Result<()> {
        let ptr = std::ptr::from_ref(resp);
        // SAFETY: the kernel only reads the response, which lives until the call returns.
        check_int(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, ptr) }).map(drop)
    }

    fn addfd(&self, id: u64, fd: BorrowedFd<'_>, flags: u32, newfd: i32, newfd_flags: i32) -> Result<i32> {
        let req = libc::seccomp_notif_addfd {
            id,
            flags,
            srcfd: fd.as_raw_fd().cast_unsigned(),
            newfd: newfd.cast_unsigned(),
            newfd_flags: newfd_flags.cast_unsigned(),
        };
        let ptr = &raw const req;
        // SAFETY: the kernel only reads the request, which lives until the call returns.
        check_int(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, ptr) })
    }

    /// Install a copy of `fd` in the caller as its lowest free descriptor and answer the call with that number, at once.
    ///
    /// # Errors
    /// ENOENT if the call was withdrawn; EMFILE if the caller may have no more.
    pub(crate) fn add_fd_and_send(&self, id: u64, fd: BorrowedFd<'_>, cloexec: bool) -> Result<i32> {
        let flags = if cloexec { libc::O_CLOEXEC } else { 0 };
        self.addfd(id, fd, ADDFD_FLAG_SEND, 0, flags)
    }

    /// Put a copy of `fd` in the place of the caller's descriptor `newfd`; the call stays unanswered.
    pub(crate) fn replace_fd(&self, id: u64, fd: BorrowedFd<'_>, newfd: i32, cloexec: bool) -> Result<i32> {
        let flags = if cloexec { libc::O_CLOEXEC } else { 0 };
        self.addfd(id, fd, ADDFD_FLAG_SETFD, newfd, flags)
    }

    /// Whether the caller still waits for this answer.
    pub(crate) fn id_valid(&self, id: u64) -> bool {
        let ptr = &raw const id;
        // SAFETY: the kernel only reads the id, which lives until the call returns.
        check_int(unsafe { libc::ioctl(self.0.as_raw_fd(), ID_VALID, ptr) }).is_ok()
    }
}

/// Whether the kernel has an action (`SECCOMP_GET_ACTION_AVAIL`).
pub(crate) fn action_available(action: u32) -> bool {
    let ptr = &raw const action;
    // SAFETY: the kernel only reads the word, which lives until the call returns.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, ptr) }).is_ok()
}
