//! Whom a datagram is for: the address of the call, or the peer.

use crate::Udp;
use crate::sock::is_connected;
use ip::InetSock;
use net::Sock;
use net::msg::MsgHdr;
use uapi::sockaddr::{SIN6_LEN_RFC2133, SOCKADDR_IN6_LEN, parse_in, parse_in6, sa_family};
use uapi::{AF_INET, AF_INET6, AF_UNSPEC, Errno, InetAddr, Result};

/// Where a datagram goes.
pub(crate) struct Dest {
    pub(crate) addr: InetAddr,
    pub(crate) port: u16,
    /// The interface a link-local address named, or 0.
    pub(crate) scope: u32,
    /// It is the peer, and nothing was said: the socket's route is right.
    pub(crate) connected: bool,
}

/// Reads the address of the call, or takes the peer.
///
/// # Errors
/// `EDESTADDRREQ` without either, `EINVAL` for a short address or port 0 of IPv6, `EAFNOSUPPORT` for another
/// family's, `ENETUNREACH` for IPv4 on a socket that speaks only IPv6.
#[inline]
pub(crate) fn destination(sk: &Sock<Udp>, inet: &InetSock, msg: &MsgHdr<'_>) -> Result<Dest> {
    match msg.name {
        None => peer(sk, inet),
        Some(name) if inet.is_inet6() => named6(sk, inet, name, msg),
        Some(name) => named4(name),
    }
}

#[inline]
fn peer(sk: &Sock<Udp>, inet: &InetSock) -> Result<Dest> {
    if !is_connected(sk) {
        return Err(Errno::EDESTADDRREQ);
    }
    Ok(Dest { addr: inet.daddr, port: inet.dport, scope: 0, connected: true })
}

#[inline]
fn named4(name: &[u8]) -> Result<Dest> {
    let (addr, port) = parse_in(name)?;
    let family = i32::from(sa_family(name)?);
    // Without a family it is IPv4's.
    if family != AF_INET && family != AF_UNSPEC {
        return Err(Errno::EAFNOSUPPORT);
    }
    to(addr.into(), port, 0)
}

fn to(addr: InetAddr, port: u16, scope: u32) -> Result<Dest> {
    // IPv4 asks for the port after other things.
    if port == 0 && addr.is_v6() {
        return Err(Errno::EINVAL);
    }
    Ok(Dest { addr, port, scope, connected: false })
}

fn named6(sk: &Sock<Udp>, inet: &InetSock, name: &[u8], msg: &MsgHdr<'_>) -> Result<Dest> {
    match i32::from(sa_family(name)?) {
        AF_INET6 => {}
        AF_INET if inet.v6only => return Err(Errno::ENETUNREACH),
        AF_INET => {
            crate::send::check_v4(msg, msg.iov.remaining())?;
            return named4(name);
        }
        // For IPv6 an address without a family is none; the way to a peer of IPv4 is then asked of IPv6's routes.
        AF_UNSPEC => {
            let peer = peer(sk, inet)?;
            return if peer.addr.is_v4() { Err(Errno::ENETUNREACH) } else { Ok(peer) };
        }
        _ => return Err(Errno::EINVAL),
    }
    if name.len() < SIN6_LEN_RFC2133 {
        return Err(Errno::EINVAL);
    }
    let sin6 = parse_in6(name)?;
    let addr = match InetAddr::from(*sin6.ip()) {
        InetAddr::UNSPECIFIED_V6 if inet.saddr.is_v4() => InetAddr::LOOPBACK_V4,
        InetAddr::UNSPECIFIED_V6 => InetAddr::LOOPBACK_V6,
        addr if addr.is_v4() && inet.v6only => return Err(Errno::ENETUNREACH),
        addr => addr,
    };
    let scoped = name.len() >= SOCKADDR_IN6_LEN && addr.needs_scope_id();
    to(addr, sin6.port(), if scoped { sin6.scope_id() } else { 0 })
}
