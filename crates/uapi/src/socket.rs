//! `linux/socket.h`, `asm-generic/socket.h`: families, types, message flags, `SOL_*` and the options of `SOL_SOCKET`.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi! {
    /// Address families (`AF_*`, and `PF_*`, which are the same numbers).
    FAMILIES: i32 {
        AF_UNSPEC = 0, "Any family.";
        AF_UNIX = 1, "Sockets of one machine (`unix(7)`).";
        AF_INET = 2, "IPv4 (`ip(7)`).";
        AF_AX25 = 3, "Amateur radio AX.25.";
        AF_IPX = 4, "Novell IPX.";
        AF_APPLETALK = 5, "AppleTalk DDP.";
        AF_NETROM = 6, "Amateur radio NET/ROM.";
        AF_BRIDGE = 7, "Multiprotocol bridge.";
        AF_ATMPVC = 8, "ATM permanent circuits.";
        AF_X25 = 9, "X.25.";
        AF_INET6 = 10, "IPv6 (`ipv6(7)`).";
        AF_ROSE = 11, "Amateur radio X.25 PLP.";
        AF_DECNET = 12, "DECnet (reserved).";
        AF_NETBEUI = 13, "802.2LLC (reserved).";
        AF_SECURITY = 14, "Security callback pseudo-family.";
        AF_KEY = 15, "PF_KEY key management.";
        AF_NETLINK = 16, "Kernel messages (`netlink(7)`).";
        AF_PACKET = 17, "Link layer (`packet(7)`).";
        AF_ASH = 18, "Ash.";
        AF_ECONET = 19, "Acorn Econet.";
        AF_ATMSVC = 20, "ATM switched circuits.";
        AF_RDS = 21, "RDS.";
        AF_SNA = 22, "Linux SNA.";
        AF_IRDA = 23, "IrDA.";
        AF_PPPOX = 24, "PPPoX.";
        AF_WANPIPE = 25, "Wanpipe.";
        AF_LLC = 26, "Linux LLC.";
        AF_IB = 27, "InfiniBand addresses.";
        AF_MPLS = 28, "MPLS.";
        AF_CAN = 29, "Controller area network.";
        AF_TIPC = 30, "TIPC.";
        AF_BLUETOOTH = 31, "Bluetooth.";
        AF_IUCV = 32, "IUCV.";
        AF_RXRPC = 33, "RxRPC.";
        AF_ISDN = 34, "mISDN.";
        AF_PHONET = 35, "Phonet.";
        AF_IEEE802154 = 36, "IEEE 802.15.4.";
        AF_CAIF = 37, "CAIF.";
        AF_ALG = 38, "Kernel crypto.";
        AF_NFC = 39, "NFC.";
        AF_VSOCK = 40, "Virtual machine sockets.";
        AF_KCM = 41, "Kernel connection multiplexor.";
        AF_QIPCRTR = 42, "Qualcomm IPC router.";
        AF_SMC = 43, "SMC.";
        AF_XDP = 44, "XDP.";
        AF_MCTP = 45, "Management component transport.";
    }
}

/// One past the last family Linux knows (`AF_MAX`, `NPROTO`).
pub const AF_MAX: i32 = 46;
/// Another name of [`AF_UNIX`].
pub const AF_LOCAL: i32 = AF_UNIX;
/// Another name of [`AF_NETLINK`].
pub const AF_ROUTE: i32 = AF_NETLINK;

abi! {
    /// Socket types.
    SOCK_TYPES: i32 {
        SOCK_STREAM = 1, "A stream of bytes.";
        SOCK_DGRAM = 2, "Datagrams.";
        SOCK_RAW = 3, "Raw packets.";
        SOCK_RDM = 4, "Datagrams, reliably delivered.";
        SOCK_SEQPACKET = 5, "Sequenced packets.";
        SOCK_DCCP = 6, "Datagrams with congestion control.";
        SOCK_PACKET = 10, "Obsolete way to the link layer.";
    }
}

abi! {
    /// Flags beside the type in `socket(2)`, `socketpair(2)` and `accept4(2)`.
    SOCK_FLAGS: i32 {
        SOCK_NONBLOCK = 0o4000, "Set `O_NONBLOCK` on the new file.";
        SOCK_CLOEXEC = 0o2000000, "Close the new descriptor at `execve(2)`.";
    }
}

