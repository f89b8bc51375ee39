//! AF_UNIX: sockets between the programs of one machine (`net/unix/af_unix.c`).
//!
//! Streams, datagrams and sequenced packets. A message goes from the sender's call straight into the
//! receiver's queue, charged to the sender until it is read. What is peculiar to the family:
//!
//! * names are files or abstract ([`names`], [`mod@bind`]); the core opens no file, so files are an
//!   embedder's [`NameStore`];
//! * messages carry descriptors and credentials ([`scm`]), and sockets in flight inside each other's
//!   queues are found by a collector ([`gc`]).
//!
//! Locks: the sock's (`lock_sock`) is the reader's (`iolock`) and the binder's (`bindlock`). Inside
//! it, [`sock::Inner`]'s spin lock guards everything that the peer touches (`unix_state_lock` and the
//! receive queue's lock in one); two are taken in the order of their addresses. The table of names
//! and the graph of what is in flight are leaves below.

#![forbid(unsafe_code)]

mod addr;
mod bind;
mod connect;
mod datagram;
mod family;
mod gc;
mod listen;
pub mod names;
mod oob;
mod ops;
mod poll;
mod proc;
mod release;
mod scm;
mod sock;
mod state;
mod stream;
mod stream_recv;
mod table;

pub use names::{MemoryNames, NameStore};
pub use proc::text as proc_text;
pub use sock::{Unix, UnixShared};
pub use state::{UnixNet, exit, init, init_with};
