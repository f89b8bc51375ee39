//! Listening carriers: readable exactly while the stack has a connection to accept.
//!
//! The carrier is an AF_UNIX listener with at most one connection in its queue, the token. An accept uses the token as the
//! new connection's carrier; without one (a parked accept) a socket pair serves, which is cheaper.

use super::stream::{PUMP_EVENTS, SocketPump, State, Stream};
use super::{Body, Carrier};
use crate::stack::{Name, Sid};
use crate::supervisor::Supervisor;
use crate::sys::sock;
use crate::table::Key;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use uapi::{Errno, Result};

const POLLIN: u32 = libc::POLLIN as u32;

/// A listening carrier's state.
#[derive(Debug)]
pub(crate) struct Listening {
    /// Where to connect to the carrier.
    file: OwnedFd,
    /// Our end of the connection in the carrier's queue.
    token: Option<OwnedFd>,
    /// Connections that were accepted for a call which a signal withdrew at the last moment.
    pub orphans: VecDeque<(Sid, Name)>,
}

fn listening(carrier: &mut Carrier) -> Option<&mut Listening> {
    match &mut carrier.stream()?.state {
        State::Listening(l) => Some(l),
        _ => None,
    }
}

impl Supervisor<'_> {
    /// The stack's socket listens: so does the carrier.
    pub(crate) fn start_listening(&mut self, key: Key, copy: BorrowedFd<'_>) -> Result<()> {
        let file = self.home.listen(copy, 16)?;
        let s = self.table.get(key).and_then(Carrier::stream).ok_or(Errno::EBADF)?;
        s.state = State::Listening(Listening { file, token: None, orphans: VecDeque::new() });
        self.listener_changed(key);
        Ok(())
    }

    /// Make the carrier readable if there is a connection to accept.
    pub(crate) fn listener_changed(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let sid = carrier.sid;
        let Some(l) = listening(carrier) else { return };
        if l.token.is_some() || (l.orphans.is_empty() && self.stack.poll(sid) & POLLIN == 0) {
            return;
        }
        let Ok(token) = sock::unix_socket(libc::SOCK_STREAM | libc::SOCK_NONBLOCK) else {
            return;
        };
        if sock::connect_nameless(token.as_fd(), l.file.as_fd()).is_ok() {
            l.token = Some(token);
        }
    }

    /// The next connection of the stack's listener, for the thread `tid`, whose user will own it.
    pub(crate) fn next_connection(&mut self, tid: i32, key: Key) -> Result<(Sid, Name)> {
        let carrier = self.table.get(key).ok_or(Errno::EBADF)?;
        let sid = carrier.sid;
        if let Some(orphan) = listening(carrier).and_then(|l| l.orphans.pop_front()) {
            return Ok(orphan);
        }
        self.stack.accept(self.tasks.plain_cred(tid), sid)
    }

    /// A connection that could not be handed over waits for the next accept.
    pub(crate) fn keep_orphan(&mut self, key: Key, orphan: (Sid, Name)) {
        match self.table.get(key).and_then(listening) {
            Some(l) => l.orphans.push_front(orphan),
            None => self.stack.close(orphan.0, true),
        }
        self.listener_changed(key);
    }

    /// A connected carrier pair for an accepted connection: the token's, if there is one.
    pub(crate) fn accepted_pair(
        &mut self,
        key: Key,
        copy: BorrowedFd<'_>,
        nonblock: bool,
    ) -> Result<sock::Pair> {
        if let Some(ours) = self.table.get(key).and_then(listening).and_then(|l| l.token.take())
            && let Some(program) = take_queued(copy, nonblock)
        {
            return Ok(sock::Pair { program, ours });
        }
        sock::pair(libc::SOCK_STREAM, nonblock)
    }

    /// There is nothing to accept after all: take the token back.
    pub(crate) fn drop_token(&mut self, key: Key, copy: BorrowedFd<'_>) {
        if let Some(l) = self.table.get(key).and_then(listening)
            && l.token.take().is_some()
        {
            take_queued(copy, true);
        }
    }

    /// A new connection with its carrier pair; the caller sends the program's end away.
    pub(crate) fn adopt_connection(
        &mut self,
        sid: Sid,
        cookie: u64,
        family: i32,
        ours: OwnedFd,
    ) -> Result<Key> {
        let mut stream = Stream::new(State::Connected);
        stream.pump = Some(Box::new(SocketPump::new(ours)));
        let key = self.table.insert(Carrier::new(sid, cookie, family, Body::Stream(stream)));
        let pump = self.table.get(key).and_then(Carrier::stream).and_then(|s| s.pump.as_ref());
        if let Some(pump) = pump {
            self.epoll.add(pump.as_fd(), PUMP_EVENTS, key.to_word())?;
        }
        Ok(key)
    }
}

/// Take the connection in the carrier's queue, without waiting even if the carrier is a blocking socket.
fn take_queued(copy: BorrowedFd<'_>, nonblock: bool) -> Option<OwnedFd> {
    let mut p = libc::pollfd { fd: std::os::fd::AsRawFd::as_raw_fd(&copy), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, valid for the call; it does not wait.
    let ready = unsafe { libc::poll(&raw mut p, 1, 0) } == 1 && p.revents & libc::POLLIN != 0;
    if ready { sock::accept(copy, nonblock).ok() } else { None }
}
