//! connect(2): a route, a local port, a SYN (`tcp_v4_connect`, `tcp_v6_connect`). Waiting for the
//! answer is the family's.

use crate::fastopen::client;
use crate::hash::connect::hash_connect;
use crate::sock::Sk;
use crate::{glue, output, state};
use net::UserCx;
use net::dst::DstKind;
use net::mib::{Ip, Ip6};
use net::sock::SockFlag;
use uapi::tcp::TcpState;
use uapi::{AF_INET, AF_INET6, Errno, InetAddr, Result, sockaddr};
use vfs::iov::IovSource;

/// Segment size until the peer says otherwise (`TCP_MSS_DEFAULT`).
const MSS_DEFAULT: u16 = 536;

/// Where to connect to.
struct Target {
    addr: InetAddr,
    port: u16,
}

/// Begins the handshake. `data` is what `MSG_FASTOPEN` came with: what goes with the SYN is taken.
///
/// # Errors
/// `EINVAL`, `EAFNOSUPPORT` for an address that is none, `ENETUNREACH` and other answers of the
/// routing tables, `EADDRNOTAVAIL` when the connection exists or ports are used up.
pub fn connect(
    sk: &mut Sk<'_>,
    cx: &UserCx<'_>,
    addr: &[u8],
    data: Option<&mut IovSource<'_>>,
) -> Result<()> {
    let target = if sk.inet.is_inet6() { target_v6(sk, addr)? } else { target_v4(addr)? };
    let was_bound = sk.inet.saddr;
    let dst = ip::route::connect(cx, sk.sk, &mut sk.inet, target.addr).inspect_err(|errno| {
        if *errno == Errno::ENETUNREACH {
            if target.addr.is_v4() { cx.inc(Ip::OutNoRoutes) } else { cx.inc(Ip6::OutNoRoutes) }
        }
    })?;
    if matches!(dst.kind, DstKind::Multicast | DstKind::Broadcast) {
        undo(sk, was_bound);
        return Err(Errno::ENETUNREACH);
    }
    if sk.rx_opt.ts_recent_stamp != 0 && sk.inet.daddr != target.addr {
        // Timestamps of another peer mean nothing here.
        sk.rx_opt.ts_recent = 0;
        sk.rx_opt.ts_recent_stamp = 0;
    }
    sk.inet.daddr = target.addr;
    sk.inet.dport = target.port;
    sk.rx_opt.mss_clamp = MSS_DEFAULT;
    sk.ext_hdr_len = output::ext_hdr_len(sk);
    if !sk.repair {
        sk.write_seq = 0;
    }
    state::set_state(sk, cx, TcpState::SynSent);
    begin(sk, cx, data).inspect_err(|_| {
        state::set_state(sk, cx, TcpState::Close);
        undo(sk, was_bound);
    })
}

fn begin(sk: &mut Sk<'_>, cx: &UserCx<'_>, data: Option<&mut IovSource<'_>>) -> Result<()> {
    // A connection in TIME_WAIT that gives its place up sets where our numbers begin.
    hash_connect(sk, cx)?;
    sk.sk.shared.inet.publish(&sk.inet);
    sk.sk.set_txhash(cx.net.rng.u32().max(1));
    if !sk.repair {
        let secrets = glue::secrets(cx, &crate::hash::Key::of(sk));
        if sk.write_seq == 0 {
            sk.write_seq = secrets.isn;
        }
        sk.tsoffset = secrets.ts_off;
    }
    sk.inet.id = cx.net.rng.u32() as u16;
    if client::defer(sk, cx) {
        return Ok(());
    }
    output::connect(sk, cx, data)
}

fn undo(sk: &mut Sk<'_>, saddr: InetAddr) {
    let any = sk.inet.any();
    if !sk.sk.flag(SockFlag::BindAddrLock) {
        sk.inet.rcv_saddr = any;
    }
    sk.inet.saddr = saddr;
    sk.inet.dst = None;
    sk.inet.dport = 0;
    sk.inet.daddr = any;
    sk.sk.shared.inet.publish(&sk.inet);
}

fn target_v4(addr: &[u8]) -> Result<Target> {
    let (to, port) = sockaddr::parse_in(addr)?;
    if i32::from(sockaddr::sa_family(addr)?) != AF_INET {
        return Err(Errno::EAFNOSUPPORT);
    }
    // To connect to no address is to connect to this host.
    let addr = if to.is_unspecified() { std::net::Ipv4Addr::LOCALHOST } else { to };
    Ok(Target { addr: addr.into(), port })
}

fn target_v6(sk: &mut Sk<'_>, addr: &[u8]) -> Result<Target> {
    let to = sockaddr::parse_in6(addr)?;
    if i32::from(sockaddr::sa_family(addr)?) != AF_INET6 {
        return Err(Errno::EAFNOSUPPORT);
    }
    let mut target = Target { addr: InetAddr::v6(*to.ip()), port: to.port() };
    if sk.inet.v6.sndflow {
        sk.inet.v6.flow_label = to.flowinfo() & 0x0fff_ffff;
    }
    if target.addr.is_unspecified() {
        // As above; a socket bound to an IPv4 address means IPv4's.
        target.addr = if sk.inet.rcv_saddr.is_v4() && !sk.inet.rcv_saddr.is_unspecified() {
            InetAddr::v4(std::net::Ipv4Addr::LOCALHOST)
        } else {
            InetAddr::v6(std::net::Ipv6Addr::LOCALHOST)
        };
    }
    if target.addr.is_multicast() && !target.addr.is_v4() {
        return Err(Errno::ENETUNREACH);
    }
    if target.addr.is_link_local() && !target.addr.is_v4() {
        let scope = to.scope_id();
        if scope != 0 {
            // A scope id is a device to be bound to, and a socket is bound to one.
            match sk.sk.bound_dev_if() {
                0 => sk.sk.set_bound_dev_if(scope),
                bound if bound != scope => return Err(Errno::EINVAL),
                _ => {}
            }
        }
        if sk.sk.bound_dev_if() == 0 {
            return Err(Errno::EINVAL);
        }
    }
    if target.addr.is_v4() && sk.inet.v6only {
        return Err(Errno::ENETUNREACH);
    }
    Ok(target)
}
