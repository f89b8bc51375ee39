//! The rows of `SOL_IPV6` (`do_ipv6_setsockopt`, `do_ipv6_getsockopt`).

use super::{Opt, Row, Value, mcast, none, sticky, v4};
use crate::cmsg::{self, want6};
use crate::sock::shared_flag;
use crate::{IpNet, output};
use net::sock::{GetOpt, SockFlag};
use std::sync::atomic::Ordering::Relaxed;
use uapi::*;
use zerocopy::FromBytes;

const INT: usize = 4;

/// Whether the receiver wants a control message (`np->rxopt`).
macro_rules! want {
    ($name:ident, $flag:ident) => {
        Row {
            name: $name,
            set: |opt, value| {
                value.at_least(INT)?;
                cmsg::set_bit(&opt.shared.rxopt, want6::$flag, value.on());
                Ok(())
            },
            get: |opt, out| out.int(i32::from(opt.shared.rxopt.load(Relaxed) & want6::$flag != 0)),
        }
    };
}

macro_rules! both {
    ($name:ident, $set:expr, $get:expr) => {
        Row { name: $name, set: $set, get: $get }
    };
}

macro_rules! set {
    ($name:ident, $set:expr) => {
        Row { name: $name, set: $set, get: none!(get) }
    };
}

/// A number within bounds, kept in a field of the socket.
macro_rules! number {
    ($name:ident, $min:expr, $max:expr, $field:ident: $ty:ty) => {
        Row {
            name: $name,
            set: |opt, value| {
                opt.inet.v6.$field = value.within(INT, $min, $max)? as $ty;
                Ok(())
            },
            get: |opt, out| out.int(opt.inet.v6.$field as i32),
        }
    };
}

/// A switch, kept in a field of the socket, that takes a value of any length.
macro_rules! any_switch {
    ($name:ident, $field:ident) => {
        Row {
            name: $name,
            set: |opt, value| {
                opt.inet.v6.$field = value.on();
                Ok(())
            },
            get: |opt, out| out.int(i32::from(opt.inet.v6.$field)),
        }
    };
}

/// A bit of the shared flags.
macro_rules! shared {
    ($name:ident, $flag:ident) => {
        shared!($name, $flag, i32::MIN, i32::MAX, false)
    };
    ($name:ident, $flag:ident, $min:expr, $max:expr, $inverted:literal) => {
        Row {
            name: $name,
            set: |opt, value| {
                let on = value.within(INT, $min, $max)? != 0;
                opt.shared.set_flag(shared_flag::$flag, on != $inverted);
                Ok(())
            },
            get: |opt, out| out.int(i32::from(opt.shared.flag(shared_flag::$flag) != $inverted)),
        }
    };
}

/// A switch that both levels know; it is IPv4's.
macro_rules! shared_with_v4 {
    ($name:ident, $field:ident, $flag:ident, $check:expr) => {
        Row {
            name: $name,
            set: |opt, value| {
                $check(opt, value)?;
                value.at_least(INT)?;
                opt.inet.$field = value.on();
                opt.shared.set_flag(shared_flag::$flag, value.on());
                Ok(())
            },
            get: |opt, out| out.int(i32::from(opt.inet.$field)),
        }
    };
}

macro_rules! header {
    ($name:ident) => {
        Row {
            name: $name,
            set: |opt, value| sticky::set(opt, $name, value.bytes),
            get: |opt, out| sticky::get(opt, $name, out),
        }
    };
}

