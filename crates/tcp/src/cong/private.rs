//! The private state of a congestion control (`icsk_ca_priv`): 104 bytes that it gives a type to.
//!
//! A state of up to 64 bytes lies in the sock; a larger one in a box that is made when it is first
//! written, so that the many connections without one do not carry it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes a state may have (`ICSK_CA_PRIV_SIZE`).
pub const SIZE: usize = 13 * 8;
const INLINE: usize = 8 * 8;

/// What a state is made of: numbers, without padding.
pub trait Private: FromBytes + IntoBytes + Immutable + KnownLayout {}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout> Private for T {}

/// The state.
#[derive(Default)]
pub struct CaPriv {
    words: [u64; INLINE / 8],
    large: Option<Box<[u64; SIZE / 8]>>,
}

static ZEROS: [u64; SIZE / 8] = [0; SIZE / 8];

impl CaPriv {
    #[inline]
    pub(super) fn get<T: Private>(&self) -> &T {
        const { assert!(size_of::<T>() <= SIZE && align_of::<T>() <= align_of::<u64>()) };
        let bytes = if size_of::<T>() <= INLINE {
            self.words.as_bytes()
        } else {
            self.large.as_deref().unwrap_or(&ZEROS).as_bytes()
        };
        T::ref_from_prefix(bytes).expect("room and alignment were checked").0
    }

    #[inline]
    pub(super) fn get_mut<T: Private>(&mut self) -> &mut T {
        const { assert!(size_of::<T>() <= SIZE && align_of::<T>() <= align_of::<u64>()) };
        let bytes = if size_of::<T>() <= INLINE {
            self.words.as_mut_bytes()
        } else {
            self.large.get_or_insert_default().as_mut_bytes()
        };
        T::mut_from_prefix(bytes).expect("room and alignment were checked").0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_either_size_keeps_what_is_written() {
        let mut small = CaPriv::default();
        assert_eq!(*small.get::<[u32; 16]>(), [0; 16]);
        small.get_mut::<[u32; 16]>()[15] = 7;
        assert_eq!(small.get::<[u32; 16]>()[15], 7);
        assert!(small.large.is_none());
        let mut large = CaPriv::default();
        assert_eq!(*large.get::<[u64; 13]>(), [0; 13]);
        large.get_mut::<[u64; 13]>()[12] = 7;
        assert_eq!(large.get::<[u64; 13]>()[12], 7);
    }
}
