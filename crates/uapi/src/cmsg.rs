//! Control messages (`cmsg(3)`): reading a hostile buffer, and filling a caller's one as the kernel's `put_cmsg` does.
//!
//! A 32-bit program has shorter headers and a smaller alignment; a [`CmsgLayout`] says which.

use crate::errno::{Errno, Result};

/// How the headers of a control buffer are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CmsgLayout {
    /// Bytes of `cmsg_len`, and the alignment of a message.
    word: usize,
}

impl CmsgLayout {
    /// 64-bit: a header of 16 bytes, messages aligned to 8.
    pub const NATIVE: Self = Self { word: 8 };
    /// i386 (`struct compat_cmsghdr`): a header of 12 bytes, messages aligned to 4.
    pub const COMPAT: Self = Self { word: 4 };

    /// `sizeof(struct cmsghdr)`
    #[inline]
    #[must_use]
    pub const fn hdr_len(self) -> usize {
        self.word + 8
    }

    /// `CMSG_ALIGN`
    #[inline]
    #[must_use]
    pub const fn align(self, len: usize) -> usize {
        len.saturating_add(self.word - 1) & !(self.word - 1)
    }

    /// `CMSG_LEN`: header and data.
    #[inline]
    #[must_use]
    pub const fn cmsg_len(self, data: usize) -> usize {
        self.hdr_len().saturating_add(data)
    }

    /// `CMSG_SPACE`: header, data and padding.
    #[inline]
    #[must_use]
    pub const fn cmsg_space(self, data: usize) -> usize {
        self.align(self.cmsg_len(data))
    }

    fn read_len(self, bytes: &[u8]) -> Option<usize> {
        if self.word == 8 {
            usize::try_from(u64::from_ne_bytes(*bytes.first_chunk()?)).ok()
        } else {
            usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()
        }
    }
}

/// One control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cmsg<'a> {
    /// `cmsg_level`
    pub level: i32,
    /// `cmsg_type`
    pub kind: i32,
    /// Its data.
    pub data: &'a [u8],
}

impl Cmsg<'_> {
    /// The data as one `int`.
    ///
    /// # Errors
    /// `EINVAL` if it has another length.
    pub fn int(&self) -> Result<i32> {
        self.data.try_into().map(i32::from_ne_bytes).map_err(|_| Errno::EINVAL)
    }
}

/// The messages of a buffer, one by one, as `for_each_cmsghdr` with `CMSG_OK` sees them.
///
/// A length below the header's or beyond the buffer is `Err(EINVAL)`, and ends the walk; so does, silently, a rest too short for
/// a header.
///
/// ```
/// use sockeye_uapi::cmsg::{CmsgIter, CmsgLayout, CmsgWriter};
///
/// let mut buf = [0; 24];
/// let mut w = CmsgWriter::new(&mut buf, CmsgLayout::NATIVE);
/// w.put(1, 2, &7i32.to_ne_bytes());
/// assert_eq!((w.len(), w.truncated()), (24, false));
/// let cmsg = CmsgIter::new(&buf, CmsgLayout::NATIVE).next().unwrap().unwrap();
/// assert_eq!((cmsg.level, cmsg.kind, cmsg.int()), (1, 2, Ok(7)));
/// ```
#[derive(Clone, Debug)]
pub struct CmsgIter<'a> {
    rest: &'a [u8],
    layout: CmsgLayout,
}

impl<'a> CmsgIter<'a> {
    /// Over a whole control buffer.
    #[inline]
    #[must_use]
    pub const fn new(control: &'a [u8], layout: CmsgLayout) -> Self {
        Self { rest: control, layout }
    }

    fn read(&self) -> Option<(usize, Cmsg<'a>)> {
        let (layout, word) = (self.layout, self.layout.word);
        let len = layout.read_len(self.rest)?;
        let level = self.rest.get(word..)?.first_chunk()?;
        let kind = self.rest.get(word + 4..)?.first_chunk()?;
        Some((
            len,
            Cmsg {
                level: i32::from_ne_bytes(*level),
                kind: i32::from_ne_bytes(*kind),
                data: self.rest.get(layout.hdr_len()..len)?,
            },
        ))
    }
}

impl<'a> Iterator for CmsgIter<'a> {
    type Item = Result<Cmsg<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.len() < self.layout.hdr_len() {
            return None;
        }
        let Some((len, cmsg)) = self.read() else {
            self.rest = &[];
            return Some(Err(Errno::EINVAL));
        };
        self.rest = self.rest.get(self.layout.align(len)..).unwrap_or(&[]);
        Some(Ok(cmsg))
    }
}

/// Fills a caller's control buffer as `put_cmsg` does: what does not fit is cut and flagged, never an error.
///
/// The padding between messages is left as it is: the kernel does not write it either.
#[derive(Debug)]
pub struct CmsgWriter<'b> {
    buf: &'b mut [u8],
    at: usize,
    truncated: bool,
    layout: CmsgLayout,
}

impl<'b> CmsgWriter<'b> {
    /// Into `buf`, which is `msg_control` with its `msg_controllen`.
    #[inline]
    #[must_use]
    pub const fn new(buf: &'b mut [u8], layout: CmsgLayout) -> Self {
        Self { buf, at: 0, truncated: false, layout }
    }

    /// Bytes filled: what `msg_controllen` becomes.
    #[inline]
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a length to report, not a collection")]
    pub const fn len(&self) -> usize {
        self.at
    }

