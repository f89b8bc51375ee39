//! The socket (`struct raw_sock`, `struct raw6_sock`) and its protocol table (`raw_prot`,
//! `rawv6_prot`).

use crate::RawNet;
use crate::filter::IcmpFilter;
use ip::{InetProto, InetShared, InetSock};
use kern::slab::Cache;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{GetOpt, Proto, RecvQueue, SkMut, SockFlag, Timeo};
use net::{Cx, Net, Skb, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::{IPPROTO_ICMPV6, Result};

/// Raw sockets of both families (`raw_prot`, `rawv6_prot`).
pub struct Raw;

/// `struct raw_sock`, behind the socket lock.
#[derive(Default)]
pub struct RawSock {
    /// The IP part.
    pub inet: InetSock,
}

/// What is read without the lock.
pub struct RawShared {
    /// The IP part.
    pub inet: InetShared,
    /// Packets that wait to be read.
    pub queue: RecvQueue,
    /// `ICMP_FILTER`, `ICMPV6_FILTER`.
    pub filter: IcmpFilter,
    /// `IPV6_CHECKSUM`: where the checksum stands, bytes behind the header; -1 for nowhere
    /// (`checksum`, `offset`).
    pub checksum: AtomicI32,
}

impl Default for RawShared {
    fn default() -> Self {
        RawShared {
            inet: InetShared::default(),
            queue: RecvQueue::default(),
            filter: IcmpFilter::default(),
            checksum: AtomicI32::new(-1),
        }
    }
}

impl InetProto for Raw {
    fn inet(st: &RawSock) -> &InetSock {
        &st.inet
    }
    fn inet_mut(st: &mut RawSock) -> &mut InetSock {
        &mut st.inet
    }
    fn inet_shared(shared: &RawShared) -> &InetShared {
        &shared.inet
    }
}

impl Proto for Raw {
    type State = RawSock;
    type Shared = RawShared;

    const NAME: &'static str = "RAW";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &RawNet::of(net).slab
    }

    fn reset(sk: &Sock<Self>, st: &mut RawSock) {
        *st = RawSock::default();
        sk.shared.inet.clear();
        sk.shared.filter.clear();
        sk.shared.checksum.store(-1, Relaxed);
    }

    fn destruct(sk: &Sock<Self>, cx: &Cx<'_>) {
        sk.shared.queue.purge(cx, sk);
    }

    /// Packets never wait for the lock; what a backlog would hold is queued as any other.
    fn backlog_rcv(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        crate::input::queue_rcv(cx, sk.sk, skb);
    }

    fn init(st: &mut SkMut<'_, Self>, _cx: &UserCx<'_>) -> Result<()> {
        let sk = st.sk;
        // ICMPv6 has its checksum where it has it (`rawv6_init_sk`).
        if i32::from(sk.protocol()) == IPPROTO_ICMPV6 && i32::from(sk.family()) == uapi::AF_INET6 {
            sk.shared.checksum.store(2, Relaxed);
        }
        Ok(())
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        let mut guard = sk.lock_sock(cx);
        let mut st = guard.sk_mut();
        crate::send::flush_pending(&mut st, cx);
        Self::unhash(&mut st, cx);
        st.inet.dst = None;
        drop(guard);
        sk.set_flag(SockFlag::Dead, true);
        sk.shared.queue.purge(cx, sk);
    }

    fn connect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
        crate::bind::connect(sk, cx, addr)
    }

    fn disconnect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>) -> Result<()> {
        crate::bind::disconnect(sk, cx)
    }

    fn bind(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, addr: &[u8]) -> Option<Result<()>> {
        Some(crate::bind::bind(sk, cx, addr))
    }

    fn dst_reset(sk: &mut SkMut<'_, Self>) {
        sk.inet.dst = None;
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

    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        crate::send::sendmsg(sk, cx, msg)
    }

    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        crate::recv::recvmsg(sk, cx, msg)
    }

    fn poll(sk: &Sock<Self>, _cx: &UserCx<'_>) -> u32 {
        sk.datagram_poll(&sk.shared.queue)
    }

    fn hash(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) -> Result<()> {
        RawNet::of(cx.net).table(sk.sk.family()).insert(sk.inet.num as u8, sk.sk.hold());
        Ok(())
    }

    fn unhash(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) {
        if sk.inet.num == 0 {
            return;
        }
        let removed = RawNet::of(cx.net).table(sk.sk.family()).remove(sk.inet.num as u8, sk.sk);
        sk.inet.num = 0;
        sk.sk.shared.inet.publish(&sk.inet);
        if let Some(reference) = removed {
            cx.sock_put(reference);
        }
    }
}
