//! What the IP rooms keep with a namespace (`struct netns_ipv4`, `struct netns_ipv6`).

use crate::fib::Fib;
use crate::frag::Frags;
use crate::icmp::IcmpState;
use crate::protocol::Protocols;
use crate::route::pmtu::Exceptions;
use crate::sysctl::IpSysctl;
use crate::v4::ident::Idents;
use kern::timer::TimerSlot;
use net::Net;
use net::netns::{Pernet, Slot};
use std::sync::Arc;
use uapi::Result;

/// The IP rooms' part of a namespace, both families.
pub struct IpNet {
    /// Routing tables and rules.
    pub fib: Fib,
    /// Upper protocols and hooks of raw and ping sockets.
    pub protocols: Protocols,
    /// `net.ipv4.*` and `net.ipv6.*`.
    pub sysctl: IpSysctl,
    /// Fragments that wait for the rest of their packets. Timers point at it.
    pub frags: Arc<Frags>,
    /// Learned path MTUs (`struct fib_nh_exception`, `rt6_exception`).
    pub(crate) exceptions: Exceptions,
    pub(crate) pmtu_timer: TimerSlot,
    pub(crate) idents: Idents,
    pub(crate) icmp: IcmpState,
}

impl Pernet for IpNet {
    const SLOT: Slot = Slot::Ip;
}

impl IpNet {
    /// The IP rooms' part of `net`.
    #[inline]
    pub fn of(net: &Net) -> &IpNet {
        net.generic()
    }
}

/// Gives a namespace IPv4 and IPv6: tables, sysctls, packet types and ICMP (`inet_init`, `inet6_init`).
/// Before any device gets an address; `EEXIST` the second time.
pub fn attach(net: &Net) -> Result<()> {
    net.set_generic(IpNet {
        fib: Fib::default(),
        protocols: Protocols::default(),
        sysctl: IpSysctl::default(),
        frags: Arc::default(),
        exceptions: Exceptions::default(),
        pmtu_timer: TimerSlot::default(),
        idents: Idents::new(&net.rng),
        icmp: IcmpState::new(&net.rng),
    })?;
    net.dev.on_unregister(crate::addr::dev_gone)?;
    crate::ports::register(net)?;
    crate::sysctl::register(net)?;
    crate::icmp::register(net)?;
    crate::icmp6::register(net)?;
    net.add_packet_type(uapi::ETH_P_IP, crate::v4::input::rcv)?;
    net.add_packet_type(uapi::ETH_P_IPV6, crate::v6::input::rcv)
}
