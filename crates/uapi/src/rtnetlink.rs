//! `linux/rtnetlink.h`: messages, routes, and the multicast groups of `NETLINK_ROUTE`.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi! {
    /// Types of messages (`RTM_*`).
    RTM_TYPES: u16 {
        RTM_NEWLINK = 16, "A link.";
        RTM_DELLINK = 17, "Delete a link.";
        RTM_GETLINK = 18, "Ask for links.";
        RTM_SETLINK = 19, "Change a link.";
        RTM_NEWADDR = 20, "An address.";
        RTM_DELADDR = 21, "Delete an address.";
        RTM_GETADDR = 22, "Ask for addresses.";
        RTM_NEWROUTE = 24, "A route.";
        RTM_DELROUTE = 25, "Delete a route.";
        RTM_GETROUTE = 26, "Ask for routes.";
        RTM_NEWNEIGH = 28, "A neighbour.";
        RTM_DELNEIGH = 29, "Delete a neighbour.";
        RTM_GETNEIGH = 30, "Ask for neighbours.";
        RTM_NEWRULE = 32, "A rule.";
        RTM_DELRULE = 33, "Delete a rule.";
        RTM_GETRULE = 34, "Ask for rules.";
        RTM_NEWQDISC = 36, "A queue.";
        RTM_DELQDISC = 37, "Delete a queue.";
        RTM_GETQDISC = 38, "Ask for queues.";
        RTM_NEWTCLASS = 40, "A traffic class.";
        RTM_DELTCLASS = 41, "Delete a traffic class.";
        RTM_GETTCLASS = 42, "Ask for traffic classes.";
        RTM_NEWTFILTER = 44, "A traffic filter.";
        RTM_DELTFILTER = 45, "Delete a traffic filter.";
        RTM_GETTFILTER = 46, "Ask for traffic filters.";
        RTM_NEWACTION = 48, "A traffic action.";
        RTM_DELACTION = 49, "Delete a traffic action.";
        RTM_GETACTION = 50, "Ask for traffic actions.";
        RTM_NEWPREFIX = 52, "A prefix.";
        RTM_NEWMULTICAST = 56, "A joined group.";
        RTM_DELMULTICAST = 57, "A left group.";
        RTM_GETMULTICAST = 58, "Ask for groups.";
        RTM_NEWANYCAST = 60, "An anycast address.";
        RTM_DELANYCAST = 61, "An anycast address went.";
        RTM_GETANYCAST = 62, "Ask for anycast addresses.";
        RTM_NEWNEIGHTBL = 64, "A neighbour table.";
        RTM_GETNEIGHTBL = 66, "Ask for neighbour tables.";
        RTM_SETNEIGHTBL = 67, "Change a neighbour table.";
        RTM_NEWNDUSEROPT = 68, "Options of a router advertisement.";
        RTM_NEWADDRLABEL = 72, "An address label.";
        RTM_DELADDRLABEL = 73, "Delete an address label.";
        RTM_GETADDRLABEL = 74, "Ask for address labels.";
        RTM_GETDCB = 78, "Ask for data-centre bridging.";
        RTM_SETDCB = 79, "Change it.";
        RTM_NEWNETCONF = 80, "Settings of a family.";
        RTM_DELNETCONF = 81, "Settings went.";
        RTM_GETNETCONF = 82, "Ask for settings.";
        RTM_NEWMDB = 84, "A bridge's group.";
        RTM_DELMDB = 85, "Delete a bridge's group.";
        RTM_GETMDB = 86, "Ask for a bridge's groups.";
        RTM_NEWNSID = 88, "Number of a namespace.";
        RTM_DELNSID = 89, "A number went.";
        RTM_GETNSID = 90, "Ask for a number.";
        RTM_NEWSTATS = 92, "Counters.";
        RTM_GETSTATS = 94, "Ask for counters.";
        RTM_SETSTATS = 95, "Change what is counted.";
        RTM_NEWCACHEREPORT = 96, "A multicast routing upcall.";
        RTM_NEWCHAIN = 100, "A filter chain.";
        RTM_DELCHAIN = 101, "Delete a filter chain.";
        RTM_GETCHAIN = 102, "Ask for filter chains.";
        RTM_NEWNEXTHOP = 104, "A next hop.";
        RTM_DELNEXTHOP = 105, "Delete a next hop.";
        RTM_GETNEXTHOP = 106, "Ask for next hops.";
        RTM_NEWLINKPROP = 108, "A link property.";
        RTM_DELLINKPROP = 109, "Delete a link property.";
        RTM_GETLINKPROP = 110, "Ask for link properties.";
        RTM_NEWVLAN = 112, "A bridge's VLAN.";
        RTM_DELVLAN = 113, "Delete a bridge's VLAN.";
        RTM_GETVLAN = 114, "Ask for a bridge's VLANs.";
        RTM_NEWNEXTHOPBUCKET = 116, "A next-hop bucket.";
        RTM_DELNEXTHOPBUCKET = 117, "Delete a next-hop bucket.";
        RTM_GETNEXTHOPBUCKET = 118, "Ask for next-hop buckets.";
        RTM_NEWTUNNEL = 120, "A tunnel.";
        RTM_DELTUNNEL = 121, "Delete a tunnel.";
        RTM_GETTUNNEL = 122, "Ask for tunnels.";
    }
}

