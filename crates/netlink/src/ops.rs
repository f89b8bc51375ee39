//! `netlink_ops`: the calls on netlink sockets.

use crate::sock::Netlink;
use crate::{name, sockopt};
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{GetOpt, Timeo};
use net::socket::{ProtoOps, Whose, stubs};
use net::{Proto, Socket, UserCx};
use uapi::Result;
use uapi::socket::AF_NETLINK;

pub(crate) static NETLINK_OPS: ProtoOps = ProtoOps {
    name: "netlink_ops",
    family: AF_NETLINK as u16,
    release,
    bind,
    connect,
    getname,
    poll,
    ioctl,
    setsockopt,
    getsockopt,
    sendmsg,
    recvmsg,
    ..stubs::NONE
};

fn release(sock: &Socket, cx: &UserCx<'_>) {
    if let Ok(sk) = sock.sock::<Netlink>() {
        Netlink::close(sk, cx, Timeo::Never);
    }
}

fn bind(sock: &Socket, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    name::bind(sock.sock()?, cx, addr)
}

fn connect(sock: &Socket, cx: &UserCx<'_>, addr: &[u8], _nonblock: bool) -> Result<()> {
    name::connect(sock, sock.sock()?, cx, addr)
}

fn getname(sock: &Socket, cx: &UserCx<'_>, buf: &mut [u8], whose: Whose) -> Result<usize> {
    name::getname(sock.sock()?, cx, buf, whose != Whose::Own)
}

fn poll(sock: &Socket, cx: &UserCx<'_>) -> u32 {
    sock.sock::<Netlink>().map_or(0, |sk| Netlink::poll(sk, cx))
}

/// Netlink has no commands of its own (`netlink_ioctl`).
fn ioctl(_: &Socket, _: &UserCx<'_>, _: u32, _: &mut [u8]) -> Result<i32> {
    Err(uapi::Errno::ENOIOCTLCMD)
}

fn setsockopt(sock: &Socket, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    sockopt::set(sock.sock()?, cx, level, name, value)
}

fn getsockopt(sock: &Socket, cx: &UserCx<'_>, level: i32, name: i32, out: &mut GetOpt<'_>) -> Result<()> {
    sockopt::get(sock.sock()?, cx, level, name, out)
}

fn sendmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    Netlink::sendmsg(sock.sock()?, cx, msg)
}

fn recvmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    Netlink::recvmsg(sock.sock()?, cx, msg)
}
