//! `SOL_SOCKET` options: `sk_setsockopt`, `sk_getsockopt` (`net/core/sock.c`), as rows of a table.
//!
//! A row of [`rows`] says what setting and reading an option does: most set a flag or a number, some
//! have rules of their own, which stand in the files beside this one. An option without a row
//! answers `ENOPROTOOPT`, as a kernel without the feature does; nothing is accepted and ignored.

mod bind;
mod buffers;
mod filter;
mod info;
mod rows;
mod time;
mod tstamp;

use super::{AnySock, SockCommon};
use crate::cx::UserCx;
use crate::socket::Socket;
use std::sync::Arc;
use uapi::socket::{AF_INET, AF_INET6, SO_BINDTODEVICE, SOCK_STREAM};
use uapi::{CAP_NET_ADMIN, CAP_NET_RAW, Errno, IPPROTO_TCP, Result};

/// `TC_PRIO_INTERACTIVE`: the highest priority anybody may ask for.
pub(super) const PRIO_INTERACTIVE: u32 = 6;

/// What the rows work on: one call.
struct Call<'a, 'c> {
    sock: &'a Socket,
    sk: &'a Arc<dyn AnySock>,
    common: &'a SockCommon,
    cx: &'a UserCx<'c>,
}

impl<'a, 'c> Call<'a, 'c> {
    fn new(sock: &'a Socket, cx: &'a UserCx<'c>) -> Result<Self> {
        // A socket whose family failed to make a sock has no descriptor.
        let sk = sock.sk().ok_or(Errno::EOPNOTSUPP)?;
        Ok(Call { sock, sk, common: sk.common(), cx })
    }

    fn net_admin(&self) -> bool {
        self.cx.process.capable(CAP_NET_ADMIN)
    }

    fn net_raw(&self) -> bool {
        self.cx.process.capable(CAP_NET_RAW)
    }

    /// `sk_is_inet`.
    fn is_inet(&self) -> bool {
        matches!(i32::from(self.common.family()), AF_INET | AF_INET6)
    }

    /// `sk_is_tcp`.
    fn is_tcp(&self) -> bool {
        self.is_inet()
            && i32::from(self.common.kind()) == SOCK_STREAM
            && i32::from(self.common.protocol()) == IPPROTO_TCP
    }
}

/// `setsockopt(SOL_SOCKET, name)`: `value` is what the caller passed, all of it.
///
/// # Errors
/// `EINVAL` for a value too short, `ENOPROTOOPT` for an option that is not there or cannot be set,
/// and what the option's own rules say: `EPERM`, `EDOM`, `ENODEV`, `EOPNOTSUPP`, ….
pub fn sock_setsockopt(sock: &Socket, cx: &UserCx<'_>, name: i32, value: &[u8]) -> Result<()> {
    let call = Call::new(sock, cx)?;
    // The only option whose value may be shorter than an int: a name.
    if name == SO_BINDTODEVICE {
        return bind::set_device(&call, value);
    }
    let int = int_value(value)?;
    match rows::find(name) {
        Some(row) => (row.set)(&call, int, value),
        None => Err(Errno::ENOPROTOOPT),
    }
}

/// `getsockopt(SOL_SOCKET, name)`.
///
/// # Errors
/// `EINVAL` for a negative length, or one the option does not take; `ENOPROTOOPT`; what the option's
/// own rules say: `ENOTCONN`, `ENODATA`, `EOPNOTSUPP`, ….
pub fn sock_getsockopt(sock: &Socket, cx: &UserCx<'_>, name: i32, out: &mut GetOpt<'_>) -> Result<()> {
    let call = Call::new(sock, cx)?;
    if out.len < 0 {
        return Err(Errno::EINVAL);
    }
    match rows::find(name) {
        Some(row) => (row.get)(&call, out),
        None => Err(Errno::ENOPROTOOPT),
    }
}

/// The numbers of all options that have a row, for documents and sweeps.
pub fn numbers() -> impl Iterator<Item = i32> {
    rows::numbers()
}

/// Where `getsockopt()` puts its answer: the caller's buffer and the length it gave.
pub struct GetOpt<'a> {
    buf: &'a mut [u8],
    /// The length the caller gave, then the length of the answer (`*optlen`).
    pub len: i32,
}

impl<'a> GetOpt<'a> {
    /// For a buffer of `len` bytes; `buf` is what of it can be written.
    pub fn new(buf: &'a mut [u8], len: i32) -> Self {
        GetOpt { buf, len }
    }

    /// An `int`, cut to the caller's length as Linux cuts it. `EINVAL` for a negative length.
    pub fn int(&mut self, value: i32) -> Result<()> {
        self.bytes(&value.to_ne_bytes())
    }

    /// A structure, cut to the caller's length. `EINVAL` for a negative length, `EFAULT` when the
    /// buffer is shorter than its length claims.
    pub fn bytes(&mut self, value: &[u8]) -> Result<()> {
        let len = usize::try_from(self.len).map_err(|_| Errno::EINVAL)?.min(value.len());
        self.buf.get_mut(..len).ok_or(Errno::EFAULT)?.copy_from_slice(&value[..len]);
        self.len = len as i32;
        Ok(())
    }

    /// The bytes the caller passed in (some options read their buffer first). `EINVAL` for a
    /// negative length.
    pub fn input(&self) -> Result<&[u8]> {
        let len = usize::try_from(self.len).map_err(|_| Errno::EINVAL)?;
        self.buf.get(..len).ok_or(Errno::EFAULT)
    }

    /// The whole buffer, for options with an answer of their own shape; set `len` afterwards.
    pub fn buf(&mut self) -> &mut [u8] {
        self.buf
    }
}

/// The `int` at the front of an option value; `EINVAL` when it is shorter.
pub fn int_value(value: &[u8]) -> Result<i32> {
    let bytes = value.first_chunk::<4>().ok_or(Errno::EINVAL)?;
    Ok(i32::from_ne_bytes(*bytes))
}
