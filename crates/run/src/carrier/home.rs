//! Where carriers are connected: nameless AF_UNIX listeners, reached through `/proc/self/fd`, so that nothing is left behind.

use crate::sys::sock;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use uapi::{Errno, Result};

/// A private directory (mode 0700) for names that live an instant, and the listener that fresh carriers are connected to.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    listener: OwnedFd,
    file: OwnedFd,
    names: u64,
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.dir);
    }
}

fn make_dir(parent: &Path) -> Result<PathBuf> {
    let mut template = parent.join("sockeye-XXXXXX").as_os_str().as_bytes().to_vec();
    template.push(0);
    // SAFETY: `template` is writable, ends with a NUL, and mkdtemp only changes the six letters before it.
    let ret = unsafe { libc::mkdtemp(template.as_mut_ptr().cast()) };
    if ret.is_null() {
        return Err(crate::sys::last_errno());
    }
    template.pop();
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(&template)))
}

impl Home {
    /// A directory below `$XDG_RUNTIME_DIR` or the temporary one, whichever can be written.
    pub(crate) fn new() -> Result<Self> {
        let parents = [std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from), Some(std::env::temp_dir())];
        let mut found = Err(Errno::ENOENT);
        for parent in parents.into_iter().flatten() {
            found = make_dir(&parent);
            if found.is_ok() {
                break;
            }
        }
        let dir = found?;
        let listener = sock::unix_socket(libc::SOCK_STREAM | libc::SOCK_NONBLOCK)?;
        let file = sock::bind_nameless(listener.as_fd(), &dir.join("0"))?;
        sock::listen(listener.as_fd(), 4096)?;
        Ok(Self { dir, listener, file, names: 0 })
    }

    /// Connect `carrier` (any unconnected AF_UNIX stream socket) and give the other end, non-blocking.
    pub(crate) fn adopt(&self, carrier: BorrowedFd<'_>) -> Result<OwnedFd> {
        sock::connect_nameless(carrier, self.file.as_fd())?;
        sock::accept(self.listener.as_fd(), true)
    }

    /// A file by which `carrier` can be connected to.
    pub(crate) fn name(&mut self, carrier: BorrowedFd<'_>) -> Result<OwnedFd> {
        self.names += 1;
        sock::bind_nameless(carrier, &self.dir.join(self.names.to_string()))
    }

    /// Make `carrier` a listener; the file is where to connect to it.
    pub(crate) fn listen(&mut self, carrier: BorrowedFd<'_>, backlog: i32) -> Result<OwnedFd> {
        let file = self.name(carrier)?;
        sock::listen(carrier, backlog)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_socket_is_connected_in_place_and_no_name_stays() {
        let home = Home::new().unwrap();
        let carrier = sock::unix_socket(libc::SOCK_STREAM).unwrap();
        let cookie = sock::cookie(carrier.as_fd()).unwrap();
        let ours = home.adopt(carrier.as_fd()).unwrap();
        assert_eq!(sock::cookie(carrier.as_fd()).unwrap(), cookie);
        sock::send(carrier.as_fd(), b"x", 0).unwrap();
        let mut buf = [0; 4];
        assert_eq!(sock::recv(ours.as_fd(), &mut buf, 0), Ok(1));
        assert_eq!(std::fs::read_dir(&home.dir).unwrap().count(), 0);
        let dir = home.dir.clone();
        drop(home);
        assert!(!dir.exists());
    }
}
