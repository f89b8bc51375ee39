//! A queue of buffers (`struct sk_buff_head`), without its lock: whoever owns the queue says what
//! guards it.

use super::Skb;
use std::collections::VecDeque;

/// Buffers in order, with the sum of their lengths.
#[derive(Default)]
pub struct SkbQueue {
    skbs: VecDeque<Skb>,
}

impl SkbQueue {
    /// Appends (`__skb_queue_tail`).
    #[inline]
    pub fn push_back(&mut self, skb: Skb) {
        self.skbs.push_back(skb);
    }

    /// Prepends (`__skb_queue_head`).
    pub fn push_front(&mut self, skb: Skb) {
        self.skbs.push_front(skb);
    }

    /// Takes the first (`__skb_dequeue`).
    #[inline]
    pub fn pop_front(&mut self) -> Option<Skb> {
        self.skbs.pop_front()
    }

    /// Takes the one at `index`.
    pub fn remove(&mut self, index: usize) -> Option<Skb> {
        self.skbs.remove(index)
    }

    /// Looks at the first (`skb_peek`).
    #[inline]
    pub fn front(&self) -> Option<&Skb> {
        self.skbs.front()
    }

    /// Looks at the first.
    pub fn front_mut(&mut self) -> Option<&mut Skb> {
        self.skbs.front_mut()
    }

    /// Looks at the one at `index`.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Skb> {
        self.skbs.get_mut(index)
    }

    /// Looks at the last (`skb_peek_tail`).
    pub fn back_mut(&mut self) -> Option<&mut Skb> {
        self.skbs.back_mut()
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Skb> {
        self.skbs.iter()
    }

    /// How many (`skb_queue_len`).
    #[inline]
    pub fn len(&self) -> usize {
        self.skbs.len()
    }

    /// True when there is none (`skb_queue_empty`).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.skbs.is_empty()
    }
}
