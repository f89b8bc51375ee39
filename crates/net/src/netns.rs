//! The network namespace (`struct net`): everything a stack shares.
//!
//! A [`Net`] starts no thread, reads no clock and opens no file: what it needs of the outside is
//! handed in by a [`Config`]. Two can live in one process and know nothing of each other.

use crate::cx::{BhCx, Cx};
use crate::dev::{Devices, TapDirection, Taps};
use crate::drop::DropReason;
use crate::mib::Mibs;
use crate::skb::{Depot, Skb};
use crate::sock::sysctl::CoreSysctl;
use crate::socket::family::Families;
use crate::socket::file::SocketCount;
use crate::softnet::PacketReceive;
use crate::sysctl::SysctlTable;
use crate::timer::Armed;
use crate::trace::TracerSlot;
use kern::context::{Cpu, CpuIds};
use kern::gate::Gate;
use kern::park::Sleeper;
use kern::rng::Rng;
use kern::slots::Slots;
use kern::sync::ClaimQueue;
use kern::time::{Clock, Time};
use kern::timer::Wheel;
use std::any::Any;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use uapi::{Errno, Result};

/// What a namespace is given by its embedder.
pub struct Config {
    /// A number that no other namespace of the process has (`SO_NETNS_COOKIE`).
    pub id: u64,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Seed of all randomness: the same seed and the same calls give the same packets.
    pub seed: u64,
    /// How blocking calls sleep.
    pub sleeper: Arc<dyn Sleeper>,
    /// Called when a timer is armed for earlier than all others, so that whoever sleeps until
    /// [`Net::next_timer`] can be woken.
    pub on_timer: Option<Arc<dyn Fn(Time) + Send + Sync>>,
}

/// State that a room above keeps with every namespace (`net_generic`).
pub trait Pernet: Any + Send + Sync + Sized {
    /// Which slot: each room of the stack has its own, those outside share [`Slot::Embedder`].
    const SLOT: Slot;
}

/// The slots of [`Pernet`]: who keeps state with a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
#[allow(missing_docs, reason = "the names are the rooms'")]
pub enum Slot {
    Ip,
    Ipv6,
    Ports,
    Inet,
    Tcp,
    Udp,
    Raw,
    Ping,
    Unix,
    Netlink,
    Packet,
    Dev,
    /// Of rooms outside of the stack: any number of types share it.
    Embedder,
}

const SLOTS: usize = Slot::Embedder as usize + 1;

/// A network namespace.
pub struct Net {
    /// Its number.
    pub id: u64,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How blocking calls sleep.
    pub sleeper: Arc<dyn Sleeper>,
    /// Numbers of the threads that enter.
    pub cpus: CpuIds,
    /// Randomness.
    pub rng: Rng,
    /// Counters.
    pub mib: Mibs,
    /// Devices.
    pub dev: Devices,
    /// `/proc/sys`.
    pub sysctl: SysctlTable,
    /// What Linux has below `/sys/module`: parameters, as `tcp_cubic/parameters/hystart`.
    pub modules: SysctlTable,
    /// The values of `net.core.*`.
    pub core: CoreSysctl,
    /// `net_families`.
    pub families: Families,
    /// Who traces.
    pub tracer: TracerSlot,
    /// How many sockets there are.
    pub sockets: SocketCount,
    pub(crate) rx: ClaimQueue<Skb>,
    pub(crate) depot: Depot,
    pub(crate) timers: Wheel<Armed>,
    pub(crate) hrtimers: Wheel<Armed>,
    pub(crate) taps: Taps,
    pub(crate) netstamp: Gate,
    packet_types: [OnceLock<(u16, PacketReceive)>; 8],
    generic: Slots<SLOTS>,
    rt_genid: AtomicU32,
    next_ino: AtomicU64,
    next_cookie: AtomicU64,
    drops: [AtomicU64; DropReason::COUNT],
    on_timer: Option<Arc<dyn Fn(Time) + Send + Sync>>,
    soonest: AtomicU64,
}

impl Net {
    /// An empty namespace: no device, no family, no protocol. The `sockeye` crate fills it.
    pub fn new(config: Config) -> Arc<Net> {
        let now = config.clock.now();
        let net = Arc::new(Net {
            id: config.id,
            clock: config.clock,
            sleeper: config.sleeper,
            cpus: CpuIds::default(),
            rng: Rng::new(config.seed),
            mib: Mibs::default(),
            dev: Devices::default(),
            sysctl: SysctlTable::default(),
            modules: SysctlTable::default(),
            core: CoreSysctl::default(),
            families: Families::default(),
            tracer: TracerSlot::default(),
            sockets: SocketCount::default(),
            rx: ClaimQueue::default(),
            depot: Depot::default(),
            timers: Wheel::new(now.jiffies()),
            hrtimers: Wheel::new(now.ns()),
            taps: Taps::default(),
            netstamp: Gate::new(),
            packet_types: Default::default(),
            generic: Slots::default(),
            rt_genid: AtomicU32::new(1),
            next_ino: AtomicU64::new(1),
            next_cookie: AtomicU64::new(1),
            drops: std::array::from_fn(|_| AtomicU64::new(0)),
            on_timer: config.on_timer,
            soonest: AtomicU64::new(u64::MAX),
        });
        crate::sock::sysctl::register(&net);
        net
    }