/// The first type (`RTM_BASE`).
pub const RTM_BASE: u16 = 16;
/// The last type (`RTM_MAX`); types come in fours: new, delete, get, set.
pub const RTM_MAX: u16 = 123;

abi! {
    /// Multicast groups (`RTNLGRP_*`).
    RTNL_GROUPS: u32 {
        RTNLGRP_LINK = 1, "Links.";
        RTNLGRP_NOTIFY = 2, "Notices.";
        RTNLGRP_NEIGH = 3, "Neighbours.";
        RTNLGRP_TC = 4, "Traffic control.";
        RTNLGRP_IPV4_IFADDR = 5, "IPv4 addresses.";
        RTNLGRP_IPV4_MROUTE = 6, "IPv4 multicast routes.";
        RTNLGRP_IPV4_ROUTE = 7, "IPv4 routes.";
        RTNLGRP_IPV4_RULE = 8, "IPv4 rules.";
        RTNLGRP_IPV6_IFADDR = 9, "IPv6 addresses.";
        RTNLGRP_IPV6_MROUTE = 10, "IPv6 multicast routes.";
        RTNLGRP_IPV6_ROUTE = 11, "IPv6 routes.";
        RTNLGRP_IPV6_IFINFO = 12, "IPv6 state of links.";
        RTNLGRP_IPV6_PREFIX = 18, "IPv6 prefixes.";
        RTNLGRP_IPV6_RULE = 19, "IPv6 rules.";
        RTNLGRP_ND_USEROPT = 20, "Options of router advertisements.";
        RTNLGRP_DCB = 23, "Data-centre bridging.";
        RTNLGRP_IPV4_NETCONF = 24, "IPv4 settings.";
        RTNLGRP_IPV6_NETCONF = 25, "IPv6 settings.";
        RTNLGRP_MDB = 26, "Bridge groups.";
        RTNLGRP_MPLS_ROUTE = 27, "MPLS routes.";
        RTNLGRP_NSID = 28, "Namespaces.";
        RTNLGRP_MPLS_NETCONF = 29, "MPLS settings.";
        RTNLGRP_IPV4_MROUTE_R = 30, "IPv4 multicast upcalls.";
        RTNLGRP_IPV6_MROUTE_R = 31, "IPv6 multicast upcalls.";
        RTNLGRP_NEXTHOP = 32, "Next hops.";
        RTNLGRP_BRVLAN = 33, "Bridge VLANs.";
        RTNLGRP_MCTP_IFADDR = 34, "MCTP addresses.";
        RTNLGRP_TUNNEL = 35, "Tunnels.";
        RTNLGRP_STATS = 36, "Counters.";
        RTNLGRP_IPV4_MCADDR = 37, "IPv4 groups joined.";
        RTNLGRP_IPV6_MCADDR = 38, "IPv6 groups joined.";
        RTNLGRP_IPV6_ACADDR = 39, "IPv6 anycast addresses.";
    }
}

