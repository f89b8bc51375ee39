//! The tables of operations (`inet_stream_ops`, `inet_dgram_ops`, `inet_sockraw_ops` and their IPv6
//! kin). A table is made for a protocol: what the kernel finds through `sk->sk_prot` is here known
//! when it is compiled.

use crate::bind::inet_bind;
use crate::connect::{inet_accept, inet_dgram_connect, inet_listen, inet_stream_connect};
use crate::fastopen::tcp_sendmsg;
use crate::ioctl::inet_ioctl;
use crate::message::{
    getsockopt, inet_poll, inet_recvmsg, inet_sendmsg, inet_shutdown, set_peek_off, setsockopt,
};
use crate::name::inet_getname;
use crate::release::inet_release;
use ip::InetProto;
use net::socket::stubs;
use net::{ProtoOps, Socket, UserCx};
use raw::{Ping, Raw};
use tcp::Tcp;
use uapi::{AF_INET, AF_INET6, Result};
use udp::Udp;

/// The operations of a datagram protocol: what [`INET_DGRAM`] and the raw sockets' have in common, whose rows in the
/// kernel differ in `poll` only. For a protocol of an embedder's own, too.
pub const fn dgram<P: InetProto>(name: &'static str, family: i32) -> ProtoOps {
    ProtoOps {
        name,
        family: family as u16,
        release: inet_release::<P>,
        bind: inet_bind::<P>,
        connect: inet_dgram_connect::<P>,
        socketpair: stubs::sock_no_socketpair,
        accept: stubs::sock_no_accept,
        getname: inet_getname::<P>,
        poll: inet_poll::<P>,
        ioctl: inet_ioctl::<P>,
        listen: stubs::sock_no_listen,
        shutdown: inet_shutdown::<P>,
        setsockopt: setsockopt::<P>,
        getsockopt: getsockopt::<P>,
        sendmsg: inet_sendmsg::<P>,
        recvmsg: inet_recvmsg::<P>,
        set_peek_off: None,
        set_rcvlowat: None,
        peer_cred: None,
    }
}

fn tcp_listen(sock: &Socket, cx: &UserCx<'_>, backlog: i32) -> Result<()> {
    inet_listen::<Tcp>(sock, cx, backlog, tcp::api::listen::start)
}

const fn stream(name: &'static str, family: i32) -> ProtoOps {
    ProtoOps {
        connect: inet_stream_connect::<Tcp>,
        accept: inet_accept::<Tcp>,
        listen: tcp_listen,
        sendmsg: tcp_sendmsg,
        set_peek_off: Some(set_peek_off::<Tcp>),
        set_rcvlowat: Some(tcp::api::lowat::set_rcvlowat),
        ..dgram::<Tcp>(name, family)
    }
}

/// `inet_stream_ops`.
pub static INET_STREAM: ProtoOps = stream("inet_stream_ops", AF_INET);
/// `inet6_stream_ops`.
pub static INET6_STREAM: ProtoOps = stream("inet6_stream_ops", AF_INET6);
/// `inet_dgram_ops`.
pub static INET_DGRAM: ProtoOps =
    ProtoOps { set_peek_off: Some(set_peek_off::<Udp>), ..dgram::<Udp>("inet_dgram_ops", AF_INET) };
/// `inet6_dgram_ops`.
pub static INET6_DGRAM: ProtoOps =
    ProtoOps { set_peek_off: Some(set_peek_off::<Udp>), ..dgram::<Udp>("inet6_dgram_ops", AF_INET6) };
/// `inet_sockraw_ops`.
pub static INET_SOCKRAW: ProtoOps = dgram::<Raw>("inet_sockraw_ops", AF_INET);
/// `inet6_sockraw_ops`.
pub static INET6_SOCKRAW: ProtoOps = dgram::<Raw>("inet6_sockraw_ops", AF_INET6);
/// `inet_sockraw_ops` for ping sockets.
pub static INET_PING: ProtoOps = dgram::<Ping>("inet_sockraw_ops", AF_INET);
/// `inet6_sockraw_ops` for ping sockets.
pub static INET6_PING: ProtoOps = dgram::<Ping>("inet6_sockraw_ops", AF_INET6);
