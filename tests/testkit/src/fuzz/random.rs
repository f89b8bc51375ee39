//! Random bytes for the targets, with a seed, and mutations of interesting ones.

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    /// A number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number less than `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() % n.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        // Boundaries more often than chance would have them.
        match self.below(8) {
            0 => [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 64][self.below(8)],
            1 => self.below(16) as u8,
            _ => self.number() as u8,
        }
    }
}

/// Bytes for a target: random ones, or one of the corpus, changed here and there.
pub fn random_input(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = match corpus.len() {
        0 => Vec::new(),
        n if random.below(3) > 0 => corpus[random.below(n)].clone(),
        _ => Vec::new(),
    };
    if bytes.is_empty() {
        let len = 16 << random.below(8);
        return (0..len).map(|_| random.byte()).collect();
    }
    for _ in 0..1 + random.below(8) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.byte(),
            2 => bytes.truncate(at.max(1)),
            3 => {
                let piece: Vec<u8> = (0..random.below(24)).map(|_| random.byte()).collect();
                bytes.splice(at..at, piece);
            }
            4 => {
                let end = (at + random.below(48)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let end = (at + random.below(24)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
        if bytes.is_empty() {
            bytes.push(random.byte());
        }
    }
    bytes.truncate(4096);
    bytes
}
