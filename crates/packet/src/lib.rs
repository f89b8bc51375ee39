//! AF_PACKET (`packet(7)`): programs that see and send packets as devices do.
//!
//! A socket takes part in two ways. It hangs on the way of all packets ([`input`]): a tap of the namespace, there only while
//! a socket wants packets, shows each one to every socket whose device and ethertype it matches. And it sends past the
//! protocols, straight to a device ([`send`]). What a link-layer header is, [`link`] knows.

#![forbid(unsafe_code)]

mod bind;
mod family;
mod input;
mod link;
mod membership;
mod ops;
mod recv;
mod send;
mod sock;
mod sockopt;
mod state;

pub use sock::{Packet, PacketShared, PacketSock};
pub use state::{PacketNet, init};
