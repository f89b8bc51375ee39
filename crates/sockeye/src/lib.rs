//! The Linux socket layer and its INET family in user space.
//!
//! Three things to know:
//!
//! * [`Net`] is a network namespace in your process: devices, routes, tables, `/proc/sys/net`. Two of
//!   them know nothing of each other.
//! * [`Task`] is a thread of a Linux process: it has a table of file descriptors, credentials and
//!   signals, and makes system calls: `task.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)?`.
//! * [`net`] has `TcpListener`, `TcpStream` and `UdpSocket` with the names and signatures of
//!   `std::net`.
//!
//! ```
//! use sockeye::uapi::{SockAddr, socket::*};
//! use sockeye::{Net, Task};
//!
//! let net = Net::new();
//! let task = Task::new(&net);
//! let server = task.socket(AF_INET, SOCK_DGRAM, 0)?;
//! task.bind(server, sockeye::sockaddr("127.0.0.1:7".parse().unwrap()))?;
//! let client = task.socket(AF_INET, SOCK_DGRAM, 0)?;
//! task.sendto(client, b"hello", 0, sockeye::sockaddr("127.0.0.1:7".parse().unwrap()))?;
//! let mut buf = [0; 16];
//! let n = task.recv(server, &mut buf, 0)?;
//! assert_eq!(&buf[..n], b"hello");
//! # Ok::<(), sockeye::uapi::Errno>(())
//! ```
//!
//! The stack below starts no thread and reads no clock; [`Net::new`] gives it the system's clock and
//! one thread for its timers, [`Net::builder`] anything else.

#![forbid(unsafe_code)]

mod addr;
mod diag;
mod driver;
mod namespace;
pub mod net;
mod proc;
pub mod sim;
pub mod sys;
mod task;
pub mod trace;

/// The room below: `Socket`, `Sock`, devices, tracepoints, for those who embed deeply.
pub use ::net as stack;
pub use namespace::{Builder, Net};
pub use task::{Task, Timeout};
pub use uapi;
pub use {dev, inet, ip, kern, tcp, unix, vfs};

use std::net::SocketAddr;
use uapi::SockAddr;

/// A socket address as the bytes of a `struct sockaddr`.
#[derive(Clone, Copy, Debug)]
pub struct SockAddrBuf {
    bytes: [u8; 128],
    len: usize,
}

impl AsRef<[u8]> for SockAddrBuf {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The bytes that `bind()` and its kin take for this address.
pub fn sockaddr(addr: SocketAddr) -> SockAddrBuf {
    let addr = match addr {
        SocketAddr::V4(v4) => SockAddr::Inet { addr: *v4.ip(), port: v4.port() },
        SocketAddr::V6(v6) => SockAddr::Inet6 {
            addr: *v6.ip(),
            port: v6.port(),
            flowinfo: v6.flowinfo(),
            scope_id: v6.scope_id(),
        },
    };
    let mut bytes = [0; 128];
    let len = addr.encode(&mut bytes);
    SockAddrBuf { bytes, len }
}

/// The address that a call filled in, if it is one of IPv4 or IPv6.
pub fn socket_addr(sockaddr: &[u8]) -> Option<SocketAddr> {
    SockAddr::parse(sockaddr).ok()?.to_std()
}
