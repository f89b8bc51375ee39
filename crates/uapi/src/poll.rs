//! `poll(2)` and `epoll(7)`: event bits and layouts.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi! {
    /// Events of `poll(2)`; the kernel keeps them in a `__poll_t`, 32 bits.
    POLL_EVENTS: u32 {
        POLLIN = 0x1, "Something to read.";
        POLLPRI = 0x2, "Something urgent.";
        POLLOUT = 0x4, "Room to write.";
        POLLERR = 0x8, "An error is pending.";
        POLLHUP = 0x10, "Hung up.";
        POLLNVAL = 0x20, "No such descriptor.";
        POLLRDNORM = 0x40, "Normal data to read.";
        POLLRDBAND = 0x80, "Priority band data to read.";
        POLLWRNORM = 0x100, "Room for normal data.";
        POLLWRBAND = 0x200, "Room for priority data.";
        POLLMSG = 0x400, "A message.";
        POLLREMOVE = 0x1000, "Remove from `/dev/poll`.";
        POLLRDHUP = 0x2000, "The peer shut its writing side.";
        POLLFREE = 0x4000, "Internal: the wait queue goes away.";
        POLL_BUSY_LOOP = 0x8000, "Internal: busy polling is possible.";
    }
}

abi! {
    /// Events and modes of `epoll_ctl(2)`.
    EPOLL_EVENTS: u32 {
        EPOLLIN = 0x1, "Something to read.";
        EPOLLPRI = 0x2, "Something urgent.";
        EPOLLOUT = 0x4, "Room to write.";
        EPOLLERR = 0x8, "An error is pending.";
        EPOLLHUP = 0x10, "Hung up.";
        EPOLLNVAL = 0x20, "No such descriptor.";
        EPOLLRDNORM = 0x40, "Normal data to read.";
        EPOLLRDBAND = 0x80, "Priority band data to read.";
        EPOLLWRNORM = 0x100, "Room for normal data.";
        EPOLLWRBAND = 0x200, "Room for priority data.";
        EPOLLMSG = 0x400, "A message.";
        EPOLLRDHUP = 0x2000, "The peer shut its writing side.";
        EPOLL_URING_WAKE = 1 << 27, "Internal: woken from io_uring.";
        EPOLLEXCLUSIVE = 1 << 28, "Wake one epoll only.";
        EPOLLWAKEUP = 1 << 29, "Keep the system awake.";
        EPOLLONESHOT = 1 << 30, "Disable after one event.";
        EPOLLET = 1 << 31, "Edge-triggered.";
    }
}

abi! {
    /// Operations of `epoll_ctl(2)`.
    EPOLL_OPS: i32 {
        EPOLL_CTL_ADD = 1, "Add.";
        EPOLL_CTL_DEL = 2, "Delete.";
        EPOLL_CTL_MOD = 3, "Change.";
    }
}

/// `epoll_create1(2)`: close at `execve(2)`.
pub const EPOLL_CLOEXEC: i32 = 0o2000000;
/// How deep epolls may watch epolls (`EP_MAX_NESTS`).
pub const EP_MAX_NESTS: u32 = 4;
/// Largest `maxevents` of `epoll_wait(2)` (`EP_MAX_EVENTS`).
pub const EP_MAX_EVENTS: i32 = i32::MAX / 12;
/// Bits an `EPOLLEXCLUSIVE` entry may carry (`EPOLLEXCLUSIVE_OK_BITS`).
pub const EPOLLEXCLUSIVE_OK_BITS: u32 =
    EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

/// `struct epoll_event`: packed on x86-64, 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C, packed)]
pub struct EpollEvent {
    /// Events and modes.
    pub events: u32,
    /// What the caller gave, back unread.
    pub data: u64,
}

/// `struct pollfd`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct PollFd {
    /// The descriptor; a negative one is left out.
    pub fd: i32,
    /// Events asked for.
    pub events: i16,
    /// Events found.
    pub revents: i16,
}
