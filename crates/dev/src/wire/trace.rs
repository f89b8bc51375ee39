//! The hash that tells whether two runs were the same. Not for adversaries: for tests.

/// Mixes words and bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TraceHash(u64);

const K: u64 = 0x9e37_79b9_7f4a_7c15;

impl Default for TraceHash {
    fn default() -> Self {
        TraceHash(K)
    }
}

impl TraceHash {
    pub(super) fn word(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(K);
        self.0 = (wide as u64) ^ ((wide >> 64) as u64).rotate_left(17) ^ word;
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}
