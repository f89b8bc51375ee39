//! Packet formats over byte slices.

#![forbid(unsafe_code)]
