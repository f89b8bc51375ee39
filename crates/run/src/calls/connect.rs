//! `connect(2)`, blocking and not.

use crate::call::{Call, Handled, Outcome, Wait};
use crate::carrier::Body;
use crate::carrier::stream::{State, writable_edge};
use crate::supervisor::{Held, Supervisor};
use crate::usermem::User;
use std::os::fd::AsFd;
use uapi::Errno;

/// The phases that `connect` tells apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Datagram,
    Fresh,
    Connecting,
    Connected,
    Dead,
    Listening,
}

const POLLOUT: u32 = libc::POLLOUT as u32;
const POLLBAD: u32 = (libc::POLLERR | libc::POLLHUP) as u32;

impl Supervisor<'_> {
    fn phase(&mut self, held: &Held) -> Result<Phase, Outcome> {
        let carrier = self.table.get(held.key).ok_or(Outcome::Foreign)?;
        Ok(match &carrier.body {
            Body::Datagram(_) => Phase::Datagram,
            Body::Stream(s) => match s.state {
                State::Fresh => Phase::Fresh,
                State::Connecting => Phase::Connecting,
                State::Connected => Phase::Connected,
                State::Dead => Phase::Dead,
                State::Listening(_) => Phase::Listening,
            },
        })
    }

    pub(crate) fn sys_connect(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let addr = User::of(call).read_addr(call.args[1], call.int(2))?;
        let phase = self.phase(&held)?;
        if phase == Phase::Datagram {
            self.pull_datagrams(held.key);
        }
        let result = self.permitted(call.tid, |stack, cred| stack.connect(cred, held.sid, &addr));
        if phase == Phase::Datagram {
            return result.map(|()| Outcome::Return(0)).map_err(Into::into);
        }
        let disconnect = addr.get(..2).is_some_and(|f| u16::from_ne_bytes([f[0], f[1]]) == 0);
        match result {
            // connect(AF_UNSPEC): a new carrier, unless it is fresh anyway.
            Ok(()) if disconnect => {
                if phase != Phase::Fresh {
                    self.renew(held.key, call.id, call.int(0), held.fd())?;
                }
                Ok(Outcome::Return(0))
            }
            Ok(()) => {
                self.connected(call, &held, phase)?;
                Ok(Outcome::Return(0))
            }
            Err(Errno::EINPROGRESS | Errno::EALREADY) => self.pending(call, &held, phase, result),
            // A first call whose connection came about while it waited is told so by Linux; a repeated one is not.
            Err(Errno::EISCONN) if phase == Phase::Connecting && call.progress.waited => {
                self.connected(call, &held, phase)?;
                Ok(Outcome::Return(0))
            }
            Err(e) => {
                if phase == Phase::Connecting {
                    self.back_to_fresh(&held);
                }
                Err(e.into())
            }
        }
    }

    fn back_to_fresh(&mut self, held: &Held) {
        if let Some(s) = self.table.get(held.key).and_then(|c| c.stream()) {
            s.state = if s.pump.take().is_some() { State::Dead } else { State::Fresh };
        }
    }

    /// The stack is connected: so becomes the carrier.
    fn connected(&mut self, call: &Call, held: &Held, phase: Phase) -> Result<(), Outcome> {
        match phase {
            Phase::Fresh => self.attach(held.key, held.fd(), false)?,
            Phase::Connecting => {
                let attached =
                    self.table.get(held.key).and_then(|c| c.stream()).is_some_and(|s| s.pump.is_some());
                if attached {
                    self.connecting_changed(held.key);
                } else {
                    self.attach(held.key, held.fd(), false)?;
                }
            }
            Phase::Dead => {
                let fresh = self.renew(held.key, call.id, call.int(0), held.fd())?;
                self.attach(held.key, fresh.as_fd(), false)?;
            }
            Phase::Connected | Phase::Datagram | Phase::Listening => {}
        }
        Ok(())
    }

    fn pending(&mut self, call: &Call, held: &Held, phase: Phase, result: uapi::Result<()>) -> Handled {
        let answer = match result {
            Err(Errno::EALREADY) if !call.progress.waited => Errno::EALREADY,
            _ => Errno::EINPROGRESS,
        };
        let nonblock = held.must_not_wait(call);
        let mask = self.stack.poll(held.sid);
        if !nonblock {
            if mask & POLLOUT != 0 {
                // Established already (loopback is that fast): one more question turns the socket to connected.
                let addr = User::of(call).read_addr(call.args[1], call.int(2))?;
                let again = self.permitted(call.tid, |stack, cred| stack.connect(cred, held.sid, &addr));
                return match again {
                    Ok(()) | Err(Errno::EISCONN) => {
                        self.connected(call, held, phase)?;
                        Ok(Outcome::Return(0))
                    }
                    Err(e) => {
                        if phase == Phase::Connecting {
                            self.back_to_fresh(held);
                        }
                        Err(e.into())
                    }
                };
            }
            if let Some(s) = self.table.get(held.key).and_then(|c| c.stream())
                && matches!(s.state, State::Fresh | State::Dead)
            {
                s.state = State::Connecting;
            }
            let deadline = self.timeout_of(held.sid, libc::SO_SNDTIMEO);
            return Ok(Outcome::Park(Wait { sid: held.sid, deadline, done: 0 }));
        }
        match phase {
            Phase::Fresh => self.attach_pending(held, held.fd(), mask)?,
            Phase::Dead => {
                let fresh = self.renew(held.key, call.id, call.int(0), held.fd())?;
                self.attach_pending(held, fresh.as_fd(), mask)?;
            }
            // Its time was up (SO_SNDTIMEO): from now on it connects in the background.
            Phase::Connecting if call.progress.waited => {
                self.attach_pending(held, held.fd(), mask)?;
            }
            _ => {}
        }
        Err(answer.into())
    }

    fn attach_pending(
        &mut self,
        held: &Held,
        copy: std::os::fd::BorrowedFd<'_>,
        mask: u32,
    ) -> uapi::Result<()> {
        if mask & POLLOUT != 0 && mask & POLLBAD == 0 {
            self.attach(held.key, copy, false)?;
            // An edge-triggered epoll waits for the end of this connect.
            writable_edge(copy);
            return Ok(());
        }
        self.attach(held.key, copy, true)?;
        self.connecting_changed(held.key);
        Ok(())
    }
}
