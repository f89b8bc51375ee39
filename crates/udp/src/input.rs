//! Datagrams come in (`__udp4_lib_rcv`, `__udp6_lib_rcv`): checked, looked up, queued.

use crate::mib;
use crate::sock::flag;
use crate::table::Packet;
use crate::{Udp, UdpNet};
use ip::protocol::NetProtocol;
use net::skb::IpSummed;
use net::{BhCx, Cx, DropReason, Skb, Sock};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH};
use uapi::{IPPROTO_UDP, IPPROTO_UDPLITE};
use wire::UdpHdr;

/// UDP, as ip knows it.
pub(crate) const UDP: NetProtocol =
    NetProtocol { handler: rcv::<UDP_NR>, err_handler: Some(crate::err::err::<UDP_NR>), no_policy: true };
/// UDP-Lite, as ip knows it.
pub(crate) const UDPLITE: NetProtocol =
    NetProtocol { handler: rcv::<LITE_NR>, err_handler: Some(crate::err::err::<LITE_NR>), no_policy: true };

const UDP_NR: u16 = IPPROTO_UDP as u16;
const LITE_NR: u16 = IPPROTO_UDPLITE as u16;

/// What is wrong with a datagram.
enum Bad {
    Short,
    Checksum,
}

/// Receives a datagram: `data` is at its header.
fn rcv<const PROTOCOL: u16>(cx: &BhCx<'_, '_>, mut skb: Skb) {
    skb.set_transport_header();
    let (saddr, daddr) = ip::packet::addrs(&skb);
    let v6 = daddr.is_v6();
    if let Err(bad) = check(cx, PROTOCOL, &mut skb, saddr, daddr) {
        let reason = match bad {
            Bad::Short => DropReason::PktTooSmall,
            Bad::Checksum => {
                mib::inc(cx, PROTOCOL, v6, &mib::IN_CSUM_ERRORS);
                DropReason::UdpCsum
            }
        };
        mib::inc(cx, PROTOCOL, v6, &mib::IN_ERRORS);
        return cx.drop_skb(skb, reason);
    }
    let Some((header, _)) = UdpHdr::view(skb.linear()) else {
        return cx.drop_skb(skb, DropReason::PktTooSmall);
    };
    let packet = Packet { saddr, sport: header.source(), daddr, dport: header.dest(), dif: skb.iif };
    let unchecked = v6 && header.check() == 0;
    if skb.ip_flags & ip::packet::flag::GROUP != 0 || daddr.is_multicast() {
        return deliver_to_many::<PROTOCOL>(cx, &packet, skb, unchecked);
    }
    let table = UdpNet::of(cx.net).table(PROTOCOL);
    let found = table.lookup_then(cx, &packet, Some(skb), |sk, skb| match skb {
        Some(skb) => Outcome::of(sk, queue_quietly(cx, sk, skb, unchecked)),
        None => Outcome::Queued,
    });
    match found {
        Ok(Outcome::Queued) | Err(None) => {}
        Ok(Outcome::Wake(sk)) => {
            sk.data_ready(cx);
            cx.sock_put(sk);
        }
        Ok(Outcome::Dropped(skb, reason)) => dropped(cx, PROTOCOL, skb, reason),
        Err(Some(skb)) => no_socket(cx, PROTOCOL, skb),
    }
}

/// What became of a datagram that has a socket.
enum Outcome {
    Queued,
    /// It is queued, and readers are to be told.
    Wake(Arc<Sock<Udp>>),
    Dropped(Skb, DropReason),
}

impl Outcome {
    #[inline]
    fn of(sk: &Arc<Sock<Udp>>, queued: Result<bool, (Skb, DropReason)>) -> Self {
        match queued {
            Ok(false) => Outcome::Queued,
            Ok(true) => Outcome::Wake(sk.clone()),
            Err((skb, reason)) => Outcome::Dropped(skb, reason),
        }
    }
}

