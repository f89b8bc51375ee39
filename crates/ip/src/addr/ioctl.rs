//! Questions about the IPv4 addresses of devices (`devinet_ioctl`, `inet_gifconf`), which sockets of several families ask.

use super::{IfAddr, IpDev};
use net::dev::ioctl::{ifreq_dev, ifreq_union};
use net::{Cx, NetDevice};
use std::net::Ipv4Addr;
use uapi::ioctl::{SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFCONF, SIOCGIFDSTADDR, SIOCGIFNETMASK};
use uapi::netif::IFNAMSIZ;
use uapi::socket::AF_INET;
use uapi::{Errno, Result};

/// `sizeof(struct ifreq)`.
const IFREQ: usize = 40;

/// Answers in `arg`, a `struct ifreq`; for `SIOCGIFCONF` the memory that is to be filled with them.
///
/// # Errors
/// `ENOIOCTLCMD` for what is no question about addresses; `ENODEV`, `EADDRNOTAVAIL`, `EFAULT`.
pub fn devinet_ioctl(cx: &Cx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    match cmd {
        SIOCGIFCONF => inet_gifconf(cx, arg),
        SIOCGIFADDR | SIOCGIFDSTADDR | SIOCGIFBRDADDR | SIOCGIFNETMASK => device_addr(cx, cmd, arg),
        _ => Err(Errno::ENOIOCTLCMD),
    }
}

fn put_addr(to: &mut [u8], addr: Ipv4Addr) {
    to.fill(0);
    to[..2].copy_from_slice(&(AF_INET as u16).to_ne_bytes());
    to[4..8].copy_from_slice(&addr.octets());
}

fn v4_addrs(dev: &NetDevice) -> Vec<IfAddr> {
    IpDev::get(dev).map_or_else(Vec::new, |ipdev| ipdev.v4.lock().clone())
}

/// The first IPv4 address of the device that `arg`, a `struct ifreq`, names.
fn device_addr(cx: &Cx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    let dev = ifreq_dev(cx.net, arg)?;
    let name: Vec<u8> = arg.iter().copied().take(IFNAMSIZ - 1).take_while(|&b| b != 0).collect();
    let addrs = v4_addrs(&dev);
    // An alias is a label of its own; the device's name stands for its first address.
    let wanted = |ifa: &&IfAddr| !name.contains(&b':') || ifa.label.as_bytes() == name;
    let ifa = addrs.iter().find(wanted).ok_or(Errno::EADDRNOTAVAIL)?;
    let none = Ipv4Addr::UNSPECIFIED;
    let addr = match cmd {
        SIOCGIFADDR => ifa.local.as_v4().unwrap_or(none),
        SIOCGIFDSTADDR => ifa.peer.as_v4().unwrap_or(none),
        SIOCGIFBRDADDR => ifa.broadcast.unwrap_or(none),
        _ => Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(ifa.prefixlen)).unwrap_or(0)),
    };
    put_addr(ifreq_union(arg)?, addr);
    Ok(0)
}

/// Every IPv4 address as a `struct ifreq` (`inet_gifconf`).
///
/// The request's structure holds a pointer, so here `buf` is the memory it points to, and the answer is how many bytes of
/// it are filled; without memory, how many there would be.
fn inet_gifconf(cx: &Cx<'_>, buf: &mut [u8]) -> Result<i32> {
    let mut at = 0;
    for dev in cx.net.dev.all() {
        for ifa in v4_addrs(&dev) {
            let Some(ifreq) = buf.get_mut(at..at + IFREQ) else {
                if buf.is_empty() {
                    at += IFREQ;
                }
                continue;
            };
            ifreq.fill(0);
            let label = if ifa.label.is_empty() { &dev.name } else { &ifa.label };
            ifreq.iter_mut().zip(label.bytes().take(IFNAMSIZ - 1)).for_each(|(to, from)| *to = from);
            put_addr(ifreq_union(ifreq)?, ifa.local.as_v4().unwrap_or(Ipv4Addr::UNSPECIFIED));
            at += IFREQ;
        }
    }
    i32::try_from(at).map_err(|_| Errno::EINVAL)
}
