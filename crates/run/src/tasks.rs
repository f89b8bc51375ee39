//! The served tasks: their pidfds, kept open between calls, and their credentials.

use crate::creds;
use crate::stack::Cred;
use crate::sys::pidfd;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use uapi::{Errno, Result};

/// Beyond this many the cache starts afresh: a pidfd is a descriptor of ours.
const MAX_TASKS: usize = 1024;

#[derive(Debug)]
struct Task {
    pidfd: OwnedFd,
    /// Its identity, but no capability.
    plain: Option<Cred>,
}

/// Tasks by thread id.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tasks: HashMap<i32, Task>,
    nobody: Cred,
}

impl Tasks {
    /// A copy of descriptor `fd` of thread `tid`. Close it soon: while it is open, the program's close is not seen.
    ///
    /// # Errors
    /// As [`pidfd::getfd`].
    pub(crate) fn getfd(&mut self, tid: i32, fd: i32) -> Result<OwnedFd> {
        if let Some(task) = self.tasks.get(&tid) {
            match pidfd::getfd(&task.pidfd, fd) {
                // The thread is gone and its number was given to another.
                Err(Errno::ESRCH) => {}
                other => return other,
            }
        }
        let pidfd = self.open(tid)?;
        pidfd::getfd(pidfd, fd)
    }

    fn open(&mut self, tid: i32) -> Result<&OwnedFd> {
        if self.tasks.len() >= MAX_TASKS {
            self.tasks.clear();
        }
        let task = Task { pidfd: pidfd::open_thread(tid)?, plain: None };
        self.tasks.insert(tid, task);
        self.tasks.get(&tid).map(|t| &t.pidfd).ok_or(Errno::ESRCH)
    }

    /// Who the thread is, without its capabilities: whatever needs none is decided by this. It may be as old as the
    /// thread's first socket.
    pub(crate) fn plain_cred(&mut self, tid: i32) -> &Cred {
        if !self.tasks.contains_key(&tid) {
            let _ = self.open(tid);
        }
        match self.tasks.get_mut(&tid) {
            Some(task) => {
                task.plain.get_or_insert_with(|| Cred { caps: 0, ..creds::of(tid).unwrap_or_default() })
            }
            None => &self.nobody,
        }
    }

    /// The thread's credentials as they are now.
    pub(crate) fn fresh_cred(&mut self, tid: i32) -> Cred {
        let cred = creds::of(tid).unwrap_or_default();
        if let Some(task) = self.tasks.get_mut(&tid) {
            task.plain = Some(Cred { caps: 0, ..cred.clone() });
        }
        cred
    }
}
