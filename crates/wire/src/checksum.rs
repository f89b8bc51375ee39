//! The internet checksum (RFC 1071): one's-complement sums, pseudo-headers, incremental update (RFC 1624).

use core::net::{Ipv4Addr, Ipv6Addr};

/// A sum not yet folded (the kernel's `__wsum`): what a packet buffer keeps while its parts are added up.
///
/// It is held in the machine's byte order, so adding bytes swaps nothing; [`fold`](Self::fold) gives the value for a header.
///
/// ```
/// use sockeye_wire::Wsum;
///
/// // RFC 1071, section 3
/// let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
/// assert_eq!(Wsum::of(&bytes).fold(), !0xddf2);
/// // the parts of a packet may be summed apart, even at an odd offset
/// let apart = Wsum::of(&bytes[..3]).add_block(Wsum::of(&bytes[3..]), 3);
/// assert_eq!(apart.fold(), !0xddf2);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Wsum(u32);

/// Fold a wide sum to 32 bits.
#[inline]
const fn fold64(sum: u64) -> u32 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    sum as u32
}

/// Fold to 16 bits, still in machine order.
#[inline]
const fn fold32(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// Bytes summed at a time; enough lanes that the additions do not wait for each other.
const BLOCK: usize = 64;

#[inline]
fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    u64::from(u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
}

/// Add the 32-bit words of a block, lane by lane; a `u64` lane takes 2^32 of them before it could wrap.
#[inline]
fn add_lanes(lanes: &mut [u64; BLOCK / 4], block: &[u8; BLOCK]) {
    for (i, lane) in lanes.iter_mut().enumerate() {
        *lane += word(block, i * 4);
    }
}

/// Sum of fewer than [`BLOCK`] bytes.
#[inline]
fn sum_short(mut bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        sum += u64::from(u32::from_ne_bytes(*head));
        bytes = rest;
    }
    if let Some((head, rest)) = bytes.split_first_chunk::<2>() {
        sum += u64::from(u16::from_ne_bytes(*head));
        bytes = rest;
    }
    if let [last] = bytes {
        sum += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    sum
}

/// Sum of many bytes. Out of line, so that the callers that sum a header stay small.
#[inline(never)]
fn sum_long(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut lanes = [0u64; BLOCK / 4];
    for block in blocks {
        add_lanes(&mut lanes, block);
    }
    sum_short(rest) + lanes.iter().sum::<u64>()
}

#[inline]
fn sum_bytes(bytes: &[u8]) -> u64 {
    if bytes.len() < BLOCK { sum_short(bytes) } else { sum_long(bytes) }
}

impl Wsum {
    /// Nothing summed.
    pub const ZERO: Self = Self(0);

    /// Sum of bytes that start at an even offset (`csum_partial` from zero). An odd last byte counts as if a zero followed.
    #[inline]
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(fold64(sum_bytes(bytes)))
    }

    /// Copy `src` to the start of `dst` and sum it in the same pass (`csum_and_copy`). Copies what fits.
    pub fn copy(dst: &mut [u8], src: &[u8]) -> Self {
        let n = dst.len().min(src.len());
        let (dst_blocks, dst_rest) = dst[..n].as_chunks_mut::<BLOCK>();
        let (src_blocks, src_rest) = src[..n].as_chunks::<BLOCK>();
        let mut lanes = [0u64; BLOCK / 4];
        for (d, s) in dst_blocks.iter_mut().zip(src_blocks) {
            *d = *s;
            add_lanes(&mut lanes, s);
        }
        dst_rest.copy_from_slice(src_rest);
        Self(fold64(sum_short(src_rest) + lanes.iter().sum::<u64>()))
    }

    /// Two sums together (`csum_add`); both over an even number of bytes, or the second one last.
    #[inline]
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "one's-complement, and named as the kernel names it")]
    pub const fn add(self, other: Self) -> Self {
        Self(fold64(self.0 as u64 + other.0 as u64))
    }

    /// Take a sum away again (`csum_sub`).
    #[inline]
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "one's-complement, and named as the kernel names it")]
    pub const fn sub(self, other: Self) -> Self {
        self.add(Self(!other.0))
    }

    /// Add bytes that start at an even offset of what is summed (`csum_partial`).
    #[inline]
    #[must_use]
    pub fn add_bytes(self, bytes: &[u8]) -> Self {
        Self(fold64(u64::from(self.0) + sum_bytes(bytes)))
    }

    /// Add the sum of a part that starts at `offset` of the whole (`csum_block_add`).
    #[inline]
    #[must_use]
    pub const fn add_block(self, part: Self, offset: usize) -> Self {
        self.add(part.at(offset))
    }

    /// Take the sum of such a part away (`csum_block_sub`).
    #[inline]
    #[must_use]
    pub const fn sub_block(self, part: Self, offset: usize) -> Self {
        self.sub(part.at(offset))
    }

    /// The same sum seen from `offset` bytes earlier: an odd one swaps the bytes (`csum_shift`).
    #[inline]
    #[must_use]
    pub const fn at(self, offset: usize) -> Self {
        if offset & 1 == 1 { Self(self.0.rotate_right(8)) } else { self }
    }

    /// Add one 16-bit field, host order.
    #[inline]
    #[must_use]
    pub const fn add_u16(self, value: u16) -> Self {
        self.add(Self(value.to_be() as u32))
    }

    /// Add one 32-bit field, host order.
    #[inline]
    #[must_use]
    pub const fn add_u32(self, value: u32) -> Self {
        self.add(Self(value.to_be()))
    }

    /// The checksum to store: folded and complemented, host order (`csum_fold`).
    #[inline]
    #[must_use]
    pub const fn fold(self) -> u16 {
        u16::from_be(!fold32(self.0))
    }

    /// As [`fold`](Self::fold), with 0 sent as 0xffff: UDP's way to say that there is a checksum (`CSUM_MANGLED_0`).
    #[inline]
    #[must_use]
    pub const fn fold_udp(self) -> u16 {
        match self.fold() {
            0 => 0xffff,
            check => check,
        }
    }

    /// Folded and not complemented, host order: what a partial checksum leaves in the header for a device to finish.
    #[inline]
    #[must_use]
    pub const fn fold_partial(self) -> u16 {
        !self.fold()
    }

    /// Whether a sum over data, its checksum and its pseudo-header is that of an intact packet.
    #[inline]
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.fold() == 0
    }

    /// The raw 32 bits, machine order, for a packet buffer's field.
    #[inline]
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// Back from [`raw`](Self::raw).
    #[inline]
    #[must_use]
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }
}