/// One past the last socket type (`SOCK_MAX`).
pub const SOCK_MAX: i32 = 11;
/// The bits of the type argument that hold the type (`SOCK_TYPE_MASK`).
pub const SOCK_TYPE_MASK: i32 = 0xf;

abi! {
    /// Flags of `send(2)`, `recv(2)` and their kin. The kernel reads them as an unsigned word.
    MSG_FLAGS: u32 {
        MSG_OOB = 0x1, "Urgent data.";
        MSG_PEEK = 0x2, "Look without taking.";
        MSG_DONTROUTE = 0x4, "Send to a link neighbour only.";
        MSG_CTRUNC = 0x8, "Out: control data did not fit.";
        MSG_PROBE = 0x10, "Do not send, only probe the path.";
        MSG_TRUNC = 0x20, "Out: the datagram was longer; in: return its real length.";
        MSG_DONTWAIT = 0x40, "Do not block.";
        MSG_EOR = 0x80, "End of record.";
        MSG_WAITALL = 0x100, "Wait for the whole request.";
        MSG_FIN = 0x200, "TCP internal.";
        MSG_SYN = 0x400, "TCP internal.";
        MSG_CONFIRM = 0x800, "Confirm that the neighbour is reachable.";
        MSG_RST = 0x1000, "TCP internal.";
        MSG_ERRQUEUE = 0x2000, "Read the error queue.";
        MSG_NOSIGNAL = 0x4000, "No SIGPIPE.";
        MSG_MORE = 0x8000, "More will follow.";
        MSG_WAITFORONE = 0x10000, "`recvmmsg`: block for the first only.";
        MSG_SENDPAGE_NOPOLICY = 0x10000, "Internal: `sendpage` without policy.";
        MSG_BATCH = 0x40000, "`sendmmsg`: more messages coming.";
        MSG_NO_SHARED_FRAGS = 0x80000, "Internal: fragments are not shared.";
        MSG_SENDPAGE_DECRYPTED = 0x100000, "Internal: decrypted page (TLS).";
        MSG_SOCK_DEVMEM = 0x2000000, "Receive device memory.";
        MSG_ZEROCOPY = 0x4000000, "Send without copying.";
        MSG_SPLICE_PAGES = 0x8000000, "Internal: splice the pages.";
        MSG_FASTOPEN = 0x20000000, "Send data in the SYN.";
        MSG_CMSG_CLOEXEC = 0x40000000, "Received descriptors close at `execve(2)`.";
        MSG_CMSG_COMPAT = 0x80000000, "Internal: a 32-bit program's layout of control data.";
    }
}

/// Another name of [`MSG_DONTROUTE`] (`MSG_TRYHARD`).
pub const MSG_TRYHARD: u32 = MSG_DONTROUTE;
/// The end of a file for a stream (`MSG_EOF`).
pub const MSG_EOF: u32 = MSG_FIN;
/// Flags a program may not set on a send (`MSG_INTERNAL_SENDMSG_FLAGS`): the kernel clears them.
pub const MSG_INTERNAL_SENDMSG_FLAGS: u32 = MSG_SPLICE_PAGES | MSG_SENDPAGE_NOPOLICY | MSG_SENDPAGE_DECRYPTED;

abi! {
    /// The `how` of `shutdown(2)`.
    SHUT_HOW: i32 {
        SHUT_RD = 0, "No more receptions.";
        SHUT_WR = 1, "No more transmissions.";
        SHUT_RDWR = 2, "Neither.";
    }
}

/// Receive side of a socket is shut (`RCV_SHUTDOWN`).
pub const RCV_SHUTDOWN: u8 = 1;
/// Send side of a socket is shut (`SEND_SHUTDOWN`).
pub const SEND_SHUTDOWN: u8 = 2;
/// Both sides are shut (`SHUTDOWN_MASK`).
pub const SHUTDOWN_MASK: u8 = 3;
/// The default of `net.core.somaxconn` (`SOMAXCONN`).
pub const SOMAXCONN: i32 = 4096;
/// Largest count of buffers in one call (`UIO_MAXIOV`).
pub const UIO_MAXIOV: usize = 1024;
/// Largest count of descriptors in one `SCM_RIGHTS` message (`SCM_MAX_FD`).
pub const SCM_MAX_FD: usize = 253;

