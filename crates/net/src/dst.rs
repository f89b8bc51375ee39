//! Where a packet goes: the answer of a route lookup (`struct dst_entry`, `struct rtable`,
//! `struct rt6_info`), and each thread's cache of them.

use crate::dev::NetDevice;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use uapi::InetAddr;

/// What to do with a packet (`RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstKind {
    /// To an address of this host: deliver.
    Local,
    /// To one host, over `dev`.
    Unicast,
    /// To all on a link.
    Broadcast,
    /// To a group.
    Multicast,
}

/// Route metrics (`RTAX_*`); 0 where the route says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Path MTU set by the administrator, bytes.
    pub mtu: u32,
    /// `mtu lock`.
    pub mtu_locked: bool,
    /// Maximum advertised segment size, bytes.
    pub advmss: u32,
    /// Maximum window, bytes.
    pub window: u32,
    /// Initial RTT, milliseconds.
    pub rtt: u32,
    /// Initial RTT variance, milliseconds.
    pub rttvar: u32,
    /// Initial slow-start threshold, segments.
    pub ssthresh: u32,
    /// Congestion window clamp, segments.
    pub cwnd: u32,
    /// Initial congestion window, segments.
    pub initcwnd: u32,
    /// Initial receive window, segments.
    pub initrwnd: u32,
    /// Time to live.
    pub hoplimit: u32,
    /// `RTAX_FEATURE_*`.
    pub features: u32,
    /// Minimum retransmission timeout, milliseconds.
    pub rto_min: u32,
    /// `quickack`.
    pub quickack: u32,
    /// Maximum reordering.
    pub reordering: u32,
    /// `fastopen_no_cookie`.
    pub fastopen_no_cookie: u32,
}

/// A resolved route.
pub struct Dst {
    /// The device packets leave by; for [`DstKind::Local`] the loopback device.
    pub dev: Arc<NetDevice>,
    /// What to do.
    pub kind: DstKind,
    /// The next hop, when it is not the destination itself.
    pub gateway: Option<InetAddr>,
    /// The source address to use when the socket has none.
    pub src: InetAddr,
    /// The route's metrics.
    pub metrics: Metrics,
    /// A learned path MTU, bytes; 0 for none.
    pub pmtu: AtomicU32,
    /// The generation of the routing tables it was looked up in.
    pub genid: u32,
}

impl Dst {
    /// The MTU of the path in bytes (`dst_mtu`): learned, else set by the route, else the device's.
    #[inline]
    pub fn mtu(&self) -> u32 {
        let learned = self.pmtu.load(Relaxed);
        let mtu = if learned != 0 { learned } else { self.metrics.mtu };
        if mtu != 0 { mtu } else { self.dev.mtu() }
    }

    /// True while the routing tables have not changed since the lookup (`dst_check`).
    #[inline]
    pub fn is_current(&self, net: &crate::Net) -> bool {
        self.genid == net.rt_genid()
    }
}

/// What a route lookup depends on (`struct flowi4`, `struct flowi6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Destination.
    pub daddr: InetAddr,
    /// Source; unspecified when the lookup is to choose one.
    pub saddr: InetAddr,
    /// Interface to leave by (`SO_BINDTODEVICE`, scope id), 0 for any.
    pub oif: u32,
    /// Interface it came in by; 0 for a packet of this host.
    pub iif: u32,
    /// `SO_MARK`.
    pub mark: u32,
    /// Type of service or traffic class.
    pub tos: u8,
}

const CACHED: usize = 128;

/// A namespace's number, what was asked there, the answer.
type Cached = (u64, Flow, Arc<Dst>);

/// A thread's cache of recent lookups, checked against the generation of the tables: a lookup that
/// hits costs no lock and no reference count until the route is kept.
pub struct DstCache {
    slots: Box<[RefCell<Option<Cached>>; CACHED]>,
}

impl Default for DstCache {
    fn default() -> Self {
        DstCache { slots: Box::new([const { RefCell::new(None) }; CACHED]) }
    }
}

impl DstCache {
    fn slot(flow: &Flow) -> usize {
        let (hi, lo) = flow.daddr.words();
        let mix = (hi ^ lo.rotate_left(17) ^ u64::from(flow.iif) << 7 ^ u64::from(flow.oif))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mix >> 57) as usize % CACHED
    }

    /// The route for `flow` in `net`: from the cache, else by `lookup`, which is remembered.
    #[inline]
    pub fn get<E>(
        &self,
        net: &crate::Net,
        flow: &Flow,
        lookup: impl FnOnce() -> Result<Arc<Dst>, E>,
    ) -> Result<Arc<Dst>, E> {
        let mut slot = self.slots[Self::slot(flow)].borrow_mut();
        if let Some((id, cached, dst)) = &*slot
            && *id == net.id
            && cached == flow
            && dst.is_current(net)
        {
            return Ok(dst.clone());
        }
        let dst = lookup()?;
        *slot = Some((net.id, *flow, dst.clone()));
        Ok(dst)
    }

    /// Forgets everything, so that no route keeps a device alive.
    pub fn clear(&self) {
        for slot in self.slots.iter() {
            slot.replace(None);
        }
    }
}
