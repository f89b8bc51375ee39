//! The User Datagram Protocol (RFC 768) over IPv4 and IPv6, and UDP-Lite (RFC 3828) beside it.
//!
//! Down: [`send`] builds a datagram and hands it to ip's output; [`cork`] builds one from many
//! sends. Up: [`input`] finds the socket in the [`table`] and puts the datagram on its receive
//! queue, from which [`recv`] takes it without the socket lock. ICMP errors come in through [`err`].

#![forbid(unsafe_code)]

mod bind;
mod connect;
mod control;
mod cork;
mod dest;
mod err;
mod glue;
mod input;
mod mib;
mod recv;
mod send;
mod sock;
mod sockopt;
mod state;
pub mod table;

pub use sock::{Udp, UdpShared, UdpSock};
pub use state::{UdpNet, init};
