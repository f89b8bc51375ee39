//! Addresses of this host, and what IP keeps with a device (`struct in_device`, `struct inet6_dev`).

mod conf;
mod ioctl;
mod manage;
pub mod v4;
pub mod v6;

pub(crate) use conf::register_templates;
pub use conf::{Conf, Conf4, Conf6};
pub use ioctl::devinet_ioctl;
pub use manage::{add, add_loopback, del, dev_down, dev_gone, dev_up};

use crate::IpNet;
use crate::fib::{RT_TABLE_LOCAL, RouteType, Scope};
use crate::mcast::DevGroups;
use kern::sync::SpinLock;
use net::dev::DevExt;
use net::dst::Flow;
use net::{Net, NetDevice};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{Errno, InetAddr, Result};

/// The address is not the first of its prefix (`IFA_F_SECONDARY`, `IFA_F_TEMPORARY`).
pub const IFA_F_SECONDARY: u32 = 0x01;
/// No duplicate address detection (`IFA_F_NODAD`).
pub const IFA_F_NODAD: u32 = 0x02;
/// Not preferred any more (`IFA_F_DEPRECATED`).
pub const IFA_F_DEPRECATED: u32 = 0x20;
/// Not yet checked for duplicates (`IFA_F_TENTATIVE`).
pub const IFA_F_TENTATIVE: u32 = 0x40;
/// Without end of life (`IFA_F_PERMANENT`).
pub const IFA_F_PERMANENT: u32 = 0x80;
/// No route to the prefix (`IFA_F_NOPREFIXROUTE`).
pub const IFA_F_NOPREFIXROUTE: u32 = 0x200;

/// An address of an interface (`struct in_ifaddr`, `struct inet6_ifaddr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfAddr {
    /// The address (`ifa_local`).
    pub local: InetAddr,
    /// The other end of a point-to-point link, else the address again (`ifa_address`).
    pub peer: InetAddr,
    /// Length of the prefix, bits.
    pub prefixlen: u8,
    /// Broadcast address (`ifa_broadcast`).
    pub broadcast: Option<Ipv4Addr>,
    /// How far it is valid.
    pub scope: Scope,
    /// `IFA_F_*`.
    pub flags: u32,
    /// Name with alias, as `eth0:1` (`ifa_label`).
    pub label: String,
    /// Seconds it is valid; `u32::MAX` for ever.
    pub valid_lft: u32,
    /// Seconds it is preferred; `u32::MAX` for ever.
    pub preferred_lft: u32,
    /// Preference of the prefix's route, 0 for the default (`ifa_rt_priority`).
    pub metric: u32,
}

impl IfAddr {
    /// An address with its prefix, as `ip address add` makes it: the scope follows from the address.
    pub fn new(local: InetAddr, prefixlen: u8) -> Self {
        let scope = match () {
            () if local.is_loopback() => Scope::Host,
            () if local.is_v6() && local.is_link_local() => Scope::Link,
            () => Scope::Universe,
        };
        IfAddr {
            local,
            peer: local,
            prefixlen,
            broadcast: None,
            scope,
            flags: IFA_F_PERMANENT,
            label: String::new(),
            valid_lft: u32::MAX,
            preferred_lft: u32::MAX,
            metric: 0,
        }
    }

    /// True for an address in the prefix (`inet_ifa_match`).
    #[inline]
    pub fn matches(&self, addr: InetAddr) -> bool {
        self.peer.prefix_eq(addr, self.prefixlen)
    }

    /// True unless it is secondary.
    #[inline]
    pub fn is_primary(&self) -> bool {
        self.flags & IFA_F_SECONDARY == 0
    }
}

/// What IP keeps with a device, both families.
pub struct IpDev {
    /// IPv4 addresses: primary ones, then secondary ones.
    pub v4: SpinLock<Vec<IfAddr>>,
    /// IPv6 addresses, the nearest scope last.
    pub v6: SpinLock<Vec<IfAddr>>,
    /// Groups joined on this interface.
    pub groups: DevGroups,
    /// `net.ipv4.conf.DEV.*`.
    pub conf4: Conf,
    /// `net.ipv6.conf.DEV.*`.
    pub conf6: Conf,
}

impl DevExt for IpDev {
    const SLOT: usize = 0;
}

impl IpDev {
    /// What IP keeps with `dev`; `None` before its first address.
    #[inline]
    pub fn get(dev: &NetDevice) -> Option<&IpDev> {
        dev.ext()
    }

