//! Namespaces on a wire, in virtual time.

#![forbid(unsafe_code)]
