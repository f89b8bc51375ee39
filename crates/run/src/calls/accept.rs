//! `accept(2)`, `accept4(2)`.

use crate::call::{Call, Handled, Outcome, Wait};
use crate::observe::Made;
use crate::stack::{Name, Sid};
use crate::supervisor::{Held, Supervisor};
use crate::sys::sock;
use crate::usermem::User;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use uapi::{Errno, Result};

impl Supervisor<'_> {
    pub(crate) fn sys_accept(&mut self, call: &mut Call, flags: i32) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        if flags & !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) != 0 {
            return Err(Errno::EINVAL.into());
        }
        match self.next_connection(call.tid, held.key) {
            Ok((sid, peer)) => self.hand_over(call, &held, sid, &peer, flags),
            Err(Errno::EAGAIN) => {
                self.drop_token(held.key, held.fd());
                if held.must_not_wait(call) {
                    return Err(Errno::EAGAIN.into());
                }
                let deadline = self.timeout_of(held.sid, libc::SO_RCVTIMEO);
                Ok(Outcome::Park(Wait { sid: held.sid, deadline, done: 0 }))
            }
            Err(e) => Err(e.into()),
        }
    }

    fn hand_over(&mut self, call: &Call, held: &Held, sid: Sid, peer: &Name, flags: i32) -> Handled {
        let made = self.connection_carrier(held, sid, flags & libc::SOCK_NONBLOCK != 0);
        let (key, program) = match made {
            Ok(made) => made,
            Err(e) => {
                self.keep_orphan(held.key, (sid, *peer));
                return Err(e.into());
            }
        };
        if let Some(at) = call.ptr(1)
            && let Err(e) = User::of(call).write_addr(at, call.args[2], peer.as_bytes())
        {
            // As Linux: the connection is closed.
            self.finish_close(key, true);
            self.listener_changed(held.key);
            return Err(e.into());
        }
        match self.listener.add_fd_and_send(call.id, program.as_fd(), flags & libc::SOCK_CLOEXEC != 0) {
            Ok(fd) => {
                self.made = Some(Made { fd, peer: peer.as_bytes().to_vec() });
                if let Some(c) = self.table.get(key) {
                    c.hint = (call.tid, fd);
                }
                drop(program);
                self.mirror_stream(key);
                self.listener_changed(held.key);
                Ok(Outcome::Answered)
            }
            Err(e) => {
                // Withdrawn by a signal (or the caller may have no more descriptors): the connection waits for the next.
                self.table.remove(key);
                self.keep_orphan(held.key, (sid, *peer));
                Err(e.into())
            }
        }
    }

    fn connection_carrier(
        &mut self,
        held: &Held,
        sid: Sid,
        nonblock: bool,
    ) -> Result<(crate::table::Key, std::os::fd::OwnedFd)> {
        let pair = self.accepted_pair(held.key, held.fd(), nonblock)?;
        let cookie = sock::cookie(pair.program.as_fd())?;
        let family = self.table.get(held.key).map_or(libc::AF_INET, |c| c.family);
        let key = self.adopt_connection(sid, cookie, family, pair.ours)?;
        Ok((key, pair.program))
    }

    /// When a wait under `SO_RCVTIMEO` or `SO_SNDTIMEO` ends.
    pub(crate) fn timeout_of(&mut self, sid: Sid, option: i32) -> Option<Instant> {
        let mut tv = [0u8; 16];
        self.stack.getsockopt(sid, libc::SOL_SOCKET, option, &mut tv).ok()?;
        let word = |at: usize| tv[at..at + 8].try_into().map_or(0, i64::from_ne_bytes);
        let (sec, usec) = (u64::try_from(word(0)).ok()?, u64::try_from(word(8)).ok()?);
        if sec == 0 && usec == 0 {
            return None;
        }
        Instant::now().checked_add(Duration::from_secs(sec) + Duration::from_micros(usec))
    }
}
