//! Files, descriptors, poll and epoll.
//!
//! The room between a system call and a socket. A [`File`] is an open file (`struct file`): flags, an owner for signals, and a table of
//! operations, [`FileOps`], behind which stands a socket, a pipe, an eventfd or an epoll. It knows nothing of networks: `net` implements
//! [`FileOps`] for its sockets, and everything that works on files works on them.

#![forbid(unsafe_code)]

pub mod fasync;
pub mod file;
pub mod inode;
pub mod iov;

pub use file::{File, FileOps, fput};
pub use inode::Stat;
pub use iov::{IovSink, IovSource};
