//! Extension headers that a socket puts into all its packets (`ipv6_set_opt_hdr`, RFC 3542
//! section 4.1), and the RFC 2292 way to set them all at once.

use super::Opt;
use super::v6::DEFAULT_MCASTHOPS;
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

/// `sizeof(struct ipv6_txoptions)`.
const IPV6_TXOPTIONS: u32 = 64;

/// What a set of headers is charged for, those among them that are not sent too (`ipv6_renew_options`).
fn renewed(options: &TxOptions) -> u32 {
    let TxOptions { hop, dst0, routing, dst1, .. } = options;
    match [hop, dst0, routing, dst1].into_iter().flatten().map(Vec::len).sum::<usize>() {
        0 => 0,
        len => IPV6_TXOPTIONS + len as u32,
    }
}

fn install(opt: &mut Opt<'_, '_>, options: TxOptions, omem: u32) -> Result<()> {
    let options = TxOptions { omem, ..options };
    if options.len() > MAX_LEN {
        return Err(Errno::EMSGSIZE);
    }
    opt.sk.charge_omem(opt.cx.net, omem)?;
    opt.sk.uncharge_omem(opt.inet.v6.opt.as_ref().map_or(0, |options| options.omem));
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
        let omem = renewed(&options);
        return install(opt, options, omem);
    }
    if !value.len().is_multiple_of(8) || value.len() > 8 * 255 {
        return Err(Errno::EINVAL);
    }
    let header = header(value)?;
    if name == IPV6_RTHDR {
        check_routing(header)?;
    }
    *slot(&mut options, name) = Some(header.to_vec());
    let omem = renewed(&options);
    install(opt, options, omem)
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
    // The messages are kept whole.
    let omem = if value.is_empty() { 0 } else { IPV6_TXOPTIONS + value.len() as u32 };
    install(opt, ipc.opt6.as_deref().cloned().unwrap_or_default(), omem)
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
    let hops = i32::from(if v6.mcast_hops < 0 { DEFAULT_MCASTHOPS } else { v6.mcast_hops });
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
