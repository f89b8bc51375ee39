//! Options of `SOL_RAW`, `SOL_ICMPV6`, `IPV6_CHECKSUM` and `IPV6_HDRINCL` (`do_raw_setsockopt`,
//! `do_rawv6_setsockopt`); all others are IP's.

use crate::Raw;
use net::sock::GetOpt;
use net::sock::options::int_value;
use net::{Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::{
    AF_INET6, Errno, ICMP_FILTER, ICMPV6_FILTER, IPPROTO_ICMP, IPPROTO_ICMPV6, IPV6_CHECKSUM, IPV6_HDRINCL,
    Result, SOL_ICMPV6, SOL_IPV6, SOL_RAW,
};

fn is_v6(sk: &Sock<Raw>) -> bool {
    i32::from(sk.family()) == AF_INET6
}

fn speaks(sk: &Sock<Raw>, protocol: i32) -> bool {
    i32::from(sk.protocol()) == protocol
}

/// `setsockopt()`.
pub(crate) fn set(sk: &Sock<Raw>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    match (is_v6(sk), level, name) {
        (false, SOL_RAW, ICMP_FILTER) if speaks(sk, IPPROTO_ICMP) => {
            sk.shared.filter.set(value, 4);
            Ok(())
        }
        (false, SOL_RAW, ICMP_FILTER) => Err(Errno::EOPNOTSUPP),
        (true, SOL_ICMPV6, _) if !speaks(sk, IPPROTO_ICMPV6) => Err(Errno::EOPNOTSUPP),
        (true, SOL_ICMPV6, ICMPV6_FILTER) => {
            sk.shared.filter.set(value, 32);
            Ok(())
        }
        (true, SOL_RAW | SOL_IPV6, IPV6_CHECKSUM) => set_checksum(sk, level, int_value(value)?),
        (true, SOL_RAW | SOL_IPV6, IPV6_HDRINCL) => {
            let on = int_value(value)? != 0;
            sk.lock_sock(cx).inet.hdrincl = on;
            Ok(())
        }
        (_, SOL_RAW, _) | (true, SOL_ICMPV6, _) => Err(Errno::ENOPROTOOPT),
        _ => ip::sockopt::set(sk, cx, level, name, value),
    }
}

/// Where the checksum of packets stands: an even offset, negative for nowhere.
fn set_checksum(sk: &Sock<Raw>, level: i32, offset: i32) -> Result<()> {
    // RFC 3542 section 3.1: ICMPv6's is where it is. At SOL_RAW the attempt goes unheard.
    if speaks(sk, IPPROTO_ICMPV6) && level == SOL_IPV6 {
        return Err(Errno::EINVAL);
    }
    if offset > 0 && offset & 1 != 0 {
        return Err(Errno::EINVAL);
    }
    sk.shared.checksum.store(offset.max(-1), Relaxed);
    Ok(())
}

/// `getsockopt()`.
pub(crate) fn get(
    sk: &Sock<Raw>,
    cx: &UserCx<'_>,
    level: i32,
    name: i32,
    out: &mut GetOpt<'_>,
) -> Result<()> {
    if is_v6(sk) && matches!(name, IPV6_CHECKSUM | IPV6_HDRINCL) && out.len < 0 {
        // do_rawv6_getsockopt takes the length for an unsigned one.
        out.len = i32::MAX;
    }
    match (is_v6(sk), level, name) {
        (false, SOL_RAW, ICMP_FILTER) if speaks(sk, IPPROTO_ICMP) => {
            out.bytes(&sk.shared.filter.bytes()[..4])
        }
        (false, SOL_RAW, ICMP_FILTER) => Err(Errno::EOPNOTSUPP),
        (true, SOL_ICMPV6, _) if !speaks(sk, IPPROTO_ICMPV6) => Err(Errno::EOPNOTSUPP),
        (true, SOL_ICMPV6, ICMPV6_FILTER) => out.bytes(&sk.shared.filter.bytes()),
        (true, SOL_RAW | SOL_IPV6, IPV6_CHECKSUM) => out.int(sk.shared.checksum.load(Relaxed)),
        (true, SOL_RAW | SOL_IPV6, IPV6_HDRINCL) => out.int(i32::from(sk.lock_sock(cx).inet.hdrincl)),
        (_, SOL_RAW, _) | (true, SOL_ICMPV6, _) => Err(Errno::ENOPROTOOPT),
        _ => ip::sockopt::get(sk, cx, level, name, out),
    }
}
