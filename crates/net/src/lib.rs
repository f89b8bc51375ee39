//! The heart: Socket, Sock, SkBuff, devices and the network namespace.

#![forbid(unsafe_code)]
