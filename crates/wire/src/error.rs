//! What can be wrong with a packet.

use core::fmt;

/// Why bytes are not the packet they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// Fewer bytes than the fixed header.
    Truncated,
    /// Another version, or hardware or protocol type, than this format's.
    Version,
    /// The header's length field is less than the fixed header, or more than the bytes.
    HeaderLength,
    /// The packet's length field is less than the header, or more than the bytes.
    TotalLength,
    /// The checksum does not match.
    Checksum,
    /// An option or extension breaks its own format.
    Option,
}

/// A parsed packet or why there is none.
pub type Result<T> = core::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "packet shorter than its header",
            Self::Version => "unexpected version or type",
            Self::HeaderLength => "bad header length",
            Self::TotalLength => "bad packet length",
            Self::Checksum => "bad checksum",
            Self::Option => "malformed option",
        })
    }
}

impl core::error::Error for Error {}
