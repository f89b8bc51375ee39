//! recv(2) and its kin (`tcp_recvmsg`).

use crate::input;
use crate::input::urg::{URG_READ, URG_VALID};
use crate::seq::{after, before};
use crate::sock::Sk;
use crate::{Tcp, state};
use kern::time::Time;
use net::msg::RecvMsg;
use net::sock::{RCV_SHUTDOWN, SockFlag, Timeo, stream_recv_timestamp, wants_timestamps};
use net::{Sock, UserCx};
use uapi::socket::{MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, SOL_TCP};
use uapi::tcp::{TCP_CM_INQ, TcpState};
use uapi::{Errno, Result};

/// Gives bytes to the user: at least `SO_RCVLOWAT` or all that `MSG_WAITALL` asks for, unless waiting
/// ends; 0 at the end of the stream.
pub fn recvmsg(sk: &Sock<Tcp>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let flags = msg.flags;
    if flags & MSG_ERRQUEUE != 0 {
        return ip::errqueue::recv(cx, sk, &sk.shared.inet, msg);
    }
    if sk.state() == TcpState::Listen as u8 {
        return Err(Errno::ENOTCONN);
    }
    let mut guard = sk.lock_sock(cx);
    if guard.sk_mut().repair
        && let Some(result) = super::repair::recv(&guard.sk_mut(), msg, flags & MSG_PEEK != 0)
    {
        return result;
    }
    let timeo = Timeo::new(cx, flags & MSG_DONTWAIT != 0, sk.rcvtimeo());
    if flags & MSG_OOB != 0 {
        return recv_urg(&mut guard.sk_mut(), msg);
    }
    let len = msg.iov.remaining();
    let lowat = usize::try_from(sk.rcvlowat()).unwrap_or(1).max(1);
    let target = if flags & MSG_WAITALL != 0 { len } else { lowat.min(len) };
    let mut reader = Reader { copied: 0, peek: None, len, stamp: None };
    if flags & MSG_PEEK != 0 {
        let offset = sk.peek_off().max(0) as u32;
        reader.peek = Some(guard.copied_seq.wrapping_add(offset));
    }
    let result = loop {
        let step = reader.read(&mut guard.sk_mut(), cx, msg, target);
        let Some(step) = step else {
            // Nothing more now: tell the peer of the room there is, then wait.
            input::cleanup_rbuf(&mut guard.sk_mut(), cx, reader.copied);
            let seen = guard.rcv_nxt;
            let (waited, mut looked);
            looked = 0;
            (guard, waited) = guard.wait_event(timeo, |sk| {
                looked += 1;
                // Who asks for nothing waits once, for whatever wakes him; sleep comes after the second look.
                if len == 0 && looked > 2 { Some(()) } else { data_or_end(sk, seen) }
            });
            match waited {
                Err(errno) if len == 0 && (looked < 3 || errno == Errno::EPIPE) => break Err(errno),
                _ if len == 0 => break Ok(0),
                Ok(()) => continue,
                Err(_) if reader.copied > 0 => break Ok(reader.copied),
                Err(errno) => break Err(errno),
            }
        };
        break step;
    };
    let mut sk = guard.sk_mut();
    if result.is_ok() && reader.copied > 0 {
        if let Some(at) = reader.peek {
            if sk.sk.peek_off() >= 0 {
                sk.sk.set_peek_off(at.wrapping_sub(sk.copied_seq) as i32);
            }
        } else {
            input::rcv_space_adjust(&mut sk, cx);
            if sk.sk.peek_off() >= 0 {
                sk.sk.set_peek_off((sk.sk.peek_off() - reader.copied as i32).max(0));
            }
        }
        if let Some(stamp) = reader.stamp.filter(|_| wants_timestamps(sk.sk)) {
            stream_recv_timestamp(sk.sk, stamp, msg);
        }
        if sk.recvmsg_inq {
            // `tcp_inq_hint`: the FIN counts as a byte, so that the reader comes back for the end.
            let inq = match sk.rcv_nxt.wrapping_sub(sk.copied_seq) as i32 {
                0 if sk.sk.flag(SockFlag::Done) => 1,
                inq => inq,
            };
            msg.control.put_int(SOL_TCP, TCP_CM_INQ, inq);
        }
    }
    if reader.peek.is_none() {
        input::cleanup_rbuf(&mut sk, cx, reader.copied);
    }
    result
}

/// What a sleeper waits for: more bytes than were there, or a reason why none will come.
fn data_or_end(sk: &mut Sk<'_>, seen: u32) -> Option<()> {
    let news = sk.rcv_nxt != seen
        || sk.sk.err() != 0
        || sk.sk.shutdown() & RCV_SHUTDOWN != 0
        || matches!(state::state(sk), TcpState::Close | TcpState::TimeWait);
    news.then_some(())
}

struct Reader {
    copied: usize,
    /// Where peeking has got to; `None` when reading.
    peek: Option<u32>,
    len: usize,
    /// When the last segment that gave bytes came.
    stamp: Option<Time>,
}

