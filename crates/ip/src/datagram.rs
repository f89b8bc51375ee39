//! Connecting without a connection (`net/ipv4/datagram.c`, `net/ipv6/datagram.c`): what UDP, raw and
//! ping sockets do when `connect()` names a peer.

use crate::route;
use crate::sock::InetSock;
use net::Cx;
use net::dst::DstKind;
use net::mib;
use net::sock::mem::truesize_linear;
use net::sock::{SockCommon, SockFlag};
use std::net::Ipv4Addr;
use uapi::sockaddr::{SIN6_LEN_RFC2133, SOCKADDR_IN6_LEN, parse_in, parse_in6, sa_family};
use uapi::{AF_INET, AF_INET6, Errno, InetAddr, Result, TcpState};

/// Remembers the peer that `addr`, a raw sockaddr, names (`ip4_datagram_connect`,
/// `ip6_datagram_connect`): its route, and with it the source address if there is none yet.
/// `prot` names the protocol in the trace.
///
/// # Errors
/// `EINVAL` for a short address or a link-local one without interface, `EAFNOSUPPORT` for another
/// family's, `EACCES` for a broadcast without `SO_BROADCAST`, `ENETUNREACH` and what else the route
/// lookup says. The socket stays as it was, but for its kept route.
pub fn connect(
    cx: &Cx<'_>,
    sk: &SockCommon,
    inet: &mut InetSock,
    prot: &'static str,
    addr: &[u8],
) -> Result<()> {
    let family = i32::from(sa_family(addr)?);
    if !inet.is_inet6() {
        let (to, port) = parse_in(addr)?;
        if family != AF_INET {
            return Err(Errno::EAFNOSUPPORT);
        }
        return connect4(cx, sk, inet, prot, to, port);
    }
    if family == AF_INET {
        if inet.v6only {
            return Err(Errno::EAFNOSUPPORT);
        }
        let (to, port) = parse_in(addr)?;
        return connect4(cx, sk, inet, prot, to, port);
    }
    if addr.len() < SIN6_LEN_RFC2133 {
        return Err(Errno::EINVAL);
    }
    if family != AF_INET6 {
        return Err(Errno::EAFNOSUPPORT);
    }
    let sin6 = parse_in6(addr)?;
    let mut to = InetAddr::from(*sin6.ip());
    if to == InetAddr::UNSPECIFIED_V6 {
        // An unspecified peer is this host (a habit of BSD).
        to = if inet.rcv_saddr.is_v4() { InetAddr::LOOPBACK_V4 } else { InetAddr::LOOPBACK_V6 };
    }
    if let Some(to) = to.as_v4() {
        if inet.v6only {
            return Err(Errno::ENETUNREACH);
        }
        return connect4(cx, sk, inet, prot, to, sin6.port());
    }
    if to.needs_scope_id() {
        let scope = if addr.len() >= SOCKADDR_IN6_LEN { sin6.scope_id() } else { 0 };
        let bound = sk.bound_dev_if();
        if scope != 0 {
            if bound != 0 && bound != scope {
                return Err(Errno::EINVAL);
            }
            sk.set_bound_dev_if(scope);
        }
        if sk.bound_dev_if() == 0 && to.is_multicast() {
            sk.set_bound_dev_if(inet.v6.mcast_oif);
        }
        if sk.bound_dev_if() == 0 {
            return Err(Errno::EINVAL);
        }
    }
    if inet.v6.sndflow {
        inet.v6.flow_label = sin6.flowinfo() & uapi::IPV6_FLOWINFO_MASK;
    }
    established(cx, sk, inet, prot, to, sin6.port())
}

fn connect4(
    cx: &Cx<'_>,
    sk: &SockCommon,
    inet: &mut InetSock,
    prot: &'static str,
    to: Ipv4Addr,
    port: u16,
) -> Result<()> {
    let to = this_host(to.into(), inet.saddr);
    established(cx, sk, inet, prot, to, port)
}

/// IPv4's unspecified destination is the source, or the loopback address
/// (`ip_route_output_key_hash_rcu`).
pub fn this_host(to: InetAddr, saddr: InetAddr) -> InetAddr {
    match to {
        InetAddr::UNSPECIFIED_V4 if saddr.is_unspecified() || saddr.is_v6() => InetAddr::LOOPBACK_V4,
        InetAddr::UNSPECIFIED_V4 => saddr,
        to => to,
    }
}

