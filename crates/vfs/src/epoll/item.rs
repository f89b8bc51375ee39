//! One file watched by one epoll (`struct epitem`), and a file's list of those (`f_ep`).

use super::{Core, POLL_MODES};
use crate::file::{File, FileOps};
use crate::sync::{self, AtomicBool, AtomicU32, AtomicU64, Fault, Ordering::Relaxed};
use kern::context::Process;
use kern::sync::SpinLock;
use kern::wait::{WaitKey, Wake};
use std::sync::{Arc, Weak};
use uapi::poll::{EPOLLEXCLUSIVE, EPOLLIN, EPOLLOUT};

/// A watch: stands in the epoll's table, on the file's list and on the file's wait queue.
pub(super) struct EpItem {
    /// The epoll. It lets go of its items when it is closed, which ends the circle.
    pub(super) core: Arc<Core>,
    file: Weak<File>,
    /// Set if the file is an epoll itself.
    pub(super) inner: Option<Arc<Core>>,
    /// The file's address and the descriptor it was given by: the key.
    pub(super) key: (usize, i32),
    /// The place in the table and the ready list.
    pub(super) slot: u32,
    events: AtomicU32,
    data: AtomicU64,
    /// Changed under the ready list's lock: a wake-up may come late, after the end.
    pub(super) alive: AtomicBool,
    queued: SpinLock<Option<WaitKey>>,
    next_of_file: SpinLock<Option<Arc<EpItem>>>,
}

impl EpItem {
    pub(super) fn new(
        core: &Arc<Core>,
        file: &Arc<File>,
        fd: i32,
        slot: u32,
        events: u32,
        data: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            core: core.clone(),
            file: Arc::downgrade(file),
            inner: file.downcast::<super::Eventpoll>().map(|ep| ep.0.clone()),
            key: (Arc::as_ptr(file).addr(), fd),
            slot,
            events: AtomicU32::new(events),
            data: AtomicU64::new(data),
            alive: AtomicBool::new(true),
            queued: SpinLock::default(),
            next_of_file: SpinLock::default(),
        })
    }

    pub(super) fn events(&self) -> u32 {
        self.events.load(Relaxed)
    }

    pub(super) fn data(&self) -> u64 {
        self.data.load(Relaxed)
    }

    /// Watch for something else. Under the ready list's lock, as a wake-up reads it: whichever of the two comes first, the other sees what
    /// was stored before it. Ask the file after it.
    pub(super) fn set(&self, events: u32, data: u64) {
        let _ready = (!sync::is(Fault::ModUnlocked)).then(|| self.core.ready.lock());
        self.events.store(events, Relaxed);
        self.data.store(data, Relaxed);
    }

    /// One event was given, and `EPOLLONESHOT` wants no more.
    pub(super) fn disable(&self) {
        self.events.fetch_and(POLL_MODES, Relaxed);
    }

    pub(super) fn file(&self) -> Option<Arc<File>> {
        self.file.upgrade()
    }

    /// Ask the file (`ep_item_poll`). If this look turns out to hold the last reference to a file, the file goes to `last`: it must not
    /// be released while a table is locked.
    #[inline]
    pub(super) fn look(&self, p: &Process<'_>, last: &mut Vec<File>) -> u32 {
        if let Some(inner) = &self.inner {
            return inner.poll(p, last) & self.events();
        }
        let Some(file) = self.file.upgrade() else {
            return 0;
        };
        let revents = file.ops().poll(p, &file) & self.events();
        last.extend(Arc::into_inner(file));
        revents
    }

    /// Stand on the file's wait queue (`ep_ptable_queue_proc`).
    pub(super) fn enqueue(self: &Arc<Self>, ops: &dyn FileOps) {
        if let Some(wq) = ops.wait_queue() {
            let exclusive = self.events() & EPOLLEXCLUSIVE != 0;
            let key = wq.add(self.clone(), exclusive);
            *self.queued.lock() = Some(key);
        }
    }

    /// Leave it.
    pub(super) fn dequeue(&self, ops: &dyn FileOps) {
        let key = self.queued.lock().take();
        if let (Some(key), Some(wq)) = (key, ops.wait_queue()) {
            wq.remove(key);
        }
    }
}

impl Wake for EpItem {
    /// The file says that something changed (`ep_poll_callback`).
    fn wake(&self, mask: u32) -> bool {
        let (events, waited) = self.core.item_woken(self, mask);
        if events & EPOLLEXCLUSIVE == 0 {
            return true;
        }
        // An epoll on which nobody waits leaves the wake-up to the next one.
        waited
            && match mask & (EPOLLIN | EPOLLOUT) {
                EPOLLIN => events & EPOLLIN != 0,
                EPOLLOUT => events & EPOLLOUT != 0,
                0 => true,
                _ => false,
            }
    }
}

/// The watches of one file, newest first.
#[derive(Default)]
pub(crate) struct EpLinks(SpinLock<Option<Arc<EpItem>>>);

impl EpLinks {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_none()
    }

    pub(super) fn add(&self, item: &Arc<EpItem>) {
        let mut head = self.0.lock();
        *item.next_of_file.lock() = head.replace(item.clone());
    }

    /// Take one off; false if it was not there.
    pub(super) fn remove(&self, item: &Arc<EpItem>) -> bool {
        let mut head = self.0.lock();
        let rest = item.next_of_file.lock().take();
        match head.as_ref() {
            None => false,
            Some(first) if Arc::ptr_eq(first, item) => {
                *head = rest;
                true
            }
            Some(first) => {
                let mut at = first.clone();
                loop {
                    let next = at.next_of_file.lock().clone();
                    match next {
                        None => return false,
                        Some(next) if Arc::ptr_eq(&next, item) => {
                            *at.next_of_file.lock() = rest;
                            return true;
                        }
                        Some(next) => at = next,
                    }
                }
            }
        }
    }

    /// All of them, at this moment.
    pub(super) fn list(&self) -> Vec<Arc<EpItem>> {
        let head = self.0.lock();
        let mut out = Vec::new();
        let mut at = head.clone();
        while let Some(item) = at {
            at = item.next_of_file.lock().clone();
            out.push(item);
        }
        out
    }

    /// The file ends: no epoll watches it any more (`eventpoll_release`).
    #[inline]
    pub(crate) fn release(&self, ops: &dyn FileOps) {
        loop {
            let mut head = self.0.lock();
            let Some(item) = head.take() else {
                return;
            };
            *head = item.next_of_file.lock().take();
            drop(head);
            item.dequeue(ops);
            item.core.forget(&item);
        }
    }
}
