//! From a flow to a [`Dst`] (`net/ipv4/route.c`, `net/ipv6/route.c`).
//!
//! [`output`] and [`input`] look in the thread's cache first; a hit takes no lock. What a lookup
//! finds is kept until the generation of the tables changes.

pub mod pmtu;
mod sock;
mod v4;
mod v6;

pub use sock::{connect, dont_route, flow_of, sk_dst};
pub use v4::spec_dst;

use crate::IpNet;
use net::dst::{Dst, DstKind, Flow, Metrics};
use net::{Cx, NetDevice};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use uapi::{InetAddr, Result};

/// In [`Flow::tos`] of an IPv4 packet: the destination must be on a link, no gateway will do
/// (`RTO_ONLINK`; `SO_DONTROUTE`, `MSG_DONTROUTE`).
pub const RTO_ONLINK: u8 = 1;
/// The largest IPv4 packet (`IP_MAX_MTU`).
pub const IP_MAX_MTU: u32 = 0xffff;
/// The largest IPv6 packet (`IP6_MAX_MTU`).
pub const IP6_MAX_MTU: u32 = 0xffff + 40;

/// The route of a packet that this host sends (`ip_route_output_key`, `ip6_route_output`). The
/// source chosen is in [`Dst::src`]: the flow's own, if it has one.
///
/// `ENETUNREACH`, `EHOSTUNREACH`, `EACCES` and `EINVAL` as [`crate::fib::Fib::lookup`] and Linux's
/// checks of the addresses give them; `ENODEV` for an interface that is not there; `EADDRNOTAVAIL`
/// when IPv6 has no source to offer.
#[inline]
pub fn output(cx: &Cx<'_>, flow: &Flow) -> Result<Arc<Dst>> {
    let dst = cx
        .cpu
        .routes
        .get(cx.net, flow, || if flow.daddr.is_v4() { v4::output(cx, flow) } else { v6::output(cx, flow) })?;
    cx.trace(|| net::trace::Event::Route { daddr: flow.daddr, saddr: dst.src, dev: &dst.dev.name });
    Ok(dst)
}

/// The route of a packet that came in: [`DstKind::Local`], `Broadcast` or `Multicast` for this host.
/// `EHOSTUNREACH` when it is for another and this host forwards nothing; `EINVAL` for martians.
#[inline]
pub fn input(cx: &Cx<'_>, flow: &Flow, dev: &Arc<NetDevice>) -> Result<Arc<Dst>> {
    cx.cpu.routes.get(cx.net, flow, || {
        if flow.daddr.is_v4() { v4::input(cx, flow, dev) } else { v6::input(cx, flow, dev) }
    })
}

/// Builds the answer.
fn dst(
    cx: &Cx<'_>,
    flow: &Flow,
    dev: Arc<NetDevice>,
    kind: DstKind,
    src: InetAddr,
    route: Option<&crate::fib::Route>,
) -> Arc<Dst> {
    let mut metrics: Metrics = route.map_or_else(Metrics::default, |route| route.metrics);
    // No packet is larger than its length field can say, whatever the device takes.
    let most = if flow.daddr.is_v4() { IP_MAX_MTU } else { IP6_MAX_MTU };
    if metrics.mtu > most || metrics.mtu == 0 && dev.mtu() > most {
        metrics.mtu = most;
    }
    let exception = IpNet::of(cx.net).exceptions.get(cx, flow.daddr);
    if exception.is_some_and(|e| e.locked) {
        metrics.mtu_locked = true;
    }
    Arc::new(Dst {
        dev,
        kind,
        gateway: route.and_then(|route| route.gateway),
        src,
        metrics,
        pmtu: AtomicU32::new(exception.map_or(0, |e| e.mtu)),
        genid: cx.net.rt_genid(),
    })
}
