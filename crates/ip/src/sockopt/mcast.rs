//! Requests about multicast groups, at either level: parsing them for [`crate::mcast`].

use super::Opt;
use crate::mcast::{self, FilterMode};
use net::sock::GetOpt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::Ordering::Relaxed;
use uapi::*;
use zerocopy::{FromBytes, IntoBytes};

/// What happens to a source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Block,
    Unblock,
    Join,
    Leave,
}

impl Change {
    /// The filter it is about, and whether the source is added to it.
    fn parts(self) -> (FilterMode, bool) {
        match self {
            Change::Block => (FilterMode::Exclude, true),
            Change::Unblock => (FilterMode::Exclude, false),
            Change::Join => (FilterMode::Include, true),
            Change::Leave => (FilterMode::Include, false),
        }
    }
}

fn v4(bytes: [u8; 4]) -> InetAddr {
    InetAddr::v4(bytes.into())
}

/// A group of IPv6 proper: a v4-mapped one is none.
fn v6_group(bytes: [u8; 16]) -> Result<InetAddr> {
    let group = InetAddr::from(Ipv6Addr::from(bytes));
    if group.is_v4() { Err(Errno::EINVAL) } else { Ok(group) }
}

fn join_or_leave(
    opt: &Opt<'_, '_>,
    group: InetAddr,
    ifindex: u32,
    address: Ipv4Addr,
    on: bool,
) -> Result<()> {
    if on {
        mcast::join(opt.cx, opt.sk, opt.shared, group, ifindex, address, FilterMode::Exclude)
    } else {
        mcast::leave(opt.cx, opt.sk, opt.shared, group, ifindex, address)
    }
}

/// `IP_ADD_MEMBERSHIP`, `IP_DROP_MEMBERSHIP`: a `struct ip_mreqn` or the older `struct ip_mreq`.
pub(super) fn membership4(opt: &Opt<'_, '_>, value: &[u8], on: bool) -> Result<()> {
    if opt.inet.is_icsk {
        return Err(Errno::EPROTO);
    }
    let (group, address, ifindex) = match IpMreqn::read_from_prefix(value) {
        Ok((mreq, _)) => (mreq.multiaddr, mreq.address, mreq.ifindex),
        Err(_) => {
            let (&[a, b, c, d, e, f, g, h], _) = value.split_first_chunk::<8>().ok_or(Errno::EINVAL)?;
            ([a, b, c, d], [e, f, g, h], 0)
        }
    };
    join_or_leave(opt, v4(group), ifindex as u32, address.into(), on)
}

/// `IPV6_JOIN_GROUP`, `IPV6_LEAVE_GROUP`.
pub(super) fn membership6(opt: &Opt<'_, '_>, value: &[u8], on: bool) -> Result<()> {
    let (mreq, _) = Ipv6Mreq::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    if opt.inet.is_icsk {
        return Err(Errno::EPROTO);
    }
    join_or_leave(opt, v6_group(mreq.multiaddr)?, mreq.ifindex as u32, Ipv4Addr::UNSPECIFIED, on)
}

/// A source joins a filter, after its group was joined for it.
fn change(opt: &Opt<'_, '_>, at: (InetAddr, u32, Ipv4Addr), source: InetAddr, change: Change) -> Result<()> {
    if change == Change::Join {
        match mcast::join(opt.cx, opt.sk, opt.shared, at.0, at.1, at.2, FilterMode::Include) {
            Ok(()) | Err(Errno::EADDRINUSE) => {}
            Err(errno) => return Err(errno),
        }
    }
    let (mode, add) = change.parts();
    mcast::source(opt.cx, opt.sk, opt.shared, at, source, mode, add)
}

/// `IP_BLOCK_SOURCE` and its three kin: a `struct ip_mreq_source`, no longer and no shorter.
pub(super) fn source4(opt: &Opt<'_, '_>, value: &[u8], what: Change) -> Result<()> {
    let mreq = IpMreqSource::read_from_bytes(value).map_err(|_| Errno::EINVAL)?;
    change(opt, (v4(mreq.multiaddr), 0, mreq.interface.into()), v4(mreq.sourceaddr), what)
}

/// The address of a sockaddr of `family`; `None` for another family.
fn address(sockaddr: &[u8; 128], family: i32) -> Option<InetAddr> {
    if i32::from(u16::from_ne_bytes([sockaddr[0], sockaddr[1]])) != family {
        return None;
    }
    if family == AF_INET {
        Some(v4(*sockaddr[4..].first_chunk()?))
    } else {
        Some(Ipv6Addr::from(*sockaddr[8..].first_chunk::<16>()?).into())
    }
}

/// A group of the level's own kind: a v4-mapped address is no group of IPv6.
fn proper(group: InetAddr, family: i32) -> Result<InetAddr> {
    if group.is_v4() == (family == AF_INET) { Ok(group) } else { Err(Errno::EINVAL) }
}

/// `MCAST_JOIN_GROUP`, `MCAST_LEAVE_GROUP`.
pub(super) fn group(opt: &Opt<'_, '_>, value: &[u8], family: i32, on: bool) -> Result<()> {
    let (request, _) = GroupReq::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    let other = if family == AF_INET { Errno::EINVAL } else { Errno::EADDRNOTAVAIL };
    let group = proper(address(&request.group, family).ok_or(other)?, family)?;
    join_or_leave(opt, group, request.interface, Ipv4Addr::UNSPECIFIED, on)
}

