//! TCP options, read as leniently as Linux does and written in the order Linux writes them.

use crate::view::{be16, be32};
use core::fmt;

/// End of the list.
pub const TCPOPT_EOL: u8 = 0;
/// Padding.
pub const TCPOPT_NOP: u8 = 1;
/// Largest segment (RFC 9293).
pub const TCPOPT_MSS: u8 = 2;
/// Window scale (RFC 7323).
pub const TCPOPT_WINDOW: u8 = 3;
/// SACK permitted (RFC 2018).
pub const TCPOPT_SACK_PERM: u8 = 4;
/// SACK (RFC 2018).
pub const TCPOPT_SACK: u8 = 5;
/// Timestamps (RFC 7323).
pub const TCPOPT_TIMESTAMP: u8 = 8;
/// MD5 signature (RFC 2385).
pub const TCPOPT_MD5SIG: u8 = 19;
/// Authentication (RFC 5925).
pub const TCPOPT_AO: u8 = 29;
/// Multipath TCP (RFC 8684).
pub const TCPOPT_MPTCP: u8 = 30;
/// Fast open cookie (RFC 7413).
pub const TCPOPT_FASTOPEN: u8 = 34;
/// Accurate ECN, order 0 (RFC 9768).
pub const TCPOPT_ACCECN0: u8 = 172;
/// Accurate ECN, order 1 (RFC 9768).
pub const TCPOPT_ACCECN1: u8 = 174;
/// Experiments (RFC 6994): a magic number follows.
pub const TCPOPT_EXP: u8 = 254;
/// Magic of the experimental fast open option.
pub const TCPOPT_FASTOPEN_MAGIC: u16 = 0xF989;
/// Magic of the experimental SMC option, `SMCR` in EBCDIC.
pub const TCPOPT_SMC_MAGIC: u32 = 0xE2D4_C3D9;

/// Bytes of a timestamp option with its padding (`TCPOLEN_TSTAMP_ALIGNED`).
pub const TCPOLEN_TSTAMP_ALIGNED: usize = 12;
/// Bytes of a SACK option's start with its padding (`TCPOLEN_SACK_BASE_ALIGNED`).
pub const TCPOLEN_SACK_BASE_ALIGNED: usize = 4;
/// Bytes of one SACK block (`TCPOLEN_SACK_PERBLOCK`).
pub const TCPOLEN_SACK_PERBLOCK: usize = 8;
/// Bytes of an MSS option (`TCPOLEN_MSS`).
pub const TCPOLEN_MSS: usize = 4;
/// Bytes of a window scale option with its padding (`TCPOLEN_WSCALE_ALIGNED`).
pub const TCPOLEN_WSCALE_ALIGNED: usize = 4;
/// Bytes of a SACK-permitted option with its padding (`TCPOLEN_SACKPERM_ALIGNED`).
pub const TCPOLEN_SACKPERM_ALIGNED: usize = 4;
/// Bytes of an MD5 option with its padding (`TCPOLEN_MD5SIG_ALIGNED`).
pub const TCPOLEN_MD5SIG_ALIGNED: usize = 20;
/// Most bytes options can take (`MAX_TCP_OPTION_SPACE`).
pub const MAX_TCP_OPTION_SPACE: usize = 40;
/// Largest window scale (`TCP_MAX_WSCALE`, RFC 7323 section 2.3): a larger one counts as this.
pub const TCP_MAX_WSCALE: u8 = 14;
/// Most SACK blocks in a segment (`TCP_NUM_SACKS`).
pub const TCP_NUM_SACKS: usize = 4;
/// Shortest fast open cookie (`TCP_FASTOPEN_COOKIE_MIN`).
pub const TCP_FASTOPEN_COOKIE_MIN: usize = 4;
/// Longest fast open cookie (`TCP_FASTOPEN_COOKIE_MAX`).
pub const TCP_FASTOPEN_COOKIE_MAX: usize = 16;

/// One option as it stands: its kind, and its data without kind and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawOption<'a> {
    /// Kind.
    pub kind: u8,
    /// Data.
    pub data: &'a [u8],
}

/// The options one by one, NOP left out. Ends at EOL, and silently at the first that breaks its length, as Linux does.
#[derive(Clone, Debug)]
pub struct RawOptions<'a>(&'a [u8]);

