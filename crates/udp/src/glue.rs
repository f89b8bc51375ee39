//! What IP does for the options, control messages and errors of a datagram socket: one place to
//! call it from.

use crate::Udp;
use ip::output::Ipcm;
use ip::protocol::IcmpError;
use net::msg::{MsgHdr, RecvMsg};
use net::{Cx, Skb, Sock, UserCx};
use uapi::{Errno, InetAddr, Result};

/// What the control messages of a send ask of IP.
pub(crate) fn cmsg_send(_cx: &UserCx<'_>, _sk: &Sock<Udp>, _msg: &MsgHdr<'_>) -> Result<Ipcm> {
    Ok(Ipcm::default())
}

/// The control messages a reader asked for.
#[inline]
pub(crate) fn cmsg_recv(_cx: &UserCx<'_>, _sk: &Sock<Udp>, _skb: &Skb, _msg: &mut RecvMsg<'_>) {}

/// `MSG_ERRQUEUE`.
pub(crate) fn recv_error(cx: &UserCx<'_>, sk: &Sock<Udp>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    ip::errqueue::recv(cx, sk, &sk.shared.inet, msg)
}

/// True when the socket wants errors in its queue (`IP_RECVERR`, `IPV6_RECVERR`).
pub(crate) fn wants_errors(sk: &Sock<Udp>, v6: bool) -> bool {
    ip::errqueue::wants(&sk.shared.inet, v6)
}

/// Queues an ICMP error.
pub(crate) fn icmp_error(_cx: &Cx<'_>, _sk: &Sock<Udp>, _error: &IcmpError<'_>, _errno: Errno) {}

/// Queues an error that this host found by itself.
pub(crate) fn local_error(_cx: &Cx<'_>, _sk: &Sock<Udp>, _errno: Errno, _to: (InetAddr, u16), _mtu: u32) {}
