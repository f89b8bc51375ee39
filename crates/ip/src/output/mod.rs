//! The way down: from a transport header to a device (`net/ipv4/ip_output.c`,
//! `net/ipv6/ip6_output.c`).
//!
//! * [`queue_xmit`]: a connected socket's packet, by its cached route.
//! * [`send_skb`]: one datagram with the settings of its call; [`cork`] builds one from many calls.
//! * [`local_out`]: a packet whose IP header is there.
//!
//! All end in [`finish`], the seam to neighbours.

pub mod cork;
mod fragment;
mod v4;
mod v6;

pub use cork::{Cork, append_data, make_skb};
pub(crate) use v4::default_ttl;
pub use v4::{select_id, with_options};
pub(crate) use v6::default_hops;

use crate::packet::flag;
use crate::sock::InetSock;
use crate::v4::options::IpOptions;
use crate::v6::txopt::TxOptions;
use crate::{mcast, packet, route};
use net::dst::{Dst, DstKind};
use net::skb::{IpSummed, PktType, SkBuff};
use net::sock::SockCommon;
use net::{Cx, DropReason, Skb, mib};
use std::sync::Arc;
use uapi::{ARPHRD_ETHER, Errno, IFF_LOOPBACK, IFF_NOARP, IFF_UP, InetAddr, Result};

/// What one call asks for beside what its socket has set: control messages (`struct ipcm_cookie`,
/// `struct ipcm6_cookie`).
#[derive(Clone, Debug, Default)]
pub struct Ipcm {
    /// Source address (`IP_PKTINFO`, `IPV6_PKTINFO`).
    pub saddr: Option<InetAddr>,
    /// Interface to leave by, 0 for the socket's (`IP_PKTINFO`, `IPV6_PKTINFO`).
    pub oif: u32,
    /// Time to live or hop limit (`IP_TTL`, `IPV6_HOPLIMIT`).
    pub ttl: Option<u8>,
    /// Type of service or traffic class (`IP_TOS`, `IPV6_TCLASS`).
    pub tos: Option<u8>,
    /// IPv4 options (`IP_RETOPTS`).
    pub options: Option<Arc<IpOptions>>,
    /// IPv6 extension headers.
    pub opt6: Option<Arc<TxOptions>>,
    /// Flow label, of the address or of `IPV6_FLOWINFO`, host order.
    pub flow_label: u32,
    /// Never fragment (`IPV6_DONTFRAG`).
    pub dontfrag: Option<bool>,
    /// Bytes of a segment (`UDP_SEGMENT`).
    pub gso_size: u16,
    /// `SO_MARK`.
    pub mark: Option<u32>,
    /// `SO_PRIORITY`.
    pub priority: Option<u32>,
    /// Protocol of a raw packet (`IP_PROTOCOL`).
    pub protocol: Option<u8>,
    /// `SO_TIMESTAMPING` flags of this call.
    pub tsflags: Option<u32>,
    /// The number its times are told with (`SCM_TS_OPT_ID`).
    pub ts_opt_id: Option<u32>,
    /// When to send, nanoseconds (`SCM_TXTIME`).
    pub transmit_time: Option<u64>,
}

impl Ipcm {
    /// Nothing asked for: a call without control messages.
    pub const NONE: Ipcm = Ipcm {
        saddr: None,
        oif: 0,
        ttl: None,
        tos: None,
        options: None,
        opt6: None,
        flow_label: 0,
        dontfrag: None,
        gso_size: 0,
        mark: None,
        priority: None,
        protocol: None,
        tsflags: None,
        ts_opt_id: None,
        transmit_time: None,
    };
}

/// Where a datagram goes.
#[derive(Clone, Copy)]
pub struct Datagram<'a> {
    /// The route.
    pub dst: &'a Dst,
    /// Source.
    pub saddr: InetAddr,
    /// Destination: the last one, when there is a source route.
    pub daddr: InetAddr,
    /// Protocol.
    pub protocol: u8,
    /// What the call asked for.
    pub ipc: &'a Ipcm,
}

