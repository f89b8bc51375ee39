//! Locks. They hold no thread-local state and are not poisoned: a panic releases what it held.

#![allow(unsafe_code, reason = "locks hand out references to what they guard")]

mod claim;
mod once;
mod owner;
pub(crate) mod prim;
pub(crate) mod spin;

pub use claim::{Claim, ClaimQueue};
pub use once::SetOnce;
pub use owner::{
    AddBacklog, BacklogItems, BacklogStats, Backlogged, BhGuard, BhLock, OwnedByUser, Owner, OwnerLock,
};
pub use spin::{SpinGuard, SpinLock};
