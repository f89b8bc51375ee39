//! What an embedder may add to the stack from outside of it, as a module adds it to a kernel:
//!
//! * [`counted`] is a transport protocol: datagrams with ports that are numbered, so that a receiver knows how many of
//!   its peer's were lost. A row of the protocol switch makes its sockets, `socket(AF_INET, SOCK_DGRAM, 253)`, and a row
//!   of IP's table of protocols gives it its packets.
//! * [`mirror`] is a family: whoever sends to one of its sockets, receives. It is registered when the first program asks
//!   for it, and can be taken away.

#![forbid(unsafe_code)]

pub mod counted;
pub mod mirror;
