//! `bind()` and `connect()` (`raw_bind`, `rawv6_bind`).

use crate::Raw;
use ip::addr;
use ip::fib::RouteType;
use net::sock::SkMut;
use net::{Cx, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::sockaddr::{SIN6_LEN_RFC2133, SOCKADDR_IN6_LEN, parse_in, parse_in6, sa_family};
use uapi::{AF_INET6, Errno, InetAddr, Result, TcpState};

/// Names the address packets must be for, and from then on come from. It may be called again.
pub(crate) fn bind(sk: &mut SkMut<'_, Raw>, cx: &UserCx<'_>, address: &[u8]) -> Result<()> {
    let (rcv_saddr, saddr) =
        if sk.inet.is_inet6() { wanted6(sk, cx, address)? } else { wanted4(sk, cx, address)? };
    sk.inet.rcv_saddr = rcv_saddr;
    sk.inet.saddr = saddr;
    sk.inet.dst = None;
    sk.sk.shared.inet.publish(&sk.inet);
    Ok(())
}

/// IPv4 does not look at the family.
fn wanted4(sk: &SkMut<'_, Raw>, cx: &Cx<'_>, address: &[u8]) -> Result<(InetAddr, InetAddr)> {
    let (addr, _) = parse_in(address)?;
    if sk.sk.state() != TcpState::Close as u8 {
        return Err(Errno::EINVAL);
    }
    let addr = InetAddr::from(addr);
    if !addr::may_bind(cx.net, &sk.inet, addr) {
        return Err(Errno::EADDRNOTAVAIL);
    }
    let many = matches!(addr::inet_addr_type(cx.net, addr), RouteType::Broadcast | RouteType::Multicast);
    Ok((addr, if many { InetAddr::UNSPECIFIED_V4 } else { addr }))
}

fn wanted6(sk: &SkMut<'_, Raw>, cx: &Cx<'_>, address: &[u8]) -> Result<(InetAddr, InetAddr)> {
    if address.len() < SIN6_LEN_RFC2133 || i32::from(sa_family(address)?) != AF_INET6 {
        return Err(Errno::EINVAL);
    }
    let sin6 = parse_in6(address)?;
    let addr = InetAddr::from(*sin6.ip());
    if addr.is_v4() {
        return Err(Errno::EADDRNOTAVAIL);
    }
    if sk.sk.state() != TcpState::Close as u8 {
        return Err(Errno::EINVAL);
    }
    if addr.is_unspecified() {
        return Ok((addr, addr));
    }
    if addr.needs_scope_id() {
        if address.len() >= SOCKADDR_IN6_LEN && sin6.scope_id() != 0 {
            sk.sk.set_bound_dev_if(sin6.scope_id());
        }
        if sk.sk.bound_dev_if() == 0 {
            return Err(Errno::EINVAL);
        }
    }
    let dev = match sk.sk.bound_dev_if() {
        0 => None,
        index => Some(cx.net.dev.by_index(index).ok_or(Errno::ENODEV)?),
    };
    if addr.is_multicast() {
        return Ok((addr, InetAddr::UNSPECIFIED_V6));
    }
    let nonlocal = sk.inet.freebind
        || sk.inet.transparent
        || ip::IpNet::of(cx.net).sysctl.ip_nonlocal_bind6.load(Relaxed) != 0;
    let here = match dev {
        Some(dev) => addr::has(&dev, addr),
        None => addr::is_local(cx.net, addr),
    };
    if nonlocal || here { Ok((addr, addr)) } else { Err(Errno::EADDRNOTAVAIL) }
}

/// Names the peer (`ip4_datagram_connect`, `ip6_datagram_connect_v6_only`).
pub(crate) fn connect(sk: &mut SkMut<'_, Raw>, cx: &UserCx<'_>, address: &[u8]) -> Result<()> {
    if sk.inet.is_inet6() && i32::from(sa_family(address)?) != AF_INET6 {
        return Err(Errno::EAFNOSUPPORT);
    }
    let result = ip::datagram::connect(cx, sk.sk, &mut sk.inet, "RAW", address);
    sk.sk.shared.inet.publish(&sk.inet);
    result
}

/// Forgets the peer. A raw socket never asked for its port, which is its protocol: it loses it, and
/// receives no more (`__udp_disconnect`).
pub(crate) fn disconnect(sk: &mut SkMut<'_, Raw>, cx: &UserCx<'_>) -> Result<()> {
    if !ip::datagram::disconnect(cx, sk.sk, &mut sk.inet, "RAW") {
        <Raw as net::Proto>::unhash(sk, cx);
    }
    sk.sk.shared.inet.publish(&sk.inet);
    Ok(())
}