pub(super) static ROWS: &[Row] = &[
    both!(IPV6_ADDRFORM, set_addrform, get_addrform),
    want!(IPV6_2292PKTINFO, OINFO),
    want!(IPV6_2292HOPOPTS, OHOPOPTS),
    want!(IPV6_2292DSTOPTS, ODSTOPTS),
    want!(IPV6_2292RTHDR, OSRCRT),
    both!(IPV6_2292PKTOPTIONS, |opt, value| sticky::set_pktoptions(opt, value.bytes), sticky::get_pktoptions),
    want!(IPV6_2292HOPLIMIT, OHLIM),
    want!(IPV6_FLOWINFO, FLOW),
    both!(
        IPV6_UNICAST_HOPS,
        |opt, value| {
            opt.inet.v6.hop_limit = value.within(INT, -1, 255)? as i16;
            Ok(())
        },
        |opt, out| get_hops(opt, opt.inet.v6.hop_limit, out)
    ),
    both!(IPV6_MULTICAST_IF, set_multicast_if, |opt, out| out.int(opt.inet.v6.mcast_oif as i32)),
    both!(
        IPV6_MULTICAST_HOPS,
        |opt, value| {
            if opt.is_stream() {
                return Err(Errno::ENOPROTOOPT);
            }
            let hops = value.within(INT, -1, 255)?;
            opt.inet.v6.mcast_hops = if hops < 0 { DEFAULT_MCASTHOPS } else { hops as i16 };
            Ok(())
        },
        |opt, out| {
            let hops = opt.inet.v6.mcast_hops;
            get_hops(opt, if hops < 0 { DEFAULT_MCASTHOPS } else { hops }, out)
        }
    ),
    both!(
        IPV6_MULTICAST_LOOP,
        |opt, value| {
            opt.inet.v6.mc_loop = value.within(INT, 0, 1)? != 0;
            Ok(())
        },
        |opt, out| out.int(i32::from(opt.inet.v6.mc_loop))
    ),
    set!(IPV6_JOIN_GROUP, |opt, value| mcast::membership6(opt, value.bytes, true)),
    set!(IPV6_LEAVE_GROUP, |opt, value| mcast::membership6(opt, value.bytes, false)),
    number!(IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_OMIT, pmtudisc: u8),
    both!(IPV6_MTU, set_mtu, |opt, out| {
        let mtu = opt.inet.dst.as_ref().map_or(0, |dst| dst.mtu());
        if mtu == 0 { Err(Errno::ENOTCONN) } else { out.int(mtu as i32) }
    }),
    both!(
        IPV6_RECVERR,
        |opt, value| {
            value.at_least(INT)?;
            opt.shared.set_flag(shared_flag::RECVERR6, value.on());
            if !value.on() {
                opt.sk.purge_err_queue();
            }
            Ok(())
        },
        |opt, out| out.int(i32::from(opt.shared.flag(shared_flag::RECVERR6)))
    ),
    both!(IPV6_V6ONLY, set_v6only, |opt, out| out.int(i32::from(opt.inet.v6only))),
    shared!(IPV6_MULTICAST_ALL, MC6_NOT_ALL, i32::MIN, i32::MAX, true),
    shared!(IPV6_RECVERR_RFC4884, RECVERR6_RFC4884, 0, 1, false),
    both!(
        IPV6_FLOWINFO_SEND,
        |opt, value| {
            value.at_least(INT)?;
            opt.inet.v6.sndflow = value.on();
            Ok(())
        },
        |opt, out| out.int(i32::from(opt.inet.v6.sndflow))
    ),
    set!(MCAST_JOIN_GROUP, |opt, value| mcast::group(opt, value.bytes, AF_INET6, true)),
    set!(MCAST_BLOCK_SOURCE, |opt, value| {
        mcast::group_source(opt, value.bytes, AF_INET6, mcast::Change::Block)
    }),
    set!(MCAST_UNBLOCK_SOURCE, |opt, value| {
        mcast::group_source(opt, value.bytes, AF_INET6, mcast::Change::Unblock)
    }),
    set!(MCAST_LEAVE_GROUP, |opt, value| mcast::group(opt, value.bytes, AF_INET6, false)),
    set!(MCAST_JOIN_SOURCE_GROUP, |opt, value| {
        mcast::group_source(opt, value.bytes, AF_INET6, mcast::Change::Join)
    }),
    set!(MCAST_LEAVE_SOURCE_GROUP, |opt, value| {
        mcast::group_source(opt, value.bytes, AF_INET6, mcast::Change::Leave)
    }),
    both!(MCAST_MSFILTER, |opt, value| mcast::set_filter(opt, value.bytes, AF_INET6), |opt, out| {
        mcast::get_filter(opt, out, AF_INET6)
    }),
    want!(IPV6_RECVPKTINFO, INFO),
    set!(IPV6_PKTINFO, set_pktinfo),
    want!(IPV6_RECVHOPLIMIT, HLIM),
    want!(IPV6_RECVHOPOPTS, HOPOPTS),
    header!(IPV6_HOPOPTS),
    header!(IPV6_RTHDRDSTOPTS),
    want!(IPV6_RECVRTHDR, SRCRT),
    header!(IPV6_RTHDR),
    want!(IPV6_RECVDSTOPTS, DSTOPTS),
    header!(IPV6_DSTOPTS),
    Row { name: IPV6_PATHMTU, set: none!(set), get: get_pathmtu },
    any_switch!(IPV6_DONTFRAG, dontfrag),
    want!(IPV6_RECVTCLASS, TCLASS),
    both!(IPV6_TCLASS, set_tclass, |opt, out| out.int(i32::from(opt.inet.v6.tclass))),
    both!(
        IPV6_AUTOFLOWLABEL,
        |opt, value| {
            opt.inet.v6.autoflowlabel = Some(value.on());
            Ok(())
        },
        get_autoflowlabel
    ),
    both!(IPV6_ADDR_PREFERENCES, set_preferences, get_preferences),
    both!(
        IPV6_MINHOPCOUNT,
        |opt, value| {
            opt.shared.min_hopcount.store(value.within(INT, 0, 255)? as u8, Relaxed);
            Ok(())
        },
        |opt, out| out.int(i32::from(opt.shared.min_hopcount.load(Relaxed)))
    ),
    want!(IPV6_ORIGDSTADDR, ORIGDSTADDR),
    shared_with_v4!(IPV6_TRANSPARENT, transparent, TRANSPARENT, |opt: &Opt<'_, '_>, value: &Value<'_>| {
        if value.on() && !opt.may_forge() { Err(Errno::EPERM) } else { Ok(()) }
    }),
    both!(
        IPV6_UNICAST_IF,
        |opt, value| {
            opt.inet.v6.ucast_oif = v4::unicast_if(opt, value)?;
            Ok(())
        },
        |opt, out| out.int(opt.inet.v6.ucast_oif.to_be() as i32)
    ),
    shared_with_v4!(IPV6_FREEBIND, freebind, FREEBIND, |_: &Opt<'_, '_>, _: &Value<'_>| Ok(())),
];

