//! The descriptor table itself: `struct fdtable`, without the question who shares it ([`crate::files`]).
//!
//! Slots never move once they exist, so that a call may look at its file while it opens others: `recvmsg(2)` does, when descriptors come
//! with a message.

use crate::file::File;
use core::cell::{Cell, OnceCell, Ref, RefCell};
use std::sync::Arc;
use uapi::{Errno, Result};

/// Slots of the first piece of the table; every further piece doubles what there is.
const FIRST: usize = 64;
/// Enough pieces for any descriptor an `int` can name.
const PIECES: usize = 26;

type Slot = RefCell<Option<Arc<File>>>;

/// Bits by word, and a bit for each word that is full: the lowest clear bit is found in a few steps at any size.
#[derive(Clone, Debug, Default)]
struct Bitmap {
    words: Vec<u64>,
    full: Vec<u64>,
}

impl Bitmap {
    fn get(&self, i: usize) -> bool {
        self.words.get(i / 64).is_some_and(|w| w >> (i % 64) & 1 != 0)
    }

    fn set(&mut self, i: usize) {
        let word = i / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
            self.full.resize(word / 64 + 1, 0);
        }
        self.words[word] |= 1 << (i % 64);
        if self.words[word] == u64::MAX {
            self.full[word / 64] |= 1 << (word % 64);
        }
    }

    fn clear(&mut self, i: usize) {
        let word = i / 64;
        if let Some(w) = self.words.get_mut(word) {
            *w &= !(1 << (i % 64));
            self.full[word / 64] &= !(1 << (word % 64));
        }
    }

    /// The lowest clear bit from `from` on; possibly past the end.
    fn next_clear(&self, from: usize) -> usize {
        let word = from / 64;
        let Some(&w) = self.words.get(word) else {
            return from;
        };
        let here = !w & (u64::MAX << (from % 64));
        if here != 0 {
            return word * 64 + here.trailing_zeros() as usize;
        }
        let mut next = word + 1;
        while next < self.words.len() {
            let open = !self.full[next / 64] & (u64::MAX << (next % 64));
            if open == 0 {
                next = (next / 64 + 1) * 64;
                continue;
            }
            next = next / 64 * 64 + open.trailing_zeros() as usize;
            return match self.words.get(next) {
                Some(w) => next * 64 + (!w).trailing_zeros() as usize,
                None => self.words.len() * 64,
            };
        }
        self.words.len() * 64
    }

    /// The lowest set bit from `from` on.
    fn next_set(&self, from: usize) -> Option<usize> {
        let mut mask = u64::MAX << (from % 64);
        for (i, &w) in self.words.iter().enumerate().skip(from / 64) {
            if w & mask != 0 {
                return Some(i * 64 + (w & mask).trailing_zeros() as usize);
            }
            mask = u64::MAX;
        }
        None
    }
}

#[derive(Clone, Debug, Default)]
struct Bits {
    open: Bitmap,
    close_on_exec: Bitmap,
}

/// A table of descriptors. Which are taken is told by a bitmap; a taken one without a file is only reserved.
#[derive(Debug, Default)]
pub(crate) struct FdTable {
    pieces: [OnceCell<Box<[Slot]>>; PIECES],
    bits: RefCell<Bits>,
    /// No descriptor below it is free.
    next_fd: Cell<usize>,
    /// `RLIMIT_NOFILE`.
    pub(crate) rlimit: Cell<u64>,
    /// Files counted here and not yet in [`crate::Vfs`].
    pub(crate) uncounted: Cell<i64>,
    /// Descriptors closed while a call of this thread was looking at their file.
    doomed: RefCell<Vec<i32>>,
}

/// In which piece a descriptor is, and where there.
fn place(fd: i32) -> Option<(usize, usize)> {
    let fd = usize::try_from(fd).ok()?;
    // Piece 0 has 64 slots, piece k those from 64·2^(k-1) to 64·2^k.
    let piece = (usize::BITS - (fd / FIRST).leading_zeros()) as usize;
    let start = if piece == 0 { 0 } else { FIRST << (piece - 1) };
    Some((piece, fd - start))
}

fn piece_len(piece: usize) -> usize {
    FIRST << piece.saturating_sub(1)
}