/// The last group (`RTNLGRP_MAX`).
pub const RTNLGRP_MAX: u32 = 39;

/// `struct rtgenmsg`: only a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RtGenMsg {
    /// `AF_*`
    pub family: u8,
}

/// `struct rtmsg`: a route, 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RtMsg {
    /// `AF_*`
    pub family: u8,
    /// Bits of the destination.
    pub dst_len: u8,
    /// Bits of the source.
    pub src_len: u8,
    /// Type of service.
    pub tos: u8,
    /// Table; 252 (`RT_TABLE_COMPAT`) if it needs `RTA_TABLE`.
    pub table: u8,
    /// `RTPROT_*`
    pub protocol: u8,
    /// `RT_SCOPE_*`
    pub scope: u8,
    /// `RTN_*`
    pub kind: u8,
    /// `RTM_F_*` and `RTNH_F_*`
    pub flags: u32,
}

abi! {
    /// Kinds of routes (`RTN_*`).
    RTN_TYPES: u8 {
        RTN_UNSPEC = 0, "Not said.";
        RTN_UNICAST = 1, "Gateway or direct.";
        RTN_LOCAL = 2, "Accept here.";
        RTN_BROADCAST = 3, "Accept as broadcast, send as broadcast.";
        RTN_ANYCAST = 4, "Accept as broadcast, send as unicast.";
        RTN_MULTICAST = 5, "Multicast.";
        RTN_BLACKHOLE = 6, "Drop.";
        RTN_UNREACHABLE = 7, "Unreachable.";
        RTN_PROHIBIT = 8, "Prohibited.";
        RTN_THROW = 9, "Not in this table.";
        RTN_NAT = 10, "Unused.";
        RTN_XRESOLVE = 11, "Unused.";
    }
}

abi! {
    /// Who made a route (`RTPROT_*`).
    RTPROTS: u8 {
        RTPROT_UNSPEC = 0, "Not said.";
        RTPROT_REDIRECT = 1, "A redirect.";
        RTPROT_KERNEL = 2, "The kernel.";
        RTPROT_BOOT = 3, "During boot; what `ip` sets.";
        RTPROT_STATIC = 4, "An administrator.";
        RTPROT_GATED = 8, "GateD.";
        RTPROT_RA = 9, "A router advertisement.";
        RTPROT_ZEBRA = 11, "Zebra.";
        RTPROT_BIRD = 12, "BIRD.";
        RTPROT_DHCP = 16, "DHCP.";
        RTPROT_KEEPALIVED = 18, "Keepalived.";
        RTPROT_BABEL = 42, "Babel.";
        RTPROT_BGP = 186, "BGP.";
        RTPROT_ISIS = 187, "IS-IS.";
        RTPROT_OSPF = 188, "OSPF.";
        RTPROT_RIP = 189, "RIP.";
        RTPROT_EIGRP = 192, "EIGRP.";
    }
}

abi! {
    /// How far a destination is (`RT_SCOPE_*`).
    RT_SCOPES: u8 {
        RT_SCOPE_UNIVERSE = 0, "Anywhere.";
        RT_SCOPE_SITE = 200, "In the site.";
        RT_SCOPE_LINK = 253, "On the link.";
        RT_SCOPE_HOST = 254, "This host.";
        RT_SCOPE_NOWHERE = 255, "Nowhere.";
    }
}

