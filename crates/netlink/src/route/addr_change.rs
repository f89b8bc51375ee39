//! Addresses come and go: `inet_rtm_newaddr`, `inet_rtm_deladdr` and their IPv6 kin.

use super::addr::message;
use super::{Messages, address, device, notify, text};
use crate::rcv::Request;
use ip::addr::{self, IfAddr};
use ip::fib::Scope;
use net::NetDevice;
use std::sync::Arc;
use uapi::socket::AF_INET;
use uapi::*;

/// What a request says of an address.
struct Wanted {
    dev: Arc<NetDevice>,
    /// `IFA_LOCAL`, else `IFA_ADDRESS`.
    local: Option<InetAddr>,
    /// `IFA_ADDRESS`.
    peer: Option<InetAddr>,
    ifa: IfAddr,
}

fn parse(request: &Request<'_, '_>) -> Result<Wanted> {
    let (head, attrs) = request.parse::<IfAddrMsg>()?;
    let v4 = i32::from(head.family) == AF_INET;
    if head.prefixlen > if v4 { 32 } else { 128 } {
        return Err(Errno::EINVAL);
    }
    let any = if v4 { InetAddr::UNSPECIFIED_V4 } else { InetAddr::UNSPECIFIED_V6 };
    let mut ifa = IfAddr { flags: u32::from(head.flags), ..IfAddr::new(any, head.prefixlen) };
    if v4 {
        ifa.scope = Scope(head.scope);
    }
    let (mut local, mut peer) = (None, None);
    for attr in attrs {
        match attr.kind {
            IFA_LOCAL => local = Some(address(attr, v4)?),
            IFA_ADDRESS => peer = Some(address(attr, v4)?),
            IFA_BROADCAST if v4 => ifa.broadcast = address(attr, v4)?.as_v4(),
            IFA_LABEL if v4 => ifa.label = text(attr)?.to_owned(),
            IFA_FLAGS => ifa.flags = attr.u32().ok_or(Errno::EINVAL)?,
            IFA_RT_PRIORITY => ifa.metric = attr.u32().ok_or(Errno::EINVAL)?,
            IFA_CACHEINFO => {
                let words = attr.data.first_chunk::<8>().ok_or(Errno::EINVAL)?;
                let [preferred, valid] = zerocopy::transmute!(*words);
                (ifa.preferred_lft, ifa.valid_lft) = (preferred, valid);
                if ifa.valid_lft == 0 || ifa.preferred_lft > ifa.valid_lft {
                    return Err(Errno::EINVAL);
                }
            }
            _ => {}
        }
    }
    Ok(Wanted { dev: device(request.cx, head.index)?, local: local.or(peer), peer, ifa })
}

fn group(v4: bool) -> u32 {
    if v4 { RTNLGRP_IPV4_IFADDR } else { RTNLGRP_IPV6_IFADDR }
}

/// `RTM_NEWADDR`. `EINVAL` without an address, `EEXIST` for one that is there, unless it is to be
/// replaced.
pub(super) fn new(request: &Request<'_, '_>) -> Messages {
    let Wanted { dev, local, peer, mut ifa } = parse(request)?;
    ifa.local = local.ok_or(Errno::EINVAL)?;
    ifa.peer = peer.unwrap_or(ifa.local);
    if ifa.local.is_v6() {
        ifa.scope = IfAddr::new(ifa.local, ifa.prefixlen).scope;
    }
    if ifa.valid_lft == u32::MAX {
        ifa.flags |= IFA_F_PERMANENT;
    }
    let net = request.cx.net;
    match addr::add(net, &dev, ifa.clone()) {
        Err(Errno::EEXIST) if request.flag(NLM_F_REPLACE) && !request.flag(NLM_F_EXCL) => {
            addr::del(net, &dev, ifa.local, ifa.prefixlen)?;
            addr::add(net, &dev, ifa.clone())?;
        }
        result => result?,
    }
    notify(request, group(ifa.local.is_v4()), &message(request, &dev, &ifa, RTM_NEWADDR, 0));
    Ok(Vec::new())
}

/// `RTM_DELADDR`. `EADDRNOTAVAIL` when the device does not have it.
pub(super) fn del(request: &Request<'_, '_>) -> Messages {
    let Wanted { dev, local, peer, ifa: wanted } = parse(request)?;
    let v4 = wanted.local.is_v4();
    if !v4 && local.is_none() {
        return Err(Errno::EINVAL);
    }
    let fits = |ifa: &IfAddr| {
        ifa.local.is_v4() == v4
            && local.is_none_or(|local| ifa.local == local)
            && (peer.is_none() || ifa.prefixlen == wanted.prefixlen)
            && (wanted.label.is_empty() || ifa.label == wanted.label)
    };
    let found = addr::list(&dev).into_iter().find(fits).ok_or(Errno::EADDRNOTAVAIL)?;
    addr::del(request.cx.net, &dev, found.local, found.prefixlen)?;
    notify(request, group(v4), &message(request, &dev, &found, RTM_DELADDR, 0));
    Ok(Vec::new())
}
