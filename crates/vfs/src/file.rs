//! Open files: `struct file` and `struct file_operations`.

use crate::epoll::EpLinks;
use crate::fasync::{FOwn, FasyncList};
use crate::inode::{SetAttr, Stat};
use crate::iov::{IovSink, IovSource};
use crate::vfs::Vfs;
use core::any::Any;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use kern::context::Process;
use kern::wait::WaitQueue;
use std::sync::{Arc, OnceLock};
use uapi::fcntl::{FASYNC, O_ACCMODE, O_DIRECT, O_NOATIME, O_NONBLOCK, O_WRONLY, SETFL_MASK};
use uapi::poll::{EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM};
use uapi::{Errno, Result};

/// What a file answers to `poll` when it has no opinion (`DEFAULT_POLLMASK`).
pub const DEFAULT_POLLMASK: u32 = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;

/// Takes an unused file back: see [`FileOps::recycler`].
pub type Recycle = fn(Arc<File>, &Process<'_>);

/// What a kind of file can do (`struct file_operations`, and the few inode operations a socket answers to).
///
/// The defaults are what Linux answers for a socket that lacks the operation.
pub trait FileOps: Any + Send + Sync {
    /// `read(2)`, `readv(2)`: bytes moved, 0 at the end.
    ///
    /// # Errors
    /// `EINVAL` if there is no such operation.
    fn read(&self, p: &Process<'_>, file: &File, to: &mut IovSink<'_>) -> Result<usize> {
        let _ = (p, file, to);
        Err(Errno::EINVAL)
    }

    /// `write(2)`, `writev(2)`: bytes taken.
    ///
    /// # Errors
    /// `EINVAL` if there is no such operation.
    fn write(&self, p: &Process<'_>, file: &File, from: &mut IovSource<'_>) -> Result<usize> {
        let _ = (p, file, from);
        Err(Errno::EINVAL)
    }

    /// What the file is ready for now, in `EPOLL*` bits. Registers nothing: that is done on [`FileOps::wait_queue`].
    fn poll(&self, p: &Process<'_>, file: &File) -> u32 {
        let _ = (p, file);
        DEFAULT_POLLMASK
    }

    /// Where those wait who want to hear of a change of [`FileOps::poll`]'s answer; `None` if it never changes.
    ///
    /// The same queue for the life of the file.
    fn wait_queue(&self) -> Option<&WaitQueue> {
        None
    }

    /// Whether an epoll may watch it (`file_can_poll`); `EPERM` there otherwise.
    fn can_poll(&self) -> bool {
        true
    }

    /// `ioctl(2)`, beyond what [`crate::ioctl`] does for every file. `arg` is the memory the argument points to, of the command's size.
    ///
    /// # Errors
    /// `ENOTTY` for a command it does not know.
    fn ioctl(&self, p: &Process<'_>, file: &File, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        let _ = (p, file, cmd, arg);
        Err(Errno::ENOTTY)
    }

    /// `fsync(2)`, `fdatasync(2)`.
    ///
    /// # Errors
    /// `EINVAL` if the file has nothing to write back.
    fn fsync(&self, p: &Process<'_>, file: &File) -> Result<()> {
        let _ = (p, file);
        Err(Errno::EINVAL)
    }

    /// `lseek(2)`.
    ///
    /// # Errors
    /// `ESPIPE` for a stream.
    fn llseek(&self, p: &Process<'_>, file: &File, offset: i64, whence: i32) -> Result<i64> {
        let _ = (p, file, offset, whence);
        Err(Errno::ESPIPE)
    }

    /// `pread(2)`, `preadv(2)`.
    ///
    /// # Errors
    /// `ESPIPE` for a stream.
    fn pread(&self, p: &Process<'_>, file: &File, to: &mut IovSink<'_>, at: i64) -> Result<usize> {
        let _ = (p, file, to, at);
        Err(Errno::ESPIPE)
    }

    /// `pwrite(2)`, `pwritev(2)`.
    ///
    /// # Errors
    /// `ESPIPE` for a stream.
    fn pwrite(&self, p: &Process<'_>, file: &File, from: &mut IovSource<'_>, at: i64) -> Result<usize> {
        let _ = (p, file, from, at);
        Err(Errno::ESPIPE)
    }

    /// `mmap(2)`.
    ///
    /// # Errors
    /// `ENODEV` if it cannot be mapped.
    fn mmap(&self, p: &Process<'_>, file: &File) -> Result<()> {
        let _ = (p, file);
        Err(Errno::ENODEV)
    }

    /// `ftruncate(2)`.
    ///
    /// # Errors
    /// `EINVAL` for what is no regular file.
    fn ftruncate(&self, p: &Process<'_>, file: &File, length: i64) -> Result<()> {
        let _ = (p, file, length);
        Err(Errno::EINVAL)
    }

    /// `fallocate(2)`.
    ///
    /// # Errors
    /// `ENODEV` for what is neither file nor directory; `ESPIPE` for a pipe.
    fn fallocate(&self, p: &Process<'_>, file: &File, mode: i32, offset: i64, len: i64) -> Result<()> {
        let _ = (p, file, mode, offset, len);
        Err(Errno::ENODEV)
    }

    /// Somebody asked for signals (`F_SETOWN`): for those who send some of their own accord, as `SIGURG`.
    fn owned(&self, own: &Arc<FOwn>) {
        let _ = own;
    }

    /// `fstat(2)`.
    fn stat(&self) -> Stat;

    /// `fchmod(2)`, `fchown(2)`, `futimens(2)`.
    ///
    /// # Errors
    /// `EOPNOTSUPP` if they are not the file's to change, `EPERM` for one who may not.
    fn setattr(&self, p: &Process<'_>, attr: &SetAttr) -> Result<()> {
        let _ = (p, attr);
        Err(Errno::EOPNOTSUPP)
    }

    /// What `splice(2)` and `sendfile(2)` read (`->splice_read`).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn splice_read(&self, p: &Process<'_>, file: &File, to: &mut IovSink<'_>) -> Result<usize> {
        self.read(p, file, to)
    }

    /// Whether `splice(2)` and `sendfile(2)` may read or write it (`->splice_read`, `->splice_write`): sockets and pipes do.
    fn can_splice(&self) -> bool {
        false
    }

    /// What the link in `/proc/PID/fd` shows: `socket:[1234]`, `anon_inode:[eventpoll]`.
    fn name(&self) -> String;

    /// Where those stand who asked for `SIGIO` with `O_ASYNC`; `None` if the file has no such list.
    fn fasync(&self) -> Option<&FasyncList> {
        None
    }

    /// What `F_SETFL` may refuse beyond the common rules (`check_flags`): the new flags.
    ///
    /// # Errors
    /// `EINVAL` for flags the file cannot have.
    fn check_flags(&self, flags: u32) -> Result<()> {
        let _ = flags;
        Ok(())
    }

    /// The last reference goes, in a call that may sleep (`->release`).
    fn release(&self, p: &Process<'_>, file: &File);

    /// The last reference was dropped where nobody can sleep: an embedder let go of an [`Arc<File>`] without [`fput`], or two closers raced.
    fn release_detached(&self);

    /// Where the memory goes after [`FileOps::release`]; `None` gives it back to the allocator.
    ///
    /// The function gets the only reference there is, so that [`Arc::get_mut`] and [`File::ops_mut`] give it everything to make the file
    /// ready ([`File::retire`]) to be new again ([`File::renew`]); a cache of such files makes `socket(2)` free of allocation.
    fn recycler(&self) -> Option<Recycle> {
        None
    }
}

impl dyn FileOps {
    /// As any object, to be downcast.
    #[inline]
    #[must_use]
    pub fn as_any(&self) -> &dyn Any {
        self
    }

    /// As any object, to be downcast and changed.
    #[inline]
    #[must_use]
    pub fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Set in [`File::state`] when the file was opened and not yet released.
const OPENED: u32 = 1;
/// Set there when the file counts against `file-max`.
const COUNTED: u32 = 2;

/// An open file (`struct file`).
pub struct File {
    ops: Arc<dyn FileOps>,
    /// `f_flags`: `O_*`, access mode included.
    flags: AtomicU32,
    state: AtomicU32,
    owner: OnceLock<Arc<FOwn>>,
    vfs: OnceLock<Arc<Vfs>>,
    /// The epolls that watch it (`f_ep`).
    pub(crate) links: EpLinks,
}

impl core::fmt::Debug for File {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("File")
            .field("name", &self.ops.name())
            .field("flags", &format_args!("{:#o}", self.flags()))
            .finish_non_exhaustive()
    }
}

impl File {
    /// A new file over `ops`, with `flags` (`O_*`, access mode included).
    #[must_use]
    pub fn new(ops: Arc<dyn FileOps>, flags: u32) -> Arc<File> {
        Arc::new(File {
            ops,
            flags: AtomicU32::new(flags),
            state: AtomicU32::new(OPENED),
            owner: OnceLock::new(),
            vfs: OnceLock::new(),
            links: EpLinks::default(),
        })
    }

    /// Take away what a released file still has of its last use: for a cache of files, on the way in.
    pub fn retire(&mut self) {
        self.owner.take();
    }

    /// Make a retired file an open one again: for a cache of files, on the way out.
    #[inline]
    pub fn renew(&self, flags: u32) {
        self.flags.store(flags, Relaxed);
        self.state.store(OPENED, Relaxed);
    }

    /// The operations.
    #[inline]
    #[must_use]
    pub fn ops(&self) -> &dyn FileOps {
        &*self.ops
    }

    /// The operations, shared.
    #[inline]
    #[must_use]
    pub fn ops_arc(&self) -> &Arc<dyn FileOps> {
        &self.ops
    }

    /// The operations, to be changed; `None` while somebody else holds them.
    #[inline]
    #[must_use]
    pub fn ops_mut(&mut self) -> Option<&mut dyn FileOps> {
        Arc::get_mut(&mut self.ops)
    }

    /// The object behind the file, if it is a `T` (a socket, an epoll).
    #[inline]
    #[must_use]
    pub fn downcast<T: FileOps>(&self) -> Option<&T> {
        self.ops.as_any().downcast_ref()
    }

    /// The object behind the file, to be changed, if it is a `T` and nobody else holds it.
    #[inline]
    #[must_use]
    pub fn downcast_mut<T: FileOps>(&mut self) -> Option<&mut T> {
        self.ops_mut()?.as_any_mut().downcast_mut()
    }

    /// `f_flags`.
    #[inline]
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.flags.load(Relaxed)
    }

    /// Whether `O_NONBLOCK` is set.
    #[inline]
    #[must_use]
    pub fn nonblock(&self) -> bool {
        self.flags() & O_NONBLOCK != 0
    }

    /// Whether it was opened for reading (`FMODE_READ`).
    #[inline]
    #[must_use]
    pub fn readable(&self) -> bool {
        self.flags() & O_ACCMODE != O_WRONLY
    }

    /// Whether it was opened for writing (`FMODE_WRITE`).
    #[inline]
    #[must_use]
    pub fn writable(&self) -> bool {
        matches!(self.flags() & O_ACCMODE, 1 | 2)
    }

    /// Set and clear bits of `f_flags` without asking anybody.
    pub(crate) fn change_flags(&self, set: u32, clear: u32) {
        // Two bits may change at once from two threads; a lost update would lose O_NONBLOCK.
        let _ = self.flags.fetch_update(Relaxed, Relaxed, |f| Some((f & !clear) | set));
    }

    /// `FIONBIO`.
    pub fn set_nonblock(&self, on: bool) {
        if on {
            self.change_flags(O_NONBLOCK, 0);
        } else {
            self.change_flags(0, O_NONBLOCK);
        }
    }

    /// `F_SETFL` (`setfl`). `fd` is what the signal of `O_ASYNC` will name.
    ///
    /// # Errors
    /// `EINVAL` for `O_DIRECT` where it means nothing, `EPERM` for `O_NOATIME` by one who is not the owner.
    pub fn set_flags(self: &Arc<Self>, p: &Process<'_>, fd: i32, arg: u32) -> Result<()> {
        let old = self.flags();
        if arg & O_NOATIME != 0 && old & O_NOATIME == 0 {
            let owner = self.ops.stat().uid;
            if owner != p.cred.euid && !p.capable(crate::inode::CAP_FOWNER) {
                return Err(Errno::EPERM);
            }
        }
        if arg & O_DIRECT != 0 && !self.ops.stat().is_fifo() {
            return Err(Errno::EINVAL);
        }
        self.ops.check_flags(arg)?;
        if (arg ^ old) & FASYNC != 0
            && let Some(list) = self.ops.fasync()
        {
            list.change(self, fd, arg & FASYNC != 0);
        }
        // FASYNC is the list's to set: a file without one never shows it.
        let mask = SETFL_MASK & !FASYNC;
        self.change_flags(arg & mask, !arg & mask);
        Ok(())
    }

    /// Who gets `SIGIO` (`f_owner`), if somebody asked.
    #[inline]
    #[must_use]
    pub fn owner(&self) -> Option<&Arc<FOwn>> {
        self.owner.get()
    }

    /// Who gets `SIGIO`, made now if need be (`file_f_owner_allocate`).
    pub fn owner_or_init(&self) -> &Arc<FOwn> {
        self.owner.get_or_init(|| {
            let own = Arc::default();
            self.ops.owned(&own);
            own
        })
    }

    /// The file counts against this machine's `file-max` from now on, to the end; false if it counts already, here or elsewhere.
    #[inline]
    pub fn set_counted(&self, vfs: &Arc<Vfs>) -> bool {
        let state = self.state.load(Relaxed);
        if state & COUNTED != 0 || !Arc::ptr_eq(self.vfs.get_or_init(|| vfs.clone()), vfs) {
            return false;
        }
        self.state.store(state | COUNTED, Relaxed);
        true
    }

    /// What must be done before the operations hear of the end; false if it was done before.
    ///
    /// The file's count goes back to its machine, or to the caller if he says that he takes it.
    fn end(&mut self, counts_for: Option<&Arc<Vfs>>) -> End {
        let state = core::mem::take(self.state.get_mut());
        if state & OPENED == 0 {
            return End::Over;
        }
        if *self.flags.get_mut() & FASYNC != 0
            && let Some(list) = self.ops.fasync()
        {
            list.remove(self);
        }
        match self.vfs.get() {
            Some(vfs) if state & COUNTED != 0 => {
                if counts_for.is_some_and(|c| Arc::ptr_eq(c, vfs)) {
                    return End::Counted;
                }
                vfs.add_in_use(-1);
            }
            _ => {}
        }
        End::Now
    }
}

