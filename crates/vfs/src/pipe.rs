//! `pipe(2)`: bytes from one descriptor to another.
//!
//! Bytes lie in pages, and the limit is on pages, not bytes, as in the kernel: how much fits depends on how it was written.

use crate::fasync::{Band, FasyncList, SIGIO};
use crate::file::{File, FileOps};
use crate::files::Files;
use crate::inode::{InodeAttr, SetAttr, Stat};
use crate::iov::{IovSink, IovSource};
use crate::wait::{Deadline, Stand, sleep_once};
use kern::context::Process;
use kern::sync::SpinLock;
use kern::wait::WaitQueue;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::cap::CAP_SYS_RESOURCE;
use uapi::fcntl::{O_CLOEXEC, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY, S_IFIFO};
use uapi::poll::{EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM};
use uapi::{Errno, Result};

pub(crate) const PAGE: usize = 4096;
/// Pages a new pipe has (`PIPE_DEF_BUFFERS`).
const DEFAULT_PAGES: usize = 16;
/// The device of pipefs.
const PIPE_DEV: u64 = 15;
/// Watch queues, which only a kernel configured for them knows.
const O_NOTIFICATION_PIPE: u32 = 0o200;
const READABLE: u32 = EPOLLIN | EPOLLRDNORM;
const WRITABLE: u32 = EPOLLOUT | EPOLLWRNORM;

/// A page with data (`struct pipe_buffer`).
pub(crate) struct Page {
    data: Vec<u8>,
    start: usize,
    /// Written by one call with `O_DIRECT`: read as one.
    packet: bool,
    /// A later write may fill the page up (`PIPE_BUF_FLAG_CAN_MERGE`).
    merge: bool,
}

impl Page {
    pub(crate) fn len(&self) -> usize {
        self.data.len() - self.start
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data[self.start..]
    }

    /// The first bytes once more, in a page that nobody fills up (`tee(2)`, a splice of a part).
    pub(crate) fn copy(&self, len: usize) -> Page {
        let data = self.bytes()[..len.min(self.len())].to_vec();
        Page { data, start: 0, packet: self.packet, merge: false }
    }

    /// A page with these bytes, which nobody fills up.
    pub(crate) fn filled(data: Vec<u8>) -> Page {
        Page { data, start: 0, packet: false, merge: false }
    }
}

pub(crate) struct Ring {
    pub(crate) pages: VecDeque<Page>,
    pub(crate) max: usize,
    pub(crate) readers: bool,
    pub(crate) writers: bool,
    /// Somebody polled: from then on every write tells, not only the first into an empty pipe (`poll_usage`).
    polled: bool,
    /// A page that is kept for the next write.
    spare: Option<Vec<u8>>,
}

impl Ring {
    pub(crate) fn full(&self) -> bool {
        self.pages.len() >= self.max
    }

    fn put(&mut self, from: &mut IovSource<'_>, packet: bool) -> usize {
        let mut data = self.spare.take().unwrap_or_else(|| Vec::with_capacity(PAGE));
        data.resize(from.remaining().min(PAGE), 0);
        let n = from.copy_to(&mut data);
        data.truncate(n);
        self.pages.push_back(Page { data, start: 0, packet, merge: !packet });
        n
    }

    /// Put what is left over full pages behind what lies in the last page, if all of it fits there.
    fn merge(&mut self, from: &mut IovSource<'_>) -> usize {
        let odd = from.remaining() % PAGE;
        match self.pages.back_mut() {
            Some(page) if odd != 0 && page.merge && page.data.len() + odd <= PAGE => {
                let old = page.data.len();
                page.data.resize(old + odd, 0);
                let n = from.copy_to(&mut page.data[old..]);
                page.data.truncate(old + n);
                n
            }
            _ => 0,
        }
    }

    /// Drop the first bytes; true if a page became free.
    pub(crate) fn consume(&mut self, mut n: usize) -> bool {
        let before = self.pages.len();
        while let Some(page) = self.pages.front_mut() {
            let here = n.min(page.len());
            page.start += here;
            n -= here;
            if page.len() > 0 {
                break;
            }
            self.pages.pop_front();
        }
        self.pages.len() < before
    }

    /// Take bytes out; says also whether a page became free in a full pipe.
    fn take(&mut self, to: &mut IovSink<'_>) -> (usize, bool) {
        let (mut done, mut freed) = (0, false);
        while to.remaining() > 0 {
            let Some(page) = self.pages.front_mut() else {
                break;
            };
            let n = to.copy_from(&page.data[page.start..]);
            page.start += n;
            done += n;
            let packet = page.packet;
            if page.len() == 0 || packet {
                freed |= self.full();
                if let Some(mut page) = self.pages.pop_front() {
                    page.data.clear();
                    self.spare = Some(page.data);
                }
            }
            if packet {
                break;
            }
        }
        (done, freed)
    }
}

/// `struct pipe_inode_info`.
pub(crate) struct Pipe {
    pub(crate) ring: SpinLock<Ring>,
    rd_wait: WaitQueue,
    wr_wait: WaitQueue,
    fasync_readers: FasyncList,
    fasync_writers: FasyncList,
    inode: InodeAttr,
}

