//! A place that is filled once: cheaper than `OnceLock`, because nobody ever waits for it.

use super::prim::{AtomicU32, DataCell, Ordering};

const EMPTY: u32 = 0;
const FILLING: u32 = 1;
const FULL: u32 = 2;

/// A place for one value, filled once. While it is being filled it looks empty.
pub struct SetOnce<T> {
    state: AtomicU32,
    value: DataCell<Option<T>>,
}

// SAFETY: the value is written before anybody can see it, and from then on only read.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}
// SAFETY: nothing in it is tied to a thread.
unsafe impl<T: Send> Send for SetOnce<T> {}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        SetOnce { state: AtomicU32::new(EMPTY), value: DataCell::new(None) }
    }
}

impl<T> SetOnce<T> {
    /// An empty place.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.state.load(Ordering::Acquire) != FULL {
            return None;
        }
        // SAFETY: it is full, and nobody writes a full place without `&mut`.
        unsafe { (*self.value.ptr()).as_ref() }
    }

    /// Fills the place.
    ///
    /// # Errors
    /// Gives the value back when somebody filled it, or is about to.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        if self.state.compare_exchange(EMPTY, FILLING, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return Err(value);
        }
        // SAFETY: we alone moved it from empty to filling, and nobody reads before it is full. What is
        // overwritten is `None`.
        unsafe { *self.value.ptr_mut() = Some(value) };
        self.state.store(FULL, Ordering::Release);
        Ok(())
    }

    /// Empties the place.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        self.state = AtomicU32::new(EMPTY);
        // SAFETY: `&mut self` is the only reference.
        unsafe { (*self.value.ptr_mut()).take() }
    }
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;

    #[test]
    fn once() {
        let mut place = SetOnce::new();
        assert_eq!(place.get(), None);
        assert_eq!(place.set(1), Ok(()));
        assert_eq!(place.set(2), Err(2));
        assert_eq!(place.get(), Some(&1));
        assert_eq!(place.take(), Some(1));
        assert_eq!(place.get(), None);
        assert_eq!(place.set(3), Ok(()));
    }
}
