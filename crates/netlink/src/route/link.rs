//! Links: `rtnl_getlink`, `rtnl_dump_ifinfo`, `rtnl_setlink` (up and down, MTU).

use super::{Messages, device, dump_flags, notify, put_str, put_u32, text};
use crate::rcv::Request;
use ip::addr;
use net::NetDevice;
use net::dev::DevStat;
use std::sync::Arc;
use uapi::*;
use zerocopy::IntoBytes;

/// `struct rtnl_link_ifmap`
const MAP_LEN: usize = 32;
const OPER_UNKNOWN: u8 = 0;
const OPER_DOWN: u8 = 2;
const OPER_UP: u8 = 6;

fn head(dev: &NetDevice) -> IfInfoMsg {
    IfInfoMsg { kind: dev.hardware, index: dev.ifindex as i32, flags: dev.flags(), ..IfInfoMsg::default() }
}

fn stats(dev: &NetDevice) -> LinkStats64 {
    let sum = |stat| dev.stats.sum(stat);
    LinkStats64 {
        rx_packets: sum(DevStat::RxPackets),
        tx_packets: sum(DevStat::TxPackets),
        rx_bytes: sum(DevStat::RxBytes),
        tx_bytes: sum(DevStat::TxBytes),
        rx_dropped: sum(DevStat::RxDropped),
        tx_dropped: sum(DevStat::TxDropped),
        multicast: sum(DevStat::Multicast),
        ..LinkStats64::default()
    }
}

/// All that is told of a link, in the kernel's order (`rtnl_fill_ifinfo`).
fn fill(buf: &mut Vec<u8>, dev: &NetDevice) {
    let loopback = dev.features.loopback;
    let up = dev.flags() & IFF_UP != 0;
    let operstate = match (loopback, up) {
        (true, _) => OPER_UNKNOWN,
        (false, true) => OPER_UP,
        (false, false) => OPER_DOWN,
    };
    // As eth_type_trans's drivers have it; lo has no bounds.
    let (min_mtu, max_mtu) = if loopback { (0, 0) } else { (68, 65535) };
    let gso = 65536;
    buf.extend_from_slice(head(dev).as_bytes());
    put_str(buf, IFLA_IFNAME, &dev.name);
    put_u32(buf, IFLA_TXQLEN, dev.tx_queue_len);
    put_attr(buf, IFLA_OPERSTATE, &[operstate]);
    put_attr(buf, IFLA_LINKMODE, &[0]);
    put_attr(buf, IFLA_NETNS_IMMUTABLE, &[u8::from(loopback)]);
    for (kind, value) in [
        (IFLA_MTU, dev.mtu()),
        (IFLA_MIN_MTU, min_mtu),
        (IFLA_MAX_MTU, max_mtu),
        (IFLA_GROUP, 0),
        (IFLA_PROMISCUITY, 0),
        (IFLA_ALLMULTI, 0),
        (IFLA_NUM_TX_QUEUES, 1),
        (IFLA_GSO_MAX_SEGS, 65535),
        (IFLA_GSO_MAX_SIZE, gso),
        (IFLA_GRO_MAX_SIZE, gso),
        (IFLA_GSO_IPV4_MAX_SIZE, gso),
        (IFLA_GRO_IPV4_MAX_SIZE, gso),
        (IFLA_TSO_MAX_SIZE, 524_280),
        (IFLA_TSO_MAX_SEGS, 65535),
        (IFLA_MAX_PACING_OFFLOAD_HORIZON, 0),
        (IFLA_NUM_RX_QUEUES, 1),
    ] {
        put_u32(buf, kind, value);
    }
    put_attr(buf, IFLA_CARRIER, &[u8::from(up)]);
    for kind in [IFLA_CARRIER_CHANGES, IFLA_CARRIER_UP_COUNT, IFLA_CARRIER_DOWN_COUNT] {
        put_u32(buf, kind, 0);
    }
    put_attr(buf, IFLA_HEADROOM, &[0; 2]);
    put_attr(buf, IFLA_TAILROOM, &[0; 2]);
    put_attr(buf, IFLA_PROTO_DOWN, &[0]);
    if !dev.address.is_empty() {
        put_attr(buf, IFLA_ADDRESS, &dev.address);
        put_attr(buf, IFLA_BROADCAST, &dev.broadcast);
    }
    let stats = stats(dev);
    put_attr(buf, IFLA_STATS64, stats.as_bytes());
    put_attr(buf, IFLA_STATS, stats.to_stats32().as_bytes());
    put_nested_plain(buf, IFLA_XDP, |buf| put_attr(buf, IFLA_XDP_ATTACHED, &[0]));
    put_str(buf, IFLA_QDISC, "noqueue");
    put_attr(buf, IFLA_MAP, &[0; MAP_LEN]);
    put_nested(buf, IFLA_DEVLINK_PORT, |_| {});
    put_nested(buf, IFLA_DPLL_PIN, |_| {});
}

