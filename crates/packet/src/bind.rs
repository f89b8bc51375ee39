//! Which packets a socket wants, and what its name shows (`packet_bind`, `packet_bind_spkt`, `packet_getname`).

use crate::link;
use crate::sock::Packet;
use crate::state::PacketNet;
use net::{NetDevice, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::sockaddr::{SOCKADDR_LL_LEN, SockAddr, SockAddrLl};
use uapi::socket::AF_PACKET;
use uapi::{Errno, IFF_UP, Result};

/// `sizeof(struct sockaddr)`.
pub(crate) const SOCKADDR_LEN: usize = 16;
/// Bytes of `sa_data`.
const SA_DATA: usize = SOCKADDR_LEN - 2;
/// Where the address begins in a `struct sockaddr_ll`.
pub(crate) const SLL_ADDR: usize = 12;

/// `EINVAL` for a short address or another family's, `ENODEV`.
pub(crate) fn bind(sk: &Sock<Packet>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    if addr.len() < SOCKADDR_LL_LEN {
        return Err(Errno::EINVAL);
    }
    let SockAddr::Packet(sll) = SockAddr::parse(addr)? else { return Err(Errno::EINVAL) };
    let dev = match sll.ifindex {
        0 => None,
        index => Some(cx.net.dev.by_index(index as u32).ok_or(Errno::ENODEV)?),
    };
    do_bind(sk, cx, dev, sll.protocol);
    Ok(())
}

/// By the device's name, which Linux takes for a `struct sockaddr` of 16 bytes; `EINVAL` for another length, `ENODEV`.
pub(crate) fn bind_spkt(sk: &Sock<Packet>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    if addr.len() != SOCKADDR_LEN {
        return Err(Errno::EINVAL);
    }
    let dev = by_name(cx, &addr[2..])?;
    do_bind(sk, cx, Some(dev), 0);
    Ok(())
}

/// The device of a name that a zero or its length ends; `ENODEV`.
pub(crate) fn by_name(cx: &UserCx<'_>, name: &[u8]) -> Result<Arc<NetDevice>> {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).map_err(|_| Errno::ENODEV)?;
    cx.net.dev.by_name(name).ok_or(Errno::ENODEV)
}

/// `protocol` 0 leaves it. A device that is down is told by the socket's error.
fn do_bind(sk: &Sock<Packet>, cx: &UserCx<'_>, dev: Option<Arc<NetDevice>>, protocol: u16) {
    let _guard = sk.lock_sock(cx);
    let shared = &sk.shared;
    let was = (shared.num.load(Relaxed), shared.ifindex.load(Relaxed));
    let now = (if protocol == 0 { was.0 } else { protocol }, dev.as_ref().map_or(0, |dev| dev.ifindex));
    if now != was {
        PacketNet::of(cx.net).unhook(cx, sk);
        shared.num.store(now.0, Relaxed);
        shared.ifindex.store(now.1, Relaxed);
    }
    if now.0 == 0 || now == was {
        return;
    }
    if dev.is_none_or(|dev| dev.flags() & IFF_UP != 0) {
        PacketNet::of(cx.net).hook(cx, sk);
    } else {
        sk.set_err(Errno::ENETDOWN);
        sk.error_report(cx);
    }
}

/// As long as the device's address needs. `EOPNOTSUPP` for the peer's.
pub(crate) fn getname(sk: &Sock<Packet>, cx: &UserCx<'_>, buf: &mut [u8], peer: bool) -> Result<usize> {
    if peer {
        return Err(Errno::EOPNOTSUPP);
    }
    let (ifindex, num) = (sk.shared.ifindex.load(Relaxed), sk.shared.num.load(Relaxed));
    let sll = match cx.net.dev.by_index(ifindex) {
        Some(dev) => link::sockaddr(&dev, num, 0, &dev.address),
        None => SockAddrLl { protocol: num, ifindex: ifindex as i32, ..SockAddrLl::default() },
    };
    let mut name = [0; SOCKADDR_LL_LEN];
    SockAddr::Packet(sll).encode(&mut name);
    let len = SLL_ADDR + usize::from(sll.halen);
    let n = len.min(buf.len());
    buf[..n].copy_from_slice(&name[..n]);
    Ok(len)
}

/// The same for the obsolete type: the device's name.
pub(crate) fn getname_spkt(sk: &Sock<Packet>, cx: &UserCx<'_>, buf: &mut [u8], peer: bool) -> Result<usize> {
    if peer {
        return Err(Errno::EOPNOTSUPP);
    }
    let mut name = [0; SOCKADDR_LEN];
    name[..2].copy_from_slice(&(AF_PACKET as u16).to_ne_bytes());
    if let Some(dev) = cx.net.dev.by_index(sk.shared.ifindex.load(Relaxed)) {
        name[2..].iter_mut().zip(dev.name.bytes().take(SA_DATA - 1)).for_each(|(to, from)| *to = from);
    }
    let n = name.len().min(buf.len());
    buf[..n].copy_from_slice(&name[..n]);
    Ok(SOCKADDR_LEN)
}
