//! `linux/in.h`: IP protocol numbers, the options of `SOL_IP`, multicast requests.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi! {
    /// Protocols above IP, and the extension headers of IPv6.
    IPPROTOS: i32 {
        IPPROTO_IP = 0, "Any protocol of the type.";
        IPPROTO_ICMP = 1, "ICMP.";
        IPPROTO_IGMP = 2, "IGMP.";
        IPPROTO_IPIP = 4, "IPv4 in IP.";
        IPPROTO_TCP = 6, "TCP.";
        IPPROTO_EGP = 8, "EGP.";
        IPPROTO_PUP = 12, "PUP.";
        IPPROTO_UDP = 17, "UDP.";
        IPPROTO_IDP = 22, "XNS IDP.";
        IPPROTO_TP = 29, "ISO transport class 4.";
        IPPROTO_DCCP = 33, "DCCP.";
        IPPROTO_IPV6 = 41, "IPv6 in IP.";
        IPPROTO_ROUTING = 43, "IPv6 routing header.";
        IPPROTO_FRAGMENT = 44, "IPv6 fragment header.";
        IPPROTO_RSVP = 46, "RSVP.";
        IPPROTO_GRE = 47, "GRE.";
        IPPROTO_ESP = 50, "IPsec payload.";
        IPPROTO_AH = 51, "IPsec authentication.";
        IPPROTO_ICMPV6 = 58, "ICMPv6.";
        IPPROTO_NONE = 59, "IPv6: nothing follows.";
        IPPROTO_DSTOPTS = 60, "IPv6 destination options.";
        IPPROTO_MTP = 92, "Multicast transport.";
        IPPROTO_BEETPH = 94, "IPsec BEET pseudo-header.";
        IPPROTO_ENCAP = 98, "Encapsulation.";
        IPPROTO_PIM = 103, "PIM.";
        IPPROTO_COMP = 108, "IP payload compression.";
        IPPROTO_L2TP = 115, "L2TP.";
        IPPROTO_SCTP = 132, "SCTP.";
        IPPROTO_MH = 135, "IPv6 mobility header.";
        IPPROTO_UDPLITE = 136, "UDP-Lite.";
        IPPROTO_MPLS = 137, "MPLS in IP.";
        IPPROTO_ETHERNET = 143, "Ethernet in IPv6.";
        IPPROTO_AGGFRAG = 144, "IP-TFS.";
        IPPROTO_RAW = 255, "Raw: the caller writes the header.";
        IPPROTO_SMC = 256, "Shared memory communications.";
        IPPROTO_MPTCP = 262, "Multipath TCP.";
    }
}

/// IPv6 hop-by-hop options (`IPPROTO_HOPOPTS`), the same number as [`IPPROTO_IP`].
pub const IPPROTO_HOPOPTS: i32 = 0;
/// One past the last protocol (`IPPROTO_MAX`).
pub const IPPROTO_MAX: i32 = 263;

abi! {
    /// Options of `SOL_IP` (`ip(7)`).
    IP_OPTIONS_TABLE: i32 {
        IP_TOS = 1, "Type of service.";
        IP_TTL = 2, "Time to live.";
        IP_HDRINCL = 3, "Raw: the caller writes the header.";
        IP_OPTIONS = 4, "Header options of packets sent.";
        IP_ROUTER_ALERT = 5, "Raw: receive packets with the router alert.";
        IP_RECVOPTS = 6, "Receive header options.";
        IP_RETOPTS = 7, "Receive header options, ready to reply.";
        IP_PKTINFO = 8, "Receive interface and addresses.";
        IP_PKTOPTIONS = 9, "Get: control messages of a stream.";
        IP_MTU_DISCOVER = 10, "Path MTU discovery mode.";
        IP_RECVERR = 11, "Errors go to the error queue.";
        IP_RECVTTL = 12, "Receive the time to live.";
        IP_RECVTOS = 13, "Receive the type of service.";
        IP_MTU = 14, "Get: the path MTU.";
        IP_FREEBIND = 15, "Bind to an address not ours.";
        IP_IPSEC_POLICY = 16, "IPsec policy.";
        IP_XFRM_POLICY = 17, "IPsec policy.";
        IP_PASSSEC = 18, "Receive the security context.";
        IP_TRANSPARENT = 19, "Transparent proxy.";
        IP_ORIGDSTADDR = 20, "Receive the original destination.";
        IP_MINTTL = 21, "Least time to live accepted.";
        IP_NODEFRAG = 22, "Raw: do not reassemble.";
        IP_CHECKSUM = 23, "Receive the checksum.";
        IP_BIND_ADDRESS_NO_PORT = 24, "Choose the port at connect.";
        IP_RECVFRAGSIZE = 25, "Receive the largest fragment's size.";
        IP_RECVERR_RFC4884 = 26, "Errors with RFC 4884 extensions.";
        IP_MULTICAST_IF = 32, "Interface of multicast sent.";
        IP_MULTICAST_TTL = 33, "Time to live of multicast sent.";
        IP_MULTICAST_LOOP = 34, "Multicast sent comes back.";
        IP_ADD_MEMBERSHIP = 35, "Join a group.";
        IP_DROP_MEMBERSHIP = 36, "Leave a group.";
        IP_UNBLOCK_SOURCE = 37, "Accept a source again.";
        IP_BLOCK_SOURCE = 38, "Refuse a source.";
        IP_ADD_SOURCE_MEMBERSHIP = 39, "Join a group for one source.";
        IP_DROP_SOURCE_MEMBERSHIP = 40, "Leave it for one source.";
        IP_MSFILTER = 41, "The whole source filter.";
        MCAST_JOIN_GROUP = 42, "Join a group, by sockaddr.";
        MCAST_BLOCK_SOURCE = 43, "Refuse a source, by sockaddr.";
        MCAST_UNBLOCK_SOURCE = 44, "Accept a source again, by sockaddr.";
        MCAST_LEAVE_GROUP = 45, "Leave a group, by sockaddr.";
        MCAST_JOIN_SOURCE_GROUP = 46, "Join for one source, by sockaddr.";
        MCAST_LEAVE_SOURCE_GROUP = 47, "Leave for one source, by sockaddr.";
        MCAST_MSFILTER = 48, "The whole source filter, by sockaddr.";
        IP_MULTICAST_ALL = 49, "Receive every group the host joined.";
        IP_UNICAST_IF = 50, "Interface of unicast sent.";
        IP_LOCAL_PORT_RANGE = 51, "Range of ephemeral ports.";
        IP_PROTOCOL = 52, "Get: the protocol.";
    }
}