/// One end, as a kind of file.
struct End {
    pipe: Arc<Pipe>,
    write: bool,
}

/// `pipe2(2)`: the reading and the writing descriptor.
///
/// # Errors
/// `EINVAL` for unknown flags; `EMFILE`, `ENFILE`.
pub fn pipe2(p: &Process<'_>, files: &Files, flags: u32) -> Result<(i32, i32)> {
    if flags & !(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_NOTIFICATION_PIPE) != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & O_NOTIFICATION_PIPE != 0 {
        return Err(Errno::ENOPKG);
    }
    let vfs = files.vfs();
    let pipe = Arc::new(Pipe {
        ring: SpinLock::new(Ring {
            pages: VecDeque::new(),
            max: DEFAULT_PAGES,
            readers: true,
            writers: true,
            polled: false,
            spare: None,
        }),
        rd_wait: WaitQueue::default(),
        wr_wait: WaitQueue::default(),
        fasync_readers: FasyncList::default(),
        fasync_writers: FasyncList::default(),
        inode: InodeAttr::new(vfs.next_ino(), S_IFIFO | 0o600, p.cred.euid, p.cred.egid),
    });
    pipe.inode.set_times(p.cpu.clock().realtime_ns());
    let file = |write: bool| {
        // Only the writing end knows of packets: they are marked when they are written.
        let mode = if write { O_WRONLY | flags & O_DIRECT } else { O_RDONLY };
        let pipe = pipe.clone();
        File::new(Arc::new(End { pipe, write }), mode | flags & O_NONBLOCK)
    };
    let read = files.open(p, flags, || Ok(file(false)))?;
    match files.open(p, flags, || Ok(file(true))) {
        Ok(write) => Ok((read, write)),
        Err(e) => {
            let _ = files.close(p, read);
            Err(e)
        }
    }
}

impl Pipe {
    /// The pipe a file is an end of (`get_pipe_info`).
    pub(crate) fn of(file: &File) -> Option<&Pipe> {
        file.downcast::<End>().map(|end| &*end.pipe)
    }

    /// Sleep until `ready`, which data (`read`) or room may bring about; or for nothing.
    pub(crate) fn sleep(&self, p: &Process<'_>, read: bool, ready: impl Fn(&Ring) -> bool) {
        let wq = if read { &self.rd_wait } else { &self.wr_wait };
        sleep_once(p, wq, Stand::Exclusive, Deadline::Never, || ready(&self.ring.lock()));
    }

    /// `wakeup_pipe_readers`.
    pub(crate) fn wake_readers(&self) {
        self.rd_wait.wake(0);
        self.fasync_readers.kill(SIGIO, Band::In);
    }

    /// `wakeup_pipe_writers`.
    pub(crate) fn wake_writers(&self) {
        self.wr_wait.wake(0);
        self.fasync_writers.kill(SIGIO, Band::Out);
    }
}

impl End {
    fn close(&self) {
        let mut ring = self.pipe.ring.lock();
        if self.write {
            ring.writers = false;
        } else {
            ring.readers = false;
        }
        let other_side_hears = ring.readers != ring.writers;
        drop(ring);
        if other_side_hears {
            self.pipe.rd_wait.wake_all(READABLE | EPOLLERR | EPOLLHUP);
            self.pipe.wr_wait.wake_all(WRITABLE | EPOLLERR | EPOLLHUP);
            self.pipe.fasync_readers.kill(SIGIO, Band::In);
            self.pipe.fasync_writers.kill(SIGIO, Band::Out);
        }
    }
}

impl FileOps for End {
    fn read(&self, p: &Process<'_>, file: &File, to: &mut IovSink<'_>) -> Result<usize> {
        if to.remaining() == 0 {
            return Ok(0);
        }
        let mut waited = false;
        loop {
            let mut ring = self.pipe.ring.lock();
            let (done, freed) = ring.take(to);
            let (more, writers) = (!ring.pages.is_empty(), ring.writers);
            drop(ring);
            let result = if done > 0 || !writers {
                Ok(done)
            } else if file.nonblock() {
                Err(Errno::EAGAIN)
            } else if p.signal_pending() {
                return Err(Errno::ERESTARTSYS);
            } else {
                self.pipe.sleep(p, true, |ring| !ring.pages.is_empty() || !ring.writers);
                waited = true;
                continue;
            };
            if freed {
                self.pipe.wr_wait.wake(WRITABLE);
            }
            // One writer's call woke one reader: what is left is the next reader's.
            if waited && more {
                self.pipe.rd_wait.wake(READABLE);
            }
            self.pipe.fasync_writers.kill(SIGIO, Band::Out);
            return result;
        }
    }

