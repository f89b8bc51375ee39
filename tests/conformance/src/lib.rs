//! Ordinary programs, run natively and under Sockeye, must not tell the difference.
//!
//! A [`Case`] is a script in `programs/` that starts servers and clients and prints what they
//! saw in canonical form: no ports, no times, no speeds. It runs on the host's stack and under
//! `sockeye run`, as root and as a user without any capability, and the two outputs must be
//! the same text.
//!
//! Where root allows it, each run has a network namespace of its own. Natively that keeps runs
//! apart; for Sockeye the namespace plays the host, on which not one packet may appear.

#![forbid(unsafe_code)]

mod binary;
mod bounded;
mod case;
mod host;
mod place;
mod scratch;

pub use binary::sockeye;
pub use bounded::{Ended, Watched};
pub use case::Case;
pub use host::HostReport;
pub use place::{Stack, User, can_isolate};
pub use scratch::Scratch;

/// Declares the tests of some cases: `natively` shows that the script itself is sound, `as_root`
/// and `as_nobody` compare the host with Sockeye. Attributes go to those two.
#[macro_export]
macro_rules! cases {
    ($($(#[$attr:meta])* $name:ident = $case:expr;)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use $crate::User;

            fn case() -> $crate::Case {
                $case
            }

            #[test]
            fn natively() {
                case().natively();
            }

            $(#[$attr])*
            #[test]
            fn as_root() {
                case().compare(User::Root);
            }

            $(#[$attr])*
            #[test]
            fn as_nobody() {
                case().compare(User::Nobody);
            }
        }
    )+};
}
