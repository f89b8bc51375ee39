//! The socket, and the table of what it does.

use super::{COUNTED_LOST, CountedNet, IPPROTO_COUNTED, input, send};
use sockeye::ip::{self, InetProto, InetShared, InetSock};
use sockeye::kern::slab::Cache;
use sockeye::stack::msg::{MsgHdr, RecvMsg};
use sockeye::stack::sock::{GetOpt, Proto, RecvQueue, SkMut, SockFlag, Timeo};
use sockeye::stack::{Cx, Net, Skb, Sock, UserCx};
use sockeye::uapi::{Errno, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The protocol.
pub struct Counted;

/// Behind the socket lock.
#[derive(Default)]
pub struct CountedSock {
    pub(super) inet: InetSock,
    /// The number of the next datagram.
    pub(super) next: u32,
}

/// What is read without the lock.
#[derive(Default)]
pub struct CountedShared {
    pub(super) inet: InetShared,
    pub(super) queue: RecvQueue,
    /// The number that the peer's next datagram should have.
    pub(super) expected: AtomicU32,
    pub(super) lost: AtomicU32,
}

impl CountedShared {
    fn forget(&self) {
        self.expected.store(0, Relaxed);
        self.lost.store(0, Relaxed);
    }
}

impl InetProto for Counted {
    fn inet(st: &CountedSock) -> &InetSock {
        &st.inet
    }
    fn inet_mut(st: &mut CountedSock) -> &mut InetSock {
        &mut st.inet
    }
    fn inet_shared(shared: &CountedShared) -> &InetShared {
        &shared.inet
    }
}

impl Proto for Counted {
    type State = CountedSock;
    type Shared = CountedShared;

    const NAME: &'static str = "COUNTED";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &CountedNet::of(net).slab
    }

    fn reset(sk: &Sock<Self>, st: &mut CountedSock) {
        *st = CountedSock::default();
        sk.shared.inet.clear();
        sk.shared.forget();
    }

    fn destruct(sk: &Sock<Self>, cx: &Cx<'_>) {
        sk.shared.queue.purge(cx, sk);
    }

    fn backlog_rcv(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        input::queue_rcv(cx, sk.sk, skb);
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        let mut guard = sk.lock_sock(cx);
        let mut st = guard.sk_mut();
        Self::unhash(&mut st, cx);
        st.inet.dst = None;
        drop(guard);
        sk.set_flag(SockFlag::Dead, true);
        sk.shared.queue.purge(cx, sk);
    }

    fn connect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
        let result = ip::datagram::connect(cx, sk.sk, &mut sk.inet, Self::NAME, addr);
        sk.sk.shared.inet.publish(&sk.inet);
        // Both ends count from here.
        sk.next = 0;
        sk.sk.shared.forget();
        result
    }

    fn disconnect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>) -> Result<()> {
        if !ip::datagram::disconnect(cx, sk.sk, &mut sk.inet, Self::NAME) {
            Self::unhash(sk, cx);
        }
        sk.sk.shared.inet.publish(&sk.inet);
        Ok(())
    }

    fn dst_reset(sk: &mut SkMut<'_, Self>) {
        sk.inet.dst = None;
    }

    fn ioctl(sk: &Sock<Self>, _cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        sk.shared.queue.ioctl(sk, cmd, arg)
    }

    fn setsockopt(sk: &Sock<Self>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
        ip::sockopt::set(sk, cx, level, name, value)
    }

    fn getsockopt(
        sk: &Sock<Self>,
        cx: &UserCx<'_>,
        level: i32,
        name: i32,
        out: &mut GetOpt<'_>,
    ) -> Result<()> {
        match (level, name) {
            (IPPROTO_COUNTED, COUNTED_LOST) => out.int(sk.shared.lost.load(Relaxed) as i32),
            (IPPROTO_COUNTED, _) => Err(Errno::ENOPROTOOPT),
            _ => ip::sockopt::get(sk, cx, level, name, out),
        }
    }

    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        send::sendmsg(sk, cx, msg)
    }

    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        input::recvmsg(sk, cx, msg)
    }

    fn poll(sk: &Sock<Self>, _cx: &UserCx<'_>) -> u32 {
        sk.datagram_poll(&sk.shared.queue)
    }

    fn unhash(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) {
        let port = std::mem::take(&mut sk.inet.num);
        sk.sk.shared.inet.publish(&sk.inet);
        if let Some(reference) = CountedNet::of(cx.net).ports.give_back(port, sk.sk) {
            cx.sock_put(reference);
        }
    }

    /// `EADDRINUSE`.
    fn get_port(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, port: u16) -> Result<()> {
        sk.inet.num = CountedNet::of(cx.net).ports.take(port, sk.sk).ok_or(Errno::EADDRINUSE)?;
        sk.sk.shared.inet.publish(&sk.inet);
        Ok(())
    }

    fn put_port(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) {
        Self::unhash(sk, cx);
    }
}
