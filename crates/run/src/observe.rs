//! Somebody who watches the calls that are served: for `sockeye trace`.

use crate::call::{Call, Op, Outcome};
use crate::usermem::{UIO_MAXIOV, User};
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
    /// It is none of ours: the host's kernel executes it.
    Foreign,
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
    /// It has waited before.
    pub resumed: bool,
    /// The `struct sockaddr` of the peer that `accept` gave, whole.
    pub peer: Option<Vec<u8>>,
    user: &'a User,
}

impl Seen<'_> {
    /// The message header at `addr`: its parts in the caller's memory.
    pub fn message(&self, addr: u64) -> Option<Message> {
        let hdr = self.user.read_msghdr(addr).ok()?;
        let iov = hdr.iov.iter().map(|range| (range.addr, range.len)).collect();
        Some(Message {
            name: (hdr.name, hdr.name_len),
            iov,
            control: (hdr.control, hdr.control_len),
            flags: hdr.flags,
        })
    }

    /// A vector of `n` buffers at `addr`: addresses and lengths in bytes.
    pub fn vector(&self, addr: u64, n: usize) -> Option<Vec<(u64, usize)>> {
        let iov = self.user.read_iov(addr, n.min(UIO_MAXIOV)).ok()?;
        Some(iov.iter().map(|range| (range.addr, range.len)).collect())
    }

    /// `len` bytes of the caller's memory; `None` if they are not there.
    pub fn memory(&self, addr: u64, len: usize) -> Option<Vec<u8>> {
        let mut buf = vec![0; len];
        self.user.read(addr, &mut buf).ok().map(|()| buf)
    }
}

/// A `struct msghdr`: where its parts are in the caller's memory, and how long they are, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The address, 0 if there is none.
    pub name: (u64, i32),
    /// The buffers.
    pub iov: Vec<(u64, usize)>,
    /// The control messages, 0 if there are none.
    pub control: (u64, usize),
    /// `msg_flags`.
    pub flags: u32,
}

/// Somebody who watches. While he does, the calls that carriers would execute alone (`read`, `send` …) are executed by the
/// stack within the call, so that what they do inside can be seen.
pub trait Observer {
    /// A call begins: what happens from now on happens inside it.
    fn begin(&mut self);
    /// It ends, or begins to wait.
    fn end(&mut self, call: &Seen<'_>);
}

/// What a call has made and given to its caller before it can be told: the caller may be elsewhere by then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    /// The descriptor.
    pub fd: i32,
    /// The address of the peer, of a connection.
    pub peer: Vec<u8>,
}

/// Tells an observer of a call's outcome.
pub(crate) fn tell(observer: &mut dyn Observer, call: &Call, outcome: &Outcome, made: Option<Made>) {
    let made = made.unwrap_or_default();
    let answer = match outcome {
        Outcome::Return(value) => Answer::Returned(*value),
        Outcome::Fail(errno) => Answer::Failed(*errno),
        // The host closes a valid descriptor without fail.
        Outcome::Continue if call.op == Op::Close => Answer::Returned(0),
        Outcome::Continue => Answer::Native,
        Outcome::Foreign => Answer::Foreign,
        Outcome::Park(_) => Answer::Waits,
        Outcome::Answered => Answer::Returned(made.fd.into()),
    };
    let user = User::of(call);
    observer.end(&Seen {
        tid: call.tid,
        name: name(call.op),
        args: call.args,
        answer,
        resumed: call.progress.waited,
        peer: (!made.peer.is_empty()).then_some(made.peer),
        user: &user,
    });
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
        Op::Read => "read",
        Op::Write => "write",
        Op::Readv => "readv",
        Op::Writev => "writev",
        Op::Close => "close",
        Op::Open => "open",
        Op::Openat => "openat",
        Op::Openat2 => "openat2",
        Op::Socketcall => "socketcall",
        Op::Prctl => "prctl",
        Op::IoUring => "io_uring_setup",
    }
}
