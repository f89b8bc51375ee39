//! What only IPv6 has: input, extension headers.

pub mod exthdrs;
pub mod input;
pub mod txopt;
