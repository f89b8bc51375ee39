//! Datagrams go out (`udp_sendmsg`, `udpv6_sendmsg`): where to, by which route, with which header.

use crate::dest::{Dest, destination};
use crate::sock::{check_send, flag};
use crate::{Udp, UdpSock, cork, mib};
use ip::datagram::truesize;
use ip::output::{self, Datagram, Ipcm};
use ip::route;
use net::dst::{Dst, DstKind, Flow};
use net::msg::MsgHdr;
use net::sock::txstamp::setup_tx_timestamp;
use net::sock::{SkMut, SockFlag};
use net::{Cx, Skb, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{
    AF_INET, Errno, IPPROTO_UDP, IPPROTO_UDPLITE, InetAddr, MSG_CONFIRM, MSG_DONTROUTE, MSG_MORE, MSG_OOB,
    MSG_PROBE, Result, UDP_MAX_SEGMENTS,
};
use wire::UdpHdr;

/// The most a datagram may hold, header counted, before any route is asked.
const MAX: usize = 0xffff;

/// What a call without control messages asks for.
static PLAIN: Ipcm = Ipcm::NONE;

/// Every way of sending ends here.
#[inline]
pub(crate) fn sendmsg(sk: &Sock<Udp>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let mut guard = sk.lock_sock(cx);
    let result = send(&mut guard.sk_mut(), cx, msg);
    if let Err(Errno::ENOBUFS) = result {
        mib::inc(cx, sk.protocol(), i32::from(sk.family()) == uapi::AF_INET6, &mib::SNDBUF_ERRORS);
    }
    result
}

fn send(sk: &mut SkMut<'_, Udp>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let len = msg.iov.remaining();
    let more = sk.corkflag || msg.flags & MSG_MORE != 0;
    if sk.pending != 0 && sk.inet.is_inet6() {
        cork::check_name6(msg)?;
    }
    if i32::from(sk.pending) == AF_INET {
        check_v4(msg, len)?;
    }
    if sk.pending != 0
        && let Some(done) = cork::append(sk, cx, msg, more)?
    {
        return Ok(done);
    }
    // `udp_sendmsg` looks at these first; `udpv6_sendmsg` leaves them to it once the address is known
    // to be IPv4's.
    if !sk.inet.is_inet6() {
        check_v4(msg, len)?;
    }
    let mut dest = destination(sk.sk, &sk.inet, msg)?;
    if msg.flags & MSG_DONTROUTE != 0 && dest.addr.is_v4() {
        // The route that the socket keeps may lead to a gateway.
        dest.connected = false;
    }
    if dest.addr.is_v4() {
        check_v4(msg, len)?;
        // A socket of IPv6 passes its peer on as if it were named.
        if dest.port == 0 && (msg.name.is_some() || sk.inet.is_inet6()) {
            return Err(Errno::EINVAL);
        }
    }
    let asked;
    let (ipc, gso_size) = if msg.control.is_empty() {
        (&PLAIN, sk.gso_size)
    } else {
        asked = crate::control::parse(sk.sk, cx, msg, sk.gso_size, dest.addr.is_v4())?;
        (&asked.0, asked.1)
    };
    let Route { dst, daddr, flow } = route_to(sk, cx, &dest, ipc, msg.flags)?;
    if dst.kind == DstKind::Broadcast && !sk.sk.flag(SockFlag::Broadcast) {
        return Err(Errno::EACCES);
    }
    if msg.flags & MSG_PROBE != 0 && (!more || msg.flags & MSG_CONFIRM != 0) {
        return Ok(len);
    }
    if more {
        return cork::begin(sk, cx, msg, &dest, ipc.clone(), gso_size, (dst, daddr));
    }
    let (saddr, daddr, port) = match sk.led {
        // With a route at hand Linux takes the addresses from where connect() left them, and what was built from many
        // sends has left its own there.
        Some(led) if flow.is_none() && daddr.is_v4() => led,
        _ => (dst.src, daddr, dest.port),
    };
    let to = Datagram { dst: &dst, saddr, daddr, protocol: sk.sk.protocol() as u8, ipc };
    let result = if gso_size != 0 && len > usize::from(gso_size) {
        send_segments(sk, cx, msg, &to, port, gso_size)
    } else {
        send_one(sk, cx, msg, &to, port, len)
    };
    match flow {
        _ if dest.connected => sk.inet.dst = Some(dst),
        Some(flow) => sk.last_route = Some((flow, dst)),
        None => {}
    }
    result.map(|()| len)
}

pub(crate) fn check_v4(msg: &MsgHdr<'_>, len: usize) -> Result<()> {
    if len > MAX {
        return Err(Errno::EMSGSIZE);
    }
    if msg.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    Ok(())
}

/// The way a datagram goes.
struct Route {
    dst: Arc<Dst>,
    /// The destination it led to.
    daddr: InetAddr,
    /// What was asked for; `None` for a connected socket's own.
    flow: Option<Flow>,
}

/// The route, and the destination it led to. It is taken out of the socket if that has it: the caller
/// puts it back, which costs no reference.
#[inline]
fn route_to(sk: &mut SkMut<'_, Udp>, cx: &UserCx<'_>, dest: &Dest, ipc: &Ipcm, flags: u32) -> Result<Route> {
    if dest.connected
        && std::ptr::eq(ipc, &raw const PLAIN)
        && let Some(dst) = sk.inet.dst.take()
    {
        if dst.is_current(cx.net) {
            return Ok(Route { dst, daddr: dest.addr, flow: None });
        }
        drop(dst);
    }
    let common = sk.sk;
    let daddr = ip::datagram::this_host(dest.addr, ipc.saddr.unwrap_or(sk.inet.saddr));
    let mut flow = route::flow_of(common, &sk.inet, daddr);
    if let Some(saddr) = ipc.saddr {
        flow.saddr = saddr;
    }
    match (ipc.oif, dest.scope) {
        (0, 0) => {}
        (0, scope) => flow.oif = scope,
        (oif, _) => flow.oif = oif,
    }
    flow.mark = ipc.mark.unwrap_or(flow.mark);
    if let Some(tos) = ipc.tos {
        flow.tos = if daddr.is_v4() { tos & 0xfc } else { tos };
    }
    route::dont_route(&mut flow, common, flags);
    let dst = match sk.last_route.take() {
        Some((asked, dst)) if asked == flow && dst.is_current(cx.net) => dst,
        _ => route::output(cx, &flow).inspect_err(|&errno| {
            if errno == Errno::ENETUNREACH && daddr.is_v4() {
                cx.inc(net::mib::Ip::OutNoRoutes);
            }
        })?,
    };
    Ok(Route { dst, daddr, flow: Some(flow) })
}

/// Compares a datagram with what the path and the socket allow.
fn check_room(sk: &SkMut<'_, Udp>, cx: &Cx<'_>, to: &Datagram<'_>, len: usize, port: u16) -> Result<()> {
    let room = output::room(&sk.inet, to);
    if len + UdpHdr::LEN > room.max {
        crate::glue::local_error(cx, sk.sk, Errno::EMSGSIZE, (to.daddr, port), room.mtu);
        return Err(Errno::EMSGSIZE);
    }
    Ok(())
}

#[inline]
fn send_one(
    sk: &mut SkMut<'_, Udp>,
    cx: &UserCx<'_>,
    msg: &mut MsgHdr<'_>,
    to: &Datagram<'_>,
    port: u16,
    len: usize,
) -> Result<()> {
    check_room(sk, cx, to, len, port)?;
    check_send(sk.sk)?;
    let mut skb = cx.alloc_skb();
    if skb.append_from(cx, &mut msg.iov, len) < len {
        cx.consume_skb(skb);
        return Err(Errno::EFAULT);
    }
    let sport = sk.inet.num;
    send_skb(sk, cx, skb, to, (sport, port))
}

/// `UDP_SEGMENT`: one call, many datagrams of the same size, the last one shorter.
#[cold]
fn send_segments(
    sk: &mut SkMut<'_, Udp>,
    cx: &UserCx<'_>,
    msg: &mut MsgHdr<'_>,
    to: &Datagram<'_>,
    port: u16,
    size: u16,
) -> Result<()> {
    let size = usize::from(size);
    if size + UdpHdr::LEN > (to.dst.mtu() as usize).saturating_sub(header_len(to)) {
        return Err(Errno::EMSGSIZE);
    }
    if msg.iov.remaining() > size * UDP_MAX_SEGMENTS || sk.sk.flag(SockFlag::NoCheckTx) {
        return Err(Errno::EINVAL);
    }
    if i32::from(sk.sk.protocol()) == IPPROTO_UDPLITE {
        return Err(Errno::EIO);
    }
    while msg.iov.remaining() > 0 {
        let len = msg.iov.remaining().min(size);
        send_one(sk, cx, msg, to, port, len)?;
    }
    Ok(())
}

fn header_len(to: &Datagram<'_>) -> usize {
    if to.daddr.is_v4() { wire::Ipv4Hdr::LEN } else { wire::Ipv6Hdr::LEN }
}

/// Puts the header in front of a datagram and sends it (`udp_send_skb`, `udp_v6_send_skb`).
#[inline]
pub(crate) fn send_skb(
    sk: &mut SkMut<'_, Udp>,
    cx: &Cx<'_>,
    mut skb: Skb,
    to: &Datagram<'_>,
    (sport, port): (u16, u16),
) -> Result<()> {
    let payload = skb.len();
    let v6 = to.daddr.is_v6();
    setup_tx_timestamp(sk.sk, &mut skb, to.ipc.tsflags, to.ipc.ts_opt_id);
    skb.truesize = truesize(header_len(to) + UdpHdr::LEN, payload, v6);
    let shared = &sk.sk.shared;
    let len = payload + UdpHdr::LEN;
    let unchecked = if v6 { shared.flag(flag::NO_CHECK6_TX) } else { sk.sk.flag(SockFlag::NoCheckTx) };
    // What is added to this is added by the device, or by nobody when the packet stays on this host.
    let check = match unchecked {
        true => 0,
        false => !ip::packet::pseudo_header(to.saddr, to.daddr, IPPROTO_UDP as u8, len as u32).fold(),
    };
    let ([s0, s1], [d0, d1]) = (sport.to_be_bytes(), port.to_be_bytes());
    let ([l0, l1], [c0, c1]) = ((len as u16).to_be_bytes(), check.to_be_bytes());
    skb.push(UdpHdr::LEN).copy_from_slice(&[s0, s1, d0, d1, l0, l1, c0, c1]);
    skb.set_transport_header();
    if i32::from(to.protocol) == IPPROTO_UDPLITE {
        let covered = if shared.flag(flag::LITE_SEND) { shared.lite_send.load(Relaxed) } else { 0 };
        checksum_lite(&mut skb, to, usize::from(covered));
    } else if unchecked {
        skb.ip_summed = net::skb::IpSummed::None;
    } else {
        skb.csum_partial(UdpHdr::CHECK_OFFSET as u16);
    }
    match output::send_skb(cx, sk.sk, &mut sk.inet, to, skb) {
        Ok(()) => {}
        // A full device is only told to those who asked for errors.
        Err(Errno::ENOBUFS) if !crate::glue::wants_errors(sk.sk, v6) => {
            mib::inc(cx, u16::from(to.protocol), v6, &mib::SNDBUF_ERRORS);
            return Ok(());
        }
        Err(errno) => return Err(errno),
    }
    mib::inc(cx, u16::from(to.protocol), v6, &mib::OUT_DATAGRAMS);
    Ok(())
}

fn set_check(skb: &mut Skb, check: u16) {
    if let Some((header, _)) = UdpHdr::view_mut(skb.linear_mut()) {
        header.set_check(check);
    }
}

/// UDP-Lite covers so many bytes and says how many where UDP says its length (RFC 3828).
#[cold]
fn checksum_lite(skb: &mut Skb, to: &Datagram<'_>, covered: usize) {
    let whole = skb.len();
    let covered = if covered == 0 || covered >= whole { whole } else { covered };
    if let Some((header, _)) = UdpHdr::view_mut(skb.linear_mut()) {
        // All of it is written as 0, so that it also holds for what is longer than the field.
        header.set_datagram_len(if covered == whole { 0 } else { covered as u16 });
        header.set_check(0);
    }
    let mut bytes = vec![0; covered];
    skb.copy_bits(0, &mut bytes);
    let pseudo = ip::packet::pseudo_header(to.saddr, to.daddr, IPPROTO_UDPLITE as u8, whole as u32);
    set_check(skb, pseudo.add_bytes(&bytes).fold_udp());
    skb.ip_summed = net::skb::IpSummed::None;
}

/// Throws away what was corked (`udp_flush_pending_frames`).
pub(crate) fn flush_pending(sk: &mut UdpSock, cx: &Cx<'_>) {
    if sk.pending != 0 {
        sk.pending = 0;
        output::cork::flush(cx, &mut sk.inet);
    }
}
