//! `linux/sock_diag.h`, `linux/inet_diag.h`: the questions `ss(8)` asks, and the answers.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Message type: sockets of a family (`SOCK_DIAG_BY_FAMILY`).
pub const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Message type: destroy a socket (`SOCK_DESTROY`).
pub const SOCK_DESTROY: u16 = 21;
/// Message type of the old TCP question (`TCPDIAG_GETSOCK`).
pub const TCPDIAG_GETSOCK: u16 = 18;

/// `struct inet_diag_sockid`, 48 bytes; ports and addresses in network order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct InetDiagSockId {
    /// Local port.
    pub sport: [u8; 2],
    /// Remote port.
    pub dport: [u8; 2],
    /// Local address; IPv4 in the first four bytes.
    pub src: [u8; 16],
    /// Remote address.
    pub dst: [u8; 16],
    /// Bound interface.
    pub ifindex: u32,
    /// The socket's cookie, low half first; all ones for none.
    pub cookie: [u32; 2],
}

/// `struct inet_diag_req_v2`, 56 bytes; attributes follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct InetDiagReqV2 {
    /// `AF_*`
    pub family: u8,
    /// `IPPROTO_*`
    pub protocol: u8,
    /// Bits of `INET_DIAG_*` wanted: bit `n - 1` for attribute `n`.
    pub ext: u8,
    /// Zero.
    pub pad: u8,
    /// Bits of the states wanted.
    pub states: u32,
    /// The socket, or what to filter by.
    pub id: InetDiagSockId,
}

/// `struct inet_diag_msg`, 72 bytes; attributes follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct InetDiagMsg {
    /// `AF_*`
    pub family: u8,
    /// State.
    pub state: u8,
    /// Timer: 0 none, 1 retransmission, 2 keepalive, 3 TIME_WAIT, 4 probe.
    pub timer: u8,
    /// Retransmissions.
    pub retrans: u8,
    /// The socket.
    pub id: InetDiagSockId,
    /// Milliseconds until the timer.
    pub expires: u32,
    /// Receive queue: bytes, or connections to accept.
    pub rqueue: u32,
    /// Send queue: bytes, or the backlog.
    pub wqueue: u32,
    /// User.
    pub uid: u32,
    /// Inode.
    pub inode: u32,
}

abi! {
    /// Attributes of an answer (`INET_DIAG_*`).
    INET_DIAG_ATTRS: u16 {
        INET_DIAG_NONE = 0, "None.";
        INET_DIAG_MEMINFO = 1, "`struct inet_diag_meminfo`.";
        INET_DIAG_INFO = 2, "`struct tcp_info`.";
        INET_DIAG_VEGASINFO = 3, "Vegas state.";
        INET_DIAG_CONG = 4, "Congestion control.";
        INET_DIAG_TOS = 5, "Type of service.";
        INET_DIAG_TCLASS = 6, "Traffic class.";
        INET_DIAG_SKMEMINFO = 7, "`SK_MEMINFO_*`.";
        INET_DIAG_SHUTDOWN = 8, "Which sides are shut.";
        INET_DIAG_DCTCPINFO = 9, "DCTCP state.";
        INET_DIAG_PROTOCOL = 10, "Protocol of a raw socket.";
        INET_DIAG_SKV6ONLY = 11, "IPv6 only.";
        INET_DIAG_LOCALS = 12, "Local addresses.";
        INET_DIAG_PEERS = 13, "Peer addresses.";
        INET_DIAG_PAD = 14, "Padding.";
        INET_DIAG_MARK = 15, "Mark.";
        INET_DIAG_BBRINFO = 16, "BBR state.";
        INET_DIAG_CLASS_ID = 17, "Class or priority.";
        INET_DIAG_MD5SIG = 18, "MD5 keys.";
        INET_DIAG_ULP_INFO = 19, "Upper layer protocol.";
        INET_DIAG_SK_BPF_STORAGES = 20, "BPF storage.";
        INET_DIAG_CGROUP_ID = 21, "Control group.";
        INET_DIAG_SOCKOPT = 22, "Option bits.";
    }
}

abi! {
    u16 {
        INET_DIAG_REQ_BYTECODE = 1, "Question: a filter.";
        INET_DIAG_REQ_SK_BPF_STORAGES = 2, "Question: BPF storage.";
        INET_DIAG_REQ_PROTOCOL = 3, "Question: a protocol above 255.";
    }
}

abi! {
    /// Operations of a filter (`INET_DIAG_BC_*`).
    INET_DIAG_BC: u8 {
        INET_DIAG_BC_NOP = 0, "Nothing.";
        INET_DIAG_BC_JMP = 1, "Jump.";
        INET_DIAG_BC_S_GE = 2, "Local port at least.";
        INET_DIAG_BC_S_LE = 3, "Local port at most.";
        INET_DIAG_BC_D_GE = 4, "Remote port at least.";
        INET_DIAG_BC_D_LE = 5, "Remote port at most.";
        INET_DIAG_BC_AUTO = 6, "Port chosen by the kernel.";
        INET_DIAG_BC_S_COND = 7, "Local address.";
        INET_DIAG_BC_D_COND = 8, "Remote address.";
        INET_DIAG_BC_DEV_COND = 9, "Interface.";
        INET_DIAG_BC_MARK_COND = 10, "Mark.";
        INET_DIAG_BC_S_EQ = 11, "Local port.";
        INET_DIAG_BC_D_EQ = 12, "Remote port.";
        INET_DIAG_BC_CGROUP_COND = 13, "Control group.";
    }
}

/// `struct inet_diag_bc_op`: one operation of a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct InetDiagBcOp {
    /// `INET_DIAG_BC_*`
    pub code: u8,
    /// Bytes to the next if it holds.
    pub yes: u8,
    /// Bytes to the next if it does not.
    pub no: u16,
}

/// `struct inet_diag_meminfo`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct InetDiagMeminfo {
    /// Receive memory.
    pub rmem: u32,
    /// Send memory queued.
    pub wmem: u32,
    /// Memory set aside.
    pub fmem: u32,
    /// Send memory of packets.
    pub tmem: u32,
}

abi! {
    /// Places in `SO_MEMINFO` and `INET_DIAG_SKMEMINFO`.
    SK_MEMINFO: usize {
        SK_MEMINFO_RMEM_ALLOC = 0, "Receive memory in use.";
        SK_MEMINFO_RCVBUF = 1, "Receive buffer.";
        SK_MEMINFO_WMEM_ALLOC = 2, "Send memory of packets.";
        SK_MEMINFO_SNDBUF = 3, "Send buffer.";
        SK_MEMINFO_FWD_ALLOC = 4, "Memory set aside.";
        SK_MEMINFO_WMEM_QUEUED = 5, "Send memory queued.";
        SK_MEMINFO_OPTMEM = 6, "Option memory.";
        SK_MEMINFO_BACKLOG = 7, "Backlog.";
        SK_MEMINFO_DROPS = 8, "Drops.";
    }
}

/// How many numbers `SO_MEMINFO` gives (`SK_MEMINFO_VARS`).
pub const SK_MEMINFO_VARS: usize = 9;
