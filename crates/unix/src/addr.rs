//! `struct sockaddr_un` (`unix_validate_addr`, `unix_mkname_bsd`).

use uapi::sockaddr::UNIX_PATH_MAX;
use uapi::socket::AF_UNIX;
use uapi::{Errno, Result};

/// `offsetof(struct sockaddr_un, sun_path)`.
pub(crate) const PATH_AT: usize = 2;

/// A name as a caller gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// A file, without the terminating zero.
    File(&'a [u8]),
    /// An abstract one, with the zero it begins with.
    Abstract(&'a [u8]),
}

/// The family that an address claims, if it is long enough to claim one.
pub(crate) fn family(addr: &[u8]) -> Option<i32> {
    addr.first_chunk().map(|bytes| i32::from(u16::from_ne_bytes(*bytes)))
}

/// The name in an address.
///
/// # Errors
/// `EINVAL` for another family, no name, or too long a one.
pub(crate) fn parse(addr: &[u8]) -> Result<Name<'_>> {
    if addr.len() <= PATH_AT || addr.len() > PATH_AT + UNIX_PATH_MAX || family(addr) != Some(AF_UNIX) {
        return Err(Errno::EINVAL);
    }
    match &addr[PATH_AT..] {
        name @ [0, ..] => Ok(Name::Abstract(name)),
        path => Ok(Name::File(path.split(|&b| b == 0).next().unwrap_or(path))),
    }
}

/// A socket's address, as `getsockname()` tells it (`struct unix_address`).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnixAddr(Box<[u8]>);

impl UnixAddr {
    pub(crate) fn new(name: Name<'_>) -> Self {
        let mut bytes = (AF_UNIX as u16).to_ne_bytes().to_vec();
        match name {
            Name::File(path) => {
                bytes.extend_from_slice(path);
                bytes.push(0);
            }
            Name::Abstract(name) => bytes.extend_from_slice(name),
        }
        UnixAddr(bytes.into())
    }

    /// The whole sockaddr.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What follows the family.
    pub(crate) fn path(&self) -> &[u8] {
        &self.0[PATH_AT..]
    }
}

/// The address of who has none.
pub(crate) const UNNAMED: [u8; PATH_AT] = (AF_UNIX as u16).to_ne_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(parse(b"\x01\0/a\0b"), Ok(Name::File(b"/a")));
        assert_eq!(parse(b"\x01\0\0a\0"), Ok(Name::Abstract(b"\0a\0")));
        for bad in [&b""[..], b"\x01", b"\x01\0", b"\x02\0/a", &[1; 111]] {
            assert_eq!(parse(bad), Err(Errno::EINVAL));
        }
        assert_eq!(UnixAddr::new(Name::File(b"/a")).bytes(), b"\x01\0/a\0");
        let longest = [&[1, 0][..], &[b'x'; 108]].concat();
        assert_eq!(UnixAddr::new(parse(&longest).unwrap()).bytes().len(), 111);
    }
}
