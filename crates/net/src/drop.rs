//! Why a packet was dropped (`enum skb_drop_reason`, include/net/dropreason-core.h).

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a packet was dropped. The names are Linux's `SKB_DROP_REASON_*`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum DropReason { $($(#[$doc])* $name,)* }

        impl DropReason {
            /// How many reasons there are.
            pub const COUNT: usize = [$($text),*].len();
            /// Every reason with its name as Linux's tracepoints print it.
            pub const NAMES: [&'static str; Self::COUNT] = [$($text),*];
            /// The name as Linux's tracepoints print it.
            pub fn name(self) -> &'static str { Self::NAMES[self as usize] }
        }
    };
}

drop_reasons! {
    /// No reason given.
    NotSpecified = "NOT_SPECIFIED",
    /// No socket wants it.
    NoSocket = "NO_SOCKET",
    /// The packet is too short.
    PktTooSmall = "PKT_TOO_SMALL",
    /// Wrong TCP checksum.
    TcpCsum = "TCP_CSUM",
    /// Dropped by a socket filter.
    SocketFilter = "SOCKET_FILTER",
    /// Wrong UDP checksum.
    UdpCsum = "UDP_CSUM",
    /// Addressed to another host.
    OtherHost = "OTHERHOST",
    /// Wrong IP header checksum.
    IpCsum = "IP_CSUM",
    /// Something is wrong with the IP header.
    IpInHdr = "IP_INHDR",
    /// Reverse-path filter.
    IpRpFilter = "IP_RPFILTER",
    /// Unicast address in a layer-2 multicast.
    UnicastInL2Multicast = "UNICAST_IN_L2_MULTICAST",
    /// Unknown next-level protocol.
    IpNoProto = "IP_NOPROTO",
    /// The socket's receive buffer is full.
    SocketRcvbuff = "SOCKET_RCVBUFF",
    /// The protocol's memory limit.
    ProtoMem = "PROTO_MEM",
    /// The socket's backlog is full.
    SocketBacklog = "SOCKET_BACKLOG",
    /// TCP flags that make no sense in this state.
    TcpFlags = "TCP_FLAGS",
    /// The receive window is zero.
    TcpZeroWindow = "TCP_ZEROWINDOW",
    /// All data was received already.
    TcpOldData = "TCP_OLD_DATA",
    /// Data beyond the window.
    TcpOverWindow = "TCP_OVERWINDOW",
    /// Merged into the out-of-order queue.
    TcpOfoMerge = "TCP_OFOMERGE",
    /// Failed the timestamp check.
    TcpRfc7323Paws = "TCP_RFC7323_PAWS",
    /// Sequence number outside of the window.
    TcpInvalidSequence = "TCP_INVALID_SEQUENCE",
    /// Invalid SYN.
    TcpInvalidSyn = "TCP_INVALID_SYN",
    /// Invalid RST.
    TcpReset = "TCP_RESET",
    /// Unexpected SYN.
    TcpClose = "TCP_CLOSE",
    /// Fast Open data on a queue that does not take it.
    TcpFastopen = "TCP_FASTOPEN",
    /// An ACK that is older than the window.
    TcpOldAck = "TCP_OLD_ACK",
    /// An ACK that is too old.
    TcpTooOldAck = "TCP_TOO_OLD_ACK",
    /// An ACK of data never sent.
    TcpAckUnsentData = "TCP_ACK_UNSENT_DATA",
    /// Out-of-order queue pruned.
    TcpOfoQueuePrune = "TCP_OFO_QUEUE_PRUNE",
    /// Request queue full.
    TcpReqQFullDrop = "TCP_REQQFULLDROP",
    /// Accept queue full.
    TcpListenOverflow = "TCP_LISTEN_OVERFLOW",
    /// No route out.
    IpOutNoRoutes = "IP_OUTNOROUTES",
    /// No route in.
    IpInNoRoutes = "IP_INNOROUTES",
    /// The neighbour could not be resolved.
    NeighFailed = "NEIGH_FAILED",
    /// The neighbour's queue is full.
    NeighQueueFull = "NEIGH_QUEUEFULL",
    /// The hop limit ran out.
    IpTtl = "IP_TTL",
    /// A queueing discipline dropped it.
    QdiscDrop = "QDISC_DROP",
    /// The device is down or full.
    DevReady = "DEV_READY",
    /// A device's queue toward its reader is full.
    FullRing = "FULL_RING",
    /// Unknown ethertype.
    UnhandledProto = "UNHANDLED_PROTO",
    /// No memory.
    NoMem = "NOMEM",
    /// A header that cannot be parsed.
    HdrTrunc = "HDR_TRUNC",
    /// Fragment reassembly timed out.
    FragReasmTimeout = "FRAG_REASM_TIMEOUT",
    /// Too many or too large fragments.
    FragTooFar = "FRAG_TOO_FAR",
    /// Duplicate fragment.
    DupFrag = "DUP_FRAG",
    /// Packet too big.
    PktTooBig = "PKT_TOO_BIG",
    /// IPv6 is disabled on the device.
    Ipv6Disabled = "IPV6DISABLED",
    /// Not a valid ICMP packet.
    InvalidProto = "INVALID_PROTO",
    /// IP address martian.
    IpInvalidSource = "IP_INVALID_SOURCE",
    /// Local source where none may be.
    IpLocalSource = "IP_LOCAL_SOURCE",
    /// ICMP checksum wrong.
    IcmpCsum = "ICMP_CSUM",
    /// Duplicate of something already handled.
    Duplicate = "DUPLICATE",
    /// A bad option in an IPv6 extension header.
    Ipv6BadExthdr = "IPV6_BAD_EXTHDR",
}