    /// Whether something was cut (`MSG_CTRUNC`).
    #[inline]
    #[must_use]
    pub const fn truncated(&self) -> bool {
        self.truncated
    }

    /// Say that something was cut, for a caller that leaves a message out by itself.
    #[inline]
    pub const fn set_truncated(&mut self) {
        self.truncated = true;
    }

    /// Bytes left.
    #[inline]
    #[must_use]
    pub const fn room(&self) -> usize {
        self.buf.len() - self.at
    }

    /// How many descriptors an `SCM_RIGHTS` message could carry here (`scm_max_fds`).
    #[inline]
    #[must_use]
    pub const fn fd_room(&self) -> usize {
        self.room().saturating_sub(self.layout.hdr_len()) / 4
    }

    /// Append a message (`put_cmsg`). Without room for the header it is left out; without room for all its data it is cut, and its
    /// length says so. Either sets [`truncated`](Self::truncated).
    pub fn put(&mut self, level: i32, kind: i32, data: &[u8]) {
        let layout = self.layout;
        let room = self.room();
        if room < layout.hdr_len() {
            self.truncated = true;
            return;
        }
        let full = layout.cmsg_len(data.len());
        self.truncated |= room < full;
        let len = full.min(room);
        let slot = &mut self.buf[self.at..];
        let word = layout.word;
        // the length's low bytes are the compat form on a little-endian machine only, so each form is written out
        if word == 8 {
            slot[..8].copy_from_slice(&(len as u64).to_ne_bytes());
        } else {
            slot[..4].copy_from_slice(&(len as u32).to_ne_bytes());
        }
        slot[word..word + 4].copy_from_slice(&level.to_ne_bytes());
        slot[word + 4..word + 8].copy_from_slice(&kind.to_ne_bytes());
        let n = len - layout.hdr_len();
        slot[layout.hdr_len()..len].copy_from_slice(&data[..n]);
        self.at += layout.cmsg_space(data.len()).min(room);
    }

    /// Append a message only if all of it fits (`put_cmsg_notrunc`); gives false, and flags nothing, if not.
    pub fn put_notrunc(&mut self, level: i32, kind: i32, data: &[u8]) -> bool {
        let fits = self.layout.cmsg_len(data.len()) <= self.room();
        if fits {
            self.put(level, kind, data);
        }
        fits
    }

    /// Append one `int`.
    pub fn put_int(&mut self, level: i32, kind: i32, value: i32) {
        self.put(level, kind, &value.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layouts() {
        let (n, c) = (CmsgLayout::NATIVE, CmsgLayout::COMPAT);
        assert_eq!((n.cmsg_len(4), n.cmsg_space(4)), (20, 24));
        assert_eq!((c.cmsg_len(4), c.cmsg_space(5)), (16, 20));
    }

    #[test]
    fn short_buffers() {
        for layout in [CmsgLayout::NATIVE, CmsgLayout::COMPAT] {
            let h = layout.hdr_len();
            for room in 0..40 {
                let mut buf = vec![0xee; room];
                let mut w = CmsgWriter::new(&mut buf, layout);
                w.put(1, 2, &[7; 5]);
                let (len, cut) = (w.len(), w.truncated());
                assert_eq!(cut, room < h + 5);
                assert_eq!(len, if room < h { 0 } else { room.min(layout.cmsg_space(5)) });
                let got = CmsgIter::new(&buf[..len], layout).next();
                if room >= h {
                    let n = (room - h).min(5);
                    assert_eq!(got.unwrap().unwrap().data, &vec![7; n][..]);
                } else {
                    assert_eq!(got, None);
                }
            }
        }
    }

    #[test]
    fn hostile_lengths() {
        let good = |len: u64| {
            let mut b = [0u8; 32];
            b[..8].copy_from_slice(&len.to_ne_bytes());
            CmsgIter::new(&b, CmsgLayout::NATIVE).map(|m| m.map(|m| m.data.len())).collect::<Vec<_>>()
        };
        for bad in [0, 1, 15, 33, u64::MAX, u64::MAX - 7, 1 << 63] {
            assert_eq!(good(bad), [Err(Errno::EINVAL)], "{bad}");
        }
        assert_eq!(good(32).len(), 1);
        assert_eq!(good(17).len(), 1);
        assert_eq!(good(16), [Ok(0), Err(Errno::EINVAL)]);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), compat: bool) {
            let layout = if compat { CmsgLayout::COMPAT } else { CmsgLayout::NATIVE };
            prop_assert!(CmsgIter::new(&bytes, layout).count() <= 200 / 12 + 1);
        }

        #[test]
        fn what_is_written_is_read(
            messages in prop::collection::vec((any::<i32>(), any::<i32>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            compat: bool,
        ) {
            let layout = if compat { CmsgLayout::COMPAT } else { CmsgLayout::NATIVE };
            let mut buf = [0; 600];
            let mut w = CmsgWriter::new(&mut buf, layout);
            for (level, kind, data) in &messages {
                w.put(*level, *kind, data);
            }
            let len = w.len();
            prop_assert!(!w.truncated());
            let back: Vec<_> = CmsgIter::new(&buf[..len], layout)
                .map(|m| m.map(|m| (m.level, m.kind, m.data.to_vec())))
                .collect::<Result<_>>()
                .unwrap();
            prop_assert_eq!(back, messages);
        }
    }
}
