//! `SOL_SOCKET` options: `sk_setsockopt`, `sk_getsockopt` (`net/core/sock.c`), as rows of a table.

use uapi::{Errno, Result};

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
