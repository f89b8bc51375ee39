//! The User Datagram Protocol.

#![forbid(unsafe_code)]
