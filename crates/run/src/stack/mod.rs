//! What the runner asks of a stack: Linux socket calls, none of which ever waits.
//!
//! Addresses are raw `sockaddr` bytes, options and control messages raw bytes in the kernel's layout for this machine, so
//! that a stack which speaks Linux needs no translation. A call that would wait gives EAGAIN (`connect`: EINPROGRESS, then
//! EALREADY); the stack then names the socket in [`Stack::take_ready`] once its state may have changed.

pub mod sockeye;

use std::os::fd::BorrowedFd;
use std::time::Instant;
use uapi::Result;

/// A socket of the stack, named by the runner's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid(pub u32);

/// Whose call it is: what permission checks look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cred {
    /// Effective user.
    pub euid: u32,
    /// Effective group.
    pub egid: u32,
    /// Effective capabilities, as the bits of `CapEff` in `/proc/PID/status`.
    pub caps: u64,
    /// Supplementary groups (`ping_group_range` looks at them).
    pub groups: Vec<u32>,
}

/// The largest `sockaddr` (`sizeof(struct sockaddr_storage)`).
pub const NAME_MAX: usize = 128;

/// A socket address that a stack fills in.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    bytes: [u8; NAME_MAX],
    len: usize,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

impl Default for Name {
    fn default() -> Self {
        Self { bytes: [0; NAME_MAX], len: 0 }
    }
}

impl Name {
    /// The address of these bytes, cut at [`NAME_MAX`].
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut name = Self::default();
        name.set(bytes);
        name
    }

    /// Replace the address.
    pub fn set(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(NAME_MAX);
        self.bytes[..n].copy_from_slice(&bytes[..n]);
        self.len = n;
    }

    /// The address; empty if there is none.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Room for the largest address; say with [`set_len`](Self::set_len) how much was used.
    pub fn buffer(&mut self) -> &mut [u8; NAME_MAX] {
        &mut self.bytes
    }

    /// How many bytes of [`buffer`](Self::buffer) are the address.
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(NAME_MAX);
    }
}

/// What `sendmsg` sends.
#[derive(Clone, Copy, Debug)]
pub struct Send<'a> {
    /// The bytes.
    pub data: &'a [u8],
    /// Where to; empty for the connected peer.
    pub name: &'a [u8],
    /// Control messages, in this machine's layout.
    pub control: &'a [u8],
    /// `MSG_*`. `MSG_DONTWAIT` is understood always.
    pub flags: i32,
}

/// What `recvmsg` received, beside the bytes.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// What the call returns: bytes (with `MSG_TRUNC`, those of the whole datagram).
    pub ret: usize,
    /// How many bytes are in the buffer.
    pub len: usize,
    /// From where.
    pub name: Name,
    /// Control messages, in this machine's layout.
    pub control: Vec<u8>,
    /// `msg_flags`.
    pub flags: i32,
}

/// A stack that serves programs.
pub trait Stack {
    /// `socket(2)`; `ty` without `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
    ///
    /// # Errors
    /// As the system call's.
    fn socket(&mut self, cred: &Cred, family: i32, ty: i32, protocol: i32) -> Result<Sid>;

    /// The last descriptor was closed. `reset`: with data unread, so that the peer must see a reset.
    fn close(&mut self, sid: Sid, reset: bool);

    /// `bind(2)`.
    ///
    /// # Errors
    /// As the system call's.
    fn bind(&mut self, cred: &Cred, sid: Sid, addr: &[u8]) -> Result<()>;

    /// `listen(2)`.
    ///
    /// # Errors
    /// As the system call's.
    fn listen(&mut self, sid: Sid, backlog: i32) -> Result<()>;

    /// `connect(2)`, never waiting. While it is under way another call with the same address says how it stands.
    ///
    /// # Errors
    /// EINPROGRESS, then EALREADY while it is under way; else as the system call's.
    fn connect(&mut self, cred: &Cred, sid: Sid, addr: &[u8]) -> Result<()>;

