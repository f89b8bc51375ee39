//! `linux/if_link.h`, `linux/if_addr.h`, `linux/neighbour.h`: links, addresses and neighbours over netlink.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct ifinfomsg`, 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IfInfoMsg {
    /// `AF_*`
    pub family: u8,
    /// Zero.
    pub pad: u8,
    /// `ARPHRD_*`
    pub kind: u16,
    /// Index.
    pub index: i32,
    /// `IFF_*`
    pub flags: u32,
    /// Which flags to change.
    pub change: u32,
}

abi! {
    /// Attributes of a link (`IFLA_*`).
    IFLA_ATTRS: u16 {
        IFLA_UNSPEC = 0, "None.";
        IFLA_ADDRESS = 1, "Hardware address.";
        IFLA_BROADCAST = 2, "Hardware broadcast address.";
        IFLA_IFNAME = 3, "Name.";
        IFLA_MTU = 4, "MTU.";
        IFLA_LINK = 5, "Link below.";
        IFLA_QDISC = 6, "Queue.";
        IFLA_STATS = 7, "Counters of 32 bits.";
        IFLA_COST = 8, "Unused.";
        IFLA_PRIORITY = 9, "Unused.";
        IFLA_MASTER = 10, "Master.";
        IFLA_WIRELESS = 11, "Wireless event.";
        IFLA_PROTINFO = 12, "Protocol's information.";
        IFLA_TXQLEN = 13, "Length of the send queue.";
        IFLA_MAP = 14, "`struct rtnl_link_ifmap`.";
        IFLA_WEIGHT = 15, "Unused.";
        IFLA_OPERSTATE = 16, "`IF_OPER_*`.";
        IFLA_LINKMODE = 17, "Link mode.";
        IFLA_LINKINFO = 18, "Kind and its data.";
        IFLA_NET_NS_PID = 19, "Namespace, by process.";
        IFLA_IFALIAS = 20, "Alias.";
        IFLA_NUM_VF = 21, "Count of virtual functions.";
        IFLA_VFINFO_LIST = 22, "Virtual functions.";
        IFLA_STATS64 = 23, "Counters of 64 bits.";
        IFLA_VF_PORTS = 24, "Ports of virtual functions.";
        IFLA_PORT_SELF = 25, "Own port.";
        IFLA_AF_SPEC = 26, "Per family.";
        IFLA_GROUP = 27, "Group.";
        IFLA_NET_NS_FD = 28, "Namespace, by descriptor.";
        IFLA_EXT_MASK = 29, "What else to tell.";
        IFLA_PROMISCUITY = 30, "Count of promiscuous users.";
        IFLA_NUM_TX_QUEUES = 31, "Send queues.";
        IFLA_NUM_RX_QUEUES = 32, "Receive queues.";
        IFLA_CARRIER = 33, "Carrier.";
        IFLA_PHYS_PORT_ID = 34, "Physical port.";
        IFLA_CARRIER_CHANGES = 35, "Carrier changes.";
        IFLA_PHYS_SWITCH_ID = 36, "Physical switch.";
        IFLA_LINK_NETNSID = 37, "Namespace of the link below.";
        IFLA_PHYS_PORT_NAME = 38, "Physical port's name.";
        IFLA_PROTO_DOWN = 39, "Held down.";
        IFLA_GSO_MAX_SEGS = 40, "Segments of a GSO packet.";
        IFLA_GSO_MAX_SIZE = 41, "Bytes of a GSO packet.";
        IFLA_PAD = 42, "Padding.";
        IFLA_XDP = 43, "XDP.";
        IFLA_EVENT = 44, "Why the message came.";
        IFLA_NEW_NETNSID = 45, "New namespace.";
        IFLA_TARGET_NETNSID = 46, "Target namespace (`IFLA_IF_NETNSID`).";
        IFLA_CARRIER_UP_COUNT = 47, "Times the carrier came.";
        IFLA_CARRIER_DOWN_COUNT = 48, "Times it went.";
        IFLA_NEW_IFINDEX = 49, "New index.";
        IFLA_MIN_MTU = 50, "Least MTU.";
        IFLA_MAX_MTU = 51, "Largest MTU.";
        IFLA_PROP_LIST = 52, "Properties.";
        IFLA_ALT_IFNAME = 53, "Another name.";
        IFLA_PERM_ADDRESS = 54, "Permanent hardware address.";
        IFLA_PROTO_DOWN_REASON = 55, "Why it is held down.";
        IFLA_PARENT_DEV_NAME = 56, "Parent device.";
        IFLA_PARENT_DEV_BUS_NAME = 57, "Its bus.";
        IFLA_GRO_MAX_SIZE = 58, "Bytes of a GRO packet.";
        IFLA_TSO_MAX_SIZE = 59, "Bytes of a TSO packet.";
        IFLA_TSO_MAX_SEGS = 60, "Segments of a TSO packet.";
        IFLA_ALLMULTI = 61, "Count of all-multicast users.";
        IFLA_DEVLINK_PORT = 62, "Devlink port.";
        IFLA_GSO_IPV4_MAX_SIZE = 63, "Bytes of an IPv4 GSO packet.";
        IFLA_GRO_IPV4_MAX_SIZE = 64, "Bytes of an IPv4 GRO packet.";
        IFLA_DPLL_PIN = 65, "Clock pin.";
        IFLA_MAX_PACING_OFFLOAD_HORIZON = 66, "Pacing offload.";
        IFLA_NETNS_IMMUTABLE = 67, "Bound to its namespace.";
        IFLA_HEADROOM = 68, "Headroom.";
        IFLA_TAILROOM = 69, "Tailroom.";
    }
}

