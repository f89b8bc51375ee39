//! i386's `socketcall(2)`: one call for all, its arguments in memory.

use crate::call::{Call, Handled, Op, Outcome};
use crate::supervisor::Supervisor;
use crate::usermem::User;
use uapi::Errno;

/// By the number in the first argument (`SYS_SOCKET` ...): the operation, and how many arguments it has. `socketpair` is
/// the host's.
const CALLS: &[(u32, Option<Op>, usize)] = &[
    (1, Some(Op::Socket), 3),
    (2, Some(Op::Bind), 3),
    (3, Some(Op::Connect), 3),
    (4, Some(Op::Listen), 2),
    (5, Some(Op::Accept), 3),
    (6, Some(Op::Getsockname), 3),
    (7, Some(Op::Getpeername), 3),
    (8, None, 4),
    (9, Some(Op::Sendto), 4),
    (10, Some(Op::Recvfrom), 4),
    (11, Some(Op::Sendto), 6),
    (12, Some(Op::Recvfrom), 6),
    (13, Some(Op::Shutdown), 2),
    (14, Some(Op::Setsockopt), 5),
    (15, Some(Op::Getsockopt), 5),
    (16, Some(Op::Sendmsg), 3),
    (17, Some(Op::Recvmsg), 3),
    (18, Some(Op::Accept4), 4),
    (19, Some(Op::Recvmmsg), 5),
    (20, Some(Op::Sendmmsg), 4),
];

impl Supervisor<'_> {
    pub(crate) fn sys_socketcall(&mut self, call: &mut Call) -> Handled {
        let number = call.args[0] as u32;
        let row = CALLS.iter().find(|row| row.0 == number).ok_or(Errno::EINVAL)?;
        let mut raw = [0u8; 24];
        let n = row.2 * 4;
        User::of(call).read(call.args[1], &mut raw[..n])?;
        let op = row.1.ok_or(Outcome::Foreign)?;
        call.op = op;
        call.args = [0; 6];
        for (arg, word) in call.args.iter_mut().zip(raw[..n].chunks_exact(4)) {
            *arg = u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        }
        self.dispatch(call)
    }
}
