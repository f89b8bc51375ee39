//! Names of options by level, and of control messages: for traces and generated documents.

use crate::icmp::{ICMP_FILTER, ICMPV6_FILTER};
use crate::socket::{
    LEVELS, SCM_TYPES, SO_OPTIONS, SOL_ICMPV6, SOL_IP, SOL_IPV6, SOL_NETLINK, SOL_PACKET, SOL_RAW,
    SOL_SOCKET, SOL_TCP, SOL_UDP, SOL_UDPLITE,
};
use crate::table::Table;
use crate::{
    in4::IP_OPTIONS_TABLE, in6::IPV6_OPTIONS_TABLE, netif::PACKET_OPTIONS, netlink::NETLINK_OPTIONS,
    tcp::TCP_OPTIONS, udp::UDP_OPTIONS,
};

static RAW_OPTIONS: Table = Table { rows: &[(ICMP_FILTER as i64, "ICMP_FILTER")] };
static ICMPV6_OPTIONS: Table = Table { rows: &[(ICMPV6_FILTER as i64, "ICMPV6_FILTER")] };

/// Each level with the table of its options.
pub static OPTION_TABLES: &[(i32, &Table)] = &[
    (SOL_SOCKET, &SO_OPTIONS),
    (SOL_IP, &IP_OPTIONS_TABLE),
    (SOL_IPV6, &IPV6_OPTIONS_TABLE),
    (SOL_TCP, &TCP_OPTIONS),
    (SOL_UDP, &UDP_OPTIONS),
    (SOL_UDPLITE, &UDP_OPTIONS),
    (SOL_RAW, &RAW_OPTIONS),
    (SOL_ICMPV6, &ICMPV6_OPTIONS),
    (SOL_NETLINK, &NETLINK_OPTIONS),
    (SOL_PACKET, &PACKET_OPTIONS),
];

/// The table of a level's options.
#[must_use]
pub fn option_table(level: i32) -> Option<&'static Table> {
    OPTION_TABLES.iter().find(|row| row.0 == level).map(|row| row.1)
}

/// The name of a level.
///
/// ```
/// use sockeye_uapi::names::{cmsg_name, level_name, option_name};
///
/// assert_eq!(level_name(6), Some("SOL_TCP"));
/// assert_eq!(option_name(6, 1), Some("TCP_NODELAY"));
/// assert_eq!(option_name(1, 2), Some("SO_REUSEADDR"));
/// assert_eq!(cmsg_name(1, 1), Some("SCM_RIGHTS"));
/// assert_eq!(option_name(6, 999), None);
/// ```
#[must_use]
pub fn level_name(level: i32) -> Option<&'static str> {
    LEVELS.name(i64::from(level))
}

/// The name of an option at its level.
#[must_use]
pub fn option_name(level: i32, option: i32) -> Option<&'static str> {
    option_table(level)?.name(i64::from(option))
}

/// The name of a control message: those of a protocol's level have the names of its options.
#[must_use]
pub fn cmsg_name(level: i32, kind: i32) -> Option<&'static str> {
    if level == SOL_SOCKET { SCM_TYPES.name(i64::from(kind)) } else { option_name(level, kind) }
}
