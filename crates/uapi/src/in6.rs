//! `linux/in6.h`: the options of `SOL_IPV6` and their structures.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi! {
    /// Options of `SOL_IPV6` (`ipv6(7)`).
    IPV6_OPTIONS_TABLE: i32 {
        IPV6_ADDRFORM = 1, "Turn a mapped socket into an IPv4 one.";
        IPV6_2292PKTINFO = 2, "RFC 2292 form of `IPV6_RECVPKTINFO`.";
        IPV6_2292HOPOPTS = 3, "RFC 2292 form of `IPV6_RECVHOPOPTS`.";
        IPV6_2292DSTOPTS = 4, "RFC 2292 form of `IPV6_RECVDSTOPTS`.";
        IPV6_2292RTHDR = 5, "RFC 2292 form of `IPV6_RECVRTHDR`.";
        IPV6_2292PKTOPTIONS = 6, "Sticky control messages.";
        IPV6_CHECKSUM = 7, "Raw: where the checksum stands.";
        IPV6_2292HOPLIMIT = 8, "RFC 2292 form of `IPV6_RECVHOPLIMIT`.";
        IPV6_NEXTHOP = 9, "Next hop.";
        IPV6_AUTHHDR = 10, "Authentication header.";
        IPV6_FLOWINFO = 11, "Receive flow information.";
        IPV6_UNICAST_HOPS = 16, "Hop limit of unicast sent.";
        IPV6_MULTICAST_IF = 17, "Interface of multicast sent.";
        IPV6_MULTICAST_HOPS = 18, "Hop limit of multicast sent.";
        IPV6_MULTICAST_LOOP = 19, "Multicast sent comes back.";
        IPV6_JOIN_GROUP = 20, "Join a group.";
        IPV6_LEAVE_GROUP = 21, "Leave a group.";
        IPV6_ROUTER_ALERT = 22, "Raw: receive packets with the router alert.";
        IPV6_MTU_DISCOVER = 23, "Path MTU discovery mode.";
        IPV6_MTU = 24, "Get: the path MTU; set: a limit.";
        IPV6_RECVERR = 25, "Errors go to the error queue.";
        IPV6_V6ONLY = 26, "No IPv4 on this socket.";
        IPV6_JOIN_ANYCAST = 27, "Join an anycast address.";
        IPV6_LEAVE_ANYCAST = 28, "Leave an anycast address.";
        IPV6_MULTICAST_ALL = 29, "Receive every group the host joined.";
        IPV6_ROUTER_ALERT_ISOLATE = 30, "Router alert of this namespace only.";
        IPV6_RECVERR_RFC4884 = 31, "Errors with RFC 4884 extensions.";
        IPV6_FLOWLABEL_MGR = 32, "Flow labels: lease and release.";
        IPV6_FLOWINFO_SEND = 33, "Send the flow label of the address.";
        IPV6_IPSEC_POLICY = 34, "IPsec policy.";
        IPV6_XFRM_POLICY = 35, "IPsec policy.";
        IPV6_HDRINCL = 36, "Raw: the caller writes the header.";
        IPV6_RECVPKTINFO = 49, "Receive interface and address.";
        IPV6_PKTINFO = 50, "Sticky source address and interface.";
        IPV6_RECVHOPLIMIT = 51, "Receive the hop limit.";
        IPV6_HOPLIMIT = 52, "Control message: hop limit.";
        IPV6_RECVHOPOPTS = 53, "Receive hop-by-hop options.";
        IPV6_HOPOPTS = 54, "Sticky hop-by-hop options.";
        IPV6_RTHDRDSTOPTS = 55, "Destination options before the routing header.";
        IPV6_RECVRTHDR = 56, "Receive the routing header.";
        IPV6_RTHDR = 57, "Sticky routing header.";
        IPV6_RECVDSTOPTS = 58, "Receive destination options.";
        IPV6_DSTOPTS = 59, "Sticky destination options.";
        IPV6_RECVPATHMTU = 60, "Receive path MTU changes.";
        IPV6_PATHMTU = 61, "Get: the path MTU.";
        IPV6_DONTFRAG = 62, "Never fragment.";
        IPV6_USE_MIN_MTU = 63, "Use 1280 (not in Linux).";
        IPV6_RECVTCLASS = 66, "Receive the traffic class.";
        IPV6_TCLASS = 67, "Traffic class sent.";
        IPV6_AUTOFLOWLABEL = 70, "Compute flow labels.";
        IPV6_ADDR_PREFERENCES = 72, "Which source addresses to prefer (RFC 5014).";
        IPV6_MINHOPCOUNT = 73, "Least hop limit accepted.";
        IPV6_ORIGDSTADDR = 74, "Receive the original destination.";
        IPV6_TRANSPARENT = 75, "Transparent proxy.";
        IPV6_UNICAST_IF = 76, "Interface of unicast sent.";
        IPV6_RECVFRAGSIZE = 77, "Receive the largest fragment's size.";
        IPV6_FREEBIND = 78, "Bind to an address not ours.";
    }
}

