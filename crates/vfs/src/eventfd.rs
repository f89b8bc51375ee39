//! `eventfd(2)`: a counter to wait on.

use crate::file::{File, FileOps};
use crate::files::Files;
use crate::inode::Stat;
use crate::iov::{IovSink, IovSource};
use crate::vfs::Vfs;
use crate::wait::wait_event;
use kern::context::Process;
use kern::sync::SpinLock;
use kern::wait::WaitQueue;
use std::sync::Arc;
use uapi::fcntl::{O_CLOEXEC, O_NONBLOCK, O_RDWR};
use uapi::poll::{EPOLLERR, EPOLLIN, EPOLLOUT};
use uapi::{Errno, Result};

/// Reading takes one, not all.
pub const EFD_SEMAPHORE: u32 = 1;

/// `struct eventfd_ctx`.
struct EventFd {
    vfs: Arc<Vfs>,
    count: SpinLock<u64>,
    wq: WaitQueue,
    semaphore: bool,
}

/// `eventfd2(2)`; `eventfd(2)` with no flags.
///
/// # Errors
/// `EINVAL` for unknown flags; `EMFILE`, `ENFILE`.
pub fn eventfd(p: &Process<'_>, files: &Files, count: u32, flags: u32) -> Result<i32> {
    if flags & !(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    files.open(p, flags, || {
        let ops = EventFd {
            vfs: files.vfs().clone(),
            count: SpinLock::new(u64::from(count)),
            wq: WaitQueue::default(),
            semaphore: flags & EFD_SEMAPHORE != 0,
        };
        Ok(File::new(Arc::new(ops), O_RDWR | flags & O_NONBLOCK))
    })
}

impl EventFd {
    fn take(&self) -> Option<u64> {
        let mut count = self.count.lock();
        let n = if self.semaphore { 1.min(*count) } else { *count };
        *count -= n;
        (n != 0).then_some(n)
    }

    fn add(&self, n: u64) -> Option<()> {
        let mut count = self.count.lock();
        // u64::MAX itself is kept for overflows inside the kernel.
        if u64::MAX - *count <= n {
            return None;
        }
        *count += n;
        Some(())
    }

    fn block<R>(&self, p: &Process<'_>, file: &File, mut cond: impl FnMut() -> Option<R>) -> Result<R> {
        match cond() {
            Some(result) => Ok(result),
            None if file.nonblock() => Err(Errno::EAGAIN),
            None => wait_event(p, &self.wq, None, cond),
        }
    }

    fn wake(&self, mask: u32) {
        if self.wq.has_sleepers() {
            self.wq.wake(mask);
        }
    }
}

impl FileOps for EventFd {
    fn read(&self, p: &Process<'_>, file: &File, to: &mut IovSink<'_>) -> Result<usize> {
        if to.remaining() < 8 {
            return Err(Errno::EINVAL);
        }
        let n = self.block(p, file, || self.take())?;
        self.wake(EPOLLOUT);
        Ok(to.copy_from(&n.to_ne_bytes()))
    }

    fn write(&self, p: &Process<'_>, file: &File, from: &mut IovSource<'_>) -> Result<usize> {
        let mut done = 0;
        loop {
            // Each piece of a writev(2) is a write of its own.
            let one = <[u8; 8]>::try_from(from.next_chunk()).map_err(|_| Errno::EINVAL);
            let wrote = one.and_then(|bytes| {
                let n = u64::from_ne_bytes(bytes);
                if n == u64::MAX {
                    return Err(Errno::EINVAL);
                }
                self.block(p, file, || self.add(n))?;
                self.wake(EPOLLIN);
                Ok(())
            });
            match wrote {
                Ok(()) => {
                    from.advance(8);
                    done += 8;
                    if from.remaining() == 0 {
                        return Ok(done);
                    }
                }
                Err(_) if done > 0 => return Ok(done),
                Err(e) => return Err(e),
            }
        }
    }

    fn poll(&self, _p: &Process<'_>, _file: &File) -> u32 {
        let count = *self.count.lock();
        let mut mask = 0;
        if count > 0 {
            mask |= EPOLLIN;
        }
        if count == u64::MAX {
            mask |= EPOLLERR;
        }
        if count < u64::MAX - 1 {
            mask |= EPOLLOUT;
        }
        mask
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.wq)
    }

    fn llseek(&self, _p: &Process<'_>, _file: &File, _offset: i64, _whence: i32) -> Result<i64> {
        Ok(0)
    }

    fn stat(&self) -> Stat {
        self.vfs.anon_stat()
    }

    fn name(&self) -> String {
        "anon_inode:[eventfd]".into()
    }

    fn release(&self, _p: &Process<'_>, _file: &File) {}

    fn release_detached(&self) {}
}