impl<'a> RawOptions<'a> {
    /// Over the bytes between fixed header and data.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for RawOptions<'a> {
    type Item = RawOption<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.0 {
                [TCPOPT_NOP, ref rest @ ..] => self.0 = rest,
                [kind, len, ref rest @ ..] if kind != TCPOPT_EOL && len >= 2 => {
                    let (data, rest) = rest.split_at_checked(usize::from(len) - 2)?;
                    self.0 = rest;
                    return Some(RawOption { kind, data });
                }
                _ => {
                    self.0 = &[];
                    return None;
                }
            }
        }
    }
}

/// Timestamps of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpTimestamp {
    /// The sender's clock (`TSval`).
    pub val: u32,
    /// The echo (`TSecr`).
    pub ecr: u32,
}

/// One SACK block: `start` received up to, not including, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlock {
    /// First sequence number.
    pub start: u32,
    /// One past the last.
    pub end: u32,
}

/// Up to four SACK blocks, in the order of the segment.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [SackBlock; TCP_NUM_SACKS],
    len: u8,
}

impl SackBlocks {
    /// None.
    pub const NONE: Self = Self { blocks: [SackBlock { start: 0, end: 0 }; TCP_NUM_SACKS], len: 0 };

    /// The blocks.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[SackBlock] {
        &self.blocks[..usize::from(self.len).min(TCP_NUM_SACKS)]
    }

    /// Append one; gives false if there are four.
    #[inline]
    pub fn push(&mut self, block: SackBlock) -> bool {
        match self.blocks.get_mut(usize::from(self.len)) {
            Some(slot) => {
                *slot = block;
                self.len += 1;
                true
            }
            None => false,
        }
    }
}

impl FromIterator<SackBlock> for SackBlocks {
    fn from_iter<I: IntoIterator<Item = SackBlock>>(iter: I) -> Self {
        let mut blocks = Self::NONE;
        for block in iter {
            if !blocks.push(block) {
                break;
            }
        }
        blocks
    }
}

impl fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// A fast open option: a request for a cookie, or a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastOpen<'a> {
    /// Empty to ask; 4 to 16 bytes, an even number, is a cookie. `None`: there was one of a length Linux refuses.
    pub cookie: Option<&'a [u8]>,
    /// Whether it came in the experimental option.
    pub exp: bool,
}

impl<'a> FastOpen<'a> {
    /// As `tcp_parse_fastopen_option`: an odd length is no option at all.
    fn read(data: &'a [u8], exp: bool) -> Option<Self> {
        let cookie = match data.len() {
            n if n % 2 == 1 => return None,
            0 | TCP_FASTOPEN_COOKIE_MIN..=TCP_FASTOPEN_COOKIE_MAX => Some(data),
            _ => None,
        };
        Some(Self { cookie, exp })
    }
}

/// An Accurate ECN option: up to three 24-bit byte counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccEcn<'a> {
    /// Whether the order is ECT(1), CE, ECT(0) (kind 174) instead of ECT(0), CE, ECT(1) (kind 172).
    pub order1: bool,
    /// The counters' bytes: three each.
    pub data: &'a [u8],
}

impl AccEcn<'_> {
    /// Bytes of the option beyond a multiple of four, if they are one or two.
    pub(super) fn odd(&self) -> usize {
        match (self.data.len() + 2) % 4 {
            3 => 0,
            odd => odd,
        }
    }

    /// The counters in the order of the option.
    pub fn counters(&self) -> impl Iterator<Item = u32> {
        let (counters, _) = self.data.as_chunks::<3>();
        counters.iter().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }
}

