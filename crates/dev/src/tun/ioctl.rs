//! `ioctl(2)` of a TUN file (`__tun_chr_ioctl`).

use super::transfer::IFF_NO_PI;
use super::{Link, Tun, device};
use net::{Net, Sock};
use std::sync::Arc;
use uapi::cap::CAP_NET_ADMIN;
use uapi::{Errno, IFNAMSIZ, Result};

/// Makes a device and attaches it to the file: a `struct ifreq` with name and flags (`linux/if_tun.h`).
pub const TUNSETIFF: u32 = 0x4004_54ca;
/// The device's name and flags.
pub const TUNGETIFF: u32 = 0x8004_54d2;
/// The flags that `TUNSETIFF` knows.
pub const TUNGETFEATURES: u32 = 0x8004_54cf;

/// Packets of the network layer.
pub const IFF_TUN: u16 = 1;
/// Only one queue, which is so anyway.
const IFF_ONE_QUEUE: u16 = 0x2000;
/// Every packet is for the reader: there is no filter (`TUNGETIFF` only; the same bit as `IFF_NO_PI`).
const IFF_NOFILTER: u16 = 0x1000;
const FEATURES: u16 = IFF_TUN | IFF_NO_PI | IFF_ONE_QUEUE;

/// # Errors
/// `EBADFD` before `TUNSETIFF`, then `EINVAL` for a command it does not know; `EFAULT` for less memory than the command's.
pub(super) fn ioctl(
    sk: &Arc<Sock<Tun>>,
    net: &Net,
    process: &kern::context::Process<'_>,
    cmd: u32,
    arg: &mut [u8],
) -> Result<i32> {
    let link = sk.shared.link();
    match (cmd, link) {
        (TUNGETFEATURES, _) => {
            arg.get_mut(..4).ok_or(Errno::EFAULT)?.copy_from_slice(&u32::from(FEATURES).to_ne_bytes());
            Ok(0)
        }
        (TUNSETIFF, Some(_)) => Err(Errno::EEXIST),
        (TUNSETIFF, None) => set_iff(sk, net, process.capable(CAP_NET_ADMIN), arg),
        (_, None) => Err(Errno::EBADFD),
        (TUNGETIFF, Some(Link { dev, flags })) => fill(arg, &dev.name, flags | IFF_NOFILTER),
        _ => Err(Errno::EINVAL),
    }
}

fn set_iff(sk: &Arc<Sock<Tun>>, net: &Net, admin: bool, arg: &mut [u8]) -> Result<i32> {
    let (name, rest) = arg.split_at_checked(IFNAMSIZ).ok_or(Errno::EFAULT)?;
    let flags = u16::from_ne_bytes(*rest.first_chunk().ok_or(Errno::EFAULT)?);
    let name = name[..IFNAMSIZ - 1].split(|byte| *byte == 0).next().unwrap_or(name);
    let name = std::str::from_utf8(name).map_err(|_| Errno::EINVAL)?;
    if net.dev.by_name(name).is_none() {
        if !admin {
            return Err(Errno::EPERM);
        }
        // IFF_TAP alone wants Ethernet, which is not there (see docs/DIVERGENCES.md).
        if flags & IFF_TUN == 0 {
            return Err(Errno::EINVAL);
        }
    }
    let name = if name.is_empty() { "tun%d" } else { name };
    let dev = device::attach(sk, net, name, flags & FEATURES)?;
    fill(arg, &dev.name, flags)
}

/// Name and flags of a `struct ifreq`.
fn fill(arg: &mut [u8], name: &str, flags: u16) -> Result<i32> {
    let (to, rest) = arg.split_at_mut_checked(IFNAMSIZ).ok_or(Errno::EFAULT)?;
    to.fill(0);
    to.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    rest.get_mut(..2).ok_or(Errno::EFAULT)?.copy_from_slice(&flags.to_ne_bytes());
    Ok(0)
}
