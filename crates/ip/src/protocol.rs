//! The way up: who receives which protocol (`inet_protos`, `inet6_protos`), and the hooks of raw and
//! ping sockets, which see packets beside the protocols.

use net::{BhCx, Net, Skb};
use std::sync::OnceLock;
use uapi::{Errno, InetAddr, Result};

/// An ICMP or ICMPv6 error about a packet that this host sent.
pub struct IcmpError<'a> {
    /// True for ICMPv6.
    pub v6: bool,
    /// `ICMP_*` or `ICMPV6_*` type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The MTU of a "fragmentation needed" or "packet too big", the gateway of a redirect, the
    /// pointer of a parameter problem; host order.
    pub info: u32,
    /// Source of the packet that was refused: this host.
    pub saddr: InetAddr,
    /// Its destination.
    pub daddr: InetAddr,
    /// Its protocol (`IPPROTO_*`), below IPv6 extension headers.
    pub protocol: u8,
    /// Its IP header, extension headers included.
    pub network: &'a [u8],
    /// Its transport header and what else was quoted; may be shorter than the header.
    pub transport: &'a [u8],
    /// Who sent the error.
    pub offender: InetAddr,
    /// The interface the error came in by.
    pub iif: u32,
    /// The error itself, data at the ICMP header.
    pub skb: &'a Skb,
}

impl IcmpError<'_> {
    /// The ports of the packet that was refused: (ours, the peer's); `None` when they were not quoted.
    #[inline]
    pub fn ports(&self) -> Option<(u16, u16)> {
        let &[a, b, c, d, ..] = self.transport else { return None };
        Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }

    /// The errno it stands for, and whether it is a hard one (`icmp_err_convert`, `icmpv6_err_convert`).
    pub fn errno(&self) -> (Errno, bool) {
        if self.v6 {
            crate::icmp6::convert(self.kind, self.code)
        } else {
            crate::icmp::convert(self.kind, self.code)
        }
    }

    /// True when it reports a path MTU, which is in `info`.
    #[inline]
    pub fn is_mtu(&self) -> bool {
        match self.v6 {
            true => self.kind == uapi::ICMPV6_PKT_TOOBIG,
            false => self.kind == uapi::ICMP_DEST_UNREACH && self.code == uapi::ICMP_FRAG_NEEDED,
        }
    }
}

/// An upper protocol (`struct net_protocol`, `struct inet6_protocol`).
#[derive(Clone, Copy)]
pub struct NetProtocol {
    /// Receives a packet: data is at the transport header, the network header is set.
    pub handler: fn(&BhCx<'_, '_>, Skb),
    /// Learns of an ICMP error about a packet of its own.
    pub err_handler: Option<fn(&BhCx<'_, '_>, &IcmpError<'_>)>,
    /// The protocol does its own policy check (`no_policy`); there is no policy to check yet.
    pub no_policy: bool,
}

/// Which family a registration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Gives raw sockets their copies of a packet (`raw_local_deliver`, `raw6_local_deliver`): the
/// network header is set and data is at the transport header; true when a socket took one.
pub type RawDeliver = fn(&BhCx<'_, '_>, &Skb, u8) -> bool;
/// Tells raw or ping sockets of an ICMP error (`raw_icmp_error`, `ping_err`).
pub type ErrorHook = fn(&BhCx<'_, '_>, &IcmpError<'_>);
/// Gives an echo reply to ping sockets (`ping_rcv`); data is at the ICMP header. Gives the packet
/// back when no socket wanted it.
pub type PingReceive = fn(&BhCx<'_, '_>, Skb) -> core::result::Result<(), Skb>;

/// The tables.
pub struct Protocols {
    v4: [OnceLock<NetProtocol>; 256],
    v6: [OnceLock<NetProtocol>; 256],
    /// Raw sockets of IPv4.
    pub raw: OnceLock<RawDeliver>,
    /// Raw sockets of IPv6.
    pub raw6: OnceLock<RawDeliver>,
    /// Raw sockets of both, errors.
    pub raw_err: OnceLock<ErrorHook>,
    /// Ping sockets of both, echo replies.
    pub ping: OnceLock<PingReceive>,
    /// Ping sockets of both, errors.
    pub ping_err: OnceLock<ErrorHook>,
}

impl Default for Protocols {
    fn default() -> Self {
        Protocols {
            v4: [const { OnceLock::new() }; 256],
            v6: [const { OnceLock::new() }; 256],
            raw: OnceLock::new(),
            raw6: OnceLock::new(),
            raw_err: OnceLock::new(),
            ping: OnceLock::new(),
            ping_err: OnceLock::new(),
        }
    }
}

impl Protocols {
    /// Who receives `protocol`.
    #[inline]
    pub fn get(&self, family: Family, protocol: u8) -> Option<&NetProtocol> {
        let table = match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        table[usize::from(protocol)].get()
    }
}

/// Registers an upper protocol (`inet_add_protocol`, `inet6_add_protocol`); `EEXIST` when the number
/// is taken.
pub fn add(net: &Net, family: Family, protocol: u8, handler: NetProtocol) -> Result<()> {
    let protocols = &crate::IpNet::of(net).protocols;
    let table = match family {
        Family::V4 => &protocols.v4,
        Family::V6 => &protocols.v6,
    };
    table[usize::from(protocol)].set(handler).map_err(|_| Errno::EEXIST)
}
