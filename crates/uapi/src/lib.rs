//! The Linux ABI: numbers and layouts, no state.
//!
//! One file a header of the kernel. Constants keep their ABI names and are re-exported flat, as in C; each group is also
//! a [`table::Table`] that gives names for numbers. The reference is Linux 6.18 on x86-64; see [`cmsg`] for the one place
//! where a 32-bit program's layout differs.

#![forbid(unsafe_code)]

pub mod addr;
pub mod cap;
pub mod cmsg;
pub mod diag;
pub mod errno;
pub mod ether;
pub mod fcntl;
pub mod filter;
pub mod icmp;
pub mod if_link;
pub mod in4;
pub mod in6;
pub mod ioctl;
pub mod names;
pub mod netif;
pub mod netlink;
pub mod poll;
pub mod rtnetlink;
pub mod signal;
pub mod sockaddr;
pub mod socket;
pub mod table;
pub mod tcp;
mod tcp_info;
pub mod udp;
pub mod uio;

pub use addr::InetAddr;
pub use cap::*;
pub use diag::*;
pub use errno::{Errno, Result};
pub use ether::*;
pub use fcntl::*;
pub use filter::*;
pub use icmp::*;
pub use if_link::*;
pub use in4::*;
pub use in6::*;
pub use ioctl::*;
pub use netif::*;
pub use netlink::*;
pub use poll::*;
pub use rtnetlink::*;
pub use signal::*;
pub use sockaddr::SockAddr;
pub use socket::*;
pub use tcp::*;
pub use udp::*;
pub use uio::*;

#[cfg(test)]
mod layout;