#[derive(PartialEq, Eq)]
enum End {
    /// It ended before.
    Over,
    /// It ends now.
    Now,
    /// It ends now, and the caller counts it.
    Counted,
}

impl Drop for File {
    fn drop(&mut self) {
        self.links.release(&*self.ops);
        if self.end(None) != End::Over {
            self.ops.release_detached();
        }
    }
}

/// Give a reference up (`fput`); the last one releases the file.
#[inline]
pub fn fput(file: Arc<File>, p: &Process<'_>) {
    put(file, p, None);
}

/// As [`fput`]; true if the file ended and counted for `counts_for`, who now has to count it off.
#[inline]
pub(crate) fn put(mut file: Arc<File>, p: &Process<'_>, counts_for: Option<&Arc<Vfs>>) -> bool {
    if let Some(last) = Arc::get_mut(&mut file) {
        let end = last.end(counts_for);
        if end != End::Over {
            last.ops.release(p, last);
        }
        if let Some(recycle) = last.ops.recycler() {
            recycle(file, p);
        }
        return end == End::Counted;
    }
    put_watched(file, p, counts_for)
}

/// As [`put`], for a file with other references or with epolls watching it.
#[cold]
fn put_watched(mut file: Arc<File>, p: &Process<'_>, counts_for: Option<&Arc<Vfs>>) -> bool {
    if Arc::strong_count(&file) == 1 && !file.links.is_empty() {
        // Only epolls know it still. They may look at it for a moment, but nobody can open it again: take it from them.
        file.links.release(file.ops());
        if Arc::get_mut(&mut file).is_some() {
            return put(file, p, counts_for);
        }
    }
    // Of all who come this way, exactly one gets the file.
    match Arc::into_inner(file) {
        Some(last) => put_inner(last, p, counts_for),
        None => false,
    }
}

/// The end of a file that nobody refers to any more, outside its [`Arc`].
pub(crate) fn put_inner(mut last: File, p: &Process<'_>, counts_for: Option<&Arc<Vfs>>) -> bool {
    last.links.release(&*last.ops);
    let end = last.end(counts_for);
    if end != End::Over {
        last.ops.release(p, &last);
    }
    end == End::Counted
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_small() {
        assert!(size_of::<File>() <= 80, "{}", size_of::<File>());
    }
}
