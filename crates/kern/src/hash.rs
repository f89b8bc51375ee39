//! A keyed hash over words: SipHash (Aumasson and Bernstein), the function behind the kernel's
//! `siphash()` and `hsiphash()`. Whoever does not know the key cannot aim for collisions, nor
//! guess sequence numbers and ports made from it.

/// A 128-bit key (`siphash_key_t`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SipKey(pub [u64; 2]);

impl SipKey {
    /// SipHash-2-4 of words (`siphash_3u64` and its kin).
    #[inline]
    pub fn hash<const N: usize>(&self, words: [u64; N]) -> u64 {
        self.run::<N, 2, 4>(words)
    }

    /// SipHash-1-3 of words, for hash tables (`hsiphash`).
    #[inline]
    pub fn hash_fast<const N: usize>(&self, words: [u64; N]) -> u64 {
        self.run::<N, 1, 3>(words)
    }

    #[inline]
    fn run<const N: usize, const C: usize, const D: usize>(&self, words: [u64; N]) -> u64 {
        let [k0, k1] = self.0;
        let mut v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let mut take = |word| {
            v[3] ^= word;
            (0..C).for_each(|_| round(&mut v));
            v[0] ^= word;
        };
        words.into_iter().for_each(&mut take);
        take((N as u64 * 8) << 56);
        v[2] ^= 0xff;
        (0..D).for_each(|_| round(&mut v));
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }
}

#[inline]
fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[1]);
    v[0] = v[0].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].rotate_left(32);
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;

    /// From the reference implementation's vectors: key 00..0f, message 00..07 and 00..0f.
    #[test]
    fn reference_vectors() {
        let key = SipKey([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        assert_eq!(key.hash([]), 0x726f_db47_dd0e_0e31);
        assert_eq!(key.hash([0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
        assert_eq!(key.hash([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]), 0x3f2a_cc7f_57c2_9bdb);
    }
}
