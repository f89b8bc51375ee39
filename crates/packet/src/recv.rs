//! Packets go to the user (`packet_recvmsg`).

use crate::link;
use crate::sock::{Packet, flag};
use net::msg::RecvMsg;
use net::skb::{IpSummed, PktType};
use net::sock::sock_recv_cmsgs;
use net::{NetDevice, Skb, Sock, UserCx};
use uapi::netif::{
    PACKET_AUXDATA, TP_STATUS_CSUM_VALID, TP_STATUS_CSUMNOTREADY, TP_STATUS_GSO_TCP, TP_STATUS_USER,
    TpacketAuxdata,
};
use uapi::sockaddr::{SOCKADDR_LL_LEN, SockAddr, SockAddrLl};
use uapi::socket::{SOCK_PACKET, SOL_PACKET};
use uapi::{Errno, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC, Result};
use zerocopy::IntoBytes;

/// Gives the user the next packet. `EINVAL` for flags that mean nothing here, `EAGAIN` for `MSG_ERRQUEUE`: nothing is ever
/// in it.
pub(crate) fn recvmsg(sk: &Sock<Packet>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let flags = msg.flags;
    if flags & !(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE) != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & MSG_ERRQUEUE != 0 {
        return Err(Errno::EAGAIN);
    }
    let Some(skb) = sk.shared.queue.recv(cx, sk, flags, &mut -1)? else { return Ok(0) };
    let (len, room) = (skb.len(), msg.iov.remaining());
    if room < len {
        msg.out_flags |= MSG_TRUNC;
    }
    let copied = skb.copy_to(0, &mut msg.iov, room.min(len));
    let dev = cx.net.dev.by_index(skb.iif);
    sock_recv_cmsgs(cx, sk, &skb, msg);
    if msg.name.is_some() {
        match dev.as_deref() {
            Some(dev) if i32::from(sk.kind()) == SOCK_PACKET => msg.set_name(&name_spkt(dev, skb.protocol)),
            dev => msg.set_name(&name(dev, &skb)),
        }
    }
    if sk.shared.flag(flag::AUXDATA) {
        msg.control.put(SOL_PACKET, PACKET_AUXDATA, auxdata(&skb).as_bytes());
    }
    sk.shared.queue.done(cx, sk, skb, flags);
    Ok(if flags & MSG_TRUNC != 0 { len } else { copied })
}

/// Who sent it (`struct sockaddr_ll`).
fn name(dev: Option<&NetDevice>, skb: &Skb) -> [u8; SOCKADDR_LL_LEN] {
    let sll = match dev {
        Some(dev) if link::header_len(dev) != 0 => {
            let header = link::header(dev, skb);
            link::sockaddr(dev, skb.protocol, skb.pkt_type as u8, &header.source().0)
        }
        Some(dev) => link::sockaddr(dev, skb.protocol, skb.pkt_type as u8, &[]),
        // It has gone since.
        None => SockAddrLl { protocol: skb.protocol, ifindex: skb.iif as i32, ..SockAddrLl::default() },
    };
    let mut bytes = [0; SOCKADDR_LL_LEN];
    SockAddr::Packet(sll).encode(&mut bytes);
    bytes
}

/// The same for the obsolete type (`struct sockaddr_pkt`): the device's type where others have the family, its name, the
/// ethertype.
fn name_spkt(dev: &NetDevice, protocol: u16) -> [u8; 18] {
    let mut bytes = [0; 18];
    bytes[..2].copy_from_slice(&dev.hardware.to_ne_bytes());
    bytes[2..15].iter_mut().zip(dev.name.bytes()).for_each(|(to, from)| *to = from);
    bytes[16..].copy_from_slice(&protocol.to_be_bytes());
    bytes
}

fn auxdata(skb: &Skb) -> TpacketAuxdata {
    let sum = match skb.ip_summed {
        IpSummed::Partial => TP_STATUS_CSUMNOTREADY,
        IpSummed::Unnecessary if skb.pkt_type != PktType::Outgoing => TP_STATUS_CSUM_VALID,
        _ => 0,
    };
    let gso = if skb.gso_size != 0 { TP_STATUS_GSO_TCP } else { 0 };
    TpacketAuxdata {
        status: TP_STATUS_USER | sum | gso,
        len: skb.hash,
        snaplen: skb.len() as u32,
        mac: 0,
        net: skb.network_offset() as u16,
        vlan_tci: 0,
        vlan_tpid: 0,
    }
}
