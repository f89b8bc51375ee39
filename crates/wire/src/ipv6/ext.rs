//! IPv6 extension headers (RFC 8200 section 4): the walk over them, the fragment and routing headers, and options.

use crate::error::Error;
use crate::view::header;
use uapi::{IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_NONE, IPPROTO_ROUTING};
use zerocopy::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Hop-by-hop options (`NEXTHDR_HOP`).
pub const NEXTHDR_HOP: u8 = IPPROTO_HOPOPTS as u8;
/// Routing header (`NEXTHDR_ROUTING`).
pub const NEXTHDR_ROUTING: u8 = IPPROTO_ROUTING as u8;
/// Fragment header (`NEXTHDR_FRAGMENT`).
pub const NEXTHDR_FRAGMENT: u8 = IPPROTO_FRAGMENT as u8;
/// Authentication header (`NEXTHDR_AUTH`).
pub const NEXTHDR_AUTH: u8 = IPPROTO_AH as u8;
/// Nothing follows (`NEXTHDR_NONE`).
pub const NEXTHDR_NONE: u8 = IPPROTO_NONE as u8;
/// Destination options (`NEXTHDR_DEST`).
pub const NEXTHDR_DEST: u8 = IPPROTO_DSTOPTS as u8;

/// Whether a next-header number is an extension header (`ipv6_ext_hdr`).
#[inline]
#[must_use]
pub const fn is_ext_header(next: u8) -> bool {
    matches!(
        next,
        NEXTHDR_HOP | NEXTHDR_ROUTING | NEXTHDR_FRAGMENT | NEXTHDR_AUTH | NEXTHDR_NONE | NEXTHDR_DEST
    )
}

/// One extension header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtHeader<'a> {
    /// What it is.
    pub kind: u8,
    /// What follows it.
    pub next: u8,
    /// Where it starts, counted from the end of the fixed header.
    pub offset: usize,
    /// All its bytes, next header and length included.
    pub bytes: &'a [u8],
}

/// The extension headers one by one. `Err` if one is cut off, and then the walk is over.
///
/// After the walk, [`upper`](Self::upper) is the protocol and where it starts.
///
/// ```
/// use sockeye_wire::ipv6::ext::{ExtHeaders, NEXTHDR_DEST};
///
/// // destination options of 8 bytes, then UDP
/// let payload = [17, 0, 1, 4, 0, 0, 0, 0, 0xaa];
/// let mut walk = ExtHeaders::new(NEXTHDR_DEST, &payload);
/// assert_eq!(walk.next().unwrap().unwrap().bytes.len(), 8);
/// assert!(walk.next().is_none());
/// assert_eq!(walk.upper(), (17, 8));
/// ```
#[derive(Clone, Debug)]
pub struct ExtHeaders<'a> {
    payload: &'a [u8],
    next: u8,
    at: usize,
    done: bool,
}

impl<'a> ExtHeaders<'a> {
    /// Over the bytes after the fixed header, whose next-header field is `next`.
    #[inline]
    #[must_use]
    pub const fn new(next: u8, payload: &'a [u8]) -> Self {
        Self { payload, next, at: 0, done: false }
    }

    /// The kind of what stands at the walk's place, and that place counted from the end of the fixed header.
    #[inline]
    #[must_use]
    pub const fn upper(&self) -> (u8, usize) {
        (self.next, self.at)
    }
}

impl<'a> Iterator for ExtHeaders<'a> {
    type Item = Result<ExtHeader<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.next == NEXTHDR_NONE || !is_ext_header(self.next) {
            return None;
        }
        let (kind, offset) = (self.next, self.at);
        let rest = self.payload.get(offset..).unwrap_or(&[]);
        let &[next, len, ..] = rest else {
            self.done = true;
            return Some(Err(Error::Truncated));
        };
        let size = match kind {
            NEXTHDR_FRAGMENT => 8,
            NEXTHDR_AUTH => (usize::from(len) + 2) * 4,
            _ => (usize::from(len) + 1) * 8,
        };
        let Some(bytes) = rest.get(..size) else {
            self.done = true;
            return Some(Err(Error::Truncated));
        };
        self.next = next;
        self.at += size;
        // past the first fragment, what follows is data and no header
        self.done =
            kind == NEXTHDR_FRAGMENT && FragHdr::view(bytes).is_some_and(|(frag, _)| frag.offset() != 0);
        Some(Ok(ExtHeader { kind, next, offset, bytes }))
    }
}

/// Where the upper protocol is (`ipv6_skip_exthdr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The upper protocol, or the kind of header where the walk had to end.
    pub next: u8,
    /// Where it starts, counted from the end of the fixed header.
    pub offset: usize,
    /// The field of the fragment header, if there was one: offset and flags.
    pub frag_off: Option<u16>,
}

/// Walk to the upper protocol.
///
/// # Errors
/// `Truncated` if a header is cut off.
pub fn skip(next: u8, payload: &[u8]) -> Result<Skipped, Error> {
    let mut walk = ExtHeaders::new(next, payload);
    let mut frag_off = None;
    for header in walk.by_ref() {
        let header = header?;
        if header.kind == NEXTHDR_FRAGMENT {
            frag_off = FragHdr::view(header.bytes).map(|(frag, _)| frag.frag_off());
        }
    }
    let (next, offset) = walk.upper();
    Ok(Skipped { next, offset, frag_off })
}

