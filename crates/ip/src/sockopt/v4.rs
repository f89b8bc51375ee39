//! The rows of `SOL_IP` (`do_ip_setsockopt`, `do_ip_getsockopt`).

use super::{Opt, Row, Value, mcast, none};
use crate::cmsg::want4;
use crate::sock::{InetSock, shared_flag};
use crate::v4::options::IpOptions;
use crate::{IpNet, cmsg};
use net::sock::GetOpt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::cmsg::{CmsgLayout, CmsgWriter};
use uapi::*;
use zerocopy::{FromBytes, IntoBytes};

/// A number from 0 to 255 fits a caller's single byte (`copyval`).
fn put(out: &mut GetOpt<'_>, value: i32) -> Result<()> {
    match u8::try_from(value) {
        Ok(byte) if (1..4).contains(&out.len) => out.bytes(&[byte]),
        _ => out.int(value),
    }
}

/// Whether the receiver wants a control message (`inet_cmsg_flags`).
macro_rules! want {
    ($name:ident, $flag:ident) => {
        Row {
            name: $name,
            set: |opt, value| {
                cmsg::set_bit(&opt.shared.cmsg_flags, want4::$flag, value.on());
                Ok(())
            },
            get: |opt, out| put(out, i32::from(opt.shared.cmsg_flags.load(Relaxed) & want4::$flag != 0)),
        }
    };
}