abi! {
    /// Routing tables (`RT_TABLE_*`).
    RT_TABLES: u32 {
        RT_TABLE_UNSPEC = 0, "Not said.";
        RT_TABLE_COMPAT = 252, "The number does not fit a byte.";
        RT_TABLE_DEFAULT = 253, "Default.";
        RT_TABLE_MAIN = 254, "Main.";
        RT_TABLE_LOCAL = 255, "Local.";
    }
}

abi! {
    u32 {
        RTM_F_NOTIFY = 0x100, "Notify of changes.";
        RTM_F_CLONED = 0x200, "A cached route.";
        RTM_F_EQUALIZE = 0x400, "Unused.";
        RTM_F_PREFIX = 0x800, "Prefixes.";
        RTM_F_LOOKUP_TABLE = 0x1000, "Say the table in the answer.";
        RTM_F_FIB_MATCH = 0x2000, "Answer with the whole match.";
        RTM_F_OFFLOAD = 0x4000, "Offloaded.";
        RTM_F_TRAP = 0x8000, "Trapped.";
        RTM_F_OFFLOAD_FAILED = 0x2000_0000, "Offload failed.";
        RTNH_F_DEAD = 1, "Next hop: dead.";
        RTNH_F_PERVASIVE = 2, "Next hop: looked up again.";
        RTNH_F_ONLINK = 4, "Next hop: on the link by decree.";
        RTNH_F_OFFLOAD = 8, "Next hop: offloaded.";
        RTNH_F_LINKDOWN = 16, "Next hop: link down.";
        RTNH_F_UNRESOLVED = 32, "Next hop: unresolved.";
        RTNH_F_TRAP = 64, "Next hop: trapped.";
    }
}

abi! {
    /// Attributes of a route (`RTA_*`).
    RTA_ATTRS: u16 {
        RTA_UNSPEC = 0, "None.";
        RTA_DST = 1, "Destination.";
        RTA_SRC = 2, "Source.";
        RTA_IIF = 3, "Input interface.";
        RTA_OIF = 4, "Output interface.";
        RTA_GATEWAY = 5, "Gateway.";
        RTA_PRIORITY = 6, "Metric.";
        RTA_PREFSRC = 7, "Preferred source address.";
        RTA_METRICS = 8, "`RTAX_*` inside.";
        RTA_MULTIPATH = 9, "Several next hops.";
        RTA_PROTOINFO = 10, "Unused.";
        RTA_FLOW = 11, "Realm.";
        RTA_CACHEINFO = 12, "`struct rta_cacheinfo`.";
        RTA_SESSION = 13, "Unused.";
        RTA_MP_ALGO = 14, "Unused.";
        RTA_TABLE = 15, "Table.";
        RTA_MARK = 16, "Mark.";
        RTA_MFC_STATS = 17, "Multicast counters.";
        RTA_VIA = 18, "Gateway of another family.";
        RTA_NEWDST = 19, "New destination.";
        RTA_PREF = 20, "Router preference.";
        RTA_ENCAP_TYPE = 21, "Encapsulation type.";
        RTA_ENCAP = 22, "Encapsulation.";
        RTA_EXPIRES = 23, "Expiry.";
        RTA_PAD = 24, "Padding.";
        RTA_UID = 25, "User.";
        RTA_TTL_PROPAGATE = 26, "Propagate the TTL.";
        RTA_IP_PROTO = 27, "IP protocol.";
        RTA_SPORT = 28, "Source port.";
        RTA_DPORT = 29, "Destination port.";
        RTA_NH_ID = 30, "Next-hop object.";
        RTA_FLOWLABEL = 31, "Flow label.";
    }
}

