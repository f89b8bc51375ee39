//! Ping sockets (`net/ipv4/ping.c`, `net/ipv6/ping.c`): ICMP echo without privilege, for the groups
//! that `ping_group_range` names.
//!
//! The local port is the identifier of the echo requests; replies find their socket by it.

mod bind;
mod input;
mod message;
mod table;

use ip::{InetProto, InetShared, InetSock, IpNet};
use kern::slab::Cache;
use net::msg::{MsgHdr, RecvMsg};
use net::netns::{Pernet, Slot};
use net::sock::{GetOpt, Proto, RecvQueue, SkMut, SockFlag, Timeo};
use net::sysctl::{Bounds, SysctlNode};
use net::{Cx, Net, Skb, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use table::PingTable;
use uapi::{AF_INET6, Errno, Result};

/// Ping sockets of both families (`ping_prot`, `pingv6_prot`).
pub struct Ping;

/// Behind the socket lock.
#[derive(Default)]
pub struct PingSock {
    inet: InetSock,
}

/// What is read without the lock.
#[derive(Default)]
pub struct PingShared {
    /// The part that all INET protocols have.
    pub inet: InetShared,
    queue: RecvQueue,
}

/// The part of ping sockets in a namespace.
pub struct PingNet {
    table: PingTable,
    slab: Cache<Arc<Sock<Ping>>>,
    /// The first and the last group that may open them; out of order for none.
    group_range: [AtomicI32; 2],
}

impl Pernet for PingNet {
    const SLOT: Slot = Slot::Ping;
}

/// `net/ipv4/ping_group_range`: two groups, in order; else nobody's.
struct GroupRange;

impl SysctlNode for GroupRange {
    fn read(&self, net: &Net) -> String {
        let [low, high] = PingNet::of(net).group_range.each_ref().map(|group| group.load(Relaxed));
        format!("{low}\t{high}\n")
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let range = &PingNet::of(net).group_range;
        let new = range.each_ref().map(|group| AtomicI32::new(group.load(Relaxed)));
        let taken = Bounds { min: 0, ..Bounds::ANY }.write("ping_group_range", &new, bytes)?;
        let [low, high] = match new.map(AtomicI32::into_inner) {
            [low, high] if low > high => [1, 0],
            ordered => ordered,
        };
        range[0].store(low, Relaxed);
        range[1].store(high, Relaxed);
        Ok(taken)
    }
}

impl PingNet {
    fn of(net: &Net) -> &PingNet {
        net.generic()
    }

    /// Every ping socket, for who lists them.
    pub fn for_each(&self, each: impl FnMut(&Arc<Sock<Ping>>)) {
        self.table.for_each(each);
    }
}

pub(crate) fn init(net: &Net) -> Result<()> {
    net.set_generic(PingNet {
        table: PingTable::new(&net.rng),
        slab: Cache::new("PING", 256),
        group_range: [AtomicI32::new(1), AtomicI32::new(0)],
    })?;
    net.sysctl.register("net/ipv4/ping_group_range", Arc::new(GroupRange))?;
    let hooks = &IpNet::of(net).protocols;
    hooks.ping.set(input::receive).map_err(|_| Errno::EEXIST)?;
    hooks.ping_err.set(input::error).map_err(|_| Errno::EEXIST)
}

impl InetProto for Ping {
    fn inet(st: &PingSock) -> &InetSock {
        &st.inet
    }
    fn inet_mut(st: &mut PingSock) -> &mut InetSock {
        &mut st.inet
    }
    fn inet_shared(shared: &PingShared) -> &InetShared {
        &shared.inet
    }
}

fn is_v6(sk: &Sock<Ping>) -> bool {
    i32::from(sk.family()) == AF_INET6
}

impl Proto for Ping {
    type State = PingSock;
    type Shared = PingShared;

    const NAME: &'static str = "PING";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &PingNet::of(net).slab
    }

    fn reset(sk: &Sock<Self>, st: &mut PingSock) {
        *st = PingSock::default();
        sk.shared.inet.clear();
    }

    fn destruct(sk: &Sock<Self>, cx: &Cx<'_>) {
        sk.shared.queue.purge(cx, sk);
    }

    fn backlog_rcv(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        input::queue_rcv(cx, sk.sk, skb);
    }

    /// `EACCES` unless one of the caller's groups is in `ping_group_range` (`ping_init_sock`).
    fn init(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>) -> Result<()> {
        if is_v6(sk.sk) {
            sk.inet.v6only = true;
        }
        let [low, high] = &PingNet::of(cx.net).group_range;
        let (low, high) = (low.load(Relaxed) as u32, high.load(Relaxed) as u32);
        let cred = cx.process.cred;
        let allowed = |group: &u32| (low..=high).contains(group);
        if allowed(&cred.egid) || cred.groups.iter().any(allowed) { Ok(()) } else { Err(Errno::EACCES) }
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        let mut guard = sk.lock_sock(cx);
        let mut st = guard.sk_mut();
        bind::unhash(&mut st, cx);
        st.inet.dst = None;
        drop(guard);
        sk.set_flag(SockFlag::Dead, true);
        sk.shared.queue.purge(cx, sk);
    }

    fn connect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
        let result = ip::datagram::connect(cx, sk.sk, &mut sk.inet, "PING", addr);
        sk.sk.shared.inet.publish(&sk.inet);
        result
    }

    fn dst_reset(sk: &mut SkMut<'_, Self>) {
        sk.inet.dst = None;
    }

    fn disconnect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>) -> Result<()> {
        if !ip::datagram::disconnect(cx, sk.sk, &mut sk.inet, "PING") {
            bind::unhash(sk, cx);
        }
        sk.sk.shared.inet.publish(&sk.inet);
        Ok(())
    }

    fn bind(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, addr: &[u8]) -> Option<Result<()>> {
        Some(bind::bind(sk, cx, addr))
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
        ip::sockopt::get(sk, cx, level, name, out)
    }

    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        message::sendmsg(sk, cx, msg)
    }

    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        message::recvmsg(sk, cx, msg)
    }

    fn poll(sk: &Sock<Self>, _cx: &UserCx<'_>) -> u32 {
        sk.datagram_poll(&sk.shared.queue)
    }

    fn unhash(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) {
        bind::unhash(sk, cx);
    }

    fn get_port(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, port: u16) -> Result<()> {
        bind::get_port(sk, cx, port)
    }
}
