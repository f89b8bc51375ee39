//! Groups of a socket: joining, leaving, source filters (`ip_mc_join_group`, `ip_mc_source`,
//! `ip_mc_msfilter`, `ip_mc_sf_allow` and their IPv6 kin).

use crate::IpNet;
use crate::addr;
use crate::route;
use crate::sock::{InetShared, InetSock, shared_flag};
use net::dst::Flow;
use net::sock::SockCommon;
use net::{Cx, NetDevice};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{Errno, InetAddr, MCAST_EXCLUDE, MCAST_INCLUDE, Result};

/// What a list of sources means (`MCAST_INCLUDE`, `MCAST_EXCLUDE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterMode {
    /// Only these.
    Include,
    /// All but these.
    Exclude,
}

impl FilterMode {
    /// The ABI's number.
    pub fn raw(self) -> u32 {
        match self {
            FilterMode::Include => MCAST_INCLUDE as u32,
            FilterMode::Exclude => MCAST_EXCLUDE as u32,
        }
    }
}

/// A group that a socket joined (`struct ip_mc_socklist`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SockGroup {
    /// The group.
    pub group: InetAddr,
    /// The interface it was joined on.
    pub ifindex: u32,
    /// What `sources` means.
    pub mode: FilterMode,
    /// The filter.
    pub sources: Vec<InetAddr>,
    /// How many sources its memory has room for (`sl_max`).
    pub room: usize,
}

/// A source list grows by so many (`IP_SFBLOCK`).
const SFBLOCK: usize = 10;

/// `sizeof(struct ip_mc_socklist)`, `sizeof(struct ipv6_mc_socklist)`.
fn group_size(v4: bool) -> u32 {
    if v4 { 48 } else { 56 }
}

/// `sizeof(struct ip_sf_socklist)`, `sizeof(struct ip6_sf_socklist)` with room for so many sources.
fn filter_size(v4: bool, room: usize) -> u32 {
    let source = if v4 { 4 } else { 16 };
    if room == 0 { 0 } else { 24 + (room * source) as u32 }
}

impl SockGroup {
    fn size(&self) -> u32 {
        group_size(self.group.is_v4()) + filter_size(self.group.is_v4(), self.room)
    }
}

/// The interface that a request means (`ip_mc_find_dev`): by index, else by address, else the one
/// that packets to the group leave by.
fn find_dev(cx: &Cx<'_>, group: InetAddr, ifindex: u32, address: Ipv4Addr) -> Option<Arc<NetDevice>> {
    if ifindex != 0 {
        return cx.net.dev.by_index(ifindex);
    }
    if !address.is_unspecified() {
        return addr::dev_of(cx.net, address.into());
    }
    let any = if group.is_v4() { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 };
    let flow = Flow { daddr: group, saddr: any, oif: 0, iif: 0, mark: 0, tos: 0 };
    route::output(cx, &flow).ok().map(|dst| dst.dev.clone())
}

/// Joins a group (`IP_ADD_MEMBERSHIP`, `IPV6_ADD_MEMBERSHIP`), for all sources or, with
/// [`FilterMode::Include`], for those that are added after. `EINVAL` for what is no group, `ENODEV`
/// without an interface, `EADDRINUSE` when joined already, `ENOBUFS` beyond `igmp_max_memberships`.
pub fn join(
    cx: &Cx<'_>,
    sk: &SockCommon,
    shared: &InetShared,
    group: InetAddr,
    ifindex: u32,
    address: Ipv4Addr,
    mode: FilterMode,
) -> Result<()> {
    if !group.is_multicast() {
        return Err(Errno::EINVAL);
    }
    if group.is_v6() {
        let twin = |g: &SockGroup| g.group == group && (ifindex == 0 || g.ifindex == ifindex);
        if shared.groups.lock().iter().any(twin) {
            return Err(Errno::EADDRINUSE);
        }
    }
    let dev = find_dev(cx, group, ifindex, address).ok_or(Errno::ENODEV)?;
    let mut groups = shared.groups.lock();
    if groups.iter().any(|g| g.group == group && g.ifindex == dev.ifindex) {
        return Err(Errno::EADDRINUSE);
    }
    let max = IpNet::of(cx.net).sysctl.igmp_max_memberships.load(Relaxed);
    let joined = groups.iter().filter(|g| g.group.is_v4()).count();
    if group.is_v4() && i64::from(max) <= joined as i64 {
        return Err(Errno::ENOBUFS);
    }
    let size = group_size(group.is_v4());
    sk.charge_omem(cx.net, size)?;
    super::dev_join(cx.net, &dev, group).inspect_err(|_| sk.uncharge_omem(size))?;
    groups.push(SockGroup { group, ifindex: dev.ifindex, mode, sources: Vec::new(), room: 0 });
    shared.nr_groups.store(groups.len() as u32, Relaxed);
    Ok(())
}

