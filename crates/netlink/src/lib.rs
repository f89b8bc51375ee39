//! AF_NETLINK.

#![forbid(unsafe_code)]
