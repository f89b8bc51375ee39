//! A queue that mostly holds one element: it lies in place, and only what is behind it needs memory.
//!
//! A connection that is asked and answers has one segment in each queue and touches no heap; an idle
//! one holds none.

use std::collections::VecDeque;

/// A queue.
pub struct Fifo<T> {
    /// `None` only when the queue is empty.
    first: Option<T>,
    /// What is behind the first; kept once it was needed.
    #[allow(clippy::box_collection, reason = "a word is all that nearly every queue has of it")]
    rest: Option<Box<VecDeque<T>>>,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo::NEW
    }
}

impl<T> Fifo<T> {
    /// An empty queue.
    pub const NEW: Self = Fifo { first: None, rest: None };

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    /// True when there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The `i`th.
    #[inline]
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&T> {
        match i.checked_sub(1) {
            None => self.first.as_ref(),
            Some(i) => self.rest.as_ref()?.get(i),
        }
    }

    /// The `i`th.
    #[inline]
    pub fn get_mut(&mut self, i: usize) -> Option<&mut T> {
        match i.checked_sub(1) {
            None => self.first.as_mut(),
            Some(i) => self.rest.as_mut()?.get_mut(i),
        }
    }

    /// The first.
    #[inline]
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        self.first.as_ref()
    }

    /// The last.
    #[inline]
    #[must_use]
    pub fn back(&self) -> Option<&T> {
        self.rest.as_ref().and_then(|rest| rest.back()).or(self.first.as_ref())
    }

    /// The last.
    #[inline]
    pub fn back_mut(&mut self) -> Option<&mut T> {
        match &mut self.rest {
            Some(rest) if !rest.is_empty() => rest.back_mut(),
            _ => self.first.as_mut(),
        }
    }

    /// Appends.
    #[inline]
    pub fn push_back(&mut self, value: T) {
        match self.first {
            None => self.first = Some(value),
            Some(_) => self.rest.get_or_insert_default().push_back(value),
        }
    }

    /// Takes the first.
    #[inline]
    pub fn pop_front(&mut self) -> Option<T> {
        let first = self.first.take();
        if let Some(rest) = &mut self.rest {
            self.first = rest.pop_front();
        }
        first
    }

    /// Takes the last.
    pub fn pop_back(&mut self) -> Option<T> {
        self.rest.as_mut().and_then(|rest| rest.pop_back()).or_else(|| self.first.take())
    }

    /// Puts one in at `i`, which is at most the length.
    pub fn insert(&mut self, i: usize, value: T) {
        match i.checked_sub(1) {
            Some(i) => self.rest.get_or_insert_default().insert(i, value),
            None => {
                if let Some(second) = self.first.replace(value) {
                    self.rest.get_or_insert_default().push_front(second);
                }
            }
        }
    }

    /// Takes the `i`th.
    pub fn remove(&mut self, i: usize) -> Option<T> {
        match i.checked_sub(1) {
            None => self.pop_front(),
            Some(i) => self.rest.as_mut()?.remove(i),
        }
    }

    /// The index of the first for which `before` is false; those before it come first.
    #[must_use]
    pub fn partition_point(&self, mut before: impl FnMut(&T) -> bool) -> usize {
        match &self.first {
            Some(first) if before(first) => {
                1 + self.rest.as_ref().map_or(0, |rest| rest.partition_point(before))
            }
            _ => 0,
        }
    }

    /// All, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    /// All, in order.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.first.iter_mut().chain(self.rest.iter_mut().flat_map(|rest| rest.iter_mut()))
    }

    /// Lets go of memory that is not needed.
    pub fn shrink(&mut self) {
        if self.rest.as_ref().is_some_and(|rest| rest.is_empty()) {
            self.rest = None;
        }
    }
}

impl<T> From<VecDeque<T>> for Fifo<T> {
    fn from(mut all: VecDeque<T>) -> Self {
        Fifo { first: all.pop_front(), rest: (!all.is_empty()).then(|| Box::new(all)) }
    }
}

impl<T> From<Fifo<T>> for VecDeque<T> {
    fn from(queue: Fifo<T>) -> Self {
        let mut all = queue.rest.map_or_else(VecDeque::new, |rest| *rest);
        if let Some(first) = queue.first {
            all.push_front(first);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One operation on both queues; the answers are the same.
    fn apply(op: (u8, usize), n: u32, ours: &mut Fifo<u32>, model: &mut VecDeque<u32>) {
        let (op, i) = (op.0 % 8, op.1 % (model.len() + 1));
        match op {
            0 | 1 => {
                ours.push_back(n);
                model.push_back(n);
            }
            2 => assert_eq!(ours.pop_front(), model.pop_front()),
            3 => assert_eq!(ours.pop_back(), model.pop_back()),
            4 => {
                ours.insert(i, n);
                model.insert(i, n);
            }
            5 => assert_eq!(ours.remove(i), model.remove(i)),
            6 => ours.shrink(),
            _ => {
                let all: VecDeque<u32> = std::mem::take(ours).into();
                *ours = all.into();
            }
        }
        assert_eq!(ours.len(), model.len());
        assert_eq!(ours.is_empty(), model.is_empty());
        assert_eq!(ours.front(), model.front());
        assert_eq!(ours.back(), model.back());
        assert_eq!(ours.back_mut(), model.back_mut());
        assert_eq!(ours.get(i), model.get(i));
        assert_eq!(ours.get_mut(i), model.get_mut(i));
        assert!(ours.iter().eq(model.iter()) && ours.iter().rev().eq(model.iter().rev()));
        assert!(ours.iter_mut().eq(model.iter_mut()));
    }

    proptest! {
        #[test]
        fn it_is_a_deque(ops in proptest::collection::vec((0u8..8, 0usize..64), 0..200)) {
            let (mut ours, mut model) = (Fifo::default(), VecDeque::new());
            for (n, op) in ops.into_iter().enumerate() {
                apply(op, n as u32, &mut ours, &mut model);
            }
        }

        #[test]
        fn a_sorted_one_is_searched(n in 0u32..40, at in 0u32..50) {
            let ours: Fifo<u32> = (0..n).collect::<VecDeque<_>>().into();
            prop_assert_eq!(ours.partition_point(|&v| v < at), at.min(n) as usize);
        }
    }
}
