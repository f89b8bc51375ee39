//! `struct netlink_sock`, and netlink as a protocol of the socket layer.

use crate::dump::Dump;
use crate::state::NetlinkNet;
use crate::{message, name};
use kern::slab::Cache;
use kern::wait::WaitQueue;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{Proto, RecvQueue, SkMut, Sock, SockFlag, Timeo};
use net::{Cx, Net, Skb, UserCx};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use uapi::Result;

/// Netlink sockets.
pub struct Netlink;

/// What the socket lock guards.
#[derive(Default)]
pub struct NlSock {
    /// Whom `connect()` named, 0 for the kernel (`dst_portid`).
    pub(crate) dst_portid: u32,
    /// The group `connect()` named (`dst_group`).
    pub(crate) dst_group: u32,
    /// The longest buffer a reader came with: dumps are cut to it (`max_recvmsg_len`).
    pub(crate) max_recvmsg_len: usize,
    /// The dump under way (`cb_running`).
    pub(crate) dump: Option<Dump>,
}

/// Switches of `SOL_NETLINK`: bits of [`NlShared::flags`].
pub(crate) mod flag {
    pub(crate) const RECV_PKTINFO: u32 = 1;
    pub(crate) const BROADCAST_SEND_ERROR: u32 = 1 << 1;
    pub(crate) const RECV_NO_ENOBUFS: u32 = 1 << 2;
    pub(crate) const LISTEN_ALL_NSID: u32 = 1 << 3;
    pub(crate) const CAP_ACK: u32 = 1 << 4;
    pub(crate) const EXT_ACK: u32 = 1 << 5;
    pub(crate) const STRICT_CHK: u32 = 1 << 6;
}

/// What is read without the lock.
#[derive(Default)]
pub struct NlShared {
    /// Messages that wait.
    pub(crate) queue: RecvQueue,
    /// The socket's port (`portid`).
    pub(crate) portid: AtomicU32,
    /// It has one (`bound`).
    pub(crate) bound: AtomicBool,
    /// Groups joined, bit n-1 for group n (`groups`).
    pub(crate) groups: AtomicU64,
    /// The set is as long as the protocol has groups; until one is asked for it has no length (`ngroups`).
    pub(crate) has_groups: AtomicBool,
    /// [`flag`] bits.
    pub(crate) flags: AtomicU32,
    /// A message was lost, and the queue has not been read to its end since (`NETLINK_S_CONGESTED`).
    pub(crate) congested: AtomicBool,
    /// Where those wait who have messages for a full queue (`nlk->wait`).
    pub(crate) room: WaitQueue,
}

impl NlShared {
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

impl Proto for Netlink {
    type State = NlSock;
    type Shared = NlShared;

    const NAME: &'static str = "NETLINK";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &NetlinkNet::of(net).slab
    }

    fn reset(sk: &Sock<Self>, st: &mut NlSock) {
        *st = NlSock::default();
        sk.shared.portid.store(0, Relaxed);
        sk.shared.bound.store(false, Relaxed);
        sk.shared.groups.store(0, Relaxed);
        sk.shared.has_groups.store(false, Relaxed);
        sk.shared.flags.store(0, Relaxed);
        sk.shared.congested.store(false, Relaxed);
    }

    fn destruct(sk: &Sock<Self>, cx: &Cx<'_>) {
        sk.shared.queue.purge(cx, sk);
    }

    /// Messages never come from below.
    fn backlog_rcv(_sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        cx.consume_skb(skb);
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        name::unbind(sk, cx);
        sk.set_flag(SockFlag::Dead, true);
        sk.lock_sock(cx).dump = None;
        sk.shared.queue.purge(cx, sk);
        sk.shared.room.wake_all(uapi::poll::EPOLLOUT);
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
}
