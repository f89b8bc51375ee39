//! Somebody who watches the calls that are served: for `sockeye trace`.

use crate::call::{Call, Op, Outcome};
use crate::usermem::User;
use uapi::Errno;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This value.
    Returned(i64),
    /// This error.
    Failed(Errno),
    /// The host's kernel executes it on the carrier.
    Native,
    /// It waits; it will be told again when it has its answer.
    Waits,
}

/// A call, as an observer sees it.
pub struct Seen<'a> {
    /// The calling thread.
    pub tid: i32,
    /// The system call.
    pub name: &'static str,
    /// Its arguments.
    pub args: [u64; 6],
    /// What became of it.
    pub answer: Answer,
    user: &'a User,
}

impl Seen<'_> {
    /// `len` bytes of the caller's memory; `None` if they are not there.
    pub fn memory(&self, addr: u64, len: usize) -> Option<Vec<u8>> {
        let mut buf = vec![0; len];
        self.user.read(addr, &mut buf).ok().map(|()| buf)
    }
}

/// Somebody who watches.
pub trait Observer {
    /// A call begins: what happens from now on happens inside it.
    fn begin(&mut self);
    /// It ends, or begins to wait.
    fn end(&mut self, call: &Seen<'_>);
}

/// Tells an observer of a call's outcome. `fd` is the descriptor that it made, if it made one.
pub(crate) fn tell(observer: &mut dyn Observer, call: &Call, outcome: &Outcome, fd: Option<i32>) {
    let answer = match outcome {
        Outcome::Return(value) => Answer::Returned(*value),
        Outcome::Fail(errno) => Answer::Failed(*errno),
        Outcome::Continue => Answer::Native,
        Outcome::Park(_) => Answer::Waits,
        Outcome::Answered => Answer::Returned(fd.unwrap_or(0).into()),
    };
    let user = User::of(call);
    observer.end(&Seen { tid: call.tid, name: name(call.op), args: call.args, answer, user: &user });
}

/// The system call's name.
fn name(op: Op) -> &'static str {
    match op {
        Op::Socket => "socket",
        Op::Bind => "bind",
        Op::Connect => "connect",
        Op::Listen => "listen",
        Op::Accept => "accept",
        Op::Accept4 => "accept4",
        Op::Getsockname => "getsockname",
        Op::Getpeername => "getpeername",
        Op::Setsockopt => "setsockopt",
        Op::Getsockopt => "getsockopt",
        Op::Shutdown => "shutdown",
        Op::Sendto => "sendto",
        Op::Recvfrom => "recvfrom",
        Op::Sendmsg => "sendmsg",
        Op::Recvmsg => "recvmsg",
        Op::Sendmmsg => "sendmmsg",
        Op::Recvmmsg => "recvmmsg",
        Op::RecvmmsgTime64 => "recvmmsg_time64",
        Op::Ioctl => "ioctl",
        Op::Socketcall => "socketcall",
        Op::Prctl => "prctl",
        Op::IoUring => "io_uring_setup",
    }
}