/// Another name of [`IPV6_JOIN_GROUP`].
pub const IPV6_ADD_MEMBERSHIP: i32 = IPV6_JOIN_GROUP;
/// Another name of [`IPV6_LEAVE_GROUP`].
pub const IPV6_DROP_MEMBERSHIP: i32 = IPV6_LEAVE_GROUP;
/// Another name of [`IPV6_ORIGDSTADDR`].
pub const IPV6_RECVORIGDSTADDR: i32 = IPV6_ORIGDSTADDR;

abi! {
    /// Values of `IPV6_MTU_DISCOVER`.
    IPV6_PMTUDISC: i32 {
        IPV6_PMTUDISC_DONT = 0, "Fragment freely.";
        IPV6_PMTUDISC_WANT = 1, "Fragment to the path MTU.";
        IPV6_PMTUDISC_DO = 2, "Never fragment locally.";
        IPV6_PMTUDISC_PROBE = 3, "Ignore the path MTU.";
        IPV6_PMTUDISC_INTERFACE = 4, "Interface MTU only.";
        IPV6_PMTUDISC_OMIT = 5, "As INTERFACE, but fragment.";
    }
}

abi! {
    /// Flags of `IPV6_ADDR_PREFERENCES` (RFC 5014).
    IPV6_PREFER_SRC: u32 {
        IPV6_PREFER_SRC_TMP = 0x1, "Temporary address.";
        IPV6_PREFER_SRC_PUBLIC = 0x2, "Public address.";
        IPV6_PREFER_SRC_COA = 0x4, "Care-of address.";
        IPV6_PREFER_SRC_PUBTMP_DEFAULT = 0x100, "The default between public and temporary.";
        IPV6_PREFER_SRC_HOME = 0x400, "Home address.";
        IPV6_PREFER_SRC_CGA = 0x8, "Cryptographically generated.";
        IPV6_PREFER_SRC_NONCGA = 0x800, "Not cryptographically generated.";
    }
}

abi! {
    u32 {
        IPV6_FLOWINFO_MASK = 0x0FFF_FFFF, "Flow information in host order: class and label (`IPV6_FLOWINFO_MASK`).";
        IPV6_FLOWLABEL_MASK = 0x000F_FFFF, "Flow label in host order (`IPV6_FLOWLABEL_MASK`).";
    }
}

abi! {
    /// Actions of `IPV6_FLOWLABEL_MGR`.
    IPV6_FL_ACTIONS: u8 {
        IPV6_FL_A_GET = 0, "Lease a label.";
        IPV6_FL_A_PUT = 1, "Give it back.";
        IPV6_FL_A_RENEW = 2, "Renew it.";
    }
}

abi! {
    /// Flags of `IPV6_FLOWLABEL_MGR`.
    IPV6_FL_FLAGS: u16 {
        IPV6_FL_F_CREATE = 1, "Create if absent.";
        IPV6_FL_F_EXCL = 2, "Fail if present.";
        IPV6_FL_F_REFLECT = 4, "Reflect the peer's label.";
        IPV6_FL_F_REMOTE = 8, "Get the peer's label.";
    }
}

abi! {
    u8 {
        IPV6_FL_S_NONE = 0, "Share with nobody.";
        IPV6_FL_S_EXCL = 1, "Exclusive.";
        IPV6_FL_S_PROCESS = 2, "Share inside the process.";
        IPV6_FL_S_USER = 3, "Share inside the user.";
        IPV6_FL_S_ANY = 255, "Share with all.";
    }
}

/// `struct ipv6_mreq`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Ipv6Mreq {
    /// The group.
    pub multiaddr: [u8; 16],
    /// The interface's index.
    pub ifindex: i32,
}

/// `struct in6_pktinfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct In6Pktinfo {
    /// Source or destination address.
    pub addr: [u8; 16],
    /// Interface index.
    pub ifindex: i32,
}

/// `struct in6_flowlabel_req`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct In6FlowlabelReq {
    /// Destination.
    pub dst: [u8; 16],
    /// Label, network order.
    pub label: [u8; 4],
    /// One of [`IPV6_FL_ACTIONS`].
    pub action: u8,
    /// Who may share it.
    pub share: u8,
    /// [`IPV6_FL_FLAGS`].
    pub flags: u16,
    /// Seconds until it expires.
    pub expires: u16,
    /// Seconds it lingers.
    pub linger: u16,
    /// Padding.
    pub pad: u32,
}

/// `struct ip6_mtuinfo`, 32 bytes: what `IPV6_PATHMTU` gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Ip6Mtuinfo {
    /// The destination's `sockaddr_in6`.
    pub addr: [u8; 28],
    /// MTU.
    pub mtu: u32,
}
