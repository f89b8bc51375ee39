//! A trapped call: which operation, whose, with which arguments, and what becomes of it.

use crate::stack::Sid;
use std::time::Instant;
use uapi::Errno;

/// The operations the filter knows, whatever their numbers in an ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the kernel's names")]
pub(crate) enum Op {
    Socket,
    Bind,
    Connect,
    Listen,
    Accept,
    Accept4,
    Getsockname,
    Getpeername,
    Setsockopt,
    Getsockopt,
    Shutdown,
    Sendto,
    Recvfrom,
    Sendmsg,
    Recvmsg,
    Sendmmsg,
    Recvmmsg,
    RecvmmsgTime64,
    Ioctl,
    /// Only if somebody watches, as the four after it.
    Read,
    Write,
    Readv,
    Writev,
    Close,
    /// Only if the programs see the stack's `/proc/net`, as the two after it.
    Open,
    Openat,
    Openat2,
    /// i386's multiplexer of all of the above.
    Socketcall,
    /// Only ever answered by the filter itself.
    Prctl,
    /// Only ever answered by the filter itself.
    IoUring,
}

/// What a call has done before it had to wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Bytes or messages already moved.
    pub done: usize,
    /// It has been parked before.
    pub waited: bool,
    /// When to give up.
    pub deadline: Option<Instant>,
}

/// One trapped call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The notification.
    pub id: u64,
    /// The calling thread.
    pub tid: i32,
    /// What it asks for.
    pub op: Op,
    /// Its arguments.
    pub args: [u64; 6],
    /// Its structures are those of a 32-bit ABI.
    pub compat: bool,
    /// What it has done so far.
    pub progress: Progress,
}

impl Call {
    /// Argument `n` as the kernel's `int`.
    pub(crate) fn int(&self, n: usize) -> i32 {
        self.args[n] as u32 as i32
    }

    /// Argument `n` as a user-space address, `None` if it is null.
    pub(crate) fn ptr(&self, n: usize) -> Option<u64> {
        Some(self.args[n]).filter(|&p| p != 0)
    }

    /// Argument `n` as a `size_t`.
    pub(crate) fn size(&self, n: usize) -> usize {
        usize::try_from(self.args[n]).unwrap_or(usize::MAX)
    }
}

/// What a parked call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// Any change of this socket.
    pub sid: Sid,
    /// No longer than this (from the first wait on).
    pub deadline: Option<Instant>,
    /// What the call has done so far.
    pub done: usize,
}

/// What becomes of a call.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// This value.
    Return(i64),
    /// This error.
    Fail(Errno),
    /// The host kernel executes it on the carrier.
    Continue,
    /// It is none of ours: the host kernel executes it as if we were not there.
    Foreign,
    /// Try again when the socket changes.
    Park(Wait),
    /// It has its answer already.
    Answered,
}

impl From<Errno> for Outcome {
    fn from(e: Errno) -> Self {
        Outcome::Fail(e)
    }
}

/// A handler's result: errors and early ends both travel by `?`.
pub(crate) type Handled = Result<Outcome, Outcome>;
