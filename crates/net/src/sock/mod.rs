//! `struct sock`: the face of a socket toward the network.
//!
//! A [`Sock`] has three parts: [`SockCommon`], fields of every protocol that are read without the
//! lock; `P::Shared`, the protocol's own of that kind; and `P::State`, which only the holder of the
//! socket lock sees. It never names [`crate::Socket`]: news go up through its wait queue.
//!
//! Life: [`Sock::alloc`] takes a warm object from the protocol's slab (`sk_alloc`); whoever holds
//! the last reference gives it back with [`crate::Cx::sock_put`] (`sock_put`, `sk_free`).

mod account;
mod cmsg;
mod common;
mod datagram;
pub mod errqueue;
mod lock;
pub mod mem;
pub mod options;
mod proto;
pub mod reuseport;
mod stamp;
pub mod sysctl;
pub mod txstamp;
mod wait;
mod wait_on;

pub use account::{MemAccount, MemKind, Wanted};
pub use cmsg::{
    SockCmsg, sock_cmsg_send, sock_recv_cmsgs, sock_recv_timestamp, stream_recv_timestamp, wants_timestamps,
};
pub use common::{
    PACING_FQ, PACING_NEEDED, PACING_NONE, RCV_SHUTDOWN, SEND_SHUTDOWN, SHUTDOWN_MASK, SockCommon, SockFlag,
};
pub use datagram::{RecvQueue, Scheduled};
pub use lock::{BhGuard, SkMut, UserGuard};
pub use options::GetOpt;
pub use proto::Proto;
pub use stamp::gettstamp;
pub use wait::Timeo;
pub use wait_on::wait_on;

use crate::cx::{Cx, UserCx};
use crate::skb::Skb;
use kern::slab::Cache;
use kern::sync::OwnerLock;
use std::any::Any;
use std::ops::Deref;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Weak};

/// What waits for the owner of a socket to let go of it.
pub enum Backlog {
    /// A packet (`sk_add_backlog`).
    Packet(Skb),
    /// A timer that fired meanwhile, and other deferred work (`sk_tsq_flags`, `release_cb`).
    Deferred(u8),
}

/// A socket, as the network sees it. Generic over its protocol: demultiplexing tables hold typed
/// socks, so the receive path has no downcast.
pub struct Sock<P: Proto> {
    common: SockCommon,
    /// The protocol's fields that are read without the lock.
    pub shared: P::Shared,
    lock: OwnerLock<P::State, Backlog>,
    this: Weak<Sock<P>>,
}

impl<P: Proto> Deref for Sock<P> {
    type Target = SockCommon;
    #[inline]
    fn deref(&self) -> &SockCommon {
        &self.common
    }
}

