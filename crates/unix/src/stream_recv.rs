//! `unix_stream_recvmsg`, `unix_stream_read_generic`.

use crate::oob;
use crate::scm::Received;
use crate::sock::{Inner, Unix};
use crate::state::UnixNet;
use kern::sync::SpinGuard;
use net::msg::RecvMsg;
use net::sock::{RCV_SHUTDOWN, SockFlag, Timeo};
use net::{AnySock, Sock, UserCx};
use std::sync::Arc;
use uapi::socket::{SCM_INQ, SOL_SOCKET};
use uapi::{Errno, MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_WAITALL, Result, TcpState};

/// One call's progress (`struct unix_stream_read_state` and the locals of the kernel's loop).
struct Reader {
    flags: u32,
    /// How much there is to be at least.
    target: usize,
    timeo: Timeo,
    /// Bytes to pass over, for a look.
    skip: usize,
    copied: usize,
    /// The sender's name was told.
    named: bool,
    /// What is told with the bytes; with credentials, all bytes are of one sender.
    got: Received,
}

/// What one pass over the queue led to.
enum Pass {
    /// Enough.
    Done,
    Failed(Errno),
    /// Nothing is there but what was seen: the number the next message will have.
    Wait(u64),
}

/// What is next in the queue.
enum Found {
    At(usize),
    /// The urgent mark, where a read that has bytes ends.
    Mark,
    Nothing,
}

pub(crate) fn recvmsg(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let flags = msg.flags;
    if !Unix::is_in(sk, TcpState::Established) {
        return Err(Errno::EINVAL);
    }
    if flags & MSG_OOB != 0 {
        return oob::recv_urgent(sk, cx, msg);
    }
    let size = msg.iov.remaining();
    let target = if flags & MSG_WAITALL != 0 { size } else { size.min(sk.rcvlowat().max(0) as usize) };
    let mut reader = Reader {
        flags,
        target: target.max(1),
        timeo: Timeo::new(cx, flags & MSG_DONTWAIT != 0, sk.rcvtimeo()),
        skip: 0,
        copied: 0,
        named: msg.name.is_none(),
        got: Received::default(),
    };
    let mut iolock = sk.lock_sock(cx);
    let failed = loop {
        reader.skip = sk.peek_offset(flags).max(0) as usize;
        let seen = match reader.pass(sk, cx, msg) {
            Pass::Done => break None,
            Pass::Failed(errno) => break Some(errno),
            Pass::Wait(seen) => seen,
        };
        let news = || sk.shared.lock().next_id != seen || sk.err() != 0 || sk.shutdown() & RCV_SHUTDOWN != 0;
        let (guard, woken) = iolock.wait_event(reader.timeo, |_| news().then_some(()));
        iolock = guard;
        match woken {
            Ok(()) => {}
            // One more look, which does not wait.
            Err(Errno::EAGAIN) => reader.timeo = Timeo::Never,
            Err(errno) => {
                // What was taken out of messages is lost with the call, as in the kernel.
                drop(iolock);
                UnixNet::of(cx.net).put_files(cx, reader.got.files);
                return if reader.copied > 0 { Ok(reader.copied) } else { Err(errno) };
            }
        }
    };
    drop(iolock);
    reader.got.put(cx, sk, msg);
    match failed {
        Some(errno) if reader.copied == 0 => return Err(errno),
        _ => {}
    }
    if sk.flag(SockFlag::Inq) {
        let left = sk.shared.lock().inq as i32;
        msg.control.put_int(SOL_SOCKET, SCM_INQ, left);
    }
    Ok(reader.copied)
}