impl Datagram<'_> {
    /// Bytes of IP header, options and extension headers.
    fn header_len(&self, inet: &InetSock) -> usize {
        if self.daddr.is_v4() {
            wire::Ipv4Hdr::LEN + self.options(inet).map_or(0, |o| o.len())
        } else {
            wire::Ipv6Hdr::LEN + self.opt6(inet).map_or(0, |o| o.len())
        }
    }

    fn options<'i>(&'i self, inet: &'i InetSock) -> Option<&'i Arc<IpOptions>> {
        self.ipc.options.as_ref().or(inet.options.as_ref())
    }

    fn opt6<'i>(&'i self, inet: &'i InetSock) -> Option<&'i Arc<TxOptions>> {
        self.ipc.opt6.as_ref().or(inet.v6.opt.as_ref())
    }
}

/// The most bytes a datagram may have, its transport header counted: more is `EMSGSIZE`
/// (`__ip_append_data`, `__ip6_append_data`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub max: usize,
    /// The MTU that the error queue tells with `EMSGSIZE`.
    pub mtu: u32,
}

/// See [`Room`].
pub fn room(inet: &InetSock, to: &Datagram<'_>) -> Room {
    let header = to.header_len(inet);
    if to.daddr.is_v4() {
        let mtu = if use_pmtu(inet.pmtudisc) { to.dst.mtu() } else { to.dst.dev.mtu() };
        let mtu = mtu.min(route::IP_MAX_MTU);
        let limit = if ignore_df(inet.pmtudisc) { route::IP_MAX_MTU } else { mtu };
        let options = header - wire::Ipv4Hdr::LEN;
        return Room {
            max: (limit as usize).saturating_sub(header),
            mtu: mtu.saturating_sub(options as u32),
        };
    }
    let pmtudisc = inet.v6.pmtudisc;
    let mut mtu = if use_pmtu(pmtudisc) { to.dst.mtu() } else { to.dst.dev.mtu() };
    if inet.v6.frag_size != 0 {
        mtu = mtu.min(inet.v6.frag_size);
    }
    let dontfrag = to.ipc.dontfrag.unwrap_or(inet.v6.dontfrag);
    let limit = if ignore_df(pmtudisc) && !dontfrag { route::IP6_MAX_MTU } else { mtu };
    let mtu = mtu.saturating_sub((header - wire::Ipv6Hdr::LEN) as u32);
    Room { max: (limit as usize).saturating_sub(header), mtu }
}

/// The path's MTU counts, not only the device's (`ip_sk_use_pmtu`, `ip6_sk_accept_pmtu`).
#[inline]
fn use_pmtu(pmtudisc: u8) -> bool {
    i32::from(pmtudisc) < uapi::IP_PMTUDISC_PROBE
}

/// A packet may be fragmented here although it says DF (`ip_sk_ignore_df`, `ip6_sk_ignore_df`).
#[inline]
fn ignore_df(pmtudisc: u8) -> bool {
    let mode = i32::from(pmtudisc);
    mode < uapi::IP_PMTUDISC_DO || mode == uapi::IP_PMTUDISC_OMIT
}

/// True for a v4 or v6 packet to be sent to the peer of a connected socket: `daddr` is final.
#[inline]
fn is_v4(inet: &InetSock) -> bool {
    inet.daddr.is_v4()
}

/// Sends a packet of a connected socket (`ip_queue_xmit`, `inet6_csk_xmit`): adds the IP header by
/// the socket's route, which is looked up again when the tables changed. `skb.data` is at the
/// transport header. `EHOSTUNREACH` or what the lookup says without a route; the packet is consumed
/// in any case.
#[inline]
pub fn queue_xmit(cx: &Cx<'_>, sk: &SockCommon, inet: &mut InetSock, skb: Skb) -> Result<()> {
    if let Err(errno) = route::sk_dst(cx, sk, inet) {
        return no_route(cx, is_v4(inet), skb, errno);
    }
    if is_v4(inet) { v4::queue_xmit(cx, sk, inet, skb) } else { v6::queue_xmit(cx, sk, inet, skb) }
}

#[cold]
fn no_route(cx: &Cx<'_>, v4: bool, skb: Skb, errno: Errno) -> Result<()> {
    if v4 {
        cx.inc(mib::Ip::OutNoRoutes);
        cx.drop_skb(skb, DropReason::IpOutNoRoutes);
        return Err(Errno::EHOSTUNREACH);
    }
    cx.inc(mib::Ip6::OutNoRoutes);
    cx.drop_skb(skb, DropReason::IpOutNoRoutes);
    Err(errno)
}

