//! ARP (RFC 826) for IPv4 over Ethernet.

use crate::error::{Error, Result};
use crate::ethernet::MacAddr;
use crate::view::header;
use core::net::Ipv4Addr;
use uapi::{ARPHRD_ETHER, ARPOP_REPLY, ARPOP_REQUEST, ETH_P_IP};
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The packet (`struct arphdr` with the addresses of Ethernet and IPv4), 28 bytes.
///
/// ```
/// use sockeye_wire::{ArpPacket, MacAddr};
/// use core::net::Ipv4Addr;
///
/// let ask = ArpPacket::request(MacAddr([2; 6]), Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
/// let got = ArpPacket::parse(ask.bytes()).unwrap();
/// assert_eq!((got.op(), got.target_ip()), (1, Ipv4Addr::new(10, 0, 0, 2)));
/// assert_eq!(got.reply(MacAddr([4; 6])).target_mac(), MacAddr([2; 6]));
/// ```
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ArpPacket {
    htype: U16,
    ptype: U16,
    hlen: u8,
    plen: u8,
    op: U16,
    sha: MacAddr,
    sip: [u8; 4],
    tha: MacAddr,
    tip: [u8; 4],
}
header!(ArpPacket, 28);

impl ArpPacket {
    /// A packet.
    #[must_use]
    pub fn new(op: u16, sender: (MacAddr, Ipv4Addr), target: (MacAddr, Ipv4Addr)) -> Self {
        Self {
            htype: ARPHRD_ETHER.into(),
            ptype: ETH_P_IP.into(),
            hlen: 6,
            plen: 4,
            op: op.into(),
            sha: sender.0,
            sip: sender.1.octets(),
            tha: target.0,
            tip: target.1.octets(),
        }
    }

    /// Who has `target`?
    #[must_use]
    pub fn request(mac: MacAddr, ip: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self::new(ARPOP_REQUEST, (mac, ip), (MacAddr::ZERO, target))
    }

    /// The answer to this request: its target is at `mac`.
    #[must_use]
    pub fn reply(&self, mac: MacAddr) -> Self {
        Self::new(ARPOP_REPLY, (mac, self.target_ip()), (self.sha, self.sender_ip()))
    }

    /// Check and read; what follows (padding) is left out.
    ///
    /// # Errors
    /// `Truncated` below 28 bytes; `Version` for other hardware or another protocol; `HeaderLength` for other address lengths.
    pub fn parse(bytes: &[u8]) -> Result<&Self> {
        let (arp, _) = Self::view(bytes).ok_or(Error::Truncated)?;
        if (arp.hlen, arp.plen) != (6, 4) {
            return Err(Error::HeaderLength);
        }
        // RFC 2390: Ethernet frames may say IEEE 802
        if !matches!(arp.htype.get(), ARPHRD_ETHER | uapi::ARPHRD_IEEE802) || arp.ptype.get() != ETH_P_IP {
            return Err(Error::Version);
        }
        Ok(arp)
    }

    /// Operation (`ARPOP_*`).
    #[must_use]
    pub fn op(&self) -> u16 {
        self.op.get()
    }

    /// Sender's hardware address.
    #[must_use]
    pub fn sender_mac(&self) -> MacAddr {
        self.sha
    }

    /// Sender's address.
    #[must_use]
    pub fn sender_ip(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.sip)
    }

    /// Target's hardware address.
    #[must_use]
    pub fn target_mac(&self) -> MacAddr {
        self.tha
    }

    /// Target's address.
    #[must_use]
    pub fn target_ip(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.tip)
    }

    /// Whether it announces the sender's own address.
    #[must_use]
    pub fn is_gratuitous(&self) -> bool {
        self.sip == self.tip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ethernet_and_ipv4() {
        let ask = ArpPacket::request(MacAddr([2; 6]), Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST);
        assert!(ask.is_gratuitous());
        let bytes: [u8; 28] = ask.bytes().try_into().unwrap();
        assert_eq!(ArpPacket::parse(&bytes[..27]).unwrap_err(), Error::Truncated);
        for (at, value, error) in [
            (1, 2, Error::Version),
            (3, 1, Error::Version),
            (4, 8, Error::HeaderLength),
            (5, 16, Error::HeaderLength),
        ] {
            let mut bad = bytes;
            bad[at] = value;
            assert_eq!(ArpPacket::parse(&bad).unwrap_err(), error);
        }
    }
}
