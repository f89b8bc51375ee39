//! IPv4 and IPv6 below the transport protocols.
//!
//! Packets go down through [`output`], which asks [`route`] for a [`net::Dst`], and come up through
//! [`v4::input`] and [`v6::input`], which hand them to whoever registered in [`protocol`]. Errors
//! go out through [`icmp`] and come back to the protocols' `err_handler`. What a socket of either
//! family keeps is in [`sock::InetSock`]; what a namespace keeps is in [`IpNet`].
//!
//! Both families share one road wherever the kernel has two of the same shape: an address is a
//! [`uapi::InetAddr`], a route lookup a [`net::dst::Flow`].

#![forbid(unsafe_code)]

pub mod addr;
pub mod cmsg;
pub mod datagram;
pub mod errqueue;
pub mod fib;
pub mod frag;
pub mod icmp;
pub mod icmp6;
pub mod mcast;
pub mod output;
pub mod packet;
pub mod ports;
pub mod protocol;
pub mod route;
pub mod sock;
pub mod sockopt;
mod state;
pub mod sysctl;
#[cfg(test)]
mod testnet;
#[cfg(test)]
mod tests;
pub mod v4;
pub mod v6;

pub use sock::{InetProto, InetShared, InetSock};
pub use state::{IpNet, attach};