abi! {
    /// Levels of `setsockopt(2)` and of control messages.
    LEVELS: i32 {
        SOL_IP = 0, "IPv4.";
        SOL_SOCKET = 1, "The socket itself.";
        SOL_TCP = 6, "TCP.";
        SOL_UDP = 17, "UDP.";
        SOL_IPV6 = 41, "IPv6.";
        SOL_ICMPV6 = 58, "ICMPv6.";
        SOL_SCTP = 132, "SCTP.";
        SOL_UDPLITE = 136, "UDP-Lite.";
        SOL_RAW = 255, "Raw sockets.";
        SOL_IPX = 256, "IPX.";
        SOL_AX25 = 257, "AX.25.";
        SOL_ATALK = 258, "AppleTalk.";
        SOL_NETROM = 259, "NET/ROM.";
        SOL_ROSE = 260, "ROSE.";
        SOL_DECNET = 261, "DECnet.";
        SOL_X25 = 262, "X.25.";
        SOL_PACKET = 263, "Packet sockets.";
        SOL_ATM = 264, "ATM layer.";
        SOL_AAL = 265, "ATM adaptation layer.";
        SOL_IRDA = 266, "IrDA.";
        SOL_NETBEUI = 267, "NetBEUI.";
        SOL_LLC = 268, "LLC.";
        SOL_DCCP = 269, "DCCP.";
        SOL_NETLINK = 270, "Netlink.";
        SOL_TIPC = 271, "TIPC.";
        SOL_RXRPC = 272, "RxRPC.";
        SOL_PPPOL2TP = 273, "PPP over L2TP.";
        SOL_BLUETOOTH = 274, "Bluetooth.";
        SOL_PNPIPE = 275, "Phonet pipes.";
        SOL_RDS = 276, "RDS.";
        SOL_IUCV = 277, "IUCV.";
        SOL_CAIF = 278, "CAIF.";
        SOL_ALG = 279, "Kernel crypto.";
        SOL_NFC = 280, "NFC.";
        SOL_KCM = 281, "KCM.";
        SOL_TLS = 282, "TLS in the kernel.";
        SOL_XDP = 283, "XDP.";
        SOL_MPTCP = 284, "Multipath TCP.";
        SOL_MCTP = 285, "MCTP.";
        SOL_SMC = 286, "SMC.";
        SOL_VSOCK = 287, "Virtual machine sockets.";
    }
}

/// ICMP's option level is its protocol number (`raw(7)`).
pub const SOL_ICMP: i32 = 1;

