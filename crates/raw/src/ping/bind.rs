//! Identifiers (`ping_bind`, `ping_get_port`).

use super::{Ping, PingNet};
use ip::addr;
use ip::fib::RouteType;
use net::sock::{SkMut, SockFlag};
use net::{Cx, UserCx};
use std::net::Ipv4Addr;
use uapi::sockaddr::{SOCKADDR_IN6_LEN, parse_in, parse_in6, sa_family};
use uapi::{AF_INET, AF_INET6, AF_UNSPEC, Errno, InetAddr, Result};

/// Names the address, and with its port the identifier.
pub(super) fn bind(sk: &mut SkMut<'_, Ping>, cx: &UserCx<'_>, address: &[u8]) -> Result<()> {
    let (addr, ident) =
        if sk.inet.is_inet6() { wanted6(sk, cx, address)? } else { wanted4(sk, cx, address)? };
    if sk.inet.num != 0 {
        return Err(Errno::EINVAL);
    }
    get_port(sk, cx, ident)?;
    (sk.inet.rcv_saddr, sk.inet.saddr) = (addr, addr);
    if !addr.is_unspecified() {
        sk.sk.set_flag(SockFlag::BindAddrLock, true);
    }
    if ident != 0 {
        sk.sk.set_flag(SockFlag::BindPortLock, true);
    }
    sk.inet.daddr = sk.inet.any();
    sk.inet.dport = 0;
    sk.inet.dst = None;
    sk.sk.shared.inet.publish(&sk.inet);
    Ok(())
}

fn wanted4(sk: &SkMut<'_, Ping>, cx: &Cx<'_>, address: &[u8]) -> Result<(InetAddr, u16)> {
    let (addr, ident) = parse_in(address)?;
    let family = i32::from(sa_family(address)?);
    if family != AF_INET && (family != AF_UNSPEC || addr != Ipv4Addr::UNSPECIFIED) {
        return Err(Errno::EAFNOSUPPORT);
    }
    let addr = InetAddr::from(addr);
    let many = matches!(addr::inet_addr_type(cx.net, addr), RouteType::Broadcast | RouteType::Multicast);
    if !addr.is_unspecified() && (many || !addr::may_bind(cx.net, &sk.inet, addr)) {
        return Err(Errno::EADDRNOTAVAIL);
    }
    Ok((addr, ident))
}

fn wanted6(sk: &SkMut<'_, Ping>, cx: &Cx<'_>, address: &[u8]) -> Result<(InetAddr, u16)> {
    if address.len() < SOCKADDR_IN6_LEN {
        return Err(Errno::EINVAL);
    }
    if i32::from(sa_family(address)?) != AF_INET6 {
        return Err(Errno::EAFNOSUPPORT);
    }
    let sin6 = parse_in6(address)?;
    let addr = InetAddr::from(*sin6.ip());
    if addr.needs_scope_id() {
        if sin6.scope_id() != 0 {
            sk.sk.set_bound_dev_if(sin6.scope_id());
        }
        if sk.sk.bound_dev_if() == 0 {
            return Err(Errno::EINVAL);
        }
    }
    let here = addr.is_unspecified() && addr.is_v6() || addr.is_v6() && addr::is_local(cx.net, addr);
    if here && !addr.is_multicast() { Ok((addr, sin6.port())) } else { Err(Errno::EADDRNOTAVAIL) }
}

/// Takes an identifier, any for 0. `EADDRINUSE`.
pub(super) fn get_port(sk: &mut SkMut<'_, Ping>, cx: &Cx<'_>, ident: u16) -> Result<()> {
    let taken = PingNet::of(cx.net).table.take(ident, sk.sk);
    sk.inet.num = taken.ok_or(Errno::EADDRINUSE)?;
    sk.sk.shared.inet.publish(&sk.inet);
    Ok(())
}

/// Gives it back.
pub(super) fn unhash(sk: &mut SkMut<'_, Ping>, cx: &Cx<'_>) {
    let ident = std::mem::take(&mut sk.inet.num);
    sk.sk.shared.inet.publish(&sk.inet);
    if let Some(reference) = PingNet::of(cx.net).table.remove(ident, sk.sk) {
        cx.sock_put(reference);
    }
}
