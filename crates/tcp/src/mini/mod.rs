//! Small stand-ins for socks (`tcp_minisocks.c`): a connection that is not one yet, and one that is
//! no more.

pub mod listen;
pub mod request;
pub mod timewait;
