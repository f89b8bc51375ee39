//! What the internet families keep with a namespace, and how they join one.

use crate::family::Inet;
use crate::ops;
use crate::protosw::{ProtoSw, SwFlags, Switch};
use net::Net;
use net::netns::{Pernet, Slot};
use raw::{Ping, Raw};
use tcp::Tcp;
use uapi::{AF_INET, AF_INET6, Result};
use uapi::{
    IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IP, IPPROTO_MPTCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE,
    SOCK_DGRAM, SOCK_RAW, SOCK_STREAM,
};
use udp::Udp;

/// The protocol switches of a namespace.
pub struct InetNet {
    /// `inetsw`.
    pub v4: Switch,
    /// `inetsw6`.
    pub v6: Switch,
}

impl Pernet for InetNet {
    const SLOT: Slot = Slot::Inet;
}

impl InetNet {
    /// The internet families' part of `net`.
    #[inline]
    pub fn of(net: &Net) -> &InetNet {
        net.generic()
    }

    /// The switch of `AF_INET` or `AF_INET6`.
    #[inline]
    pub fn switch(&self, family: u16) -> &Switch {
        if i32::from(family) == AF_INET6 { &self.v6 } else { &self.v4 }
    }
}

const STREAM: u16 = SOCK_STREAM as u16;
const DGRAM: u16 = SOCK_DGRAM as u16;
const RAW: u16 = SOCK_RAW as u16;
/// TCP's entries cannot be overridden.
const CONNECTED: SwFlags = SwFlags::PERMANENT.union(SwFlags::ICSK);

/// `inetsw_array`, with what else registers itself at start. Multipath TCP is there as towards a
/// peer that does not know it: it falls back to TCP (RFC 8684 section 3.7).
static INETSW: [ProtoSw; 6] = [
    ProtoSw::new::<Tcp>(STREAM, IPPROTO_TCP as u16, &ops::INET_STREAM, CONNECTED),
    ProtoSw::new::<Tcp>(STREAM, IPPROTO_MPTCP as u16, &ops::INET_STREAM, SwFlags::ICSK),
    ProtoSw::new::<Udp>(DGRAM, IPPROTO_UDP as u16, &ops::INET_DGRAM, SwFlags::PERMANENT),
    ProtoSw::new::<Udp>(DGRAM, IPPROTO_UDPLITE as u16, &ops::INET_DGRAM, SwFlags::PERMANENT),
    ProtoSw::new::<Ping>(DGRAM, IPPROTO_ICMP as u16, &ops::INET_PING, SwFlags::REUSE),
    ProtoSw::new::<Raw>(RAW, IPPROTO_IP as u16, &ops::INET_SOCKRAW, SwFlags::REUSE),
];

/// The same for IPv6.
static INETSW6: [ProtoSw; 6] = [
    ProtoSw::new::<Tcp>(STREAM, IPPROTO_TCP as u16, &ops::INET6_STREAM, CONNECTED),
    ProtoSw::new::<Tcp>(STREAM, IPPROTO_MPTCP as u16, &ops::INET6_STREAM, SwFlags::ICSK),
    ProtoSw::new::<Udp>(DGRAM, IPPROTO_UDP as u16, &ops::INET6_DGRAM, SwFlags::PERMANENT),
    ProtoSw::new::<Udp>(DGRAM, IPPROTO_UDPLITE as u16, &ops::INET6_DGRAM, SwFlags::PERMANENT),
    ProtoSw::new::<Ping>(DGRAM, IPPROTO_ICMPV6 as u16, &ops::INET6_PING, SwFlags::REUSE),
    ProtoSw::new::<Raw>(RAW, IPPROTO_IP as u16, &ops::INET6_SOCKRAW, SwFlags::REUSE),
];

/// Gives a namespace `AF_INET` and `AF_INET6` (`inet_init`, `inet6_init`): the protocol
/// switches and the families. After [`ip::attach`] and the transport protocols' own; `EEXIST` the
/// second time.
pub fn init(net: &Net) -> Result<()> {
    net.set_generic(InetNet { v4: Switch::new(&INETSW), v6: Switch::new(&INETSW6) })?;
    net.families.register(Inet::new(AF_INET))?;
    net.families.register(Inet::new(AF_INET6))
}