/// Leaves a group (`IP_DROP_MEMBERSHIP`, `IPV6_DROP_MEMBERSHIP`). `EADDRNOTAVAIL` when it was not
/// joined; `EINVAL`, `ENODEV`.
pub fn leave(
    cx: &Cx<'_>,
    sk: &SockCommon,
    shared: &InetShared,
    group: InetAddr,
    ifindex: u32,
    address: Ipv4Addr,
) -> Result<()> {
    if group.is_v6() && !group.is_multicast() {
        return Err(Errno::EINVAL);
    }
    let dev = if group.is_v4() { find_dev(cx, group, ifindex, address) } else { None };
    if group.is_v4() && ifindex == 0 && address.is_unspecified() && dev.is_none() {
        return Err(Errno::ENODEV);
    }
    // What an address or a route named was joined by index.
    let wanted = match (group.is_v4(), &dev) {
        (true, Some(dev)) => dev.ifindex,
        _ => ifindex,
    };
    let mut groups = shared.groups.lock();
    let at = groups.iter().position(|g| g.group == group && (wanted == 0 || g.ifindex == wanted));
    let removed = groups.remove(at.ok_or(Errno::EADDRNOTAVAIL)?);
    shared.nr_groups.store(groups.len() as u32, Relaxed);
    drop(groups);
    sk.uncharge_omem(removed.size());
    if let Some(dev) = cx.net.dev.by_index(removed.ifindex) {
        super::dev_leave(cx.net, &dev, group);
    }
    Ok(())
}

/// A closing socket leaves all its groups (`ip_mc_drop_socket`, `ipv6_sock_mc_close`).
pub fn leave_all(cx: &Cx<'_>, shared: &InetShared) {
    if shared.nr_groups.load(Relaxed) == 0 {
        return;
    }
    let groups = std::mem::take(&mut *shared.groups.lock());
    shared.nr_groups.store(0, Relaxed);
    for g in groups {
        if let Some(dev) = cx.net.dev.by_index(g.ifindex) {
            super::dev_leave(cx.net, &dev, g.group);
        }
    }
}

/// How many sources a filter may have (`igmp_max_msf`, `mld_max_msf`).
fn max_sources(cx: &Cx<'_>, group: InetAddr) -> usize {
    let sysctl = &IpNet::of(cx.net).sysctl;
    let max = if group.is_v4() { &sysctl.igmp_max_msf } else { &sysctl.mld_max_msf };
    usize::try_from(max.load(Relaxed)).unwrap_or(0)
}

/// Adds or removes one source of a joined group's filter (`ip_mc_source`, `ip6_mc_source`): with
/// `Include` a source to accept, with `Exclude` one to block. `EINVAL` when the group is not joined
/// or filters the other way, `EADDRNOTAVAIL` when the source is there or not there, `ENOBUFS` when
/// there are too many, `ENODEV`. Removing the last accepted source leaves the group.
pub fn source(
    cx: &Cx<'_>,
    sk: &SockCommon,
    shared: &InetShared,
    (group, ifindex, address): (InetAddr, u32, Ipv4Addr),
    source: InetAddr,
    mode: FilterMode,
    add: bool,
) -> Result<()> {
    if !group.is_multicast() {
        return Err(Errno::EINVAL);
    }
    let dev = find_dev(cx, group, ifindex, address).ok_or(Errno::ENODEV)?;
    let max = max_sources(cx, group);
    let mut groups = shared.groups.lock();
    let found =
        groups.iter_mut().find(|g| g.group == group && g.ifindex == dev.ifindex).ok_or(Errno::EINVAL)?;
    if found.mode != mode {
        // An empty filter may change its mind.
        if !found.sources.is_empty() {
            return Err(Errno::EINVAL);
        }
        found.mode = mode;
    }
    let at = found.sources.iter().position(|known| *known == source);
    if !add {
        let at = at.ok_or(Errno::EADDRNOTAVAIL)?;
        if found.sources.len() == 1 && mode == FilterMode::Include {
            drop(groups);
            return leave(cx, sk, shared, group, dev.ifindex, Ipv4Addr::UNSPECIFIED);
        }
        found.sources.remove(at);
        return Ok(());
    }
    if found.sources.len() >= max {
        return Err(Errno::ENOBUFS);
    }
    if found.sources.len() == found.room {
        // A longer list takes the place of the old one, even for a source that is there.
        let v4 = group.is_v4();
        sk.charge_omem(cx.net, filter_size(v4, found.room + SFBLOCK))?;
        sk.uncharge_omem(filter_size(v4, found.room));
        found.room += SFBLOCK;
    }
    if at.is_some() {
        return Err(Errno::EADDRNOTAVAIL);
    }
    found.sources.push(source);
    Ok(())
}

