//! Places for what rooms above keep with an object of a room below (`net_generic`, `dev->ip_ptr`).
//!
//! The object does not know the types, and packets ask for them all the time. `Any` answers by a
//! call through its table; here the type's name lies beside the value, and is compared in place.

#![allow(unsafe_code, reason = "a value is taken for the type it was put in as")]

use std::any::{Any, TypeId};
use std::sync::OnceLock;

/// A value and the name of its type. `D` is `dyn Any` with what else is known of it.
pub(crate) struct Tagged<D: ?Sized> {
    id: TypeId,
    value: Box<D>,
}

impl Tagged<dyn Any + Send> {
    pub(crate) fn new<T: Any + Send>(value: T) -> Self {
        Tagged { id: TypeId::of::<T>(), value: Box::new(value) }
    }
}

impl Tagged<dyn Any + Send + Sync> {
    fn new_sync<T: Any + Send + Sync>(value: T) -> Self {
        Tagged { id: TypeId::of::<T>(), value: Box::new(value) }
    }
}

impl<D: ?Sized> Tagged<D> {
    /// The value, if it is a `T`.
    #[inline]
    pub(crate) fn get<T: Any>(&self) -> Option<&T> {
        if self.id != TypeId::of::<T>() {
            return None;
        }
        // SAFETY: both constructors noted the type of what they boxed, and nothing changes either.
        Some(unsafe { &*(&raw const *self.value).cast::<T>() })
    }
}

/// `N` places, each for a value of some type, set once.
pub struct Slots<const N: usize>([OnceLock<Tagged<dyn Any + Send + Sync>>; N]);

impl<const N: usize> Default for Slots<N> {
    fn default() -> Self {
        Slots([const { OnceLock::new() }; N])
    }
}

impl<const N: usize> Slots<N> {
    /// What is in a place; `None` if nothing is, or something of another type.
    #[inline]
    pub fn get<T: Any + Send + Sync>(&self, slot: usize) -> Option<&T> {
        self.0.get(slot)?.get()?.get()
    }

    /// Fills a place.
    ///
    /// # Errors
    /// Gives the value back when the place is taken, or there is none.
    pub fn set<T: Any + Send + Sync>(&self, slot: usize, value: T) -> Result<(), Box<dyn Any + Send + Sync>> {
        let tagged = Tagged::new_sync(value);
        match self.0.get(slot) {
            Some(place) => place.set(tagged).map_err(|tagged| tagged.value),
            None => Err(tagged.value),
        }
    }
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_own_type_only() {
        let slots = Slots::<2>::default();
        assert!(slots.get::<u32>(0).is_none());
        assert!(slots.set(0, 5u32).is_ok());
        assert_eq!(slots.get::<u32>(0), Some(&5));
        assert!(slots.get::<i32>(0).is_none());
        let refused = slots.set(0, String::from("again")).unwrap_err();
        assert_eq!(*refused.downcast::<String>().unwrap(), "again");
        assert!(slots.set(2, ()).is_err());
        assert!(slots.get::<()>(2).is_none());
    }
}
