//! `linux/icmp.h`, `linux/icmpv6.h`, `linux/errqueue.h`: types and codes, and the error queue's record.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi! {
    /// Types of ICMP.
    ICMP_TYPES: u8 {
        ICMP_ECHOREPLY = 0, "Echo reply.";
        ICMP_DEST_UNREACH = 3, "Destination unreachable.";
        ICMP_SOURCE_QUENCH = 4, "Source quench.";
        ICMP_REDIRECT = 5, "Redirect.";
        ICMP_ECHO = 8, "Echo request.";
        ICMP_TIME_EXCEEDED = 11, "Time exceeded.";
        ICMP_PARAMETERPROB = 12, "Parameter problem.";
        ICMP_TIMESTAMP = 13, "Timestamp request.";
        ICMP_TIMESTAMPREPLY = 14, "Timestamp reply.";
        ICMP_INFO_REQUEST = 15, "Information request.";
        ICMP_INFO_REPLY = 16, "Information reply.";
        ICMP_ADDRESS = 17, "Address mask request.";
        ICMP_ADDRESSREPLY = 18, "Address mask reply.";
        ICMP_EXT_ECHO = 42, "Extended echo request (RFC 8335).";
        ICMP_EXT_ECHOREPLY = 43, "Extended echo reply.";
    }
}

/// Largest type Linux handles (`NR_ICMP_TYPES`).
pub const NR_ICMP_TYPES: u8 = 18;
/// Largest code of `ICMP_DEST_UNREACH` Linux handles (`NR_ICMP_UNREACH`).
pub const NR_ICMP_UNREACH: u8 = 15;

abi! {
    /// Codes of `ICMP_DEST_UNREACH`.
    ICMP_UNREACH_CODES: u8 {
        ICMP_NET_UNREACH = 0, "Network unreachable.";
        ICMP_HOST_UNREACH = 1, "Host unreachable.";
        ICMP_PROT_UNREACH = 2, "Protocol unreachable.";
        ICMP_PORT_UNREACH = 3, "Port unreachable.";
        ICMP_FRAG_NEEDED = 4, "Fragmentation needed and DF set.";
        ICMP_SR_FAILED = 5, "Source route failed.";
        ICMP_NET_UNKNOWN = 6, "Network unknown.";
        ICMP_HOST_UNKNOWN = 7, "Host unknown.";
        ICMP_HOST_ISOLATED = 8, "Host isolated.";
        ICMP_NET_ANO = 9, "Network prohibited.";
        ICMP_HOST_ANO = 10, "Host prohibited.";
        ICMP_NET_UNR_TOS = 11, "Network unreachable for this TOS.";
        ICMP_HOST_UNR_TOS = 12, "Host unreachable for this TOS.";
        ICMP_PKT_FILTERED = 13, "Filtered.";
        ICMP_PREC_VIOLATION = 14, "Precedence violation.";
        ICMP_PREC_CUTOFF = 15, "Precedence cut off.";
    }
}

abi! {
    u8 {
        ICMP_REDIR_NET = 0, "Redirect for a network.";
        ICMP_REDIR_HOST = 1, "Redirect for a host.";
        ICMP_REDIR_NETTOS = 2, "Redirect for a network and TOS.";
        ICMP_REDIR_HOSTTOS = 3, "Redirect for a host and TOS.";
        ICMP_EXC_TTL = 0, "Time to live ran out.";
        ICMP_EXC_FRAGTIME = 1, "Fragment reassembly took too long.";
    }
}

/// Option of `SOL_RAW`: types a raw ICMP socket does not see (`ICMP_FILTER`).
pub const ICMP_FILTER: i32 = 1;
/// Option of `SOL_ICMPV6`: the same, 256 bits (`ICMPV6_FILTER`).
pub const ICMPV6_FILTER: i32 = 1;

