//! `struct packet_sock`, and packet sockets as a protocol of the socket layer.

use crate::membership::Membership;
use crate::state::PacketNet;
use crate::{input, recv, send};
use kern::slab::Cache;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{Proto, RecvQueue, SkMut, SockFlag, Timeo};
use net::{Cx, Net, Skb, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering::Relaxed};
use uapi::Result;

/// Packet sockets of all types.
pub struct Packet;

/// What the socket lock guards.
#[derive(Default)]
pub struct PacketSock {
    /// What was asked of devices (`mclist`).
    pub(crate) memberships: Vec<Membership>,
}

/// Switches of `SOL_PACKET`: bits of [`PacketShared::flags`].
pub(crate) mod flag {
    pub(crate) const AUXDATA: u32 = 1;
    pub(crate) const ORIGDEV: u32 = 1 << 1;
    pub(crate) const QDISC_BYPASS: u32 = 1 << 2;
    pub(crate) const IGNORE_OUTGOING: u32 = 1 << 3;
}

/// What is read without the lock.
#[derive(Default)]
pub struct PacketShared {
    /// Packets that wait.
    pub(crate) queue: RecvQueue,
    /// The ethertype wanted, host order; `ETH_P_ALL`, or 0 for none (`num`).
    pub num: AtomicU16,
    /// The device wanted, 0 for all (`ifindex`).
    pub ifindex: AtomicU32,
    /// Packets come (`running`).
    pub running: AtomicBool,
    /// [`flag`] bits.
    pub(crate) flags: AtomicU32,
    /// Packets taken and refused since `PACKET_STATISTICS` was last asked (`stats`).
    pub(crate) packets: AtomicU32,
    pub(crate) drops: AtomicU32,
}

impl PacketShared {
    pub(crate) fn flag(&self, flag: u32) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    pub(crate) fn set_flag(&self, flag: u32, on: bool) {
        if on {
            self.flags.fetch_or(flag, Relaxed);
        } else {
            self.flags.fetch_and(!flag, Relaxed);
        }
    }
}

impl Proto for Packet {
    type State = PacketSock;
    type Shared = PacketShared;

    const NAME: &'static str = "PACKET";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &PacketNet::of(net).slab
    }

    fn reset(sk: &Sock<Self>, st: &mut PacketSock) {
        *st = PacketSock::default();
        let shared = &sk.shared;
        shared.num.store(0, Relaxed);
        for zero in [&shared.ifindex, &shared.flags, &shared.packets, &shared.drops] {
            zero.store(0, Relaxed);
        }
    }

    fn destruct(sk: &Sock<Self>, cx: &Cx<'_>) {
        sk.shared.queue.purge(cx, sk);
    }

    /// Packets do not wait for the lock: they are queued as they come.
    fn backlog_rcv(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        input::queue_rcv(cx, sk.sk, skb);
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        let here = PacketNet::of(cx.net);
        here.unhook(cx, sk);
        here.remove(cx, sk);
        sk.set_flag(SockFlag::Dead, true);
        sk.shared.queue.purge(cx, sk);
    }

    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        send::sendmsg(sk, cx, msg)
    }

    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        recv::recvmsg(sk, cx, msg)
    }

    fn poll(sk: &Sock<Self>, _cx: &UserCx<'_>) -> u32 {
        sk.datagram_poll(&sk.shared.queue)
    }
}
