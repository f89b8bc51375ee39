//! Ports and groups: `netlink_bind`, `netlink_autobind`, `netlink_connect`, `netlink_getname`.

use crate::sock::Netlink;
use crate::state::NetlinkNet;
use net::socket::SocketState;
use net::{Sock, Socket, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::sockaddr::SOCKADDR_NL_LEN;
use uapi::socket::{AF_NETLINK, AF_UNSPEC};
use uapi::{CAP_NET_ADMIN, Errno, Result, SockAddr};

/// Port and groups of a `struct sockaddr_nl`; `EINVAL` for what is none.
pub(crate) fn parse(addr: &[u8]) -> Result<(u32, u32)> {
    match addr {
        &[f0, f1, _, _, p0, p1, p2, p3, g0, g1, g2, g3, ..]
            if i32::from(u16::from_ne_bytes([f0, f1])) == AF_NETLINK =>
        {
            Ok((u32::from_ne_bytes([p0, p1, p2, p3]), u32::from_ne_bytes([g0, g1, g2, g3])))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// A set of groups as an address tells one: the lowest.
pub(crate) fn lowest_group(groups: u32) -> u32 {
    if groups == 0 { 0 } else { groups.trailing_zeros() + 1 }
}

/// One group as an address tells it, if it can (`netlink_group_mask`).
pub(crate) fn group_mask(group: u32) -> u32 {
    if (1..=32).contains(&group) { 1 << (group - 1) } else { 0 }
}

/// Takes a port: a chosen one, or with 0 any.
pub(crate) fn bind(sk: &Sock<Netlink>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    let (port, groups) = parse(addr)?;
    let shared = &sk.shared;
    if shared.bound.load(Relaxed) {
        if port != shared.portid.load(Relaxed) {
            return Err(Errno::EINVAL);
        }
    } else if port != 0 {
        insert(sk, cx, port)?;
    } else {
        autobind(sk, cx)?;
    }
    // bind() says which of the first 32 groups, and says nothing of the others.
    if groups != 0 {
        shared.has_groups.store(true, Relaxed);
    }
    let high = shared.groups.load(Relaxed) & !u64::from(u32::MAX);
    shared.groups.store(high | u64::from(groups), Relaxed);
    Ok(())
}

fn insert(sk: &Sock<Netlink>, cx: &UserCx<'_>, port: u32) -> Result<()> {
    NetlinkNet::of(cx.net).insert(sk.protocol(), port, sk.hold())?;
    sk.shared.portid.store(port, Relaxed);
    sk.shared.bound.store(true, Relaxed);
    Ok(())
}

/// A port for a socket that has none: the process's number, or if another has it, one that no process
/// can have.
pub(crate) fn autobind(sk: &Sock<Netlink>, cx: &UserCx<'_>) -> Result<()> {
    if sk.shared.bound.load(Relaxed) {
        return Ok(());
    }
    /// Process numbers end far below.
    const FIRST: u32 = 0x8000_0000;
    const LAST: u32 = u32::MAX - 4096;
    let mut port = cx.process.cred.pid;
    for _ in 0..1024 {
        match insert(sk, cx, port) {
            Err(Errno::EADDRINUSE) => {}
            result => return result,
        }
        port = FIRST + cx.net.rng.below(LAST - FIRST);
    }
    Err(Errno::EADDRINUSE)
}

/// Gives the port back.
pub(crate) fn unbind(sk: &Sock<Netlink>, cx: &UserCx<'_>) {
    if sk.shared.bound.swap(false, Relaxed)
        && let Some(held) = NetlinkNet::of(cx.net).remove(sk.protocol(), sk.shared.portid.load(Relaxed))
    {
        cx.sock_put(held);
    }
}

/// Only the administrator may write to others than the kernel (`NL_CFG_F_NONROOT_SEND` is not set for
/// any protocol here).
pub(crate) fn may_send(cx: &UserCx<'_>, port: u32, groups: u32) -> Result<()> {
    if (port != 0 || groups != 0) && !cx.process.capable(CAP_NET_ADMIN) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// Remembers whom to send to.
pub(crate) fn connect(sock: &Socket, sk: &Sock<Netlink>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    let &[f0, f1, ..] = addr else { return Err(Errno::EINVAL) };
    if i32::from(u16::from_ne_bytes([f0, f1])) == AF_UNSPEC {
        let mut st = sk.lock_sock(cx);
        (st.dst_portid, st.dst_group) = (0, 0);
        sock.set_state(cx, SocketState::Unconnected);
        return Ok(());
    }
    let (port, groups) = parse(addr)?;
    may_send(cx, port, groups)?;
    autobind(sk, cx)?;
    let mut st = sk.lock_sock(cx);
    (st.dst_portid, st.dst_group) = (port, lowest_group(groups));
    sock.set_state(cx, SocketState::Connected);
    Ok(())
}

/// The socket's own address, or whom it is connected to.
pub(crate) fn getname(sk: &Sock<Netlink>, cx: &UserCx<'_>, buf: &mut [u8], peer: bool) -> Result<usize> {
    let (pid, groups) = if peer {
        let st = sk.lock_sock(cx);
        (st.dst_portid, group_mask(st.dst_group))
    } else {
        (sk.shared.portid.load(Relaxed), sk.shared.groups.load(Relaxed) as u32)
    };
    let mut name = [0; SOCKADDR_NL_LEN];
    SockAddr::Netlink { pid, groups }.encode(&mut name);
    let n = buf.len().min(name.len());
    buf[..n].copy_from_slice(&name[..n]);
    Ok(name.len())
}