    /// `accept(2)`: the new socket and its peer's address.
    ///
    /// # Errors
    /// EAGAIN if no connection waits; else as the system call's.
    fn accept(&mut self, cred: &Cred, sid: Sid) -> Result<(Sid, Name)>;

    /// `getsockname(2)`.
    ///
    /// # Errors
    /// As the system call's.
    fn getsockname(&mut self, sid: Sid) -> Result<Name>;

    /// `getpeername(2)`.
    ///
    /// # Errors
    /// As the system call's.
    fn getpeername(&mut self, sid: Sid) -> Result<Name>;

    /// `getsockopt(2)`: fills `value` and gives the length that the call reports.
    ///
    /// # Errors
    /// As the system call's.
    fn getsockopt(&mut self, sid: Sid, level: i32, name: i32, value: &mut [u8]) -> Result<usize>;

    /// `setsockopt(2)`.
    ///
    /// # Errors
    /// As the system call's.
    fn setsockopt(&mut self, cred: &Cred, sid: Sid, level: i32, name: i32, value: &[u8]) -> Result<()>;

    /// `shutdown(2)`.
    ///
    /// # Errors
    /// As the system call's.
    fn shutdown(&mut self, sid: Sid, how: i32) -> Result<()>;

    /// `sendmsg(2)`: how many bytes were taken.
    ///
    /// # Errors
    /// EAGAIN if there is no room; else as the system call's. Never raises a signal.
    fn sendmsg(&mut self, cred: &Cred, sid: Sid, msg: &Send<'_>) -> Result<usize>;

    /// `recvmsg(2)` into `buf`, with at most `control_len` bytes of control messages.
    ///
    /// # Errors
    /// EAGAIN if there is nothing; else as the system call's.
    fn recvmsg(&mut self, sid: Sid, buf: &mut [u8], control_len: usize, flags: i32) -> Result<Received>;

    /// Bytes of a stream into `buf`, in order; 0 at its end. The pump's own short way.
    ///
    /// # Errors
    /// EAGAIN if there is nothing; else as the system call's.
    fn recv(&mut self, sid: Sid, buf: &mut [u8]) -> Result<usize> {
        self.recvmsg(sid, buf, 0, 0).map(|r| r.len)
    }

    /// Bytes of a stream from `data`: how many were taken. The pump's own short way.
    ///
    /// # Errors
    /// EAGAIN if there is no room; else as the system call's.
    fn send(&mut self, sid: Sid, data: &[u8]) -> Result<usize> {
        self.sendmsg(&Cred::default(), sid, &Send { data, name: &[], control: &[], flags: 0 })
    }

    /// `ioctl(2)` with a structure argument, read and written in place; gives the call's value.
    ///
    /// # Errors
    /// As the system call's.
    fn ioctl(&mut self, cred: &Cred, sid: Sid, request: u32, arg: &mut [u8]) -> Result<i32>;

    /// The text of `/proc/net/NAME` (`net/NAME`) or of a file under `/proc/sys/net` (`sys/net/…`); `None` where the host's own
    /// is right. `ENOENT` for a file of the stack that is not there.
    fn proc_file(&mut self, path: &str) -> Option<Result<String>>;

    /// `poll(2)`'s mask, as the kernel would give it for this socket.
    fn poll(&mut self, sid: Sid) -> u32;

    /// Becomes readable when [`take_ready`](Self::take_ready) has something that was not caused by a call of this trait.
    fn ready_fd(&self) -> Option<BorrowedFd<'_>>;

    /// Move the sockets whose readiness may have changed to `out`.
    fn take_ready(&mut self, out: &mut Vec<Sid>);

    /// When [`run_timers`](Self::run_timers) is next due.
    fn next_deadline(&mut self) -> Option<Instant>;

    /// Run what is due.
    fn run_timers(&mut self);
}
