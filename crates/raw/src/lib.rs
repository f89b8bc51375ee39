//! Raw and ping sockets.

#![forbid(unsafe_code)]
