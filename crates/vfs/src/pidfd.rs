//! Process descriptors, as far as sockets hand them out: `SO_PEERPIDFD`, `SCM_PIDFD`.
//!
//! What a process is, the embedder knows. The descriptor says which one was meant, and never becomes readable: nobody tells it of the
//! process's end.

use crate::file::{File, FileOps};
use crate::files::Files;
use crate::inode::Stat;
use core::any::Any;
use kern::context::Process;
use kern::wait::WaitQueue;
use std::sync::Arc;
use uapi::fcntl::{O_CLOEXEC, O_RDWR};
use uapi::{Errno, Result};

/// `S_IRWXU`, and no type: so pidfs shows it.
const MODE: u32 = 0o700;
/// The device of pidfs.
const PIDFS_DEV: u64 = 5;

/// A descriptor of a process.
pub struct PidFd {
    pid: u32,
    wq: WaitQueue,
}

impl PidFd {
    /// The process it is of.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl FileOps for PidFd {
    fn poll(&self, _p: &Process<'_>, _file: &File) -> u32 {
        0
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.wq)
    }

    fn stat(&self) -> Stat {
        crate::inode::InodeAttr::new(u64::from(self.pid), MODE, 0, 0).stat(PIDFS_DEV)
    }

    fn name(&self) -> String {
        "anon_inode:[pidfd]".to_owned()
    }

    fn release(&self, _p: &Process<'_>, _file: &File) {}

    fn release_detached(&self) {}
}

/// A new descriptor of process `pid` (`pidfd_prepare`); it closes at `execve(2)`.
///
/// # Errors
/// `ESRCH` for no process; `EMFILE`, `ENFILE`.
pub fn pidfd_open(p: &Process<'_>, files: &Files, pid: u32) -> Result<i32> {
    if pid == 0 {
        return Err(Errno::ESRCH);
    }
    files.open(p, O_CLOEXEC, || Ok(File::new(Arc::new(PidFd { pid, wq: WaitQueue::default() }), O_RDWR)))
}

/// The process that a file is a descriptor of.
#[must_use]
pub fn pid_of(file: &File) -> Option<u32> {
    let ops: &dyn Any = file.ops().as_any();
    ops.downcast_ref::<PidFd>().map(PidFd::pid)
}
