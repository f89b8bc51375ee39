//! Extension headers that a socket puts into all its packets (`ipv6_set_opt_hdr`, RFC 3542
//! section 4.1), and the RFC 2292 way to set them all at once.

use super::Opt;
use crate::cmsg;
use crate::v6::txopt::{MAX_LEN, TxOptions};
use net::sock::GetOpt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::cmsg::{CmsgLayout, CmsgWriter};
use uapi::*;
use zerocopy::IntoBytes;

/// The place of a header in [`TxOptions`].
pub(crate) fn slot(options: &mut TxOptions, name: i32) -> &mut Option<Vec<u8>> {
    match name {
        IPV6_HOPOPTS | IPV6_2292HOPOPTS => &mut options.hop,
        IPV6_RTHDRDSTOPTS => &mut options.dst0,
        IPV6_RTHDR | IPV6_2292RTHDR => &mut options.routing,
        _ => &mut options.dst1,
    }
}

/// No routing header may be sent: type 0 is forbidden (RFC 5095), the others need mobile IPv6 or segment
/// routing.
pub(crate) fn check_routing(_header: &[u8]) -> Result<()> {
    Err(Errno::EINVAL)
}

/// The header at the front of a value: its own length, which the value must have.
pub(crate) fn header(value: &[u8]) -> Result<&[u8]> {
    let &[_, len, ..] = value else { return Err(Errno::EINVAL) };
    value.get(..(usize::from(len) + 1) * 8).ok_or(Errno::EINVAL)
}

fn install(opt: &mut Opt<'_, '_>, options: TxOptions) -> Result<()> {
    if options.len() > MAX_LEN {
        return Err(Errno::EMSGSIZE);
    }
    // Some are kept though they are not sent: destination options for hops, without any hops.
    opt.inet.v6.opt = (options != TxOptions::default()).then(|| Arc::new(options));
    opt.inet.dst = None;
    Ok(())
}

/// `IPV6_HOPOPTS`, `IPV6_RTHDRDSTOPTS`, `IPV6_RTHDR`, `IPV6_DSTOPTS`.
pub(super) fn set(opt: &mut Opt<'_, '_>, name: i32, value: &[u8]) -> Result<()> {
    if name != IPV6_RTHDR && !opt.cx.process.capable(CAP_NET_RAW) {
        return Err(Errno::EPERM);
    }
    let mut options = opt.inet.v6.opt.as_deref().cloned().unwrap_or_default();
    if value.is_empty() {
        // RFC 3542 section 4.1: an empty one takes it away.
        *slot(&mut options, name) = None;
        return install(opt, options);
    }
    if !value.len().is_multiple_of(8) || value.len() > 8 * 255 {
        return Err(Errno::EINVAL);
    }
    let header = header(value)?;
    if name == IPV6_RTHDR {
        check_routing(header)?;
    }
    *slot(&mut options, name) = Some(header.to_vec());
    install(opt, options)
}

/// Reads one.
pub(super) fn get(opt: &mut Opt<'_, '_>, name: i32, out: &mut GetOpt<'_>) -> Result<()> {
    let mut options = opt.inet.v6.opt.as_deref().cloned().unwrap_or_default();
    out.bytes(slot(&mut options, name).as_deref().unwrap_or(&[]))
}

/// `IPV6_2292PKTOPTIONS`: control messages as one value; only their headers stay.
pub(super) fn set_pktoptions(opt: &mut Opt<'_, '_>, value: &[u8]) -> Result<()> {
    if value.len() > 64 * 1024 {
        return Err(Errno::EINVAL);
    }
    let ipc = cmsg::send6(opt.cx, opt.sk, opt.shared, value, CmsgLayout::NATIVE)?;
    install(opt, ipc.opt6.as_deref().cloned().unwrap_or_default())
}

/// What a stream's receiver would be told.
pub(super) fn get_pktoptions(opt: &mut Opt<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    if !opt.is_stream() {
        return Err(Errno::ENOPROTOOPT);
    }
    let len = (out.len as usize).min(out.buf().len());
    let wanted = opt.shared.rxopt.load(Relaxed);
    let v6 = &opt.inet.v6;
    let info = match v6.mcast_oif {
        0 => v6.sticky_pktinfo,
        oif => In6Pktinfo { addr: opt.inet.daddr.as_v6().octets(), ifindex: oif as i32 },
    };
    let hops = i32::from(v6.mcast_hops);
    let mut msg = CmsgWriter::new(&mut out.buf()[..len], CmsgLayout::NATIVE);
    use cmsg::want6 as w;
    if wanted & w::INFO != 0 {
        msg.put(SOL_IPV6, IPV6_PKTINFO, info.as_bytes());
    }
    if wanted & w::HLIM != 0 {
        msg.put_int(SOL_IPV6, IPV6_HOPLIMIT, hops);
    }
    if wanted & w::TCLASS != 0 {
        msg.put_int(SOL_IPV6, IPV6_TCLASS, 0);
    }
    if wanted & w::OINFO != 0 {
        msg.put(SOL_IPV6, IPV6_2292PKTINFO, info.as_bytes());
    }
    if wanted & w::OHLIM != 0 {
        msg.put_int(SOL_IPV6, IPV6_2292HOPLIMIT, hops);
    }
    if wanted & w::FLOW != 0 {
        msg.put_int(SOL_IPV6, IPV6_FLOWINFO, 0);
    }
    let used = msg.len();
    out.len = used as i32;
    Ok(())
}
