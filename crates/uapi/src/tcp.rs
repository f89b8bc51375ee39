//! `linux/tcp.h`: options of `SOL_TCP`, states, and the values the options carry.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub use crate::tcp_info::TcpInfo;

abi! {
    /// Options of `SOL_TCP` (`tcp(7)`).
    TCP_OPTIONS: i32 {
        TCP_NODELAY = 1, "No Nagle.";
        TCP_MAXSEG = 2, "Largest segment.";
        TCP_CORK = 3, "Hold partial segments.";
        TCP_KEEPIDLE = 4, "Seconds of silence before keepalives.";
        TCP_KEEPINTVL = 5, "Seconds between keepalives.";
        TCP_KEEPCNT = 6, "Keepalives before death.";
        TCP_SYNCNT = 7, "SYNs sent before giving up.";
        TCP_LINGER2 = 8, "Seconds an orphan stays in FIN_WAIT2.";
        TCP_DEFER_ACCEPT = 9, "Accept only with data.";
        TCP_WINDOW_CLAMP = 10, "Largest window offered.";
        TCP_INFO = 11, "Get: `struct tcp_info`.";
        TCP_QUICKACK = 12, "No delayed acknowledgement.";
        TCP_CONGESTION = 13, "Congestion control, by name.";
        TCP_MD5SIG = 14, "RFC 2385 key.";
        TCP_THIN_LINEAR_TIMEOUTS = 16, "Thin streams: linear timeouts.";
        TCP_THIN_DUPACK = 17, "Thin streams: fast dupack (no effect now).";
        TCP_USER_TIMEOUT = 18, "Milliseconds unacknowledged data may wait.";
        TCP_REPAIR = 19, "Repair mode.";
        TCP_REPAIR_QUEUE = 20, "Repair: which queue.";
        TCP_QUEUE_SEQ = 21, "Repair: its sequence number.";
        TCP_REPAIR_OPTIONS = 22, "Repair: negotiated options.";
        TCP_FASTOPEN = 23, "Fast open on a listener: queue length.";
        TCP_TIMESTAMP = 24, "Repair: timestamp offset.";
        TCP_NOTSENT_LOWAT = 25, "Writable below so many unsent bytes.";
        TCP_CC_INFO = 26, "Get: the congestion control's own state.";
        TCP_SAVE_SYN = 27, "Save the SYN's headers.";
        TCP_SAVED_SYN = 28, "Get: the saved SYN.";
        TCP_REPAIR_WINDOW = 29, "Repair: windows.";
        TCP_FASTOPEN_CONNECT = 30, "`connect(2)` waits for data.";
        TCP_ULP = 31, "Upper layer protocol, by name.";
        TCP_MD5SIG_EXT = 32, "RFC 2385 key, with extensions.";
        TCP_FASTOPEN_KEY = 33, "Fast open cookie key.";
        TCP_FASTOPEN_NO_COOKIE = 34, "Fast open without a cookie.";
        TCP_ZEROCOPY_RECEIVE = 35, "Receive by mapping pages.";
        TCP_INQ = 36, "Receive the bytes left (`TCP_CM_INQ`).";
        TCP_TX_DELAY = 37, "Delay of sent packets, microseconds.";
        TCP_AO_ADD_KEY = 38, "RFC 5925: add a key.";
        TCP_AO_DEL_KEY = 39, "RFC 5925: delete a key.";
        TCP_AO_INFO = 40, "RFC 5925: state of the socket.";
        TCP_AO_GET_KEYS = 41, "RFC 5925: list keys.";
        TCP_AO_REPAIR = 42, "RFC 5925: repair.";
        TCP_IS_MPTCP = 43, "Get: whether it is multipath.";
        TCP_RTO_MAX_MS = 44, "Largest retransmission timeout.";
        TCP_RTO_MIN_US = 45, "Least retransmission timeout.";
        TCP_DELACK_MAX_US = 46, "Longest delay of an acknowledgement.";
    }
}

