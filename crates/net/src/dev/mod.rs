//! Network devices (`struct net_device`) and the way out through them.

pub mod ioctl;
mod xmit;

pub use xmit::{Tap, TapDirection, Taps, skb_checksum_help};

use crate::counters::Counters;
use crate::cx::Cx;
use crate::drop::DropReason;
use crate::netns::Net;
use crate::skb::Skb;
use kern::slots::Slots;
use kern::sync::SpinLock;
use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use uapi::{Errno, IFF_UP, Result};

/// What a device does for the stack (`netdev_features_t`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// It accepts packets without transport checksum (`NETIF_F_HW_CSUM`).
    pub csum: bool,
    /// It accepts packets that stand for many segments (`NETIF_F_GSO_MASK`).
    pub gso: bool,
    /// What it delivers never left this host: source checks do not apply (`IFF_LOOPBACK`).
    pub loopback: bool,
}

/// A device's driver (`struct net_device_ops`).
pub trait NetDeviceOps: Send + Sync {
    /// Sends one packet. `skb.data` is at the link-layer header, or at the network header for a
    /// device without one. Never receives: what comes back goes through [`Cx::netif_rx`].
    fn start_xmit(
        &self,
        cx: &Cx<'_>,
        dev: &NetDevice,
        skb: Skb,
    ) -> core::result::Result<(), (Skb, DropReason)>;

    /// The driver itself, for whoever made it.
    fn as_any(&self) -> &dyn Any;
}

/// What a new device looks like.
pub struct DeviceConfig {
    /// `lo`, `eth0`, …: at most 15 bytes.
    pub name: String,
    /// `ARPHRD_*`.
    pub hardware: u16,
    /// `IFF_*`.
    pub flags: u32,
    /// Bytes of a network-layer packet.
    pub mtu: u32,
    /// Link-layer address; empty when there is none.
    pub address: Vec<u8>,
    /// Link-layer broadcast address.
    pub broadcast: Vec<u8>,
    /// `tx_queue_len`, packets.
    pub tx_queue_len: u32,
    /// What it does for the stack.
    pub features: Features,
}

/// What is counted of a device, as `/proc/net/dev` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are rtnl_link_stats64's")]
pub enum DevStat {
    RxPackets,
    RxBytes,
    RxDropped,
    TxPackets,
    TxBytes,
    TxDropped,
    Multicast,
}

/// Packets and bytes of a device.
#[derive(Default)]
pub struct DeviceStats(Counters<{ DevStat::Multicast as usize + 1 }>);

impl DeviceStats {
    /// Counts `n` more.
    #[inline]
    pub fn add(&self, cx: &Cx<'_>, stat: DevStat, n: u64) {
        self.0.block(cx.cpu.id).count(stat as usize, n);
    }

    /// How much was counted.
    pub fn sum(&self, stat: DevStat) -> u64 {
        self.0.sum(stat as usize)
    }
}

/// A network device.
pub struct NetDevice {
    /// Interface index, from 1.
    pub ifindex: u32,
    /// Name.
    pub name: String,
    /// `ARPHRD_*`.
    pub hardware: u16,
    /// Link-layer address.
    pub address: Vec<u8>,
    /// Link-layer broadcast address.
    pub broadcast: Vec<u8>,
    /// Packets that may wait.
    pub tx_queue_len: u32,
    /// What it does for the stack.
    pub features: Features,
    /// Traffic.
    pub stats: DeviceStats,
    flags: AtomicU32,
    mtu: AtomicU32,
    queue_limit: AtomicU32,
    paces: AtomicBool,
    ops: Box<dyn NetDeviceOps>,
    generic: Slots<DEV_SLOTS>,
}

const DEV_SLOTS: usize = 4;

/// State that a room above keeps with every device (`in_device`, `inet6_dev`).
pub trait DevExt: Any + Send + Sync + Sized {
    /// Which slot: one number for each type, below 4.
    const SLOT: usize;
}

impl NetDevice {
    /// `IFF_*`.
    #[inline]
    pub fn flags(&self) -> u32 {
        self.flags.load(Relaxed)
    }

    /// Sets `IFF_*`.
    pub fn set_flags(&self, flags: u32) {
        self.flags.store(flags, Relaxed);
    }

    /// Bytes of a network-layer packet.
    #[inline]
    pub fn mtu(&self) -> u32 {
        self.mtu.load(Relaxed)
    }

    /// Sets the MTU; routes notice by the generation.
    pub fn set_mtu(&self, net: &Net, mtu: u32) {
        self.mtu.store(mtu, Relaxed);
        net.rt_genid_bump();
    }

    /// True when no packet may enter its queue. Devices here take each at once, so a queue is either empty or
    /// may hold nothing.
    #[inline]
    pub(crate) fn queue_is_full(&self) -> bool {
        self.queue_limit.load(Relaxed) == 0
    }

