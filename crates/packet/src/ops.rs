//! `packet_ops` and `packet_ops_spkt`: the calls on packet sockets.

use crate::sock::Packet;
use crate::{bind, send, sockopt};
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{GetOpt, Timeo};
use net::socket::{ProtoOps, Whose, stubs};
use net::{Proto, Socket, UserCx};
use uapi::socket::AF_PACKET;
use uapi::{Errno, Result};

pub(crate) static PACKET_OPS: ProtoOps = ProtoOps {
    name: "packet_ops",
    family: AF_PACKET as u16,
    release,
    bind: |sock, cx, addr| bind::bind(sock.sock()?, cx, addr),
    getname: |sock, cx, buf, whose| bind::getname(sock.sock()?, cx, buf, whose != Whose::Own),
    poll,
    ioctl,
    setsockopt,
    getsockopt,
    sendmsg,
    recvmsg,
    ..stubs::NONE
};

/// The obsolete type names devices, not indices, and has no options of its own.
pub(crate) static PACKET_OPS_SPKT: ProtoOps = ProtoOps {
    name: "packet_ops_spkt",
    bind: |sock, cx, addr| bind::bind_spkt(sock.sock()?, cx, addr),
    getname: |sock, cx, buf, whose| bind::getname_spkt(sock.sock()?, cx, buf, whose != Whose::Own),
    setsockopt: stubs::sock_no_setsockopt,
    getsockopt: stubs::sock_no_getsockopt,
    sendmsg: |sock, cx, msg| send::sendmsg_spkt(sock.sock()?, cx, msg),
    ..PACKET_OPS
};

fn release(sock: &Socket, cx: &UserCx<'_>) {
    if let Ok(sk) = sock.sock::<Packet>() {
        Packet::close(sk, cx, Timeo::Never);
    }
}

fn poll(sock: &Socket, cx: &UserCx<'_>) -> u32 {
    sock.sock::<Packet>().map_or(0, |sk| Packet::poll(sk, cx))
}

/// Who configures a device by packets asks for its addresses here, too.
fn ioctl(sock: &Socket, cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    let sk = sock.sock::<Packet>()?;
    let answer = match net::sock::gettstamp(cx, sk, cmd, arg) {
        Err(Errno::ENOIOCTLCMD) => sk.shared.queue.ioctl(sk, cmd, arg),
        answer => answer,
    };
    match answer {
        Err(Errno::ENOIOCTLCMD) => ip::addr::devinet_ioctl(cx, cmd, arg),
        answer => answer,
    }
}

fn setsockopt(sock: &Socket, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    sockopt::set(sock.sock()?, cx, level, name, value)
}

fn getsockopt(sock: &Socket, _cx: &UserCx<'_>, level: i32, name: i32, out: &mut GetOpt<'_>) -> Result<()> {
    sockopt::get(sock.sock()?, level, name, out)
}

fn sendmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    Packet::sendmsg(sock.sock()?, cx, msg)
}

fn recvmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    Packet::recvmsg(sock.sock()?, cx, msg)
}
