//! What happens when a call is made (`tcp.c`): one file for each.

pub mod accept;
pub mod close;
pub mod connect;
pub mod disconnect;
pub mod info;
pub mod ioctl;
pub mod listen;
pub mod lowat;
pub mod poll;
pub mod recvmsg;
pub mod repair;
pub mod sendmsg;
pub mod shutdown;
pub mod sockopt;
pub mod txstamp;
pub mod zerocopy;
