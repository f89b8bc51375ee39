//! What a socket of the internet families keeps: `struct inet_sock` and `struct ipv6_pinfo`.
//!
//! [`InetSock`] lies behind the socket lock. [`InetShared`] holds what is also read without it: by
//! receivers that do not take the lock, by softirq, and by those who list sockets.

use crate::mcast::SockGroup;
use crate::output::cork::Cork;
use crate::v4::options::IpOptions;
use crate::v6::txopt::TxOptions;
use kern::rarely::{AtRest, Rarely};
use kern::sync::SpinLock;
use net::Dst;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use uapi::{In6Pktinfo, InetAddr};

const AF_INET: u16 = uapi::AF_INET as u16;
const AF_INET6: u16 = uapi::AF_INET6 as u16;

/// A protocol whose sockets speak IP.
pub trait InetProto: net::Proto {
    /// The IP part of the state.
    fn inet(st: &Self::State) -> &InetSock;
    /// The IP part of the state.
    fn inet_mut(st: &mut Self::State) -> &mut InetSock;
    /// The IP part that is read without the lock.
    fn inet_shared(shared: &Self::Shared) -> &InetShared;
    /// `connect()` has returned, and goes on with the first write (`DEFER_CONNECT`).
    fn connect_is_deferred(_: &Self::State) -> bool {
        false
    }
    /// One more, or one less, waits for a connection to send on it (`sk_write_pending`).
    fn write_pending(_: &mut Self::State, _waits: bool) {}
}

/// `struct inet_sock` with `struct ipv6_pinfo`: behind the socket lock. Addresses of an IPv4 socket
/// are IPv4; those of an IPv6 socket are v4-mapped (the same value) when it speaks IPv4.
pub struct InetSock {
    /// `AF_INET` or `AF_INET6` (`sk_family`).
    pub family: u16,
    /// The peer, or unspecified (`inet_daddr`, `sk_v6_daddr`).
    pub daddr: InetAddr,
    /// The bound address packets must be for, or unspecified (`inet_rcv_saddr`, `sk_v6_rcv_saddr`).
    pub rcv_saddr: InetAddr,
    /// The source of packets sent (`inet_saddr`, `np->saddr`).
    pub saddr: InetAddr,
    /// The local port, host order; of a raw socket, its protocol (`inet_num`).
    pub num: u16,
    /// The local port as `getsockname()` shows it once `num` is given back (`inet_sport`), host order.
    pub sport: u16,
    /// The peer's port, host order (`inet_dport`).
    pub dport: u16,
    /// The route to the peer (`sk_dst_cache`); stale when [`Dst::is_current`] says so.
    pub dst: Option<Arc<Dst>>,
    /// The next identification of a connected socket's packets (`inet_id`).
    pub id: u16,
    /// `IP_TOS` (`tos`).
    pub tos: u8,
    /// `IP_TTL`, -1 for the default (`uc_ttl`).
    pub uc_ttl: i16,
    /// `IP_MULTICAST_TTL` (`mc_ttl`).
    pub mc_ttl: u8,
    /// `IP_MULTICAST_LOOP` (`mc_loop`).
    pub mc_loop: bool,
    /// `IP_MULTICAST_IF`, the interface (`mc_index`).
    pub mc_index: u32,
    /// `IP_MULTICAST_IF`, the address (`mc_addr`).
    pub mc_addr: Ipv4Addr,
    /// `IP_UNICAST_IF` (`uc_index`).
    pub uc_index: u32,
    /// `IP_MTU_DISCOVER` (`pmtudisc`).
    pub pmtudisc: u8,
    /// `IP_HDRINCL` (`hdrincl`).
    pub hdrincl: bool,
    /// `IP_NODEFRAG` (`nodefrag`).
    pub nodefrag: bool,
    /// `IP_FREEBIND`, `IPV6_FREEBIND` (`freebind`).
    pub freebind: bool,
    /// `IP_TRANSPARENT`, `IPV6_TRANSPARENT` (`transparent`).
    pub transparent: bool,
    /// `IP_BIND_ADDRESS_NO_PORT` (`bind_address_no_port`).
    pub bind_address_no_port: bool,
    /// The socket is connection-oriented: a `struct inet_connection_sock` (`is_icsk`).
    pub is_icsk: bool,
    /// `IP_LOCAL_PORT_RANGE`: low in the low half, high in the high half, 0 for none; see
    /// [`crate::ports::Ports::sk_range`] (`local_port_range`).
    pub local_port_range: u32,
    /// `IP_OPTIONS` (`inet_opt`).
    pub options: Option<Arc<IpOptions>>,
    /// A datagram being built from many sends (`cork`).
    pub cork: Option<Box<Cork>>,
    /// What only IPv6 has.
    pub v6: Rarely<Ipv6Sock>,
    /// `IPV6_V6ONLY` (`sk_ipv6only`).
    pub v6only: bool,
}