abi! {
    u16 {
        IFLA_INFO_KIND = 1, "In `IFLA_LINKINFO`: the kind.";
        IFLA_INFO_DATA = 2, "In `IFLA_LINKINFO`: its data.";
        IFLA_INET_CONF = 1, "In `IFLA_AF_SPEC`, `AF_INET`: settings.";
        IFLA_INET6_FLAGS = 1, "In `IFLA_AF_SPEC`, `AF_INET6`: flags.";
        IFLA_INET6_CONF = 2, "Settings.";
        IFLA_INET6_STATS = 3, "Counters.";
        IFLA_INET6_MCAST = 4, "Unused.";
        IFLA_INET6_CACHEINFO = 5, "`struct ifla_cacheinfo`.";
        IFLA_INET6_ICMP6STATS = 6, "ICMPv6 counters.";
        IFLA_INET6_TOKEN = 7, "Interface token.";
        IFLA_INET6_ADDR_GEN_MODE = 8, "How addresses are made.";
        IFLA_INET6_RA_MTU = 9, "MTU of the router advertisement.";
        IFLA_XDP_ATTACHED = 2, "In `IFLA_XDP`: how a program is attached.";
    }
}

/// `IFLA_EXT_MASK`: leave the counters out (`RTEXT_FILTER_SKIP_STATS`).
pub const RTEXT_FILTER_SKIP_STATS: u32 = 8;
/// `IFLA_EXT_MASK`: virtual functions (`RTEXT_FILTER_VF`).
pub const RTEXT_FILTER_VF: u32 = 1;

/// `struct rtnl_link_stats64`, 200 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct LinkStats64 {
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Bad packets received.
    pub rx_errors: u64,
    /// Failures to send.
    pub tx_errors: u64,
    /// Packets dropped for want of room.
    pub rx_dropped: u64,
    /// Packets dropped on the way out.
    pub tx_dropped: u64,
    /// Multicast packets received.
    pub multicast: u64,
    /// Collisions.
    pub collisions: u64,
    /// Bad lengths.
    pub rx_length_errors: u64,
    /// Ring overflows.
    pub rx_over_errors: u64,
    /// Bad check sequences.
    pub rx_crc_errors: u64,
    /// Bad frame alignment.
    pub rx_frame_errors: u64,
    /// FIFO overruns.
    pub rx_fifo_errors: u64,
    /// Packets missed.
    pub rx_missed_errors: u64,
    /// Aborted.
    pub tx_aborted_errors: u64,
    /// Carrier lost.
    pub tx_carrier_errors: u64,
    /// FIFO underruns.
    pub tx_fifo_errors: u64,
    /// Heartbeat lost.
    pub tx_heartbeat_errors: u64,
    /// Late collisions.
    pub tx_window_errors: u64,
    /// Compressed packets received.
    pub rx_compressed: u64,
    /// Compressed packets sent.
    pub tx_compressed: u64,
    /// Packets of no known protocol.
    pub rx_nohandler: u64,
    /// Packets for another host.
    pub rx_otherhost_dropped: u64,
}

impl LinkStats64 {
    /// The counters of `struct rtnl_link_stats`: 24, cut to 32 bits.
    #[must_use]
    pub fn to_stats32(&self) -> [u32; 24] {
        let mut all = [0; 24];
        let (words, _) = self.as_bytes().as_chunks::<8>();
        for (to, from) in all.iter_mut().zip(words) {
            *to = u64::from_ne_bytes(*from) as u32;
        }
        all
    }
}

/// `struct ifaddrmsg`, 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IfAddrMsg {
    /// `AF_*`
    pub family: u8,
    /// Bits of the prefix.
    pub prefixlen: u8,
    /// The low eight of `IFA_F_*`.
    pub flags: u8,
    /// `RT_SCOPE_*`
    pub scope: u8,
    /// Interface.
    pub index: u32,
}

abi! {
    /// Attributes of an address (`IFA_*`).
    IFA_ATTRS: u16 {
        IFA_UNSPEC = 0, "None.";
        IFA_ADDRESS = 1, "Prefix address; the peer's on a point-to-point link.";
        IFA_LOCAL = 2, "Local address.";
        IFA_LABEL = 3, "Name of the alias.";
        IFA_BROADCAST = 4, "Broadcast address.";
        IFA_ANYCAST = 5, "Anycast address.";
        IFA_CACHEINFO = 6, "`struct ifa_cacheinfo`.";
        IFA_MULTICAST = 7, "Multicast address.";
        IFA_FLAGS = 8, "All of `IFA_F_*`.";
        IFA_RT_PRIORITY = 9, "Metric of the prefix route.";
        IFA_TARGET_NETNSID = 10, "Namespace.";
        IFA_PROTO = 11, "Who made it.";
    }
}

