//! The heart: Socket, Sock, SkBuff, devices and the network namespace.
//!
//! A socket has two faces. [`Socket`] is the one toward files and system calls; it is reached
//! from a descriptor and calls down through its [`ProtoOps`]. [`Sock`] is the one toward the
//! network; packets reach it from below, through demultiplexing tables, and it answers upward
//! through its wait queue only. Everything a stack shares lives in a [`Net`].
//!
//! What may be done where is in the type of the context a function takes (see [`cx`]).

#![forbid(unsafe_code)]

pub mod counters;
pub mod cx;
pub mod dev;
pub mod drop;
pub mod dst;
pub mod filter;
pub mod mib;
pub mod msg;
pub mod netns;
pub mod percpu;
pub mod skb;
pub mod sock;
pub mod socket;
pub mod softnet;
pub mod sysctl;
pub mod timer;
pub mod trace;

pub use cx::{BhCx, Cx, UserCx};
pub use dev::NetDevice;
pub use drop::DropReason;
pub use dst::Dst;
pub use msg::MsgHdr;
pub use netns::Net;
pub use skb::Skb;
pub use sock::{AnySock, Proto, SkMut, Sock, UserGuard};
pub use socket::{ProtoOps, Socket};