/// `struct ipv6_pinfo`.
#[derive(Clone)]
pub struct Ipv6Sock {
    /// `IPV6_UNICAST_HOPS`, -1 for the default (`hop_limit`).
    pub hop_limit: i16,
    /// `IPV6_MULTICAST_HOPS`, -1 for the default, which is 1 (`mcast_hops`).
    pub mcast_hops: i16,
    /// `IPV6_MULTICAST_LOOP` (`mc_loop`).
    pub mc_loop: bool,
    /// `IPV6_MULTICAST_IF` (`mcast_oif`).
    pub mcast_oif: u32,
    /// `IPV6_UNICAST_IF` (`ucast_oif`).
    pub ucast_oif: u32,
    /// `IPV6_TCLASS` (`tclass`).
    pub tclass: u8,
    /// `IPV6_MTU_DISCOVER` (`pmtudisc`).
    pub pmtudisc: u8,
    /// `IPV6_DONTFRAG` (`dontfrag`).
    pub dontfrag: bool,
    /// `IPV6_MTU`, 0 for none (`frag_size`).
    pub frag_size: u32,
    /// The peer's flow label and class, as `sin6_flowinfo`, host order (`flow_label`).
    pub flow_label: u32,
    /// `IPV6_FLOWINFO_SEND` (`sndflow`).
    pub sndflow: bool,
    /// `IPV6_AUTOFLOWLABEL`; `None` for the namespace's default (`autoflowlabel`).
    pub autoflowlabel: Option<bool>,
    /// Replies repeat the peer's flow label (`repflow`).
    pub repflow: bool,
    /// `IPV6_ADDR_PREFERENCES` (`srcprefs`).
    pub srcprefs: u32,
    /// `IPV6_PKTINFO`: source address and interface for every packet (`sticky_pktinfo`).
    pub sticky_pktinfo: In6Pktinfo,
    /// Sticky extension headers (`opt`).
    pub opt: Option<Arc<TxOptions>>,
    /// A scope id that `connect()` or `bind()` gave with a link-local address.
    pub scope_id: u32,
}

impl Default for InetSock {
    fn default() -> Self {
        InetSock {
            family: AF_INET,
            daddr: InetAddr::UNSPECIFIED_V4,
            rcv_saddr: InetAddr::UNSPECIFIED_V4,
            saddr: InetAddr::UNSPECIFIED_V4,
            num: 0,
            sport: 0,
            dport: 0,
            dst: None,
            id: 0,
            tos: 0,
            uc_ttl: -1,
            mc_ttl: 1,
            mc_loop: true,
            mc_index: 0,
            mc_addr: Ipv4Addr::UNSPECIFIED,
            uc_index: 0,
            pmtudisc: uapi::IP_PMTUDISC_WANT as u8,
            hdrincl: false,
            nodefrag: false,
            freebind: false,
            transparent: false,
            bind_address_no_port: false,
            is_icsk: false,
            local_port_range: 0,
            options: None,
            cork: None,
            v6: Rarely::default(),
            v6only: false,
        }
    }
}

impl AtRest for Ipv6Sock {
    const AT_REST: &'static Ipv6Sock = &Ipv6Sock::NEW;
}

impl Default for Ipv6Sock {
    fn default() -> Self {
        Ipv6Sock::NEW
    }
}

impl Ipv6Sock {
    const NEW: Ipv6Sock = Ipv6Sock {
        hop_limit: -1,
        mcast_hops: -1,
        mc_loop: true,
        mcast_oif: 0,
        ucast_oif: 0,
        tclass: 0,
        pmtudisc: uapi::IPV6_PMTUDISC_WANT as u8,
        dontfrag: false,
        frag_size: 0,
        flow_label: 0,
        sndflow: false,
        autoflowlabel: None,
        repflow: false,
        srcprefs: 0,
        sticky_pktinfo: In6Pktinfo { addr: [0; 16], ifindex: 0 },
        opt: None,
        scope_id: 0,
    };
}