/// `MCAST_BLOCK_SOURCE` and its three kin.
pub(super) fn group_source(opt: &Opt<'_, '_>, value: &[u8], family: i32, what: Change) -> Result<()> {
    let (request, rest) = GroupSourceReq::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    // Only IPv6 takes a longer value.
    if family == AF_INET && !rest.is_empty() {
        return Err(Errno::EINVAL);
    }
    let group = address(&request.group, family).ok_or(Errno::EADDRNOTAVAIL)?;
    let source = address(&request.source, family).ok_or(Errno::EADDRNOTAVAIL)?;
    change(opt, (proper(group, family)?, request.interface, Ipv4Addr::UNSPECIFIED), source, what)
}

fn mode(raw: u32) -> Result<FilterMode> {
    match raw as i32 {
        MCAST_INCLUDE => Ok(FilterMode::Include),
        MCAST_EXCLUDE => Ok(FilterMode::Exclude),
        _ => Err(Errno::EINVAL),
    }
}

/// More sources than a filter may have, or bytes than a socket may use for options.
fn too_many(opt: &Opt<'_, '_>, bytes: usize, sources: u32, family: i32) -> Result<()> {
    let optmem = opt.cx.net.core.optmem_max.load(Relaxed);
    let sysctl = &crate::IpNet::of(opt.cx.net).sysctl;
    let max = if family == AF_INET { &sysctl.igmp_max_msf } else { &sysctl.mld_max_msf };
    if bytes as i64 > i64::from(optmem) || i64::from(sources) > i64::from(max.load(Relaxed)) {
        return Err(Errno::ENOBUFS);
    }
    Ok(())
}

/// `IP_MSFILTER`: the whole filter.
pub(super) fn set_msfilter4(opt: &Opt<'_, '_>, value: &[u8]) -> Result<()> {
    let (head, rest) = IpMsfilter::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    too_many(opt, value.len(), head.numsrc, AF_INET)?;
    let (sources, _) = rest.as_chunks::<4>();
    let sources = sources.get(..head.numsrc as usize).ok_or(Errno::EINVAL)?;
    let sources = sources.iter().map(|source| v4(*source)).collect();
    let at = (v4(head.multiaddr), 0, head.interface.into());
    mcast::source_filter_set(opt.cx, opt.sk, opt.shared, at, mode(head.fmode)?, sources)
}

/// Reads it: as many sources as the caller has room for, and how many there are.
pub(super) fn get_msfilter4(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let (mut head, _) = IpMsfilter::read_from_prefix(out.input()?).map_err(|_| Errno::EINVAL)?;
    let at = (v4(head.multiaddr), 0, head.interface.into());
    let (mode, sources) = mcast::source_filter(opt.cx, opt.shared, at)?;
    let room = (out.len as usize - size_of::<IpMsfilter>()) / 4;
    let n = sources.len().min(head.numsrc as usize).min(room);
    (head.fmode, head.numsrc) = (mode.raw(), sources.len() as u32);
    let mut answer = head.as_bytes().to_vec();
    for source in sources.iter().take(n).filter_map(|source| source.as_v4()) {
        answer.extend(source.octets());
    }
    out.bytes(&answer)
}

/// `MCAST_MSFILTER`: the whole filter, with sockaddrs.
pub(super) fn set_filter(opt: &Opt<'_, '_>, value: &[u8], family: i32) -> Result<()> {
    let (head, rest) = GroupFilter::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    too_many(opt, value.len(), head.numsrc, family)?;
    let (sources, _) = rest.as_chunks::<128>();
    let sources = sources.get(..head.numsrc as usize).ok_or(Errno::EINVAL)?;
    let other = if family == AF_INET { Errno::EADDRNOTAVAIL } else { Errno::EINVAL };
    let group = address(&head.group, family).ok_or(other)?;
    let parsed: Option<Vec<_>> = sources.iter().map(|source| address(source, family)).collect();
    let at = (proper(group, family)?, head.interface, Ipv4Addr::UNSPECIFIED);
    let sources = parsed.ok_or(Errno::EADDRNOTAVAIL)?;
    mcast::source_filter_set(opt.cx, opt.sk, opt.shared, at, mode(head.fmode)?, sources)
}

/// Reads it.
pub(super) fn get_filter(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>, family: i32) -> Result<()> {
    let (mut head, _) = GroupFilter::read_from_prefix(out.input()?).map_err(|_| Errno::EINVAL)?;
    let other = if family == AF_INET { Errno::EINVAL } else { Errno::EADDRNOTAVAIL };
    let group = address(&head.group, family).ok_or(other)?;
    let at = (proper(group, family)?, head.interface, Ipv4Addr::UNSPECIFIED);
    let (mode, sources) = mcast::source_filter(opt.cx, opt.shared, at)?;
    let room = (out.len as usize - size_of::<GroupFilter>()) / 128;
    let n = sources.len().min(head.numsrc as usize).min(room);
    (head.fmode, head.numsrc) = (mode.raw(), sources.len() as u32);
    let mut answer = head.as_bytes().to_vec();
    for source in sources.iter().take(n) {
        let mut sockaddr = [0; 128];
        sockaddr[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        match source.as_v4() {
            Some(addr) if family == AF_INET => sockaddr[4..8].copy_from_slice(&addr.octets()),
            _ => sockaddr[8..24].copy_from_slice(&source.as_v6().octets()),
        }
        answer.extend(sockaddr);
    }
    out.bytes(&answer)
}
