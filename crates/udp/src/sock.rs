//! The socket (`struct udp_sock`) and its protocol table (`udp_prot`, `udpv6_prot`).

use crate::UdpNet;
use crate::table::Key;
use ip::{InetProto, InetShared, InetSock};
use kern::slab::Cache;
use net::dst::{Dst, Flow};
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{GetOpt, Proto, RecvQueue, SEND_SHUTDOWN, SkMut, SockFlag, Timeo};
use net::{Cx, Net, Skb, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed};
use uapi::{Errno, Result, TcpState};

/// UDP: the protocol of `SOCK_DGRAM` sockets of both families (`udp_prot`, `udpv6_prot`). UDP-Lite
/// is the same with another protocol number and table.
pub struct Udp;

/// `struct udp_sock`, behind the socket lock.
#[derive(Default)]
pub struct UdpSock {
    /// The IP part.
    pub inet: InetSock,
    /// The family of a datagram that is being built from many sends, or 0 (`pending`).
    pub pending: u16,
    /// `UDP_CORK` (`corkflag`).
    pub corkflag: bool,
    /// Bytes of the datagram being built, its header included (`len`).
    pub len: usize,
    /// Where the last datagram of IPv4 that was built from many sends went, if not to the peer: source, destination,
    /// port (`inet->cork.fl`).
    pub(crate) led: Option<(uapi::InetAddr, uapi::InetAddr, u16)>,
    /// `UDP_SEGMENT`: the size of the datagrams that a send is cut into; 0 for one (`gso_size`).
    pub gso_size: u16,
    /// The last route that was asked for, and the answer: the next datagram mostly goes the same way.
    pub(crate) last_route: Option<(Flow, Arc<Dst>)>,
}

/// Bits of [`UdpShared::flags`].
pub(crate) mod flag {
    /// `UDP_NO_CHECK6_TX`.
    pub(crate) const NO_CHECK6_TX: u32 = 1;
    /// `UDP_NO_CHECK6_RX`.
    pub(crate) const NO_CHECK6_RX: u32 = 1 << 1;
    /// `UDP_GRO`.
    pub(crate) const GRO: u32 = 1 << 2;
    /// `UDPLITE_SEND_CSCOV` was set.
    pub(crate) const LITE_SEND: u32 = 1 << 3;
    /// `UDPLITE_RECV_CSCOV` was set.
    pub(crate) const LITE_RECV: u32 = 1 << 4;
}

/// What is read without the lock.
#[derive(Default)]
pub struct UdpShared {
    /// The IP part.
    pub inet: InetShared,
    /// Datagrams that wait to be read.
    pub queue: RecvQueue,
    /// [`flag`] bits.
    pub flags: AtomicU32,
    /// `UDPLITE_SEND_CSCOV`, bytes (`pcslen`).
    pub lite_send: AtomicU16,
    /// `UDPLITE_RECV_CSCOV`, bytes (`pcrlen`).
    pub lite_recv: AtomicU16,
    /// `UDP_ENCAP`; the only type there is no use for is none (`encap_type`).
    pub encap_type: AtomicU16,
}

impl UdpShared {
    /// True when a [`flag`] is set.
    #[inline]
    pub fn flag(&self, flag: u32) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    /// Sets or clears a [`flag`].
    pub fn set_flag(&self, flag: u32, on: bool) {
        if on {
            self.flags.fetch_or(flag, Relaxed);
        } else {
            self.flags.fetch_and(!flag, Relaxed);
        }
    }
}

impl InetProto for Udp {
    fn inet(st: &UdpSock) -> &InetSock {
        &st.inet
    }
    fn inet_mut(st: &mut UdpSock) -> &mut InetSock {
        &mut st.inet
    }
    fn inet_shared(shared: &UdpShared) -> &InetShared {
        &shared.inet
    }
}

/// What the table compares of a socket now.
pub(crate) fn key(inet: &InetSock) -> Key {
    Key {
        rcv_saddr: inet.rcv_saddr,
        daddr: inet.daddr,
        dport: inet.dport,
        v6: inet.is_inet6(),
        v6only: inet.v6only,
    }
}

impl Proto for Udp {
    type State = UdpSock;
    type Shared = UdpShared;

    const NAME: &'static str = "UDP";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &UdpNet::of(net).slab
    }

    fn reset(sk: &Sock<Self>, st: &mut UdpSock) {
        *st = UdpSock::default();
        let shared = &sk.shared;
        shared.inet.clear();
        shared.flags.store(0, Relaxed);
        for zero in [&shared.lite_send, &shared.lite_recv, &shared.encap_type] {
            zero.store(0, Relaxed);
        }
    }

    fn destruct(sk: &Sock<Self>, cx: &Cx<'_>) {
        sk.shared.queue.purge_scheduled(cx, sk, UdpNet::of(cx.net).scheduled());
    }

    /// Datagrams never wait for the lock; what a backlog would hold is queued as any other.
    fn backlog_rcv(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        crate::input::queue_rcv(cx, sk.sk, skb);
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        let mut guard = sk.lock_sock(cx);
        let st = &mut guard.sk_mut();
        crate::send::flush_pending(st, cx);
        Self::unhash(st, cx);
        st.inet.dst = None;
        st.last_route = None;
        drop(guard);
        sk.set_flag(SockFlag::Dead, true);
        sk.shared.queue.purge_scheduled(cx, sk, UdpNet::of(cx.net).scheduled());
    }

    fn connect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
        crate::connect::connect(sk, cx, addr)
    }

    fn disconnect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>) -> Result<()> {
        crate::connect::disconnect(sk, cx)
    }

    fn dst_reset(sk: &mut SkMut<'_, Self>) {
        sk.inet.dst = None;
        sk.last_route = None;
    }

    fn ioctl(sk: &Sock<Self>, _cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        sk.shared.queue.ioctl(sk, cmd, arg)
    }

    fn setsockopt(sk: &Sock<Self>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
        crate::sockopt::set(sk, cx, level, name, value)
    }

    fn getsockopt(
        sk: &Sock<Self>,
        cx: &UserCx<'_>,
        level: i32,
        name: i32,
        out: &mut GetOpt<'_>,
    ) -> Result<()> {
        crate::sockopt::get(sk, cx, level, name, out)
    }

    #[inline]
    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        crate::send::sendmsg(sk, cx, msg)
    }

    #[inline]
    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        crate::recv::recvmsg(sk, cx, msg)
    }

    fn poll(sk: &Sock<Self>, _cx: &UserCx<'_>) -> u32 {
        sk.datagram_poll(&sk.shared.queue)
    }

    fn unhash(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) {
        crate::bind::unhash(sk, cx);
    }

    fn get_port(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, port: u16) -> Result<()> {
        crate::bind::get_port(sk, cx, port)
    }

    fn put_port(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) {
        crate::bind::unhash(sk, cx);
    }
}

/// True for a connected socket (`sk->sk_state == TCP_ESTABLISHED`).
#[inline]
pub(crate) fn is_connected(sk: &Sock<Udp>) -> bool {
    sk.state() == TcpState::Established as u8
}

/// Why nothing may be sent: the pending error, or the shutdown (`sock_alloc_send_pskb`).
#[inline]
pub(crate) fn check_send(sk: &Sock<Udp>) -> Result<()> {
    if let Some(errno) = sk.take_err() {
        return Err(errno);
    }
    if sk.shutdown() & SEND_SHUTDOWN != 0 { Err(Errno::EPIPE) } else { Ok(()) }
}
