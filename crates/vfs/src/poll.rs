//! `poll(2)` and `ppoll(2)`, and how a call waits for several files at once.

use crate::file::{File, fput};
use crate::files::Files;
use crate::wait::{Deadline, Filter, Timeout};
use kern::context::Process;
use kern::wait::WaitKey;
use std::sync::Arc;
use uapi::poll::{EPOLLERR, EPOLLHUP, EPOLLNVAL, PollFd};
use uapi::{Errno, Result};

/// `poll(2)` and `ppoll(2)`: how many entries have events; the signal mask is the caller's business.
///
/// # Errors
/// `EINVAL` for more entries than `RLIMIT_NOFILE`; `ERESTARTNOHAND` (`EINTR` for the program) for a signal.
pub fn poll(p: &Process<'_>, files: &Files, fds: &mut [PollFd], timeout: Timeout) -> Result<usize> {
    if fds.len() as u64 > files.rlimit() {
        return Err(Errno::EINVAL);
    }
    let scan = |fds: &mut [PollFd]| {
        let mut found = 0;
        for entry in fds {
            entry.revents = 0;
            if entry.fd < 0 {
                continue;
            }
            let revents =
                files.with(p, entry.fd, |file| file.ops().poll(p, file) & filter(entry)).unwrap_or(EPOLLNVAL);
            entry.revents = revents as i16;
            found += usize::from(revents != 0);
        }
        found
    };
    let found = scan(fds);
    let deadline = timeout.deadline(p);
    if found > 0 || deadline == Deadline::Now {
        return Ok(found);
    }
    let mut table = PollTable::default();
    for entry in fds.iter() {
        table.add(p, files, entry.fd, filter(entry));
    }
    table.wait(p, deadline, || Some(scan(fds)).filter(|&n| n > 0))
}

/// Errors and hang-ups are told unasked.
fn filter(entry: &PollFd) -> u32 {
    u32::from(entry.events as u16) | EPOLLERR | EPOLLHUP
}

/// The wait queues a call stands on (`struct poll_wqueues`).
#[derive(Default)]
pub(crate) struct PollTable {
    entries: Vec<(Arc<File>, WaitKey)>,
}

impl PollTable {
    /// Stand on the queue of a descriptor's file, if it has both; wake for these events only.
    pub(crate) fn add(&mut self, p: &Process<'_>, files: &Files, fd: i32, mask: u32) {
        let Ok(file) = files.get(fd) else {
            return;
        };
        match file.ops().wait_queue() {
            Some(wq) => {
                let parker = p.cpu.parker().clone();
                let key = wq.add(Arc::new(Filter { parker, mask }), false);
                self.entries.push((file, key));
            }
            None => fput(file, p),
        }
    }

    /// Sleep until `scan` finds something, the deadline comes (then 0), or a signal.
    pub(crate) fn wait(
        self,
        p: &Process<'_>,
        deadline: Deadline,
        mut scan: impl FnMut() -> Option<usize>,
    ) -> Result<usize> {
        let parker = p.cpu.parker();
        let result = loop {
            parker.prepare();
            if let Some(found) = scan() {
                break Ok(found);
            }
            if p.signal_pending() {
                break Err(Errno::ERESTARTNOHAND);
            }
            if deadline.is_over(p) {
                break Ok(0);
            }
            p.sleep(deadline.until());
        };
        for (file, key) in self.entries {
            if let Some(wq) = file.ops().wait_queue() {
                wq.remove(key);
            }
            fput(file, p);
        }
        result
    }
}
