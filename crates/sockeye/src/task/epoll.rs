//! poll(2), select(2), epoll(7).

use super::Task;
use kern::wait::Wake;
use std::sync::Arc;
use uapi::poll::{EpollEvent, PollFd};
use uapi::{Errno, Result};
use vfs::Timeout;
use vfs::epoll::{self, Eventpoll};
use vfs::select::FdSet;

impl Task {
    /// poll(2) and ppoll(2).
    pub fn poll(&self, fds: &mut [PollFd], timeout: Timeout) -> Result<usize> {
        Task::interrupted(vfs::poll::poll(&self.process(), &self.files, fds, timeout))
    }

    /// select(2) and pselect(2): read, write and exceptional sets.
    pub fn select(&self, n: i32, sets: &mut [FdSet<'_>; 3], timeout: Timeout) -> Result<usize> {
        Task::interrupted(vfs::select::select(&self.process(), &self.files, n, sets, timeout))
    }

    /// epoll_create1(2).
    pub fn epoll_create1(&self, flags: i32) -> Result<i32> {
        epoll::epoll_create1(&self.process(), &self.files, flags as u32)
    }

    /// epoll_ctl(2).
    pub fn epoll_ctl(&self, epfd: i32, op: i32, fd: i32, event: Option<EpollEvent>) -> Result<()> {
        epoll::epoll_ctl(&self.process(), &self.files, epfd, op, fd, event)
    }

    /// epoll_wait(2): milliseconds, -1 for ever.
    pub fn epoll_wait(&self, epfd: i32, events: &mut [EpollEvent], timeout: i32) -> Result<usize> {
        let max = i32::try_from(events.len()).map_err(|_| Errno::EINVAL)?;
        Task::interrupted(epoll::epoll_wait(&self.process(), &self.files, epfd, events, max, timeout))
    }

    /// Has `notify` called whenever an epoll becomes ready: for event loops outside of the stack.
    pub fn epoll_notify(&self, epfd: i32, notify: Arc<dyn Wake>) -> Result<()> {
        self.files.with(&self.process(), epfd, |file| {
            file.downcast::<Eventpoll>().map(|epoll| epoll.set_notify(notify)).ok_or(Errno::EINVAL)
        })?
    }
}
