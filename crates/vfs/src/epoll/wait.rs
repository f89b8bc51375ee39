//! `epoll_wait(2)` and its kin.

use super::{Core, Eventpoll, POLL_MODES, release_all};
use crate::files::Files;
use crate::sync::{self, Fault, Ordering};
use crate::wait::{Stand, Timeout, sleep_once};
use kern::context::Process;
use uapi::poll::{EP_MAX_EVENTS, EPOLLET, EPOLLONESHOT, EpollEvent};
use uapi::{Errno, Result};

/// `epoll_wait(2)`: events into `events`, of which `maxevents` (what the caller said) may be used; `timeout` in milliseconds, negative
/// for ever.
///
/// # Errors
/// `EBADF`; `EINVAL` if `maxevents` is not positive or too large or the file is no epoll; `EINTR`.
pub fn epoll_wait(
    p: &Process<'_>,
    files: &Files,
    epfd: i32,
    events: &mut [EpollEvent],
    maxevents: i32,
    timeout: i32,
) -> Result<usize> {
    epoll_pwait(p, files, epfd, events, maxevents, Timeout::from_ms(timeout))
}

/// `epoll_pwait(2)` and `epoll_pwait2(2)`; the signal mask is the caller's business.
///
/// # Errors
/// As [`epoll_wait`].
#[inline]
pub fn epoll_pwait(
    p: &Process<'_>,
    files: &Files,
    epfd: i32,
    events: &mut [EpollEvent],
    maxevents: i32,
    timeout: Timeout,
) -> Result<usize> {
    // The closure takes everything by value: what it would look up through references the compiler copies in odd pieces.
    files.with(p, epfd, move |file| {
        if maxevents <= 0 || maxevents > EP_MAX_EVENTS {
            return Err(Errno::EINVAL);
        }
        let ep = file.downcast::<Eventpoll>().ok_or(Errno::EINVAL)?;
        let max = events.len().min(maxevents as usize);
        ep.0.wait(p, &mut events[..max], timeout)
    })?
}

impl Core {
    /// `ep_poll`.
    fn wait(&self, p: &Process<'_>, events: &mut [EpollEvent], timeout: Timeout) -> Result<usize> {
        let mut until = None;
        loop {
            if self.available.load(Ordering::Acquire) {
                let n = self.send_events(p, events);
                if n > 0 {
                    return Ok(n);
                }
            }
            let until = *until.get_or_insert_with(|| timeout.deadline(p));
            if until.is_over(p) {
                return Ok(0);
            }
            if p.signal_pending() {
                return Err(Errno::EINTR);
            }
            sleep_once(p, &self.wq, Stand::ExclusiveFirst, until, || {
                // Under the lock: who makes something ready looks for sleepers there, without a barrier.
                let _ready = self.ready.lock();
                self.available.load(Ordering::Relaxed) && !sync::is(Fault::SleepsBlindly)
            });
        }
    }

    /// Give out what is ready (`ep_send_events`): each file is asked once more, level-triggered ones go to the end of the list.
    fn send_events(&self, p: &Process<'_>, events: &mut [EpollEvent]) -> usize {
        let mut last = Vec::new();
        let mut n = 0;
        let table = self.table.lock();
        let mut ready = self.ready.lock();
        ready.start_scan();
        while n < events.len() {
            let Some(slot) = ready.pop_scan() else {
                break;
            };
            let Some(item) = table.items.get(slot as usize).and_then(Option::as_ref) else {
                continue;
            };
            drop(ready);
            let revents = item.look(p, &mut last);
            let mut again = false;
            if revents != 0 {
                events[n] = EpollEvent { events: revents, data: item.data() };
                n += 1;
                let modes = item.events() & POLL_MODES;
                if modes & EPOLLONESHOT != 0 {
                    item.disable();
                } else {
                    again = modes & EPOLLET == 0;
                }
            }
            ready = self.ready.lock();
            if again {
                ready.push(slot);
            }
        }
        self.finish_scan(ready);
        drop(table);
        release_all(last, p);
        n
    }
}
