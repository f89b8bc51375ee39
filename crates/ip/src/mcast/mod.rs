//! Multicast membership: what a device listens to (`ip_mc_list`, `ifmcaddr6`) and what a socket
//! joined (`ip_mc_socklist`, `ipv6_mc_socklist`).
//!
//! A device hears a group while at least one member of this host wants it; a socket that joined
//! filters by source. Reports to routers (IGMP, MLD) are not sent.

mod sock;

pub use sock::{
    FilterMode, SockGroup, join, leave, leave_all, set_multicast_if, sf_allow, source, source_filter,
    source_filter_set,
};

use crate::addr::IpDev;
use kern::sync::SpinLock;
use net::{Net, NetDevice};
use std::sync::Arc;
use uapi::{InetAddr, Result};

/// A group that a device listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevGroup {
    /// The group.
    pub addr: InetAddr,
    /// How many members want it (`users`).
    pub users: u32,
}

/// The groups of a device.
#[derive(Default)]
pub struct DevGroups(SpinLock<Vec<DevGroup>>);

impl DevGroups {
    /// All of them, the newest first, as `/proc/net/igmp` prints them.
    pub fn list(&self) -> Vec<DevGroup> {
        self.0.lock().iter().rev().cloned().collect()
    }
}

/// One more member of this host wants a group on a device (`ip_mc_inc_group`, `ipv6_dev_mc_inc`).
pub fn dev_join(net: &Net, dev: &Arc<NetDevice>, group: InetAddr) -> Result<()> {
    let mut groups = IpDev::of(net, dev)?.groups.0.lock();
    match groups.iter_mut().find(|known| known.addr == group) {
        Some(known) => known.users += 1,
        None => {
            groups.push(DevGroup { addr: group, users: 1 });
            drop(groups);
            // A route that said "not a member" may be cached.
            net.rt_genid_bump();
        }
    }
    Ok(())
}

/// One member less (`ip_mc_dec_group`, `ipv6_dev_mc_dec`).
pub fn dev_leave(net: &Net, dev: &NetDevice, group: InetAddr) {
    let Some(ipdev) = IpDev::get(dev) else { return };
    let mut groups = ipdev.groups.0.lock();
    let Some(at) = groups.iter().position(|known| known.addr == group) else { return };
    groups[at].users -= 1;
    if groups[at].users == 0 {
        groups.remove(at);
        drop(groups);
        net.rt_genid_bump();
    }
}

/// True when the device listens to the group.
pub fn is_joined(dev: &NetDevice, group: InetAddr) -> bool {
    IpDev::get(dev).is_some_and(|ipdev| ipdev.groups.0.lock().iter().any(|known| known.addr == group))
}

/// True when a packet from `source` to the group is for this host (`ip_check_mc_rcu`,
/// `ipv6_chk_mcast_addr`). Sources are filtered by each socket.
pub fn is_member(dev: &NetDevice, group: InetAddr, _source: InetAddr) -> bool {
    is_joined(dev, group)
}

#[cfg(test)]
mod tests;
