//! `process_vm_readv(2)` and `process_vm_writev(2)`: the memory of a served program. `memfd_create(2)`: a file in memory.

use super::{check_fd, check_len};
use std::os::fd::{AsRawFd, OwnedFd};
use uapi::{Errno, Result};

/// A range of another process's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// First byte.
    pub addr: u64,
    /// Length in bytes.
    pub len: usize,
}

fn remote_iov(r: &Remote) -> libc::iovec {
    libc::iovec { iov_base: r.addr as *mut libc::c_void, iov_len: r.len }
}

const MAX_IOV: usize = 1024;

/// Copy from `remote` into `local` until either ends; how many bytes were copied.
///
/// # Errors
/// EFAULT if not even the first byte can be read; ESRCH, EPERM.
pub(crate) fn read(tid: i32, local: &mut [u8], remote: &[Remote]) -> Result<usize> {
    if local.is_empty() {
        return Ok(0);
    }
    let l = libc::iovec { iov_base: local.as_mut_ptr().cast(), iov_len: local.len() };
    let r: Vec<libc::iovec> = remote.iter().take(MAX_IOV).map(remote_iov).collect();
    // SAFETY: `l` describes writable memory of ours; the remote addresses belong to the other process and the kernel
    // checks them.
    check_len(unsafe {
        libc::process_vm_readv(tid, &raw const l, 1, r.as_ptr(), r.len() as libc::c_ulong, 0)
    })
}

/// Copy `local` into `remote` until either ends; how many bytes were copied.
///
/// # Errors
/// EFAULT if not even the first byte can be written; ESRCH, EPERM.
pub(crate) fn write(tid: i32, local: &[u8], remote: &[Remote]) -> Result<usize> {
    if local.is_empty() {
        return Ok(0);
    }
    let l = libc::iovec { iov_base: local.as_ptr().cast_mut().cast(), iov_len: local.len() };
    let r: Vec<libc::iovec> = remote.iter().take(MAX_IOV).map(remote_iov).collect();
    // SAFETY: the kernel only reads from `l`; the remote addresses belong to the other process and the kernel checks them.
    check_len(unsafe {
        libc::process_vm_writev(tid, &raw const l, 1, r.as_ptr(), r.len() as libc::c_ulong, 0)
    })
}

/// One range, read whole.
///
/// # Errors
/// EFAULT if any byte of it cannot be read.
pub(crate) fn read_exact(tid: i32, local: &mut [u8], addr: u64) -> Result<()> {
    let want = local.len();
    let n = read(tid, local, &[Remote { addr, len: want }])?;
    if n == want { Ok(()) } else { Err(Errno::EFAULT) }
}

/// One range, written whole.
///
/// # Errors
/// EFAULT if any byte of it cannot be written.
pub(crate) fn write_exact(tid: i32, local: &[u8], addr: u64) -> Result<()> {
    let n = write(tid, local, &[Remote { addr, len: local.len() }])?;
    if n == local.len() { Ok(()) } else { Err(Errno::EFAULT) }
}

/// A file that holds this text, at its beginning, open for reading only.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM.
pub(crate) fn text_file(text: &[u8]) -> Result<OwnedFd> {
    // SAFETY: the name is a constant C string; the descriptor is new.
    let file = check_fd(unsafe { libc::memfd_create(c"proc".as_ptr(), libc::MFD_CLOEXEC) })?;
    let mut done = 0;
    while done < text.len() {
        let rest = &text[done..];
        // SAFETY: `rest` is readable memory of ours.
        done += check_len(unsafe { libc::write(file.as_raw_fd(), rest.as_ptr().cast(), rest.len()) })?;
    }
    // Opened anew: what the program gets cannot be written, and begins at the beginning.
    let path = format!("/proc/self/fd/{}\0", file.as_raw_fd());
    // SAFETY: the path ends with a 0; the descriptor is new.
    check_fd(unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_and_a_hole() {
        let me = std::process::id().cast_signed();
        let src = *b"carrier";
        let mut dst = [0u8; 7];
        read_exact(me, &mut dst, src.as_ptr() as u64).unwrap();
        assert_eq!(dst, src);
        write_exact(me, b"C", dst.as_mut_ptr() as u64).unwrap();
        assert_eq!(&dst, b"Carrier");
        assert_eq!(read_exact(me, &mut dst, 8), Err(Errno::EFAULT));
        assert_eq!(write_exact(me, &src, 8), Err(Errno::EFAULT));
    }
}
