//! `read(2)`, `write(2)`, `readv(2)`, `writev(2)`, `close(2)` on a carrier, for somebody who watches: every write-like
//! call ends in the protocol's `sendmsg`, every read-like one in its `recvmsg`.

use super::send::Outgoing;
use crate::call::{Call, Handled, Op, Outcome};
use crate::supervisor::Supervisor;
use crate::sys::mem::Remote;
use crate::usermem::{UIO_MAXIOV, User, total};
use uapi::Errno;

impl Supervisor<'_> {
    pub(crate) fn sys_transfer(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let iov = match call.op {
            Op::Readv | Op::Writev if call.size(2) > UIO_MAXIOV => return Err(Errno::EINVAL.into()),
            Op::Readv | Op::Writev => User::of(call).read_iov(call.args[1], call.size(2))?,
            _ => vec![Remote { addr: call.args[1], len: call.size(2) }],
        };
        if matches!(call.op, Op::Write | Op::Writev) {
            return self.send_or_park(call, &held, &Outgoing { iov, ..Outgoing::default() });
        }
        // "Match SYS5 behaviour": reading nothing asks nobody.
        if total(&iov) == 0 {
            return Ok(Outcome::Return(0));
        }
        self.receive_or_park(call, &held, &iov)
    }

    /// The carrier's descriptor is the host's to close; what that does inside comes after.
    pub(crate) fn sys_close(&mut self, call: &mut Call) -> Handled {
        self.lookup(call, call.int(0))?;
        Ok(Outcome::Continue)
    }
}
