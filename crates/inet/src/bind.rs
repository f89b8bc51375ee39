//! `bind()` and its hidden form, a port chosen when one is first needed (`inet_bind`, `inet6_bind`,
//! `inet_autobind`).

use ip::fib::RouteType;
use ip::ports;
use ip::{InetProto, InetSock, addr};
use net::sock::{SkMut, SockFlag};
use net::{Cx, Sock, Socket, UserCx};
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering::Relaxed;
use uapi::sockaddr::{SIN6_LEN_RFC2133, SOCKADDR_IN6_LEN, parse_in, parse_in6, sa_family};
use uapi::{
    AF_INET, AF_INET6, AF_UNSPEC, CAP_NET_BIND_SERVICE, Errno, InetAddr, Result, SOCK_STREAM, TcpState,
};

/// Where a socket is to be bound.
struct Wanted {
    /// The address packets must be for.
    rcv_saddr: InetAddr,
    /// The address packets come from; unspecified to let each choose.
    saddr: InetAddr,
    port: u16,
}

/// `bind()`.
pub fn inet_bind<P: InetProto>(sock: &Socket, cx: &UserCx<'_>, address: &[u8]) -> Result<()> {
    let sk = sock.sock::<P>()?;
    let mut guard = sk.lock_sock(cx);
    let mut st = guard.sk_mut();
    if let Some(result) = P::bind(&mut st, cx, address) {
        return result;
    }
    if P::inet(&st).is_inet6() { bind6(&mut st, cx, address) } else { bind4(&mut st, cx, address) }
}

/// A privileged port needs `CAP_NET_BIND_SERVICE`.
fn may_bind_port(cx: &UserCx<'_>, port: u16) -> Result<()> {
    let privileged = port != 0 && ports::of(cx).is_privileged(port);
    if privileged && !cx.process.capable(CAP_NET_BIND_SERVICE) { Err(Errno::EACCES) } else { Ok(()) }
}

/// Neither connected nor bound.
fn is_fresh<P: InetProto>(sk: &SkMut<'_, P>) -> Result<()> {
    let fresh = sk.sk.state() == TcpState::Close as u8 && P::inet(sk).num == 0;
    if fresh { Ok(()) } else { Err(Errno::EINVAL) }
}

fn bind4<P: InetProto>(sk: &mut SkMut<'_, P>, cx: &UserCx<'_>, address: &[u8]) -> Result<()> {
    let (addr, port) = parse_in(address)?;
    let family = i32::from(sa_family(address)?);
    // Old programs leave the family out when they bind to any address.
    if family != AF_INET && (family != AF_UNSPEC || addr != Ipv4Addr::UNSPECIFIED) {
        return Err(Errno::EAFNOSUPPORT);
    }
    let rcv_saddr = InetAddr::from(addr);
    if !addr::may_bind(cx.net, P::inet(sk), rcv_saddr) {
        return Err(Errno::EADDRNOTAVAIL);
    }
    may_bind_port(cx, port)?;
    is_fresh(sk)?;
    let one = !matches!(addr::inet_addr_type(cx.net, rcv_saddr), RouteType::Broadcast | RouteType::Multicast);
    let saddr = if one { rcv_saddr } else { InetAddr::UNSPECIFIED_V4 };
    bind_to(sk, cx, &Wanted { rcv_saddr, saddr, port })
}

fn bind6<P: InetProto>(sk: &mut SkMut<'_, P>, cx: &UserCx<'_>, address: &[u8]) -> Result<()> {
    if address.len() < SIN6_LEN_RFC2133 {
        return Err(Errno::EINVAL);
    }
    let sin6 = parse_in6(address)?;
    if i32::from(sa_family(address)?) != AF_INET6 {
        return Err(Errno::EAFNOSUPPORT);
    }
    let addr = InetAddr::from(*sin6.ip());
    let multicast = addr.is_v6() && addr.is_multicast();
    if multicast && i32::from(sk.sk.kind()) == SOCK_STREAM {
        return Err(Errno::EINVAL);
    }
    may_bind_port(cx, sin6.port())?;
    is_fresh(sk)?;
    let scope = if address.len() >= SOCKADDR_IN6_LEN { sin6.scope_id() } else { 0 };
    check_addr6(sk, cx, addr, scope)?;
    let v6only = P::inet(sk).v6only;
    let saddr = if multicast { InetAddr::UNSPECIFIED_V6 } else { addr };
    if addr.is_v6() && !addr.is_unspecified() {
        set_v6only(sk, true);
    }
    bind_to(sk, cx, &Wanted { rcv_saddr: addr, saddr, port: sin6.port() })
        .inspect_err(|_| set_v6only(sk, v6only))
}