fn established(
    cx: &Cx<'_>,
    sk: &SockCommon,
    inet: &mut InetSock,
    prot: &'static str,
    to: InetAddr,
    port: u16,
) -> Result<()> {
    inet.dst = None;
    let before = (inet.saddr, inet.rcv_saddr);
    let dst = route::connect(cx, sk, inet, to).inspect_err(|&errno| {
        if errno == Errno::ENETUNREACH && to.is_v4() {
            cx.inc(mib::Ip::OutNoRoutes);
        }
    })?;
    if dst.kind == DstKind::Broadcast && !sk.flag(SockFlag::Broadcast) {
        (inet.saddr, inet.rcv_saddr) = before;
        inet.dst = None;
        return Err(Errno::EACCES);
    }
    inet.daddr = to;
    inet.dport = port;
    if let (Some(cork), Some(v4)) = (&mut inet.cork, to.as_v4()) {
        // Both use one flow: what is being built goes to the new peer (`inet->cork.fl`). If it is of IPv6, the
        // addresses and ports of IPv4 stand where its destination was: it goes nowhere.
        if cork.daddr.is_v4() {
            (cork.saddr, cork.daddr, cork.dport) = (inet.saddr, to, port);
        } else {
            let mut lost = cork.daddr.as_v6().octets();
            lost[..4].copy_from_slice(&inet.saddr.as_v4().map_or([0; 4], |saddr| saddr.octets()));
            lost[4..8].copy_from_slice(&v4.octets());
            lost[8..10].copy_from_slice(&port.to_be_bytes());
            lost[10..12].copy_from_slice(&inet.sport.to_be_bytes());
            cork.daddr = std::net::Ipv6Addr::from(lost).into();
        }
    }
    inet.id = cx.net.rng.u32() as u16;
    sk.set_txhash(cx.net.rng.u32() | 1);
    sk.set_state(cx, prot, TcpState::Established as u8);
    Ok(())
}

/// Forgets the peer (`__udp_disconnect`); true when the local port was asked for and is kept, else
/// the caller gives it back.
pub fn disconnect(cx: &Cx<'_>, sk: &SockCommon, inet: &mut InetSock, prot: &'static str) -> bool {
    sk.set_state(cx, prot, TcpState::Close as u8);
    inet.daddr = inet.any();
    inet.dport = 0;
    sk.set_bound_dev_if(0);
    if !sk.flag(SockFlag::BindAddrLock) {
        inet.saddr = inet.any();
        inet.rcv_saddr = inet.any();
    }
    inet.dst = None;
    sk.flag(SockFlag::BindPortLock)
}

/// What Linux charges a datagram of this host, given the bytes of its headers and of its payload
/// (`__ip_append_data`, `__ip6_append_data`): up to four pages lie together, of more only the headers
/// do.
pub fn truesize(header: usize, payload: usize, v6: bool) -> u32 {
    /// `SKB_MAX_ALLOC`, bytes.
    const MAX_LINEAR: u32 = 16_064;
    // Room for a link-layer header, and for rounding or a fragment header.
    let extra = if v6 { 24 } else { 31 };
    let (header, payload) = (header as u32, payload as u32);
    if header + payload + extra < MAX_LINEAR {
        truesize_linear(header + payload + extra)
    } else {
        truesize_linear(header + extra) + payload
    }
}

#[cfg(test)]
mod tests {
    use super::truesize;

    /// What `rx_queue` of `/proc/net/udp` and `udp6` shows on Linux 6.18 for one datagram.
    #[test]
    fn truesizes_of_linux() {
        let rows4 = [(0, 832), (197, 832), (198, 1280), (646, 2304), (1670, 4352), (3718, 8448)];
        let rows4_long = [(7828, 16640), (16004, 16640), (16020, 16852)];
        for (payload, linux) in rows4.into_iter().chain(rows4_long) {
            assert_eq!(truesize(28, payload, false), linux, "{payload} bytes over IPv4");
        }
        let rows6 = [(0, 832), (184, 832), (185, 1280), (1657, 4352), (3705, 8448), (16004, 16836)];
        for (payload, linux) in rows6 {
            assert_eq!(truesize(48, payload, true), linux, "{payload} bytes over IPv6");
        }
    }
}
