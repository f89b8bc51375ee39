//! Devices: loopback, wire, TUN, capture.

#![forbid(unsafe_code)]

pub mod loopback;
pub mod netem;
pub mod pcapng;
pub mod tun;
pub mod wire;

pub use netem::Netem;
pub use wire::Wire;
