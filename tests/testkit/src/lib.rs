//! Namespaces on a wire, in virtual time: what tests of the whole stack share.
//!
//! The world itself is [`sockeye::sim`]. Here are a pair of hosts ready to talk ([`Pair`]), streams of
//! checkable bytes ([`stream`]), connections drawn by lot ([`scenario`]), what is to be gone in the end ([`leaks`]), the packets on a wire as
//! their headers say ([`segment`]), and random and mutated packets and calls ([`fuzz`]).
//!
//! The tests' own knobs: `TESTKIT_BYTES` and `TESTKIT_SEEDS` for the large transfers, `FUZZ_SECONDS`
//! and `FUZZ_SEED` for the random ones.

#![forbid(unsafe_code)]

pub mod fuzz;
pub mod leaks;
mod pair;
pub mod scenario;
pub mod segment;
pub mod stream;

pub use pair::{Conn, Pair, SERVER};
pub use sockeye::sim::{End, Netem, Passing, Verdict, Wire, WireConfig, World};
pub use sockeye::{Net, Task, sockaddr};

/// Nanoseconds of a millisecond.
pub const MS: u64 = 1_000_000;
/// Nanoseconds of a second.
pub const SEC: u64 = 1000 * MS;

/// A number from the environment, for whoever wants more or less of a test.
pub fn knob(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}