impl InetSock {
    /// What differs in a new socket of `family` in `net` from the defaults (`inet_create`,
    /// `inet6_create`).
    #[inline]
    pub fn init(&mut self, net: &net::Net, family: u16) {
        self.family = family;
        if family == AF_INET6 {
            self.daddr = InetAddr::UNSPECIFIED_V6;
            self.rcv_saddr = InetAddr::UNSPECIFIED_V6;
            self.saddr = InetAddr::UNSPECIFIED_V6;
        }
        let sysctl = &crate::IpNet::of(net).sysctl;
        if sysctl.ip_no_pmtu_disc.load(Relaxed) != 0 {
            self.pmtudisc = uapi::IP_PMTUDISC_DONT as u8;
        }
        self.v6only = sysctl.bindv6only.load(Relaxed) != 0;
    }

    /// A child of a listener takes its settings; addresses, ports and the route are its own
    /// (`sk_clone_lock`, `inet_csk_clone_lock`).
    pub fn inherit(&mut self, listener: &InetSock) {
        let InetSock {
            family,
            daddr: _,
            rcv_saddr: _,
            saddr: _,
            num: _,
            sport: _,
            dport: _,
            dst: _,
            id: _,
            tos,
            uc_ttl,
            mc_ttl,
            mc_loop,
            mc_index,
            mc_addr,
            uc_index,
            pmtudisc,
            hdrincl,
            nodefrag,
            freebind,
            transparent,
            bind_address_no_port,
            is_icsk,
            local_port_range,
            ref options,
            cork: _,
            ref v6,
            v6only,
        } = *listener;
        (self.family, self.is_icsk, self.local_port_range) = (family, is_icsk, local_port_range);
        (self.tos, self.uc_ttl, self.mc_ttl, self.mc_loop) = (tos, uc_ttl, mc_ttl, mc_loop);
        (self.mc_index, self.mc_addr, self.uc_index) = (mc_index, mc_addr, uc_index);
        (self.pmtudisc, self.hdrincl, self.nodefrag) = (pmtudisc, hdrincl, nodefrag);
        (self.freebind, self.transparent, self.bind_address_no_port) =
            (freebind, transparent, bind_address_no_port);
        self.options.clone_from(options);
        self.v6 = v6.clone();
        self.v6only = v6only;
    }

    /// Sets the traffic class, if it is another.
    pub fn set_tclass(&mut self, tclass: u8) {
        if self.v6.tclass != tclass {
            self.v6.tclass = tclass;
        }
    }

    /// The unspecified address of the socket's family.
    #[inline]
    pub fn any(&self) -> InetAddr {
        if self.family == AF_INET6 { InetAddr::UNSPECIFIED_V6 } else { InetAddr::UNSPECIFIED_V4 }
    }

    /// True for a socket of the IPv6 family (`sk->sk_family == AF_INET6`), whatever it speaks.
    #[inline]
    pub fn is_inet6(&self) -> bool {
        self.family == AF_INET6
    }

    /// True when it is bound or connected so that it can only speak IPv4.
    #[inline]
    pub fn speaks_v4(&self) -> bool {
        self.family != AF_INET6 || self.daddr.is_v4() || self.rcv_saddr.is_v4()
    }

    /// The route to the peer, unless the tables changed since (`__sk_dst_check`).
    #[inline]
    pub fn dst(&self, net: &net::Net) -> Option<&Arc<Dst>> {
        self.dst.as_ref().filter(|dst| dst.is_current(net))
    }
}

/// Settings that receivers read without the lock: bits of [`InetShared::flags`].
#[allow(missing_docs, reason = "each names its option")]
pub mod shared_flag {
    pub const RECVERR: u32 = 1;
    pub const RECVERR6: u32 = 1 << 1;
    pub const RECVERR_RFC4884: u32 = 1 << 2;
    pub const RECVERR6_RFC4884: u32 = 1 << 3;
    /// `IP_MULTICAST_ALL` is off.
    pub const MC_NOT_ALL: u32 = 1 << 4;
    /// `IPV6_MULTICAST_ALL` is off.
    pub const MC6_NOT_ALL: u32 = 1 << 5;
    pub const V6ONLY: u32 = 1 << 6;
    pub const FREEBIND: u32 = 1 << 7;
    pub const TRANSPARENT: u32 = 1 << 8;
    pub const RECVPATHMTU: u32 = 1 << 9;
    pub const HDRINCL: u32 = 1 << 10;
    pub const NODEFRAG: u32 = 1 << 11;
    pub const ROUTER_ALERT: u32 = 1 << 12;
}