/// Whether the address is this host's.
fn check_addr6<P: InetProto>(sk: &SkMut<'_, P>, cx: &Cx<'_>, addr: InetAddr, scope: u32) -> Result<()> {
    let inet: &InetSock = P::inet(sk);
    if addr.is_v4() {
        if inet.v6only {
            return Err(Errno::EINVAL);
        }
        let free = addr::may_bind(cx.net, inet, addr);
        return if free { Ok(()) } else { Err(Errno::EADDRNOTAVAIL) };
    }
    if addr.is_unspecified() {
        return Ok(());
    }
    if addr.needs_scope_id() {
        if scope != 0 {
            sk.sk.set_bound_dev_if(scope);
        }
        if sk.sk.bound_dev_if() == 0 {
            return Err(Errno::EINVAL);
        }
    }
    let bound = sk.sk.bound_dev_if();
    let dev = match bound {
        0 => None,
        index => Some(cx.net.dev.by_index(index).ok_or(Errno::ENODEV)?),
    };
    if addr.is_multicast() {
        return Ok(());
    }
    // The address must be the bound interface's own, if there is one.
    let here = dev.is_none_or(|dev| addr::has(&dev, addr));
    let nonlocal = inet.freebind
        || inet.transparent
        || ip::IpNet::of(cx.net).sysctl.ip_nonlocal_bind6.load(Relaxed) != 0;
    if nonlocal || here && addr::may_bind(cx.net, inet, addr) { Ok(()) } else { Err(Errno::EADDRNOTAVAIL) }
}

fn set_v6only<P: InetProto>(sk: &mut SkMut<'_, P>, on: bool) {
    P::inet_shared(&sk.sk.shared).set_flag(ip::sock::shared_flag::V6ONLY, on);
    P::inet_mut(sk).v6only = on;
}

fn bind_to<P: InetProto>(sk: &mut SkMut<'_, P>, cx: &UserCx<'_>, wanted: &Wanted) -> Result<()> {
    let inet = P::inet_mut(sk);
    inet.rcv_saddr = wanted.rcv_saddr;
    inet.saddr = wanted.saddr;
    if (wanted.port != 0 || !inet.bind_address_no_port)
        && let Err(errno) = P::get_port(sk, cx, wanted.port)
    {
        let inet = P::inet_mut(sk);
        inet.rcv_saddr = inet.any();
        inet.saddr = inet.any();
        return Err(errno);
    }
    let common = sk.sk;
    if !wanted.rcv_saddr.is_unspecified() || wanted.rcv_saddr.is_v4() && P::inet(sk).is_inet6() {
        common.set_flag(SockFlag::BindAddrLock, true);
    }
    if wanted.port != 0 {
        common.set_flag(SockFlag::BindPortLock, true);
    }
    let inet = P::inet_mut(sk);
    inet.daddr = inet.any();
    inet.dport = 0;
    // `__inet6_bind` leaves the route of an earlier peer where it is.
    if !inet.is_inet6() {
        inet.dst = None;
    }
    P::inet_shared(&common.shared).publish(P::inet(sk));
    Ok(())
}

/// Gives a socket without a port one (`inet_autobind`). `EAGAIN` when all are taken.
#[inline]
pub fn autobind<P: InetProto>(sk: &Sock<P>, cx: &UserCx<'_>) -> Result<()> {
    if P::inet_shared(&sk.shared).num() != 0 { Ok(()) } else { autobind_now(sk, cx) }
}

#[cold]
fn autobind_now<P: InetProto>(sk: &Sock<P>, cx: &UserCx<'_>) -> Result<()> {
    let mut guard = sk.lock_sock(cx);
    let mut st = guard.sk_mut();
    if P::inet(&st).num != 0 {
        return Ok(());
    }
    P::get_port(&mut st, cx, 0).map_err(|_| Errno::EAGAIN)
}