/// Nobody has the port: the sender is told.
#[cold]
fn no_socket(cx: &BhCx<'_, '_>, protocol: u16, skb: Skb) {
    let v6 = ip::packet::is_v6(&skb);
    mib::inc(cx, protocol, v6, &mib::NO_PORTS);
    if v6 {
        ip::icmp6::send(cx, &skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
    } else {
        ip::icmp::send(cx, &skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
    }
    cx.drop_skb(skb, DropReason::NoSocket);
}

/// Counts and drops a datagram that its socket did not take.
#[cold]
fn dropped(cx: &Cx<'_>, protocol: u16, skb: Skb, reason: DropReason) {
    let v6 = ip::packet::is_v6(&skb);
    match reason {
        DropReason::SocketRcvbuff => mib::inc(cx, protocol, v6, &mib::RCVBUF_ERRORS),
        DropReason::ProtoMem => mib::inc(cx, protocol, v6, &mib::MEM_ERRORS),
        DropReason::UdpCsum => mib::inc(cx, protocol, v6, &mib::IN_CSUM_ERRORS),
        _ => {}
    }
    mib::inc(cx, protocol, v6, &mib::IN_ERRORS);
    cx.drop_skb(skb, reason);
}

/// Checks lengths and checksum, and cuts off what lies behind the datagram.
fn check(
    cx: &Cx<'_>,
    protocol: u16,
    skb: &mut Skb,
    saddr: uapi::InetAddr,
    daddr: uapi::InetAddr,
) -> Result<(), Bad> {
    if !skb.may_pull(UdpHdr::LEN) {
        return Err(Bad::Short);
    }
    let Some((header, _)) = UdpHdr::view(skb.linear()) else { return Err(Bad::Short) };
    let (len, sum) = (usize::from(header.datagram_len()), header.check());
    if protocol == LITE_NR {
        return check_lite(skb, len, sum, saddr, daddr);
    }
    // Only a jumbogram of IPv6 has no length.
    let len = if len == 0 && daddr.is_v6() { skb.len() } else { len };
    if len < UdpHdr::LEN || len > skb.len() {
        return Err(Bad::Short);
    }
    if len < skb.len() {
        skb.trim(cx, len);
    }
    if skb.ip_summed != IpSummed::None || sum == 0 {
        return Ok(());
    }
    let pseudo = ip::packet::pseudo_header(saddr, daddr, IPPROTO_UDP as u8, len as u32);
    if pseudo.add(skb.checksum(0)).is_valid() { Ok(()) } else { Err(Bad::Checksum) }
}

/// UDP-Lite's length field says how much the checksum covers (RFC 3828 section 3.1).
fn check_lite(
    skb: &Skb,
    coverage: usize,
    sum: u16,
    saddr: uapi::InetAddr,
    daddr: uapi::InetAddr,
) -> Result<(), Bad> {
    let len = skb.len();
    let coverage = if coverage == 0 { len } else { coverage };
    if sum == 0 || coverage < UdpHdr::LEN || coverage > len {
        return Err(Bad::Checksum);
    }
    if skb.ip_summed != IpSummed::None {
        return Ok(());
    }
    let mut covered = vec![0; coverage];
    skb.copy_bits(0, &mut covered);
    let pseudo = ip::packet::pseudo_header(saddr, daddr, IPPROTO_UDPLITE as u8, len as u32);
    if pseudo.add_bytes(&covered).is_valid() { Ok(()) } else { Err(Bad::Checksum) }
}

/// A multicast or broadcast goes to every socket that wants it (`__udp4_lib_mcast_deliver`).
fn deliver_to_many<const PROTOCOL: u16>(cx: &BhCx<'_, '_>, packet: &Packet, skb: Skb, unchecked: bool) {
    let wants = |sk: &Sock<Udp>| {
        (!unchecked || sk.shared.flag(flag::NO_CHECK6_RX))
            && ip::mcast::sf_allow(&sk.shared.inet, packet.daddr, packet.saddr, packet.dif)
    };
    let mut socks = UdpNet::of(cx.net).table(PROTOCOL).lookup_all(packet, wants);
    let Some(last) = socks.pop() else {
        mib::inc(cx, PROTOCOL, packet.daddr.is_v6(), &mib::IGNORED_MULTI);
        return cx.consume_skb(skb);
    };
    for sk in socks {
        let copy = skb.clone_in(cx);
        queue_rcv(cx, &sk, copy);
        cx.sock_put(sk);
    }
    queue_rcv(cx, &last, skb);
    cx.sock_put(last);
}

/// Puts a datagram, `data` at its header, on the socket's receive queue (`udp_queue_rcv_one_skb`).
pub(crate) fn queue_rcv(cx: &Cx<'_>, sk: &Sock<Udp>, skb: Skb) {
    match queue_quietly(cx, sk, skb, false) {
        Ok(true) => sk.data_ready(cx),
        Ok(false) => {}
        Err((skb, reason)) => dropped(cx, sk.protocol(), skb, reason),
    }
}

/// The same without telling readers: true when they are to be told.
#[inline]
fn queue_quietly(
    cx: &Cx<'_>,
    sk: &Sock<Udp>,
    mut skb: Skb,
    unchecked: bool,
) -> Result<bool, (Skb, DropReason)> {
    if unchecked && !sk.shared.flag(flag::NO_CHECK6_RX) {
        return Err((skb, DropReason::UdpCsum));
    }
    if sk.shared.flag(flag::LITE_RECV) && !lite_covers(sk, &skb) {
        sk.drops.fetch_add(1, Relaxed);
        return Err((skb, DropReason::NotSpecified));
    }
    if let Err(reason) = sk.filter(cx, &mut skb, UdpHdr::LEN) {
        sk.drops.fetch_add(1, Relaxed);
        return Err((skb, reason));
    }
    skb.pull(UdpHdr::LEN);
    ip::cmsg::prepare(sk, &sk.shared.inet, &mut skb);
    sk.shared.queue.enqueue_scheduled(cx, sk, UdpNet::of(cx.net).scheduled(), skb)
}

/// Whether enough of a UDP-Lite datagram is covered for a receiver that asked for so much.
#[cold]
fn lite_covers(sk: &Sock<Udp>, skb: &Skb) -> bool {
    let coverage = UdpHdr::view(skb.linear()).map_or(0, |(header, _)| header.datagram_len());
    let partial = coverage != 0 && usize::from(coverage) < skb.len();
    let wanted = sk.shared.lite_recv.load(Relaxed);
    !partial || wanted != 0 && coverage >= wanted
}
