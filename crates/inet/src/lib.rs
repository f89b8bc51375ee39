//! AF_INET and AF_INET6: the room that names every transport protocol.

#![forbid(unsafe_code)]
