//! Connecting carriers: a fresh socket becomes a connected one in place, so that epoll registrations and duplicates survive.

use super::Carrier;
use super::stream::{PUMP_EVENTS, SocketPump, State, shrink};
use crate::supervisor::Supervisor;
use crate::sys::sock;
use crate::table::Key;
use std::os::fd::{AsFd, BorrowedFd};
use uapi::{Errno, Result};

const POLLOUT: u32 = libc::POLLOUT as u32;
const POLLERR: u32 = libc::POLLERR as u32;
const POLLHUP: u32 = libc::POLLHUP as u32;

impl Supervisor<'_> {
    /// Connect the carrier to a pump. `pending`: the stack's connection is still under way, so show neither IN nor OUT.
    pub(crate) fn attach(&mut self, key: Key, copy: BorrowedFd<'_>, pending: bool) -> Result<()> {
        if pending {
            shrink(copy)?;
        }
        let ours = self.home.adopt(copy)?;
        let mut pump = Box::new(SocketPump::new(ours));
        if pending {
            super::Pump::set_writable(&mut *pump, false, Some(copy))?;
        }
        let s = self.table.get(key).and_then(Carrier::stream).ok_or(Errno::EBADF)?;
        self.epoll.add(super::Pump::as_fd(&*pump), PUMP_EVENTS, key.to_word())?;
        s.pump = Some(pump);
        s.small_sndbuf = pending;
        s.state = if pending { State::Connecting } else { State::Connected };
        if !pending {
            self.mirror_stream(key);
        }
        Ok(())
    }

    /// A connecting socket may have come to an end of it.
    pub(crate) fn connecting_changed(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let sid = carrier.sid;
        let Some(s) = carrier.stream() else { return };
        let attached = s.pump.is_some();
        let mask = self.stack.poll(sid);
        if mask & (POLLERR | POLLHUP) != 0 {
            if attached {
                self.refused(key);
            }
            return;
        }
        if mask & POLLOUT == 0 {
            return;
        }
        if attached {
            self.established(key);
        } else if !self.park.any_for(sid)
            && let Some(copy) = self.locate(key)
        {
            // The blocking connect was withdrawn by a signal; the connection came about all the same.
            let _ = self.attach(key, copy.as_fd(), false);
        }
    }

    fn established(&mut self, key: Key) {
        let copy = self.locate(key);
        let Some(s) = self.table.get(key).and_then(Carrier::stream) else {
            return;
        };
        s.state = State::Connected;
        s.small_sndbuf = copy.is_none();
        if let Some(pump) = s.pump.as_mut() {
            let _ = pump.set_writable(true, copy.as_ref().map(AsFd::as_fd));
        }
        self.pump_tx(key);
        self.mirror_stream(key);
    }

    /// The non-blocking connect failed: IN|OUT|ERR|HUP|RDHUP, as TCP. The error stays in the stack for `SO_ERROR`.
    fn refused(&mut self, key: Key) {
        let Some(s) = self.table.get(key).and_then(Carrier::stream) else {
            return;
        };
        s.state = State::Dead;
        // The fill is unread: closing our end resets the carrier.
        s.pump = None;
    }

    /// A dead or disconnected socket starts afresh: another carrier takes its place in the calling process.
    pub(crate) fn renew(
        &mut self,
        key: Key,
        call_id: u64,
        fd: i32,
        copy: BorrowedFd<'_>,
    ) -> Result<std::os::fd::OwnedFd> {
        let nonblock = if sock::is_nonblock(copy) { libc::SOCK_NONBLOCK } else { 0 };
        let fresh = sock::unix_socket(libc::SOCK_STREAM | nonblock)?;
        let cookie = sock::cookie(fresh.as_fd())?;
        let cloexec = self.table.get(key).is_some_and(|c| close_on_exec(c.hint));
        self.listener.replace_fd(call_id, fresh.as_fd(), fd, cloexec)?;
        self.table.set_cookie(key, cookie);
        self.ensure_watch(key, fresh.as_fd());
        if let Some(carrier) = self.table.get(key) {
            carrier.error = None;
            if let Some(s) = carrier.stream() {
                *s = super::stream::Stream::new(State::Fresh);
            }
        }
        Ok(fresh)
    }
}

/// Whether a task's descriptor has close-on-exec, which its copies do not show.
fn close_on_exec((tid, fd): (i32, i32)) -> bool {
    std::fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}")).is_ok_and(|info| {
        let flags = info.lines().find_map(|l| l.strip_prefix("flags:"));
        flags.is_some_and(|f| i32::from_str_radix(f.trim(), 8).unwrap_or(0) & libc::O_CLOEXEC != 0)
    })
}
