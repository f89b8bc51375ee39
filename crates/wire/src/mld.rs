//! Multicast listener discovery, versions 1 and 2 (RFC 2710, 3810): what stands in the ICMPv6 message.

use crate::error::{Error, Result};
use crate::icmpv6::{self, Icmpv6Hdr};
use crate::igmp;
use core::net::Ipv6Addr;
use uapi::ICMPV6_MLD2_REPORT;

/// Bytes of a version 1 message and of the start of a version 2 query: ICMPv6 header and group.
pub const MLD_LEN: usize = 24;
/// Bytes of a version 2 query without sources.
pub const MLD2_QUERY_LEN: usize = 28;

/// A query, of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// Longest delay of the answer, milliseconds.
    pub max_delay: u32,
    /// The group; unspecified in a general query.
    pub group: Ipv6Addr,
    /// What version 2 adds.
    pub v2: Option<V2Query<'a>>,
}

/// What version 2 adds to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V2Query<'a> {
    /// Routers shall not mind it.
    pub suppress: bool,
    /// Robustness of the querier.
    pub robustness: u8,
    /// Seconds between queries.
    pub interval: u32,
    sources: &'a [[u8; 16]],
}

impl<'a> V2Query<'a> {
    /// The sources asked for.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = Ipv6Addr> + 'a {
        self.sources.iter().map(|&a| Ipv6Addr::from_octets(a))
    }
}

/// A number as version 2 writes it: plain below 32768, else a mantissa of 12 bits and an exponent (`MLDV2_MRC`).
#[must_use]
pub const fn decode_float(value: u16) -> u32 {
    if value < 0x8000 { value as u32 } else { ((value & 0xfff) as u32 | 0x1000) << ((value >> 12 & 7) + 3) }
}

fn addresses(bytes: &[u8], count: u16) -> Result<&[[u8; 16]]> {
    bytes.as_chunks().0.get(..usize::from(count)).ok_or(Error::Truncated)
}

/// The group of a version 1 report or done message.
///
/// # Errors
/// `Truncated` below 24 bytes.
pub fn group(message: &[u8]) -> Result<Ipv6Addr> {
    message.get(8..).and_then(<[u8]>::first_chunk).map(|&a| Ipv6Addr::from_octets(a)).ok_or(Error::Truncated)
}

impl<'a> Query<'a> {
    /// Read a whole message whose type is `ICMPV6_MGM_QUERY`: 24 bytes are version 1, 28 and more version 2.
    ///
    /// # Errors
    /// `Truncated` below 24 bytes or with sources cut off; `HeaderLength` from 25 to 27.
    pub fn parse(message: &'a [u8]) -> Result<Self> {
        let group = group(message)?;
        let (hdr, _) = Icmpv6Hdr::view(message).ok_or(Error::Truncated)?;
        let code = hdr.echo_id();
        let rest = message.get(MLD_LEN..).unwrap_or(&[]);
        if rest.is_empty() {
            return Ok(Self { max_delay: u32::from(code), group, v2: None });
        }
        let (&[flags, interval, n0, n1], rest) = rest.split_first_chunk().ok_or(Error::HeaderLength)?;
        Ok(Self {
            max_delay: decode_float(code),
            group,
            v2: Some(V2Query {
                suppress: flags & 8 != 0,
                robustness: flags & 7,
                interval: igmp::decode_float(interval),
                sources: addresses(rest, u16::from_be_bytes([n0, n1]))?,
            }),
        })
    }
}

/// One record of a version 2 report (`struct mld2_grec`); kinds are those of [`igmp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V2Record<'a> {
    /// `MODE_IS_INCLUDE` and its kin.
    pub kind: u8,
    /// The group.
    pub group: Ipv6Addr,
    sources: &'a [[u8; 16]],
}

impl<'a> V2Record<'a> {
    /// The sources.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = Ipv6Addr> + 'a {
        self.sources.iter().map(|&a| Ipv6Addr::from_octets(a))
    }
}

/// The records of a whole version 2 report, one by one; `Err` if one is cut off, and then the walk is over.
#[derive(Clone, Debug)]
pub struct V2Records<'a> {
    rest: &'a [u8],
    left: u16,
}

impl<'a> V2Records<'a> {
    /// Over a whole report.
    #[must_use]
    pub fn new(report: &'a [u8]) -> Self {
        Self {
            rest: report.get(8..).unwrap_or(&[]),
            left: Icmpv6Hdr::view(report).map_or(0, |(hdr, _)| hdr.echo_seq()),
        }
    }

    fn read(&mut self) -> Result<V2Record<'a>> {
        let (&[kind, aux, n0, n1], rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        let (group, rest) = rest.split_first_chunk().ok_or(Error::Truncated)?;
        let sources = addresses(rest, u16::from_be_bytes([n0, n1]))?;
        let size = sources.len() * 16 + usize::from(aux) * 4;
        self.rest = rest.get(size..).ok_or(Error::Truncated)?;
        Ok(V2Record { kind, group: Ipv6Addr::from_octets(*group), sources })
    }
}

