//! Packet formats over byte slices.
//!
//! Each format stands in three tiers: a header type laid over the bytes (`TcpHdr`, a bounds check and loads), a checked
//! view that also splits off options and payload (`Ipv4Packet`, `TcpSegment`), and a plain value to emit from
//! (`Ipv4Repr`, `TcpRepr`). Nothing here allocates, and no byte sequence makes it panic. What a bad packet is called
//! is in [`Error`]; what becomes of it (which counter, which drop reason) is the business of the rooms above.

#![forbid(unsafe_code)]

pub mod arp;
pub mod checksum;
mod error;
pub mod ethernet;
pub mod icmp;
pub mod icmpv6;
pub mod igmp;
pub mod ipv4;
pub mod ipv6;
pub mod mld;
pub mod ndisc;
pub mod tcp;
pub mod udp;
mod view;

pub use arp::ArpPacket;
pub use checksum::Wsum;
pub use error::{Error, Result};
pub use ethernet::{EthHdr, MacAddr};
pub use icmp::IcmpHdr;
pub use icmpv6::Icmpv6Hdr;
pub use ipv4::{Ipv4Hdr, Ipv4Packet, Ipv4Repr};
pub use ipv6::{Ipv6Hdr, Ipv6Packet, Ipv6Repr};
pub use tcp::{TcpFlags, TcpHdr, TcpOptions, TcpRepr, TcpSegment};
pub use udp::{UdpDatagram, UdpHdr, UdpRepr};