/// Another name of [`IP_RETOPTS`].
pub const IP_RECVRETOPTS: i32 = IP_RETOPTS;
/// Another name of [`IP_ORIGDSTADDR`].
pub const IP_RECVORIGDSTADDR: i32 = IP_ORIGDSTADDR;

abi! {
    /// Values of `IP_MTU_DISCOVER`.
    IP_PMTUDISC: i32 {
        IP_PMTUDISC_DONT = 0, "Never set DF.";
        IP_PMTUDISC_WANT = 1, "Use the route's hint.";
        IP_PMTUDISC_DO = 2, "Always set DF.";
        IP_PMTUDISC_PROBE = 3, "Set DF and ignore the path MTU.";
        IP_PMTUDISC_INTERFACE = 4, "Interface MTU, DF clear, no probing.";
        IP_PMTUDISC_OMIT = 5, "As INTERFACE, but fragment.";
    }
}

/// Source filter excludes (`MCAST_EXCLUDE`).
pub const MCAST_EXCLUDE: i32 = 0;
/// Source filter includes (`MCAST_INCLUDE`).
pub const MCAST_INCLUDE: i32 = 1;
/// `IP_MULTICAST_TTL`'s default.
pub const IP_DEFAULT_MULTICAST_TTL: i32 = 1;
/// `IP_MULTICAST_LOOP`'s default.
pub const IP_DEFAULT_MULTICAST_LOOP: i32 = 1;
/// The first port an unprivileged program may bind (`PROT_SOCK`).
pub const PROT_SOCK: u16 = 1024;

/// `struct ip_mreqn`; a `struct ip_mreq` is its first 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IpMreqn {
    /// The group.
    pub multiaddr: [u8; 4],
    /// The interface's address.
    pub address: [u8; 4],
    /// The interface's index.
    pub ifindex: i32,
}

/// `struct ip_mreq_source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IpMreqSource {
    /// The group.
    pub multiaddr: [u8; 4],
    /// The interface's address.
    pub interface: [u8; 4],
    /// The source.
    pub sourceaddr: [u8; 4],
}

/// `struct in_pktinfo`: interface and addresses of a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct InPktinfo {
    /// Interface index.
    pub ifindex: i32,
    /// Local address (source when sending).
    pub spec_dst: [u8; 4],
    /// Destination in the header.
    pub addr: [u8; 4],
}

/// Fixed start of `struct ip_msfilter`; the sources follow, 4 bytes each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IpMsfilter {
    /// The group.
    pub multiaddr: [u8; 4],
    /// The interface's address.
    pub interface: [u8; 4],
    /// [`MCAST_INCLUDE`] or [`MCAST_EXCLUDE`].
    pub fmode: u32,
    /// How many sources follow.
    pub numsrc: u32,
}

/// `struct group_req`, 136 bytes: an interface and a group, by sockaddr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GroupReq {
    /// Interface index.
    pub interface: u32,
    /// Padding.
    pub pad: u32,
    /// The group's sockaddr.
    pub group: [u8; 128],
}

/// `struct group_source_req`, 264 bytes: an interface, a group and a source, by sockaddr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GroupSourceReq {
    /// Interface index.
    pub interface: u32,
    /// Padding.
    pub pad: u32,
    /// The group's sockaddr.
    pub group: [u8; 128],
    /// The source's sockaddr.
    pub source: [u8; 128],
}

/// Fixed start of `struct group_filter`, 144 bytes; the sources follow, 128 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct GroupFilter {
    /// Interface index.
    pub interface: u32,
    /// Padding.
    pub pad: u32,
    /// The group's sockaddr.
    pub group: [u8; 128],
    /// [`MCAST_INCLUDE`] or [`MCAST_EXCLUDE`].
    pub fmode: u32,
    /// How many sources follow.
    pub numsrc: u32,
}
