//! What `fstat(2)` shows and `fchmod(2)`, `fchown(2)`, `futimens(2)` change: the attributes of an inode.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use kern::context::Process;
pub use uapi::cap::{CAP_CHOWN, CAP_FOWNER, CAP_FSETID};
use uapi::fcntl::{S_IFIFO, S_IFMT};
use uapi::{Errno, Result};

const S_ISUID: u32 = 0o4000;
const S_ISGID: u32 = 0o2000;
const S_IXGRP: u32 = 0o10;

/// A moment, as `struct timespec` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timespec {
    /// Seconds since 1970.
    pub sec: i64,
    /// And nanoseconds, below 10⁹.
    pub nsec: u32,
}

impl Timespec {
    /// From nanoseconds since 1970.
    #[must_use]
    pub fn from_ns(ns: u64) -> Self {
        Self { sec: (ns / 1_000_000_000) as i64, nsec: (ns % 1_000_000_000) as u32 }
    }
}

/// The answer of `fstat(2)` (`struct kstat`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The device of the file system.
    pub dev: u64,
    /// The inode's number.
    pub ino: u64,
    /// Type (`S_IFSOCK`…) and permissions.
    pub mode: u32,
    /// Links to it: 1 for what has no name.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The device it is, if it is one.
    pub rdev: u64,
    /// Bytes.
    pub size: i64,
    /// The block size that suits I/O.
    pub blksize: u32,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// Last read.
    pub atime: Timespec,
    /// Last written.
    pub mtime: Timespec,
    /// Attributes last changed.
    pub ctime: Timespec,
}

impl Default for Stat {
    fn default() -> Self {
        Self {
            dev: 0,
            ino: 0,
            mode: 0,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            size: 0,
            blksize: 4096,
            blocks: 0,
            atime: Timespec::default(),
            mtime: Timespec::default(),
            ctime: Timespec::default(),
        }
    }
}

impl Stat {
    /// Whether it is a pipe.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.mode & S_IFMT == S_IFIFO
    }
}

/// What is to change (`struct iattr`): `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAttr {
    /// Permissions, `fchmod(2)`; the type's bits are left out of it.
    pub mode: Option<u32>,
    /// Owner, `fchown(2)`.
    pub uid: Option<u32>,
    /// Group, `fchown(2)`.
    pub gid: Option<u32>,
    /// Last read, `futimens(2)`.
    pub atime: Option<Timespec>,
    /// Last written, `futimens(2)`.
    pub mtime: Option<Timespec>,
    /// Bits that would lend the new owner's rights go (`ATTR_KILL_SUID`, `ATTR_KILL_SGID`): any `fchown(2)`, even of nothing.
    pub kill_privs: bool,
    /// The times above were given, not "now": more rights are needed.
    pub times_set: bool,
}

impl SetAttr {
    /// `fchmod(2)`.
    #[must_use]
    pub fn chmod(mode: u32) -> Self {
        Self { mode: Some(mode), ..Self::default() }
    }

    /// `fchown(2)`: −1 leaves one as it is.
    #[must_use]
    pub fn chown(uid: u32, gid: u32) -> Self {
        Self {
            uid: (uid != u32::MAX).then_some(uid),
            gid: (gid != u32::MAX).then_some(gid),
            kill_privs: true,
            ..Self::default()
        }
    }
}

/// The attributes of an inode that has no file system beneath: number, mode, owner, times.
///
/// Small and changed without a lock: a socket carries one. Times are kept only once somebody sets them; sockfs starts with zeros.
#[derive(Debug, Default)]
pub struct InodeAttr {
    ino: AtomicU64,
    mode: AtomicU32,
    uid: AtomicU32,
    gid: AtomicU32,
    times: std::sync::OnceLock<Box<Times>>,
}

/// Nanoseconds since 1970.
#[derive(Debug, Default)]
struct Times {
    atime: AtomicU64,
    mtime: AtomicU64,
    ctime: AtomicU64,
}