/// A setting that is a `bool` behind the lock and a bit for those without it, with the bytes it takes
/// at least.
macro_rules! switch {
    ($name:ident, $field:ident, $flag:ident, $min:literal) => {
        switch!($name, $field, $flag, |_: &Opt<'_, '_>, value: &Value<'_>| value.at_least($min))
    };
    ($name:ident, $field:ident, $flag:ident, $check:expr) => {
        Row {
            name: $name,
            set: |opt, value| {
                $check(opt, value)?;
                opt.inet.$field = value.on();
                opt.shared.set_flag(shared_flag::$flag, value.on());
                Ok(())
            },
            get: |opt, out| put(out, i32::from(opt.inet.$field)),
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

macro_rules! get {
    ($name:ident, $get:expr) => {
        Row { name: $name, set: none!(set), get: $get }
    };
}

fn raw_only(opt: &Opt<'_, '_>, _: &Value<'_>) -> Result<()> {
    if opt.is_raw() { Ok(()) } else { Err(Errno::ENOPROTOOPT) }
}

fn forgers_only(opt: &Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    if value.on() && !opt.may_forge() {
        return Err(Errno::EPERM);
    }
    value.at_least(1)
}

pub(super) static ROWS: &[Row] = &[
    both!(IP_TOS, set_tos, |opt, out| put(out, i32::from(opt.inet.tos))),
    both!(IP_TTL, set_ttl, |opt, out| {
        let ttl = match i32::from(opt.inet.uc_ttl) {
            -1 => IpNet::of(opt.cx.net).sysctl.ip_default_ttl.load(Relaxed),
            ttl => ttl,
        };
        put(out, ttl)
    }),
    switch!(IP_HDRINCL, hdrincl, HDRINCL, raw_only),
    both!(IP_OPTIONS, set_options, get_options),
    want!(IP_RECVOPTS, RECVOPTS),
    want!(IP_RETOPTS, RETOPTS),
    want!(IP_PKTINFO, PKTINFO),
    get!(IP_PKTOPTIONS, get_pktoptions),
    both!(
        IP_MTU_DISCOVER,
        |opt, value| {
            opt.inet.pmtudisc = value.within(0, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT)? as u8;
            Ok(())
        },
        |opt, out| put(out, i32::from(opt.inet.pmtudisc))
    ),
    both!(
        IP_RECVERR,
        |opt, value| {
            opt.shared.set_flag(shared_flag::RECVERR, value.on());
            if !value.on() {
                opt.sk.purge_err_queue();
            }
            Ok(())
        },
        |opt, out| put(out, i32::from(opt.shared.flag(shared_flag::RECVERR)))
    ),
    want!(IP_RECVTTL, TTL),
    want!(IP_RECVTOS, TOS),
    get!(IP_MTU, |opt, out| {
        let mtu = opt.inet.dst.as_ref().map_or(0, |dst| dst.mtu());
        if mtu == 0 { Err(Errno::ENOTCONN) } else { put(out, mtu as i32) }
    }),
    switch!(IP_FREEBIND, freebind, FREEBIND, 1),
    want!(IP_PASSSEC, PASSSEC),
    switch!(IP_TRANSPARENT, transparent, TRANSPARENT, forgers_only),
    want!(IP_ORIGDSTADDR, ORIGDSTADDR),
    both!(
        IP_MINTTL,
        |opt, value| {
            opt.shared.min_ttl.store(value.within(1, 0, 255)? as u8, Relaxed);
            Ok(())
        },
        |opt, out| put(out, i32::from(opt.shared.min_ttl.load(Relaxed)))
    ),
    switch!(IP_NODEFRAG, nodefrag, NODEFRAG, raw_only),
    both!(
        IP_BIND_ADDRESS_NO_PORT,
        |opt, value| {
            opt.inet.bind_address_no_port = value.on();
            Ok(())
        },
        |opt, out| put(out, i32::from(opt.inet.bind_address_no_port))
    ),
    both!(
        IP_RECVERR_RFC4884,
        |opt, value| {
            opt.shared.set_flag(shared_flag::RECVERR_RFC4884, value.within(0, 0, 1)? != 0);
            Ok(())
        },
        |opt, out| put(out, i32::from(opt.shared.flag(shared_flag::RECVERR_RFC4884)))
    ),
    both!(IP_MULTICAST_IF, set_multicast_if, |opt, out| out.bytes(&opt.inet.mc_addr.octets())),
    both!(
        IP_MULTICAST_TTL,
        |opt, value| {
            if opt.is_stream() {
                return Err(Errno::EINVAL);
            }
            let ttl = value.within(1, -1, 255)?;
            opt.inet.mc_ttl = if ttl < 0 { IP_DEFAULT_MULTICAST_TTL } else { ttl } as u8;
            Ok(())
        },
        |opt, out| put(out, i32::from(opt.inet.mc_ttl))
    ),
    both!(
        IP_MULTICAST_LOOP,
        |opt, value| {
            value.at_least(1)?;
            opt.inet.mc_loop = value.on();
            Ok(())
        },
        |opt, out| put(out, i32::from(opt.inet.mc_loop))
    ),
    set!(IP_ADD_MEMBERSHIP, |opt, value| mcast::membership4(opt, value.bytes, true)),
    set!(IP_DROP_MEMBERSHIP, |opt, value| mcast::membership4(opt, value.bytes, false)),
    set!(IP_UNBLOCK_SOURCE, |opt, value| mcast::source4(opt, value.bytes, mcast::Change::Unblock)),
    set!(IP_BLOCK_SOURCE, |opt, value| mcast::source4(opt, value.bytes, mcast::Change::Block)),
    set!(IP_ADD_SOURCE_MEMBERSHIP, |opt, value| mcast::source4(opt, value.bytes, mcast::Change::Join)),
    set!(IP_DROP_SOURCE_MEMBERSHIP, |opt, value| mcast::source4(opt, value.bytes, mcast::Change::Leave)),
    both!(IP_MSFILTER, |opt, value| mcast::set_msfilter4(opt, value.bytes), mcast::get_msfilter4),
    set!(MCAST_JOIN_GROUP, |opt, value| mcast::group(opt, value.bytes, AF_INET, true)),
    set!(MCAST_BLOCK_SOURCE, |opt, value| {
        mcast::group_source(opt, value.bytes, AF_INET, mcast::Change::Block)
    }),
    set!(MCAST_UNBLOCK_SOURCE, |opt, value| {
        mcast::group_source(opt, value.bytes, AF_INET, mcast::Change::Unblock)
    }),
    set!(MCAST_LEAVE_GROUP, |opt, value| mcast::group(opt, value.bytes, AF_INET, false)),
    set!(MCAST_JOIN_SOURCE_GROUP, |opt, value| {
        mcast::group_source(opt, value.bytes, AF_INET, mcast::Change::Join)
    }),
    set!(MCAST_LEAVE_SOURCE_GROUP, |opt, value| {
        mcast::group_source(opt, value.bytes, AF_INET, mcast::Change::Leave)
    }),
    both!(MCAST_MSFILTER, |opt, value| mcast::set_filter(opt, value.bytes, AF_INET), |opt, out| {
        mcast::get_filter(opt, out, AF_INET)
    }),
    both!(
        IP_MULTICAST_ALL,
        |opt, value| {
            let all = value.within(1, 0, 1)? != 0;
            opt.shared.set_flag(shared_flag::MC_NOT_ALL, !all);
            Ok(())
        },
        |opt, out| put(out, i32::from(!opt.shared.flag(shared_flag::MC_NOT_ALL)))
    ),
    both!(
        IP_UNICAST_IF,
        |opt, value| {
            opt.inet.uc_index = unicast_if(opt, value)?;
            Ok(())
        },
        |opt, out| put(out, opt.inet.uc_index.to_be() as i32)
    ),
    both!(IP_LOCAL_PORT_RANGE, set_port_range, |opt, out| put(out, opt.inet.local_port_range as i32)),
    get!(IP_PROTOCOL, |opt, out| put(out, i32::from(opt.inet.num))),
];

/// What of the type of service belongs to congestion notification (`INET_ECN_MASK`).
const ECN_MASK: u8 = 3;

/// `ip_tos2prio`: `TC_PRIO_*` by the old meaning of the bits.
const TOS_PRIORITY: [u8; 16] = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];

/// `rt_tos2priority`.
pub(crate) fn tos_priority(tos: u8) -> u32 {
    u32::from(TOS_PRIORITY[usize::from(tos >> 1 & 15)])
}

fn set_tos(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    let mut tos = value.int as u8;
    if opt.is_stream() {
        // TCP marks congestion itself.
        tos = tos & !ECN_MASK | opt.inet.tos & ECN_MASK;
    }
    if opt.inet.tos != tos {
        opt.inet.tos = tos;
        opt.sk.set_priority(tos_priority(tos));
        opt.inet.dst = None;
    }
    Ok(())
}

fn set_ttl(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    match value.within(1, -1, 255)? {
        0 => Err(Errno::EINVAL),
        ttl => {
            opt.inet.uc_ttl = ttl as i16;
            Ok(())
        }
    }
}

fn set_options(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    let raw = opt.cx.process.capable(CAP_NET_RAW);
    let options = IpOptions::from_user(value.bytes, raw)?;
    opt.inet.options = (!options.is_empty()).then(|| Arc::new(options));
    Ok(())
}

fn get_options(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let bytes = opt.inet.options.as_ref().map_or(Vec::new(), |options| options.undone());
    out.bytes(&bytes)
}

/// What a stream's receiver would be told: its control messages as one answer.
fn get_pktoptions(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    if !opt.is_stream() {
        return Err(Errno::ENOPROTOOPT);
    }
    let len = (out.len as usize).min(out.buf().len());
    let mut msg = CmsgWriter::new(&mut out.buf()[..len], CmsgLayout::NATIVE);
    let wanted = opt.shared.cmsg_flags.load(Relaxed);
    let InetSock { rcv_saddr, mc_index, mc_ttl, .. } = *opt.inet;
    if wanted & want4::PKTINFO != 0 {
        let addr = rcv_saddr.as_v4().unwrap_or(Ipv4Addr::UNSPECIFIED).octets();
        let info = InPktinfo { ifindex: mc_index as i32, spec_dst: addr, addr };
        msg.put(SOL_IP, IP_PKTINFO, info.as_bytes());
    }
    if wanted & want4::TTL != 0 {
        msg.put_int(SOL_IP, IP_TTL, i32::from(mc_ttl));
    }
    if wanted & want4::TOS != 0 {
        msg.put_int(SOL_IP, IP_TOS, 0);
    }
    let used = msg.len();
    out.len = used as i32;
    Ok(())
}

fn set_multicast_if(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    if opt.is_stream() {
        return Err(Errno::EINVAL);
    }
    // An ip_mreqn, an ip_mreq, or the interface's address alone.
    let (ifindex, address) = match IpMreqn::read_from_prefix(value.bytes) {
        Ok((mreq, _)) => (mreq.ifindex, mreq.address),
        Err(_) => match *value.bytes {
            [_, _, _, _, a, b, c, d, ..] | [a, b, c, d, ..] => (0, [a, b, c, d]),
            _ => return Err(Errno::EINVAL),
        },
    };
    crate::mcast::set_multicast_if(opt.cx, opt.sk, opt.inet, ifindex as u32, address.into())
}

/// An interface as `IP_UNICAST_IF` and `IPV6_UNICAST_IF` name it: an index in network order, exactly
/// four bytes; 0 for none.
pub(super) fn unicast_if(opt: &Opt<'_, '_>, value: &Value<'_>) -> Result<u32> {
    if value.bytes.len() != 4 {
        return Err(Errno::EINVAL);
    }
    let ifindex = u32::from_be(value.int as u32);
    if ifindex == 0 {
        return Ok(0);
    }
    opt.cx.net.dev.by_index(ifindex).ok_or(Errno::EADDRNOTAVAIL)?;
    if opt.sk.bound_dev_if() != 0 { Err(Errno::EINVAL) } else { Ok(ifindex) }
}

fn set_port_range(opt: &mut Opt<'_, '_>, value: &Value<'_>) -> Result<()> {
    if value.bytes.len() != 4 {
        return Err(Errno::EINVAL);
    }
    let (low, high) = (value.int as u16, (value.int >> 16) as u16);
    if low != 0 && high != 0 && low > high {
        return Err(Errno::EINVAL);
    }
    opt.inet.local_port_range = value.int as u32;
    Ok(())
}
