//! `struct unix_sock`, and AF_UNIX as a protocol of the socket layer.

use crate::addr::UnixAddr;
use crate::scm::Message;
use crate::state::UnixNet;
use crate::{datagram, poll, release, stream, stream_recv};
use kern::slab::Cache;
use kern::sync::{SpinGuard, SpinLock};
use kern::wait::WaitQueue;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{Proto, SkMut, Sock, SockFlag, Timeo};
use net::socket::PeerCred;
use net::{Cx, Net, Skb, UserCx};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use uapi::socket::{AF_UNIX, SOCK_DGRAM, SOCK_STREAM};
use uapi::{Result, TcpState};

/// Sockets of AF_UNIX, all types.
pub struct Unix;

/// What a peer touches: guarded by one spin lock (`unix_state_lock`, `sk_receive_queue.lock`).
#[derive(Default)]
pub(crate) struct Inner {
    /// Whom messages go to (`peer`).
    pub(crate) peer: Option<Arc<Sock<Unix>>>,
    /// The socket's name (`addr`).
    pub(crate) addr: Option<Arc<UnixAddr>>,
    /// The file it is bound to (`path`).
    pub(crate) inode: Option<u64>,
    /// Who the peer was, or of a listener who listens (`sk_peer_pid`, `sk_peer_cred`).
    pub(crate) cred: Option<PeerCred>,
    /// No file holds it any more (`SOCK_DEAD`).
    pub(crate) dead: bool,
    /// The listener in whose queue it waits to be accepted, by [`Sock::key`]; 0 for none.
    pub(crate) listener: usize,
    /// Messages in order.
    pub(crate) messages: VecDeque<Message>,
    /// A listener's connections that wait to be accepted.
    pub(crate) pending: VecDeque<Arc<Sock<Unix>>>,
    /// The urgent byte's message, by number (`oob_skb`).
    pub(crate) oob: Option<u64>,
    /// The next message's number.
    pub(crate) next_id: u64,
    /// Bytes that `SIOCINQ` tells of a stream (`inq_len`).
    pub(crate) inq: usize,
    /// Senders who wait for room here and have only poll to hear of it (`peer_wait` of `peer_wake`).
    pub(crate) blocked: Vec<Arc<Sock<Unix>>>,
    /// In whose `blocked` this sock stands (`peer_wake`).
    pub(crate) blocked_on: Option<Arc<Sock<Unix>>>,
}

/// What is read without the lock.
#[derive(Default)]
pub struct UnixShared {
    inner: SpinLock<Inner>,
    /// Those who wait for room in the queue, with the call (`peer_wait`).
    pub(crate) peer_wait: WaitQueue,
    /// How many wait in the queue, messages or connections.
    pub(crate) queued: AtomicU32,
    /// There is an urgent byte.
    pub(crate) has_oob: AtomicBool,
    /// In use, for who lists socks.
    pub(crate) live: AtomicBool,
    listed: AtomicBool,
}

impl UnixShared {
    #[inline]
    pub(crate) fn lock(&self) -> SpinGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queued.load(Relaxed) == 0
    }
}

impl Inner {
    /// Tells those who look without the lock.
    #[inline]
    pub(crate) fn publish(&self, shared: &UnixShared) {
        shared.queued.store((self.messages.len() + self.pending.len()) as u32, Relaxed);
        shared.has_oob.store(self.oob.is_some(), Relaxed);
    }

    /// Appends a message, numbered.
    #[inline]
    pub(crate) fn push(&mut self, shared: &UnixShared, mut message: Message) -> u64 {
        let id = self.next_id;
        message.id = id;
        self.next_id += 1;
        self.inq += message.skb.len();
        self.messages.push_back(message);
        shared.queued.store(self.messages.len() as u32, Relaxed);
        id
    }
}

impl Unix {
    /// A fresh sock (`unix_create1`).
    pub(crate) fn create(cx: &UserCx<'_>, kind: u16) -> Arc<Sock<Unix>> {
        let sk = Sock::<Unix>::alloc(cx, AF_UNIX as u16, kind, 0);
        let unix = UnixNet::of(cx.net);
        sk.set_max_ack_backlog(unix.max_dgram_qlen.load(Relaxed) as u32);
        sk.set_flag(SockFlag::PassRights, true);
        sk.shared.live.store(true, Relaxed);
        if !sk.shared.listed.swap(true, Relaxed) {
            unix.list(&sk);
        }
        sk
    }

