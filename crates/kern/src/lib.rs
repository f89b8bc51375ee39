//! What a network stack needs of a kernel: contexts, locks, wait queues, time, timers, slab caches,
//! randomness.
//!
//! Nothing here starts a thread, reads a clock or opens a file by itself: [`time::Clock`] and
//! [`park::Sleeper`] are handed in. `unsafe` lives in [`sync`] and [`slots`] only. The concurrent parts build on
//! `std` or, under `--cfg sk_loom`, on the loom model checker, which runs their models.

#![deny(unsafe_code)]

pub mod context;
pub mod cred;
mod fault;
pub mod gate;
pub mod hash;
pub mod park;
pub mod rarely;
pub mod rng;
pub mod signals;
pub mod slab;
pub mod slots;
pub mod sync;
pub mod time;
pub mod timer;
pub mod wait;

#[cfg(all(test, sk_loom))]
mod models;
