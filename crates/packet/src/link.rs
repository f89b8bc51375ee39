//! Link-layer headers. The devices here carry network-layer packets; those that a Linux gives an Ethernet header (`lo`) get
//! one when a packet socket looks, and lose it when one sends.

use net::{NetDevice, Skb};
use uapi::netif::{ARPHRD_ETHER, ARPHRD_LOOPBACK};
use uapi::sockaddr::SockAddrLl;
use wire::{EthHdr, MacAddr};

/// Bytes of the header that packets of this device have (`hard_header_len`).
pub(crate) fn header_len(dev: &NetDevice) -> usize {
    if matches!(dev.hardware, ARPHRD_ETHER | ARPHRD_LOOPBACK) { EthHdr::LEN } else { 0 }
}

fn mac(bytes: &[u8]) -> MacAddr {
    MacAddr(bytes.first_chunk().copied().unwrap_or_default())
}

/// The header of a packet that passes the device: the one it was sent with, or what the device would have made.
pub(crate) fn header(dev: &NetDevice, skb: &Skb) -> EthHdr {
    match EthHdr::view(skb.mac_header()) {
        Some((header, _)) => *header,
        None => EthHdr::new(mac(&dev.address), mac(&dev.address), skb.protocol),
    }
}

/// The header in front of `len` bytes for whom `addr` says (`eth_header`).
pub(crate) fn eth_header(dev: &NetDevice, addr: &[u8], protocol: u16, len: usize) -> EthHdr {
    // 802.3 says the length where Ethernet II says what it carries.
    let proto = match protocol {
        uapi::ETH_P_802_3 | uapi::ETH_P_802_2 => len as u16,
        protocol => protocol,
    };
    EthHdr::new(mac(addr), mac(&dev.address), proto)
}

/// The address that shows `addr` on `dev`.
pub(crate) fn sockaddr(dev: &NetDevice, protocol: u16, pkttype: u8, addr: &[u8]) -> SockAddrLl {
    let mut sll = SockAddrLl {
        protocol,
        ifindex: dev.ifindex as i32,
        hatype: dev.hardware,
        pkttype,
        halen: dev.address.len().min(8) as u8,
        addr: [0; 8],
    };
    sll.addr.iter_mut().zip(addr).for_each(|(to, from)| *to = *from);
    sll
}
