//! `read(2)`, `write(2)` and what else works by descriptor: the checks Linux makes before it asks the file.

use crate::file::File;
use crate::files::Files;
use crate::inode::{SetAttr, Stat};
use crate::iov::{IovSink, IovSource};
use kern::context::Process;
use uapi::{Errno, Result};

/// No call moves more (`MAX_RW_COUNT`).
pub const MAX_RW_COUNT: usize = 0x7fff_f000;
/// The last `whence` of `lseek(2)` (`SEEK_MAX`).
const SEEK_MAX: i32 = 4;

/// `read(2)`; `readv(2)` with `vector`, which reads nothing at all into nothing.
///
/// # Errors
/// `EBADF` if the file is not open for reading, and what the file says.
pub fn read(p: &Process<'_>, files: &Files, fd: i32, to: &mut IovSink<'_>, vector: bool) -> Result<usize> {
    files.with(p, fd, |file| {
        if !file.readable() {
            return Err(Errno::EBADF);
        }
        if vector && to.remaining() == 0 {
            return Ok(0);
        }
        to.truncate(MAX_RW_COUNT);
        file.ops().read(p, file, to)
    })?
}

/// `write(2)`; `writev(2)` with `vector`.
///
/// # Errors
/// `EBADF` if the file is not open for writing, and what the file says; on `EPIPE` the caller sends `SIGPIPE`.
pub fn write(
    p: &Process<'_>,
    files: &Files,
    fd: i32,
    from: &mut IovSource<'_>,
    vector: bool,
) -> Result<usize> {
    files.with(p, fd, |file| {
        if !file.writable() {
            return Err(Errno::EBADF);
        }
        if vector && from.remaining() == 0 {
            return Ok(0);
        }
        from.truncate(MAX_RW_COUNT);
        file.ops().write(p, file, from)
    })?
}

/// `pread(2)`, `preadv(2)`.
///
/// # Errors
/// `EINVAL` for a negative position, `ESPIPE` for what has none, `EBADF`.
pub fn pread(p: &Process<'_>, files: &Files, fd: i32, to: &mut IovSink<'_>, at: i64) -> Result<usize> {
    if at < 0 {
        return Err(Errno::EINVAL);
    }
    to.truncate(MAX_RW_COUNT);
    files.with(p, fd, |file| file.ops().pread(p, file, to, at))?
}

/// `pwrite(2)`, `pwritev(2)`.
///
/// # Errors
/// `EINVAL` for a negative position, `ESPIPE` for what has none, `EBADF`.
pub fn pwrite(p: &Process<'_>, files: &Files, fd: i32, from: &mut IovSource<'_>, at: i64) -> Result<usize> {
    if at < 0 {
        return Err(Errno::EINVAL);
    }
    from.truncate(MAX_RW_COUNT);
    files.with(p, fd, |file| file.ops().pwrite(p, file, from, at))?
}

/// `lseek(2)`.
///
/// # Errors
/// `EINVAL` for an unknown `whence`, `ESPIPE` for a stream, `EBADF`.
pub fn lseek(p: &Process<'_>, files: &Files, fd: i32, offset: i64, whence: i32) -> Result<i64> {
    files.with(p, fd, |file| {
        if !(0..=SEEK_MAX).contains(&whence) {
            return Err(Errno::EINVAL);
        }
        file.ops().llseek(p, file, offset, whence)
    })?
}

/// `fsync(2)`, `fdatasync(2)`.
///
/// # Errors
/// `EINVAL` for what has nothing to write back, `EBADF`.
pub fn fsync(p: &Process<'_>, files: &Files, fd: i32) -> Result<()> {
    files.with(p, fd, |file| file.ops().fsync(p, file))?
}

/// `ftruncate(2)`.
///
/// # Errors
/// `EINVAL` for a negative length or what is no regular file, `EBADF`.
pub fn ftruncate(p: &Process<'_>, files: &Files, fd: i32, length: i64) -> Result<()> {
    if length < 0 {
        return Err(Errno::EINVAL);
    }
    files.with(p, fd, |file| {
        if !file.writable() {
            return Err(Errno::EINVAL);
        }
        file.ops().ftruncate(p, file, length)
    })?
}

/// One mode of those there are, with or without keeping the size (`vfs_fallocate`).
fn is_fallocate_mode(mode: i32) -> bool {
    const KEEP_SIZE: i32 = 0x01;
    const PUNCH_HOLE: i32 = 0x02;
    const COLLAPSE_RANGE: i32 = 0x08;
    const ZERO_RANGE: i32 = 0x10;
    const INSERT_RANGE: i32 = 0x20;
    const UNSHARE_RANGE: i32 = 0x40;
    const WRITE_ZEROES: i32 = 0x80;
    let keeps = mode & KEEP_SIZE != 0;
    match mode & !KEEP_SIZE {
        0 | ZERO_RANGE | UNSHARE_RANGE => true,
        PUNCH_HOLE => keeps,
        COLLAPSE_RANGE | INSERT_RANGE | WRITE_ZEROES => !keeps,
        _ => false,
    }
}

/// `fallocate(2)`.
///
/// # Errors
/// `EINVAL` for a range that is none, `EOPNOTSUPP` for a mode that is none, `EBADF` for a file not open for writing, `ENODEV` and `ESPIPE` for the kinds of file here.
pub fn fallocate(p: &Process<'_>, files: &Files, fd: i32, mode: i32, offset: i64, len: i64) -> Result<()> {
    files.with(p, fd, |file| {
        if offset < 0 || len <= 0 {
            return Err(Errno::EINVAL);
        }
        if !is_fallocate_mode(mode) {
            return Err(Errno::EOPNOTSUPP);
        }
        if !file.writable() {
            return Err(Errno::EBADF);
        }
        file.ops().fallocate(p, file, mode, offset, len)
    })?
}

/// `fstat(2)`.
///
/// # Errors
/// `EBADF`.
pub fn fstat(p: &Process<'_>, files: &Files, fd: i32) -> Result<Stat> {
    files.with(p, fd, |file: &std::sync::Arc<File>| file.ops().stat())
}

/// `fchmod(2)`, `fchown(2)`, `futimens(2)`.
///
/// # Errors
/// `EBADF`, `EPERM`, `EOPNOTSUPP`.
pub fn fsetattr(p: &Process<'_>, files: &Files, fd: i32, attr: &SetAttr) -> Result<()> {
    files.with(p, fd, |file| file.ops().setattr(p, attr))?
}
