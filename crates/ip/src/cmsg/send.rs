//! Control messages of a send. Each is checked as Linux checks it: some lengths must be right, others
//! only long enough.

use crate::output::Ipcm;
use crate::sock::{InetShared, shared_flag};
use crate::sockopt::{check_routing, slot, tos_priority};
use crate::v4::options::IpOptions;
use crate::v6::txopt::{MAX_LEN, TxOptions};
use crate::{IpNet, addr};
use net::UserCx;
use net::msg::MsgHdr;
use net::sock::{SockCommon, sock_cmsg_send};
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::cmsg::{Cmsg, CmsgIter, CmsgLayout};
use uapi::*;
use zerocopy::FromBytes;

/// What the control messages of `msg` ask for, by the socket's family. Those of levels that are
/// neither `SOL_SOCKET` nor the family's are passed over: the protocol's own are its own.
///
/// # Errors
/// `EINVAL` for what is malformed or unknown, `EPERM`, `ENODEV`.
pub fn send(cx: &UserCx<'_>, sk: &SockCommon, shared: &InetShared, msg: &MsgHdr<'_>) -> Result<Ipcm> {
    if i32::from(sk.family()) == AF_INET6 {
        send6(cx, sk, shared, msg.control, msg.layout)
    } else {
        send_v4(cx, sk, shared, msg)
    }
}

/// The same for a packet of IPv4, which an IPv6 socket sends to a v4-mapped address (`ip_cmsg_send`).
pub fn send_v4(cx: &UserCx<'_>, sk: &SockCommon, _shared: &InetShared, msg: &MsgHdr<'_>) -> Result<Ipcm> {
    let mapped = i32::from(sk.family()) == AF_INET6;
    let mut ipc = Ipcm::default();
    for cmsg in msg.cmsgs() {
        let cmsg = cmsg?;
        match cmsg.level {
            SOL_IPV6 if mapped && cmsg.kind == IPV6_PKTINFO => pktinfo_mapped(&cmsg, &mut ipc)?,
            SOL_SOCKET => socket(cx, sk, &cmsg, &mut ipc)?,
            SOL_IP => one4(cx, &cmsg, &mut ipc)?,
            _ => {}
        }
    }
    Ok(ipc)
}

/// `__sock_cmsg_send`: what all families have.
fn socket(cx: &UserCx<'_>, sk: &SockCommon, cmsg: &Cmsg<'_>, ipc: &mut Ipcm) -> Result<()> {
    let mut sockc = net::sock::SockCmsg::default();
    sock_cmsg_send(cx, sk, cmsg, &mut sockc)?;
    ipc.mark = sockc.mark.or(ipc.mark);
    ipc.priority = sockc.priority.or(ipc.priority);
    ipc.tsflags = sockc.tsflags.or(ipc.tsflags);
    ipc.ts_opt_id = sockc.ts_opt_id.or(ipc.ts_opt_id);
    ipc.transmit_time = sockc.transmit_time.or(ipc.transmit_time);
    Ok(())
}

fn pktinfo_mapped(cmsg: &Cmsg<'_>, ipc: &mut Ipcm) -> Result<()> {
    let (info, _) = In6Pktinfo::read_from_prefix(cmsg.data).map_err(|_| Errno::EINVAL)?;
    let source = InetAddr::from(Ipv6Addr::from(info.addr));
    if !source.is_v4() {
        return Err(Errno::EINVAL);
    }
    if info.ifindex != 0 {
        ipc.oif = info.ifindex as u32;
    }
    ipc.saddr = Some(source).filter(|source| !source.is_unspecified());
    Ok(())
}

/// An `int` within bounds; other lengths are `EINVAL`.
fn int(cmsg: &Cmsg<'_>, min: i32, max: i32) -> Result<i32> {
    let value = cmsg.int()?;
    if (min..=max).contains(&value) { Ok(value) } else { Err(Errno::EINVAL) }
}