    /// Flows are paced here (`tc qdisc replace dev DEV root fq`): their protocols space the packets of
    /// connections that begin from now on.
    pub fn set_pacing(&self, on: bool) {
        self.paces.store(on, Relaxed);
    }

    /// Flows are paced here.
    pub fn paces(&self) -> bool {
        self.paces.load(Relaxed)
    }

    /// Sets how many packets may wait in its queue (`tc qdisc … pfifo limit`); with 0 it drops all, and who
    /// sends hears of it as of a full queue (`NET_XMIT_DROP`).
    pub fn set_queue_limit(&self, packets: u32) {
        self.queue_limit.store(packets, Relaxed);
    }

    /// The driver.
    pub fn ops(&self) -> &dyn NetDeviceOps {
        &*self.ops
    }

    /// What the room that defines `T` keeps with this device.
    pub fn ext<T: DevExt>(&self) -> Option<&T> {
        self.generic.get(T::SLOT)
    }

    /// Attaches what the room that defines `T` keeps with this device; once.
    pub fn set_ext<T: DevExt>(&self, value: T) -> Result<()> {
        self.generic.set(T::SLOT, value).map_err(|_| Errno::EEXIST)
    }
}

/// The devices of a namespace.
#[derive(Default)]
pub struct Devices {
    list: SpinLock<Vec<Arc<NetDevice>>>,
    next_index: AtomicU32,
    loopback: OnceLock<Arc<NetDevice>>,
    farewell: OnceLock<Farewell>,
}

/// Takes away what a room above keeps of a device that goes (`NETDEV_UNREGISTER`).
pub type Farewell = fn(&Net, &Arc<NetDevice>);

impl Devices {
    /// The loopback device, `lo`.
    #[inline]
    pub fn loopback(&self) -> Option<&Arc<NetDevice>> {
        self.loopback.get()
    }

    /// The device with this index.
    #[inline]
    pub fn by_index(&self, ifindex: u32) -> Option<Arc<NetDevice>> {
        match self.loopback.get() {
            Some(lo) if lo.ifindex == ifindex => Some(lo.clone()),
            _ => self.list.lock().iter().find(|dev| dev.ifindex == ifindex).cloned(),
        }
    }

    /// The device with this name.
    pub fn by_name(&self, name: &str) -> Option<Arc<NetDevice>> {
        self.list.lock().iter().find(|dev| dev.name == name).cloned()
    }

    /// All devices, in order of their indices.
    pub fn all(&self) -> Vec<Arc<NetDevice>> {
        self.list.lock().clone()
    }

    /// Adds a device (`register_netdevice`). The first one with [`Features::loopback`] is `lo`.
    /// `EEXIST` when the name is taken, `EINVAL` when it is no name.
    pub fn register(&self, config: DeviceConfig, ops: Box<dyn NetDeviceOps>) -> Result<Arc<NetDevice>> {
        let DeviceConfig { name, hardware, flags, mtu, address, broadcast, tx_queue_len, features } = config;
        if !valid_name(&name) {
            return Err(Errno::EINVAL);
        }
        let mut list = self.list.lock();
        if list.iter().any(|dev| dev.name == name) {
            return Err(Errno::EEXIST);
        }
        let dev = Arc::new(NetDevice {
            ifindex: self.next_index.fetch_add(1, Relaxed) + 1,
            name,
            hardware,
            address,
            broadcast,
            tx_queue_len,
            features,
            stats: DeviceStats::default(),
            flags: AtomicU32::new(flags),
            mtu: AtomicU32::new(mtu),
            queue_limit: AtomicU32::new(tx_queue_len.max(1)),
            paces: AtomicBool::new(false),
            ops,
            generic: Slots::default(),
        });
        if features.loopback {
            let _ = self.loopback.set(dev.clone());
        }
        list.push(dev.clone());
        Ok(dev)
    }

    /// Takes a device out (`unregister_netdevice`): it is down, and nobody finds it any more.
    pub fn unregister(&self, net: &Net, dev: &Arc<NetDevice>) {
        dev.set_flags(dev.flags() & !IFF_UP);
        self.list.lock().retain(|other| !Arc::ptr_eq(other, dev));
        if let Some(farewell) = self.farewell.get() {
            farewell(net, dev);
        }
        net.rt_genid_bump();
    }

    /// What is done when a device goes, once (`register_netdevice_notifier`); `EEXIST`.
    pub fn on_unregister(&self, farewell: Farewell) -> Result<()> {
        self.farewell.set(farewell).map_err(|_| Errno::EEXIST)
    }

    pub(crate) fn clear(&self) {
        self.list.lock().clear();
    }
}

/// True for what Linux takes as an interface name (`dev_valid_name`).
pub fn valid_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 16
        && name != "."
        && name != ".."
        && !name.bytes().any(|b| b == b'/' || b == b':' || b.is_ascii_whitespace())
}
