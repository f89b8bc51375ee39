//! What IP does for the options, control messages and errors of a raw or ping socket: one place to
//! call it from.

use ip::InetProto;
use ip::output::Ipcm;
use ip::protocol::IcmpError;
use net::msg::{MsgHdr, RecvMsg};
use net::{Cx, Skb, Sock, UserCx};
use uapi::{Errno, InetAddr, Result};

/// What the control messages of a send ask of IP.
pub(crate) fn cmsg_send<P: InetProto>(_cx: &UserCx<'_>, _sk: &Sock<P>, _msg: &MsgHdr<'_>) -> Result<Ipcm> {
    Ok(Ipcm::default())
}

/// The control messages a reader asked for.
#[inline]
pub(crate) fn cmsg_recv<P: InetProto>(_cx: &UserCx<'_>, _sk: &Sock<P>, _skb: &Skb, _msg: &mut RecvMsg<'_>) {}

/// `MSG_ERRQUEUE`.
pub(crate) fn recv_error<P: InetProto>(
    cx: &UserCx<'_>,
    sk: &Sock<P>,
    msg: &mut RecvMsg<'_>,
) -> Result<usize> {
    ip::errqueue::recv(cx, sk, P::inet_shared(&sk.shared), msg)
}

/// True when the socket wants errors in its queue (`IP_RECVERR`, `IPV6_RECVERR`).
pub(crate) fn wants_errors<P: InetProto>(sk: &Sock<P>, v6: bool) -> bool {
    ip::errqueue::wants(P::inet_shared(&sk.shared), v6)
}

/// Queues an ICMP error.
pub(crate) fn icmp_error<P: InetProto>(_cx: &Cx<'_>, _sk: &Sock<P>, _error: &IcmpError<'_>, _errno: Errno) {}

/// Queues an error that this host found by itself.
pub(crate) fn local_error<P: InetProto>(
    _cx: &Cx<'_>,
    _sk: &Sock<P>,
    _errno: Errno,
    _to: (InetAddr, u16),
    _mtu: u32,
) {
}
