//! Raw sockets, which see and send whole packets of a protocol, and ping sockets, which send ICMP
//! echo requests without privilege.
//!
//! [`Raw`] serves `SOCK_RAW` of both families, [`Ping`] `SOCK_DGRAM` with `IPPROTO_ICMP` and
//! `IPPROTO_ICMPV6`. Neither stands in the way of anybody: a packet goes to every raw socket that
//! wants it, and to its protocol besides.

#![forbid(unsafe_code)]

mod bind;
mod filter;
mod glue;
mod hdrincl;
mod input;
mod ping;
mod recv;
mod send;
mod sock;
mod sockopt;
mod state;
mod table;

pub use ping::{Ping, PingNet};
pub use sock::{Raw, RawShared, RawSock};
pub use state::{RawNet, init};
pub use table::RawTable;
