//! Learned path MTUs (`struct fib_nh_exception`, `rt6_exception`): kept by destination, for
//! `mtu_expires` seconds.

use crate::IpNet;
use hashbrown::HashMap;
use kern::sync::SpinLock;
use kern::time::{HZ, Jiffies};
use net::timer::TimerTarget;
use net::{BhCx, Cx, Net};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use uapi::InetAddr;
use wire::ipv6::IPV6_MIN_MTU;

/// How many destinations are remembered; hostile errors must not fill the memory.
const MAX: usize = 4096;

/// What was learned of the path to one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) mtu: u32,
    /// The path's MTU is below what is believed: never set DF (`fnhe_mtu_locked`).
    pub(crate) locked: bool,
    expires: Jiffies,
}

#[derive(Default)]
pub(crate) struct Exceptions {
    known: SpinLock<HashMap<InetAddr, Exception>>,
    /// How many there are, so that lookups take no lock for none.
    count: AtomicU32,
}

impl Exceptions {
    pub(crate) fn get(&self, cx: &Cx<'_>, daddr: InetAddr) -> Option<Exception> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        let found = self.known.lock().get(&daddr).copied();
        found.filter(|e| cx.jiffies() < e.expires)
    }

    fn set(&self, cx: &Cx<'_>, daddr: InetAddr, new: Exception) {
        let mut known = self.known.lock();
        if known.len() >= MAX {
            let now = cx.jiffies();
            known.retain(|_, e| now < e.expires);
        }
        if known.len() < MAX || known.contains_key(&daddr) {
            known.insert(daddr, new);
        }
        self.count.store(known.len() as u32, Relaxed);
    }
}

/// Routes with an expired MTU are looked up again.
struct Expiry;

impl TimerTarget for Expiry {
    fn expire(self: Arc<Self>, _which: u8, cx: &BhCx<'_, '_>) {
        let exceptions = &IpNet::of(cx.net).exceptions;
        let now = cx.jiffies();
        let mut known = exceptions.known.lock();
        known.retain(|_, e| now < e.expires);
        let next = known.values().map(|e| e.expires).min();
        exceptions.count.store(known.len() as u32, Relaxed);
        drop(known);
        cx.net.rt_genid_bump();
        if let Some(next) = next {
            cx.mod_timer(&IpNet::of(cx.net).pmtu_timer, next, 0, || self);
        }
    }
}

/// Learns that packets to `daddr` may have at most `mtu` bytes (`ip_rt_update_pmtu`,
/// `ip6_rt_update_pmtu`): cached routes are looked up again. A value that is not smaller than what
/// is known changes nothing.
pub fn update(cx: &Cx<'_>, daddr: InetAddr, known: u32, mtu: u32) {
    let ip = IpNet::of(cx.net);
    let least = if daddr.is_v4() { super::v4::min_pmtu(cx) } else { IPV6_MIN_MTU };
    // IPv6 never goes below its least MTU; IPv4 stops setting DF instead.
    let (mtu, locked) = if mtu < least { (least, daddr.is_v4()) } else { (mtu, false) };
    if mtu >= known && !locked {
        return;
    }
    let seconds = if daddr.is_v4() { &ip.sysctl.mtu_expires } else { &ip.sysctl.mtu_expires6 };
    let expires = cx.jiffies() + seconds.load(Relaxed).max(1).unsigned_abs() as Jiffies * HZ;
    ip.exceptions.set(cx, daddr, Exception { mtu: mtu.min(known), locked, expires });
    cx.net.rt_genid_bump();
    if ip.exceptions.count.load(Relaxed) == 1 {
        cx.mod_timer(&ip.pmtu_timer, expires, 0, || Arc::new(Expiry));
    }
}

/// Forgets all (`/proc/sys/net/ipv4/route/flush`).
pub fn flush(net: &Net) {
    let exceptions = &IpNet::of(net).exceptions;
    exceptions.known.lock().clear();
    exceptions.count.store(0, Relaxed);
    net.rt_genid_bump();
}

/// Learns from an error what the path allows, for protocols that keep no connection
/// (`ipv4_update_pmtu`, `ip6_update_pmtu`).
pub fn learn(cx: &Cx<'_>, error: &crate::protocol::IcmpError<'_>) {
    let flow = net::dst::Flow { daddr: error.daddr, saddr: error.saddr, oif: 0, iif: 0, mark: 0, tos: 0 };
    if let Ok(dst) = super::output(cx, &flow) {
        update(cx, error.daddr, dst.mtu(), error.info);
    }
}

/// The same for a connected socket, which is looked up again on its next packet
/// (`ipv4_sk_update_pmtu`, `inet_csk_update_pmtu`). Gives the path's MTU as it is believed now.
pub fn update_sock(
    cx: &Cx<'_>,
    sk: &net::sock::SockCommon,
    inet: &mut crate::InetSock,
    mtu: u32,
) -> uapi::Result<u32> {
    let known = super::sk_dst(cx, sk, inet)?.mtu();
    update(cx, inet.daddr, known, mtu);
    Ok(super::sk_dst(cx, sk, inet)?.mtu())
}