impl Reader {
    /// Copies what is there. `Some` is the call's answer, `None` that it must wait.
    fn read(
        &mut self,
        sk: &mut Sk<'_>,
        cx: &UserCx<'_>,
        msg: &mut RecvMsg<'_>,
        target: usize,
    ) -> Option<Result<usize>> {
        if self.copy(sk, cx, msg) {
            return Some(Ok(self.copied));
        }
        // Who asks for nothing is told whether there would be something.
        let at = self.peek.unwrap_or(sk.copied_seq);
        if self.copied >= self.len && (self.len > 0 || after(sk.rcv_nxt, at)) {
            return Some(Ok(self.copied));
        }
        if self.copied >= target && self.copied > 0 {
            return Some(Ok(self.copied));
        }
        let (err, done) = (sk.sk.err() != 0, sk.sk.flag(SockFlag::Done));
        let over = sk.sk.shutdown() & RCV_SHUTDOWN != 0;
        let closed = state::state(sk) == TcpState::Close;
        if self.copied > 0 {
            return (err || over || closed || done).then_some(Ok(self.copied));
        }
        if done {
            return Some(Ok(0));
        }
        if err {
            return Some(Err(sk.sk.take_err().unwrap_or(Errno::EIO)));
        }
        if over {
            return Some(Ok(0));
        }
        // Never connected, or closed and told so already.
        closed.then_some(Err(Errno::ENOTCONN))
    }

    /// Copies from the receive queue until the user's memory is full, the queue is empty, or the
    /// urgent byte stands in the way. True when the call is to return at once.
    fn copy(&mut self, sk: &mut Sk<'_>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> bool {
        let mut at = self.peek.unwrap_or(sk.copied_seq);
        let mut index = 0;
        let trunc = msg.flags & MSG_TRUNC != 0;
        while self.copied < self.len {
            if msg.splice && sk.urg_data != 0 && sk.urg_seq == at {
                // What is out of band does not go into a pipe, nor is it passed over (`tcp_read_sock`).
                return true;
            }
            if self.at_urgent(sk, at) {
                if self.copied > 0 {
                    return true;
                }
                if !sk.sk.flag(SockFlag::UrgInline) {
                    // Out of band: read by MSG_OOB, skipped here.
                    at = at.wrapping_add(1);
                    self.advance(sk, at);
                    if self.peek.is_none() {
                        sk.urg_data = 0;
                        input::window::fast_path_check(sk);
                    }
                    continue;
                }
            }
            let Some(seg) = sk.receive_queue.get(index) else { return false };
            let fin = seg.flags.fin();
            let data_end = seg.end_seq.wrapping_sub(u32::from(fin));
            if before(at, data_end) {
                let offset = at.wrapping_sub(seg.seq) as usize;
                let mut used = (data_end.wrapping_sub(at) as usize).min(self.len - self.copied);
                if sk.urg_data != 0 {
                    let ahead = sk.urg_seq.wrapping_sub(at) as usize;
                    if ahead != 0 && ahead < used {
                        used = ahead;
                    } else if ahead == 0 {
                        used = used.min(1);
                    }
                }
                if !trunc && seg.skb.copy_to(offset, &mut msg.iov, used) < used {
                    return true;
                }
                at = at.wrapping_add(used as u32);
                self.copied += used;
                self.stamp = seg.skb.tstamp.or(self.stamp);
                self.advance(sk, at);
                if sk.urg_data != 0 && after(at, sk.urg_seq) && self.peek.is_none() {
                    sk.urg_data = 0;
                    input::window::fast_path_check(sk);
                }
                if before(at, data_end) {
                    continue;
                }
            }
            if fin && at == data_end {
                at = at.wrapping_add(1);
                self.advance(sk, at);
                self.eat(sk, cx, &mut index);
                return true;
            }
            self.eat(sk, cx, &mut index);
        }
        false
    }

    /// The next byte is the urgent one, and it has not been passed.
    fn at_urgent(&self, sk: &Sk<'_>, at: u32) -> bool {
        sk.urg_data != 0
            && sk.urg_seq == at
            && sk.urg_data & (URG_VALID | URG_READ) != 0
            && !(self.copied == 0 && sk.sk.flag(SockFlag::UrgInline))
    }

    fn advance(&mut self, sk: &mut Sk<'_>, at: u32) {
        match &mut self.peek {
            Some(peek) => *peek = at,
            None => sk.copied_seq = at,
        }
    }

    /// The segment at `index` is done: it goes, or peeking steps over it.
    fn eat(&mut self, sk: &mut Sk<'_>, cx: &UserCx<'_>, index: &mut usize) {
        if self.peek.is_some() {
            *index += 1;
        } else if let Some(seg) = sk.receive_queue.pop_front() {
            input::data::eat_skb(sk, cx, seg);
        }
    }
}

/// The urgent byte (`tcp_recv_urg`, RFC 9293 section 3.8.5).
fn recv_urg(sk: &mut Sk<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if sk.sk.flag(SockFlag::UrgInline) || sk.urg_data == 0 || sk.urg_data == URG_READ {
        return Err(Errno::EINVAL);
    }
    if state::state(sk) == TcpState::Close && !sk.sk.flag(SockFlag::Done) {
        return Err(Errno::ENOTCONN);
    }
    if sk.urg_data & URG_VALID != 0 {
        let byte = [sk.urg_data as u8];
        if msg.flags & MSG_PEEK == 0 {
            sk.urg_data = URG_READ;
        }
        msg.out_flags |= MSG_OOB;
        if msg.iov.remaining() > 0 {
            return if msg.flags & MSG_TRUNC != 0 || msg.iov.copy_from(&byte) == 1 {
                Ok(1)
            } else {
                Err(Errno::EFAULT)
            };
        }
        msg.out_flags |= MSG_TRUNC;
        return Ok(0);
    }
    if state::state(sk) == TcpState::Close || sk.sk.shutdown() & RCV_SHUTDOWN != 0 {
        return Ok(0);
    }
    // The urgent pointer came, its byte has not.
    Err(Errno::EAGAIN)
}