fn one4(cx: &UserCx<'_>, cmsg: &Cmsg<'_>, ipc: &mut Ipcm) -> Result<()> {
    match cmsg.kind {
        IP_RETOPTS => {
            let bytes = &cmsg.data[..cmsg.data.len().min(40)];
            let options = IpOptions::from_user(bytes, cx.process.capable(CAP_NET_RAW))?;
            ipc.options = Some(Arc::new(options));
        }
        IP_PKTINFO => {
            let info = InPktinfo::read_from_bytes(cmsg.data).map_err(|_| Errno::EINVAL)?;
            if info.ifindex != 0 {
                ipc.oif = info.ifindex as u32;
            }
            let source = InetAddr::v4(info.spec_dst.into());
            ipc.saddr = Some(source).filter(|source| !source.is_unspecified());
        }
        IP_TTL => ipc.ttl = Some(int(cmsg, 1, 255)? as u8),
        IP_TOS => {
            let tos = match *cmsg.data {
                [byte] => byte,
                _ => int(cmsg, 0, 255)? as u8,
            };
            ipc.tos = Some(tos);
            ipc.priority = Some(tos_priority(tos));
        }
        IP_PROTOCOL => ipc.protocol = Some(int(cmsg, 1, 255)? as u8),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// What an IPv6 packet is asked to be (`ip6_datagram_send_ctl`).
pub(crate) fn send6(
    cx: &UserCx<'_>,
    sk: &SockCommon,
    shared: &InetShared,
    control: &[u8],
    layout: CmsgLayout,
) -> Result<Ipcm> {
    let mut ipc = Ipcm { oif: 0, ..Ipcm::default() };
    let mut headers = TxOptions::default();
    for cmsg in CmsgIter::new(control, layout) {
        let cmsg = cmsg?;
        match cmsg.level {
            SOL_SOCKET => socket(cx, sk, &cmsg, &mut ipc)?,
            SOL_IPV6 => one6(cx, sk, shared, &cmsg, &mut ipc, &mut headers)?,
            _ => {}
        }
    }
    if headers.len() > MAX_LEN {
        return Err(Errno::EMSGSIZE);
    }
    if !headers.is_empty() {
        ipc.opt6 = Some(Arc::new(headers));
    }
    Ok(ipc)
}

fn one6(
    cx: &UserCx<'_>,
    sk: &SockCommon,
    shared: &InetShared,
    cmsg: &Cmsg<'_>,
    ipc: &mut Ipcm,
    headers: &mut TxOptions,
) -> Result<()> {
    match cmsg.kind {
        IPV6_PKTINFO | IPV6_2292PKTINFO => pktinfo6(cx, sk, shared, cmsg, ipc)?,
        IPV6_FLOWINFO => {
            let bytes = *cmsg.data.first_chunk::<4>().ok_or(Errno::EINVAL)?;
            ipc.flow_label = u32::from_be_bytes(bytes) & IPV6_FLOWINFO_MASK;
        }
        IPV6_HOPOPTS | IPV6_2292HOPOPTS | IPV6_DSTOPTS | IPV6_2292DSTOPTS | IPV6_RTHDRDSTOPTS => {
            let header = header(cmsg)?;
            if !cx.process.capable(CAP_NET_RAW) {
                return Err(Errno::EPERM);
            }
            let slot = slot(headers, cmsg.kind);
            // The later form replaces destination options; the others may stand once only.
            if slot.is_some() && !matches!(cmsg.kind, IPV6_DSTOPTS | IPV6_RTHDRDSTOPTS) {
                return Err(Errno::EINVAL);
            }
            *slot = Some(header.to_vec());
        }
        IPV6_RTHDR | IPV6_2292RTHDR => {
            let header = header(cmsg)?;
            check_routing(header)?;
            let slot = slot(headers, cmsg.kind);
            if slot.is_some() {
                return Err(Errno::EINVAL);
            }
            *slot = Some(header.to_vec());
        }
        IPV6_HOPLIMIT | IPV6_2292HOPLIMIT => ipc.ttl = u8::try_from(int(cmsg, -1, 255)?).ok(),
        // -1 is not the default, as RFC 3542 section 6.5 has it: Linux sends all ones.
        IPV6_TCLASS => ipc.tos = Some(int(cmsg, -1, 255)? as u8),
        IPV6_DONTFRAG => ipc.dontfrag = Some(int(cmsg, 0, 1)? != 0),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// The extension header in a message, cut to its own length.
fn header<'a>(cmsg: &Cmsg<'a>) -> Result<&'a [u8]> {
    let &[_, len, ..] = cmsg.data else { return Err(Errno::EINVAL) };
    cmsg.data.get(..(usize::from(len) + 1) * 8).ok_or(Errno::EINVAL)
}

fn pktinfo6(
    cx: &UserCx<'_>,
    sk: &SockCommon,
    shared: &InetShared,
    cmsg: &Cmsg<'_>,
    ipc: &mut Ipcm,
) -> Result<()> {
    let (info, _) = In6Pktinfo::read_from_prefix(cmsg.data).map_err(|_| Errno::EINVAL)?;
    let bound = sk.bound_dev_if();
    if info.ifindex != 0 {
        let asked = info.ifindex as u32;
        if bound != 0 && asked != bound || ipc.oif != 0 && asked != ipc.oif {
            return Err(Errno::EINVAL);
        }
        ipc.oif = asked;
    }
    let source = InetAddr::from(Ipv6Addr::from(info.addr));
    let oif = if ipc.oif != 0 { ipc.oif } else { bound };
    let dev = match oif {
        0 if source.is_link_local() => return Err(Errno::EINVAL),
        0 => None,
        _ => Some(cx.net.dev.by_index(oif).ok_or(Errno::ENODEV)?),
    };
    if source == InetAddr::UNSPECIFIED_V6 {
        return Ok(());
    }
    let anywhere = shared.flag(shared_flag::FREEBIND)
        || shared.flag(shared_flag::TRANSPARENT)
        || IpNet::of(cx.net).sysctl.ip_nonlocal_bind6.load(Relaxed) != 0;
    // A link-local address is the interface's own, others are the host's.
    let ours = match &dev {
        _ if source.is_v4() => false,
        Some(dev) if source.is_link_local() => addr::has(dev, source),
        _ => addr::is_local(cx.net, source),
    };
    if !anywhere && !ours {
        return Err(Errno::EINVAL);
    }
    ipc.saddr = Some(source);
    Ok(())
}
