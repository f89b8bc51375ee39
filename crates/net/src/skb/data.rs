//! Bytes in and out of a buffer: from the user, to the user, split, cloned, summed.

use super::{Frag, LINEAR_MAX, Meta, SkBuff, Skb};
use crate::cx::Cx;
use std::sync::Arc;
use vfs::iov::{IovSink, IovSource};
use wire::checksum::Wsum;

/// A fragment that grows past this is closed and another begun.
const FRAG_MAX: usize = 64 * 1024;

/// Moves up to `n` bytes from the user behind those of `buf`, within its capacity.
fn append_to(from: &mut IovSource<'_>, buf: &mut Vec<u8>, n: usize) -> usize {
    let n = n.min(buf.capacity() - buf.len());
    let mut left = n;
    while left > 0 {
        let chunk = from.next_chunk();
        let chunk = &chunk[..chunk.len().min(left)];
        if chunk.is_empty() {
            break;
        }
        buf.extend_from_slice(chunk);
        left -= chunk.len();
        from.advance(chunk.len());
    }
    n - left
}

impl Skb {
    /// Appends up to `len` bytes from the user; returns how many there were
    /// (`skb_add_data`, `skb_copy_to_page_nocache`). Small data goes to the linear part.
    #[inline]
    pub fn append_from(&mut self, cx: &Cx<'_>, from: &mut IovSource<'_>, len: usize) -> usize {
        let len = len.min(from.remaining());
        let is_small = self.frags.is_empty() && self.linear_len() + len <= LINEAR_MAX;
        if is_small && let Some(room) = self.put(len) {
            return from.copy_to(room);
        }
        self.append_frags(cx, from, len)
    }

    fn append_frags(&mut self, cx: &Cx<'_>, from: &mut IovSource<'_>, len: usize) -> usize {
        let mut left = len;
        if let Some(last) = self.frags.last_mut()
            && (last.off + last.len) as usize == last.buf.len()
            && let Some(buf) = Arc::get_mut(&mut last.buf)
        {
            let n = left.min(buf.capacity() - buf.len());
            let n = append_to(from, buf, n);
            last.len += n as u32;
            self.meta.data_len += n as u32;
            left -= n;
        }
        while left > 0 {
            let mut buf = cx.cpu.pool.page(&cx.net.depot, left.min(FRAG_MAX));
            // A page from the pool is not shared.
            let Some(bytes) = Arc::get_mut(&mut buf) else { break };
            let n = append_to(from, bytes, left);
            if n == 0 {
                break;
            }
            self.frags.push(Frag { buf, off: 0, len: n as u32 });
            self.meta.data_len += n as u32;
            left -= n;
        }
        len - left
    }

    /// Appends bytes that the stack itself holds.
    pub fn append(&mut self, cx: &Cx<'_>, bytes: &[u8]) {
        let slice = [std::io::IoSlice::new(bytes)];
        let mut from = IovSource::new(&slice);
        self.append_from(cx, &mut from, bytes.len());
    }

    /// A second handle on the same packet (`skb_clone`): the linear part is copied, fragments are
    /// shared. The owner stays with the original.
    pub fn clone_in(&self, cx: &Cx<'_>) -> Skb {
        let mut new = cx.alloc_skb();
        let (from, to) = (
            usize::from(self.meta.data.min(self.meta.mac).min(self.meta.network)),
            usize::from(self.meta.tail),
        );
        new.head[from..to].copy_from_slice(&self.head[from..to]);
        let n = &mut *new;
        let origin = self.meta.origin.unwrap_or((self.place, cx.net.depot.shares.now(self.place)));
        n.meta = Meta { peeked: false, origin: Some(origin), ..self.meta };
        if !self.frags.is_empty() {
            n.frags.extend_from_slice(&self.frags);
        }
        new
    }

    /// Cuts the packet in two: `self` keeps the first `at` bytes, the rest is returned
    /// (`skb_split`). Header offsets and notes are copied; `truesize` is the caller's to settle.
    pub fn split_off(&mut self, cx: &Cx<'_>, at: usize) -> Skb {
        let mut rest = cx.alloc_skb();
        rest.protocol = self.protocol;
        rest.mark = self.mark;
        rest.priority = self.priority;
        rest.ip_summed = self.ip_summed;
        let linear = self.linear_len();
        if at < linear {
            let moved = linear - at;
            let from = usize::from(self.meta.data) + at;
            if let Some(room) = rest.put(moved) {
                room.copy_from_slice(&self.head[from..from + moved]);
            }
            self.meta.tail -= moved as u16;
            rest.frags.append(&mut self.frags);
            rest.data_len = std::mem::take(&mut self.meta.data_len);
            return rest;
        }
        let mut skip = (at - linear) as u32;
        let mut keep = self.frags.len();
        for i in self.frag_range() {
            let len = self.frags[i].len;
            if skip < len {
                keep = i;
                break;
            }
            skip -= len;
        }
        let mut moved = self.frags.split_off(keep);
        if skip > 0
            && let Some(first) = moved.first_mut()
        {
            self.frags.push(Frag { buf: first.buf.clone(), off: first.off, len: skip });
            first.off += skip;
            first.len -= skip;
        }
        rest.data_len = moved.iter().map(|frag| frag.len).sum();
        self.meta.data_len -= rest.data_len;
        rest.frags.append(&mut moved);
        rest
    }

