//! What bytes from a fuzzer do: packets into a living namespace ([`packets`]), sequences of system
//! calls ([`calls`]), headers into parsers ([`parsers`]). The targets in `fuzz/` and the seeded test
//! of this crate share them.

use crate::Net;

mod build;
pub mod calls;
mod input;
pub mod packets;
pub mod parsers;
mod random;

pub use input::Input;
pub use random::{Random, random_input};

/// A target: takes any bytes, panics for a bug. It tells what happened: numbers of its own, the same
/// for the same things ([`features`]), so that inputs which do something new are known.
pub type Target = fn(&[u8]) -> Vec<u32>;

/// All targets by name; `fuzz/corpus` has a folder for each.
pub const TARGETS: [(&str, Target); 3] =
    [("packets", packets::run), ("calls", calls::run), ("parsers", parsers::run)];

/// What happened in a namespace: which counters moved, and by how much, roughly.
fn features(net: &Net) -> Vec<u32> {
    let counters = net.stack().mib.snapshot();
    let all =
        counters.iter().chain(net.stack().drop_counts().iter()).copied().enumerate().collect::<Vec<_>>();
    let bucket = |n: u64| n.min(1 << 16).ilog2();
    all.into_iter().filter(|(_, n)| *n > 0).map(|(i, n)| (i as u32) << 5 | bucket(n)).collect()
}

/// Whatever came of it.
fn ignore<T>(_outcome: T) {}
