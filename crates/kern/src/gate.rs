//! Switches that are nearly always off, for tracing (`static_key`).

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A switch that costs a load and a branch to ask.
#[derive(Debug, Default)]
pub struct Gate(AtomicBool);

impl Gate {
    /// A switch that is off.
    pub const fn new() -> Self {
        Gate(AtomicBool::new(false))
    }

    /// True if it is on (`static_branch_unlikely`). It orders nothing: what it guards must be
    /// found under a lock.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Switches.
    pub fn set(&self, on: bool) {
        self.0.store(on, Relaxed);
    }
}
