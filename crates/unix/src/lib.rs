//! AF_UNIX.

#![forbid(unsafe_code)]
