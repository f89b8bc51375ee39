//! Addresses and routes of a namespace, as `ip address` and `ip route` set them.

use crate::Net;
use ip::IpNet;
use ip::addr::IfAddr;
use ip::fib::{Mode, Route};
use net::NetDevice;
use std::net::IpAddr;
use std::sync::Arc;
use uapi::{Errno, InetAddr, Result};

/// `10.0.0.1/24`; without a prefix, a host.
fn prefix(text: &str) -> Result<(InetAddr, u8)> {
    let (addr, len) = text.split_once('/').map_or((text, None), |(addr, len)| (addr, Some(len)));
    let addr: IpAddr = addr.parse().map_err(|_| Errno::EINVAL)?;
    let len = match len {
        Some(len) => len.parse().map_err(|_| Errno::EINVAL)?,
        None if addr.is_ipv4() => 32,
        None => 128,
    };
    Ok((addr.into(), len))
}

impl Net {
    fn device(&self, name: &str) -> Result<Arc<NetDevice>> {
        self.stack().dev.by_name(name).ok_or(Errno::ENODEV)
    }

    /// `ip address add ADDR/LEN dev DEV`.
    ///
    /// # Errors
    /// `EINVAL` for what is no address, `ENODEV`, `EEXIST`.
    pub fn add_addr(&self, dev: &str, addr: &str) -> Result<()> {
        let (local, len) = prefix(addr)?;
        ip::addr::add(self.stack(), &self.device(dev)?, IfAddr::new(local, len))
    }

    /// `ip route add PREFIX via GATEWAY dev DEV`; the prefix may be `default`.
    ///
    /// # Errors
    /// `EINVAL` for what is no prefix or no address, `ENODEV`, `EEXIST`.
    pub fn add_route(&self, to: &str, via: Option<&str>, dev: &str) -> Result<()> {
        let gateway = via.map(|via| via.parse::<IpAddr>().map_err(|_| Errno::EINVAL)).transpose()?;
        let (dst, len) = match (to, gateway) {
            ("default", Some(IpAddr::V6(_))) => (InetAddr::UNSPECIFIED_V6, 0),
            ("default", _) => (InetAddr::UNSPECIFIED_V4, 0),
            (to, _) => prefix(to)?,
        };
        let route = Route::new(dst, len, self.device(dev)?);
        let route = match gateway {
            Some(gateway) => route.via(gateway.into()),
            None => route,
        };
        IpNet::of(self.stack()).fib.add(self.stack(), route, Mode::Exclusive)
    }
}