impl Reader {
    /// From the head of the queue to where there is nothing more, or no need of more.
    fn pass(&mut self, sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Pass {
        let mut from = 0;
        loop {
            let mut inner = sk.shared.lock();
            let mut freed = [None, None];
            let found = self.find(&mut inner, sk, from, &mut freed);
            let seen = inner.next_id;
            let end = match found {
                Found::At(i) => {
                    let next = self.take(inner, i, sk, cx, msg);
                    next.map_or(Some(Pass::Done), |next| {
                        from = next;
                        None
                    })
                }
                Found::Mark => {
                    drop(inner);
                    Some(Pass::Done)
                }
                Found::Nothing => {
                    drop(inner);
                    Some(self.nothing(sk, seen))
                }
            };
            for message in freed.into_iter().flatten() {
                message.free(cx, sk);
            }
            if let Some(end) = end {
                return end;
            }
        }
    }

    fn find(&mut self, inner: &mut Inner, sk: &Sock<Unix>, from: usize, freed: &mut oob::Freed) -> Found {
        let peek = self.flags & MSG_PEEK != 0;
        let mut at = (from < inner.messages.len()).then_some(from);
        if let Some(i) = at {
            at = oob::manage(inner, sk, i, (peek, self.copied > 0), freed);
            if at.is_none() && self.copied > 0 {
                return Found::Mark;
            }
        }
        let Some(mut i) = at else { return Found::Nothing };
        while let Some(message) = inner.messages.get(i) {
            if self.skip < message.left() {
                return Found::At(i);
            }
            self.skip -= message.left();
            i += 1;
        }
        Found::Nothing
    }

    /// There is no message: is that the end?
    fn nothing(&self, sk: &Sock<Unix>, seen: u64) -> Pass {
        if self.copied >= self.target {
            return Pass::Done;
        }
        if let Some(errno) = sk.take_err() {
            return Pass::Failed(errno);
        }
        if sk.shutdown() & RCV_SHUTDOWN != 0 {
            return Pass::Done;
        }
        if self.timeo == Timeo::Never {
            return Pass::Failed(Errno::EAGAIN);
        }
        Pass::Wait(seen)
    }

    /// Takes of message `i`, or looks at it, as much as there is room for; where to go on, or `None`
    /// at the end.
    fn take(
        &mut self,
        mut inner: SpinGuard<'_, Inner>,
        i: usize,
        sk: &Sock<Unix>,
        cx: &UserCx<'_>,
        msg: &mut RecvMsg<'_>,
    ) -> Option<usize> {
        let peek = self.flags & MSG_PEEK != 0;
        let message = inner.messages.get_mut(i)?;
        match self.got.creds {
            Some(creds) if creds != message.creds => return None,
            Some(_) => {}
            None if Unix::may_passcred(sk) => self.got.creds = Some(message.creds),
            None => {}
        }
        let sender = if self.named { None } else { message.skb.owner.clone() };
        self.named = true;
        let chunk = (message.left() - self.skip).min(msg.iov.remaining());
        let offset = message.consumed + self.skip;
        if !peek && chunk == message.left() {
            let mut message = inner.messages.remove(i)?;
            inner.inq -= chunk;
            inner.publish(&sk.shared);
            drop(inner);
            message.skb.copy_to(offset, &mut msg.iov, chunk);
            if let Some(fds) = message.fds.take() {
                self.got.files.extend(UnixNet::of(cx.net).landed(*fds, sk));
            }
            message.free(cx, sk);
            tell_name(cx, msg, sender);
            self.moved(sk, chunk);
            let ends = !self.got.files.is_empty() || msg.iov.remaining() == 0;
            return (!ends).then_some(0);
        }
        let fds = if peek {
            message.fds.as_ref().map(|fds| UnixNet::of(cx.net).peek(fds))
        } else {
            message.consumed += chunk;
            let fds = message.fds.take();
            inner.inq -= chunk;
            fds.map(|fds| UnixNet::of(cx.net).landed(*fds, sk))
        };
        let next = (peek && fds.is_none() && i + 1 < inner.messages.len()).then_some(i + 1);
        if inner.messages[i].skb.nr_frags() == 0 {
            inner.messages[i].skb.copy_to(offset, &mut msg.iov, chunk);
            drop(inner);
        } else {
            // Bytes are not copied under a spin lock; the fragments are shared meanwhile.
            let shared = inner.messages[i].skb.clone_in(cx);
            drop(inner);
            shared.copy_to(offset, &mut msg.iov, chunk);
            cx.consume_skb(shared);
        }
        tell_name(cx, msg, sender);
        self.moved(sk, chunk);
        self.got.files.extend(fds.into_iter().flatten());
        self.skip = 0;
        next
    }

    fn moved(&mut self, sk: &Sock<Unix>, chunk: usize) {
        self.copied += chunk;
        sk.peek_offset_moved(self.flags, chunk as i32);
    }
}

/// The sender's name as it is now (`unix_copy_addr`).
pub(crate) fn tell_name(cx: &UserCx<'_>, msg: &mut RecvMsg<'_>, sender: Option<Arc<dyn AnySock>>) {
    let Some(sender) = sender else { return };
    if let Some(sk) = sender.as_any().downcast_ref::<Sock<Unix>>() {
        let addr = sk.shared.lock().addr.clone();
        if let Some(addr) = addr {
            msg.set_name(addr.bytes());
        }
    }
    sender.put(cx);
}
