//! State that few objects ever change: a word each until they do.

use std::ops::{Deref, DerefMut};

/// What a [`Rarely`] shows until it is changed: the same as `Default`.
pub trait AtRest: Default + 'static {
    /// The value.
    const AT_REST: &'static Self;
}

/// A value on the heap, or none while it is as it was at first.
///
/// Reading costs a look; the first change allocates. So that nothing is allocated for nothing, ask before setting what may be
/// set already.
///
/// ```
/// use sockeye_kern::rarely::{AtRest, Rarely};
///
/// #[derive(Default)]
/// struct Options {
///     ttl: u8,
/// }
/// impl AtRest for Options {
///     const AT_REST: &'static Options = &Options { ttl: 0 };
/// }
///
/// let mut options = Rarely::<Options>::default();
/// assert_eq!(options.ttl, 0);
/// options.ttl = 64;
/// assert_eq!(options.ttl, 64);
/// assert_eq!(size_of_val(&options), size_of::<usize>());
/// ```
pub struct Rarely<T>(Option<Box<T>>);

impl<T> Default for Rarely<T> {
    fn default() -> Self {
        Rarely(None)
    }
}

impl<T: Clone> Clone for Rarely<T> {
    fn clone(&self) -> Self {
        Rarely(self.0.clone())
    }
}

impl<T: AtRest> Deref for Rarely<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::AT_REST)
    }
}

impl<T: AtRest> DerefMut for Rarely<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}
