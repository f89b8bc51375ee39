//! `linux/if.h`, `linux/if_arp.h`, `linux/if_packet.h`: interface flags, hardware types, `struct ifreq`.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of an interface's name, NUL included (`IFNAMSIZ`).
pub const IFNAMSIZ: usize = 16;
/// Bytes of an interface's alias (`IFALIASZ`).
pub const IFALIASZ: usize = 256;
/// Longest hardware address (`MAX_ADDR_LEN`).
pub const MAX_ADDR_LEN: usize = 32;

abi! {
    /// Flags of an interface (`IFF_*`).
    IFF_FLAGS: u32 {
        IFF_UP = 1 << 0, "Up.";
        IFF_BROADCAST = 1 << 1, "Has a broadcast address.";
        IFF_DEBUG = 1 << 2, "Debugging.";
        IFF_LOOPBACK = 1 << 3, "A loopback.";
        IFF_POINTOPOINT = 1 << 4, "Point to point.";
        IFF_NOTRAILERS = 1 << 5, "No trailers.";
        IFF_RUNNING = 1 << 6, "Operational (RFC 2863).";
        IFF_NOARP = 1 << 7, "No ARP.";
        IFF_PROMISC = 1 << 8, "Receives all packets.";
        IFF_ALLMULTI = 1 << 9, "Receives all multicast.";
        IFF_MASTER = 1 << 10, "Master of a bundle.";
        IFF_SLAVE = 1 << 11, "Slave of a bundle.";
        IFF_MULTICAST = 1 << 12, "Multicast.";
        IFF_PORTSEL = 1 << 13, "Can select the medium.";
        IFF_AUTOMEDIA = 1 << 14, "Selects it by itself.";
        IFF_DYNAMIC = 1 << 15, "Addresses change.";
        IFF_LOWER_UP = 1 << 16, "The link is up.";
        IFF_DORMANT = 1 << 17, "Dormant.";
        IFF_ECHO = 1 << 18, "Echoes what is sent.";
    }
}

abi! {
    /// Operational states (`IF_OPER_*`, RFC 2863).
    IF_OPER: u8 {
        IF_OPER_UNKNOWN = 0, "Unknown.";
        IF_OPER_NOTPRESENT = 1, "Not present.";
        IF_OPER_DOWN = 2, "Down.";
        IF_OPER_LOWERLAYERDOWN = 3, "The layer below is down.";
        IF_OPER_TESTING = 4, "Testing.";
        IF_OPER_DORMANT = 5, "Dormant.";
        IF_OPER_UP = 6, "Up.";
    }
}

abi! {
    /// Hardware types (`ARPHRD_*`).
    ARPHRDS: u16 {
        ARPHRD_NETROM = 0, "NET/ROM.";
        ARPHRD_ETHER = 1, "Ethernet.";
        ARPHRD_EETHER = 2, "Experimental Ethernet.";
        ARPHRD_AX25 = 3, "AX.25.";
        ARPHRD_IEEE802 = 6, "IEEE 802.";
        ARPHRD_IEEE1394 = 24, "FireWire.";
        ARPHRD_INFINIBAND = 32, "InfiniBand.";
        ARPHRD_SLIP = 256, "SLIP.";
        ARPHRD_PPP = 512, "PPP.";
        ARPHRD_RAWIP = 519, "IP without a link header.";
        ARPHRD_TUNNEL = 768, "IP in IP.";
        ARPHRD_TUNNEL6 = 769, "IPv6 in IPv6.";
        ARPHRD_LOOPBACK = 772, "Loopback.";
        ARPHRD_SIT = 776, "IPv6 in IPv4.";
        ARPHRD_IPGRE = 778, "GRE over IP.";
        ARPHRD_IEEE80211 = 801, "Wireless.";
        ARPHRD_IP6GRE = 823, "GRE over IPv6.";
        ARPHRD_NETLINK = 824, "Netlink capture.";
        ARPHRD_VSOCKMON = 826, "Vsock capture.";
        ARPHRD_VOID = 0xFFFF, "Nothing known.";
        ARPHRD_NONE = 0xFFFE, "No hardware address.";
    }
}

abi! {
    /// Operations of ARP (`ARPOP_*`).
    ARPOPS: u16 {
        ARPOP_REQUEST = 1, "Who has this address?";
        ARPOP_REPLY = 2, "I have.";
        ARPOP_RREQUEST = 3, "Reverse request.";
        ARPOP_RREPLY = 4, "Reverse reply.";
        ARPOP_INREQUEST = 8, "Inverse request.";
        ARPOP_INREPLY = 9, "Inverse reply.";
        ARPOP_NAK = 10, "Refusal (ATM).";
    }
}

abi! {
    /// For whom a packet was (`sll_pkttype`).
    PACKET_TYPES: u8 {
        PACKET_HOST = 0, "This host.";
        PACKET_BROADCAST = 1, "All.";
        PACKET_MULTICAST = 2, "A group.";
        PACKET_OTHERHOST = 3, "Another host.";
        PACKET_OUTGOING = 4, "Sent by this host.";
        PACKET_LOOPBACK = 5, "Looped-back multicast or broadcast.";
        PACKET_USER = 6, "To user space.";
        PACKET_KERNEL = 7, "To the kernel.";
    }
}

