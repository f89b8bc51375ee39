//! `struct proto`: a protocol, as the socket layer sees it.

use super::{AnySock, GetOpt, SkMut, Sock};
use crate::cx::{Cx, UserCx};
use crate::msg::{MsgHdr, RecvMsg};
use crate::netns::Net;
use crate::skb::Skb;
use kern::slab::Cache;
use std::sync::Arc;
use uapi::{Errno, Result};

/// A protocol (`struct proto`). One type for each, both families: `Tcp` is `tcp_prot` and
/// `tcpv6_prot`. A call that a protocol does not define answers as the kernel does when the pointer
/// is null.
pub trait Proto: Sized + Send + Sync + 'static {
    /// What the socket lock guards (`struct tcp_sock` and what it is built on).
    type State: Default + Send + 'static;
    /// What is read without it.
    type Shared: Default + Send + Sync + 'static;

    /// The name in `/proc/net/protocols`, for IPv4.
    const NAME: &'static str;
    /// Flags that every sock of the protocol has from the start ([`super::SockFlag`] bits).
    const FLAGS: u64 = 0;

    /// The slab of this protocol's socks in `net`.
    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>>;

    /// Back to a fresh state, for the next user of the object.
    fn reset(sk: &Sock<Self>, st: &mut Self::State) {
        let _ = sk;
        *st = Self::State::default();
    }

    /// The last reference is gone (`sk->sk_destruct`).
    fn destruct(_sk: &Sock<Self>, _cx: &Cx<'_>) {}

    /// A packet for this sock, with its lock held: from softirq when the sock was free, else from
    /// the backlog when its owner lets go (`backlog_rcv`).
    fn backlog_rcv(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb);

    /// Timer or deferred work `which`, with the lock held.
    fn deferred(_sk: &mut SkMut<'_, Self>, _cx: &Cx<'_>, _which: u8) {}

    /// After `socket()` made the sock (`init`).
    fn init(_sk: &mut SkMut<'_, Self>, _cx: &UserCx<'_>) -> Result<()> {
        Ok(())
    }

    /// `close()` of the last descriptor: sends what must be sent, orphans the sock and waits up to
    /// `linger` for it (`close`).
    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, linger: super::Timeo);

    /// `connect()`; begins only, the family's operations wait.
    fn connect(_sk: &mut SkMut<'_, Self>, _cx: &UserCx<'_>, _addr: &[u8]) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// `connect(AF_UNSPEC)`.
    fn disconnect(_sk: &mut SkMut<'_, Self>, _cx: &UserCx<'_>) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// `accept()`: the sock of the first completed connection.
    fn accept(_sk: &Sock<Self>, _cx: &UserCx<'_>, _nonblock: bool) -> Result<Arc<dyn AnySock>> {
        Err(Errno::EOPNOTSUPP)
    }

    /// `ioctl()` commands of this protocol; `ENOIOCTLCMD` for others'.
    fn ioctl(_sk: &Sock<Self>, _cx: &UserCx<'_>, _cmd: u32, _arg: &mut [u8]) -> Result<i32> {
        Err(Errno::ENOIOCTLCMD)
    }

    /// `shutdown()`: `RCV_SHUTDOWN` and `SEND_SHUTDOWN` bits.
    fn shutdown(_sk: &mut SkMut<'_, Self>, _cx: &UserCx<'_>, _how: u8) {}

    /// `SO_KEEPALIVE` is about to be set or cleared; [`super::SockFlag::KeepOpen`] still has its old
    /// value (`keepalive`).
    fn keepalive(_sk: &mut SkMut<'_, Self>, _cx: &UserCx<'_>, _on: bool) {}

    /// Times of packets sent are numbered from now on (`sk_tskey`); a stream's numbers count from what was
    /// acknowledged, or from what was written.
    fn reset_tskey(sk: &mut SkMut<'_, Self>, _written: bool) {
        sk.sk.set_tskey(0);
    }

    /// The cached route is no longer right: `SO_MARK`, `SO_DONTROUTE` or the device changed
    /// (`sk_dst_reset`).
    fn dst_reset(_sk: &mut SkMut<'_, Self>) {}

    /// The device that the sock is bound to changed: its place in tables that are keyed by it
    /// (`rehash`).
    fn rehash(_sk: &mut SkMut<'_, Self>, _cx: &UserCx<'_>) {}

    /// `setsockopt()` of any level but `SOL_SOCKET`.
    fn setsockopt(_sk: &Sock<Self>, _cx: &UserCx<'_>, _level: i32, _name: i32, _value: &[u8]) -> Result<()> {
        Err(Errno::ENOPROTOOPT)
    }

    /// `getsockopt()` of any level but `SOL_SOCKET`.
    fn getsockopt(
        _sk: &Sock<Self>,
        _cx: &UserCx<'_>,
        _level: i32,
        _name: i32,
        _out: &mut GetOpt<'_>,
    ) -> Result<()> {
        Err(Errno::ENOPROTOOPT)
    }

    /// Every way of sending ends here.
    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize>;

    /// Every way of receiving ends here.
    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize>;

    /// What poll sees now (`EPOLL*`).
    fn poll(sk: &Sock<Self>, cx: &UserCx<'_>) -> u32;

    /// `bind()` of a protocol that has its own (raw, ping); the others leave it to the family.
    fn bind(_sk: &mut SkMut<'_, Self>, _cx: &UserCx<'_>, _addr: &[u8]) -> Option<Result<()>> {
        None
    }

    /// Enters the demultiplexing tables.
    fn hash(_sk: &mut SkMut<'_, Self>, _cx: &Cx<'_>) -> Result<()> {
        Ok(())
    }

    /// Leaves them.
    fn unhash(_sk: &mut SkMut<'_, Self>, _cx: &Cx<'_>) {}

    /// Takes local port `port`, or any when 0. `EADDRINUSE`, `EACCES`.
    fn get_port(_sk: &mut SkMut<'_, Self>, _cx: &Cx<'_>, _port: u16) -> Result<()> {
        Ok(())
    }

    /// Gives the local port back (`put_port`).
    fn put_port(_sk: &mut SkMut<'_, Self>, _cx: &Cx<'_>) {}
}