    /// Takes all bytes of `other` behind its `data` to the end of this packet (`skb_try_coalesce`).
    pub fn append_skb(&mut self, cx: &Cx<'_>, mut other: Skb) {
        if other.linear_len() > 0 {
            let head = other.head;
            let range = usize::from(other.data)..usize::from(other.tail);
            self.append(cx, &head[range]);
        }
        let taken = std::mem::take(&mut other.data_len);
        self.meta.data_len += taken;
        let o = &mut *other;
        self.frags.append(&mut o.frags);
        cx.consume_skb(other);
    }

    /// Drops `n` bytes at the front, across fragments (`__skb_pull` with `pskb_may_pull`); at most
    /// all.
    pub fn trim_front(&mut self, cx: &Cx<'_>, n: usize) {
        let linear = n.min(self.linear_len());
        self.meta.data += linear as u16;
        let mut left = (n - linear) as u32;
        let mut gone = 0;
        for frag in &mut self.0.frags {
            let cut = left.min(frag.len);
            frag.off += cut;
            frag.len -= cut;
            self.0.meta.data_len -= cut;
            left -= cut;
            if frag.len > 0 {
                break;
            }
            gone += 1;
        }
        for frag in self.frags.drain(..gone) {
            cx.cpu.pool.free_page(frag.buf, &cx.net.depot);
        }
    }

    /// Keeps the first `len` bytes (`pskb_trim`).
    pub fn trim(&mut self, cx: &Cx<'_>, len: usize) {
        let linear = self.linear_len();
        if len <= linear {
            self.meta.tail = self.meta.data + len as u16;
            self.meta.data_len = 0;
            for frag in self.frags.drain(..) {
                cx.cpu.pool.free_page(frag.buf, &cx.net.depot);
            }
            return;
        }
        let mut left = (len - linear) as u32;
        let mut keep = 0;
        for frag in &mut self.0.frags {
            if left == 0 {
                break;
            }
            frag.len = frag.len.min(left);
            left -= frag.len;
            keep += 1;
        }
        for frag in self.frags.drain(keep..) {
            cx.cpu.pool.free_page(frag.buf, &cx.net.depot);
        }
        self.meta.data_len = (len - linear) as u32 - left;
    }

    /// Makes at least `n` bytes linear, pulling them out of the fragments (`pskb_may_pull`); false
    /// when the packet is shorter or the headers are longer than any linear part.
    #[inline]
    pub fn may_pull(&mut self, n: usize) -> bool {
        n <= self.linear_len() || self.pull_tail(n)
    }

    #[cold]
    fn pull_tail(&mut self, n: usize) -> bool {
        let need = n - self.linear_len();
        if n > self.len() || usize::from(self.meta.tail) + need > super::HEAD_SIZE {
            return false;
        }
        let mut left = need;
        let s = &mut *self.0;
        for frag in &mut s.frags {
            let cut = left.min(frag.len as usize);
            let at = usize::from(s.meta.tail);
            s.head[at..at + cut].copy_from_slice(&frag.buf[frag.off as usize..frag.off as usize + cut]);
            s.meta.tail += cut as u16;
            frag.off += cut as u32;
            frag.len -= cut as u32;
            left -= cut;
            if left == 0 {
                break;
            }
        }
        s.frags.retain(|frag| frag.len > 0);
        s.meta.data_len -= need as u32;
        true
    }
}

impl SkBuff {
    /// Copies `len` bytes, `offset` behind `data`, to the user; returns how many there were
    /// (`skb_copy_datagram_iter`).
    #[inline]
    pub fn copy_to(&self, offset: usize, to: &mut IovSink<'_>, len: usize) -> usize {
        if self.frags.is_empty() {
            let bytes = self.linear().get(offset..).unwrap_or(&[]);
            return to.copy_from(&bytes[..len.min(bytes.len())]);
        }
        self.copy_pieces_to(offset, to, len)
    }

    fn copy_pieces_to(&self, mut offset: usize, to: &mut IovSink<'_>, len: usize) -> usize {
        let mut left = len.min(self.len().saturating_sub(offset));
        let mut done = 0;
        for piece in self.pieces() {
            if offset >= piece.len() {
                offset -= piece.len();
                continue;
            }
            let piece = &piece[offset..];
            offset = 0;
            let n = left.min(piece.len());
            let copied = to.copy_from(&piece[..n]);
            done += copied;
            left -= copied;
            if left == 0 || copied < n {
                break;
            }
        }
        done
    }

    /// Copies bytes from `offset` behind `data` into `out`; returns how many there were
    /// (`skb_copy_bits`).
    pub fn copy_bits(&self, mut offset: usize, out: &mut [u8]) -> usize {
        let mut done = 0;
        for piece in self.pieces() {
            if offset >= piece.len() {
                offset -= piece.len();
                continue;
            }
            let n = (piece.len() - offset).min(out.len() - done);
            out[done..done + n].copy_from_slice(&piece[offset..offset + n]);
            offset = 0;
            done += n;
            if done == out.len() {
                break;
            }
        }
        done
    }

    /// All bytes from `data` on, for tests and captures.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        for piece in self.pieces() {
            out.extend_from_slice(piece);
        }
        out
    }

    /// The sum of all bytes from `offset` behind `data` on (`skb_checksum`).
    pub fn checksum(&self, mut offset: usize) -> Wsum {
        let (mut sum, mut done) = (Wsum::ZERO, 0);
        for piece in self.pieces() {
            if offset >= piece.len() {
                offset -= piece.len();
                continue;
            }
            let piece = &piece[offset..];
            sum = sum.add_block(Wsum::of(piece), done);
            done += piece.len();
            offset = 0;
        }
        sum
    }
}
