//! Contexts: who is running, in which namespace, and what it may do.
//!
//! * [`Cx`]: any context. It may queue packets and arm timers, never sleep.
//! * [`UserCx`]: a system call's. It derefs to [`Cx`], holds the [`Process`] and may sleep.
//! * [`BhCx`]: a softirq's ("bottom half"). It derefs to [`Cx`]; sleeping there does not compile.
//!
//! Packets that a call sends to this host wait in its `Cx` and are received when the call ends or
//! before it sleeps, as on Linux after `local_bh_enable()`; see [`crate::softnet`].

use crate::drop::DropReason;
use crate::mib::{Mib, MibBlock};
use crate::netns::Net;
use crate::percpu::PerCpu;
use crate::skb::Skb;
use kern::context::{Process, Softirq};
use kern::sync::Claim;
use kern::time::{Jiffies, Time};
use std::cell::{Cell, RefCell};
use std::ops::{Deref, Range};
use std::sync::atomic::Ordering::Relaxed;

/// What code running inside one namespace on behalf of one thread has at hand.
pub struct Cx<'c> {
    /// The namespace.
    pub net: &'c Net,
    /// The thread's caches and counters.
    pub cpu: &'c PerCpu,
    mib: &'c MibBlock,
    now: Cell<u64>,
    pub(crate) rx: RefCell<Option<Claim<'c, Skb>>>,
    /// The sock, by address, whose lock this softirq holds, and what its sleepers are to be woken for once it is let go.
    held: Cell<(usize, u32)>,
}

const NOT_READ: u64 = u64::MAX;

impl<'c> Cx<'c> {
    pub(crate) fn new(net: &'c Net, cpu: &'c kern::context::Cpu) -> Self {
        let cpu = PerCpu::of(cpu);
        Cx {
            net,
            cpu,
            mib: net.mib.block(cpu.id),
            now: Cell::new(NOT_READ),
            rx: RefCell::new(None),
            held: Cell::default(),
        }
    }

    /// The time, read from the namespace's clock once for each pass through the stack: reading it
    /// costs as much as several locks.
    #[inline]
    pub fn now(&self) -> Time {
        if self.now.get() == NOT_READ {
            self.now.set(self.net.clock.now().ns());
        }
        Time::from_ns(self.now.get())
    }

    /// Forgets the time that was read, after a sleep.
    #[inline]
    pub fn refresh_now(&self) {
        self.now.set(NOT_READ);
    }

    /// Runs `locked`, which holds the lock of the sock at `addr` in softirq context, then gives the events that
    /// [`Cx::wake_later`] kept. Whoever is woken wants that lock first: on the same processor it would run before us and
    /// find it taken, where in a kernel nobody can come between.
    #[inline]
    pub(crate) fn holding_wakes(&self, addr: usize, locked: impl FnOnce()) -> u32 {
        let outer = self.held.replace((addr, 0));
        locked();
        self.held.replace(outer).1
    }

    /// Keeps a wake-up for when the sock's lock is let go; false when this softirq does not hold it.
    #[inline]
    pub(crate) fn wake_later(&self, addr: usize, events: u32) -> bool {
        let (held, kept) = self.held.get();
        if held == addr {
            self.held.set((held, kept | events));
        }
        held == addr
    }

    /// The time in ticks of 1 ms.
    #[inline]
    pub fn jiffies(&self) -> Jiffies {
        self.now().jiffies()
    }

    /// Adds one to a counter (`NET_INC_STATS` and its kin).
    #[inline]
    pub fn inc(&self, counter: impl Into<Mib>) {
        self.mib.add(counter.into(), 1);
    }

    /// Adds `n` to a counter.
    #[inline]
    pub fn add(&self, counter: impl Into<Mib>, n: u64) {
        self.mib.add(counter.into(), n);
    }

    /// The next inode number of sockfs (`get_next_ino`).
    #[inline]
    pub(crate) fn next_ino(&self) -> u64 {
        let (mut of, mut next, mut end) = self.cpu.inos.get();
        if next == end || of != self.net.id {
            (of, Range { start: next, end }) = (self.net.id, self.net.next_inos());
        }
        self.cpu.inos.set((of, next + 1, end));
        next
    }

    /// A buffer with [`crate::skb::HEADROOM`] bytes before its data (`alloc_skb` and `skb_reserve`).
    #[inline]
    pub fn alloc_skb(&self) -> Skb {
        self.cpu.pool.alloc(&self.net.depot)
    }

    /// Gives a buffer back after its data arrived (`consume_skb`).
    #[inline]
    pub fn consume_skb(&self, skb: Skb) {
        self.cpu.pool.free(skb, &self.net.depot);
    }

    /// Gives a buffer back whose data did not arrive, and says why (`kfree_skb_reason`).
    pub fn drop_skb(&self, skb: Skb, reason: DropReason) {
        self.net.count_drop(reason);
        self.trace(|| crate::trace::Event::Drop { reason, len: skb.len() });
        self.consume_skb(skb);
    }

    /// The buffer is charged to `sk`'s send buffer until a device has taken it (`skb_set_owner_w`).
    pub fn skb_set_owner_w(&self, skb: &mut Skb, sk: std::sync::Arc<dyn crate::sock::AnySock>) {
        self.skb_orphan(skb);
        sk.common().wmem_alloc.fetch_add(skb.truesize as i32, Relaxed);
        skb.owner = Some(sk);
    }

    /// Its socket is done with a buffer: a device keeps or hands on the bytes (`skb_orphan`).
    #[inline]
    pub fn skb_orphan(&self, skb: &mut Skb) {
        if let Some(owner) = skb.owner.take() {
            owner.common().wmem_alloc.fetch_sub(skb.truesize as i32, Relaxed);
            owner.put(self);
        }
    }

    /// Reports an event to whoever traces; costs a load and a branch when nobody does.
    #[inline]
    pub fn trace<'e>(&self, event: impl FnOnce() -> crate::trace::Event<'e>) {
        if self.net.tracer.is_on() {
            self.net.tracer.report(self.net, &event());
        }
    }
}

/// The context of a system call. When it is dropped, the packets that the call sent to this host
/// are received.
pub struct UserCx<'c> {
    cx: Cx<'c>,
    /// Who calls.
    pub process: &'c Process<'c>,
}

impl<'c> UserCx<'c> {
    /// Enters `net`.
    #[inline]
    pub fn enter(net: &'c Net, process: &'c Process<'c>) -> Self {
        UserCx { cx: Cx::new(net, process.cpu), process }
    }
}

impl<'c> Deref for UserCx<'c> {
    type Target = Cx<'c>;
    #[inline]
    fn deref(&self) -> &Cx<'c> {
        &self.cx
    }
}

impl Drop for UserCx<'_> {
    #[inline]
    fn drop(&mut self) {
        self.cx.do_softirq();
    }
}

/// The context of a softirq: a packet being received, a timer firing.
pub struct BhCx<'a, 'c> {
    cx: &'a Cx<'c>,
    /// The proof for locks that only a softirq may take.
    pub softirq: Softirq,
}

impl<'a, 'c> BhCx<'a, 'c> {
    pub(crate) fn new(cx: &'a Cx<'c>) -> Self {
        BhCx { cx, softirq: Softirq::enter() }
    }
}

impl<'c> Deref for BhCx<'_, 'c> {
    type Target = Cx<'c>;
    #[inline]
    fn deref(&self) -> &Cx<'c> {
        self.cx
    }
}
