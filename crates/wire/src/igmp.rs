//! IGMP versions 1 to 3 (RFC 1112, 2236, 3376).

use crate::checksum::{Wsum, checksum};
use crate::error::{Error, Result};
use crate::view::{be16, header};
use core::net::Ipv4Addr;
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A query (`IGMP_HOST_MEMBERSHIP_QUERY`).
pub const IGMP_HOST_MEMBERSHIP_QUERY: u8 = 0x11;
/// A version 1 report (`IGMP_HOST_MEMBERSHIP_REPORT`).
pub const IGMP_HOST_MEMBERSHIP_REPORT: u8 = 0x12;
/// A version 2 report (`IGMPV2_HOST_MEMBERSHIP_REPORT`).
pub const IGMPV2_HOST_MEMBERSHIP_REPORT: u8 = 0x16;
/// Leaving a group (`IGMP_HOST_LEAVE_MESSAGE`).
pub const IGMP_HOST_LEAVE_MESSAGE: u8 = 0x17;
/// A version 3 report (`IGMPV3_HOST_MEMBERSHIP_REPORT`).
pub const IGMPV3_HOST_MEMBERSHIP_REPORT: u8 = 0x22;

/// Record: only these sources (`IGMPV3_MODE_IS_INCLUDE`).
pub const MODE_IS_INCLUDE: u8 = 1;
/// Record: all but these sources (`IGMPV3_MODE_IS_EXCLUDE`).
pub const MODE_IS_EXCLUDE: u8 = 2;
/// Record: from now on only these (`IGMPV3_CHANGE_TO_INCLUDE`).
pub const CHANGE_TO_INCLUDE: u8 = 3;
/// Record: from now on all but these (`IGMPV3_CHANGE_TO_EXCLUDE`).
pub const CHANGE_TO_EXCLUDE: u8 = 4;
/// Record: these too (`IGMPV3_ALLOW_NEW_SOURCES`).
pub const ALLOW_NEW_SOURCES: u8 = 5;
/// Record: these no more (`IGMPV3_BLOCK_OLD_SOURCES`).
pub const BLOCK_OLD_SOURCES: u8 = 6;

/// The message of versions 1 and 2, and the start of a version 3 query (`struct igmphdr`), 8 bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct IgmpHdr {
    kind: u8,
    code: u8,
    check: U16,
    group: [u8; 4],
}
header!(IgmpHdr, 8);

impl IgmpHdr {
    /// A whole message of version 1 or 2, with its checksum.
    ///
    /// ```
    /// use sockeye_wire::igmp::{self, IgmpHdr};
    /// use core::net::Ipv4Addr;
    ///
    /// let report = IgmpHdr::new(igmp::IGMPV2_HOST_MEMBERSHIP_REPORT, 0, Ipv4Addr::new(239, 0, 0, 1));
    /// assert_eq!(igmp::parse(report.bytes()).unwrap().0.group(), Ipv4Addr::new(239, 0, 0, 1));
    /// ```
    #[must_use]
    pub fn new(kind: u8, code: u8, group: Ipv4Addr) -> Self {
        let mut hdr = Self { kind, code, check: U16::ZERO, group: group.octets() };
        hdr.check.set(checksum(hdr.bytes()));
        hdr
    }

    /// Type.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// Longest delay of the answer to a query, as it stands; see [`decode_float`].
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// The group; unspecified in a general query.
    #[must_use]
    pub fn group(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.group)
    }
}

/// The header and what follows it, with the checksum verified.
///
/// # Errors
/// `Truncated` below 8 bytes; `Checksum`.
pub fn parse(message: &[u8]) -> Result<(&IgmpHdr, &[u8])> {
    let parts = IgmpHdr::view(message).ok_or(Error::Truncated)?;
    if Wsum::of(message).is_valid() { Ok(parts) } else { Err(Error::Checksum) }
}

/// A number as version 3 writes it: plain below 128, else a mantissa of 4 bits and an exponent (`IGMPV3_MRC`, `IGMPV3_QQIC`).
#[must_use]
pub const fn decode_float(value: u8) -> u32 {
    if value < 0x80 { value as u32 } else { ((value & 0xf) as u32 | 0x10) << ((value >> 4 & 7) + 3) }
}

/// What a version 3 query says beyond its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V3Query<'a> {
    /// Routers shall not mind it.
    pub suppress: bool,
    /// Robustness of the querier.
    pub robustness: u8,
    /// Seconds between queries, as it stands; see [`decode_float`].
    pub interval: u8,
    sources: &'a [[u8; 4]],
}

impl<'a> V3Query<'a> {
    /// Read what follows the header.
    ///
    /// # Errors
    /// `Truncated` if the sources are cut off.
    pub fn parse(rest: &'a [u8]) -> Result<Self> {
        let (&[flags, interval, n0, n1], rest) = rest.split_first_chunk().ok_or(Error::Truncated)?;
        Ok(Self {
            suppress: flags & 8 != 0,
            robustness: flags & 7,
            interval,
            sources: addresses(rest, u16::from_be_bytes([n0, n1]))?,
        })
    }

    /// The sources asked for.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = Ipv4Addr> + 'a {
        self.sources.iter().map(|&a| Ipv4Addr::from_octets(a))
    }
}

fn addresses(bytes: &[u8], count: u16) -> Result<&[[u8; 4]]> {
    bytes.as_chunks().0.get(..usize::from(count)).ok_or(Error::Truncated)
}