    /// What a thread needs to enter this namespace; it keeps it for all its calls.
    pub fn new_cpu(&self) -> Cpu {
        Cpu::new(&self.cpus, self.clock.clone(), self.sleeper.clone())
    }

    /// Registers a layer-3 protocol by its ethertype (`dev_add_pack`); `EEXIST` if there is one,
    /// `ENOSPC` after eight.
    pub fn add_packet_type(&self, ethertype: u16, receive: PacketReceive) -> Result<()> {
        for slot in &self.packet_types {
            match slot.get() {
                Some((known, _)) if *known == ethertype => return Err(Errno::EEXIST),
                Some(_) => {}
                None => return slot.set((ethertype, receive)).map_err(|_| Errno::EEXIST),
            }
        }
        Err(Errno::ENOSPC)
    }

    #[inline]
    pub(crate) fn packet_type(&self, ethertype: u16) -> Option<PacketReceive> {
        let known = self.packet_types.iter().map_while(OnceLock::get);
        known.into_iter().find(|(known, _)| *known == ethertype).map(|(_, receive)| *receive)
    }

    /// What the room that defines `T` keeps with this namespace. It is set while the namespace is
    /// assembled; asking before is a bug of the assembly, and panics.
    #[inline]
    pub fn generic<T: Pernet>(&self) -> &T {
        self.try_generic().expect("the room was not attached to this namespace")
    }

    /// What the room that defines `T` keeps with this namespace, if it is attached.
    #[inline]
    pub fn try_generic<T: Pernet>(&self) -> Option<&T> {
        self.generic.get(T::SLOT as usize)
    }

    /// Attaches a room's state; `EEXIST` when it is attached already.
    pub fn set_generic<T: Pernet>(&self, value: T) -> Result<()> {
        self.generic.set(T::SLOT as usize, value).map_err(|_| Errno::EEXIST)
    }

    /// The generation of all routing state: cached routes of another one are stale.
    #[inline]
    pub fn rt_genid(&self) -> u32 {
        self.rt_genid.load(Relaxed)
    }

    /// Makes all cached routes stale (`rt_cache_flush`).
    pub fn rt_genid_bump(&self) {
        self.rt_genid.fetch_add(1, Relaxed);
    }

    /// The next inode numbers of sockfs, a batch for one thread (`get_next_ino`).
    pub(crate) fn next_inos(&self) -> std::ops::Range<u64> {
        const BATCH: u64 = 1024;
        let first = self.next_ino.fetch_add(BATCH, Relaxed);
        first..first + BATCH
    }

    /// From now on packets are stamped as they come in (`net_enable_timestamp`). It is not undone when
    /// the last socket that asked is closed: that would cost every other close a look.
    pub fn enable_timestamps(&self) {
        self.netstamp.set(true);
    }

    /// The next socket cookie (`SO_COOKIE`).
    pub fn next_cookie(&self) -> u64 {
        self.next_cookie.fetch_add(1, Relaxed)
    }

    pub(crate) fn count_drop(&self, reason: DropReason) {
        self.drops[reason as usize].fetch_add(1, Relaxed);
    }

    /// How many packets were dropped for this reason.
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize].load(Relaxed)
    }

    /// How many packets were dropped for each reason, in the order of [`DropReason::NAMES`].
    pub fn drop_counts(&self) -> [u64; DropReason::COUNT] {
        std::array::from_fn(|i| self.drops[i].load(Relaxed))
    }

    /// Tells who sleeps until the next timer, when `expires` is earlier than what was told last.
    #[inline]
    pub(crate) fn timer_armed(&self, expires: Time) {
        if expires.ns() < self.soonest.load(Relaxed)
            && let Some(on_timer) = &self.on_timer
        {
            self.soonest.store(expires.ns(), Relaxed);
            on_timer(expires);
        }
    }

    /// Whoever called [`Net::next_timer`] promises to be back by `until`: timers armed for later
    /// than that need not be announced.
    pub fn timers_promised(&self, until: Option<Time>) {
        self.soonest.store(until.map_or(u64::MAX, Time::ns), Relaxed);
    }

    /// Shows a packet to the taps as received.
    pub fn tap_in(&self, cx: &BhCx<'_, '_>, skb: &Skb) {
        self.deliver_taps_in(cx, skb);
    }

    /// Shows a packet to the taps as sent.
    pub fn tap_out(&self, cx: &Cx<'_>, skb: &Skb) {
        self.deliver_taps(cx, skb, TapDirection::Out);
    }

    /// Lets go of what keeps itself alive in a circle. For the last user of a namespace.
    pub fn exit(&self) {
        self.families.clear();
        self.dev.clear();
    }
}
