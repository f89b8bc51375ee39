//! Identifications of packets that belong to no connection (`ip_select_ident`, `__ip_select_ident`,
//! `ip_idents_reserve`): counters shared by buckets of (source, destination, protocol), moved on by
//! random steps with the time that passed, so that nobody can count our packets.

use kern::hash::SipKey;
use kern::rng::Rng;
use kern::time::Jiffies;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use uapi::InetAddr;

const BUCKETS: usize = 2048;

pub(crate) struct Idents {
    key: SipKey,
    /// (counter, when it was used last in jiffies).
    buckets: Box<[(AtomicU32, AtomicU32)]>,
}

impl Idents {
    pub(crate) fn new(rng: &Rng) -> Self {
        let bucket = |_| (AtomicU32::new(rng.u32()), AtomicU32::new(0));
        Idents { key: SipKey([rng.u64(), rng.u64()]), buckets: (0..BUCKETS).map(bucket).collect() }
    }

    /// A flow label for messages of the kernel's own, stable for each peer and type
    /// (`ip6_make_flowlabel` with the flow's hash).
    pub(crate) fn flow_label(&self, saddr: InetAddr, daddr: InetAddr, kind: u8) -> u32 {
        let key = SipKey([self.key.0[1], self.key.0[0]]);
        let ((a, b), (c, d)) = (saddr.words(), daddr.words());
        key.hash_fast([a, b, c, d, kind.into()]) as u32 & uapi::IPV6_FLOWLABEL_MASK
    }

    /// The identification for the next `segs` packets of a flow.
    pub(crate) fn select(
        &self,
        rng: &Rng,
        now: Jiffies,
        (saddr, daddr): (InetAddr, InetAddr),
        protocol: u8,
        segs: u32,
    ) -> u32 {
        let ((a, b), (c, d)) = (saddr.words(), daddr.words());
        let hash = match (saddr.is_v4(), daddr.is_v4()) {
            (true, true) => self.key.hash_fast([b << 32 | d & 0xffff_ffff, protocol.into()]),
            _ => self.key.hash_fast([a, b, c, d, protocol.into()]),
        };
        let (counter, stamp) = &self.buckets[hash as usize % BUCKETS];
        let now = now as u32;
        let old = stamp.load(Relaxed);
        let passed = now.wrapping_sub(old);
        let step = if passed != 0 && stamp.compare_exchange(old, now, Relaxed, Relaxed).is_ok() {
            rng.below(passed)
        } else {
            0
        };
        counter.fetch_add(segs + step, Relaxed).wrapping_add(step)
    }
}
