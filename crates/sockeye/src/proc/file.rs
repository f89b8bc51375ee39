//! Files of `/proc`, opened: a text made at the open, and for a sysctl a value that can be written.

use crate::Net;
use kern::context::Process;
use kern::sync::SpinLock;
use std::sync::Arc;
use uapi::fcntl::{O_ACCMODE, O_RDONLY, S_IFREG};
use uapi::{Errno, Result};
use vfs::file::{File, FileOps};
use vfs::inode::Stat;
use vfs::iov::{IovSink, IovSource};

const SEEK_SET: i32 = 0;
const SEEK_CUR: i32 = 1;

/// A file of `/proc`.
struct ProcFile {
    net: Net,
    /// The sysctl that a write sets.
    sysctl: Option<String>,
    text: String,
    position: SpinLock<u64>,
}

/// Opens a file of `/proc/net` or `/proc/sys`.
///
/// # Errors
/// `ENOENT` for a file that is not there; `EACCES` for writing one of `/proc/net`, or without root's rights.
pub(crate) fn open(p: &Process<'_>, net: &Net, path: &str, flags: u32) -> Result<Arc<File>> {
    let rest = path.strip_prefix("/proc/").ok_or(Errno::ENOENT)?;
    let (text, sysctl) = match rest.strip_prefix("sys/") {
        Some(name) => (net.sysctl(name)?, Some(name.to_owned())),
        None => {
            let name = rest.strip_prefix("self/").or(rest.strip_prefix("thread-self/")).unwrap_or(rest);
            (net.proc_net(name.strip_prefix("net/").ok_or(Errno::ENOENT)?)?, None)
        }
    };
    if flags & O_ACCMODE != O_RDONLY && (sysctl.is_none() || p.cred.euid != 0) {
        return Err(Errno::EACCES);
    }
    let ops = ProcFile { net: net.clone(), sysctl, text, position: SpinLock::default() };
    Ok(File::new(Arc::new(ops), flags))
}

impl ProcFile {
    fn copy(&self, at: u64, to: &mut IovSink<'_>) -> usize {
        let rest = usize::try_from(at).ok().and_then(|at| self.text.as_bytes().get(at..)).unwrap_or(&[]);
        to.copy_from(rest)
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
        let name = self.sysctl.as_ref().ok_or(Errno::EIO)?;
        let mut bytes = vec![0; from.remaining().min(4096)];
        from.copy_to(&mut bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| Errno::EINVAL)?;
        self.net.set_sysctl(name, text)?;
        Ok(bytes.len())
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
        let mode = if self.sysctl.is_some() { 0o644 } else { 0o444 };
        Stat { mode: S_IFREG | mode, blksize: 1024, ..Stat::default() }
    }

    fn name(&self) -> String {
        match &self.sysctl {
            Some(name) => format!("/proc/sys/{name}"),
            None => "/proc/net".to_owned(),
        }
    }

    fn release(&self, _p: &Process<'_>, _file: &File) {}

    fn release_detached(&self) {}
}
