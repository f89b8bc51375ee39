//! AF_INET and AF_INET6: the room that names every transport protocol.
//!
//! [`family`] makes sockets: it looks for the protocol in the switch ([`protosw`]) and gives the
//! socket its operations. The operations ([`ops`]) are the same code for both families and all
//! protocols; what differs is in the protocol and in how an address is written.

#![forbid(unsafe_code)]

pub mod bind;
pub mod connect;
pub mod family;
pub mod fastopen;
pub mod ioctl;
pub mod message;
pub mod name;
pub mod ops;
pub mod protosw;
pub mod release;
mod state;

pub use protosw::{ProtoSw, SwFlags};
pub use state::{InetNet, init};
