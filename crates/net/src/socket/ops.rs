//! `struct proto_ops`: what a family does when a call reaches its sockets.

use super::Socket;
use crate::cx::UserCx;
use crate::msg::{MsgHdr, RecvMsg};
use crate::sock::GetOpt;
use uapi::Result;

/// What `accept4()` asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptFlags {
    /// The listener's file is non-blocking.
    pub nonblock: bool,
}

/// Whose name is asked for (the last argument of `getname`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The socket's own.
    Own,
    /// The peer's, if there is a connection.
    Peer,
    /// The peer's, though the connection may have ended: of what is being accepted, and for `SO_PEERNAME`.
    LastPeer,
}

/// `SO_RCVLOWAT` of a protocol that does more than note it.
pub type SetRcvlowat = fn(&Socket, &UserCx<'_>, i32) -> Result<()>;

/// The operations of a family's sockets of one type (`struct proto_ops`): one static table each.
/// Addresses are raw sockaddr bytes, hostile.
#[allow(missing_docs, reason = "each field is the system call of its name")]
pub struct ProtoOps {
    /// The table's name in the kernel, as `inet_stream_ops`.
    pub name: &'static str,
    pub family: u16,
    /// Last close: the sock goes its own way, or ends.
    pub release: fn(&Socket, &UserCx<'_>),
    pub bind: fn(&Socket, &UserCx<'_>, &[u8]) -> Result<()>,
    /// `nonblock` is the file's `O_NONBLOCK`.
    pub connect: fn(&Socket, &UserCx<'_>, &[u8], bool) -> Result<()>,
    pub socketpair: fn(&Socket, &Socket, &UserCx<'_>) -> Result<()>,
    /// Attaches the first connection's sock to the fresh second socket.
    pub accept: fn(&Socket, &Socket, &UserCx<'_>, AcceptFlags) -> Result<()>,
    /// Writes the sockaddr, cut to the buffer; returns its whole length.
    pub getname: fn(&Socket, &UserCx<'_>, &mut [u8], Whose) -> Result<usize>,
    pub poll: fn(&Socket, &UserCx<'_>) -> u32,
    pub ioctl: fn(&Socket, &UserCx<'_>, u32, &mut [u8]) -> Result<i32>,
    pub listen: fn(&Socket, &UserCx<'_>, i32) -> Result<()>,
    /// `SHUT_RD`, `SHUT_WR`, `SHUT_RDWR` as given by the user.
    pub shutdown: fn(&Socket, &UserCx<'_>, i32) -> Result<()>,
    /// Levels other than `SOL_SOCKET`.
    pub setsockopt: fn(&Socket, &UserCx<'_>, i32, i32, &[u8]) -> Result<()>,
    /// Levels other than `SOL_SOCKET`.
    pub getsockopt: fn(&Socket, &UserCx<'_>, i32, i32, &mut GetOpt<'_>) -> Result<()>,
    pub sendmsg: fn(&Socket, &UserCx<'_>, &mut MsgHdr<'_>) -> Result<usize>,
    pub recvmsg: fn(&Socket, &UserCx<'_>, &mut RecvMsg<'_>) -> Result<usize>,
    /// `SO_PEEK_OFF` is supported.
    pub set_peek_off: Option<fn(&Socket, i32) -> Result<()>>,
    /// `SO_RCVLOWAT` has an effect of its own.
    pub set_rcvlowat: Option<SetRcvlowat>,
    /// Who connected or listened on the other side, for families that know (`sk_peer_cred`).
    pub peer_cred: Option<fn(&Socket) -> Option<PeerCred>>,
}

/// Who a local peer was when it connected or listened (`sk_peer_pid`, `sk_peer_cred`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCred {
    /// Process.
    pub pid: u32,
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// What tables are filled with where a protocol has no such call (`sock_no_*`).
pub mod stubs {
    use super::{AcceptFlags, GetOpt, MsgHdr, ProtoOps, RecvMsg, Result, Socket, UserCx, Whose};
    use uapi::Errno;

    /// `sock_no_bind`.
    pub fn sock_no_bind(_: &Socket, _: &UserCx<'_>, _: &[u8]) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_connect`.
    pub fn sock_no_connect(_: &Socket, _: &UserCx<'_>, _: &[u8], _: bool) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_socketpair`.
    pub fn sock_no_socketpair(_: &Socket, _: &Socket, _: &UserCx<'_>) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_accept`.
    pub fn sock_no_accept(_: &Socket, _: &Socket, _: &UserCx<'_>, _: AcceptFlags) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_getname`.
    pub fn sock_no_getname(_: &Socket, _: &UserCx<'_>, _: &mut [u8], _: Whose) -> Result<usize> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_ioctl`.
    pub fn sock_no_ioctl(_: &Socket, _: &UserCx<'_>, _: u32, _: &mut [u8]) -> Result<i32> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_listen`.
    pub fn sock_no_listen(_: &Socket, _: &UserCx<'_>, _: i32) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_shutdown`.
    pub fn sock_no_shutdown(_: &Socket, _: &UserCx<'_>, _: i32) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// A table without `setsockopt`.
    pub fn sock_no_setsockopt(_: &Socket, _: &UserCx<'_>, _: i32, _: i32, _: &[u8]) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// A table without `getsockopt`.
    pub fn sock_no_getsockopt(_: &Socket, _: &UserCx<'_>, _: i32, _: i32, _: &mut GetOpt<'_>) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_sendmsg`.
    pub fn sock_no_sendmsg(_: &Socket, _: &UserCx<'_>, _: &mut MsgHdr<'_>) -> Result<usize> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `sock_no_recvmsg`.
    pub fn sock_no_recvmsg(_: &Socket, _: &UserCx<'_>, _: &mut RecvMsg<'_>) -> Result<usize> {
        Err(Errno::EOPNOTSUPP)
    }
    fn no_release(_: &Socket, _: &UserCx<'_>) {}
    fn no_poll(_: &Socket, _: &UserCx<'_>) -> u32 {
        0
    }

    /// A socket whose family has not set its operations: between `sock_alloc` and the family's
    /// create function. Families may build their tables on it.
    pub const NONE: ProtoOps = ProtoOps {
        name: "none",
        family: 0,
        release: no_release,
        bind: sock_no_bind,
        connect: sock_no_connect,
        socketpair: sock_no_socketpair,
        accept: sock_no_accept,
        getname: sock_no_getname,
        poll: no_poll,
        ioctl: sock_no_ioctl,
        listen: sock_no_listen,
        shutdown: sock_no_shutdown,
        setsockopt: sock_no_setsockopt,
        getsockopt: sock_no_getsockopt,
        sendmsg: sock_no_sendmsg,
        recvmsg: sock_no_recvmsg,
        set_peek_off: None,
        set_rcvlowat: None,
        peer_cred: None,
    };
}
