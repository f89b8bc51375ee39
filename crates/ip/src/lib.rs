//! IPv4 and IPv6 below the transport protocols.

#![forbid(unsafe_code)]