/// The fragment header (`struct frag_hdr`), 8 bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FragHdr {
    next_header: u8,
    reserved: u8,
    frag_off: U16,
    identification: U32,
}
header!(FragHdr, 8);

impl FragHdr {
    /// A header; `offset` in bytes, a multiple of eight.
    #[must_use]
    pub fn new(next_header: u8, offset: u16, more: bool, identification: u32) -> Self {
        Self {
            next_header,
            reserved: 0,
            frag_off: (offset & !7 | u16::from(more)).into(),
            identification: identification.into(),
        }
    }

    /// What the whole packet's next header is.
    #[inline]
    #[must_use]
    pub fn next_header(&self) -> u8 {
        self.next_header
    }

    /// Offset and flags as one field.
    #[inline]
    #[must_use]
    pub fn frag_off(&self) -> u16 {
        self.frag_off.get()
    }

    /// Where the fragment stands, bytes.
    #[inline]
    #[must_use]
    pub fn offset(&self) -> usize {
        usize::from(self.frag_off.get() & !7)
    }

    /// Whether more follow.
    #[inline]
    #[must_use]
    pub fn more(&self) -> bool {
        self.frag_off.get() & 1 != 0
    }

    /// Identification.
    #[inline]
    #[must_use]
    pub fn identification(&self) -> u32 {
        self.identification.get()
    }
}

/// The start of a routing header (`struct ipv6_rt_hdr`), 4 bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct RtHdr {
    next_header: u8,
    hdrlen: u8,
    kind: u8,
    segments_left: u8,
}
header!(RtHdr, 4);

impl RtHdr {
    /// Routing type.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// Segments left.
    #[must_use]
    pub fn segments_left(&self) -> u8 {
        self.segments_left
    }

    /// Length in units of eight bytes, the first not counted.
    #[must_use]
    pub fn hdrlen(&self) -> u8 {
        self.hdrlen
    }
}

/// Padding of one byte (`IPV6_TLV_PAD1`).
pub const IPV6_TLV_PAD1: u8 = 0;
/// Padding (`IPV6_TLV_PADN`).
pub const IPV6_TLV_PADN: u8 = 1;
/// Router alert (`IPV6_TLV_ROUTERALERT`).
pub const IPV6_TLV_ROUTERALERT: u8 = 5;
/// CALIPSO label (`IPV6_TLV_CALIPSO`).
pub const IPV6_TLV_CALIPSO: u8 = 7;
/// In-situ measurement (`IPV6_TLV_IOAM`).
pub const IPV6_TLV_IOAM: u8 = 49;
/// Jumbo payload (`IPV6_TLV_JUMBO`).
pub const IPV6_TLV_JUMBO: u8 = 194;
/// Home address (`IPV6_TLV_HAO`).
pub const IPV6_TLV_HAO: u8 = 201;

/// One option of a hop-by-hop or destination options header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Option<'a> {
    /// Kind.
    pub kind: u8,
    /// Where it starts in the header, kind and length of the header included.
    pub offset: usize,
    /// Its data.
    pub data: &'a [u8],
}

/// What to do with an option one does not know: the two high bits of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownAction {
    /// Go on.
    Skip,
    /// Drop the packet.
    Discard,
    /// Drop it and send a parameter problem.
    Report,
    /// Drop it and send one unless the packet was multicast.
    ReportUnicast,
}

impl Ipv6Option<'_> {
    /// What to do if it is unknown.
    #[must_use]
    pub const fn unknown_action(&self) -> UnknownAction {
        match self.kind >> 6 {
            0 => UnknownAction::Skip,
            1 => UnknownAction::Discard,
            2 => UnknownAction::Report,
            _ => UnknownAction::ReportUnicast,
        }
    }
}

/// The options of a header one by one, `PAD1` left out and `PADN` shown. `Err(offset)` is a broken length, and ends the walk.
#[derive(Clone, Debug)]
pub struct Ipv6Options<'a> {
    header: &'a [u8],
    at: usize,
}

impl<'a> Ipv6Options<'a> {
    /// Over a whole options header ([`ExtHeader::bytes`]).
    #[must_use]
    pub const fn new(header: &'a [u8]) -> Self {
        Self { header, at: 2 }
    }
}

impl<'a> Iterator for Ipv6Options<'a> {
    type Item = Result<Ipv6Option<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let offset = self.at;
            let kind = *self.header.get(offset)?;
            if kind == IPV6_TLV_PAD1 {
                self.at += 1;
                continue;
            }
            let data = self
                .header
                .get(offset + 1)
                .and_then(|&len| self.header.get(offset + 2..offset + 2 + usize::from(len)));
            let Some(data) = data else {
                self.at = self.header.len();
                return Some(Err(offset));
            };
            self.at = offset + 2 + data.len();
            return Some(Ok(Ipv6Option { kind, offset, data }));
        }
    }
}