    /// What tells socks apart.
    #[inline]
    pub(crate) fn key(sk: &Sock<Unix>) -> usize {
        std::ptr::from_ref(sk).addr()
    }

    #[inline]
    pub(crate) fn is_same(a: &Sock<Unix>, b: &Sock<Unix>) -> bool {
        std::ptr::eq(a, b)
    }

    /// Locks two different socks (`unix_state_double_lock`).
    pub(crate) fn lock_two<'a>(
        a: &'a Sock<Unix>,
        b: &'a Sock<Unix>,
    ) -> (SpinGuard<'a, Inner>, SpinGuard<'a, Inner>) {
        if Unix::key(a) < Unix::key(b) {
            let first = a.shared.lock();
            (first, b.shared.lock())
        } else {
            let first = b.shared.lock();
            (a.shared.lock(), first)
        }
    }

    /// Streams and sequenced packets.
    #[inline]
    pub(crate) fn is_connection(sk: &Sock<Unix>) -> bool {
        i32::from(sk.kind()) != SOCK_DGRAM
    }

    #[inline]
    pub(crate) fn is_in(sk: &Sock<Unix>, state: TcpState) -> bool {
        sk.state() == state as u8
    }

    pub(crate) fn set_state(sk: &Sock<Unix>, cx: &Cx<'_>, state: TcpState) {
        sk.set_state(cx, <Unix as Proto>::NAME, state as u8);
    }

    /// The queue is as long as it may be (`unix_recvq_full_lockless`).
    #[inline]
    pub(crate) fn is_full(sk: &Sock<Unix>) -> bool {
        sk.shared.queued.load(Relaxed) > sk.max_ack_backlog()
    }

    /// A quarter of the send buffer is in use at most (`unix_writable`). `more` is what Linux counts
    /// beside the bytes.
    #[inline]
    pub(crate) fn is_writable(sk: &Sock<Unix>, more: i32) -> bool {
        let used = i64::from(sk.wmem_alloc.load(Relaxed)) + i64::from(more);
        !Unix::is_in(sk, TcpState::Listen) && used << 2 <= i64::from(sk.sndbuf())
    }

    /// It wants the sender's credentials (`unix_may_passcred`).
    #[inline]
    pub(crate) fn may_passcred(sk: &Sock<Unix>) -> bool {
        sk.flag(SockFlag::PassCred) || sk.flag(SockFlag::PassPidfd)
    }
}

impl Proto for Unix {
    /// The lock itself is all: it is the reader's and the binder's.
    type State = ();
    type Shared = UnixShared;

    const NAME: &'static str = "UNIX";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &UnixNet::of(net).slab
    }

    fn reset(sk: &Sock<Self>, _st: &mut ()) {
        let mut inner = sk.shared.lock();
        let (messages, blocked) = (std::mem::take(&mut inner.messages), std::mem::take(&mut inner.blocked));
        // Released socks have neither; what is kept is their memory.
        debug_assert!(messages.is_empty() && blocked.is_empty());
        *inner = Inner { messages, blocked, ..Inner::default() };
        inner.publish(&sk.shared);
        sk.shared.live.store(false, Relaxed);
    }

    /// Messages never come from below.
    fn backlog_rcv(_sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        cx.consume_skb(skb);
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        release::release(sk, cx);
    }

    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        match i32::from(sk.kind()) {
            SOCK_STREAM => stream::sendmsg(sk, cx, msg),
            SOCK_DGRAM => datagram::sendmsg(sk, cx, msg),
            _ => datagram::seqpacket_sendmsg(sk, cx, msg),
        }
    }

    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        match i32::from(sk.kind()) {
            SOCK_STREAM => stream_recv::recvmsg(sk, cx, msg),
            SOCK_DGRAM => datagram::recvmsg(sk, cx, msg),
            _ => datagram::seqpacket_recvmsg(sk, cx, msg),
        }
    }

    fn poll(sk: &Sock<Self>, _cx: &UserCx<'_>) -> u32 {
        poll::poll(sk)
    }
}