/// The options of a segment.
///
/// Parsing follows Linux (`tcp_parse_options`): an option of a wrong length is skipped, the last of several counts, an MSS of
/// zero is none. What depends on the connection stays with the caller: MSS, window scale and SACK-permitted count in a SYN only,
/// timestamps and SACK only if they were agreed on.
///
/// ```
/// use sockeye_wire::tcp::{TcpOptions, TcpTimestamp};
///
/// let syn = TcpOptions {
///     mss: Some(1460),
///     wscale: Some(7),
///     sack_perm: true,
///     timestamp: Some(TcpTimestamp { val: 1, ecr: 0 }),
///     ..TcpOptions::default()
/// };
/// let mut buf = [0; 40];
/// let len = syn.emit(&mut buf);
/// // the order of a Linux SYN: MSS, SACK permitted, timestamps, NOP, window scale
/// assert_eq!(&buf[..len], &[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]);
/// assert_eq!(TcpOptions::parse(&buf[..len]), syn);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions<'a> {
    /// Largest segment the sender takes; never 0.
    pub mss: Option<u16>,
    /// Window scale, at most [`TCP_MAX_WSCALE`].
    pub wscale: Option<u8>,
    /// SACK permitted.
    pub sack_perm: bool,
    /// Timestamps.
    pub timestamp: Option<TcpTimestamp>,
    /// SACK blocks.
    pub sack: SackBlocks,
    /// Fast open.
    pub fastopen: Option<FastOpen<'a>>,
    /// MD5 signature.
    pub md5: Option<&'a [u8; 16]>,
    /// Authentication option: key id, next key id, and the code.
    pub ao: Option<&'a [u8]>,
    /// Accurate ECN.
    pub accecn: Option<AccEcn<'a>>,
}

impl<'a> TcpOptions<'a> {
    /// Read the bytes between fixed header and data.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut all = Self::default();
        for option in RawOptions::new(bytes) {
            all.take(option);
        }
        all
    }

    fn take(&mut self, RawOption { kind, data }: RawOption<'a>) {
        match (kind, data) {
            (TCPOPT_MSS, &[a, b]) => {
                if let mss @ 1.. = u16::from_be_bytes([a, b]) {
                    self.mss = Some(mss);
                }
            }
            (TCPOPT_WINDOW, &[scale]) => self.wscale = Some(scale.min(TCP_MAX_WSCALE)),
            (TCPOPT_SACK_PERM, []) => self.sack_perm = true,
            (TCPOPT_TIMESTAMP, &[a, b, c, d, e, f, g, h]) => {
                self.timestamp = Some(TcpTimestamp {
                    val: u32::from_be_bytes([a, b, c, d]),
                    ecr: u32::from_be_bytes([e, f, g, h]),
                });
            }
            (TCPOPT_SACK, data) if !data.is_empty() && data.len().is_multiple_of(8) => {
                self.sack = sack_blocks(data);
            }
            (TCPOPT_MD5SIG, data) => self.md5 = data.try_into().ok().or(self.md5),
            (TCPOPT_AO, data) if data.len() >= 2 => self.ao = Some(data),
            (TCPOPT_FASTOPEN, data) => {
                self.fastopen = FastOpen::read(data, false).or(self.fastopen);
            }
            (TCPOPT_EXP, data) if be16(data, 0) == Some(TCPOPT_FASTOPEN_MAGIC) => {
                self.fastopen = FastOpen::read(&data[2..], true).or(self.fastopen);
            }
            (TCPOPT_ACCECN0 | TCPOPT_ACCECN1, data) => {
                self.accecn = Some(AccEcn { order1: kind == TCPOPT_ACCECN1, data });
            }
            _ => {}
        }
    }
}

fn sack_blocks(data: &[u8]) -> SackBlocks {
    let (blocks, _) = data.as_chunks::<8>();
    blocks
        .iter()
        .map(|&[a, b, c, d, e, f, g, h]| SackBlock {
            start: u32::from_be_bytes([a, b, c, d]),
            end: u32::from_be_bytes([e, f, g, h]),
        })
        .collect()
}

/// The timestamps if they are the whole first twelve bytes as nearly every stack sends them: NOP, NOP, timestamps
/// (`tcp_parse_aligned_timestamp`). The fast path of a connection that agreed on them.
#[inline]
#[must_use]
pub fn aligned_timestamp(options: &[u8]) -> Option<TcpTimestamp> {
    const START: u32 = u32::from_be_bytes([TCPOPT_NOP, TCPOPT_NOP, TCPOPT_TIMESTAMP, 10]);
    let words: &[u8; TCPOLEN_TSTAMP_ALIGNED] = options.first_chunk()?;
    if be32(words, 0)? != START {
        return None;
    }
    Some(TcpTimestamp { val: be32(words, 4)?, ecr: be32(words, 8)? })
}