/// One record of a version 3 report (`struct igmpv3_grec`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V3Record<'a> {
    /// `MODE_IS_INCLUDE` and its kin.
    pub kind: u8,
    /// The group.
    pub group: Ipv4Addr,
    sources: &'a [[u8; 4]],
}

impl<'a> V3Record<'a> {
    /// The sources.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = Ipv4Addr> + 'a {
        self.sources.iter().map(|&a| Ipv4Addr::from_octets(a))
    }
}

/// The records of a whole version 3 report, one by one; `Err` if one is cut off, and then the walk is over.
#[derive(Clone, Debug)]
pub struct V3Records<'a> {
    rest: &'a [u8],
    left: u16,
}

impl<'a> V3Records<'a> {
    /// Over a whole report.
    #[must_use]
    pub fn new(report: &'a [u8]) -> Self {
        Self { rest: report.get(8..).unwrap_or(&[]), left: be16(report, 6).unwrap_or(0) }
    }
}

impl<'a> Iterator for V3Records<'a> {
    type Item = Result<V3Record<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let record = self.read();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

impl<'a> V3Records<'a> {
    fn read(&mut self) -> Result<V3Record<'a>> {
        let (&[kind, aux, n0, n1, a, b, c, d], rest) =
            self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        let sources = addresses(rest, u16::from_be_bytes([n0, n1]))?;
        let size = sources.len() * 4 + usize::from(aux) * 4;
        self.rest = rest.get(size..).ok_or(Error::Truncated)?;
        Ok(V3Record { kind, group: Ipv4Addr::new(a, b, c, d), sources })
    }
}

/// Writes a version 3 report into a buffer, record by record.
///
/// ```
/// use sockeye_wire::igmp::{self, V3Records, V3Report};
/// use core::net::Ipv4Addr;
///
/// let mut buf = [0; 64];
/// let mut report = V3Report::new(&mut buf);
/// assert!(report.record(igmp::CHANGE_TO_EXCLUDE, Ipv4Addr::new(239, 1, 1, 1), &[]));
/// let len = report.finish();
/// let records: Vec<_> = V3Records::new(&buf[..len]).map(Result::unwrap).collect();
/// assert_eq!(records[0].group, Ipv4Addr::new(239, 1, 1, 1));
/// ```
#[derive(Debug)]
pub struct V3Report<'b> {
    buf: &'b mut [u8],
    len: usize,
    records: u16,
}

impl<'b> V3Report<'b> {
    /// Start at the start of `buf`.
    #[must_use]
    pub fn new(buf: &'b mut [u8]) -> Self {
        Self { buf, len: 8, records: 0 }
    }

    /// Append a record; gives false, and leaves the report as it was, if it does not fit.
    pub fn record(&mut self, kind: u8, group: Ipv4Addr, sources: &[Ipv4Addr]) -> bool {
        let size = 8 + sources.len() * 4;
        let Some(slot) = self.buf.get_mut(self.len..self.len + size) else {
            return false;
        };
        let Ok(count) = u16::try_from(sources.len()) else {
            return false;
        };
        let [n0, n1] = count.to_be_bytes();
        let (head, tail) = slot.split_at_mut(8);
        head[..4].copy_from_slice(&[kind, 0, n0, n1]);
        head[4..].copy_from_slice(&group.octets());
        for (to, from) in tail.as_chunks_mut().0.iter_mut().zip(sources) {
            *to = from.octets();
        }
        self.len += size;
        self.records += 1;
        true
    }

    /// Write header and checksum; gives the length, or 0 if not even the header fits.
    pub fn finish(self) -> usize {
        let Some(message) = self.buf.get_mut(..self.len) else {
            return 0;
        };
        let [n0, n1] = self.records.to_be_bytes();
        message[..8].copy_from_slice(&[IGMPV3_HOST_MEMBERSHIP_REPORT, 0, 0, 0, 0, 0, n0, n1]);
        let check = checksum(message);
        message[2..4].copy_from_slice(&check.to_be_bytes());
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats() {
        assert_eq!(decode_float(100), 100);
        assert_eq!(decode_float(0x80), 128);
        assert_eq!(decode_float(0xff), 31744);
    }

    proptest! {
        #[test]
        fn reports_round_trip(records in prop::collection::vec((1u8..7, any::<u32>(), prop::collection::vec(any::<u32>(), 0..4)), 0..5)) {
            let mut buf = [0; 200];
            let mut report = V3Report::new(&mut buf);
            for (kind, group, sources) in &records {
                let sources: Vec<_> = sources.iter().map(|&s| Ipv4Addr::from_bits(s)).collect();
                prop_assert!(report.record(*kind, Ipv4Addr::from_bits(*group), &sources));
            }
            let len = report.finish();
            prop_assert!(parse(&buf[..len]).is_ok());
            let back: Vec<_> = V3Records::new(&buf[..len])
                .map(|r| r.unwrap())
                .map(|r| (r.kind, r.group.to_bits(), r.sources().map(Ipv4Addr::to_bits).collect::<Vec<_>>()))
                .collect();
            prop_assert_eq!(back, records);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
            let _ = V3Query::parse(&bytes).map(|q| q.sources().count());
            prop_assert!(V3Records::new(&bytes).count() <= 11);
        }
    }
}