impl FdTable {
    #[inline]
    fn slot(&self, fd: i32) -> Option<&Slot> {
        let (piece, at) = place(fd)?;
        self.pieces.get(piece)?.get()?.get(at)
    }

    fn slot_or_init(&self, fd: i32) -> Option<&Slot> {
        let (piece, at) = place(fd)?;
        self.pieces
            .get(piece)?
            .get_or_init(|| (0..piece_len(piece)).map(|_| Slot::default()).collect())
            .get(at)
    }

    /// Look at a file without counting a reference.
    #[inline]
    pub(crate) fn with<R>(&self, fd: i32, f: impl FnOnce(&Arc<File>) -> R) -> Result<R> {
        match self.slot(fd).map(RefCell::borrow).as_deref() {
            Some(Some(file)) => Ok(f(file)),
            _ => Err(Errno::EBADF),
        }
    }

    /// A file, as long as nobody of this thread closes it: a close meanwhile waits ([`FdTable::take`]).
    #[inline]
    pub(crate) fn look(&self, fd: i32) -> Result<Ref<'_, Arc<File>>> {
        let slot = self.slot(fd).ok_or(Errno::EBADF)?;
        Ref::filter_map(slot.borrow(), Option::as_ref).map_err(|_| Errno::EBADF)
    }

    /// Whether the descriptor is taken, be it only reserved.
    pub(crate) fn is_taken(&self, fd: i32) -> bool {
        usize::try_from(fd).is_ok_and(|fd| self.bits.borrow().open.get(fd))
    }

    /// Take the lowest free descriptor from `from` up to, not including, `end` (`alloc_fd`).
    pub(crate) fn reserve(&self, from: u32, end: u64, nr_open: u32, cloexec: bool) -> Result<i32> {
        let mut bits = self.bits.borrow_mut();
        let from = from as usize;
        let fd = bits.open.next_clear(from.max(self.next_fd.get()));
        if fd as u64 >= end.min(u64::from(nr_open)) {
            return Err(Errno::EMFILE);
        }
        let raw = i32::try_from(fd).map_err(|_| Errno::EMFILE)?;
        self.slot_or_init(raw).ok_or(Errno::EMFILE)?;
        bits.open.set(fd);
        if cloexec {
            bits.close_on_exec.set(fd);
        } else {
            bits.close_on_exec.clear(fd);
        }
        if from <= self.next_fd.get() {
            self.next_fd.set(fd + 1);
        }
        Ok(raw)
    }

    /// Give a descriptor back that was only reserved (`put_unused_fd`).
    pub(crate) fn put_unused(&self, fd: i32) {
        if let Ok(fd) = usize::try_from(fd) {
            self.bits.borrow_mut().open.clear(fd);
            self.next_fd.set(self.next_fd.get().min(fd));
        }
    }

    /// Put a file at a reserved descriptor (`fd_install`); gives the file back if it was not.
    pub(crate) fn install(&self, fd: i32, file: Arc<File>) -> core::result::Result<(), Arc<File>> {
        match self.slot(fd).map(RefCell::try_borrow_mut) {
            Some(Ok(mut slot)) if slot.is_none() && self.is_taken(fd) => {
                *slot = Some(file);
                Ok(())
            }
            _ => Err(file),
        }
    }

    /// Put a file at a descriptor, whatever is there, and mark it (`do_dup2`): gives what was there.
    pub(crate) fn replace(
        &self,
        fd: i32,
        file: Arc<File>,
        cloexec: bool,
    ) -> core::result::Result<Option<Arc<File>>, Arc<File>> {
        let Some(Ok(mut slot)) = self.slot_or_init(fd).map(RefCell::try_borrow_mut) else {
            return Err(file);
        };
        if slot.is_none() && self.is_taken(fd) {
            return Err(file);
        }
        let old = slot.replace(file);
        let mut bits = self.bits.borrow_mut();
        let fd = fd as usize;
        bits.open.set(fd);
        if cloexec {
            bits.close_on_exec.set(fd);
        } else {
            bits.close_on_exec.clear(fd);
        }
        Ok(old)
    }

    /// Take a file out (`file_close_fd`).
    ///
    /// `Ok(None)` if a call of this very thread is looking at it: the file goes when that call is over ([`FdTable::take_doomed`]).
    pub(crate) fn take(&self, fd: i32) -> Result<Option<Arc<File>>> {
        let slot = self.slot(fd).ok_or(Errno::EBADF)?;
        let Ok(mut slot) = slot.try_borrow_mut() else {
            let mut doomed = self.doomed.borrow_mut();
            if doomed.contains(&fd) {
                return Err(Errno::EBADF);
            }
            doomed.push(fd);
            return Ok(None);
        };
        let file = slot.take().ok_or(Errno::EBADF)?;
        drop(slot);
        self.put_unused(fd);
        Ok(Some(file))
    }

    /// Whether a closing waits for the end of a look.
    #[inline]
    pub(crate) fn has_doomed(&self) -> bool {
        !self.doomed.borrow().is_empty()
    }

    /// A file whose closing had to wait and need not any more.
    #[inline]
    pub(crate) fn take_doomed(&self) -> Option<Arc<File>> {
        let mut doomed = self.doomed.borrow_mut();
        let i =
            doomed.iter().position(|&fd| self.slot(fd).is_some_and(|slot| slot.try_borrow_mut().is_ok()))?;
        let fd = doomed.swap_remove(i);
        drop(doomed);
        self.take(fd).ok().flatten()
    }

    /// Whether the descriptor closes at `execve(2)`.
    pub(crate) fn close_on_exec(&self, fd: i32) -> bool {
        usize::try_from(fd).is_ok_and(|fd| self.bits.borrow().close_on_exec.get(fd))
    }

    /// Set or clear that.
    pub(crate) fn set_close_on_exec(&self, fd: i32, on: bool) {
        if let Ok(fd) = usize::try_from(fd) {
            let bits = &mut self.bits.borrow_mut().close_on_exec;
            if on {
                bits.set(fd);
            } else {
                bits.clear(fd);
            }
        }
    }

    /// The next taken descriptor from `from` on.
    pub(crate) fn next_taken(&self, from: u32) -> Option<i32> {
        let fd = self.bits.borrow().open.next_set(from as usize)?;
        i32::try_from(fd).ok()
    }

    /// A copy for a new process (`dup_fd`): the same files, without the descriptors that are only reserved, nor those that `keep` refuses.
    pub(crate) fn fork(&self, keep: impl Fn(i32) -> bool) -> FdTable {
        let copy = FdTable {
            bits: self.bits.clone(),
            next_fd: self.next_fd.clone(),
            rlimit: self.rlimit.clone(),
            ..FdTable::default()
        };
        let mut from = 0;
        while let Some(fd) = self.next_taken(from) {
            from = fd as u32 + 1;
            let file = self.with(fd, Arc::clone).ok().filter(|_| keep(fd));
            match (file, copy.slot_or_init(fd)) {
                (Some(file), Some(slot)) => *slot.borrow_mut() = Some(file),
                _ => copy.put_unused(fd),
            }
        }
        copy
    }

    /// The highest piece of memory in use, in descriptors (`FDSize` of `/proc/PID/status`).
    pub(crate) fn size(&self) -> usize {
        (0..PIECES).filter(|&i| self.pieces[i].get().is_some()).map(piece_len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_descriptor_has_its_own_slot() {
        let mut expect = (0, 0);
        for fd in 0..5000 {
            assert_eq!(place(fd), Some(expect), "{fd}");
            expect.1 += 1;
            if expect.1 == piece_len(expect.0) {
                expect = (expect.0 + 1, 0);
            }
        }
        assert!(place(i32::MAX).unwrap().0 < PIECES);
        assert_eq!(place(-1), None);
    }

    #[test]
    fn the_lowest_clear_bit_is_found() {
        let mut bits = Bitmap::default();
        assert_eq!(bits.next_clear(0), 0);
        assert_eq!(bits.next_clear(700), 700);
        for i in 0..10_000 {
            assert_eq!(bits.next_clear(0), i);
            bits.set(i);
        }
        for i in [9_999, 4_096, 4_095, 64, 63, 1] {
            bits.clear(i);
            assert_eq!(bits.next_clear(0), i);
            assert_eq!(bits.next_clear(i), i);
        }
        assert_eq!(bits.next_clear(2), 63);
        assert_eq!(bits.next_clear(65), 4_095);
        assert_eq!(bits.next_clear(4_097), 9_999);
        assert_eq!(bits.next_set(1), Some(2));
        assert_eq!(bits.next_set(9_999), None);
    }
}
