//! Randomness (`get_random_u32`): SipHash in counter mode under a key made from the seed. The same
//! seed gives the same numbers; outputs tell nothing of the ones to come.

use crate::hash::SipKey;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A seeded generator that threads share; one atomic add for each number.
#[derive(Debug)]
pub struct Rng {
    key: SipKey,
    counter: AtomicU64,
}

impl Rng {
    /// A generator. The seed is the only source of what it gives.
    pub fn new(seed: u64) -> Self {
        let seeder = SipKey([seed, !seed]);
        Rng { key: SipKey([seeder.hash([0]), seeder.hash([1])]), counter: AtomicU64::new(0) }
    }

    /// A number (`get_random_u64`).
    #[inline]
    pub fn u64(&self) -> u64 {
        self.key.hash_fast([self.counter.fetch_add(1, Relaxed)])
    }

    /// A number (`get_random_u32`).
    #[inline]
    pub fn u32(&self) -> u32 {
        (self.u64() >> 32) as u32
    }

    /// A number less than `n`, 0 when `n` is 0 (`get_random_u32_below`). Its bias is below 2⁻³².
    #[inline]
    pub fn below(&self, n: u32) -> u32 {
        ((u128::from(self.u64()) * u128::from(n)) >> 64) as u32
    }

    /// Random bytes (`get_random_bytes`).
    pub fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides() {
        let numbers = |seed| {
            let rng = Rng::new(seed);
            (0..8).map(|_| rng.u64()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }

    #[test]
    fn below_covers_its_range() {
        let rng = Rng::new(7);
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            seen[rng.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
    }

    #[test]
    fn fill_takes_any_length() {
        let rng = Rng::new(7);
        for len in 0..20 {
            let mut out = vec![0; len];
            rng.fill(&mut out);
            assert!(len < 8 || out.iter().any(|&b| b != 0));
        }
    }
}
