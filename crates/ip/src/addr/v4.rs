//! IPv4 source address selection (`inet_select_addr`).

use super::IpDev;
use crate::fib::Scope;
use net::{Net, NetDevice};
use std::sync::Arc;
use uapi::InetAddr;

/// An address of ours for packets to `dst` by way of `dev`, valid at least as far as `scope`: of the
/// device, preferably in the destination's subnet, else of another device. `0.0.0.0` when there is
/// none.
pub fn select(net: &Net, dev: &Arc<NetDevice>, dst: InetAddr, scope: Scope) -> InetAddr {
    if let Some(found) = first_of(dev, dst, scope) {
        return found;
    }
    // Not an address of a link that is not on this one: those of other devices are for wider scopes.
    let others = net.dev.all();
    let found = others.iter().filter(|other| !Arc::ptr_eq(other, dev)).find_map(|other| {
        let list = IpDev::get(other)?.v4.lock();
        let usable =
            list.iter().find(|ifa| ifa.is_primary() && ifa.scope != Scope::Link && ifa.scope <= scope);
        usable.map(|ifa| ifa.local)
    });
    found.unwrap_or(InetAddr::UNSPECIFIED_V4)
}

fn first_of(dev: &NetDevice, dst: InetAddr, scope: Scope) -> Option<InetAddr> {
    let list = IpDev::get(dev)?.v4.lock();
    let mut first = None;
    for ifa in list.iter().filter(|ifa| ifa.is_primary() && ifa.scope <= scope) {
        if dst.is_unspecified() || ifa.matches(dst) {
            return Some(ifa.local);
        }
        first.get_or_insert(ifa.local);
    }
    first
}
