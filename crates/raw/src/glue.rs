//! What IP does for the options, control messages and errors of a raw or ping socket: one place to
//! call it from.

use ip::InetProto;
use ip::output::Ipcm;
use ip::protocol::IcmpError;
use net::msg::{MsgHdr, RecvMsg};
use net::{Cx, Skb, Sock, UserCx};
use uapi::{Errno, InetAddr, Result};

/// What the control messages of a send ask of IP.
pub(crate) fn cmsg_send<P: InetProto>(cx: &UserCx<'_>, sk: &Sock<P>, msg: &MsgHdr<'_>) -> Result<Ipcm> {
    ip::cmsg::send(cx, sk, P::inet_shared(&sk.shared), msg)
}

/// The control messages a reader asked for.
#[inline]
pub(crate) fn cmsg_recv<P: InetProto>(cx: &UserCx<'_>, sk: &Sock<P>, skb: &Skb, msg: &mut RecvMsg<'_>) {
    ip::cmsg::recv(cx, sk, P::inet_shared(&sk.shared), skb, msg);
}

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
pub(crate) fn icmp_error<P: InetProto>(cx: &Cx<'_>, sk: &Sock<P>, error: &IcmpError<'_>, errno: Errno) {
    ip::errqueue::icmp_error(cx, sk, error, errno);
}

/// Queues an error that this host found by itself.
pub(crate) fn local_error<P: InetProto>(
    cx: &Cx<'_>,
    sk: &Sock<P>,
    errno: Errno,
    to: (InetAddr, u16),
    mtu: u32,
) {
    ip::errqueue::local_error(cx, sk, P::inet_shared(&sk.shared), errno, to.0, to.1, mtu);
}