/// What is read without the socket lock.
#[derive(Default)]
pub struct InetShared {
    /// Which control messages a receiver wants, IPv4 (`cmsg_flags`, `IP_CMSG_*`).
    pub cmsg_flags: AtomicU32,
    /// Which control messages a receiver wants, IPv6 (`np->rxopt`).
    pub rxopt: AtomicU32,
    /// [`shared_flag`] bits.
    pub flags: AtomicU32,
    /// `IP_MINTTL` (`min_ttl`).
    pub min_ttl: AtomicU8,
    /// `IPV6_MINHOPCOUNT` (`min_hopcount`).
    pub min_hopcount: AtomicU8,
    /// Groups the socket joined, both families (`mc_list`, `ipv6_mc_list`).
    pub groups: SpinLock<Vec<SockGroup>>,
    /// How many groups there are, so that nobody takes the lock for none.
    pub nr_groups: AtomicU32,
    names: Names,
}

/// Addresses and ports as others see them: a copy, made by [`InetShared::publish`].
#[derive(Default)]
struct Names {
    words: [AtomicU64; 4],
    num: AtomicU16,
    dport: AtomicU16,
}

/// A socket's addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SockNames {
    /// The bound address.
    pub rcv_saddr: InetAddr,
    /// The peer.
    pub daddr: InetAddr,
    /// The local port, host order.
    pub num: u16,
    /// The peer's port, host order.
    pub dport: u16,
}

/// Back from [`InetAddr::words`].
fn from_words(hi: u64, lo: u64) -> InetAddr {
    InetAddr::v6(std::net::Ipv6Addr::from_bits(u128::from(hi) << 64 | u128::from(lo)))
}

impl InetShared {
    /// True when a [`shared_flag`] is set.
    #[inline]
    pub fn flag(&self, flag: u32) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    /// Sets or clears a [`shared_flag`].
    pub fn set_flag(&self, flag: u32, on: bool) {
        if on {
            self.flags.fetch_or(flag, Relaxed);
        } else {
            self.flags.fetch_and(!flag, Relaxed);
        }
    }

    /// A child of a listener takes what the listener wants of its packets; groups stay with the
    /// listener.
    pub fn inherit(&self, listener: &InetShared) {
        self.cmsg_flags.store(listener.cmsg_flags.load(Relaxed), Relaxed);
        self.rxopt.store(listener.rxopt.load(Relaxed), Relaxed);
        self.flags.store(listener.flags.load(Relaxed), Relaxed);
        self.min_ttl.store(listener.min_ttl.load(Relaxed), Relaxed);
        self.min_hopcount.store(listener.min_hopcount.load(Relaxed), Relaxed);
    }

    /// Shows the socket's addresses and ports to those who do not take its lock. To be called when
    /// they changed.
    pub fn publish(&self, inet: &InetSock) {
        self.show(inet.rcv_saddr, inet.daddr, inet.num, inet.dport);
    }

    fn show(&self, rcv_saddr: InetAddr, daddr: InetAddr, num: u16, dport: u16) {
        let ((a, b), (c, d)) = (rcv_saddr.words(), daddr.words());
        for (word, value) in self.names.words.iter().zip([a, b, c, d]) {
            word.store(value, Relaxed);
        }
        self.names.num.store(num, Relaxed);
        self.names.dport.store(dport, Relaxed);
    }

    /// The local port that was published last, 0 for none.
    #[inline]
    pub fn num(&self) -> u16 {
        self.names.num.load(Relaxed)
    }

    /// What was published last. Not atomic: during `bind()` or `connect()` a mixture may be seen.
    #[inline]
    pub fn names(&self) -> SockNames {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i: usize| self.names.words[i].load(Relaxed));
        SockNames {
            rcv_saddr: from_words(a, b),
            daddr: from_words(c, d),
            num: self.names.num.load(Relaxed),
            dport: self.names.dport.load(Relaxed),
        }
    }

    /// Back to a fresh state, for the next user of the object.
    pub fn reset(&mut self) {
        *self = InetShared::default();
    }

    /// As [`InetShared::reset`], for an object that is only shared: every field by itself.
    pub fn clear(&self) {
        for zero in [&self.cmsg_flags, &self.rxopt, &self.flags] {
            zero.store(0, Relaxed);
        }
        self.min_ttl.store(0, Relaxed);
        self.min_hopcount.store(0, Relaxed);
        if self.nr_groups.load(Relaxed) != 0 {
            self.nr_groups.store(0, Relaxed);
            self.groups.lock().clear();
        }
        self.show(InetAddr::UNSPECIFIED_V4, InetAddr::UNSPECIFIED_V4, 0, 0);
    }
}
