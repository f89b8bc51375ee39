//! `struct iovec`, `struct msghdr`, `struct mmsghdr` and times, as 64-bit programs lay them out.
//!
//! Pointers are plain numbers here: the caller's memory may be another process's.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct iovec`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct IoVec {
    /// Address.
    pub base: u64,
    /// Bytes.
    pub len: u64,
}

/// `struct msghdr` (`struct user_msghdr`), 56 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct MsgHdr {
    /// Address of the sockaddr.
    pub name: u64,
    /// Its bytes.
    pub namelen: i32,
    /// Padding.
    pub pad0: u32,
    /// Address of the `iovec`s.
    pub iov: u64,
    /// How many.
    pub iovlen: u64,
    /// Address of the control buffer.
    pub control: u64,
    /// Its bytes.
    pub controllen: u64,
    /// `MSG_*`, out.
    pub flags: u32,
    /// Padding.
    pub pad1: u32,
}

/// `struct mmsghdr`, 64 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct MmsgHdr {
    /// The message.
    pub hdr: MsgHdr,
    /// Bytes moved, out.
    pub len: u32,
    /// Padding.
    pub pad: u32,
}

/// `struct compat_iovec`, of a 32-bit program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CompatIoVec {
    /// Address.
    pub base: u32,
    /// Bytes.
    pub len: u32,
}

/// `struct compat_msghdr`, 28 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CompatMsgHdr {
    /// Address of the sockaddr.
    pub name: u32,
    /// Its bytes.
    pub namelen: i32,
    /// Address of the `iovec`s.
    pub iov: u32,
    /// How many.
    pub iovlen: u32,
    /// Address of the control buffer.
    pub control: u32,
    /// Its bytes.
    pub controllen: u32,
    /// `MSG_*`, out.
    pub flags: u32,
}

/// `struct timeval`, 64-bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Timeval {
    /// Seconds.
    pub sec: i64,
    /// Microseconds.
    pub usec: i64,
}

/// `struct timespec`, 64-bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Timespec {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds.
    pub nsec: i64,
}

/// `struct scm_timestamping`: software time, an unused one, hardware time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ScmTimestamping {
    /// The three times.
    pub ts: [Timespec; 3],
}

/// `struct so_timestamping`, `SO_TIMESTAMPING`'s long value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SoTimestamping {
    /// `SOF_TIMESTAMPING_*`
    pub flags: i32,
    /// Which PTP clock.
    pub bind_phc: i32,
}

/// `struct sock_txtime`, `SO_TXTIME`'s value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SockTxtime {
    /// Clock.
    pub clockid: i32,
    /// Flags.
    pub flags: u32,
}

abi! {
    /// Flags of `SO_TIMESTAMPING`.
    SOF_TIMESTAMPING: u32 {
        SOF_TIMESTAMPING_TX_HARDWARE = 1 << 0, "Record: transmit, by the device.";
        SOF_TIMESTAMPING_TX_SOFTWARE = 1 << 1, "Record: transmit, by the kernel.";
        SOF_TIMESTAMPING_RX_HARDWARE = 1 << 2, "Record: receive, by the device.";
        SOF_TIMESTAMPING_RX_SOFTWARE = 1 << 3, "Record: receive, by the kernel.";
        SOF_TIMESTAMPING_SOFTWARE = 1 << 4, "Report kernel times.";
        SOF_TIMESTAMPING_SYS_HARDWARE = 1 << 5, "Unused.";
        SOF_TIMESTAMPING_RAW_HARDWARE = 1 << 6, "Report device times.";
        SOF_TIMESTAMPING_OPT_ID = 1 << 7, "Number the reports.";
        SOF_TIMESTAMPING_TX_SCHED = 1 << 8, "Record: entry to the queue.";
        SOF_TIMESTAMPING_TX_ACK = 1 << 9, "Record: acknowledgement.";
        SOF_TIMESTAMPING_OPT_CMSG = 1 << 10, "Control messages with all reports.";
        SOF_TIMESTAMPING_OPT_TSONLY = 1 << 11, "Reports without the packet.";
        SOF_TIMESTAMPING_OPT_STATS = 1 << 12, "Reports with statistics.";
        SOF_TIMESTAMPING_OPT_PKTINFO = 1 << 13, "Reports with interface and length.";
        SOF_TIMESTAMPING_OPT_TX_SWHW = 1 << 14, "Kernel and device times both.";
        SOF_TIMESTAMPING_BIND_PHC = 1 << 15, "Bind to a PTP clock.";
        SOF_TIMESTAMPING_OPT_ID_TCP = 1 << 16, "Numbers start at the bytes written.";
        SOF_TIMESTAMPING_OPT_RX_FILTER = 1 << 17, "Only times this socket asked for.";
        SOF_TIMESTAMPING_TX_COMPLETION = 1 << 18, "Record: completion.";
    }
}

/// The flags that ask for times of a packet sent; one call may choose among them.
pub const SOF_TIMESTAMPING_TX_RECORD_MASK: u32 = SOF_TIMESTAMPING_TX_HARDWARE
    | SOF_TIMESTAMPING_TX_SOFTWARE
    | SOF_TIMESTAMPING_TX_SCHED
    | SOF_TIMESTAMPING_TX_ACK
    | SOF_TIMESTAMPING_TX_COMPLETION;
/// All the flags (`SOF_TIMESTAMPING_MASK`).
pub const SOF_TIMESTAMPING_MASK: u32 = (1 << 19) - 1;

abi! {
    u32 {
        SCM_TSTAMP_SND = 0, "The packet went to the driver.";
        SCM_TSTAMP_SCHED = 1, "The packet went to the queue.";
        SCM_TSTAMP_ACK = 2, "The peer acknowledged the data.";
        SCM_TSTAMP_COMPLETION = 3, "The driver reported completion.";
    }
}