abi! {
    /// Options of `SOL_SOCKET` (`socket(7)`). `_OLD` ones carry native `long` times, `_NEW` ones 64-bit times.
    SO_OPTIONS: i32 {
        SO_DEBUG = 1, "Record debugging information.";
        SO_REUSEADDR = 2, "Allow a local address to be used again.";
        SO_TYPE = 3, "Get: the type.";
        SO_ERROR = 4, "Get: the pending error, and clear it.";
        SO_DONTROUTE = 5, "Link neighbours only.";
        SO_BROADCAST = 6, "Allow broadcast.";
        SO_SNDBUF = 7, "Send buffer, bytes; read back doubled.";
        SO_RCVBUF = 8, "Receive buffer, bytes; read back doubled.";
        SO_KEEPALIVE = 9, "Send keepalives.";
        SO_OOBINLINE = 10, "Urgent data inline.";
        SO_NO_CHECK = 11, "UDP over IPv4: do not compute a checksum.";
        SO_PRIORITY = 12, "Queueing priority.";
        SO_LINGER = 13, "Wait in `close(2)` for unsent data.";
        SO_BSDCOMPAT = 14, "Obsolete.";
        SO_REUSEPORT = 15, "Several sockets on one address and port.";
        SO_PASSCRED = 16, "Receive the sender's credentials.";
        SO_PEERCRED = 17, "Get: the peer's credentials.";
        SO_RCVLOWAT = 18, "Bytes that make the socket readable.";
        SO_SNDLOWAT = 19, "Get: always 1.";
        SO_RCVTIMEO_OLD = 20, "Receive timeout, `struct timeval`.";
        SO_SNDTIMEO_OLD = 21, "Send timeout, `struct timeval`.";
        SO_SECURITY_AUTHENTICATION = 22, "Unused.";
        SO_SECURITY_ENCRYPTION_TRANSPORT = 23, "Unused.";
        SO_SECURITY_ENCRYPTION_NETWORK = 24, "Unused.";
        SO_BINDTODEVICE = 25, "Bind to an interface by name.";
        SO_ATTACH_FILTER = 26, "Attach a classic BPF program; get: read it.";
        SO_DETACH_FILTER = 27, "Detach the filter (also `SO_DETACH_BPF`).";
        SO_PEERNAME = 28, "Get: the peer's address.";
        SO_TIMESTAMP_OLD = 29, "Receive times, microseconds.";
        SO_ACCEPTCONN = 30, "Get: whether it listens.";
        SO_PEERSEC = 31, "Get: the peer's security context.";
        SO_SNDBUFFORCE = 32, "Send buffer beyond the limit (CAP_NET_ADMIN).";
        SO_RCVBUFFORCE = 33, "Receive buffer beyond the limit (CAP_NET_ADMIN).";
        SO_PASSSEC = 34, "Receive the sender's security context.";
        SO_TIMESTAMPNS_OLD = 35, "Receive times, nanoseconds.";
        SO_MARK = 36, "Mark of the packets sent.";
        SO_TIMESTAMPING_OLD = 37, "Transmit and receive times, by flags.";
        SO_PROTOCOL = 38, "Get: the protocol.";
        SO_DOMAIN = 39, "Get: the family.";
        SO_RXQ_OVFL = 40, "Receive the count of drops.";
        SO_WIFI_STATUS = 41, "Wireless transmit status.";
        SO_PEEK_OFF = 42, "Where `MSG_PEEK` starts.";
        SO_NOFCS = 43, "No frame check sequence.";
        SO_LOCK_FILTER = 44, "The filter may not change again.";
        SO_SELECT_ERR_QUEUE = 45, "The error queue raises POLLPRI.";
        SO_BUSY_POLL = 46, "Busy-poll for so many microseconds.";
        SO_MAX_PACING_RATE = 47, "Pacing limit, bytes per second.";
        SO_BPF_EXTENSIONS = 48, "Get: classic BPF extensions known.";
        SO_INCOMING_CPU = 49, "CPU that received the last packet.";
        SO_ATTACH_BPF = 50, "Attach an eBPF program.";
        SO_ATTACH_REUSEPORT_CBPF = 51, "Choose in a reuseport group by classic BPF.";
        SO_ATTACH_REUSEPORT_EBPF = 52, "Choose in a reuseport group by eBPF.";
        SO_CNX_ADVICE = 53, "Ask for a new route.";
        SCM_TIMESTAMPING_OPT_STATS = 54, "Control message: TCP statistics beside a time.";
        SO_MEMINFO = 55, "Get: memory counters.";
        SO_INCOMING_NAPI_ID = 56, "Get: NAPI instance of the last packet.";
        SO_COOKIE = 57, "Get: the unique number of the socket.";
        SCM_TIMESTAMPING_PKTINFO = 58, "Control message: interface and length beside a time.";
        SO_PEERGROUPS = 59, "Get: the peer's groups.";
        SO_ZEROCOPY = 60, "Allow `MSG_ZEROCOPY`.";
        SO_TXTIME = 61, "Packets carry the time to send them.";
        SO_BINDTOIFINDEX = 62, "Bind to an interface by index.";
        SO_TIMESTAMP_NEW = 63, "As `SO_TIMESTAMP_OLD`, 64-bit.";
        SO_TIMESTAMPNS_NEW = 64, "As `SO_TIMESTAMPNS_OLD`, 64-bit.";
        SO_TIMESTAMPING_NEW = 65, "As `SO_TIMESTAMPING_OLD`, 64-bit.";
        SO_RCVTIMEO_NEW = 66, "As `SO_RCVTIMEO_OLD`, 64-bit.";
        SO_SNDTIMEO_NEW = 67, "As `SO_SNDTIMEO_OLD`, 64-bit.";
        SO_DETACH_REUSEPORT_BPF = 68, "Detach the reuseport program.";
        SO_PREFER_BUSY_POLL = 69, "Prefer busy polling to interrupts.";
        SO_BUSY_POLL_BUDGET = 70, "Packets in one busy poll.";
        SO_NETNS_COOKIE = 71, "Get: the unique number of the namespace.";
        SO_BUF_LOCK = 72, "Which buffer sizes the kernel may not tune.";
        SO_RESERVE_MEM = 73, "Memory set aside for the socket.";
        SO_TXREHASH = 74, "Rehash the flow at a retransmission.";
        SO_RCVMARK = 75, "Receive the mark.";
        SO_PASSPIDFD = 76, "Receive the sender's pidfd.";
        SO_PEERPIDFD = 77, "Get: the peer's pidfd.";
        SO_DEVMEM_LINEAR = 78, "Control message: device memory copied.";
        SO_DEVMEM_DMABUF = 79, "Control message: device memory fragment.";
        SO_DEVMEM_DONTNEED = 80, "Give device memory back.";
        SCM_TS_OPT_ID = 81, "Control message: the caller's timestamp key.";
        SO_RCVPRIORITY = 82, "Receive the priority.";
        SO_PASSRIGHTS = 83, "Accept `SCM_RIGHTS`.";
        SO_INQ = 84, "Receive the bytes left in the queue.";
    }
}

