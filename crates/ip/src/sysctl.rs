//! `net.ipv4.*` and `net.ipv6.*` as far as the IP layer honours them; ports are in [`crate::ports`],
//! settings of an interface in [`crate::addr::Conf`].

use crate::IpNet;
use crate::addr::{Conf, Conf4, Conf6};
use kern::sync::SpinLock;
use net::Net;
use net::sysctl::{IntRow, SysctlNode, register_ints};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::{Errno, Result};

macro_rules! ints {
    ($($(#[$doc:meta])* $field:ident = $default:literal, $path:literal, $min:expr, $max:expr;)*) => {
        /// The values.
        pub struct IpSysctl {
            $($(#[$doc])* #[doc = concat!("`", $path, "`")] pub $field: AtomicI32,)*
            /// Types of ICMPv6 that are limited (`net/ipv6/icmp/ratemask`).
            pub icmp6_ratemask: SpinLock<Vec<(u32, u32)>>,
            /// `net.ipv4.conf.all`.
            pub conf4_all: Conf,
            /// `net.ipv4.conf.default`.
            pub conf4_default: Conf,
            /// `net.ipv6.conf.all`.
            pub conf6_all: Conf,
            /// `net.ipv6.conf.default`.
            pub conf6_default: Conf,
        }

        impl Default for IpSysctl {
            fn default() -> Self {
                IpSysctl {
                    $($field: AtomicI32::new($default),)*
                    icmp6_ratemask: SpinLock::new(vec![(0, 1), (3, 127)]),
                    conf4_all: Conf::new(Conf4::ROWS),
                    conf4_default: Conf::new(Conf4::ROWS),
                    conf6_all: Conf::new(Conf6::ROWS),
                    conf6_default: Conf::new(Conf6::ROWS),
                }
            }
        }

        static ROWS: &[IntRow] = &[
            $(IntRow::new($path, |net| std::slice::from_ref(&IpNet::of(net).sysctl.$field)).range($min, $max),)*
        ];
    };
}

const ANY: i32 = i32::MIN;
const MOST: i32 = i32::MAX;

ints! {
    ip_default_ttl = 64, "net/ipv4/ip_default_ttl", 1, 255;
    ip_forward = 0, "net/ipv4/ip_forward", ANY, MOST;
    ip_no_pmtu_disc = 0, "net/ipv4/ip_no_pmtu_disc", 0, 3;
    ip_nonlocal_bind = 0, "net/ipv4/ip_nonlocal_bind", 0, 1;
    ip_dynaddr = 0, "net/ipv4/ip_dynaddr", 0, 255;
    ip_early_demux = 1, "net/ipv4/ip_early_demux", 0, 1;
    ip_forward_update_priority = 1, "net/ipv4/ip_forward_update_priority", 0, 1;
    ip_forward_use_pmtu = 0, "net/ipv4/ip_forward_use_pmtu", 0, 1;
    fwmark_reflect = 0, "net/ipv4/fwmark_reflect", 0, 255;
    icmp_echo_ignore_all = 0, "net/ipv4/icmp_echo_ignore_all", 0, 1;
    icmp_echo_enable_probe = 0, "net/ipv4/icmp_echo_enable_probe", 0, 1;
    icmp_echo_ignore_broadcasts = 1, "net/ipv4/icmp_echo_ignore_broadcasts", 0, 1;
    icmp_ignore_bogus_error_responses = 1, "net/ipv4/icmp_ignore_bogus_error_responses", 0, 1;
    icmp_errors_use_inbound_ifaddr = 0, "net/ipv4/icmp_errors_use_inbound_ifaddr", 0, 1;
    /// Milliseconds between two errors to one host.
    icmp_ratelimit = 1000, "net/ipv4/icmp_ratelimit", ANY, MOST;
    /// One bit for each type that is limited.
    icmp_ratemask = 6168, "net/ipv4/icmp_ratemask", ANY, MOST;
    icmp_msgs_per_sec = 1000, "net/ipv4/icmp_msgs_per_sec", 0, MOST;
    icmp_msgs_burst = 50, "net/ipv4/icmp_msgs_burst", 0, MOST;
    igmp_max_memberships = 20, "net/ipv4/igmp_max_memberships", ANY, MOST;
    igmp_max_msf = 10, "net/ipv4/igmp_max_msf", ANY, MOST;
    igmp_link_local_mcast_reports = 1, "net/ipv4/igmp_link_local_mcast_reports", 0, 1;
    igmp_qrv = 2, "net/ipv4/igmp_qrv", 1, MOST;
    /// Bytes of fragments at which IPv4 takes no more.
    ipfrag_high_thresh = 4194304, "net/ipv4/ipfrag_high_thresh", 0, MOST;
    ipfrag_low_thresh = 3145728, "net/ipv4/ipfrag_low_thresh", 0, MOST;
    /// Seconds fragments wait for the rest.
    ipfrag_time = 30, "net/ipv4/ipfrag_time", 0, MOST;
    ipfrag_max_dist = 64, "net/ipv4/ipfrag_max_dist", 0, MOST;
    /// Seconds a learned path MTU is believed.
    mtu_expires = 600, "net/ipv4/route/mtu_expires", ANY, MOST;
    min_pmtu = 552, "net/ipv4/route/min_pmtu", 68, MOST;
    min_adv_mss = 256, "net/ipv4/route/min_adv_mss", ANY, MOST;
    bindv6only = 0, "net/ipv6/bindv6only", 0, 1;
    ip_nonlocal_bind6 = 0, "net/ipv6/ip_nonlocal_bind", 0, 1;
    auto_flowlabels = 1, "net/ipv6/auto_flowlabels", 0, 3;
    flowlabel_consistency = 1, "net/ipv6/flowlabel_consistency", 0, 1;
    flowlabel_reflect = 0, "net/ipv6/flowlabel_reflect", 0, 7;
    flowlabel_state_ranges = 0, "net/ipv6/flowlabel_state_ranges", 0, 1;
    anycast_src_echo_reply = 0, "net/ipv6/anycast_src_echo_reply", 0, 1;
    fwmark_reflect6 = 0, "net/ipv6/fwmark_reflect", 0, 1;
    icmp6_ratelimit = 100, "net/ipv6/icmp/ratelimit", 0, MOST;
    icmp6_echo_ignore_all = 0, "net/ipv6/icmp/echo_ignore_all", 0, 1;
    icmp6_echo_ignore_multicast = 0, "net/ipv6/icmp/echo_ignore_multicast", 0, 1;
    icmp6_echo_ignore_anycast = 0, "net/ipv6/icmp/echo_ignore_anycast", 0, 1;
    icmp6_error_anycast_as_unicast = 0, "net/ipv6/icmp/error_anycast_as_unicast", 0, 1;
    ip6frag_high_thresh = 4194304, "net/ipv6/ip6frag_high_thresh", 0, MOST;
    ip6frag_low_thresh = 3145728, "net/ipv6/ip6frag_low_thresh", 0, MOST;
    ip6frag_time = 60, "net/ipv6/ip6frag_time", 0, MOST;
    max_dst_opts_number = 8, "net/ipv6/max_dst_opts_number", ANY, MOST;
    max_dst_opts_length = 2147483647, "net/ipv6/max_dst_opts_length", ANY, MOST;
    max_hbh_opts_number = 8, "net/ipv6/max_hbh_opts_number", ANY, MOST;
    max_hbh_length = 2147483647, "net/ipv6/max_hbh_length", ANY, MOST;
    mld_max_msf = 64, "net/ipv6/mld_max_msf", ANY, MOST;
    mtu_expires6 = 600, "net/ipv6/route/mtu_expires", ANY, MOST;
    min_adv_mss6 = 1220, "net/ipv6/route/min_adv_mss", ANY, MOST;
}

impl IpSysctl {
    /// A switch.
    #[inline]
    pub fn is_on(value: &AtomicI32) -> bool {
        value.load(Relaxed) != 0
    }

    /// A number that is never negative.
    #[inline]
    pub fn amount(value: &AtomicI32) -> u64 {
        u64::try_from(value.load(Relaxed)).unwrap_or(0)
    }
}

/// Adds the files.
pub(crate) fn register(net: &Net) -> Result<()> {
    register_ints(net, ROWS)?;
    net.sysctl.register("net/ipv6/icmp/ratemask", Arc::new(RateMask))?;
    net.sysctl.register("net/ipv4/route/flush", Arc::new(Flush))?;
    net.sysctl.register("net/ipv6/route/flush", Arc::new(Flush))?;
    crate::addr::register_templates(net);
    Ok(())
}

/// `net/ipv6/icmp/ratemask`: a list of ranges of types (`proc_do_large_bitmap`).
struct RateMask;

impl SysctlNode for RateMask {
    fn read(&self, net: &Net) -> String {
        let ranges = IpNet::of(net).sysctl.icmp6_ratemask.lock();
        let words: Vec<String> =
            ranges.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") }).collect();
        words.join(",") + "\n"
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        let mut ranges = Vec::new();
        for word in text.trim().split(',').filter(|word| !word.is_empty()) {
            let (a, b) = word.split_once('-').unwrap_or((word, word));
            let a: u32 = a.trim().parse().map_err(|_| Errno::EINVAL)?;
            let b: u32 = b.trim().parse().map_err(|_| Errno::EINVAL)?;
            if a > b || b > 255 {
                return Err(Errno::EINVAL);
            }
            ranges.push((a, b));
        }
        ranges.sort_unstable();
        *IpNet::of(net).sysctl.icmp6_ratemask.lock() = ranges;
        Ok(())
    }
}

/// `route/flush`: writing it forgets all cached routes.
struct Flush;

impl SysctlNode for Flush {
    fn mode(&self) -> u32 {
        0o200
    }

    fn read(&self, _net: &Net) -> String {
        String::new()
    }

    fn write(&self, net: &Net, _text: &str) -> Result<()> {
        crate::route::pmtu::flush(net);
        Ok(())
    }
}
