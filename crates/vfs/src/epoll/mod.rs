//! `epoll(7)`: `struct eventpoll`.
//!
//! Three parts, each with a lock, taken in this order: the table of watches (`ep->mtx`), held while files are asked; a file's list of its
//! watches ([`EpLinks`]); the ready list (`ep->lock`), held for a few stores only. A wake-up comes from a file's wait queue, puts the
//! watch on the ready list, and wakes who waits after the lock is dropped. Nothing is allocated between `epoll_ctl(2)` and the event.

mod ctl;
mod item;
mod nest;
mod ready;
mod wait;

pub use ctl::{epoll_create, epoll_create1, epoll_ctl};
pub use wait::{epoll_pwait, epoll_wait};

pub(crate) use item::EpLinks;

use crate::file::{File, FileOps, put_inner};
use crate::inode::Stat;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::vfs::Vfs;
use hashbrown::HashTable;
use item::EpItem;
use kern::context::Process;
use kern::sync::{SpinGuard, SpinLock};
use kern::wait::{WaitQueue, Wake};
use ready::Ready;
use std::sync::{Arc, Weak};
use uapi::fcntl::O_RDWR;
use uapi::poll::{EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT, EPOLLRDNORM, EPOLLWAKEUP};
use uapi::{Errno, Result};

/// The bits that say how to watch, not for what (`EP_PRIVATE_BITS`).
const POLL_MODES: u32 = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;

/// An epoll, as a kind of file.
pub struct Eventpoll(Arc<Core>);

/// `struct eventpoll`.
struct Core {
    vfs: Arc<Vfs>,
    table: SpinLock<Table>,
    ready: SpinLock<Ready>,
    /// Whether `ready` has anything, or is being scanned; written under its lock, read without (`ep_events_available`).
    available: AtomicBool,
    /// Those in `epoll_wait(2)`.
    wq: WaitQueue,
    /// Those who poll this epoll (`ep->poll_wait`).
    poll_wait: WaitQueue,
    /// The epolls that watch this one (`ep->refs`).
    parents: SpinLock<Vec<Weak<Core>>>,
    /// The loop check that came here last, and what it found.
    gen_seen: AtomicU64,
    gen_depth: AtomicU32,
}

/// The watches, by slot, and found by file and descriptor.
#[derive(Default)]
struct Table {
    items: Vec<Option<Arc<EpItem>>>,
    free: Vec<u32>,
    index: HashTable<u32>,
}

fn hash(key: (usize, i32)) -> u64 {
    // Descriptors are dense and nearly unique: spreading them is all that is needed.
    let x = (key.0 as u64 >> 4) ^ (u64::from(key.1 as u32) << 32 | u64::from(key.1 as u32));
    (x ^ (x >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26)
}

impl Table {
    fn key_of(items: &[Option<Arc<EpItem>>], slot: u32) -> (usize, i32) {
        items.get(slot as usize).and_then(Option::as_ref).map_or((0, -1), |item| item.key)
    }

    /// `ep_find`.
    fn find(&self, file: &Arc<File>, fd: i32) -> Option<Arc<EpItem>> {
        let key = (Arc::as_ptr(file).addr(), fd);
        let slot = self.index.find(hash(key), |&slot| Self::key_of(&self.items, slot) == key)?;
        self.items.get(*slot as usize)?.clone()
    }

    fn new_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.items.push(None);
            self.items.len() as u32 - 1
        })
    }

    fn insert(&mut self, item: Arc<EpItem>) {
        let (key, slot) = (item.key, item.slot);
        self.items[slot as usize] = Some(item);
        let items = &self.items;
        self.index.insert_unique(hash(key), slot, |&slot| hash(Self::key_of(items, slot)));
    }

    /// Take a watch out; false if it is out already.
    fn remove(&mut self, item: &Arc<EpItem>) -> bool {
        let here = self.items.get_mut(item.slot as usize);
        let Some(here) = here.filter(|i| i.as_ref().is_some_and(|i| Arc::ptr_eq(i, item))) else {
            return false;
        };
        if let Ok(entry) = self.index.find_entry(hash(item.key), |&slot| slot == item.slot) {
            entry.remove();
        }
        *here = None;
        self.free.push(item.slot);
        true
    }
}

impl Core {
    fn new(vfs: &Arc<Vfs>) -> Arc<Self> {
        Arc::new(Self {
            vfs: vfs.clone(),
            table: SpinLock::default(),
            ready: SpinLock::default(),
            available: AtomicBool::new(false),
            wq: WaitQueue::default(),
            poll_wait: WaitQueue::default(),
            parents: SpinLock::default(),
            gen_seen: AtomicU64::new(0),
            gen_depth: AtomicU32::new(0),
        })
    }

    /// A file wakes a watch: what that watches for, and whether somebody waits for it in `epoll_wait(2)`.
    fn item_woken(&self, item: &EpItem, mask: u32) -> (u32, bool) {
        let mut ready = self.ready.lock();
        let events = item.events();
        let wanted = events & !POLL_MODES != 0 && (mask == 0 || mask & events != 0);
        if !wanted || !item.alive.load(Ordering::Relaxed) {
            return (events, false);
        }
        ready.note(item.slot);
        (events, self.wake_waiters(ready))
    }

    /// A watch was found ready when it was put in or changed.
    fn item_ready(&self, item: &EpItem) {
        let mut ready = self.ready.lock();
        ready.note(item.slot);
        self.wake_waiters(ready);
    }

