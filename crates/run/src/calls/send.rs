//! `sendto(2)`, `sendmsg(2)`: sending that a carrier cannot express.

use crate::call::{Call, Handled, Outcome, Wait};
use crate::carrier::{Body, stream::State};
use crate::stack::{Cred, Send};
use crate::supervisor::{Held, Supervisor};
use crate::sys::mem::Remote;
use crate::usermem::{MESSAGE_MAX, MsgHdr, User, skip, total};
use uapi::{Errno, Result};

/// One message to send.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Where its bytes are.
    pub iov: Vec<Remote>,
    /// Where to.
    pub name: Vec<u8>,
    /// Control messages.
    pub control: Vec<u8>,
    /// `MSG_*`.
    pub flags: i32,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// All the way, or as far as a call without waiting goes.
    Bytes(usize),
    /// So far, and there is no room for more.
    Blocked(usize),
}

/// Flags that need the stack even on a stream without name and control.
const SPECIAL: i32 = libc::MSG_OOB | libc::MSG_MORE | libc::MSG_ZEROCOPY | libc::MSG_FASTOPEN;

/// What the kernel's copy loop would stop at (`MAX_RW_COUNT`), so that a sum cannot overflow.
const MAX_RW_COUNT: usize = 0x7fff_f000;

impl Outgoing {
    /// From a `msghdr`.
    pub(crate) fn from_msghdr(user: &User, hdr: &MsgHdr, flags: i32) -> Result<Self> {
        let name = if hdr.name == 0 { Vec::new() } else { user.read_addr(hdr.name, hdr.name_len.min(128))? };
        Ok(Self { iov: hdr.iov.clone(), name, control: user.read_control(hdr)?, flags })
    }

    /// A stream carrier can send it itself.
    fn is_plain(&self) -> bool {
        self.name.is_empty() && self.control.is_empty() && self.flags & SPECIAL == 0
    }
}

impl Supervisor<'_> {
    pub(crate) fn sys_sendto(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let user = User::of(call);
        let name = match call.ptr(4) {
            Some(at) => user.read_addr(at, call.int(5))?,
            None => Vec::new(),
        };
        let iov = vec![Remote { addr: call.args[1], len: call.size(2).min(MAX_RW_COUNT) }];
        let msg = Outgoing { iov, name, control: Vec::new(), flags: call.int(3) };
        if msg.is_plain() && self.left_to_carrier(call, &held) {
            return Ok(Outcome::Continue);
        }
        self.send_or_park(call, &held, &msg)
    }

    pub(crate) fn sys_sendmsg(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let user = User::of(call);
        let hdr = user.read_msghdr(call.args[1])?;
        let msg = Outgoing::from_msghdr(&user, &hdr, call.int(2))?;
        if msg.is_plain() && self.left_to_carrier(call, &held) {
            return Ok(Outcome::Continue);
        }
        self.send_or_park(call, &held, &msg)
    }

    /// A call that its carrier can execute alone, from the start, while nobody watches.
    pub(crate) fn left_to_carrier(&mut self, call: &Call, held: &Held) -> bool {
        call.progress.done == 0 && !self.watched() && self.flows_natively(held)
    }

    /// A connected stream: its carrier does reading and writing.
    pub(crate) fn flows_natively(&mut self, held: &Held) -> bool {
        self.table
            .get(held.key)
            .and_then(|c| c.stream())
            .is_some_and(|s| !matches!(s.state, State::Fresh | State::Listening(_)))
    }

    pub(crate) fn send_or_park(&mut self, call: &Call, held: &Held, msg: &Outgoing) -> Handled {
        let before = call.progress.done;
        match self.send_message(call, held, msg, before)? {
            Sent::Bytes(n) => Ok(Outcome::Return(i64::try_from(n).unwrap_or(i64::MAX))),
            Sent::Blocked(done) if msg.flags & libc::MSG_DONTWAIT != 0 || held.must_not_wait(call) => {
                match done {
                    0 => Err(Errno::EAGAIN.into()),
                    n => Ok(Outcome::Return(i64::try_from(n).unwrap_or(i64::MAX))),
                }
            }
            Sent::Blocked(done) => {
                let deadline =
                    if call.progress.waited { None } else { self.timeout_of(held.sid, libc::SO_SNDTIMEO) };
                Ok(Outcome::Park(Wait { sid: held.sid, deadline, done }))
            }
        }
    }

    /// Send one message, of which `done` bytes are sent already.
    pub(crate) fn send_message(
        &mut self,
        call: &Call,
        held: &Held,
        msg: &Outgoing,
        done: usize,
    ) -> Result<Sent> {
        // What the program wrote natively came first.
        self.pump_out(held.key);
        let carrier = self.table.get(held.key).ok_or(Errno::EBADF)?;
        let netlink = carrier.family == libc::AF_NETLINK;
        let (stream, waits) = match &carrier.body {
            Body::Stream(s) => (true, !s.tx.is_empty()),
            Body::Datagram(d) => (false, d.tx_waits()),
        };
        if waits {
            return Ok(Sent::Blocked(done));
        }
        if stream && msg.flags & libc::MSG_FASTOPEN != 0 {
            // A carrier cannot become connected by a write: as where clients may not (net.ipv4.tcp_fastopen).
            return Err(Errno::EOPNOTSUPP);
        }
        if let Some(e) = carrier.take_datagram_error(held.fd()) {
            return Err(e);
        }
        // A netlink request is judged by its sender's capabilities, and refused in its answer.
        let netlink_cred = if netlink { Some(self.tasks.fresh_cred(call.tid)) } else { None };
        let user = User::of(call);
        let all = total(&msg.iov);
        let mut at = done;
        loop {
            let rest = skip(&msg.iov, at);
            let data = user.gather(&rest, MESSAGE_MAX)?;
            let more = stream && at + data.len() < all;
            let flags = msg.flags | libc::MSG_DONTWAIT | if more { libc::MSG_MORE } else { 0 };
            let out = Send { data: &data, name: &msg.name, control: &msg.control, flags };
            let sent = match &netlink_cred {
                Some(cred) => self.stack.sendmsg(cred, held.sid, &out),
                None => self.permitted(call.tid, |stack, cred: &Cred| stack.sendmsg(cred, held.sid, &out)),
            };
            match sent {
                Ok(n) => {
                    at += n;
                    if !stream || at >= all {
                        return Ok(Sent::Bytes(at));
                    }
                }
                Err(Errno::EAGAIN) => return Ok(Sent::Blocked(at)),
                Err(_) if at > 0 => return Ok(Sent::Bytes(at)),
                Err(e) => {
                    if e == Errno::EPIPE && stream && msg.flags & libc::MSG_NOSIGNAL == 0 {
                        raise_sigpipe(call.tid);
                    }
                    return Err(e);
                }
            }
        }
    }
}

fn raise_sigpipe(tid: i32) {
    // SAFETY: no pointer is passed; a thread that is gone gives ESRCH.
    unsafe { libc::syscall(libc::SYS_tkill, tid, libc::SIGPIPE) };
}
