//! `inotify(7)`: tells when the last descriptor of a carrier is closed.

use super::{check_fd, check_int, check_len};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use uapi::Result;

/// A watch descriptor, as `inotify_add_watch(2)` numbers them.
pub(crate) type Watch = i32;

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The last descriptor of this watched file was closed; the watch is gone.
    Last(Watch),
    /// The kernel's queue overflowed: closes were lost.
    Overflow,
}

/// An inotify instance that watches open files for their last close.
#[derive(Debug)]
pub(crate) struct Inotify(OwnedFd);

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Inotify {
    /// A non-blocking instance.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no pointer is passed.
        check_fd(unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) }).map(Self)
    }

    /// Watch the open file behind `fd`. The event comes once, when its last descriptor (in any process) is closed.
    pub(crate) fn watch(&self, fd: BorrowedFd<'_>) -> Result<Watch> {
        let path = super::sock::proc_fd_path(fd);
        let mask = libc::IN_CLOSE | libc::IN_ONESHOT;
        // SAFETY: `path` ends with a NUL and lives until the call returns.
        check_int(unsafe { libc::inotify_add_watch(self.0.as_raw_fd(), path.as_ptr(), mask) })
    }

    /// Take the queued events.
    pub(crate) fn read(&self, out: &mut Vec<Closed>) {
        const HEAD: usize = size_of::<libc::inotify_event>();
        let mut buf = [0u8; 4096];
        loop {
            // SAFETY: `buf` is writable for its whole length.
            let ret = unsafe { libc::read(self.0.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len()) };
            let Ok(n) = check_len(ret) else { return };
            let mut rest = &buf[..n];
            while rest.len() >= HEAD {
                let word =
                    |at: usize| i32::from_ne_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
                let (wd, mask, name_len) = (word(0), word(4).cast_unsigned(), word(12));
                if mask & libc::IN_Q_OVERFLOW != 0 {
                    out.push(Closed::Overflow);
                } else if mask & libc::IN_CLOSE != 0 {
                    out.push(Closed::Last(wd));
                }
                let step = HEAD + usize::try_from(name_len).unwrap_or(0);
                rest = rest.get(step..).unwrap_or(&[]);
            }
            if n + HEAD + 256 < buf.len() {
                return;
            }
        }
    }
}
