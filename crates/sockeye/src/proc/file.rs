//! Files of `/proc`, opened: a text made at the open, and for a sysctl a value that can be written.

use crate::Net;
use kern::context::Process;
use kern::sync::SpinLock;
use net::sysctl::SysctlNode;
use std::sync::Arc;
use uapi::fcntl::{O_ACCMODE, O_RDONLY, O_WRONLY, S_IFREG};
use uapi::{Errno, Result};
use vfs::file::{File, FileOps};
use vfs::inode::Stat;
use vfs::iov::{IovSink, IovSource};

const SEEK_SET: i32 = 0;
const SEEK_CUR: i32 = 1;
/// What a write may hold (`KMALLOC_MAX_SIZE`).
const MOST: usize = 1 << 22;

/// A file of `/proc`.
struct ProcFile {
    net: Net,
    /// The sysctl that a write sets.
    sysctl: Option<Arc<dyn SysctlNode>>,
    name: String,
    text: String,
    position: SpinLock<u64>,
}

/// Opens a file of `/proc/net` or `/proc/sys`.
///
/// # Errors
/// `ENOENT` for a file that is not there; `EACCES` for what its mode does not allow the caller: neither may root write
/// what is read-only.
pub(crate) fn open(p: &Process<'_>, net: &Net, path: &str, flags: u32) -> Result<Arc<File>> {
    let rest = path.strip_prefix("/proc/").ok_or(Errno::ENOENT)?;
    let (sysctl, name) = match rest.strip_prefix("sys/") {
        Some(name) => (Some(net.stack().sysctl.get(name)?), name),
        None => {
            let name = rest.strip_prefix("self/").or(rest.strip_prefix("thread-self/")).unwrap_or(rest);
            (None, name.strip_prefix("net/").ok_or(Errno::ENOENT)?)
        }
    };
    let mode = sysctl.as_ref().map_or(0o444, |node| node.mode());
    let granted = if p.cred.euid == 0 { mode >> 6 } else { mode };
    let wanted = match flags & O_ACCMODE {
        O_RDONLY => 4,
        O_WRONLY => 2,
        _ => 6,
    };
    if wanted & !granted != 0 {
        return Err(Errno::EACCES);
    }
    let text = match &sysctl {
        Some(_) if wanted & 4 == 0 => String::new(),
        Some(node) => node.read(net.stack()),
        None => net.proc_net(name)?,
    };
    let ops =
        ProcFile { net: net.clone(), sysctl, name: rest.to_owned(), text, position: SpinLock::default() };
    Ok(File::new(Arc::new(ops), flags))
}

impl ProcFile {
    fn copy(&self, at: u64, to: &mut IovSink<'_>) -> usize {
        // Numbers are read from the first byte on, or not at all.
        if at != 0 && self.sysctl.as_ref().is_some_and(|node| !node.is_text()) {
            return 0;
        }
        let rest = usize::try_from(at).ok().and_then(|at| self.text.as_bytes().get(at..)).unwrap_or(&[]);
        to.copy_from(rest)
    }

    fn set(&self, from: &mut IovSource<'_>, at: u64) -> Result<usize> {
        let node = self.sysctl.as_ref().ok_or(Errno::EIO)?;
        let len = from.remaining();
        if len == 0 {
            return Ok(0);
        }
        if at != 0 && !node.is_text() {
            // What does not begin at the beginning is passed over (`sysctl_writes_strict`).
            return Ok(len);
        }
        let mut bytes = vec![0; len.min(MOST)];
        from.copy_to(&mut bytes);
        node.write_bytes(self.net.stack(), &bytes)
    }
}

impl FileOps for ProcFile {
    fn read(&self, _p: &Process<'_>, _file: &File, to: &mut IovSink<'_>) -> Result<usize> {
        let mut position = self.position.lock();
        let n = self.copy(*position, to);
        *position += n as u64;
        Ok(n)
    }

    fn pread(&self, _p: &Process<'_>, _file: &File, to: &mut IovSink<'_>, at: i64) -> Result<usize> {
        Ok(self.copy(u64::try_from(at).map_err(|_| Errno::EINVAL)?, to))
    }

    fn write(&self, _p: &Process<'_>, _file: &File, from: &mut IovSource<'_>) -> Result<usize> {
        let mut position = self.position.lock();
        let n = self.set(from, *position)?;
        *position += n as u64;
        Ok(n)
    }

    fn pwrite(&self, _p: &Process<'_>, _file: &File, from: &mut IovSource<'_>, at: i64) -> Result<usize> {
        self.set(from, u64::try_from(at).map_err(|_| Errno::EINVAL)?)
    }

    fn llseek(&self, _p: &Process<'_>, _file: &File, offset: i64, whence: i32) -> Result<i64> {
        let mut position = self.position.lock();
        let from = match whence {
            SEEK_SET => 0,
            SEEK_CUR => *position as i64,
            _ => return Err(Errno::EINVAL),
        };
        let to = from.checked_add(offset).and_then(|to| u64::try_from(to).ok()).ok_or(Errno::EINVAL)?;
        *position = to;
        Ok(to as i64)
    }

    fn can_poll(&self) -> bool {
        false
    }

    fn stat(&self) -> Stat {
        let mode = self.sysctl.as_ref().map_or(0o444, |node| node.mode());
        Stat { mode: S_IFREG | mode, blksize: 1024, ..Stat::default() }
    }

    fn name(&self) -> String {
        format!("/proc/{}", self.name)
    }

    fn release(&self, _p: &Process<'_>, _file: &File) {}

    fn release_detached(&self) {}
}