/// `IPV6_DEFAULT_MCASTHOPS`.
pub(super) const DEFAULT_MCASTHOPS: i16 = 1;

/// What of the traffic class belongs to congestion notification (`INET_ECN_MASK`).
const ECN_MASK: u8 = 3;

/// Turning a socket that speaks IPv4 into one of IPv4 is not there yet; the errors before that are.
fn set_addrform(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    if value.within(INT, AF_INET, AF_INET).is_err() {
        return Err(Errno::EINVAL);
    }
    if opt.is_raw() {
        return Err(Errno::ENOPROTOOPT);
    }
    if opt.sk.state() != TcpState::Established as u8 {
        return Err(Errno::ENOTCONN);
    }
    if opt.inet.v6only || !opt.inet.daddr.is_v4() {
        return Err(Errno::EADDRNOTAVAIL);
    }
    Err(Errno::ENOPROTOOPT)
}

fn get_addrform(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    if !matches!(i32::from(opt.sk.protocol()), IPPROTO_UDP | IPPROTO_UDPLITE | IPPROTO_TCP) {
        return Err(Errno::ENOPROTOOPT);
    }
    if opt.sk.state() != TcpState::Established as u8 {
        return Err(Errno::ENOTCONN);
    }
    out.int(i32::from(opt.sk.family()))
}

/// What a packet would carry: the socket's own, the route's, the namespace's.
fn get_hops(opt: &Opt<'_, '_>, own: i16, out: &mut GetOpt<'_>) -> Result<()> {
    let hops = match (own, &opt.inet.dst) {
        (0.., _) => i32::from(own),
        (_, Some(dst)) => i32::from(output::default_hops(dst)),
        (_, None) => IpNet::of(opt.cx.net).sysctl.conf6_all.get6(crate::addr::Conf6::HopLimit),
    };
    out.int(hops)
}

fn set_multicast_if(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    if opt.is_stream() {
        return Err(Errno::ENOPROTOOPT);
    }
    value.at_least(INT)?;
    let ifindex = value.int as u32;
    if ifindex != 0 {
        opt.cx.net.dev.by_index(ifindex).ok_or(Errno::ENODEV)?;
        if !matches!(opt.sk.bound_dev_if(), 0) && opt.sk.bound_dev_if() != ifindex {
            return Err(Errno::EINVAL);
        }
    }
    opt.inet.v6.mcast_oif = ifindex;
    Ok(())
}

