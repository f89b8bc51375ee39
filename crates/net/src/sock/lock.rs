//! The socket lock (`lock_sock`, `bh_lock_sock`): owned by a system call, or held for a moment by a
//! softirq. What arrives while a call owns the sock waits in its backlog until `release_sock`.

use super::{Backlog, Proto, Sock, Timeo};
use crate::cx::{BhCx, Cx, UserCx};
use crate::drop::DropReason;
use crate::mib::TcpExt;
use crate::skb::Skb;
use crate::timer::TimerTarget;
use crate::trace::Event;
use kern::sync::{AddBacklog, BhLock, Owner};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use uapi::poll::EPOLLIN;
use uapi::{Errno, Result};

/// The proof that the lock of a sock is held, and what it guards. Protocol functions take it
/// instead of a bare reference; it derefs to the protocol's state.
pub struct SkMut<'a, P: Proto> {
    /// The sock.
    pub sk: &'a Sock<P>,
    st: &'a mut P::State,
}

impl<P: Proto> Deref for SkMut<'_, P> {
    type Target = P::State;
    #[inline]
    fn deref(&self) -> &P::State {
        self.st
    }
}

impl<P: Proto> DerefMut for SkMut<'_, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut P::State {
        self.st
    }
}

/// The lock as a system call owns it; dropping it is `release_sock`.
pub struct UserGuard<'a, 'c, P: Proto> {
    sk: &'a Sock<P>,
    cx: &'a UserCx<'c>,
    /// `None` only while it is being released.
    owner: Option<Owner<'a, P::State, Backlog>>,
}

impl<'a, 'c, P: Proto> UserGuard<'a, 'c, P> {
    /// Whose lock it is.
    #[inline]
    pub fn sock(&self) -> &'a Sock<P> {
        self.sk
    }

    /// What the lock guards.
    #[inline]
    pub fn sk_mut(&mut self) -> SkMut<'_, P> {
        match &mut self.owner {
            Some(owner) => SkMut { sk: self.sk, st: owner },
            None => unreachable!("released guards are gone"),
        }
    }

    /// Receives what arrived meanwhile, and stays the owner (`sk_flush_backlog`).
    pub fn flush_backlog(&mut self) {
        let Some(owner) = &mut self.owner else { return };
        while let Some(items) = owner.backlog() {
            let mut sk = SkMut { sk: self.sk, st: owner };
            for item in items {
                run_backlog(&mut sk, self.cx, item);
            }
        }
    }

    /// Waits until `cond` gives a value, with the lock released meanwhile and what arrived received
    /// (`sk_wait_event`). `EAGAIN` when `timeo` ends, `ERESTARTSYS` or `EINTR` on a signal, `EPIPE` when the
    /// connection that it waits on is given up meanwhile.
    #[inline]
    pub fn wait_event<R>(
        self,
        timeo: Timeo,
        mut cond: impl FnMut(&mut SkMut<'_, P>) -> Option<R>,
    ) -> (Self, Result<R>) {
        self.wait(timeo, false, |sk, _| cond(sk))
    }

    /// The same for a condition that needs the context.
    #[inline]
    pub fn wait_event_cx<R>(
        self,
        timeo: Timeo,
        cond: impl FnMut(&mut SkMut<'_, P>, &UserCx<'c>) -> Option<R>,
    ) -> (Self, Result<R>) {
        self.wait(timeo, false, cond)
    }

    /// The same when one of all who wait is enough (`prepare_to_wait_exclusive`): who accepts.
    #[inline]
    pub fn wait_event_exclusive<R>(
        self,
        timeo: Timeo,
        mut cond: impl FnMut(&mut SkMut<'_, P>) -> Option<R>,
    ) -> (Self, Result<R>) {
        self.wait(timeo, true, |sk, _| cond(sk))
    }

    fn wait<R>(
        self,
        timeo: Timeo,
        exclusive: bool,
        mut cond: impl FnMut(&mut SkMut<'_, P>, &UserCx<'c>) -> Option<R>,
    ) -> (Self, Result<R>) {
        let (sk, cx) = (self.sk, self.cx);
        let mut guard = self;
        if let Some(value) = cond(&mut guard.sk_mut(), cx) {
            return (guard, Ok(value));
        }
        if timeo == Timeo::Never {
            return (guard, Err(Errno::EAGAIN));
        }
        cx.trace(|| Event::Sleep { cookie: sk.cookie(cx.net) });
        let parker = cx.process.cpu.parker().clone();
        let key = sk.wq.add(parker.clone(), exclusive);
        let disconnects = sk.disconnects();
        let result = loop {
            parker.prepare();
            if !exclusive && sk.disconnects() != disconnects {
                break Err(Errno::EPIPE);
            }
            if let Some(value) = cond(&mut guard.sk_mut(), cx) {
                break Ok(value);
            }
            if cx.process.signal_pending() {
                break Err(timeo.intr_errno());
            }
            if timeo.has_passed(cx) {
                break Err(Errno::EAGAIN);
            }
            drop(guard);
            cx.do_softirq();
            cx.process.sleep(timeo.deadline());
            cx.refresh_now();
            guard = sk.lock_sock(cx);
        };
        // Who was woken alone and does not take what he was woken for wakes the next.
        if exclusive && result.is_err() {
            sk.wq.finish_wait(key, &parker, EPOLLIN);
        } else {
            sk.wq.remove(key);
        }
        (guard, result)
    }
}

impl<P: Proto> Deref for UserGuard<'_, '_, P> {
    type Target = P::State;
    #[inline]
    fn deref(&self) -> &P::State {
        match &self.owner {
            Some(owner) => owner,
            None => unreachable!("released guards are gone"),
        }
    }
}

impl<P: Proto> DerefMut for UserGuard<'_, '_, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut P::State {
        match &mut self.owner {
            Some(owner) => owner,
            None => unreachable!("released guards are gone"),
        }
    }
}