/// Replaces a joined group's whole filter (`ip_mc_msfilter`, `ip6_mc_msfilter`). An empty `Include`
/// leaves the group. `EINVAL` when it is not joined, `ENOBUFS` when there are too many sources.
pub fn source_filter_set(
    cx: &Cx<'_>,
    sk: &SockCommon,
    shared: &InetShared,
    (group, ifindex, address): (InetAddr, u32, Ipv4Addr),
    mode: FilterMode,
    sources: Vec<InetAddr>,
) -> Result<()> {
    if !group.is_multicast() {
        return Err(Errno::EINVAL);
    }
    let dev = find_dev(cx, group, ifindex, address).ok_or(Errno::ENODEV)?;
    if mode == FilterMode::Include && sources.is_empty() {
        return leave(cx, sk, shared, group, dev.ifindex, Ipv4Addr::UNSPECIFIED);
    }
    if sources.len() > max_sources(cx, group) {
        return Err(Errno::ENOBUFS);
    }
    let mut groups = shared.groups.lock();
    let found =
        groups.iter_mut().find(|g| g.group == group && g.ifindex == dev.ifindex).ok_or(Errno::EINVAL)?;
    let v4 = group.is_v4();
    sk.charge_omem(cx.net, filter_size(v4, sources.len()))?;
    sk.uncharge_omem(filter_size(v4, found.room));
    found.room = sources.len();
    found.mode = mode;
    found.sources = sources;
    Ok(())
}

/// A joined group's filter (`ip_mc_msfget`, `ip_mc_gsfget`). `EADDRNOTAVAIL` when it is not joined.
pub fn source_filter(
    cx: &Cx<'_>,
    shared: &InetShared,
    (group, ifindex, address): (InetAddr, u32, Ipv4Addr),
) -> Result<(FilterMode, Vec<InetAddr>)> {
    if !group.is_multicast() {
        return Err(Errno::EINVAL);
    }
    let dev = find_dev(cx, group, ifindex, address).ok_or(Errno::ENODEV)?;
    let groups = shared.groups.lock();
    let found = groups.iter().find(|g| g.group == group && g.ifindex == dev.ifindex);
    found.map(|g| (g.mode, g.sources.clone())).ok_or(Errno::EADDRNOTAVAIL)
}

/// True when a socket wants a multicast packet: it joined the group on that interface and its filter
/// lets the source pass, or it did not join and takes all that the host joined (`ip_mc_sf_allow`,
/// `inet6_mc_check`).
pub fn sf_allow(shared: &InetShared, group: InetAddr, source: InetAddr, iif: u32) -> bool {
    let v4 = group.is_v4();
    let others = !shared.flag(if v4 { shared_flag::MC_NOT_ALL } else { shared_flag::MC6_NOT_ALL });
    if !group.is_multicast() {
        return true;
    }
    if shared.nr_groups.load(Relaxed) == 0 {
        return others;
    }
    let groups = shared.groups.lock();
    // IPv4 asks for the interface, IPv6 for the group alone.
    let Some(found) = groups.iter().find(|g| g.group == group && (!v4 || g.ifindex == iif)) else {
        return others;
    };
    let listed = found.sources.contains(&source);
    match found.mode {
        FilterMode::Include => listed,
        FilterMode::Exclude => !listed,
    }
}

/// Sets `IP_MULTICAST_IF`: an interface by index or by address, or none (`do_ip_setsockopt`).
/// `EADDRNOTAVAIL` when there is none such, `EINVAL` when the socket is bound to another.
pub fn set_multicast_if(
    cx: &Cx<'_>,
    sk: &SockCommon,
    inet: &mut InetSock,
    ifindex: u32,
    address: Ipv4Addr,
) -> Result<()> {
    let dev = match ifindex {
        0 if address.is_unspecified() => {
            inet.mc_index = 0;
            inet.mc_addr = Ipv4Addr::UNSPECIFIED;
            return Ok(());
        }
        0 => addr::dev_of(cx.net, address.into()),
        _ => cx.net.dev.by_index(ifindex),
    };
    let dev = dev.ok_or(Errno::EADDRNOTAVAIL)?;
    if sk.bound_dev_if() != 0 && sk.bound_dev_if() != dev.ifindex {
        return Err(Errno::EINVAL);
    }
    inet.mc_index = dev.ifindex;
    inet.mc_addr = address;
    Ok(())
}