    /// What IP keeps with `dev`, made when there is nothing (`inetdev_init`, `ipv6_add_dev`).
    pub fn of<'d>(net: &Net, dev: &'d NetDevice) -> Result<&'d IpDev> {
        if let Some(known) = dev.ext::<IpDev>() {
            return Ok(known);
        }
        let sysctl = &IpNet::of(net).sysctl;
        let fresh = IpDev {
            v4: SpinLock::default(),
            v6: SpinLock::default(),
            groups: DevGroups::default(),
            conf4: Conf::copy_of(&sysctl.conf4_default),
            conf6: Conf::copy_of(&sysctl.conf6_default),
        };
        conf::register_dev(net, dev, &fresh);
        // Somebody else may have been faster; theirs is as good.
        let _ = dev.set_ext(fresh);
        dev.ext().ok_or(Errno::ENOBUFS)
    }

    fn list(&self, v4: bool) -> &SpinLock<Vec<IfAddr>> {
        if v4 { &self.v4 } else { &self.v6 }
    }
}

/// The addresses of a device, IPv4 then IPv6.
pub fn list(dev: &NetDevice) -> Vec<IfAddr> {
    let Some(ipdev) = IpDev::get(dev) else { return Vec::new() };
    let mut all = ipdev.v4.lock().clone();
    all.extend(ipdev.v6.lock().iter().cloned());
    all
}

/// True when the device itself has this address (`ipv6_chk_addr` with a device).
pub fn has(dev: &NetDevice, addr: InetAddr) -> bool {
    IpDev::get(dev).is_some_and(|d| d.list(addr.is_v4()).lock().iter().any(|ifa| ifa.local == addr))
}

fn local_route(net: &Net, addr: InetAddr) -> Option<Arc<crate::fib::Route>> {
    let any = if addr.is_v4() { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 };
    let flow = Flow { daddr: addr, saddr: any, oif: 0, iif: 0, mark: 0, tos: 0 };
    IpNet::of(net).fib.lookup_table(RT_TABLE_LOCAL, &flow)
}

/// What an address is to this host (`inet_addr_type`, `ipv6_addr_type` with the tables): local,
/// broadcast, multicast, or unicast for all others.
pub fn inet_addr_type(net: &Net, addr: InetAddr) -> RouteType {
    let zeronet = addr.as_v4().is_some_and(|a| a.octets()[0] == 0);
    if zeronet || addr.is_broadcast() {
        return RouteType::Broadcast;
    }
    if addr.is_multicast() {
        return RouteType::Multicast;
    }
    local_route(net, addr).map_or(RouteType::Unicast, |route| route.kind)
}

/// True for an address that packets are delivered for: of an interface, or in a local prefix as
/// `127.0.0.0/8` (`inet_addr_type(…) == RTN_LOCAL`, `ipv6_chk_addr`).
#[inline]
pub fn is_local(net: &Net, addr: InetAddr) -> bool {
    // By far the commonest questions.
    if addr == InetAddr::LOOPBACK_V4 || addr == InetAddr::LOOPBACK_V6 {
        return net.dev.loopback().is_some_and(|lo| IpDev::get(lo).is_some());
    }
    inet_addr_type(net, addr) == RouteType::Local
}

/// The device with this address, or in whose local prefix it is (`__ip_dev_find`).
pub fn dev_of(net: &Net, addr: InetAddr) -> Option<Arc<NetDevice>> {
    if let Some(dev) = net.dev.all().into_iter().find(|dev| has(dev, addr)) {
        return Some(dev);
    }
    let route = local_route(net, addr)?;
    if route.kind == RouteType::Local { route.dev.clone() } else { None }
}

/// True when `bind()` may take the address: local, broadcast or multicast, or anything with
/// `ip_nonlocal_bind`, `IP_FREEBIND` or `IP_TRANSPARENT` (`inet_addr_valid_or_nonlocal`,
/// `ipv6_can_nonlocal_bind`). Whether a type of socket may bind to broadcast or multicast is its own
/// matter.
pub fn may_bind(net: &Net, inet: &crate::InetSock, addr: InetAddr) -> bool {
    let sysctl = &IpNet::of(net).sysctl;
    let nonlocal =
        if inet.is_inet6() && addr.is_v6() { &sysctl.ip_nonlocal_bind6 } else { &sysctl.ip_nonlocal_bind };
    nonlocal.load(Relaxed) != 0
        || inet.freebind
        || inet.transparent
        || addr.is_unspecified()
        || match inet_addr_type(net, addr) {
            RouteType::Local | RouteType::Multicast => true,
            RouteType::Broadcast => addr.is_v4(),
            _ => false,
        }
}

#[cfg(test)]
mod tests;
