//! What only IPv4 has: input, header options, identifications.

pub(crate) mod ident;
pub mod input;
pub mod options;
