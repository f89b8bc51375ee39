//! One route (`struct fib_info` with its alias, `struct fib6_info`).

use crate::IpNet;
use crate::addr::inet_addr_type;
use net::NetDevice;
use net::dst::{Flow, Metrics};
use std::sync::Arc;
use uapi::{Errno, IFF_UP, InetAddr, Result};

/// What a route leads to (`RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RouteType {
    /// Nothing known.
    Unspec = 0,
    /// A gateway or a host on a link.
    Unicast = 1,
    /// This host.
    Local = 2,
    /// All on a link.
    Broadcast = 3,
    /// One of many; only for receiving.
    Anycast = 4,
    /// A group.
    Multicast = 5,
    /// Nowhere, silently.
    Blackhole = 6,
    /// Nowhere: host unreachable.
    Unreachable = 7,
    /// Nowhere: forbidden.
    Prohibit = 8,
    /// Not in this table.
    Throw = 9,
}

impl RouteType {
    /// What a lookup that ends here fails with (`fib_props`).
    pub fn errno(self) -> Option<Errno> {
        match self {
            RouteType::Blackhole | RouteType::Unspec => Some(Errno::EINVAL),
            RouteType::Unreachable => Some(Errno::EHOSTUNREACH),
            RouteType::Prohibit => Some(Errno::EACCES),
            RouteType::Throw => Some(Errno::EAGAIN),
            _ => None,
        }
    }
}

/// How far away a route's destination is (`RT_SCOPE_*`); larger is nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub u8);

#[allow(non_upper_case_globals, reason = "they are the variants of an open enumeration")]
impl Scope {
    /// Anywhere (`RT_SCOPE_UNIVERSE`).
    pub const Universe: Scope = Scope(0);
    /// Inside the site (`RT_SCOPE_SITE`).
    pub const Site: Scope = Scope(200);
    /// On a link (`RT_SCOPE_LINK`).
    pub const Link: Scope = Scope(253);
    /// This host (`RT_SCOPE_HOST`).
    pub const Host: Scope = Scope(254);
    /// Nowhere (`RT_SCOPE_NOWHERE`).
    pub const Nowhere: Scope = Scope(255);
}

/// A route.
#[derive(Clone)]
pub struct Route {
    /// Destination prefix.
    pub dst: InetAddr,
    /// Its length, bits.
    pub len: u8,
    /// Type of service it is for; 0 for any.
    pub tos: u8,
    /// What it leads to.
    pub kind: RouteType,
    /// `RT_TABLE_*`.
    pub table: u32,
    /// Who set it (`RTPROT_*`).
    pub protocol: u8,
    /// How far away the destination is.
    pub scope: Scope,
    /// Preference among equals: the least wins (`fib_priority`, `fib6_metric`).
    pub priority: u32,
    /// Source address for packets without one (`fib_prefsrc`).
    pub prefsrc: Option<InetAddr>,
    /// Next hop; none for what is on the link.
    pub gateway: Option<InetAddr>,
    /// Way out; none for routes that lead nowhere.
    pub dev: Option<Arc<NetDevice>>,
    /// Metrics.
    pub metrics: Metrics,
}

impl Route {
    /// A route to a prefix on a link, in the main table, set by the administrator.
    pub fn new(dst: InetAddr, len: u8, dev: Arc<NetDevice>) -> Self {
        Route {
            dst,
            len,
            tos: 0,
            kind: RouteType::Unicast,
            table: super::RT_TABLE_MAIN,
            protocol: super::RTPROT_BOOT,
            scope: Scope::Link,
            priority: if dst.is_v4() { 0 } else { super::IP6_RT_PRIO_USER },
            prefsrc: None,
            gateway: None,
            dev: Some(dev),
            metrics: Metrics::default(),
        }
    }

    /// The same by way of a gateway.
    #[must_use]
    pub fn via(self, gateway: InetAddr) -> Self {
        Route { gateway: Some(gateway), scope: Scope::Universe, ..self }
    }

    /// The same with another type; one that leads nowhere has no device.
    #[must_use]
    pub fn of_type(mut self, kind: RouteType) -> Self {
        if kind.errno().is_some() {
            self.dev = None;
            self.scope = Scope::Universe;
        }
        self.kind = kind;
        self
    }

    /// Checks and completes a route that an administrator gives (`fib_check_nh`,
    /// `ip6_route_check_nh`): a gateway must be on a link, which also names the device if none is
    /// named. `EINVAL` for a gateway that is no host's or our own, `ENETUNREACH` (IPv6:
    /// `EHOSTUNREACH`) for one that is not on a link, `ENODEV` without a device, `ENETDOWN` for one
    /// that is down.
    pub fn resolve(mut self, net: &net::Net) -> Result<Self> {
        if self.kind.errno().is_some() {
            return Ok(self);
        }
        let Some(gateway) = self.gateway else {
            let dev = self.dev.as_ref().ok_or(Errno::ENODEV)?;
            return if dev.flags() & IFF_UP == 0 { Err(Errno::ENETDOWN) } else { Ok(self) };
        };
        let v4 = gateway.is_v4();
        let own = inet_addr_type(net, gateway);
        if own != RouteType::Unicast || !v4 && gateway.is_link_local() && self.dev.is_none() {
            return Err(Errno::EINVAL);
        }
        if v4 && self.scope >= Scope::Link {
            return Err(Errno::EINVAL);
        }
        let saddr = if v4 { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 };
        let flow = Flow { daddr: gateway, saddr, oif: self.ifindex(), iif: 0, mark: 0, tos: 0 };
        let unreachable = if v4 { Errno::ENETUNREACH } else { Errno::EHOSTUNREACH };
        let found = IpNet::of(net).fib.lookup_scope(&flow, Scope::Link).map_err(|_| unreachable)?;
        if !v4 && found.route.gateway.is_some() {
            return Err(unreachable);
        }
        if self.dev.is_none() {
            self.dev = Some(found.route.dev.clone().ok_or(Errno::ENODEV)?);
        }
        Ok(self)
    }

    /// The index of its device, 0 for none.
    #[inline]
    pub fn ifindex(&self) -> u32 {
        self.dev.as_ref().map_or(0, |dev| dev.ifindex)
    }
}
