//! User memory as a system call sees it: `struct iov_iter`, one for each direction.

use std::io::{IoSlice, IoSliceMut};

/// Memory to take bytes from (`iov_iter`, `ITER_SOURCE`): what `write(2)` and `sendmsg(2)` are given.
#[derive(Clone, Debug)]
pub struct IovSource<'a> {
    /// What is left of the segment at hand.
    cur: &'a [u8],
    /// The segments after it.
    rest: &'a [IoSlice<'a>],
    remaining: usize,
    one: &'a [u8],
    many: &'a [IoSlice<'a>],
}

impl Default for IovSource<'_> {
    fn default() -> Self {
        Self::from_slice(&[])
    }
}

impl<'a> IovSource<'a> {
    /// Over one piece of memory.
    #[inline]
    #[must_use]
    pub fn from_slice(one: &'a [u8]) -> Self {
        Self { cur: one, rest: &[], remaining: one.len(), one, many: &[] }
    }

    /// Over several.
    #[must_use]
    pub fn new(many: &'a [IoSlice<'a>]) -> Self {
        match many {
            [one] => Self::from_slice(one),
            _ => Self { cur: &[], rest: many, remaining: many.iter().map(|s| s.len()).sum(), one: &[], many },
        }
    }

    /// Bytes not yet taken (`iov_iter_count`).
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// Take no more than `n` bytes from here on (`iov_iter_truncate`).
    pub fn truncate(&mut self, n: usize) {
        self.remaining = self.remaining.min(n);
    }

    /// The next bytes that lie together, without taking them; empty at the end only.
    #[inline]
    #[must_use]
    pub fn next_chunk(&mut self) -> &'a [u8] {
        while self.cur.is_empty() {
            let Some((first, rest)) = self.rest.split_first() else {
                return &[];
            };
            // The slice lives as long as the memory, not as long as its entry in the list: indexing through Deref would tie it to the latter.
            self.cur = first;
            self.rest = rest;
        }
        &self.cur[..self.cur.len().min(self.remaining)]
    }

    /// Take `n` bytes without looking (`iov_iter_advance`); no more than there are.
    #[inline]
    pub fn advance(&mut self, n: usize) {
        let mut n = n.min(self.remaining);
        self.remaining -= n;
        while n > self.cur.len() {
            n -= self.cur.len();
            let Some((first, rest)) = self.rest.split_first() else {
                self.cur = &[];
                return;
            };
            self.cur = first;
            self.rest = rest;
        }
        self.cur = &self.cur[n..];
    }

    /// Take bytes into `to`, as many as fit (`copy_from_iter`).
    #[inline]
    pub fn copy_to(&mut self, to: &mut [u8]) -> usize {
        let want = to.len().min(self.remaining);
        if want <= self.cur.len() {
            to[..want].copy_from_slice(&self.cur[..want]);
            self.cur = &self.cur[want..];
            self.remaining -= want;
            return want;
        }
        let mut done = 0;
        while done < want {
            let chunk = self.next_chunk();
            let n = chunk.len().min(want - done);
            if n == 0 {
                break;
            }
            to[done..done + n].copy_from_slice(&chunk[..n]);
            self.advance(n);
            done += n;
        }
        done
    }

    /// Put the last `n` bytes taken back (`iov_iter_revert`); no more than were taken.
    pub fn revert(&mut self, n: usize) {
        let taken = self.position();
        let remaining = self.remaining + n.min(taken);
        let at = taken - n.min(taken);
        *self = if self.many.is_empty() { Self::from_slice(self.one) } else { Self::new(self.many) };
        self.advance(at);
        self.remaining = remaining;
    }

    /// Bytes taken so far.
    fn position(&self) -> usize {
        let total: usize = self.one.len() + self.many.iter().map(|s| s.len()).sum::<usize>();
        let left: usize = self.cur.len() + self.rest.iter().map(|s| s.len()).sum::<usize>();
        total - left
    }
}

/// A list of pieces of memory to fill.
///
/// It hides how long the list itself is borrowed, so that [`IovSink`] needs one lifetime only.
pub trait Segments {
    /// How many pieces there are.
    fn count(&self) -> usize;
    /// Piece `i`; empty past the end.
    fn segment(&mut self, i: usize) -> &mut [u8];
    /// All their lengths together.
    fn total(&mut self) -> usize {
        (0..self.count()).map(|i| self.segment(i).len()).sum()
    }
}

