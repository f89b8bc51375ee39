//! The supervisor: one thread, one epoll loop, which never waits anywhere else.

use crate::call::{Call, Handled, Op, Outcome, Progress};
use crate::carrier::Body;
use crate::carrier::home::Home;
use crate::filter;
use crate::observe::{self, Made, Observer};
use crate::park::Park;
use crate::stack::{Sid, Stack};
use crate::sys::epoll::{Epoll, Event};
use crate::sys::inotify::Inotify;
use crate::sys::seccomp::{Listener, Notif};
use crate::sys::sock;
use crate::table::{Key, Table};
use crate::tasks::Tasks;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};
use uapi::{Errno, Result};

/// Words for the supervisor's own descriptors in epoll; no [`Key`] has such a generation.
const LISTENER: u64 = u64::MAX;
const INOTIFY: u64 = u64::MAX - 1;
const STACK: u64 = u64::MAX - 2;
/// The caller's own descriptor (signals).
pub(crate) const OUTSIDE: u64 = u64::MAX - 3;

/// One read of the pump.
const SCRATCH: usize = 256 * 1024;
/// How often closes that wait for a call look again.
const LINGER: Duration = Duration::from_millis(50);

/// A carrier that a call names.
#[derive(Debug)]
pub(crate) struct Held {
    /// Which.
    pub key: Key,
    /// The stack's socket.
    pub sid: Sid,
    /// A copy of the program's descriptor, for the length of this call only.
    pub copy: OwnedFd,
}

impl Held {
    /// The copy.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.copy.as_fd()
    }

    /// The descriptor is non-blocking, or the call has waited long enough.
    pub(crate) fn must_not_wait(&self, call: &Call) -> bool {
        call.progress.deadline.is_some_and(|d| d <= Instant::now()) || sock::is_nonblock(self.fd())
    }
}

/// What woke the supervisor, beside its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Go on.
    Worked,
    /// The caller's descriptor is readable.
    Outside,
    /// The last served task has ended.
    AllGone,
}

/// Everything that serves one tree of programs.
pub(crate) struct Supervisor<'s> {
    pub stack: &'s mut dyn Stack,
    pub listener: Listener,
    pub epoll: Epoll,
    pub inotify: Inotify,
    pub table: Table,
    pub park: Park,
    pub tasks: Tasks,
    pub home: Home,
    pub scratch: Vec<u8>,
    /// Closed by the program while a call was in them.
    pub lingering: Vec<Key>,
    /// A socket for requests that name no socket of ours (`SIOCGIFINDEX` on AF_UNIX).
    pub control: Option<Sid>,
    ready: Vec<Sid>,
    queue: VecDeque<Sid>,
    warned: bool,
    /// Who watches the calls.
    pub observer: Option<&'s mut dyn Observer>,
    /// What the call at hand made.
    pub made: Option<Made>,
}

impl<'s> Supervisor<'s> {
    /// Serve the tasks under `listener` from `stack`; `outside` also ends a wait.
    pub(crate) fn new(stack: &'s mut dyn Stack, listener: Listener, outside: BorrowedFd<'_>) -> Result<Self> {
        let epoll = Epoll::new()?;
        let inotify = Inotify::new()?;
        let readable = libc::EPOLLIN as u32;
        epoll.add(listener.as_fd(), readable, LISTENER)?;
        epoll.add(inotify.as_fd(), readable, INOTIFY)?;
        epoll.add(outside, readable, OUTSIDE)?;
        if let Some(fd) = stack.ready_fd() {
            epoll.add(fd, readable, STACK)?;
        }
        Ok(Self {
            stack,
            listener,
            epoll,
            inotify,
            table: Table::default(),
            park: Park::default(),
            tasks: Tasks::default(),
            home: Home::new()?,
            scratch: vec![0; SCRATCH],
            lingering: Vec::new(),
            control: None,
            ready: Vec::new(),
            queue: VecDeque::new(),
            warned: false,
            observer: None,
            made: None,
        })
    }

