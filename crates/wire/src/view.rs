//! Laying a header type over bytes.

/// Gives a fixed header type its length and the two ways to see it at the start of a slice.
macro_rules! header {
    ($ty:ident, $len:literal) => {
        const _: () = assert!(size_of::<$ty>() == $len);

        impl $ty {
            /// Length of the fixed header, bytes.
            pub const LEN: usize = $len;

            /// The header at the start of `bytes`, and what follows it; `None` if they are too few.
            #[inline]
            #[must_use]
            pub fn view(bytes: &[u8]) -> Option<(&Self, &[u8])> {
                <Self as ::zerocopy::FromBytes>::ref_from_prefix(bytes).ok()
            }

            /// As [`view`](Self::view), to write in place.
            #[inline]
            #[must_use]
            pub fn view_mut(bytes: &mut [u8]) -> Option<(&mut Self, &mut [u8])> {
                <Self as ::zerocopy::FromBytes>::mut_from_prefix(bytes).ok()
            }

            /// The header's bytes.
            #[inline]
            #[must_use]
            pub fn bytes(&self) -> &[u8] {
                ::zerocopy::IntoBytes::as_bytes(self)
            }
        }
    };
}
pub(crate) use header;

/// A big-endian `u16` at an offset.
#[inline]
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A big-endian `u32` at an offset.
#[inline]
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