abi! {
    /// Types of ICMPv6.
    ICMPV6_TYPES: u8 {
        ICMPV6_DEST_UNREACH = 1, "Destination unreachable.";
        ICMPV6_PKT_TOOBIG = 2, "Packet too big.";
        ICMPV6_TIME_EXCEED = 3, "Time exceeded.";
        ICMPV6_PARAMPROB = 4, "Parameter problem.";
        ICMPV6_ECHO_REQUEST = 128, "Echo request.";
        ICMPV6_ECHO_REPLY = 129, "Echo reply.";
        ICMPV6_MGM_QUERY = 130, "Multicast listener query.";
        ICMPV6_MGM_REPORT = 131, "Multicast listener report.";
        ICMPV6_MGM_REDUCTION = 132, "Multicast listener done.";
        NDISC_ROUTER_SOLICITATION = 133, "Router solicitation.";
        NDISC_ROUTER_ADVERTISEMENT = 134, "Router advertisement.";
        NDISC_NEIGHBOUR_SOLICITATION = 135, "Neighbour solicitation.";
        NDISC_NEIGHBOUR_ADVERTISEMENT = 136, "Neighbour advertisement.";
        NDISC_REDIRECT = 137, "Redirect.";
        ICMPV6_NI_QUERY = 139, "Node information query.";
        ICMPV6_NI_REPLY = 140, "Node information reply.";
        ICMPV6_MLD2_REPORT = 143, "Multicast listener report, version 2.";
        ICMPV6_DHAAD_REQUEST = 144, "Home agent discovery request.";
        ICMPV6_DHAAD_REPLY = 145, "Home agent discovery reply.";
        ICMPV6_MOBILE_PREFIX_SOL = 146, "Mobile prefix solicitation.";
        ICMPV6_MOBILE_PREFIX_ADV = 147, "Mobile prefix advertisement.";
        ICMPV6_MRDISC_ADV = 151, "Multicast router advertisement.";
        ICMPV6_EXT_ECHO_REQUEST = 160, "Extended echo request (RFC 8335).";
        ICMPV6_EXT_ECHO_REPLY = 161, "Extended echo reply.";
    }
}

/// Bit of the type: the message is information, not an error (`ICMPV6_INFOMSG_MASK`).
pub const ICMPV6_INFOMSG_MASK: u8 = 0x80;

abi! {
    /// Codes of `ICMPV6_DEST_UNREACH`.
    ICMPV6_UNREACH_CODES: u8 {
        ICMPV6_NOROUTE = 0, "No route.";
        ICMPV6_ADM_PROHIBITED = 1, "Prohibited.";
        ICMPV6_NOT_NEIGHBOUR = 2, "Beyond the scope of the source.";
        ICMPV6_ADDR_UNREACH = 3, "Address unreachable.";
        ICMPV6_PORT_UNREACH = 4, "Port unreachable.";
        ICMPV6_POLICY_FAIL = 5, "Source failed policy.";
        ICMPV6_REJECT_ROUTE = 6, "Reject route.";
    }
}

abi! {
    u8 {
        ICMPV6_EXC_HOPLIMIT = 0, "Hop limit ran out.";
        ICMPV6_EXC_FRAGTIME = 1, "Fragment reassembly took too long.";
        ICMPV6_HDR_FIELD = 0, "Parameter problem: a header field.";
        ICMPV6_UNK_NEXTHDR = 1, "Parameter problem: unknown next header.";
        ICMPV6_UNK_OPTION = 2, "Parameter problem: unknown option.";
        ICMPV6_HDR_INCOMP = 3, "Parameter problem: header chain in fragments.";
        SO_EE_ORIGIN_NONE = 0, "Origin: none.";
        SO_EE_ORIGIN_LOCAL = 1, "Origin: this machine.";
        SO_EE_ORIGIN_ICMP = 2, "Origin: ICMP.";
        SO_EE_ORIGIN_ICMP6 = 3, "Origin: ICMPv6.";
        SO_EE_ORIGIN_TXSTATUS = 4, "Origin: transmit time (`SO_EE_ORIGIN_TIMESTAMPING`).";
        SO_EE_ORIGIN_ZEROCOPY = 5, "Origin: zero-copy notice.";
        SO_EE_ORIGIN_TXTIME = 6, "Origin: `SO_TXTIME`.";
        SO_EE_CODE_ZEROCOPY_COPIED = 1, "The zero-copy send was copied after all.";
        SO_EE_CODE_TXTIME_INVALID_PARAM = 1, "Bad transmit time parameters.";
        SO_EE_CODE_TXTIME_MISSED = 2, "Transmit time missed.";
    }
}

/// Another name of [`SO_EE_ORIGIN_TXSTATUS`].
pub const SO_EE_ORIGIN_TIMESTAMPING: u8 = SO_EE_ORIGIN_TXSTATUS;

/// `struct sock_extended_err`, 16 bytes; the offender's sockaddr follows it in the control message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SockExtendedErr {
    /// Error number.
    pub errno: u32,
    /// `SO_EE_ORIGIN_*`.
    pub origin: u8,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Padding.
    pub pad: u8,
    /// MTU, first zero-copy number, or what kind of time (`SCM_TSTAMP_*`).
    pub info: u32,
    /// Last zero-copy number, or the key of a time.
    pub data: u32,
}
