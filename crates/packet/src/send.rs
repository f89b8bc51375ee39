//! The way down: past all protocols, to the device (`packet_snd`, `packet_sendmsg_spkt`).

use crate::bind::{SLL_ADDR, SOCKADDR_LEN, by_name};
use crate::link;
use crate::sock::Packet;
use net::msg::MsgHdr;
use net::sock::{SockCmsg, sock_cmsg_send};
use net::{NetDevice, Skb, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::sockaddr::{SOCKADDR_LL_LEN, SockAddr};
use uapi::socket::{SOCK_RAW, SOL_SOCKET};
use uapi::{ETH_P_ALL, Errno, IFF_UP, Result};
use wire::EthHdr;

/// `sizeof(struct sockaddr_pkt)`.
const SOCKADDR_PKT_LEN: usize = 18;
/// Bytes of a VLAN tag, which the obsolete type allows on top.
const VLAN_HLEN: usize = 4;
/// What a packet is charged beside its bytes.
const OVERHEAD: usize = 768;

/// Where a packet goes.
struct Way {
    dev: Option<Arc<NetDevice>>,
    protocol: u16,
    addr: [u8; 8],
}

/// The address of the call, or what the socket is bound to. `EINVAL` for a short address.
fn way(sk: &Sock<Packet>, cx: &UserCx<'_>, name: Option<&[u8]>) -> Result<Way> {
    let Some(name) = name else {
        let dev = cx.net.dev.by_index(sk.shared.ifindex.load(Relaxed));
        return Ok(Way { dev, protocol: sk.shared.num.load(Relaxed), addr: [0; 8] });
    };
    if name.len() < SOCKADDR_LL_LEN || name.len() < SLL_ADDR + usize::from(name[SLL_ADDR - 1]) {
        return Err(Errno::EINVAL);
    }
    // Which family it says it is of does not matter.
    let mut whole = [0; SOCKADDR_LL_LEN];
    whole.copy_from_slice(&name[..SOCKADDR_LL_LEN]);
    whole[..2].copy_from_slice(&(uapi::socket::AF_PACKET as u16).to_ne_bytes());
    let SockAddr::Packet(sll) = SockAddr::parse(&whole)? else { return Err(Errno::EINVAL) };
    let dev = cx.net.dev.by_index(sll.ifindex as u32);
    Ok(Way { dev, protocol: sll.protocol, addr: sll.addr })
}

/// Sends one packet: with its link-layer header from a raw socket, without from a datagram socket.
///
/// # Errors
/// `ENXIO` without a device, `ENETDOWN`, `EMSGSIZE` beyond its MTU, `EINVAL` for less than a header.
pub(crate) fn sendmsg(sk: &Sock<Packet>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let Way { dev, protocol, addr } = way(sk, cx, msg.name)?;
    let dev = dev.ok_or(Errno::ENXIO)?;
    if dev.flags() & IFF_UP == 0 {
        return Err(Errno::ENETDOWN);
    }
    let mut sockc = SockCmsg { mark: Some(sk.mark()), priority: Some(sk.priority()), ..SockCmsg::default() };
    for cmsg in msg.cmsgs() {
        let cmsg = cmsg?;
        if cmsg.level == SOL_SOCKET {
            sock_cmsg_send(cx, sk, &cmsg, &mut sockc)?;
        }
    }
    let raw = i32::from(sk.kind()) == SOCK_RAW;
    let header_len = link::header_len(&dev);
    let len = msg.iov.remaining();
    if len > dev.mtu() as usize + if raw { header_len } else { 0 } {
        return Err(Errno::EMSGSIZE);
    }
    if let Some(errno) = sk.take_err() {
        return Err(errno);
    }
    let (header, mut skb) = if raw {
        framed(cx, msg, header_len)?
    } else {
        (link::eth_header(&dev, &addr, protocol, len), body(cx, msg, len)?)
    };
    if skb.is_empty() && header_len == 0 {
        cx.consume_skb(skb);
        return Err(Errno::EINVAL);
    }
    skb.mark = sockc.mark.unwrap_or(0);
    skb.priority = sockc.priority.unwrap_or(0);
    xmit(sk, cx, &dev, skb, (header_len != 0).then_some(header), protocol)?;
    Ok(len)
}

/// By the device's name. `ENOTCONN` without an address, `EINVAL` for a short one or less than a header, `ENODEV`, `ENETDOWN`,
/// `EMSGSIZE`.
pub(crate) fn sendmsg_spkt(sk: &Sock<Packet>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let name = msg.name.ok_or(Errno::ENOTCONN)?;
    if name.len() < SOCKADDR_LEN {
        return Err(Errno::EINVAL);
    }
    let protocol = match name.len() {
        SOCKADDR_PKT_LEN => u16::from_be_bytes([name[16], name[17]]),
        _ => 0,
    };
    let dev = by_name(cx, &name[2..15])?;
    if dev.flags() & IFF_UP == 0 {
        return Err(Errno::ENETDOWN);
    }
    let header_len = link::header_len(&dev);
    let len = msg.iov.remaining();
    if len > dev.mtu() as usize + header_len + VLAN_HLEN {
        return Err(Errno::EMSGSIZE);
    }
    let (header, mut skb) = framed(cx, msg, header_len)?;
    (skb.mark, skb.priority) = (sk.mark(), sk.priority());
    // A full queue is not told of here.
    let _ = xmit(sk, cx, &dev, skb, (header_len != 0).then_some(header), protocol);
    Ok(len)
}

/// A packet whose first bytes are its link-layer header; `EINVAL` when they are fewer.
fn framed(cx: &UserCx<'_>, msg: &mut MsgHdr<'_>, header_len: usize) -> Result<(EthHdr, Skb)> {
    let mut header = [0; EthHdr::LEN];
    if header_len != 0 && msg.iov.copy_to(&mut header) < header_len {
        return Err(Errno::EINVAL);
    }
    let (header, _) = EthHdr::view(&header).ok_or(Errno::EINVAL)?;
    let rest = msg.iov.remaining();
    Ok((*header, body(cx, msg, rest)?))
}

fn body(cx: &UserCx<'_>, msg: &mut MsgHdr<'_>, len: usize) -> Result<Skb> {
    let mut skb = cx.alloc_skb();
    if skb.append_from(cx, &mut msg.iov, len) < len {
        cx.consume_skb(skb);
        return Err(Errno::EFAULT);
    }
    Ok(skb)
}

/// Hands the packet to the device, as the socket's own until that is done with it.
fn xmit(
    sk: &Sock<Packet>,
    cx: &UserCx<'_>,
    dev: &NetDevice,
    mut skb: Skb,
    header: Option<EthHdr>,
    protocol: u16,
) -> Result<()> {
    skb.protocol = protocol;
    if let Some(header) = header {
        skb.push(EthHdr::LEN).copy_from_slice(header.bytes());
        skb.set_mac_header();
        skb.pull(EthHdr::LEN);
        if matches!(protocol, 0 | ETH_P_ALL) {
            skb.protocol = header.proto();
        }
    }
    skb.set_network_header();
    // Protocols read their headers where buffers have them.
    let headers = skb.len().min(net::skb::LINEAR_MAX - EthHdr::LEN);
    skb.may_pull(headers);
    skb.truesize = (skb.len() + OVERHEAD) as u32;
    cx.skb_set_owner_w(&mut skb, sk.hold());
    cx.dev_queue_xmit(dev, skb)
}