impl<'a> Iterator for V2Records<'a> {
    type Item = Result<V2Record<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let record = self.read();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

/// Write a version 1 message (report or done) with its checksum; gives 24, or 0 if `buf` is too short.
pub fn emit_v1(buf: &mut [u8], kind: u8, group: Ipv6Addr, src: Ipv6Addr, dst: Ipv6Addr) -> usize {
    let Some(message) = buf.get_mut(..MLD_LEN) else {
        return 0;
    };
    message[8..].copy_from_slice(&group.octets());
    icmpv6::emit(message, kind, 0, [0; 4], src, dst);
    MLD_LEN
}

/// Writes a version 2 report into a buffer, record by record.
///
/// ```
/// use sockeye_wire::{igmp, mld};
/// use core::net::Ipv6Addr;
///
/// let (src, dst, group) = ("fe80::1".parse().unwrap(), "ff02::16".parse().unwrap(), "ff02::fb".parse().unwrap());
/// let mut buf = [0; 64];
/// let mut report = mld::V2Report::new(&mut buf);
/// assert!(report.record(igmp::CHANGE_TO_EXCLUDE, group, &[]));
/// let len = report.finish(src, dst);
/// assert_eq!(mld::V2Records::new(&buf[..len]).next().unwrap().unwrap().group, group);
/// ```
#[derive(Debug)]
pub struct V2Report<'b> {
    buf: &'b mut [u8],
    len: usize,
    records: u16,
}

impl<'b> V2Report<'b> {
    /// Start at the start of `buf`.
    #[must_use]
    pub fn new(buf: &'b mut [u8]) -> Self {
        Self { buf, len: 8, records: 0 }
    }

    /// Append a record; gives false, and leaves the report as it was, if it does not fit.
    pub fn record(&mut self, kind: u8, group: Ipv6Addr, sources: &[Ipv6Addr]) -> bool {
        let size = 20 + sources.len() * 16;
        let Some(slot) = self.buf.get_mut(self.len..self.len + size) else {
            return false;
        };
        let Ok(count) = u16::try_from(sources.len()) else {
            return false;
        };
        let [n0, n1] = count.to_be_bytes();
        let (head, tail) = slot.split_at_mut(20);
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
    pub fn finish(self, src: Ipv6Addr, dst: Ipv6Addr) -> usize {
        let Some(message) = self.buf.get_mut(..self.len) else {
            return 0;
        };
        let [n0, n1] = self.records.to_be_bytes();
        icmpv6::emit(message, ICMPV6_MLD2_REPORT, 0, [0, 0, n0, n1], src, dst);
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn queries() {
        let mut q = [0u8; 44];
        q[0] = 130;
        q[4..6].copy_from_slice(&0x8001u16.to_be_bytes());
        assert_eq!(Query::parse(&q[..24]).unwrap().max_delay, 0x8001);
        assert_eq!(Query::parse(&q[..23]), Err(Error::Truncated));
        assert_eq!(Query::parse(&q[..26]), Err(Error::HeaderLength));
        q[24] = 0x0a;
        q[25] = 125;
        q[27] = 1;
        q[43] = 9;
        assert_eq!(Query::parse(&q[..43]), Err(Error::Truncated));
        let query = Query::parse(&q).unwrap();
        assert_eq!(query.max_delay, 0x1001 << 3);
        let v2 = query.v2.unwrap();
        assert_eq!((v2.suppress, v2.robustness, v2.interval), (true, 2, 125));
        assert_eq!(v2.sources().collect::<Vec<_>>(), [Ipv6Addr::from_bits(9)]);
    }

    #[test]
    fn version_1() {
        let (src, dst) = (Ipv6Addr::from_bits(1), Ipv6Addr::from_bits(2));
        let mut buf = [0; 30];
        assert_eq!(emit_v1(&mut buf, 131, dst, src, dst), 24);
        assert!(icmpv6::check(&buf[..24], src, dst));
        assert_eq!(group(&buf), Ok(dst));
        assert_eq!(emit_v1(&mut buf[..23], 131, dst, src, dst), 0);
    }

    proptest! {
        #[test]
        fn reports_round_trip(records in prop::collection::vec((1u8..7, any::<u128>(), prop::collection::vec(any::<u128>(), 0..4)), 0..5)) {
            let (src, dst) = (Ipv6Addr::from_bits(1), Ipv6Addr::from_bits(2));
            let mut buf = [0; 500];
            let mut report = V2Report::new(&mut buf);
            for (kind, group, sources) in &records {
                let sources: Vec<_> = sources.iter().map(|&s| Ipv6Addr::from_bits(s)).collect();
                prop_assert!(report.record(*kind, Ipv6Addr::from_bits(*group), &sources));
            }
            let len = report.finish(src, dst);
            prop_assert!(icmpv6::check(&buf[..len], src, dst));
            let back: Vec<_> = V2Records::new(&buf[..len])
                .map(|r| r.unwrap())
                .map(|r| (r.kind, r.group.to_bits(), r.sources().map(Ipv6Addr::to_bits).collect::<Vec<_>>()))
                .collect();
            prop_assert_eq!(back, records);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = Query::parse(&bytes).map(|q| q.v2.map(|v| v.sources().count()));
            let _ = group(&bytes);
            prop_assert!(V2Records::new(&bytes).count() <= 7);
        }
    }
}