/// Sends one datagram (`ip_make_skb` with `ip_send_skb`, `ip6_make_skb` with `ip6_send_skb`): adds
/// the IP header and fragments when it must. `skb.data` is at the transport header, the length was
/// compared with [`room`]. `ENOBUFS` when the device has no room, and what [`local_out`] says.
pub fn send_skb(
    cx: &Cx<'_>,
    sk: &SockCommon,
    inet: &mut InetSock,
    to: &Datagram<'_>,
    mut skb: Skb,
) -> Result<()> {
    skb.mark = to.ipc.mark.unwrap_or_else(|| sk.mark());
    skb.priority = to.ipc.priority.unwrap_or_else(|| sk.priority());
    let result =
        if to.daddr.is_v4() { v4::send_skb(cx, inet, to, skb) } else { v6::send_skb(cx, sk, inet, to, skb) };
    if result.is_err() {
        count(cx, to.daddr.is_v6(), mib::Ip6::OutDiscards, mib::Ip::OutDiscards);
    }
    result
}

/// Counts what both families count.
#[inline]
fn count(cx: &Cx<'_>, v6: bool, six: mib::Ip6, four: mib::Ip) {
    if v6 {
        cx.inc(six);
    } else {
        cx.inc(four);
    }
}

/// Sends a packet with its IP header (`ip_local_out`, `ip6_local_out`): `skb.data` is at it and its
/// length and checksum are right.
#[inline]
pub fn local_out(cx: &Cx<'_>, dst: &Dst, mut skb: Skb) -> Result<()> {
    skb.set_network_header();
    count(cx, dst.src.is_v6(), mib::Ip6::OutRequests, mib::Ip::OutRequests);
    dst_output(cx, dst, skb)
}

/// Sends a packet by its route (`dst_output`): multicast and broadcast are copied back to this host,
/// what is too long is fragmented. The network header is set and data is at it.
#[inline]
pub fn dst_output(cx: &Cx<'_>, dst: &Dst, mut skb: Skb) -> Result<()> {
    // By the route and not by the header, which a program may have written.
    skb.protocol = if dst.src.is_v6() { uapi::ETH_P_IPV6 } else { uapi::ETH_P_IP };
    if dst.dev.flags() & IFF_UP == 0 {
        cx.drop_skb(skb, DropReason::DevReady);
        return Err(Errno::ENETDOWN);
    }
    match dst.kind {
        DstKind::Local => skb.ip_flags |= flag::LOCAL,
        DstKind::Unicast => {}
        DstKind::Broadcast | DstKind::Multicast => return mc_output(cx, dst, skb),
    }
    finish_output(cx, dst, skb)
}

/// Fragments when it must, and goes on (`ip_finish_output`, `ip6_finish_output`).
#[inline]
fn finish_output(cx: &Cx<'_>, dst: &Dst, skb: Skb) -> Result<()> {
    let mtu = if skb.ip_flags & flag::DEV_MTU == 0 { dst.mtu() } else { dst.dev.mtu() };
    if skb.len() > mtu as usize && skb.gso_size == 0 {
        return fragment::fragment(cx, dst, skb, mtu);
    }
    finish(cx, dst, skb)
}