/// Control message of `SOL_TCP`: bytes left (`TCP_CM_INQ`).
pub const TCP_CM_INQ: i32 = TCP_INQ;
/// Repair off, with a window probe (`TCP_REPAIR_OFF`).
pub const TCP_REPAIR_OFF: i32 = 0;
/// Repair on (`TCP_REPAIR_ON`).
pub const TCP_REPAIR_ON: i32 = 1;
/// Repair off, without a window probe (`TCP_REPAIR_OFF_NO_WP`).
pub const TCP_REPAIR_OFF_NO_WP: i32 = -1;
/// Repair: no queue chosen (`TCP_NO_QUEUE`).
pub const TCP_NO_QUEUE: i32 = 0;
/// Repair: receive queue (`TCP_RECV_QUEUE`).
pub const TCP_RECV_QUEUE: i32 = 1;
/// Repair: send queue (`TCP_SEND_QUEUE`).
pub const TCP_SEND_QUEUE: i32 = 2;
/// Repair: how many queues there are, none counted (`TCP_QUEUES_NR`).
pub const TCP_QUEUES_NR: i32 = 3;
/// Longest congestion control name, with its NUL (`TCP_CA_NAME_MAX`).
pub const TCP_CA_NAME_MAX: usize = 16;
/// Longest upper layer name, with its NUL (`TCP_ULP_NAME_MAX`).
pub const TCP_ULP_NAME_MAX: usize = 16;
/// Longest RFC 2385 key (`TCP_MD5SIG_MAXKEYLEN`).
pub const TCP_MD5SIG_MAXKEYLEN: usize = 80;
/// Least MSS on the way in that is believed (`TCP_MIN_MSS`).
pub const TCP_MIN_MSS: u16 = 88;
/// MSS when the peer names none, IPv4 (`TCP_MSS_DEFAULT`).
pub const TCP_MSS_DEFAULT: u16 = 536;
/// MSS on an IPv6 path of least MTU (`TCP_MSS_DESIRED`).
pub const TCP_MSS_DESIRED: u16 = 1220;

/// States of a connection, with the kernel's numbers (`/proc/net/tcp`, `tcpi_state`, sock_diag).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TcpState {
    /// `TCP_ESTABLISHED`
    Established = 1,
    /// `TCP_SYN_SENT`
    SynSent = 2,
    /// `TCP_SYN_RECV`
    SynRecv = 3,
    /// `TCP_FIN_WAIT1`
    FinWait1 = 4,
    /// `TCP_FIN_WAIT2`
    FinWait2 = 5,
    /// `TCP_TIME_WAIT`
    TimeWait = 6,
    /// `TCP_CLOSE`
    Close = 7,
    /// `TCP_CLOSE_WAIT`
    CloseWait = 8,
    /// `TCP_LAST_ACK`
    LastAck = 9,
    /// `TCP_LISTEN`
    Listen = 10,
    /// `TCP_CLOSING`
    Closing = 11,
    /// `TCP_NEW_SYN_RECV`: a request socket.
    NewSynRecv = 12,
    /// `TCP_BOUND_INACTIVE`: bound and closed, only in sock_diag.
    BoundInactive = 13,
}

impl TcpState {
    /// Every state, in the order of the numbers.
    pub const ALL: [TcpState; 13] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
        Self::NewSynRecv,
        Self::BoundInactive,
    ];

    /// The kernel's number.
    #[inline]
    #[must_use]
    pub const fn raw(self) -> u8 {
        self as u8
    }

    /// The state's bit (`TCPF_*`).
    #[inline]
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Whether the state is one of a set of [`bit`](Self::bit)s.
    #[inline]
    #[must_use]
    pub const fn is_in(self, set: u32) -> bool {
        self.bit() & set != 0
    }

    /// The state with this number.
    #[must_use]
    pub fn from_raw(raw: u8) -> Option<Self> {
        Self::ALL.get(usize::from(raw).checked_sub(1)?).copied()
    }

    /// The kernel's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "TCP_ESTABLISHED",
            Self::SynSent => "TCP_SYN_SENT",
            Self::SynRecv => "TCP_SYN_RECV",
            Self::FinWait1 => "TCP_FIN_WAIT1",
            Self::FinWait2 => "TCP_FIN_WAIT2",
            Self::TimeWait => "TCP_TIME_WAIT",
            Self::Close => "TCP_CLOSE",
            Self::CloseWait => "TCP_CLOSE_WAIT",
            Self::LastAck => "TCP_LAST_ACK",
            Self::Listen => "TCP_LISTEN",
            Self::Closing => "TCP_CLOSING",
            Self::NewSynRecv => "TCP_NEW_SYN_RECV",
            Self::BoundInactive => "TCP_BOUND_INACTIVE",
        }
    }

    /// The word `ss(8)` prints.
    #[must_use]
    pub const fn ss_name(self) -> &'static str {
        match self {
            Self::Established => "ESTAB",
            Self::SynSent => "SYN-SENT",
            Self::SynRecv | Self::NewSynRecv => "SYN-RECV",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::TimeWait => "TIME-WAIT",
            Self::Close => "UNCONN",
            Self::CloseWait => "CLOSE-WAIT",
            Self::LastAck => "LAST-ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
            Self::BoundInactive => "BOUND-INACTIVE",
        }
    }
}

