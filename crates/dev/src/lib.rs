//! Devices: loopback, wire, TAP, capture.
