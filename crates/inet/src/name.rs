//! `getsockname()` and `getpeername()` (`inet_getname`, `inet6_getname`).

use ip::{InetProto, InetSock};
use net::socket::Whose;
use net::{Socket, UserCx};
use uapi::{Errno, InetAddr, Result, SockAddr, TcpState};

/// Writes the socket's own address or, the peer's, as its family shows it; returns the
/// whole length. `ENOTCONN` when there is no peer.
pub fn inet_getname<P: InetProto>(
    sock: &Socket,
    cx: &UserCx<'_>,
    out: &mut [u8],
    whose: Whose,
) -> Result<usize> {
    let sk = sock.sock::<P>()?;
    let guard = sk.lock_sock(cx);
    let inet: &InetSock = P::inet(&guard);
    let peer = whose != Whose::Own;
    let (addr, port) = if peer {
        let state = sk.state();
        let closed =
            whose == Whose::Peer && [TcpState::Close as u8, TcpState::SynSent as u8].contains(&state);
        if inet.dport == 0 || closed {
            return Err(Errno::ENOTCONN);
        }
        (inet.daddr, inet.dport)
    } else {
        let bound = !inet.rcv_saddr.is_unspecified();
        let port = if inet.num == 0 { inet.sport } else { inet.num };
        (if bound { inet.rcv_saddr } else { inet.saddr }, port)
    };
    let flowinfo = if peer && inet.v6.sndflow { inet.v6.flow_label } else { 0 };
    Ok(sockaddr(inet, addr, port, flowinfo, sk.bound_dev_if()).encode(out))
}

fn sockaddr(inet: &InetSock, addr: InetAddr, port: u16, flowinfo: u32, bound: u32) -> SockAddr {
    match addr.as_v4() {
        Some(addr) if !inet.is_inet6() => SockAddr::Inet { addr, port },
        _ => {
            let scope_id = if addr.needs_scope_id() { bound } else { 0 };
            SockAddr::Inet6 { addr: addr.as_v6(), port, flowinfo, scope_id }
        }
    }
}
