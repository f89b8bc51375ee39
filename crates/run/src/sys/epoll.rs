//! `epoll(7)` for the supervisor's own loop.

use super::{check_fd, check_int};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;
use uapi::Result;

/// One readiness event: the registered word and the event mask.
pub(crate) type Event = libc::epoll_event;

/// An epoll instance.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

impl Epoll {
    /// `epoll_create1(EPOLL_CLOEXEC)`.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no pointer is passed.
        check_fd(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    /// Watch `fd` for `events`; `data` comes back with each event.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, events: u32, data: u64) -> Result<()> {
        self.ctl(libc::EPOLL_CTL_ADD, fd, events, data)
    }

    /// Change what is watched.
    pub(crate) fn modify(&self, fd: BorrowedFd<'_>, events: u32, data: u64) -> Result<()> {
        self.ctl(libc::EPOLL_CTL_MOD, fd, events, data)
    }

    fn ctl(&self, op: i32, fd: BorrowedFd<'_>, events: u32, data: u64) -> Result<()> {
        let mut event = Event { events, u64: data };
        // SAFETY: `event` is valid for the call; both descriptors are open.
        check_int(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), op, fd.as_raw_fd(), &raw mut event) })
            .map(drop)
    }

    /// Wait for events; an interruption gives none. `None` waits for ever.
    pub(crate) fn wait<'b>(&self, buf: &'b mut [Event], timeout: Option<Duration>) -> Result<&'b [Event]> {
        let ts = timeout.map(|t| libc::timespec {
            tv_sec: libc::time_t::try_from(t.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(t.subsec_nanos()),
        });
        let ts_ptr = ts.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let max = i32::try_from(buf.len()).unwrap_or(i32::MAX);
        // SAFETY: `buf` holds `max` events, `ts_ptr` is null or lives until the call returns; no signal mask.
        let ret = unsafe {
            libc::epoll_pwait2(self.0.as_raw_fd(), buf.as_mut_ptr(), max, ts_ptr, std::ptr::null())
        };
        match check_int(ret) {
            Ok(n) => Ok(&buf[..usize::try_from(n).unwrap_or(0)]),
            Err(uapi::Errno::EINTR) => Ok(&[]),
            Err(e) => Err(e),
        }
    }
}