/// The name programs use on 64-bit (`SO_RCVTIMEO_OLD`).
pub const SO_RCVTIMEO: i32 = SO_RCVTIMEO_OLD;
/// The name programs use on 64-bit (`SO_SNDTIMEO_OLD`).
pub const SO_SNDTIMEO: i32 = SO_SNDTIMEO_OLD;
/// The name programs use on 64-bit (`SO_TIMESTAMP_OLD`).
pub const SO_TIMESTAMP: i32 = SO_TIMESTAMP_OLD;
/// The name programs use on 64-bit (`SO_TIMESTAMPNS_OLD`).
pub const SO_TIMESTAMPNS: i32 = SO_TIMESTAMPNS_OLD;
/// The name programs use on 64-bit (`SO_TIMESTAMPING_OLD`).
pub const SO_TIMESTAMPING: i32 = SO_TIMESTAMPING_OLD;
/// The read side of [`SO_ATTACH_FILTER`].
pub const SO_GET_FILTER: i32 = SO_ATTACH_FILTER;
/// Another name of [`SO_DETACH_FILTER`].
pub const SO_DETACH_BPF: i32 = SO_DETACH_FILTER;

abi! {
    /// Control messages of `SOL_SOCKET` whose number is not an option's.
    SCM_TYPES: i32 {
        SCM_RIGHTS = 1, "File descriptors.";
        SCM_CREDENTIALS = 2, "`struct ucred`.";
        SCM_SECURITY = 3, "Security context.";
        SCM_PIDFD = 4, "A pidfd of the sender.";
        SCM_TIMESTAMP = SO_TIMESTAMP_OLD, "Receive time, microseconds.";
        SCM_TIMESTAMPNS = SO_TIMESTAMPNS_OLD, "Receive time, nanoseconds.";
        SCM_TIMESTAMPING = SO_TIMESTAMPING_OLD, "Three times.";
        SCM_WIFI_STATUS = SO_WIFI_STATUS, "Wireless status.";
        SCM_TXTIME = SO_TXTIME, "When to send.";
        SCM_DEVMEM_LINEAR = SO_DEVMEM_LINEAR, "Device memory, copied.";
        SCM_DEVMEM_DMABUF = SO_DEVMEM_DMABUF, "Device memory, a fragment.";
        SCM_INQ = SO_INQ, "Bytes left in the queue.";
    }
}

/// `SO_BUF_LOCK`: the send buffer is fixed (`SOCK_SNDBUF_LOCK`).
pub const SOCK_SNDBUF_LOCK: u8 = 1;
/// `SO_BUF_LOCK`: the receive buffer is fixed (`SOCK_RCVBUF_LOCK`).
pub const SOCK_RCVBUF_LOCK: u8 = 2;
/// `SO_BUF_LOCK`: all its bits (`SOCK_BUF_LOCK_MASK`).
pub const SOCK_BUF_LOCK_MASK: u8 = 3;

/// `SO_TXREHASH`: take the namespace's default (`SOCK_TXREHASH_DEFAULT`).
pub const SOCK_TXREHASH_DEFAULT: u8 = 255;

/// `SO_LINGER`'s value (`struct linger`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Linger {
    /// Whether `close(2)` lingers.
    pub onoff: i32,
    /// Seconds.
    pub linger: i32,
}

/// Credentials of a process (`struct ucred`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Ucred {
    /// Process.
    pub pid: i32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// The name of a family, for traces: `"AF_INET"`, or `"AF_?"`.
#[must_use]
pub fn family_name(family: i32) -> &'static str {
    FAMILIES.name(i64::from(family)).unwrap_or("AF_?")
}

/// The name of a type without its flags, for traces: `"SOCK_STREAM"`, or `"SOCK_?"`.
#[must_use]
pub fn type_name(ty: i32) -> &'static str {
    SOCK_TYPES.name(i64::from(ty & SOCK_TYPE_MASK)).unwrap_or("SOCK_?")
}
