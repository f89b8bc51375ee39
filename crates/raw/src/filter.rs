//! Which ICMP messages a raw socket does not want (`ICMP_FILTER`, `ICMPV6_FILTER`).

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A bit for each message type; a set one is filtered out.
#[derive(Default)]
pub struct IcmpFilter {
    words: [AtomicU32; 8],
}

impl IcmpFilter {
    /// True when messages of this type are not wanted (`icmp_filter`, `icmpv6_filter`). IPv4's filter
    /// has 32 bits: all other types pass.
    #[inline]
    pub fn blocks(&self, kind: u8, v6: bool) -> bool {
        (v6 || kind < 32) && self.words[usize::from(kind) / 32].load(Relaxed) >> (kind % 32) & 1 != 0
    }

    /// The filter as bytes; IPv4's are the first four.
    pub fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(&self.words) {
            *chunk = word.load(Relaxed).to_ne_bytes();
        }
        bytes
    }

    /// Overwrites the first bytes, at most `most` of them; the others stay.
    pub fn set(&self, bytes: &[u8], most: usize) {
        let mut all = self.bytes();
        let n = bytes.len().min(most);
        all[..n].copy_from_slice(&bytes[..n]);
        for (word, chunk) in self.words.iter().zip(all.as_chunks::<4>().0) {
            word.store(u32::from_ne_bytes(*chunk), Relaxed);
        }
    }

    /// Everything passes.
    pub fn clear(&self) {
        self.set(&[0; 32], 32);
    }
}

#[cfg(test)]
mod tests {
    use super::IcmpFilter;

    #[test]
    fn short_values_change_the_front_only() {
        let filter = IcmpFilter::default();
        filter.set(&(!(1u32 << 8)).to_ne_bytes(), 4);
        assert!(filter.blocks(0, false) && !filter.blocks(8, false) && !filter.blocks(40, false));
        filter.set(&[1], 4);
        assert_eq!(filter.bytes()[..4], [1, 0xfe, 0xff, 0xff]);
        filter.set(&[2; 40], 32);
        assert!(filter.blocks(129, true) && !filter.blocks(128, true));
    }
}
