//! What IP does for the options, control messages and errors of a datagram socket: one place to
//! call it from.

use crate::Udp;
use ip::output::Ipcm;
use ip::protocol::IcmpError;
use net::msg::{MsgHdr, RecvMsg};
use net::{Cx, Skb, Sock, UserCx};
use uapi::{Errno, InetAddr, Result};

/// What the control messages of a send ask of IP.
pub(crate) fn cmsg_send(cx: &UserCx<'_>, sk: &Sock<Udp>, msg: &MsgHdr<'_>, v4: bool) -> Result<Ipcm> {
    let ask = if v4 { ip::cmsg::send_v4 } else { ip::cmsg::send };
    ask(cx, sk, &sk.shared.inet, msg)
}

/// The control messages a reader asked for.
#[inline]
pub(crate) fn cmsg_recv(cx: &UserCx<'_>, sk: &Sock<Udp>, skb: &Skb, msg: &mut RecvMsg<'_>) {
    ip::cmsg::recv(cx, sk, &sk.shared.inet, skb, msg);
}

/// `MSG_ERRQUEUE`.
pub(crate) fn recv_error(cx: &UserCx<'_>, sk: &Sock<Udp>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    ip::errqueue::recv(cx, sk, &sk.shared.inet, msg)
}

/// True when the socket wants errors in its queue (`IP_RECVERR`, `IPV6_RECVERR`).
pub(crate) fn wants_errors(sk: &Sock<Udp>, v6: bool) -> bool {
    ip::errqueue::wants(&sk.shared.inet, v6)
}

/// Queues an ICMP error.
pub(crate) fn icmp_error(cx: &Cx<'_>, sk: &Sock<Udp>, error: &IcmpError<'_>, errno: Errno) {
    ip::errqueue::icmp_error(cx, sk, error, errno);
}

/// Queues an error that this host found by itself.
pub(crate) fn local_error(cx: &Cx<'_>, sk: &Sock<Udp>, errno: Errno, to: (InetAddr, u16), mtu: u32) {
    ip::errqueue::local_error(cx, sk, &sk.shared.inet, errno, to.0, to.1, mtu);
}