impl InodeAttr {
    /// A new inode; `mode` with its type.
    #[must_use]
    pub fn new(ino: u64, mode: u32, uid: u32, gid: u32) -> Self {
        Self {
            ino: AtomicU64::new(ino),
            mode: AtomicU32::new(mode),
            uid: AtomicU32::new(uid),
            gid: AtomicU32::new(gid),
            times: std::sync::OnceLock::new(),
        }
    }

    /// Another inode in the same memory: for a cache of inodes.
    pub fn reset(&self, ino: u64, mode: u32, uid: u32, gid: u32) {
        self.ino.store(ino, Relaxed);
        self.mode.store(mode, Relaxed);
        self.uid.store(uid, Relaxed);
        self.gid.store(gid, Relaxed);
        if self.times.get().is_some() {
            self.set_times(0);
        }
    }

    /// The inode's number.
    #[inline]
    #[must_use]
    pub fn ino(&self) -> u64 {
        self.ino.load(Relaxed)
    }

    /// The owner.
    #[inline]
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid.load(Relaxed)
    }

    /// The group.
    #[inline]
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.gid.load(Relaxed)
    }

    /// Set all three times (nanoseconds since 1970), as a pipe's inode has them from its start.
    pub fn set_times(&self, ns: u64) {
        let times = self.times.get_or_init(Box::default);
        times.atime.store(ns, Relaxed);
        times.mtime.store(ns, Relaxed);
        times.ctime.store(ns, Relaxed);
    }

    /// What `fstat(2)` shows; `dev` is the file system's device.
    #[must_use]
    pub fn stat(&self, dev: u64) -> Stat {
        let time = |pick: fn(&Times) -> &AtomicU64| {
            self.times.get().map(|t| Timespec::from_ns(pick(t).load(Relaxed))).unwrap_or_default()
        };
        Stat {
            dev,
            ino: self.ino(),
            mode: self.mode.load(Relaxed),
            uid: self.uid(),
            gid: self.gid(),
            atime: time(|t| &t.atime),
            mtime: time(|t| &t.mtime),
            ctime: time(|t| &t.ctime),
            ..Stat::default()
        }
    }

    /// Change the attributes (`notify_change`, `setattr_prepare`, `setattr_copy`); `now_ns` is the new time of change.
    ///
    /// # Errors
    /// `EPERM` for one who may not.
    pub fn setattr(&self, p: &Process<'_>, attr: &SetAttr, now_ns: u64) -> Result<()> {
        let (cred, old) = (p.cred, self.stat(0));
        let mut mode = attr.mode.map(|m| (m & !S_IFMT) | (old.mode & S_IFMT));
        if attr.kill_privs {
            // A group bit without group execution marks mandatory locks, and stays.
            let mut kill = S_ISUID;
            if old.mode & S_IXGRP != 0 || (!cred.in_group(old.gid) && !p.capable(CAP_FSETID)) {
                kill |= S_ISGID;
            }
            if old.mode & kill != 0 {
                mode = Some(old.mode & !kill);
            }
        }
        let owns = cred.euid == old.uid;
        let may_have = |gid| owns && (cred.in_group(gid) || gid == old.gid);
        let may_chown = p.capable(CAP_CHOWN);
        if attr.uid.is_some_and(|uid| !(may_chown || owns && uid == old.uid))
            || attr.gid.is_some_and(|gid| !may_have(gid) && !may_chown)
            || (mode.is_some() || attr.times_set) && !owns && !p.capable(CAP_FOWNER)
        {
            return Err(Errno::EPERM);
        }
        let gid = attr.gid.unwrap_or(old.gid);
        if let Some(m) = &mut mode
            && !cred.in_group(gid)
            && !p.capable(CAP_FSETID)
        {
            *m &= !S_ISGID;
        }
        self.mode.store(mode.unwrap_or(old.mode), Relaxed);
        self.uid.store(attr.uid.unwrap_or(old.uid), Relaxed);
        self.gid.store(gid, Relaxed);
        let times = self.times.get_or_init(Box::default);
        times.ctime.store(now_ns, Relaxed);
        for (slot, new) in [(&times.atime, attr.atime), (&times.mtime, attr.mtime)] {
            if let Some(t) = new {
                slot.store(t.sec as u64 * 1_000_000_000 + u64::from(t.nsec), Relaxed);
            }
        }
        Ok(())
    }
}
