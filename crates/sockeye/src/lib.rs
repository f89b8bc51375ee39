//! The Linux socket layer and its INET family in user space.

#![forbid(unsafe_code)]
