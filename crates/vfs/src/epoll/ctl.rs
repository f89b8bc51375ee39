//! `epoll_create(2)` and `epoll_ctl(2)`.

use super::item::EpItem;
use super::{Core, Eventpoll, Table, eventpoll_file, release_all};
use crate::file::File;
use crate::files::Files;
use crate::sync::{self, Fault};
use core::sync::atomic::Ordering;
use kern::context::Process;
use std::sync::Arc;
use uapi::cap::CAP_BLOCK_SUSPEND;
use uapi::fcntl::O_CLOEXEC;
use uapi::poll::{
    EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLERR, EPOLLEXCLUSIVE, EPOLLEXCLUSIVE_OK_BITS, EPOLLHUP,
    EPOLLWAKEUP, EpollEvent,
};
use uapi::{Errno, Result};

/// `epoll_create(2)`.
///
/// # Errors
/// `EINVAL` if `size` is not positive; `EMFILE`, `ENFILE`.
pub fn epoll_create(p: &Process<'_>, files: &Files, size: i32) -> Result<i32> {
    if size <= 0 {
        return Err(Errno::EINVAL);
    }
    epoll_create1(p, files, 0)
}

/// `epoll_create1(2)`.
///
/// # Errors
/// `EINVAL` for other flags than `EPOLL_CLOEXEC`; `EMFILE`, `ENFILE`.
pub fn epoll_create1(p: &Process<'_>, files: &Files, flags: u32) -> Result<i32> {
    if flags & !O_CLOEXEC != 0 {
        return Err(Errno::EINVAL);
    }
    files.open(p, flags, || Ok(eventpoll_file(files.vfs())))
}

/// `epoll_ctl(2)`; without `event` the caller gave a null pointer.
///
/// # Errors
/// As the man page has them: `EFAULT`, `EBADF`, `EPERM`, `EINVAL`, `EEXIST`, `ENOENT`, `ELOOP`, `ENOSPC`.
pub fn epoll_ctl(
    p: &Process<'_>,
    files: &Files,
    epfd: i32,
    op: i32,
    fd: i32,
    event: Option<EpollEvent>,
) -> Result<()> {
    let event = match event {
        None if op != EPOLL_CTL_DEL => return Err(Errno::EFAULT),
        event => event.unwrap_or_default(),
    };
    files.with(p, epfd, |epoll| files.with(p, fd, |target| ctl(p, epoll, op, target, fd, event)))??
}

fn ctl(
    p: &Process<'_>,
    epoll: &Arc<File>,
    op: i32,
    target: &Arc<File>,
    fd: i32,
    event: EpollEvent,
) -> Result<()> {
    if !target.ops().can_poll() {
        return Err(Errno::EPERM);
    }
    let (mut events, data) = (event.events, event.data);
    if events & EPOLLWAKEUP != 0 && !p.capable(CAP_BLOCK_SUSPEND) {
        events &= !EPOLLWAKEUP;
    }
    let ep = match epoll.downcast::<Eventpoll>() {
        Some(ep) if !Arc::ptr_eq(epoll, target) => &ep.0,
        _ => return Err(Errno::EINVAL),
    };
    let inner = target.downcast::<Eventpoll>().map(|ep| &ep.0);
    let exclusive = op != EPOLL_CTL_DEL && events & EPOLLEXCLUSIVE != 0;
    if exclusive
        && (op == EPOLL_CTL_MOD
            || op == EPOLL_CTL_ADD && (inner.is_some() || events & !EPOLLEXCLUSIVE_OK_BITS != 0))
    {
        return Err(Errno::EINVAL);
    }
    let new = New { events: events | EPOLLERR | EPOLLHUP, data };
    match op {
        EPOLL_CTL_ADD if inner.is_some() || ep.is_nested() => {
            ep.check_and_add(p, target, inner, |table, last, check| {
                ep.add(p, table, last, target, fd, &new, check)
            })
        }
        EPOLL_CTL_ADD => ep.locked(p, |table, last| ep.add(p, table, last, target, fd, &new, None)),
        EPOLL_CTL_DEL => ep.locked(p, |table, _| {
            let item = table.find(target, fd).ok_or(Errno::ENOENT)?;
            target.links.remove(&item);
            item.dequeue(target.ops());
            ep.detach(table, &item);
            Ok(())
        }),
        EPOLL_CTL_MOD => ep.locked(p, |table, last| {
            let item = table.find(target, fd).ok_or(Errno::ENOENT)?;
            if item.events() & EPOLLEXCLUSIVE != 0 {
                return Err(Errno::EINVAL);
            }
            item.set(new.events, new.data);
            ep.ask(p, last, &item);
            Ok(())
        }),
        _ => Err(Errno::EINVAL),
    }
}

/// What a watch is to be.
struct New {
    events: u32,
    data: u64,
}

/// Says whether a watch that was put in may stay.
pub(super) type Check<'a> = &'a dyn Fn() -> bool;

impl Core {
    /// Do something under the table's lock, then release the files that must not be released there.
    pub(super) fn locked(
        &self,
        p: &Process<'_>,
        f: impl FnOnce(&mut Table, &mut Vec<File>) -> Result<()>,
    ) -> Result<()> {
        let mut last = Vec::new();
        let result = f(&mut self.table.lock(), &mut last);
        release_all(last, p);
        result
    }

    /// `ep_insert`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of one system call")]
    fn add(
        self: &Arc<Self>,
        p: &Process<'_>,
        table: &mut Table,
        last: &mut Vec<File>,
        target: &Arc<File>,
        fd: i32,
        new: &New,
        check: Option<Check<'_>>,
    ) -> Result<()> {
        if table.find(target, fd).is_some() {
            return Err(Errno::EEXIST);
        }
        if self.vfs.epoll_watches.load(Ordering::Relaxed) >= self.vfs.max_user_watches() {
            return Err(Errno::ENOSPC);
        }
        self.vfs.epoll_watches.fetch_add(1, Ordering::Relaxed);
        let slot = table.new_slot();
        let item = EpItem::new(self, target, fd, slot, new.events, new.data);
        self.ready.lock().add_slot(slot);
        table.insert(item.clone());
        target.links.add(&item);
        if let Some(inner) = &item.inner {
            inner.parents.lock().push(Arc::downgrade(self));
        }
        if check.is_some_and(|may_stay| !may_stay()) {
            target.links.remove(&item);
            self.detach(table, &item);
            return Err(Errno::EINVAL);
        }
        // First stand on the queue, then ask: whatever happens between is seen by one of the two.
        if sync::is(Fault::AskedFirst) {
            self.ask(p, last, &item);
        }
        item.enqueue(target.ops());
        if !sync::is(Fault::AskedFirst) {
            self.ask(p, last, &item);
        }
        Ok(())
    }

    /// See whether a new or changed watch is ready already.
    fn ask(&self, p: &Process<'_>, last: &mut Vec<File>, item: &Arc<EpItem>) {
        if item.look(p, last) != 0 {
            self.item_ready(item);
        }
    }
}
