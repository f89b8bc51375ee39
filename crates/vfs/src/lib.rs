//! Files, descriptors, poll and epoll.

#![forbid(unsafe_code)]