impl<P: Proto> Drop for UserGuard<'_, '_, P> {
    #[inline]
    fn drop(&mut self) {
        let Some(mut owner) = self.owner.take() else { return };
        while let Err(backlogged) = owner.try_release() {
            let items;
            (owner, items) = backlogged.into_parts();
            let mut sk = SkMut { sk: self.sk, st: &mut owner };
            for item in items {
                run_backlog(&mut sk, self.cx, item);
            }
        }
    }
}

fn run_backlog<P: Proto>(sk: &mut SkMut<'_, P>, cx: &Cx<'_>, item: Backlog) {
    match item {
        Backlog::Packet(skb) => P::backlog_rcv(sk, cx, skb),
        Backlog::Deferred(which) => P::deferred(sk, cx, which),
    }
}

/// The lock as a softirq holds it.
pub struct BhGuard<'a, P: Proto> {
    sk: &'a Sock<P>,
    guard: kern::sync::BhGuard<'a, P::State, Backlog>,
}

impl<P: Proto> BhGuard<'_, P> {
    /// What the lock guards.
    #[inline]
    pub fn sk_mut(&mut self) -> SkMut<'_, P> {
        SkMut { sk: self.sk, st: &mut self.guard }
    }
}

impl<P: Proto> Sock<P> {
    /// Owns the sock for a system call (`lock_sock`).
    #[inline]
    pub fn lock_sock<'a, 'c>(&'a self, cx: &'a UserCx<'c>) -> UserGuard<'a, 'c, P> {
        UserGuard { sk: self, cx, owner: Some(self.lock.lock(cx.process)) }
    }

    /// Holds the sock for a moment in softirq context; `None` when a process owns it
    /// (`bh_lock_sock`, `sock_owned_by_user`).
    pub fn bh_try_lock<'a>(&'a self, cx: &'a BhCx<'_, '_>) -> Option<BhGuard<'a, P>> {
        match self.lock.bh_lock(&cx.softirq) {
            BhLock::Free(guard) => Some(BhGuard { sk: self, guard }),
            BhLock::Owned(_) => None,
        }
    }

    /// Runs `f` with the lock held, for a sock that no process can own: it was never accepted. A
    /// softirq may hold it, for a moment.
    pub fn with_idle<R>(&self, f: impl FnOnce(&mut SkMut<'_, P>) -> R) -> R {
        let mut guard = loop {
            match self.lock.try_lock_idle() {
                Some(guard) => break guard,
                None => std::thread::yield_now(),
            }
        };
        f(&mut SkMut { sk: self, st: &mut guard })
    }

    /// Runs `now` with the lock held in softirq context, or leaves `item()` in the backlog of a sock
    /// that a process owns. The backlog takes packets up to `limit` bytes in all.
    #[inline]
    fn bh_run(
        &self,
        cx: &BhCx<'_, '_>,
        mut item: Backlog,
        limit: impl Fn() -> usize,
    ) -> core::result::Result<(), Backlog> {
        loop {
            match self.lock.bh_lock(&cx.softirq) {
                BhLock::Free(mut guard) => {
                    let events = cx.holding_wakes(self.addr(), || {
                        run_backlog(&mut SkMut { sk: self, st: &mut guard }, cx, item);
                        drop(guard);
                    });
                    if events != 0 {
                        self.wake_kept(events);
                    }
                    return Ok(());
                }
                BhLock::Owned(owned) => {
                    let bytes = match &item {
                        Backlog::Packet(skb) => {
                            cx.trace(|| Event::Backlog { cookie: self.cookie(cx.net), len: skb.len() });
                            skb.truesize as usize
                        }
                        Backlog::Deferred(_) => 0,
                    };
                    match owned.add_backlog(item, bytes, |stats| stats.bytes <= limit()) {
                        Ok(()) => return Ok(()),
                        Err(AddBacklog::Full(item)) => return Err(item),
                        Err(AddBacklog::Released(back)) => item = back,
                    }
                }
            }
        }
    }

    /// Gives a packet to this sock: to `P::backlog_rcv` now when it is free, by way of its backlog
    /// when a process owns it. A full backlog drops it.
    #[inline]
    pub fn receive(&self, cx: &BhCx<'_, '_>, skb: Skb) {
        // As tcp_add_backlog: what both buffers may hold, and room for small packets.
        let limit = || (self.rcvbuf() as usize).saturating_add(self.sndbuf() as usize / 2) + 64 * 1024;
        if let Err(Backlog::Packet(skb)) = self.bh_run(cx, Backlog::Packet(skb), limit) {
            cx.inc(TcpExt::TCPBacklogDrop);
            cx.drop_skb(skb, DropReason::SocketBacklog);
        }
    }

    /// Runs `P::deferred(which)` with the lock held, now or when its owner lets go.
    pub fn defer(&self, cx: &BhCx<'_, '_>, which: u8) {
        // Without a limit nothing is refused.
        let _ = self.bh_run(cx, Backlog::Deferred(which), || usize::MAX);
    }
}

impl<P: Proto> TimerTarget for Sock<P> {
    fn expire(self: Arc<Self>, which: u8, cx: &BhCx<'_, '_>) {
        self.defer(cx, which);
        cx.sock_put(self);
    }
}
