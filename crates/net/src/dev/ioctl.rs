//! ioctl(2) of devices, on a socket of any family (`dev_ioctl`, netdevice(7)).

use super::NetDevice;
use crate::netns::Net;
use std::sync::Arc;
use uapi::ioctl::{
    SIOCETHTOOL, SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMAP, SIOCGIFMETRIC, SIOCGIFMTU,
    SIOCGIFNAME, SIOCGIFSLAVE, SIOCGIFTXQLEN,
};
use uapi::netif::{IFF_LOWER_UP, IFF_RUNNING, IFF_UP, IFNAMSIZ};
use uapi::{Errno, Result};

/// Where the union of `struct ifreq` begins.
const UNION: usize = IFNAMSIZ;
/// Its length that every caller has, 32-bit ones too.
const UNION_LEN: usize = 16;

/// The device that a `struct ifreq` names; what follows a colon is an alias of the same.
///
/// # Errors
/// `EFAULT` for less memory than an `ifreq`, `ENODEV`.
pub fn ifreq_dev(net: &Net, ifreq: &[u8]) -> Result<Arc<NetDevice>> {
    let name = ifreq.get(..IFNAMSIZ - 1).ok_or(Errno::EFAULT)?;
    let name = name.split(|&b| b == 0 || b == b':').next().unwrap_or(name);
    std::str::from_utf8(name).ok().and_then(|name| net.dev.by_name(name)).ok_or(Errno::ENODEV)
}

/// The union of a `struct ifreq`, to be filled in.
///
/// # Errors
/// `EFAULT` for less memory than an `ifreq`.
pub fn ifreq_union(ifreq: &mut [u8]) -> Result<&mut [u8]> {
    ifreq.get_mut(UNION..UNION + UNION_LEN).ok_or(Errno::EFAULT)
}

/// Flags as users see them (`dev_get_flags`): a device that is up is running, for its wire is never cut.
fn dev_get_flags(dev: &NetDevice) -> u32 {
    let flags = dev.flags();
    if flags & IFF_UP != 0 { flags | IFF_RUNNING | IFF_LOWER_UP } else { flags }
}

/// Answers in `arg`, a `struct ifreq`.
///
/// # Errors
/// `ENOIOCTLCMD` for what is no question about a device; `ENODEV`, `EFAULT`, `EOPNOTSUPP` for ethtool's.
pub fn dev_ioctl(net: &Net, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    if cmd == SIOCGIFNAME {
        let index = arg.get(UNION..UNION + 4).and_then(|b| b.try_into().ok()).ok_or(Errno::EFAULT)?;
        let dev = net.dev.by_index(u32::from_ne_bytes(index)).ok_or(Errno::ENODEV)?;
        let name = arg.get_mut(..IFNAMSIZ).ok_or(Errno::EFAULT)?;
        name.fill(0);
        name.iter_mut().zip(dev.name.bytes().take(IFNAMSIZ - 1)).for_each(|(to, from)| *to = from);
        return Ok(0);
    }
    let number = |dev: &NetDevice| match cmd {
        SIOCGIFMETRIC => Some(0),
        SIOCGIFMTU => Some(dev.mtu()),
        SIOCGIFINDEX => Some(dev.ifindex),
        SIOCGIFTXQLEN => Some(dev.tx_queue_len),
        _ => None,
    };
    match cmd {
        SIOCGIFMETRIC | SIOCGIFMTU | SIOCGIFINDEX | SIOCGIFTXQLEN => {
            let value = number(&*ifreq_dev(net, arg)?).unwrap_or(0);
            ifreq_union(arg)?[..4].copy_from_slice(&value.to_ne_bytes());
        }
        SIOCGIFFLAGS => {
            let flags = dev_get_flags(&*ifreq_dev(net, arg)?) as u16;
            ifreq_union(arg)?[..2].copy_from_slice(&flags.to_ne_bytes());
        }
        SIOCGIFHWADDR => {
            let dev = ifreq_dev(net, arg)?;
            let to = ifreq_union(arg)?;
            to.fill(0);
            to[..2].copy_from_slice(&dev.hardware.to_ne_bytes());
            to[2..].iter_mut().zip(&dev.address).for_each(|(to, from)| *to = *from);
        }
        SIOCGIFMAP => {
            ifreq_dev(net, arg)?;
            // All of it: a `struct ifmap` is longer than the other answers.
            ifreq_union(arg)?;
            arg[UNION..].fill(0);
        }
        // No driver here has anything to tell (`ethtool_ops`).
        SIOCETHTOOL => {
            ifreq_dev(net, arg)?;
            return Err(Errno::EOPNOTSUPP);
        }
        // No device here is one of a bundle.
        SIOCGIFSLAVE => {
            ifreq_dev(net, arg)?;
            return Err(Errno::EINVAL);
        }
        _ => return Err(Errno::ENOIOCTLCMD),
    }
    Ok(0)
}
