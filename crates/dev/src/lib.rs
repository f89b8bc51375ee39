//! Devices: loopback, wire, TAP, capture.

#![forbid(unsafe_code)]

pub mod loopback;
pub mod netem;
pub mod pcapng;
pub mod wire;

pub use netem::Netem;
pub use wire::Wire;