macro_rules! segments {
    ($(($($gen:tt)*) $ty:ty;)*) => {$(
        impl<$($gen)*> Segments for $ty {
            fn count(&self) -> usize {
                self.len()
            }
            fn segment(&mut self, i: usize) -> &mut [u8] {
                self.get_mut(i).map_or(&mut [], |s| &mut **s)
            }
        }
    )*};
}
segments! {
    () &mut [IoSliceMut<'_>];
    () Vec<IoSliceMut<'_>>;
    (const N: usize) [IoSliceMut<'_>; N];
    () Vec<Vec<u8>>;
}

enum Memory<'a> {
    One(&'a mut [u8]),
    Many(&'a mut (dyn Segments + 'a)),
}

/// Memory to put bytes into (`iov_iter`, `ITER_DEST`): what `read(2)` and `recvmsg(2)` are given.
pub struct IovSink<'a> {
    memory: Memory<'a>,
    /// The segment at hand, and how much of it is filled.
    seg: usize,
    off: usize,
    remaining: usize,
}

impl core::fmt::Debug for IovSink<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("IovSink").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

impl Default for IovSink<'_> {
    fn default() -> Self {
        Self::from_slice(&mut [])
    }
}

impl<'a> IovSink<'a> {
    /// Over one piece of memory.
    #[inline]
    #[must_use]
    pub fn from_slice(one: &'a mut [u8]) -> Self {
        Self { remaining: one.len(), memory: Memory::One(one), seg: 0, off: 0 }
    }

    /// Over several: an array or a `Vec` of [`IoSliceMut`], or a `&mut &mut [IoSliceMut]`.
    #[must_use]
    pub fn new<S: Segments + 'a>(many: &'a mut S) -> Self {
        Self { remaining: many.total(), memory: Memory::Many(many), seg: 0, off: 0 }
    }

    /// Bytes that still fit (`iov_iter_count`).
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// Take no more than `n` bytes from here on (`iov_iter_truncate`).
    pub fn truncate(&mut self, n: usize) {
        self.remaining = self.remaining.min(n);
    }

    /// The next memory that lies together, to be filled from its start, then told by [`IovSink::advance`]; empty at the end only.
    #[inline]
    pub fn next_chunk(&mut self) -> &mut [u8] {
        let remaining = self.remaining;
        let off = self.off;
        match &mut self.memory {
            Memory::One(one) => {
                let end = one.len().min(off.saturating_add(remaining));
                &mut one[off..end]
            }
            Memory::Many(many) => {
                let count = many.count();
                while self.seg < count && many.segment(self.seg).len() <= self.off {
                    self.seg += 1;
                    self.off = 0;
                }
                let off = self.off;
                let seg = many.segment(self.seg);
                let end = seg.len().min(off.saturating_add(remaining));
                seg.get_mut(off..end).unwrap_or_default()
            }
        }
    }

    /// `n` bytes of [`IovSink::next_chunk`] are filled; `n` may go past it.
    pub fn advance(&mut self, n: usize) {
        let mut n = n.min(self.remaining);
        self.remaining -= n;
        match &mut self.memory {
            Memory::One(_) => self.off += n,
            Memory::Many(many) => {
                while self.seg < many.count() {
                    let left = many.segment(self.seg).len() - self.off;
                    if n <= left {
                        break;
                    }
                    n -= left;
                    self.seg += 1;
                    self.off = 0;
                }
                self.off += n;
            }
        }
    }

    /// Put bytes there, as many as fit (`copy_to_iter`).
    #[inline]
    pub fn copy_from(&mut self, from: &[u8]) -> usize {
        let want = from.len().min(self.remaining);
        if let Memory::One(one) = &mut self.memory {
            one[self.off..self.off + want].copy_from_slice(&from[..want]);
            self.off += want;
            self.remaining -= want;
            return want;
        }
        let mut done = 0;
        while done < want {
            let chunk = self.next_chunk();
            let n = chunk.len().min(want - done);
            if n == 0 {
                break;
            }
            chunk[..n].copy_from_slice(&from[done..done + n]);
            self.advance(n);
            done += n;
        }
        done
    }

    /// Take the last `n` bytes back, to be filled again (`iov_iter_revert`); no more than were put.
    pub fn revert(&mut self, n: usize) {
        let mut n = n;
        match &mut self.memory {
            Memory::One(_) => {
                n = n.min(self.off);
                self.off -= n;
                self.remaining += n;
            }
            Memory::Many(many) => loop {
                let here = n.min(self.off);
                self.off -= here;
                self.remaining += here;
                n -= here;
                if n == 0 || self.seg == 0 {
                    break;
                }
                self.seg -= 1;
                self.off = many.segment(self.seg).len();
            },
        }
    }
}

#[cfg(test)]
mod tests;
