//! AF_PACKET.

#![forbid(unsafe_code)]