abi! {
    /// Flags of an address (`IFA_F_*`).
    IFA_FLAG_BITS: u32 {
        IFA_F_SECONDARY = 0x01, "Secondary, or temporary (`IFA_F_TEMPORARY`).";
        IFA_F_NODAD = 0x02, "No duplicate detection.";
        IFA_F_OPTIMISTIC = 0x04, "Usable before detection ends.";
        IFA_F_DADFAILED = 0x08, "A duplicate.";
        IFA_F_HOMEADDRESS = 0x10, "Home address.";
        IFA_F_DEPRECATED = 0x20, "Deprecated.";
        IFA_F_TENTATIVE = 0x40, "Detection under way.";
        IFA_F_PERMANENT = 0x80, "Permanent.";
        IFA_F_MANAGETEMPADDR = 0x100, "Makes temporary addresses.";
        IFA_F_NOPREFIXROUTE = 0x200, "No prefix route.";
        IFA_F_MCAUTOJOIN = 0x400, "Join the group.";
        IFA_F_STABLE_PRIVACY = 0x800, "Stable and private.";
    }
}

/// `struct ifa_cacheinfo`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IfaCacheinfo {
    /// Preferred lifetime, seconds; all ones is for ever.
    pub prefered: u32,
    /// Valid lifetime, seconds; all ones is for ever.
    pub valid: u32,
    /// Created, hundredths of a second after boot.
    pub cstamp: u32,
    /// Updated, hundredths of a second after boot.
    pub tstamp: u32,
}

/// `struct ndmsg`, 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NdMsg {
    /// `AF_*`
    pub family: u8,
    /// Zero.
    pub pad1: u8,
    /// Zero.
    pub pad2: u16,
    /// Interface.
    pub ifindex: i32,
    /// `NUD_*`
    pub state: u16,
    /// `NTF_*`
    pub flags: u8,
    /// `RTN_*`
    pub kind: u8,
}

abi! {
    /// Attributes of a neighbour (`NDA_*`).
    NDA_ATTRS: u16 {
        NDA_UNSPEC = 0, "None.";
        NDA_DST = 1, "Address.";
        NDA_LLADDR = 2, "Hardware address.";
        NDA_CACHEINFO = 3, "`struct nda_cacheinfo`.";
        NDA_PROBES = 4, "Probes sent.";
        NDA_VLAN = 5, "VLAN.";
        NDA_PORT = 6, "Port.";
        NDA_VNI = 7, "Virtual network.";
        NDA_IFINDEX = 8, "Interface.";
        NDA_MASTER = 9, "Master.";
        NDA_LINK_NETNSID = 10, "Namespace of the link.";
        NDA_SRC_VNI = 11, "Source virtual network.";
        NDA_PROTOCOL = 12, "Who made it.";
        NDA_NH_ID = 13, "Next-hop object.";
        NDA_FDB_EXT_ATTRS = 14, "Bridge attributes.";
        NDA_FLAGS_EXT = 15, "More flags.";
    }
}

abi! {
    /// States of a neighbour (`NUD_*`).
    NUD_STATES: u16 {
        NUD_NONE = 0x00, "None.";
        NUD_INCOMPLETE = 0x01, "Being resolved.";
        NUD_REACHABLE = 0x02, "Reachable.";
        NUD_STALE = 0x04, "Perhaps reachable.";
        NUD_DELAY = 0x08, "Waiting before a probe.";
        NUD_PROBE = 0x10, "Being probed.";
        NUD_FAILED = 0x20, "Failed.";
        NUD_NOARP = 0x40, "Needs no resolution.";
        NUD_PERMANENT = 0x80, "Permanent.";
    }
}

abi! {
    /// Flags of a neighbour (`NTF_*`).
    NTF_FLAGS: u8 {
        NTF_USE = 0x01, "Resolve it now.";
        NTF_SELF = 0x02, "Of the device itself.";
        NTF_MASTER = 0x04, "Of its master.";
        NTF_PROXY = 0x08, "A proxy entry.";
        NTF_EXT_LEARNED = 0x10, "Learned elsewhere.";
        NTF_OFFLOADED = 0x20, "Offloaded.";
        NTF_STICKY = 0x40, "Does not move.";
        NTF_ROUTER = 0x80, "A router.";
    }
}

/// `struct nda_cacheinfo`: clock ticks ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NdaCacheinfo {
    /// Confirmed.
    pub confirmed: u32,
    /// Used.
    pub used: u32,
    /// Updated.
    pub updated: u32,
    /// References.
    pub refcnt: u32,
}