/// A sock of any protocol: what families and the file layer hold.
pub trait AnySock: Any + Send + Sync {
    /// The fields of every protocol.
    fn common(&self) -> &SockCommon;
    /// For the way back to the typed sock.
    fn as_any(&self) -> &dyn Any;
    /// The same, keeping the reference.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// The protocol's name, as `/proc/net/protocols` prints it.
    fn prot_name(&self) -> &'static str;
    /// Gives up a reference; the last one returns the object to its slab.
    fn put(self: Arc<Self>, cx: &Cx<'_>);
    /// Tells the protocol, with the sock locked, what an option of `SOL_SOCKET` changed.
    fn so_hook(&self, cx: &UserCx<'_>, hook: SoHook);
}

/// What of `SOL_SOCKET` a protocol acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoHook {
    /// `SO_KEEPALIVE`: [`Proto::keepalive`].
    KeepAlive(bool),
    /// [`Proto::dst_reset`].
    DstReset,
    /// `SO_BINDTODEVICE`: [`Proto::rehash`], then [`Proto::dst_reset`].
    Device,
    /// `SO_TIMESTAMPING` with numbers: [`Proto::reset_tskey`].
    TsKey(bool),
}

impl<P: Proto> AnySock for Sock<P> {
    fn common(&self) -> &SockCommon {
        &self.common
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
    fn prot_name(&self) -> &'static str {
        P::NAME
    }
    fn put(self: Arc<Self>, cx: &Cx<'_>) {
        cx.sock_put(self);
    }
    fn so_hook(&self, cx: &UserCx<'_>, hook: SoHook) {
        let mut guard = self.lock_sock(cx);
        let mut sk = guard.sk_mut();
        match hook {
            SoHook::KeepAlive(on) => P::keepalive(&mut sk, cx, on),
            SoHook::DstReset => P::dst_reset(&mut sk),
            SoHook::TsKey(written) => P::reset_tskey(&mut sk, written),
            SoHook::Device => {
                P::rehash(&mut sk, cx);
                P::dst_reset(&mut sk);
            }
        }
    }
}

impl<P: Proto> Sock<P> {
    /// A sock from the protocol's slab, with defaults in all fields (`sk_alloc`, `sock_init_data`).
    pub fn alloc(cx: &Cx<'_>, family: u16, kind: u16, protocol: u16) -> Arc<Self> {
        let slab = P::slab(cx.net);
        let recycled = slab.get(cx.cpu.id);
        let warm = recycled.is_some();
        let sk = recycled.unwrap_or_else(Self::new);
        sk.common.init(cx.net, family, kind, protocol, P::FLAGS);
        cx.trace(|| crate::trace::Event::SkAlloc {
            slab: P::NAME,
            recycled: warm,
            cookie: sk.common.cookie(cx.net),
        });
        sk
    }

    fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Sock {
            common: SockCommon::default(),
            shared: P::Shared::default(),
            lock: OwnerLock::new(P::State::default()),
            this: this.clone(),
        })
    }

    /// Another reference to this sock (`sock_hold`).
    #[inline]
    pub fn hold(&self) -> Arc<Self> {
        // Whoever has `&self` has it from an `Arc`: socks are made nowhere else.
        self.this.upgrade().expect("a sock in use is referenced")
    }

    /// A reference that does not keep the sock.
    pub fn downgrade(&self) -> Weak<Self> {
        self.this.clone()
    }
}

impl Cx<'_> {
    /// Gives up a reference (`sock_put`). The last one empties the sock and returns it to its slab.
    #[inline]
    pub fn sock_put<P: Proto>(&self, sk: Arc<Sock<P>>) {
        // Nobody can gain a reference once ours is the only one: weak ones live in the sock itself.
        if Arc::strong_count(&sk) == 1 {
            // What the others did before they gave theirs up is to be seen.
            fence(Ordering::Acquire);
            self.sk_free(sk);
        } else {
            self.sock_put_shared(sk);
        }
    }

    /// As two at once may give up the last two references, each seeing the other's, the count itself has to say who
    /// is last. It says so by handing the sock out of its `Arc`; it gets a new one.
    fn sock_put_shared<P: Proto>(&self, sk: Arc<Sock<P>>) {
        if let Some(mut sk) = Arc::into_inner(sk) {
            self.sk_free(Arc::new_cyclic(|this| {
                sk.this.clone_from(this);
                sk
            }));
        }
    }

    fn sk_free<P: Proto>(&self, mut sk: Arc<Sock<P>>) {
        self.trace(|| crate::trace::Event::SkFree { slab: P::NAME, cookie: sk.common.cookie(self.net) });
        P::destruct(&sk, self);
        sk.common.purge();
        // Exclusive again: nobody holds the lock of a sock that nobody references.
        if let Some(mut st) = sk.lock.try_lock_idle() {
            P::reset(&sk, &mut st);
        }
        let slab: &Cache<Arc<Sock<P>>> = P::slab(self.net);
        let _ = &mut sk;
        drop(slab.put(self.cpu.id, sk));
    }
}