    /// The signal that goes with `EPIPE` is the caller's to send.
    fn write(&self, p: &Process<'_>, file: &File, from: &mut IovSource<'_>) -> Result<usize> {
        if from.remaining() == 0 {
            return Ok(0);
        }
        let packet = file.flags() & O_DIRECT != 0;
        let (mut done, mut waited) = (0, false);
        loop {
            let mut ring = self.pipe.ring.lock();
            let was_empty = ring.readers && ring.pages.is_empty();
            if ring.readers {
                if !waited && !was_empty {
                    done += ring.merge(from);
                }
                while from.remaining() > 0 && !ring.full() {
                    done += ring.put(from, packet);
                }
            }
            let end = if !ring.readers {
                Some(Errno::EPIPE)
            } else if file.nonblock() {
                Some(Errno::EAGAIN)
            } else {
                p.signal_pending().then_some(Errno::ERESTARTSYS)
            };
            let over = from.remaining() == 0 || end.is_some();
            // Who polled once hears of every write, even of one that found no room (epoll came to rely on it).
            let tell = was_empty || over && ring.polled;
            let next = waited && over && !ring.full();
            drop(ring);
            if tell {
                self.pipe.rd_wait.wake(READABLE);
            }
            self.pipe.fasync_readers.kill(SIGIO, Band::In);
            if next {
                self.pipe.wr_wait.wake(WRITABLE);
            }
            match end {
                _ if from.remaining() == 0 => return Ok(done),
                Some(_) if done > 0 => return Ok(done),
                Some(e) => return Err(e),
                None => {
                    self.pipe.sleep(p, false, |ring| !ring.full() || !ring.readers);
                    waited = true;
                }
            }
        }
    }

    fn poll(&self, _p: &Process<'_>, _file: &File) -> u32 {
        let mut ring = self.pipe.ring.lock();
        ring.polled = true;
        let mut mask = 0;
        if self.write {
            if !ring.full() {
                mask |= WRITABLE;
            }
            if !ring.readers {
                mask |= EPOLLERR;
            }
        } else {
            if !ring.pages.is_empty() {
                mask |= READABLE;
            }
            if !ring.writers {
                mask |= EPOLLHUP;
            }
        }
        mask
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(if self.write { &self.pipe.wr_wait } else { &self.pipe.rd_wait })
    }

    fn ioctl(&self, _p: &Process<'_>, _file: &File, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        if cmd != uapi::ioctl::FIONREAD {
            return Err(Errno::ENOTTY);
        }
        let bytes: usize = self.pipe.ring.lock().pages.iter().map(Page::len).sum();
        let arg = arg.first_chunk_mut().ok_or(Errno::EFAULT)?;
        *arg = (bytes as i32).to_ne_bytes();
        Ok(0)
    }

    fn fallocate(&self, _p: &Process<'_>, _file: &File, _mode: i32, _offset: i64, _len: i64) -> Result<()> {
        Err(Errno::ESPIPE)
    }

    fn stat(&self) -> Stat {
        self.pipe.inode.stat(PIPE_DEV)
    }

    fn setattr(&self, p: &Process<'_>, attr: &SetAttr) -> Result<()> {
        self.pipe.inode.setattr(p, attr, p.cpu.clock().realtime_ns())
    }

    fn name(&self) -> String {
        format!("pipe:[{}]", self.pipe.inode.ino())
    }

    fn can_splice(&self) -> bool {
        true
    }

    fn fasync(&self) -> Option<&FasyncList> {
        Some(if self.write { &self.pipe.fasync_writers } else { &self.pipe.fasync_readers })
    }

    fn release(&self, _p: &Process<'_>, _file: &File) {
        self.close();
    }

    fn release_detached(&self) {
        self.close();
    }
}

/// `F_GETPIPE_SZ`.
///
/// # Errors
/// `EBADF` if it is no pipe.
pub fn pipe_size(file: &File) -> Result<i32> {
    let end = file.downcast::<End>().ok_or(Errno::EBADF)?;
    Ok((end.pipe.ring.lock().max * PAGE) as i32)
}

/// `F_SETPIPE_SZ`: gives the size it got.
///
/// # Errors
/// `EBADF` if it is no pipe, `EINVAL` for a size beyond 2 GiB, `EPERM` beyond `pipe-max-size`, `EBUSY` if what is in it would not fit.
pub fn set_pipe_size(p: &Process<'_>, files: &Files, file: &File, size: u32) -> Result<i32> {
    let end = file.downcast::<End>().ok_or(Errno::EBADF)?;
    if size > 1 << 31 {
        return Err(Errno::EINVAL);
    }
    let pages = (size as usize).div_ceil(PAGE).max(1).next_power_of_two();
    let mut ring = end.pipe.ring.lock();
    let limit = files.vfs().pipe_max_size.load(Relaxed) as usize;
    if pages > ring.max && pages * PAGE > limit && !p.capable(CAP_SYS_RESOURCE) {
        return Err(Errno::EPERM);
    }
    if pages < ring.pages.len() {
        return Err(Errno::EBUSY);
    }
    ring.max = pages;
    drop(ring);
    // There may be more room; writers are told even if there is not (pipe_resize_ring).
    end.pipe.wr_wait.wake(0);
    i32::try_from(pages * PAGE).map_err(|_| Errno::EINVAL)
}
