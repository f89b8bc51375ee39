//! `unix_stream_ops`, `unix_dgram_ops`, `unix_seqpacket_ops`: the calls on sockets of this family.

use crate::addr::UNNAMED;
use crate::sock::Unix;
use crate::{bind, connect, listen, poll, release};
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{GetOpt, Timeo};
use net::socket::{AcceptFlags, PeerCred, ProtoOps, Whose, stubs};
use net::{Proto, Sock, Socket, UserCx};
use uapi::socket::AF_UNIX;
use uapi::{Errno, Result};

const COMMON: ProtoOps = ProtoOps {
    family: AF_UNIX as u16,
    release: release_op,
    bind: bind_op,
    socketpair,
    getname,
    poll: poll_op,
    ioctl,
    shutdown,
    setsockopt,
    getsockopt,
    sendmsg,
    recvmsg,
    set_peek_off: Some(set_peek_off),
    peer_cred: Some(peer_cred),
    ..stubs::NONE
};

pub(crate) static STREAM_OPS: ProtoOps =
    ProtoOps { name: "unix_stream_ops", connect: stream_connect, accept, listen: listen_op, ..COMMON };

pub(crate) static DGRAM_OPS: ProtoOps = ProtoOps { name: "unix_dgram_ops", connect: dgram_connect, ..COMMON };

pub(crate) static SEQPACKET_OPS: ProtoOps =
    ProtoOps { name: "unix_seqpacket_ops", connect: stream_connect, accept, listen: listen_op, ..COMMON };

fn release_op(sock: &Socket, cx: &UserCx<'_>) {
    if let Ok(sk) = sock.sock::<Unix>() {
        Unix::close(sk, cx, Timeo::Never);
    }
}

fn bind_op(sock: &Socket, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    bind::bind(sock, sock.sock()?, cx, addr)
}

fn stream_connect(sock: &Socket, cx: &UserCx<'_>, addr: &[u8], nonblock: bool) -> Result<()> {
    connect::stream(sock, sock.sock()?, cx, addr, nonblock)
}

fn dgram_connect(sock: &Socket, cx: &UserCx<'_>, addr: &[u8], _nonblock: bool) -> Result<()> {
    connect::datagram(sock.sock()?, cx, addr)
}

fn socketpair(a: &Socket, b: &Socket, cx: &UserCx<'_>) -> Result<()> {
    connect::pair(a, b, cx)
}

fn accept(sock: &Socket, new: &Socket, cx: &UserCx<'_>, flags: AcceptFlags) -> Result<()> {
    listen::accept(sock.sock()?, new, cx, flags)
}

fn listen_op(sock: &Socket, cx: &UserCx<'_>, backlog: i32) -> Result<()> {
    listen::listen(sock.sock()?, cx, backlog)
}

fn getname(sock: &Socket, _cx: &UserCx<'_>, buf: &mut [u8], whose: Whose) -> Result<usize> {
    let sk = sock.sock::<Unix>()?;
    let other;
    let named: &Sock<Unix> = if whose != Whose::Own {
        other = sk.shared.lock().peer.clone().ok_or(Errno::ENOTCONN)?;
        &other
    } else {
        sk
    };
    let addr = named.shared.lock().addr.clone();
    let name = addr.as_ref().map_or(&UNNAMED[..], |addr| addr.bytes());
    let n = buf.len().min(name.len());
    buf[..n].copy_from_slice(&name[..n]);
    Ok(name.len())
}

fn poll_op(sock: &Socket, _cx: &UserCx<'_>) -> u32 {
    sock.sock::<Unix>().map_or(0, poll::poll)
}

fn ioctl(sock: &Socket, cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    poll::ioctl(sock.sock()?, cx, cmd, arg)
}

fn shutdown(sock: &Socket, cx: &UserCx<'_>, how: i32) -> Result<()> {
    release::shutdown(sock.sock()?, cx, how)
}

/// There is no level but `SOL_SOCKET`.
fn setsockopt(_: &Socket, _: &UserCx<'_>, _: i32, _: i32, _: &[u8]) -> Result<()> {
    Err(Errno::EOPNOTSUPP)
}

fn getsockopt(_: &Socket, _: &UserCx<'_>, _: i32, _: i32, _: &mut GetOpt<'_>) -> Result<()> {
    Err(Errno::EOPNOTSUPP)
}

fn sendmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    Unix::sendmsg(sock.sock()?, cx, msg)
}

fn recvmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    Unix::recvmsg(sock.sock()?, cx, msg)
}

fn set_peek_off(sock: &Socket, off: i32) -> Result<()> {
    sock.sock::<Unix>().map(|sk| sk.set_peek_off(off))
}

fn peer_cred(sock: &Socket) -> Option<PeerCred> {
    sock.sock::<Unix>().ok()?.shared.lock().cred.clone()
}
