//! `recvfrom(2)`, `recvmsg(2)`: receiving that a carrier cannot express.

use crate::call::{Call, Handled, Outcome, Wait};
use crate::carrier::datagram::Meta;
use crate::stack::Name;
use crate::supervisor::{Held, Supervisor};
use crate::sys::mem::Remote;
use crate::sys::sock;
use crate::usermem::{User, skip, total};
use uapi::{Errno, Result};

/// A message received; its bytes are in the caller's memory.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// What the call returns.
    pub ret: usize,
    /// From where.
    pub name: Name,
    /// Control messages.
    pub control: Vec<u8>,
    /// `msg_flags`.
    pub flags: i32,
}

/// How receiving ended.
#[derive(Debug)]
pub(crate) enum Got {
    /// With a message.
    Message(Incoming),
    /// Nothing yet, but for so many bytes of `MSG_WAITALL`.
    Blocked(usize),
}

/// Beyond these a stream carrier receives by itself; urgent data it has as TCP has.
const SPECIAL: i32 = libc::MSG_ERRQUEUE | libc::MSG_TRUNC;

impl Supervisor<'_> {
    pub(crate) fn sys_recvfrom(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let user = User::of(call);
        let iov = [Remote { addr: call.args[1], len: call.size(2) }];
        let flags = call.int(3);
        if call.ptr(4).is_none() && flags & SPECIAL == 0 && self.left_to_carrier(call, &held) {
            return Ok(Outcome::Continue);
        }
        match self.receive(call, &held, &iov, 0, flags, call.progress.done)? {
            Got::Message(m) => {
                if let Some(at) = call.ptr(4) {
                    user.write_addr(at, call.args[5], m.name.as_bytes())?;
                }
                Ok(Outcome::Return(i64::try_from(m.ret).unwrap_or(i64::MAX)))
            }
            Got::Blocked(done) => self.blocked(call, &held, flags, done),
        }
    }

    pub(crate) fn sys_recvmsg(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let user = User::of(call);
        let hdr = user.read_msghdr(call.args[1])?;
        let flags = call.int(2);
        if hdr.name == 0 && flags & SPECIAL == 0 && self.left_to_carrier(call, &held) {
            return Ok(Outcome::Continue);
        }
        let control_len = if hdr.control == 0 { 0 } else { hdr.control_len };
        match self.receive(call, &held, &hdr.iov, control_len, flags, call.progress.done)? {
            Got::Message(m) => {
                user.write_msghdr(&hdr, m.name.as_bytes(), &m.control, m.flags)?;
                Ok(Outcome::Return(i64::try_from(m.ret).unwrap_or(i64::MAX)))
            }
            Got::Blocked(done) => self.blocked(call, &held, flags, done),
        }
    }

    /// Receive for a call that asks for nothing but bytes.
    pub(crate) fn receive_or_park(&mut self, call: &Call, held: &Held, iov: &[Remote]) -> Handled {
        match self.receive(call, held, iov, 0, 0, call.progress.done)? {
            Got::Message(m) => Ok(Outcome::Return(i64::try_from(m.ret).unwrap_or(i64::MAX))),
            Got::Blocked(done) => self.blocked(call, held, 0, done),
        }
    }

    fn blocked(&mut self, call: &Call, held: &Held, flags: i32, done: usize) -> Handled {
        if flags & (libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE) != 0 || held.must_not_wait(call) {
            return match done {
                0 => Err(Errno::EAGAIN.into()),
                n => Ok(Outcome::Return(i64::try_from(n).unwrap_or(i64::MAX))),
            };
        }
        let deadline = if call.progress.waited { None } else { self.timeout_of(held.sid, libc::SO_RCVTIMEO) };
        Ok(Outcome::Park(Wait { sid: held.sid, deadline, done }))
    }

    /// Receive one message into the caller's buffers; `done` bytes of it are there already.
    pub(crate) fn receive(
        &mut self,
        call: &Call,
        held: &Held,
        iov: &[Remote],
        control_len: usize,
        flags: i32,
        done: usize,
    ) -> Result<Got> {
        let native = self.flows_natively(held);
        if native && flags & libc::MSG_ERRQUEUE == 0 {
            return self.receive_stream(call, held, iov, flags, done);
        }
        let user = User::of(call);
        let room = total(iov);
        if flags & (libc::MSG_OOB | libc::MSG_ERRQUEUE) == 0 {
            let carrier = self.table.get(held.key).ok_or(Errno::EBADF)?;
            if let Some(e) = carrier.take_datagram_error(held.fd()) {
                return Err(e);
            }
            let peek = flags & libc::MSG_PEEK != 0;
            if let Some((meta, n)) = self.first_datagram(held.key, held.fd(), peek) {
                let copied = user.scatter(iov, &self.scratch[..n])?;
                return Ok(Got::Message(incoming(meta, n, copied, flags)));
            }
        }
        let cap = room.min(self.scratch.len());
        let wanted = flags | libc::MSG_DONTWAIT;
        let control_len = control_len.min(self.scratch.len());
        match self.stack.recvmsg(held.sid, &mut self.scratch[..cap], control_len, wanted) {
            Ok(r) => {
                user.scatter(iov, &self.scratch[..r.len.min(cap)])?;
                let m = Incoming { ret: r.ret, name: r.name, control: r.control, flags: r.flags };
                Ok(Got::Message(m))
            }
            Err(Errno::EAGAIN) => Ok(Got::Blocked(done)),
            Err(e) => Err(e),
        }
    }

    /// Of a stream the carrier holds the bytes: read them there, for the address alone (TCP gives an empty one).
    fn receive_stream(
        &mut self,
        call: &Call,
        held: &Held,
        iov: &[Remote],
        flags: i32,
        done: usize,
    ) -> Result<Got> {
        self.mirror_stream(held.key);
        let user = User::of(call);
        let all = total(iov);
        let carry = flags & (libc::MSG_PEEK | libc::MSG_OOB);
        let mut at = done;
        loop {
            let want = (all - at.min(all)).min(self.scratch.len());
            let n = match sock::recv(held.fd(), &mut self.scratch[..want], carry) {
                Ok(n) => n,
                Err(Errno::EAGAIN) if at > 0 && flags & libc::MSG_WAITALL == 0 => break,
                Err(Errno::EAGAIN) => return Ok(Got::Blocked(at)),
                Err(_) if at > 0 => break,
                Err(e) => return Err(self.true_error(held, e)),
            };
            // MSG_TRUNC on TCP: the bytes are counted and thrown away (tcp(7)).
            if flags & libc::MSG_TRUNC == 0 {
                user.scatter(&skip(iov, at), &self.scratch[..n])?;
            }
            at += n;
            let all_or_nothing = flags & libc::MSG_WAITALL != 0 && flags & libc::MSG_PEEK == 0;
            if n == 0 || at >= all || !(all_or_nothing || n == self.scratch.len()) {
                break;
            }
        }
        Ok(Got::Message(Incoming { ret: at, ..Incoming::default() }))
    }

    /// A carrier knows one error only, ECONNRESET: the true one is kept beside it.
    fn true_error(&mut self, held: &Held, seen: Errno) -> Errno {
        self.table.get(held.key).and_then(|c| c.error.take()).unwrap_or(seen)
    }
}

fn incoming(meta: Meta, n: usize, copied: usize, flags: i32) -> Incoming {
    let cut = if copied < n { libc::MSG_TRUNC } else { 0 };
    let ret = if flags & libc::MSG_TRUNC != 0 { n } else { copied };
    Incoming { ret, name: meta.name, control: meta.control, flags: meta.flags | cut }
}