/// Equal as checksums: the two forms of zero are one.
impl PartialEq for Wsum {
    fn eq(&self, other: &Self) -> bool {
        self.sub(*other).is_valid() || fold32(self.0) == fold32(other.0)
    }
}

/// The checksum of a header or message, its own field taken as zero or left out.
#[inline]
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    Wsum::of(bytes).fold()
}

/// Sum of the IPv4 pseudo-header (`csum_tcpudp_nofold`): `len` is that of the transport header and its data.
#[inline]
#[must_use]
pub const fn pseudo_v4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, len: u32) -> Wsum {
    let sum = src.to_bits().to_be() as u64
        + dst.to_bits().to_be() as u64
        + len.to_be() as u64
        + (protocol as u32).to_be() as u64;
    Wsum(fold64(sum))
}

/// Sum of the IPv6 pseudo-header (`csum_ipv6_magic` before its fold, RFC 8200 section 8.1).
#[inline]
#[must_use]
pub const fn pseudo_v6(src: Ipv6Addr, dst: Ipv6Addr, next_header: u8, len: u32) -> Wsum {
    const fn words(addr: Ipv6Addr) -> u64 {
        let bits = addr.to_bits().to_be();
        (bits as u32) as u64
            + ((bits >> 32) as u32) as u64
            + ((bits >> 64) as u32) as u64
            + ((bits >> 96) as u32) as u64
    }
    let sum = words(src) + words(dst) + len.to_be() as u64 + (next_header as u32).to_be() as u64;
    Wsum(fold64(sum))
}

/// The checksum after one 16-bit field changed from `old` to `new` (RFC 1624, equation 3; `csum_replace2`).
#[inline]
#[must_use]
pub const fn update16(check: u16, old: u16, new: u16) -> u16 {
    let sum = (!check) as u32 + (!old) as u32 + new as u32;
    !fold32(sum)
}

/// The checksum after one 32-bit field changed (`csum_replace4`).
#[inline]
#[must_use]
pub const fn update32(check: u16, old: u32, new: u32) -> u16 {
    let sum = (!check) as u64 + (!old) as u64 + new as u64;
    !fold32(fold64(sum))
}

#[cfg(test)]
mod tests;