/// Multicast and broadcast (`ip_mc_output`, `ip6_finish_output2`): what this host listens to itself
/// comes back as a copy, unless the device brings everything back anyway.
fn mc_output(cx: &Cx<'_>, dst: &Dst, mut skb: Skb) -> Result<()> {
    let (saddr, daddr) = packet::addrs(&skb);
    let by_loopback = dst.dev.flags() & IFF_LOOPBACK != 0;
    if by_loopback
        && daddr.is_v4()
        && dst.kind == DstKind::Multicast
        && mcast::is_member(&dst.dev, daddr, saddr)
    {
        // On Linux the route comes back with the packet: a source that nobody may have out there is
        // not asked about.
        skb.ip_flags |= flag::LOCAL | flag::LOOPED;
    } else if !by_loopback && skb.ip_flags & flag::LOOPED == 0 {
        let wanted = match dst.kind {
            DstKind::Multicast => {
                skb.ip_flags & flag::NO_MC_LOOP == 0 && mcast::is_member(&dst.dev, daddr, saddr)
            }
            _ => true,
        };
        if wanted {
            loopback_xmit(cx, dst, skb.clone_in(cx));
        }
        // RFC 1112: what has no hops left stays on this host; IPv6 says so of interface-local groups.
        let stays = match dst.kind {
            DstKind::Multicast if daddr.is_v4() => packet::ttl(&skb) == 0,
            DstKind::Multicast => daddr.as_v6().octets()[1] & 0xf <= 1,
            _ => false,
        };
        if stays {
            cx.consume_skb(skb);
            return Ok(());
        }
    }
    if daddr.is_v6() {
        cx.inc(mib::Ip6::OutMcastPkts);
        cx.add(mib::Ip6::OutMcastOctets, skb.len() as u64);
    }
    finish_output(cx, dst, skb)
}

/// Brings a packet back as if it had come in by the device it goes out by (`dev_loopback_xmit`).
fn loopback_xmit(cx: &Cx<'_>, dst: &Dst, mut skb: Skb) {
    skb.pkt_type = PktType::Loopback;
    if skb.ip_summed == IpSummed::None {
        skb.ip_summed = IpSummed::Unnecessary;
    }
    skb.ip_flags |= flag::LOCAL | flag::LOOPED;
    skb.iif = dst.dev.ifindex;
    cx.netif_rx(skb);
}

/// The seam to neighbours (`ip_finish_output2`, `neigh_output`): a device without link-layer
/// addresses takes the packet as it is; for others the neighbour's address is to be found first.
/// Data is at the network header.
#[inline]
pub fn finish(cx: &Cx<'_>, dst: &Dst, skb: Skb) -> Result<()> {
    let len = skb.len() as u64;
    if skb.protocol == uapi::ETH_P_IPV6 {
        cx.inc(mib::Ip6::OutTransmits);
        cx.add(mib::Ip6::OutOctets, len);
    } else {
        cx.inc(mib::Ip::OutTransmits);
        cx.add(mib::IpExt::OutOctets, len);
        let (pkts, octets) = match dst.kind {
            DstKind::Multicast => (mib::IpExt::OutMcastPkts, mib::IpExt::OutMcastOctets),
            DstKind::Broadcast => (mib::IpExt::OutBcastPkts, mib::IpExt::OutBcastOctets),
            DstKind::Local | DstKind::Unicast => return neigh_output(cx, dst, skb),
        };
        cx.inc(pkts);
        cx.add(octets, len);
    }
    neigh_output(cx, dst, skb)
}

#[inline]
fn neigh_output(cx: &Cx<'_>, dst: &Dst, skb: Skb) -> Result<()> {
    let dev = &dst.dev;
    if dev.hardware == ARPHRD_ETHER && dev.flags() & IFF_NOARP == 0 {
        // Neighbour discovery is not there yet: nobody answers.
        cx.drop_skb(skb, DropReason::NeighFailed);
        return Ok(());
    }
    cx.dev_queue_xmit(dev, skb)
}

/// Milliseconds since midnight UT (`inet_current_timestamp`).
pub(crate) fn ms_since_midnight(cx: &Cx<'_>) -> u32 {
    const DAY: u64 = 86_400_000;
    (cx.net.clock.realtime_ns() / 1_000_000 % DAY) as u32
}

/// Notes how a socket wants its packets treated further down.
#[inline]
fn note(skb: &mut SkBuff, pmtudisc: u8, mc_loop: bool) {
    if !use_pmtu(pmtudisc) {
        skb.ip_flags |= flag::DEV_MTU;
    }
    if !mc_loop {
        skb.ip_flags |= flag::NO_MC_LOOP;
    }
}

/// Notes that a datagram may be cut here although it says DF; a connection's packets never are, it
/// makes smaller ones.
#[inline]
fn note_datagram(skb: &mut SkBuff, pmtudisc: u8, mc_loop: bool) {
    note(skb, pmtudisc, mc_loop);
    if ignore_df(pmtudisc) {
        skb.ip_flags |= flag::IGNORE_DF;
    }
}
