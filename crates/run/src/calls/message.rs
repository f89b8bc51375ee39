//! `sendmmsg(2)`, `recvmmsg(2)`: several messages a call.

use super::recv::Got;
use super::send::{Outgoing, Sent};
use crate::call::{Call, Handled, Op, Outcome, Wait};
use crate::supervisor::Supervisor;
use crate::usermem::User;
use std::time::{Duration, Instant};
use uapi::{Errno, Result};

/// The kernel handles no more of them a call (`UIO_MAXIOV`).
const VLEN_MAX: usize = 1024;

/// Where message `i` of the vector stands, and its `msg_len`.
fn place(call: &Call, i: usize) -> (u64, u64) {
    let (step, len_at) = if call.compat { (32, 28) } else { (64, 56) };
    let at = call.args[1].wrapping_add(i as u64 * step);
    (at, at.wrapping_add(len_at))
}

fn count(n: usize) -> Handled {
    Ok(Outcome::Return(i64::try_from(n).unwrap_or(i64::MAX)))
}

impl Supervisor<'_> {
    pub(crate) fn sys_sendmmsg(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let user = User::of(call);
        let vlen = (call.args[2] as u32 as usize).min(VLEN_MAX);
        let flags = call.int(3);
        for i in call.progress.done..vlen {
            let (at, len_at) = place(call, i);
            let sent = user
                .read_msghdr(at)
                .and_then(|hdr| Outgoing::from_msghdr(&user, &hdr, flags))
                .and_then(|msg| self.send_message(call, &held, &msg, 0));
            match sent {
                Ok(Sent::Bytes(n)) => {
                    user.write_int(len_at, i32::try_from(n).unwrap_or(i32::MAX))?;
                }
                Ok(Sent::Blocked(0)) => {
                    if i > 0 {
                        return count(i);
                    }
                    if flags & libc::MSG_DONTWAIT != 0 || held.must_not_wait(call) {
                        return Err(Errno::EAGAIN.into());
                    }
                    let deadline = self.timeout_of(held.sid, libc::SO_SNDTIMEO);
                    return Ok(Outcome::Park(Wait { sid: held.sid, deadline, done: i }));
                }
                Ok(Sent::Blocked(n)) => {
                    user.write_int(len_at, i32::try_from(n).unwrap_or(i32::MAX))?;
                    return count(i + 1);
                }
                Err(e) if i == 0 => return Err(e.into()),
                Err(_) => return count(i),
            }
        }
        count(vlen)
    }

    pub(crate) fn sys_recvmmsg(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let user = User::of(call);
        let vlen = (call.args[2] as u32 as usize).min(VLEN_MAX);
        let mut flags = call.int(3);
        let time_up = call.progress.deadline.is_some_and(|d| d <= Instant::now());
        let mut i = call.progress.done;
        while i < vlen {
            if i > 0 && flags & libc::MSG_WAITFORONE != 0 {
                flags |= libc::MSG_DONTWAIT;
            }
            let (at, len_at) = place(call, i);
            let one = user.read_msghdr(at).and_then(|hdr| {
                let room = if hdr.control == 0 { 0 } else { hdr.control_len };
                let got = self.receive(call, &held, &hdr.iov, room, flags & !libc::MSG_WAITFORONE, 0)?;
                Ok((hdr, got))
            });
            match one {
                Ok((hdr, Got::Message(m))) => {
                    user.write_msghdr(&hdr, m.name.as_bytes(), &m.control, m.flags)?;
                    user.write_int(len_at, i32::try_from(m.ret).unwrap_or(i32::MAX))?;
                    i += 1;
                }
                Ok((_, Got::Blocked(_))) => {
                    if time_up || flags & libc::MSG_DONTWAIT != 0 || held.must_not_wait(call) {
                        break;
                    }
                    let deadline = self.recvmmsg_deadline(call, &held)?;
                    return Ok(Outcome::Park(Wait { sid: held.sid, deadline, done: i }));
                }
                Err(e) if i == 0 => return Err(e.into()),
                Err(_) => break,
            }
        }
        if i == 0 && vlen > 0 { Err(Errno::EAGAIN.into()) } else { count(i) }
    }

    fn recvmmsg_deadline(&mut self, call: &Call, held: &crate::supervisor::Held) -> Result<Option<Instant>> {
        let Some(at) = call.ptr(4) else {
            return Ok(self.timeout_of(held.sid, libc::SO_RCVTIMEO));
        };
        let user = User::of(call);
        let small = call.compat && call.op == Op::Recvmmsg;
        let (sec, nsec) = if small {
            (i64::from(user.read_int(at)?), i64::from(user.read_int(at + 4)?))
        } else {
            let mut ts = [0u8; 16];
            user.read(at, &mut ts)?;
            let word = |o: usize| ts[o..o + 8].try_into().map_or(0, i64::from_ne_bytes);
            (word(0), word(8))
        };
        let sec = u64::try_from(sec).map_err(|_| Errno::EINVAL)?;
        let nsec = u32::try_from(nsec).ok().filter(|&n| n < 1_000_000_000).ok_or(Errno::EINVAL)?;
        Ok(Instant::now().checked_add(Duration::new(sec, nsec)))
    }
}
