//! Devices: loopback, wire, TAP, capture.

pub mod loopback;