abi! {
    /// Options of `SOL_PACKET` (`packet(7)`).
    PACKET_OPTIONS: i32 {
        PACKET_ADD_MEMBERSHIP = 1, "Receive more.";
        PACKET_DROP_MEMBERSHIP = 2, "Undo it.";
        PACKET_RECV_OUTPUT = 3, "Obsolete.";
        PACKET_RX_RING = 5, "A ring to receive.";
        PACKET_STATISTICS = 6, "Get: packets and drops, and clear them.";
        PACKET_COPY_THRESH = 7, "Copy large packets to the queue.";
        PACKET_AUXDATA = 8, "Receive `struct tpacket_auxdata`.";
        PACKET_ORIGDEV = 9, "Show the device of origin.";
        PACKET_VERSION = 10, "Version of the ring.";
        PACKET_HDRLEN = 11, "Get: bytes of the ring's header.";
        PACKET_RESERVE = 12, "Headroom in the ring.";
        PACKET_TX_RING = 13, "A ring to send.";
        PACKET_LOSS = 14, "Skip malformed packets in it.";
        PACKET_VNET_HDR = 15, "Virtio header before each packet.";
        PACKET_TX_TIMESTAMP = 16, "Transmit times.";
        PACKET_TIMESTAMP = 17, "Which times to show.";
        PACKET_FANOUT = 18, "Share the traffic in a group.";
        PACKET_TX_HAS_OFF = 19, "The ring's data start where it says.";
        PACKET_QDISC_BYPASS = 20, "Send past the queue.";
        PACKET_ROLLOVER_STATS = 21, "Get: counters of the group.";
        PACKET_FANOUT_DATA = 22, "The group's program.";
        PACKET_IGNORE_OUTGOING = 23, "Do not receive what is sent.";
        PACKET_VNET_HDR_SZ = 24, "Bytes of the virtio header.";
    }
}

abi! {
    u16 {
        PACKET_MR_MULTICAST = 0, "Membership: a group.";
        PACKET_MR_PROMISC = 1, "Membership: everything.";
        PACKET_MR_ALLMULTI = 2, "Membership: all groups.";
        PACKET_MR_UNICAST = 3, "Membership: one more address.";
        PACKET_FANOUT_HASH = 0, "Group: by flow hash.";
        PACKET_FANOUT_LB = 1, "Group: in turn.";
        PACKET_FANOUT_CPU = 2, "Group: by CPU.";
        PACKET_FANOUT_ROLLOVER = 3, "Group: the next when one is full.";
        PACKET_FANOUT_RND = 4, "Group: at random.";
        PACKET_FANOUT_QM = 5, "Group: by receive queue.";
        PACKET_FANOUT_CBPF = 6, "Group: by classic BPF.";
        PACKET_FANOUT_EBPF = 7, "Group: by eBPF.";
    }
}

/// `struct ifreq`, 40 bytes: a name, and 24 bytes whose meaning depends on the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IfReq {
    /// Name, NUL-padded.
    pub name: [u8; IFNAMSIZ],
    /// Sockaddr, flags, index, MTU, metric or map.
    pub data: [u8; 24],
}

impl IfReq {
    /// The name up to its NUL.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let end = self.name.iter().position(|&b| b == 0);
        &self.name[..end.unwrap_or(IFNAMSIZ)]
    }

    /// The data's first four bytes as a number: index, MTU, metric, queue length.
    #[must_use]
    pub fn int(&self) -> i32 {
        let [a, b, c, d, ..] = self.data;
        i32::from_ne_bytes([a, b, c, d])
    }

    /// Set them.
    pub fn set_int(&mut self, value: i32) {
        self.data[..4].copy_from_slice(&value.to_ne_bytes());
    }

    /// The flags, 16 bits of them (`ifr_flags`).
    #[must_use]
    pub fn flags(&self) -> u16 {
        u16::from_ne_bytes([self.data[0], self.data[1]])
    }

    /// Set them.
    pub fn set_flags(&mut self, flags: u16) {
        self.data[..2].copy_from_slice(&flags.to_ne_bytes());
    }

    /// The sockaddr's bytes (`ifr_addr`).
    #[must_use]
    pub fn addr(&self) -> &[u8] {
        &self.data[..16]
    }

    /// To write a sockaddr in.
    pub fn addr_mut(&mut self) -> &mut [u8] {
        &mut self.data[..16]
    }
}

/// `struct ifconf`: what `SIOCGIFCONF` takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IfConf {
    /// Bytes of the buffer.
    pub len: i32,
    /// Padding.
    pub pad: u32,
    /// Its address; 0 asks for the length.
    pub buf: u64,
}

/// `struct packet_mreq`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct PacketMreq {
    /// Interface index.
    pub ifindex: i32,
    /// `PACKET_MR_*`
    pub kind: u16,
    /// Bytes of the address.
    pub alen: u16,
    /// The address.
    pub address: [u8; 8],
}

abi! {
    u32 {
        TP_STATUS_USER = 1, "The packet is the user's.";
        TP_STATUS_CSUMNOTREADY = 1 << 3, "Its checksum is left to the device.";
        TP_STATUS_CSUM_VALID = 1 << 7, "Its checksum was verified.";
        TP_STATUS_GSO_TCP = 1 << 8, "It stands for many TCP segments.";
    }
}

/// `struct tpacket_auxdata`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct TpacketAuxdata {
    /// `TP_STATUS_*`
    pub status: u32,
    /// Bytes of the packet.
    pub len: u32,
    /// Bytes captured.
    pub snaplen: u32,
    /// Where the link header starts.
    pub mac: u16,
    /// Where the network header starts.
    pub net: u16,
    /// VLAN tag.
    pub vlan_tci: u16,
    /// VLAN ethertype.
    pub vlan_tpid: u16,
}

/// `struct tpacket_stats`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct TpacketStats {
    /// Packets seen.
    pub packets: u32,
    /// Packets dropped.
    pub drops: u32,
}
