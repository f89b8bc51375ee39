//! A task: a thread of a Linux process, with descriptors, credentials and signals.
//!
//! One file for each group of calls. A task belongs to one thread at a time; it can be sent to
//! another. Threads of one process share descriptors ([`Task::thread`]), children copy them
//! ([`Task::fork`]).

mod epoll;
mod file;
mod message;
mod option;
mod socket;

use crate::Net;
use kern::context::{Cpu, Process};
use kern::cred::Cred;
use kern::signals::Signals;
use std::sync::Arc;
use uapi::Result;
use vfs::Files;

pub use vfs::Timeout;

/// A thread of a Linux process.
pub struct Task {
    // In the order they are to be dropped: files use the rest.
    files: Files,
    cred: Cred,
    signals: Arc<Signals>,
    cpu: Cpu,
    net: Net,
}

impl Task {
    /// A process of its own in `net`: root, no descriptor open.
    pub fn new(net: &Net) -> Task {
        Task::with_cred(net, Cred::root())
    }

    /// The same with other credentials.
    ///
    /// ```
    /// use sockeye::kern::cred::Cred;
    /// use sockeye::uapi::{Errno, socket::*};
    /// let net = sockeye::Net::new();
    /// let nobody = sockeye::Task::with_cred(&net, Cred::nobody());
    /// assert_eq!(nobody.socket(AF_INET, SOCK_RAW, 1), Err(Errno::EPERM));
    /// ```
    pub fn with_cred(net: &Net, cred: Cred) -> Task {
        Task {
            files: Files::new(net.vfs().clone()),
            cred,
            signals: Arc::default(),
            cpu: net.stack().new_cpu(),
            net: net.clone(),
        }
    }

    /// Another thread of the same process (`clone` with `CLONE_FILES`).
    #[must_use]
    pub fn thread(&mut self) -> Task {
        let files = self.files.share();
        self.sibling(files)
    }

    /// A child process with copies of all descriptors (`fork`).
    #[must_use]
    pub fn fork(&self) -> Task {
        let files = self.files.fork();
        self.sibling(files)
    }

    fn sibling(&self, files: Files) -> Task {
        Task {
            files,
            cred: self.cred.clone(),
            signals: Arc::default(),
            cpu: self.net.stack().new_cpu(),
            net: self.net.clone(),
        }
    }

    /// The namespace.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The descriptor table.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Who calls.
    pub fn cred(&self) -> &Cred {
        &self.cred
    }

    /// Other credentials from now on.
    pub fn set_cred(&mut self, cred: Cred) {
        self.cred = cred;
    }

    /// What another thread interrupts this task's calls with: a sleeping call, or the next one that
    /// would sleep, ends with `EINTR`.
    pub fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// The context of one system call.
    #[inline]
    pub(crate) fn process(&self) -> Process<'_> {
        Process::enter(&self.cpu, &self.cred, &self.signals).with_files(&self.files)
    }

    /// Runs `f` as one system call of this task: for what has no method.
    pub fn call<R>(&self, f: impl FnOnce(&Process<'_>) -> R) -> R {
        f(&self.process())
    }

    /// What a call that was interrupted shows the caller: nobody restarts it here.
    fn interrupted<T>(result: Result<T>) -> Result<T> {
        result.map_err(|errno| match errno {
            uapi::Errno::ERESTARTSYS | uapi::Errno::ERESTARTNOHAND => uapi::Errno::EINTR,
            errno => errno,
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let p = Process::enter(&self.cpu, &self.cred, &self.signals);
        self.files.exit(&p);
    }
}
