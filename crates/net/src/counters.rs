//! Counters that threads share and do not contend for (`percpu_counter`, `this_cpu_inc`): every
//! thread counts in a block of its own, so that counting is a plain add; readers sum the blocks.

use kern::context::CpuId;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const BLOCKS: usize = 64;

/// `N` counters. Block `i` has one writer, the thread whose [`CpuId`] is `i`; the last is for all
/// others.
pub struct Counters<const N: usize> {
    blocks: [OnceLock<Box<Block<N>>>; BLOCKS],
}

/// One thread's.
pub struct Block<const N: usize> {
    values: [AtomicU64; N],
    shared: bool,
}

impl<const N: usize> Default for Counters<N> {
    fn default() -> Self {
        Counters { blocks: [const { OnceLock::new() }; BLOCKS] }
    }
}

impl<const N: usize> Counters<N> {
    /// The block that the thread `id` counts in.
    #[inline]
    pub fn block(&self, id: CpuId) -> &Block<N> {
        let i = id.index().min(BLOCKS - 1);
        match self.blocks[i].get() {
            Some(block) => block,
            None => self.first(i),
        }
    }

    #[cold]
    fn first(&self, i: usize) -> &Block<N> {
        let fresh = || Box::new(Block { values: [const { AtomicU64::new(0) }; N], shared: i == BLOCKS - 1 });
        self.blocks[i].get_or_init(fresh)
    }

    /// A counter's sum over all threads. It wraps, so that adding `u64::MAX` counts down.
    pub fn sum(&self, i: usize) -> u64 {
        let blocks = self.blocks.iter().filter_map(OnceLock::get);
        blocks.fold(0, |sum, block| sum.wrapping_add(block.values[i].load(Relaxed)))
    }
}

impl<const N: usize> Block<N> {
    /// Adds to a counter, and gives what the block has of it now: no atomic read-modify-write where
    /// the block has one writer.
    #[inline]
    pub fn count(&self, i: usize, n: u64) -> u64 {
        let value = &self.values[i];
        if self.shared {
            return value.fetch_add(n, Relaxed).wrapping_add(n);
        }
        let sum = value.load(Relaxed).wrapping_add(n);
        value.store(sum, Relaxed);
        sum
    }
}