abi! {
    /// Congestion states (`tcpi_ca_state`).
    TCP_CA_STATES: u8 {
        TCP_CA_Open = 0, "Nothing wrong.";
        TCP_CA_Disorder = 1, "Duplicate acknowledgements or SACKs.";
        TCP_CA_CWR = 2, "Window reduced by ECN or local congestion.";
        TCP_CA_Recovery = 3, "Fast retransmission.";
        TCP_CA_Loss = 4, "Timeout.";
    }
}

/// `tcpi_options`: timestamps in use.
pub const TCPI_OPT_TIMESTAMPS: u8 = 1;
/// `tcpi_options`: SACK in use.
pub const TCPI_OPT_SACK: u8 = 2;
/// `tcpi_options`: window scaling in use.
pub const TCPI_OPT_WSCALE: u8 = 4;
/// `tcpi_options`: ECN negotiated.
pub const TCPI_OPT_ECN: u8 = 8;
/// `tcpi_options`: an ECT packet was seen.
pub const TCPI_OPT_ECN_SEEN: u8 = 16;
/// `tcpi_options`: data in the SYN was acknowledged.
pub const TCPI_OPT_SYN_DATA: u8 = 32;
/// `tcpi_options`: timestamps tick in microseconds.
pub const TCPI_OPT_USEC_TS: u8 = 64;
/// `tcpi_options`: child of a fast-open SYN.
pub const TCPI_OPT_TFO_CHILD: u8 = 128;

/// `struct tcp_repair_window`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct TcpRepairWindow {
    /// Sequence of the last window update.
    pub snd_wl1: u32,
    /// Send window.
    pub snd_wnd: u32,
    /// Largest window seen.
    pub max_window: u32,
    /// Receive window.
    pub rcv_wnd: u32,
    /// `rcv_nxt` at the last window sent.
    pub rcv_wup: u32,
}

/// `struct tcp_repair_opt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct TcpRepairOpt {
    /// Kind of the TCP option.
    pub opt_code: u32,
    /// Its value.
    pub opt_val: u32,
}

/// `struct tcp_md5sig`, 216 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct TcpMd5sig {
    /// The peer's sockaddr.
    pub addr: [u8; 128],
    /// `TCP_MD5SIG_FLAG_PREFIX` (1), `TCP_MD5SIG_FLAG_IFINDEX` (2).
    pub flags: u8,
    /// Bits of the prefix.
    pub prefixlen: u8,
    /// Bytes of the key; 0 deletes it.
    pub keylen: u16,
    /// Interface.
    pub ifindex: i32,
    /// The key.
    pub key: [u8; TCP_MD5SIG_MAXKEYLEN],
}

/// `struct tcp_zerocopy_receive`, 64 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct TcpZerocopyReceive {
    /// Where to map.
    pub address: u64,
    /// Bytes to map; bytes mapped.
    pub length: u32,
    /// Bytes to read by a copy first.
    pub recv_skip_hint: u32,
    /// Bytes left in the queue.
    pub inq: u32,
    /// Pending error.
    pub err: i32,
    /// Where to copy what cannot be mapped.
    pub copybuf_address: u64,
    /// Bytes of it; bytes copied, or an error.
    pub copybuf_len: i32,
    /// Flags.
    pub flags: u32,
    /// Control buffer.
    pub msg_control: u64,
    /// Its bytes.
    pub msg_controllen: u64,
    /// `MSG_*`, out.
    pub msg_flags: u32,
    /// Zero.
    pub reserved: u32,
}