    /// Wait for something to do, and do it.
    pub(crate) fn turn(&mut self) -> Result<Turn> {
        let mut buf = [Event { events: 0, u64: 0 }; 64];
        let timeout = self.timeout();
        let events = self.epoll.wait(&mut buf, timeout)?;
        self.stack.run_timers();
        let mut turn = Turn::Worked;
        for event in events {
            let (mask, word) = (event.events, event.u64);
            match word {
                LISTENER if mask & libc::EPOLLIN as u32 != 0 => self.notification()?,
                LISTENER => return Ok(Turn::AllGone),
                INOTIFY => self.inotify_event(),
                STACK => {}
                OUTSIDE => turn = Turn::Outside,
                _ => self.carrier_event(Key::from_word(word), mask),
            }
            self.settle();
        }
        self.expire();
        if !self.lingering.is_empty() {
            self.retry_lingering();
        }
        self.settle();
        Ok(turn)
    }

    fn timeout(&mut self) -> Option<Duration> {
        let next = [self.park.next_deadline(), self.stack.next_deadline()].into_iter().flatten().min();
        let wait = next.map(|t| t.saturating_duration_since(Instant::now()));
        if self.lingering.is_empty() { wait } else { Some(wait.map_or(LINGER, |w| w.min(LINGER))) }
    }

    fn carrier_event(&mut self, key: Key, events: u32) {
        match self.table.get(key).map(|c| &c.body) {
            Some(Body::Stream(_)) => self.stream_event(key, events),
            Some(Body::Datagram(_)) => self.datagram_event(key, events),
            None => {}
        }
    }

    /// Show in the carriers what has changed in the stack, until nothing changes any more.
    fn settle(&mut self) {
        loop {
            self.stack.take_ready(&mut self.ready);
            self.queue.extend(self.ready.drain(..));
            let Some(sid) = self.queue.pop_front() else {
                return;
            };
            let Some(key) = self.table.by_sid(sid) else {
                continue;
            };
            let Some(carrier) = self.table.get(key) else {
                continue;
            };
            // A waiting call takes a datagram or a connection from the stack itself; of a stream it reads the carrier.
            let carrier_first = match &carrier.body {
                Body::Stream(s) => matches!(s.state, crate::carrier::stream::State::Connected),
                Body::Datagram(_) => false,
            };
            if carrier_first {
                self.mirror(key);
                self.retry(sid);
            } else {
                self.retry(sid);
                self.mirror(key);
            }
        }
    }

    fn mirror(&mut self, key: Key) {
        match self.table.get(key).map(|c| &c.body) {
            Some(Body::Stream(_)) => self.mirror_stream(key),
            Some(Body::Datagram(_)) => self.mirror_datagram(key),
            None => {}
        }
    }

    /// Let the calls that wait for a socket try again.
    pub(crate) fn retry(&mut self, sid: Sid) {
        if !self.park.any_for(sid) {
            return;
        }
        for id in self.park.ids_for(sid) {
            let Some(call) = self.park.take(id) else {
                continue;
            };
            // What a withdrawn call would be given would be lost.
            if self.listener.id_valid(id) {
                self.handle(call);
            }
        }
    }

    fn expire(&mut self) {
        if self.park.next_deadline().is_none() {
            return;
        }
        let now = Instant::now();
        while let Some(call) = self.park.take_expired(now) {
            if self.listener.id_valid(call.id) {
                self.handle(call);
            }
        }
    }

    fn notification(&mut self) -> Result<()> {
        let Some(notif) = self.listener.recv()? else {
            return Ok(());
        };
        let tid = notif.pid.cast_signed();
        self.park.forget_thread(tid);
        match decode(&notif) {
            Some(call) => self.handle(call),
            None => {
                let _ = self.listener.send_continue(notif.id);
            }
        }
        Ok(())
    }