/// A nested attribute of the old kind, which does not say that it is one (`nla_nest_start_noflag`).
fn put_nested_plain(buf: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    put_attr(buf, kind, &inner);
}

fn message(request: &Request<'_, '_>, dev: &NetDevice, flags: u16) -> Vec<u8> {
    request.message(RTM_NEWLINK, flags, |buf| fill(buf, dev))
}

/// The link that a request names: by index, else by name. `EINVAL` when by neither, `ENODEV`.
fn named(request: &Request<'_, '_>) -> Result<(IfInfoMsg, Arc<NetDevice>)> {
    let (head, mut attrs) = request.parse::<IfInfoMsg>()?;
    if head.index > 0 {
        return Ok((head, device(request.cx, head.index as u32)?));
    }
    let name = attrs.find(|attr| matches!(attr.kind, IFLA_IFNAME | IFLA_ALT_IFNAME)).ok_or(Errno::EINVAL)?;
    let dev = request.cx.net.dev.by_name(text(name)?).ok_or(Errno::ENODEV)?;
    Ok((head, dev))
}

pub(super) fn get(request: &Request<'_, '_>) -> Messages {
    let (_, dev) = named(request)?;
    Ok(vec![message(request, &dev, 0)])
}

pub(super) fn dump(request: &Request<'_, '_>) -> Messages {
    if request.strict {
        request.parse::<IfInfoMsg>()?;
    }
    let devices = request.cx.net.dev.all();
    Ok(devices.iter().map(|dev| message(request, dev, dump_flags(false))).collect())
}

/// `RTM_NEWLINK`: changes a link that is there. New ones are the embedder's to make, and kinds of
/// virtual devices are not known.
pub(super) fn new(request: &Request<'_, '_>) -> Messages {
    match named(request) {
        Ok(_) if request.flag(NLM_F_EXCL) => Err(Errno::EEXIST),
        Ok(_) if request.flag(NLM_F_REPLACE) => Err(Errno::EOPNOTSUPP),
        Err(Errno::ENODEV) if request.flag(NLM_F_CREATE) => Err(Errno::EOPNOTSUPP),
        Err(Errno::EINVAL) if request.flag(NLM_F_CREATE) => Err(Errno::EOPNOTSUPP),
        Ok(_) | Err(_) => set(request),
    }
}

/// The flags that a program may change here.
const CHANGEABLE: u32 = IFF_UP | IFF_MULTICAST;

/// `RTM_SETLINK`: up and down, and the MTU.
pub(super) fn set(request: &Request<'_, '_>) -> Messages {
    let (head, dev) = named(request)?;
    let (_, attrs) = request.parse::<IfInfoMsg>()?;
    let net = request.cx.net;
    for attr in attrs {
        match attr.kind {
            IFLA_MTU => {
                let mtu = attr.u32().ok_or(Errno::EINVAL)?;
                if !dev.features.loopback && !(68..=65535).contains(&mtu) {
                    return Err(Errno::EINVAL);
                }
                dev.set_mtu(net, mtu);
            }
            IFLA_IFNAME if text(attr)? == dev.name => {}
            IFLA_IFNAME | IFLA_ADDRESS | IFLA_BROADCAST | IFLA_MASTER | IFLA_TXQLEN => {
                return Err(Errno::EOPNOTSUPP);
            }
            _ => {}
        }
    }
    // Without a mask all flags are meant (`rtnl_dev_combine_flags`).
    let mask = if head.change == 0 && head.flags != 0 { u32::MAX } else { head.change } & CHANGEABLE;
    let was = dev.flags();
    let mut now = was & !mask | head.flags & mask;
    if (was ^ now) & IFF_UP != 0 {
        let running = IFF_RUNNING | IFF_LOWER_UP;
        now = if now & IFF_UP != 0 { now | running } else { now & !running };
    }
    if was != now {
        dev.set_flags(now);
        if now & IFF_UP != 0 { addr::dev_up(net, &dev) } else { addr::dev_down(net, &dev) }
    }
    notify(request, RTNLGRP_LINK, &message(request, &dev, 0));
    Ok(Vec::new())
}
