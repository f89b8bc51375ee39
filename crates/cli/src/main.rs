//! The sockeye command.

#![forbid(unsafe_code)]

fn main() {}