    /// Something is ready: one of those in `epoll_wait(2)` hears, and all who watch this epoll. True if the former exist.
    ///
    /// Both stand on their queue before they look, under the lock, whether anything is ready; so it is enough to look for them there.
    fn wake_waiters(&self, ready: SpinGuard<'_, Ready>) -> bool {
        self.available.store(true, Ordering::Release);
        let (waited, watched) = (self.wq.is_active(), self.poll_wait.is_active());
        drop(ready);
        if waited {
            self.wq.wake(EPOLLIN);
        }
        if watched {
            // EPOLLRDNORM, which polling would show, does not wake (`ep_poll_safewake`).
            self.poll_wait.wake(EPOLLIN);
        }
        waited
    }

    /// Whether anything is ready now, asking the files; what is not leaves the ready list (`__ep_eventpoll_poll`).
    fn poll(&self, p: &Process<'_>, last: &mut Vec<File>) -> u32 {
        let table = self.table.lock();
        self.ready.lock().start_scan();
        let mut found = 0;
        loop {
            let Some(slot) = self.ready.lock().pop_scan() else {
                break;
            };
            let Some(item) = table.items.get(slot as usize).and_then(Option::as_ref) else {
                continue;
            };
            if item.look(p, last) != 0 {
                self.ready.lock().unpop_scan(slot);
                found = EPOLLIN | EPOLLRDNORM;
                break;
            }
        }
        self.finish_scan(self.ready.lock());
        found
    }

    fn finish_scan(&self, mut ready: SpinGuard<'_, Ready>) {
        let again = ready.done_scan();
        self.available.store(again, Ordering::Release);
        let waited = again && self.wq.is_active();
        drop(ready);
        if waited {
            self.wq.wake(EPOLLIN);
        }
    }

    /// Take a watch out of the table, under its lock; what the file knows of it is another matter.
    fn detach(&self, table: &mut Table, item: &Arc<EpItem>) -> bool {
        if !table.remove(item) {
            return false;
        }
        let mut ready = self.ready.lock();
        item.alive.store(false, Ordering::Relaxed);
        ready.unlink(item.slot);
        drop(ready);
        if let Some(inner) = &item.inner {
            inner.forget_parent(self);
        }
        self.vfs.epoll_watches.fetch_sub(1, Ordering::Relaxed);
        true
    }

    /// A watched file ends.
    fn forget(&self, item: &Arc<EpItem>) {
        self.detach(&mut self.table.lock(), item);
    }

    fn forget_parent(&self, parent: &Core) {
        let mut parents = self.parents.lock();
        let at = parents.iter().position(|w| core::ptr::eq(w.as_ptr(), parent));
        let gone = at.map(|i| parents.swap_remove(i));
        drop(parents);
        drop(gone);
    }

    /// The epoll ends (`ep_clear_and_put`).
    fn clear(&self, p: Option<&Process<'_>>) {
        loop {
            let mut table = self.table.lock();
            let Some(item) = table.items.iter().rev().find_map(Clone::clone) else {
                return;
            };
            // The slot is cut off too, so that the next search starts at the end.
            self.detach(&mut table, &item);
            let len = table.items.iter().rposition(Option::is_some).map_or(0, |i| i + 1);
            table.items.truncate(len);
            drop(table);
            if let Some(file) = item.file() {
                file.links.remove(&item);
                item.dequeue(file.ops());
                match p {
                    Some(p) => crate::file::fput(file, p),
                    None => drop(file),
                }
            }
        }
    }
}

/// Files whose last reference was held while they were asked: released when no lock is held.
fn release_all(last: Vec<File>, p: &Process<'_>) {
    for file in last {
        put_inner(file, p, None);
    }
}

impl Eventpoll {
    /// A new epoll that watches nothing.
    #[must_use]
    pub fn new(vfs: &Arc<Vfs>) -> Self {
        Self(Core::new(vfs))
    }

    /// Be told when it becomes ready: how a world outside learns that `epoll_wait(2)` would return.
    pub fn set_notify(&self, notify: Arc<dyn Wake>) {
        self.0.poll_wait.add(notify, false);
    }

    /// How many files it watches.
    #[must_use]
    pub fn watches(&self) -> usize {
        self.0.table.lock().index.len()
    }
}

impl core::fmt::Debug for Eventpoll {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Eventpoll").field("watches", &self.watches()).finish_non_exhaustive()
    }
}

impl FileOps for Eventpoll {
    fn poll(&self, p: &Process<'_>, _file: &File) -> u32 {
        let mut last = Vec::new();
        let ready = self.0.poll(p, &mut last);
        release_all(last, p);
        ready
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.0.poll_wait)
    }

    fn ioctl(&self, _p: &Process<'_>, _file: &File, _cmd: u32, _arg: &mut [u8]) -> Result<i32> {
        Err(Errno::EINVAL)
    }

    fn llseek(&self, _p: &Process<'_>, _file: &File, _offset: i64, _whence: i32) -> Result<i64> {
        Ok(0)
    }

    fn stat(&self) -> Stat {
        self.0.vfs.anon_stat()
    }

    fn name(&self) -> String {
        "anon_inode:[eventpoll]".into()
    }

    fn release(&self, p: &Process<'_>, _file: &File) {
        self.0.clear(Some(p));
    }

    fn release_detached(&self) {
        self.0.clear(None);
    }
}

/// A new epoll as a file, not yet at a descriptor.
#[must_use]
pub fn eventpoll_file(vfs: &Arc<Vfs>) -> Arc<File> {
    File::new(Arc::new(Eventpoll::new(vfs)), O_RDWR)
}
