//! Files, descriptors, poll and epoll.
//!
//! The room between a system call and a socket. A [`File`] is an open file (`struct file`): flags, an owner for signals, and a table of
//! operations, [`FileOps`], behind which stands a socket, a pipe, an eventfd or an epoll. It knows nothing of networks: `net` implements
//! [`FileOps`] for its sockets, and everything that works on files works on them.

#![forbid(unsafe_code)]

pub mod epoll;
pub mod eventfd;
pub mod fasync;
pub mod fcntl;
mod fdtable;
pub mod file;
pub mod files;
pub mod inode;
pub mod ioctl;
pub mod iov;
pub mod pidfd;
pub mod pipe;
pub mod poll;
pub mod rw;
pub mod select;
pub mod splice;
mod sync;
pub mod vfs;
pub mod wait;

#[cfg(all(test, sk_loom))]
mod models;

pub use file::{File, FileOps, fput};
pub use files::Files;
pub use inode::Stat;
pub use iov::{IovSink, IovSource};
pub use vfs::Vfs;
pub use wait::{Timeout, wait_event};
