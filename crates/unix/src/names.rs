//! Names that are files. The core opens none: who embeds it says what a path is.

use kern::context::Process;
use kern::sync::SpinLock;
use std::collections::BTreeMap;
use uapi::{CAP_DAC_OVERRIDE, Errno, Result};

/// Where sockets' files are: a file system, as far as `bind()` and `connect()` need one.
///
/// A file outlives its socket: until it is removed, binding to it answers `EADDRINUSE` and
/// connecting `ECONNREFUSED`. Paths are bytes without a zero, never empty.
pub trait NameStore: Send + Sync {
    /// Makes a socket's file (`mknod()` with `S_IFSOCK`) and gives its inode number. `mode` is the
    /// permissions asked for, before the caller's umask.
    ///
    /// # Errors
    /// `EADDRINUSE` when there is anything at that path; `ENOENT`, `ENOTDIR`, `EACCES`, `EROFS`, ….
    fn create(&self, p: &Process<'_>, path: &[u8], mode: u32) -> Result<u64>;

    /// The inode number of the file at a path that the caller may write to.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`; `ECONNREFUSED` when it is not a socket's.
    fn lookup(&self, p: &Process<'_>, path: &[u8]) -> Result<u64>;

    /// Removes a file (`unlink()`).
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`, `EPERM`, ….
    fn remove(&self, p: &Process<'_>, path: &[u8]) -> Result<()>;
}

struct Node {
    ino: u64,
    mode: u32,
    uid: u32,
    gid: u32,
}

#[derive(Default)]
struct Nodes {
    by_path: BTreeMap<Vec<u8>, Node>,
    last: u64,
}

/// Names in memory: every directory exists, anybody may make files in it, and the umask is 022.
#[derive(Default)]
pub struct MemoryNames(SpinLock<Nodes>);

/// The umask of programs here.
const UMASK: u32 = 0o022;
const MAY_WRITE: u32 = 2;

/// The path without empty and `.` components; `None` for a directory by its form.
fn canonical(path: &[u8]) -> Option<Vec<u8>> {
    let parts: Vec<&[u8]> = path.split(|&b| b == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    match path.rsplit(|&b| b == b'/').next() {
        Some(b"" | b"." | b"..") | None => None,
        _ => {
            let root: &[u8] = if path.starts_with(b"/") { b"/" } else { b"" };
            Some([root, &parts.join(&b'/')].concat())
        }
    }
}

impl MemoryNames {
    fn may_write(p: &Process<'_>, node: &Node) -> bool {
        let shift = if p.cred.euid == node.uid {
            6
        } else if p.cred.in_group(node.gid) {
            3
        } else {
            0
        };
        node.mode >> shift & MAY_WRITE != 0 || p.capable(CAP_DAC_OVERRIDE)
    }
}

impl NameStore for MemoryNames {
    fn create(&self, p: &Process<'_>, path: &[u8], mode: u32) -> Result<u64> {
        let Some(key) = canonical(path) else {
            // "dir/" names no file that could be made; ".", ".." and "/" are there.
            let slash = path.ends_with(b"/") && path.iter().any(|&b| b != b'/');
            return Err(if slash { Errno::ENOENT } else { Errno::EADDRINUSE });
        };
        let mut nodes = self.0.lock();
        if nodes.by_path.contains_key(&key) {
            return Err(Errno::EADDRINUSE);
        }
        nodes.last += 1;
        let node = Node { ino: nodes.last, mode: mode & !UMASK & 0o777, uid: p.cred.euid, gid: p.cred.egid };
        let ino = node.ino;
        nodes.by_path.insert(key, node);
        Ok(ino)
    }

    fn lookup(&self, p: &Process<'_>, path: &[u8]) -> Result<u64> {
        // Directories are no sockets.
        let key = canonical(path).ok_or(Errno::ECONNREFUSED)?;
        let nodes = self.0.lock();
        let node = nodes.by_path.get(&key).ok_or(Errno::ENOENT)?;
        if MemoryNames::may_write(p, node) { Ok(node.ino) } else { Err(Errno::EACCES) }
    }

    fn remove(&self, p: &Process<'_>, path: &[u8]) -> Result<()> {
        let key = canonical(path).ok_or(Errno::EISDIR)?;
        let mut nodes = self.0.lock();
        let node = nodes.by_path.get(&key).ok_or(Errno::ENOENT)?;
        // As in a directory with the sticky bit.
        if node.uid != p.cred.euid && !p.capable(CAP_DAC_OVERRIDE) {
            return Err(Errno::EPERM);
        }
        nodes.by_path.remove(&key);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn paths() {
        assert_eq!(canonical(b"//a/./b").as_deref(), Some(&b"/a/b"[..]));
        assert_eq!(canonical(b"a").as_deref(), Some(&b"a"[..]));
        for directory in [&b"/"[..], b".", b"a/..", b"a/"] {
            assert_eq!(canonical(directory), None);
        }
    }
}
