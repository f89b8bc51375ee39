//! What all descriptor tables of one machine share: how many files there may be, and numbers handed out once.

use crate::fasync::SignalSink;
use crate::inode::Stat;
use core::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use kern::sync::SpinLock;
use std::sync::{Arc, OnceLock};

/// The device of the anonymous inode, and its number there.
const ANON_DEV: u64 = 16;
const ANON_INO: u64 = 1038;

/// The file side of one machine, shared by its processes.
///
/// The limits are those of `/proc/sys/fs`; each may be changed at any time.
pub struct Vfs {
    in_use: AtomicI64,
    max_files: AtomicU64,
    nr_open: AtomicU32,
    next_ino: AtomicU64,
    /// `pipe-max-size`.
    pub pipe_max_size: AtomicU32,
    pub(crate) epoll_watches: AtomicI64,
    max_user_watches: AtomicI64,
    pub(crate) epoll_gen: AtomicU64,
    signals: OnceLock<Arc<dyn SignalSink>>,
    /// Held while an epoll is put under another (`epnested_mutex`): what makes the loop check sound.
    pub(crate) epnested: SpinLock<()>,
}

impl Default for Vfs {
    fn default() -> Self {
        Self {
            in_use: AtomicI64::new(0),
            // The kernel derives it from memory, but any machine of today gets this one.
            max_files: AtomicU64::new(i64::MAX as u64),
            nr_open: AtomicU32::new(1024 * 1024),
            next_ino: AtomicU64::new(1024),
            pipe_max_size: AtomicU32::new(1024 * 1024),
            epoll_watches: AtomicI64::new(0),
            // One in twenty-five bytes of memory may be watches; this is what a machine of 4 GB has.
            max_user_watches: AtomicI64::new(900_000),
            epoll_gen: AtomicU64::new(1),
            signals: OnceLock::new(),
            epnested: SpinLock::new(()),
        }
    }
}

impl core::fmt::Debug for Vfs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Vfs").field("files_in_use", &self.files_in_use()).finish_non_exhaustive()
    }
}

impl Vfs {
    /// With the kernel's defaults.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Files in use (`nr_files`, the first number of `file-nr`). Each table may hold back a few: [`crate::fdtable`].
    #[must_use]
    pub fn files_in_use(&self) -> u64 {
        self.in_use.load(Relaxed).max(0) as u64
    }

    /// `file-max`: beyond it opening fails with `ENFILE`.
    #[must_use]
    pub fn max_files(&self) -> u64 {
        self.max_files.load(Relaxed)
    }

    /// Set `file-max`.
    pub fn set_max_files(&self, max: u64) {
        self.max_files.store(max, Relaxed);
    }

    /// `nr_open`: no descriptor reaches it, whatever `RLIMIT_NOFILE` says.
    #[must_use]
    pub fn nr_open(&self) -> u32 {
        self.nr_open.load(Relaxed)
    }

    /// Set `nr_open`.
    pub fn set_nr_open(&self, max: u32) {
        self.nr_open.store(max, Relaxed);
    }

    /// A number for a new inode without a file system (`get_next_ino`).
    #[must_use]
    pub fn next_ino(&self) -> u64 {
        self.next_ino.fetch_add(1, Relaxed)
    }

    /// Watches of all epolls.
    #[must_use]
    pub fn epoll_watches(&self) -> i64 {
        self.epoll_watches.load(Relaxed)
    }

    /// `fs.epoll.max_user_watches`: beyond it `epoll_ctl(2)` fails with `ENOSPC`.
    #[must_use]
    pub fn max_user_watches(&self) -> i64 {
        self.max_user_watches.load(Relaxed)
    }

    /// Set `fs.epoll.max_user_watches`.
    pub fn set_max_user_watches(&self, max: i64) {
        self.max_user_watches.store(max, Relaxed);
    }

    /// What `fstat(2)` shows of an epoll or eventfd: they all share one inode.
    #[must_use]
    pub fn anon_stat(&self) -> Stat {
        Stat { dev: ANON_DEV, ino: ANON_INO, mode: 0o600, ..Stat::default() }
    }

    /// Where the signals of files go: once, by the embedder. Without it nobody hears of `O_ASYNC`.
    pub fn set_signal_sink(&self, sink: Arc<dyn SignalSink>) {
        let _ = self.signals.set(sink);
    }

    /// What [`Vfs::set_signal_sink`] was given.
    #[must_use]
    pub fn signal_sink(&self) -> Option<Arc<dyn SignalSink>> {
        self.signals.get().cloned()
    }

    pub(crate) fn add_in_use(&self, n: i64) {
        self.in_use.fetch_add(n, Relaxed);
    }
}