    /// Run a call and answer it, or hold it. A withdrawn one has nobody to hear the answer.
    fn handle(&mut self, mut call: Call) {
        let id = call.id;
        if let Some(observer) = &mut self.observer {
            observer.begin();
        }
        self.made = None;
        let outcome = match self.dispatch(&mut call) {
            Ok(o) | Err(o) => o,
        };
        if let Some(observer) = &mut self.observer {
            observe::tell(&mut **observer, &call, &outcome, self.made.take());
        }
        let _ = match outcome {
            Outcome::Return(value) => self.listener.send(id, value),
            Outcome::Fail(e) => self.listener.send(id, -i64::from(e.raw())),
            Outcome::Continue | Outcome::Foreign => self.listener.send_continue(id),
            Outcome::Answered => Ok(()),
            Outcome::Park(wait) => {
                if !call.progress.waited {
                    call.progress.deadline = wait.deadline;
                }
                call.progress = Progress { done: wait.done, waited: true, deadline: call.progress.deadline };
                self.park.insert(call, wait.sid);
                Ok(())
            }
        };
    }

    /// The carrier behind a descriptor of the caller; anything else is the host's.
    pub(crate) fn lookup(&mut self, call: &Call, fd: i32) -> std::result::Result<Held, Outcome> {
        let copy = match self.tasks.getfd(call.tid, fd) {
            Ok(copy) => copy,
            Err(e) => {
                if e == Errno::EPERM && !self.warned {
                    self.warned = true;
                    eprintln!(
                        "sockeye: task {} may not be looked into (not dumpable, or Yama): its sockets are not served",
                        call.tid
                    );
                }
                return Err(Outcome::Foreign);
            }
        };
        let cookie = sock::cookie(copy.as_fd()).map_err(|_| Outcome::Foreign)?;
        let key = self.table.by_cookie(cookie).ok_or(Outcome::Foreign)?;
        let carrier = self.table.get(key).ok_or(Outcome::Foreign)?;
        carrier.hint = (call.tid, fd);
        Ok(Held { key, sid: carrier.sid, copy })
    }

    /// Somebody wants to see what carriers would do alone: the stack does it, within the call.
    pub(crate) fn watched(&self) -> bool {
        self.observer.is_some()
    }

    pub(crate) fn dispatch(&mut self, call: &mut Call) -> Handled {
        match call.op {
            Op::Socketcall => self.sys_socketcall(call),
            Op::Socket => self.sys_socket(call),
            Op::Bind => self.sys_bind(call),
            Op::Connect => self.sys_connect(call),
            Op::Listen => self.sys_listen(call),
            Op::Accept => self.sys_accept(call, 0),
            Op::Accept4 => self.sys_accept(call, call.int(3)),
            Op::Getsockname => self.sys_getname(call, false),
            Op::Getpeername => self.sys_getname(call, true),
            Op::Setsockopt => self.sys_setsockopt(call),
            Op::Getsockopt => self.sys_getsockopt(call),
            Op::Shutdown => self.sys_shutdown(call),
            Op::Sendto => self.sys_sendto(call),
            Op::Recvfrom => self.sys_recvfrom(call),
            Op::Sendmsg => self.sys_sendmsg(call),
            Op::Recvmsg => self.sys_recvmsg(call),
            Op::Sendmmsg => self.sys_sendmmsg(call),
            Op::Recvmmsg | Op::RecvmmsgTime64 => self.sys_recvmmsg(call),
            Op::Ioctl => self.sys_ioctl(call),
            Op::Read | Op::Write | Op::Readv | Op::Writev => self.sys_transfer(call),
            Op::Close => self.sys_close(call),
            Op::Open | Op::Openat | Op::Openat2 => self.sys_open(call),
            Op::Prctl | Op::IoUring => Ok(Outcome::Foreign),
        }
    }
}

fn decode(notif: &Notif) -> Option<Call> {
    let (op, compat) = filter::operation(notif.data.arch, notif.data.nr)?;
    let mut args = notif.data.args;
    if compat {
        for a in &mut args {
            *a &= u64::from(u32::MAX);
        }
    }
    Some(Call { id: notif.id, tid: notif.pid.cast_signed(), op, args, compat, progress: Progress::default() })
}
