//! Carriers: the kernel descriptors that stand for the stack's sockets in a program, and the pump between the two.
//!
//! The invariant: the descriptor is always a valid carrier, and the supervisor owns its mode. How the bytes travel is
//! behind [`Pump`], so that another way (shared memory, a direct pair between two local programs) slots in.

pub(crate) mod close;
pub(crate) mod connect;
pub(crate) mod datagram;
pub(crate) mod home;
pub(crate) mod listen;
pub(crate) mod stream;

use crate::stack::Sid;
use crate::sys::inotify::Watch;
use std::os::fd::BorrowedFd;
use uapi::{Errno, Result};

/// What the pump found when it asked for the program's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulled {
    /// This many bytes.
    Bytes(usize),
    /// The program writes no more.
    End,
}

/// The supervisor's end of one byte stream between a program and the stack.
pub(crate) trait Pump: std::fmt::Debug {
    /// Bytes that the program wrote, in order.
    ///
    /// # Errors
    /// EAGAIN if there are none; ECONNRESET if the program closed with data unread.
    fn pull_tx(&mut self, buf: &mut [u8]) -> Result<Pulled>;

    /// Bytes for the program to read; how many were taken.
    ///
    /// # Errors
    /// EAGAIN if there is no room; EPIPE if the program reads no more.
    fn push_rx(&mut self, data: &[u8]) -> Result<usize>;

    /// An urgent byte: the mark of the stream is behind what was pushed so far.
    ///
    /// # Errors
    /// EAGAIN if there is no room.
    fn push_urgent(&mut self, byte: u8) -> Result<()>;

    /// Make the program's end look writable or not; while it is not, nothing that it wrote is lost. `program` is a copy of
    /// its descriptor, if one is at hand.
    ///
    /// # Errors
    /// What the host says.
    fn set_writable(&mut self, on: bool, program: Option<BorrowedFd<'_>>) -> Result<()>;

    /// Wake the supervisor when [`push_rx`](Self::push_rx) may take more, or stop that.
    fn want_room(&mut self, on: bool) -> bool;

    /// The descriptor whose readiness tells of the program's writes.
    fn as_fd(&self) -> BorrowedFd<'_>;

    /// No more bytes will come: the program reads to the end.
    fn eof(&mut self);

    /// The connection is broken: the program reads what it has, then ECONNRESET, and its writes fail.
    fn reset(self: Box<Self>, program: Option<BorrowedFd<'_>>);
}

/// One socket of the stack and the descriptor that stands for it.
#[derive(Debug)]
pub(crate) struct Carrier {
    /// The stack's socket.
    pub sid: Sid,
    /// The kernel's name of the carrier, whoever holds it.
    pub cookie: u64,
    /// `AF_*` of the stack's socket.
    pub family: i32,
    /// Tells of the last close, where the pump cannot.
    pub watch: Option<Watch>,
    /// The thread and descriptor it was last seen as.
    pub hint: (i32, i32),
    /// An asynchronous error that the pump met and the program has not been told.
    pub error: Option<Errno>,
    /// The last descriptor is closed; what the program wrote is still on its way.
    pub closing: bool,
    /// How it works.
    pub body: Body,
}

/// The two kinds of carrier.
#[derive(Debug)]
pub(crate) enum Body {
    /// A SOCK_STREAM socket.
    Stream(stream::Stream),
    /// Everything with message boundaries.
    Datagram(Box<datagram::Datagram>),
}

impl Carrier {
    /// A new carrier of a socket.
    pub(crate) fn new(sid: Sid, cookie: u64, family: i32, body: Body) -> Self {
        Self { sid, cookie, family, watch: None, hint: (0, -1), error: None, closing: false, body }
    }

    /// The stream, if it is one.
    pub(crate) fn stream(&mut self) -> Option<&mut stream::Stream> {
        match &mut self.body {
            Body::Stream(s) => Some(s),
            Body::Datagram(_) => None,
        }
    }

    /// The datagram carrier, if it is one.
    pub(crate) fn datagram(&mut self) -> Option<&mut datagram::Datagram> {
        match &mut self.body {
            Body::Datagram(d) => Some(d),
            Body::Stream(_) => None,
        }
    }
}
