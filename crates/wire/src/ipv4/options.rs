//! IPv4 options (RFC 791 section 3.1): walking them. What each does is the IP room's (`ip_options_compile`).

/// End of the list (`IPOPT_END`).
pub const IPOPT_END: u8 = 0;
/// Padding (`IPOPT_NOOP`).
pub const IPOPT_NOOP: u8 = 1;
/// Security (`IPOPT_SEC`).
pub const IPOPT_SEC: u8 = 130;
/// Loose source route (`IPOPT_LSRR`).
pub const IPOPT_LSRR: u8 = 131;
/// Timestamps (`IPOPT_TIMESTAMP`).
pub const IPOPT_TIMESTAMP: u8 = 68;
/// Commercial security (`IPOPT_CIPSO`).
pub const IPOPT_CIPSO: u8 = 134;
/// Record route (`IPOPT_RR`).
pub const IPOPT_RR: u8 = 7;
/// Stream id (`IPOPT_SID`).
pub const IPOPT_SID: u8 = 136;
/// Strict source route (`IPOPT_SSRR`).
pub const IPOPT_SSRR: u8 = 137;
/// Router alert (`IPOPT_RA`).
pub const IPOPT_RA: u8 = 148;

/// `IPOPT_TIMESTAMP`: times only (`IPOPT_TS_TSONLY`).
pub const IPOPT_TS_TSONLY: u8 = 0;
/// `IPOPT_TIMESTAMP`: times and addresses (`IPOPT_TS_TSANDADDR`).
pub const IPOPT_TS_TSANDADDR: u8 = 1;
/// `IPOPT_TIMESTAMP`: times of given hosts (`IPOPT_TS_PRESPEC`).
pub const IPOPT_TS_PRESPEC: u8 = 3;

/// Bit of the kind: copy into every fragment (`IPOPT_COPY`).
pub const IPOPT_COPY: u8 = 0x80;
/// Most bytes of options (`MAX_IPOPTLEN`).
pub const MAX_IPOPTLEN: usize = 40;

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpOption<'a> {
    /// Kind.
    pub kind: u8,
    /// Where it starts in the options' bytes: what a parameter problem points at, less 20.
    pub offset: usize,
    /// Its bytes after kind and length.
    pub data: &'a [u8],
}

impl IpOption<'_> {
    /// Whether it goes into every fragment (`IPOPT_COPIED`).
    #[must_use]
    pub const fn copied(&self) -> bool {
        self.kind & IPOPT_COPY != 0
    }
}

/// The options one by one, `IPOPT_NOOP` left out. `Err(offset)` is a broken length, and ends the walk.
///
/// ```
/// use sockeye_wire::ipv4::options::{IPOPT_RA, IpOptions};
///
/// let mut walk = IpOptions::new(&[1, IPOPT_RA, 4, 0, 0, 0]);
/// let alert = walk.next().unwrap().unwrap();
/// assert_eq!((alert.kind, alert.offset, alert.data), (IPOPT_RA, 1, &[0, 0][..]));
/// assert!(walk.next().is_none());
/// assert_eq!(IpOptions::new(&[7, 9, 4]).next(), Some(Err(0)));
/// ```
#[derive(Clone, Debug)]
pub struct IpOptions<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> IpOptions<'a> {
    /// Over the bytes after the fixed header.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for IpOptions<'a> {
    type Item = Result<IpOption<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(&kind) = self.bytes.get(self.at) {
            let offset = self.at;
            match kind {
                IPOPT_END => break,
                IPOPT_NOOP => self.at += 1,
                _ => {
                    let option = &self.bytes[offset..];
                    let len = option.get(1).map_or(0, |&len| usize::from(len));
                    let Some(data) = option.get(2..len) else {
                        self.at = self.bytes.len();
                        return Some(Err(offset));
                    };
                    self.at += len;
                    return Some(Ok(IpOption { kind, offset, data }));
                }
            }
        }
        self.at = self.bytes.len();
        None
    }
}
