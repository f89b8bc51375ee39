//! AF_NETLINK: programs ask and change what the namespace is made of.
//!
//! `NETLINK_ROUTE` ([`route`]) answers for links, addresses, routes and rules. Sockets of it are what
//! `getaddrinfo`, `getifaddrs` and `ip` of iproute2 use; `NETLINK_SOCK_DIAG` ([`diag`]) lists sockets for
//! `ss`. Protocols that are not here do not exist, as
//! on a kernel built without them: `EPROTONOSUPPORT`.
//!
//! A request is served inside `sendmsg()`, by the caller, with the caller's rights; the answer waits in
//! the socket's receive queue. Dumps are made whole when they are asked for and handed out piece by
//! piece as the reader takes them.

#![forbid(unsafe_code)]

pub mod diag;
mod dump;
mod family;
mod message;
mod name;
mod ops;
mod rcv;
pub mod route;
mod sock;
mod sockopt;
mod state;

pub use sock::{Netlink, NlShared, NlSock};
pub use state::{NetlinkNet, init};
