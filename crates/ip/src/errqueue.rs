//! The error queue of sockets of the internet families (`IP_RECVERR`, `IPV6_RECVERR`).

use crate::sock::{InetShared, shared_flag};
use net::UserCx;
use net::msg::RecvMsg;
use net::sock::SockCommon;
use uapi::{Errno, Result};

/// Whether the socket asked for errors of this family.
pub fn wants(shared: &InetShared, v6: bool) -> bool {
    shared.flag(if v6 { shared_flag::RECVERR6 } else { shared_flag::RECVERR })
}

/// `MSG_ERRQUEUE`: the next message.
///
/// # Errors
/// `EAGAIN` when there is none.
pub fn recv(
    _cx: &UserCx<'_>,
    _sk: &SockCommon,
    _shared: &InetShared,
    _msg: &mut RecvMsg<'_>,
) -> Result<usize> {
    Err(Errno::EAGAIN)
}
