//! How many errors this host sends: in all (`icmp_global_allow`) and to one peer
//! (`inet_peer_xrlim_allow`).

use crate::IpNet;
use hashbrown::HashMap;
use kern::rng::Rng;
use kern::sync::SpinLock;
use kern::time::{HZ, Jiffies};
use net::{Cx, NetDevice, mib};
use std::sync::atomic::Ordering::Relaxed;
use uapi::{ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMPV6_PKT_TOOBIG, IFF_LOOPBACK, InetAddr, NR_ICMP_TYPES};

/// So many errors at once may go to one peer that was quiet (`XRLIM_BURST_FACTOR`).
const BURST: u64 = 6;
/// How many peers are remembered (`inet_peer_threshold` is of this order).
const PEERS: usize = 8192;

/// What one peer may still be sent.
struct Bucket {
    tokens: u64,
    last: Jiffies,
}

/// What all together may still be sent.
struct Global {
    credit: u64,
    stamp: Jiffies,
}

/// The state of the limits.
pub(crate) struct IcmpState {
    global: SpinLock<Global>,
    peers: SpinLock<HashMap<InetAddr, Bucket>>,
}

impl IcmpState {
    pub(crate) fn new(_rng: &Rng) -> Self {
        IcmpState { global: SpinLock::new(Global { credit: 0, stamp: 0 }), peers: SpinLock::default() }
    }
}

/// True for a message that is limited (`icmpv4_mask_allow`, `icmpv6_mask_allow`). Discovery of the
/// path MTU never is.
fn is_limited(cx: &Cx<'_>, v6: bool, kind: u8, code: u8) -> bool {
    let sysctl = &IpNet::of(cx.net).sysctl;
    if v6 {
        let mask = sysctl.icmp6_ratemask.lock();
        return kind != ICMPV6_PKT_TOOBIG && mask.iter().any(|(a, b)| (*a..=*b).contains(&u32::from(kind)));
    }
    kind <= NR_ICMP_TYPES
        && (kind, code) != (ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED)
        && sysctl.icmp_ratemask.load(Relaxed) >> kind & 1 != 0
}

/// True when this host may send one more limited message at all.
pub(crate) fn allow_global(cx: &Cx<'_>, v6: bool, kind: u8, code: u8) -> bool {
    if !is_limited(cx, v6, kind, code) {
        return true;
    }
    let ip = IpNet::of(cx.net);
    let rate = crate::sysctl::IpSysctl::amount(&ip.sysctl.icmp_msgs_per_sec);
    let burst = crate::sysctl::IpSysctl::amount(&ip.sysctl.icmp_msgs_burst);
    // One second of credit at most; and the clock may have begun at 0 with nothing spent.
    let now = cx.jiffies() + HZ;
    let mut global = ip.icmp.global.lock();
    let passed = now.saturating_sub(global.stamp).min(HZ);
    let earned = rate * passed / HZ;
    if earned > 0 && (passed >= HZ / 50 || global.credit > 0) {
        global.stamp = now;
        global.credit = (global.credit + earned).min(burst);
    }
    if global.credit == 0 {
        drop(global);
        cx.inc(mib::Icmp::OutRateLimitGlobal);
        return false;
    }
    // Nobody shall learn by counting whether another was sent an error: the price varies.
    global.credit = global.credit.saturating_sub(u64::from(cx.net.rng.below(3)));
    true
}

/// True when `peer` may be sent one more limited message by way of `dev`.
pub(crate) fn allow_peer(cx: &Cx<'_>, v6: bool, kind: u8, code: u8, peer: InetAddr, dev: &NetDevice) -> bool {
    if dev.flags() & IFF_LOOPBACK != 0 || !is_limited(cx, v6, kind, code) {
        return true;
    }
    let ip = IpNet::of(cx.net);
    let limit = if v6 { &ip.sysctl.icmp6_ratelimit } else { &ip.sysctl.icmp_ratelimit };
    let price = crate::sysctl::IpSysctl::amount(limit);
    if price == 0 {
        return true;
    }
    let now = cx.jiffies();
    let mut peers = ip.icmp.peers.lock();
    if peers.len() >= PEERS {
        peers.retain(|_, bucket| now - bucket.last < BURST * price);
    }
    if peers.len() >= PEERS && !peers.contains_key(&peer) {
        return false;
    }
    let bucket = peers.entry(peer).or_insert(Bucket { tokens: BURST * price, last: now });
    bucket.tokens = (bucket.tokens + (now - bucket.last)).min(BURST * price);
    bucket.last = now;
    let allowed = bucket.tokens >= price;
    if allowed {
        bucket.tokens -= price;
    }
    drop(peers);
    if !allowed {
        if v6 { cx.inc(mib::Icmp6::OutRateLimitHost) } else { cx.inc(mib::Icmp::OutRateLimitHost) }
    }
    allowed
}