/// The least MTU of an IPv6 link (RFC 8200 section 5).
const MIN_MTU: i32 = 1280;

fn set_mtu(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    value.at_least(INT)?;
    if value.int != 0 && value.int < MIN_MTU {
        return Err(Errno::EINVAL);
    }
    opt.inet.v6.frag_size = value.int as u32;
    Ok(())
}

/// A socket that has a port has said already whom it speaks to.
fn set_v6only(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    value.at_least(INT)?;
    if opt.inet.num != 0 {
        return Err(Errno::EINVAL);
    }
    opt.inet.v6only = value.on();
    opt.shared.set_flag(shared_flag::V6ONLY, value.on());
    opt.sk.set_flag(SockFlag::Ipv6Only, value.on());
    Ok(())
}

fn set_pktinfo(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    let (info, _) = In6Pktinfo::read_from_prefix(value.bytes).map_err(|_| Errno::EINVAL)?;
    let bound = opt.sk.bound_dev_if();
    if bound != 0 && info.ifindex != 0 && info.ifindex as u32 != bound {
        return Err(Errno::EINVAL);
    }
    opt.inet.v6.sticky_pktinfo = info;
    Ok(())
}

fn get_pathmtu(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    if (out.len as usize) < size_of::<Ip6Mtuinfo>() {
        return Err(Errno::EINVAL);
    }
    let mtu = opt.inet.dst.as_ref().map_or(0, |dst| dst.mtu());
    if mtu == 0 {
        return Err(Errno::ENOTCONN);
    }
    let mut info = [0; size_of::<Ip6Mtuinfo>()];
    info[28..].copy_from_slice(&mtu.to_ne_bytes());
    out.bytes(&info)
}

fn set_tclass(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    // RFC 3542 section 6.5: -1 is the default, which is 0.
    let mut tclass = value.within(INT, -1, 255)?.max(0) as u8;
    let v6 = &mut opt.inet.v6;
    if i32::from(opt.sk.kind()) == SOCK_STREAM {
        tclass = tclass & !ECN_MASK | v6.tclass & ECN_MASK;
    }
    if v6.tclass != tclass {
        v6.tclass = tclass;
        opt.inet.dst = None;
    }
    Ok(())
}

/// The namespace decides for who did not: on by default, and where it is forced.
fn get_autoflowlabel(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let default = || matches!(IpNet::of(opt.cx.net).sysctl.auto_flowlabels.load(Relaxed), 1 | 3);
    out.int(i32::from(opt.inet.v6.autoflowlabel.unwrap_or_else(default)))
}

/// `ip6_sock_set_addr_preferences` (RFC 5014): one of each pair of opposites.
fn set_preferences(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    value.at_least(INT)?;
    let asked = value.int as u32;
    let either = IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_TMP;
    let mut prefs = match asked & (either | IPV6_PREFER_SRC_PUBTMP_DEFAULT) {
        0 | IPV6_PREFER_SRC_PUBTMP_DEFAULT => 0,
        which @ (IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_TMP) => which,
        _ => return Err(Errno::EINVAL),
    };
    match asked & (IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_COA) {
        0 | IPV6_PREFER_SRC_HOME => {}
        IPV6_PREFER_SRC_COA => prefs |= IPV6_PREFER_SRC_COA,
        _ => return Err(Errno::EINVAL),
    }
    let cga = IPV6_PREFER_SRC_CGA | IPV6_PREFER_SRC_NONCGA;
    if asked & cga == cga {
        return Err(Errno::EINVAL);
    }
    opt.inet.v6.srcprefs = prefs;
    Ok(())
}

fn get_preferences(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let prefs = opt.inet.v6.srcprefs;
    let kind = match prefs & (IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_TMP) {
        0 => IPV6_PREFER_SRC_PUBTMP_DEFAULT,
        kind if kind & IPV6_PREFER_SRC_TMP != 0 => IPV6_PREFER_SRC_TMP,
        _ => IPV6_PREFER_SRC_PUBLIC,
    };
    let home = if prefs & IPV6_PREFER_SRC_COA != 0 { IPV6_PREFER_SRC_COA } else { IPV6_PREFER_SRC_HOME };
    out.int((kind | home) as i32)
}
