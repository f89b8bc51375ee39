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

/// A value, and the next one of the same place, of another type.
struct Link {
    value: Tagged<dyn Any + Send + Sync>,
    next: Place,
}

type Place = OnceLock<Box<Link>>;

/// `N` places, each for values of different types, set once. Who is alone in a place is found at its first look.
pub struct Slots<const N: usize>([Place; N]);

impl<const N: usize> Default for Slots<N> {
    fn default() -> Self {
        Slots([const { OnceLock::new() }; N])
    }
}

impl<const N: usize> Slots<N> {
    /// The value of type `T` in a place, if there is one.
    #[inline]
    pub fn get<T: Any + Send + Sync>(&self, slot: usize) -> Option<&T> {
        let mut place = self.0.get(slot)?;
        loop {
            let link = place.get()?;
            if let Some(value) = link.value.get() {
                return Some(value);
            }
            place = &link.next;
        }
    }

    /// Puts a value into a place.
    ///
    /// # Errors
    /// Gives the value back when the place has one of its type, or there is no such place.
    pub fn set<T: Any + Send + Sync>(&self, slot: usize, value: T) -> Result<(), Box<dyn Any + Send + Sync>> {
        let mut link = Box::new(Link { value: Tagged::new_sync(value), next: OnceLock::new() });
        let Some(mut place) = self.0.get(slot) else { return Err(link.value.value) };
        loop {
            match place.set(link) {
                Ok(()) => return Ok(()),
                Err(back) => link = back,
            }
            // Taken: behind whoever is there.
            match place.get() {
                Some(there) if there.value.id == link.value.id => return Err(link.value.value),
                Some(there) => place = &there.next,
                None => {}
            }
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
        assert!(slots.set(0, 6i32).is_ok());
        assert_eq!((slots.get::<u32>(0), slots.get::<i32>(0)), (Some(&5), Some(&6)));
        let refused = slots.set(0, 7u32).unwrap_err();
        assert_eq!(*refused.downcast::<u32>().unwrap(), 7);
        assert!(slots.set(2, ()).is_err());
        assert!(slots.get::<()>(2).is_none());
    }
}
