//! The route of a socket (`sk_dst_cache`): its flow, its cached answer, `connect()`.

use crate::sock::InetSock;
use net::Cx;
use net::dst::{Dst, Flow};
use net::sock::{SockCommon, SockFlag};
use std::sync::Arc;
use uapi::{InetAddr, MSG_DONTROUTE, Result};

/// The flow of a packet from this socket to `daddr`: the socket's source, mark and class of service,
/// and the interface it is bound to or names for such destinations (`inet_sk_init_flowi4`,
/// `ip4_datagram_connect`, `udpv6_sendmsg`).
pub fn flow_of(sk: &SockCommon, inet: &InetSock, daddr: InetAddr) -> Flow {
    let mut flow = Flow { daddr, saddr: inet.saddr, oif: sk.bound_dev_if(), iif: 0, mark: sk.mark(), tos: 0 };
    // Before a v6 socket is bound its source is of the wrong family for a v4-mapped peer.
    if flow.saddr.is_unspecified() {
        flow.saddr = if daddr.is_v4() { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 };
    }
    if daddr.is_v4() {
        if flow.saddr.is_v6() {
            // What a socket with an IPv6 address shows as its IPv4 one (`LOOPBACK4_IPV6`).
            flow.saddr = crate::ports::LOOPBACK4_IPV6.into();
        }
        flow.tos = inet.tos & 0xfc;
        if sk.flag(SockFlag::LocalRoute) {
            flow.tos |= super::RTO_ONLINK;
        }
        if daddr.is_multicast() {
            if flow.oif == 0 {
                flow.oif = inet.mc_index;
            }
            if flow.saddr.is_unspecified() {
                flow.saddr = inet.mc_addr.into();
            }
        } else if flow.oif == 0 {
            flow.oif = inet.uc_index;
        }
    } else {
        flow.tos = inet.v6.tclass;
        if flow.oif == 0 {
            flow.oif = match () {
                () if inet.v6.sticky_pktinfo.ifindex != 0 => inet.v6.sticky_pktinfo.ifindex.unsigned_abs(),
                () if daddr.is_multicast() => inet.v6.mcast_oif,
                () if daddr.needs_scope_id() && inet.v6.scope_id != 0 => inet.v6.scope_id,
                () => inet.v6.ucast_oif,
            };
        }
        let sticky = InetAddr::from_octets(inet.v6.sticky_pktinfo.addr);
        if flow.saddr.is_unspecified() && !sticky.is_v4() {
            flow.saddr = sticky;
        }
    }
    flow
}

/// Makes the flow of one call of `sendmsg()` end on a link if the call, or the socket, asks for it (`ip_sendmsg_scope`).
/// IPv6 does not know of it.
#[inline]
pub fn dont_route(flow: &mut Flow, sk: &SockCommon, flags: u32) {
    if flow.daddr.is_v4() && (flags & MSG_DONTROUTE != 0 || sk.flag(SockFlag::LocalRoute)) {
        flow.tos |= super::RTO_ONLINK;
    }
}

/// The route to `daddr` with the socket's own source or the one chosen for it, and, if the socket
/// has none yet, that it keeps (`ip_route_connect` and `ip6_dst_lookup_flow` as `connect()` uses
/// them). Sets `saddr`, and `rcv_saddr` unless bound; keeps the route. The peer and its port are the
/// caller's to set.
pub fn connect(cx: &Cx<'_>, sk: &SockCommon, inet: &mut InetSock, daddr: InetAddr) -> Result<Arc<Dst>> {
    let dst = super::output(cx, &flow_of(sk, inet, daddr))?;
    if inet.saddr.is_unspecified() {
        inet.saddr = dst.src;
    }
    if inet.rcv_saddr.is_unspecified() {
        inet.rcv_saddr = dst.src;
    }
    inet.dst = Some(dst.clone());
    Ok(dst)
}

/// The route to a connected socket's peer: the kept one, or a new one when the tables changed
/// (`inet_sk_rebuild_header`, `sk_dst_check`).
#[inline]
pub fn sk_dst<'a>(cx: &Cx<'_>, sk: &SockCommon, inet: &'a mut InetSock) -> Result<&'a Arc<Dst>> {
    let current = inet.dst.as_ref().is_some_and(|dst| dst.is_current(cx.net));
    if !current || inet.dst.is_none() {
        inet.dst = None;
        let first_hop = inet.options.as_ref().and_then(|o| o.first_hop()).map_or(inet.daddr, Into::into);
        let flow = Flow { saddr: inet.saddr, ..flow_of(sk, inet, first_hop) };
        inet.dst = Some(super::output(cx, &flow)?);
    }
    inet.dst.as_ref().ok_or(uapi::Errno::EHOSTUNREACH)
}