abi! {
    /// Metrics of a route (`RTAX_*`).
    RTAX_METRICS: u16 {
        RTAX_LOCK = 1, "Which metrics are locked.";
        RTAX_MTU = 2, "MTU.";
        RTAX_WINDOW = 3, "Largest window.";
        RTAX_RTT = 4, "Round trip.";
        RTAX_RTTVAR = 5, "Its deviation.";
        RTAX_SSTHRESH = 6, "Slow-start threshold.";
        RTAX_CWND = 7, "Congestion window.";
        RTAX_ADVMSS = 8, "MSS to advertise.";
        RTAX_REORDERING = 9, "Reordering.";
        RTAX_HOPLIMIT = 10, "Hop limit.";
        RTAX_INITCWND = 11, "First congestion window.";
        RTAX_FEATURES = 12, "`RTAX_FEATURE_*`.";
        RTAX_RTO_MIN = 13, "Least retransmission timeout.";
        RTAX_INITRWND = 14, "First receive window.";
        RTAX_QUICKACK = 15, "Acknowledge at once.";
        RTAX_CC_ALGO = 16, "Congestion control.";
        RTAX_FASTOPEN_NO_COOKIE = 17, "Fast open without a cookie.";
    }
}

/// `struct rta_cacheinfo`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RtaCacheinfo {
    /// References.
    pub clntref: u32,
    /// Last use, clock ticks ago.
    pub lastuse: u32,
    /// Expiry, clock ticks.
    pub expires: i32,
    /// Error number.
    pub error: u32,
    /// Uses.
    pub used: u32,
    /// Unused.
    pub id: u32,
    /// Unused.
    pub ts: u32,
    /// Unused.
    pub tsage: u32,
}

/// `struct rtnexthop`, in `RTA_MULTIPATH`; attributes follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RtNextHop {
    /// Bytes, attributes included.
    pub len: u16,
    /// `RTNH_F_*`
    pub flags: u8,
    /// Weight less one.
    pub hops: u8,
    /// Interface.
    pub ifindex: i32,
}

abi! {
    /// Attributes of a rule (`FRA_*`).
    FRA_ATTRS: u16 {
        FRA_DST = 1, "Destination.";
        FRA_SRC = 2, "Source.";
        FRA_IIFNAME = 3, "Input interface.";
        FRA_GOTO = 4, "Jump to a rule.";
        FRA_PRIORITY = 6, "Priority.";
        FRA_FWMARK = 10, "Mark.";
        FRA_FLOW = 11, "Realm.";
        FRA_TUN_ID = 12, "Tunnel.";
        FRA_SUPPRESS_IFGROUP = 13, "Suppress by interface group.";
        FRA_SUPPRESS_PREFIXLEN = 14, "Suppress by prefix length.";
        FRA_TABLE = 15, "Table.";
        FRA_FWMASK = 16, "Mask of the mark.";
        FRA_OIFNAME = 17, "Output interface.";
        FRA_PAD = 18, "Padding.";
        FRA_L3MDEV = 19, "Table of the L3 master device.";
        FRA_UID_RANGE = 20, "Users.";
        FRA_PROTOCOL = 21, "Who made it.";
        FRA_IP_PROTO = 22, "IP protocol.";
        FRA_SPORT_RANGE = 23, "Source ports.";
        FRA_DPORT_RANGE = 24, "Destination ports.";
        FRA_DSCP = 25, "DSCP.";
        FRA_FLOWLABEL = 26, "Flow label.";
        FRA_FLOWLABEL_MASK = 27, "Its mask.";
        FRA_SPORT_MASK = 28, "Mask of the source port.";
        FRA_DPORT_MASK = 29, "Mask of the destination port.";
        FRA_DSCP_MASK = 30, "Mask of the DSCP.";
    }
}

abi! {
    u8 {
        FR_ACT_UNSPEC = 0, "Rule: nothing.";
        FR_ACT_TO_TBL = 1, "Rule: look in a table.";
        FR_ACT_GOTO = 2, "Rule: jump.";
        FR_ACT_NOP = 3, "Rule: go on.";
        FR_ACT_BLACKHOLE = 6, "Rule: drop.";
        FR_ACT_UNREACHABLE = 7, "Rule: unreachable.";
        FR_ACT_PROHIBIT = 8, "Rule: prohibited.";
    }
}
