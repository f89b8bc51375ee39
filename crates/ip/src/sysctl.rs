//! `net.ipv4.*` and `net.ipv6.*` as far as the IP layer honours them; ports are in [`crate::ports`],
//! settings of an interface in [`crate::addr::Conf`].

use crate::IpNet;
use crate::addr::{Conf, Conf4, Conf6};
use kern::sync::SpinLock;
use net::Net;
use net::sysctl::{Bounds, IntRow, MOST_SECONDS, SysctlNode, parse_ranges, register_ints};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::Result;

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
    ip_no_pmtu_disc = 0, "net/ipv4/ip_no_pmtu_disc", 0, 255;
    ip_nonlocal_bind = 0, "net/ipv4/ip_nonlocal_bind", 0, 255;
    ip_dynaddr = 0, "net/ipv4/ip_dynaddr", 0, 255;
    ip_early_demux = 1, "net/ipv4/ip_early_demux", 0, 255;
    ip_forward_update_priority = 1, "net/ipv4/ip_forward_update_priority", 0, 1;
    ip_forward_use_pmtu = 0, "net/ipv4/ip_forward_use_pmtu", 0, 255;
    fwmark_reflect = 0, "net/ipv4/fwmark_reflect", 0, 255;
    icmp_echo_ignore_all = 0, "net/ipv4/icmp_echo_ignore_all", 0, 1;
    icmp_echo_enable_probe = 0, "net/ipv4/icmp_echo_enable_probe", 0, 1;
    icmp_echo_ignore_broadcasts = 1, "net/ipv4/icmp_echo_ignore_broadcasts", 0, 1;
    icmp_ignore_bogus_error_responses = 1, "net/ipv4/icmp_ignore_bogus_error_responses", 0, 1;
    icmp_errors_use_inbound_ifaddr = 0, "net/ipv4/icmp_errors_use_inbound_ifaddr", 0, 1;
    /// Milliseconds between two errors to one host.
    icmp_ratelimit = 1000, "net/ipv4/icmp_ratelimit", 0, MOST;
    /// One bit for each type that is limited.
    icmp_ratemask = 6168, "net/ipv4/icmp_ratemask", ANY, MOST;
    icmp_msgs_per_sec = 1000, "net/ipv4/icmp_msgs_per_sec", 0, MOST;
    icmp_msgs_burst = 50, "net/ipv4/icmp_msgs_burst", 0, MOST;
    igmp_max_memberships = 20, "net/ipv4/igmp_max_memberships", ANY, MOST;
    igmp_max_msf = 10, "net/ipv4/igmp_max_msf", ANY, MOST;
    igmp_link_local_mcast_reports = 1, "net/ipv4/igmp_link_local_mcast_reports", 0, 255;
    igmp_qrv = 2, "net/ipv4/igmp_qrv", 1, MOST;
    /// Bytes of fragments at which IPv4 takes no more.
    ipfrag_high_thresh = 4194304, "net/ipv4/ipfrag_high_thresh", 0, MOST;
    ipfrag_low_thresh = 3145728, "net/ipv4/ipfrag_low_thresh", 0, MOST;
    /// Seconds fragments wait for the rest.
    ipfrag_time = 30, "net/ipv4/ipfrag_time", -MOST_SECONDS, MOST_SECONDS;
    ipfrag_max_dist = 64, "net/ipv4/ipfrag_max_dist", 0, MOST;
    /// Seconds a learned path MTU is believed.
    mtu_expires = 600, "net/ipv4/route/mtu_expires", -MOST_SECONDS, MOST_SECONDS;
    min_pmtu = 552, "net/ipv4/route/min_pmtu", 68, MOST;
    min_adv_mss = 256, "net/ipv4/route/min_adv_mss", ANY, MOST;
    bindv6only = 0, "net/ipv6/bindv6only", 0, 255;
    ip_nonlocal_bind6 = 0, "net/ipv6/ip_nonlocal_bind", 0, 255;
    auto_flowlabels = 1, "net/ipv6/auto_flowlabels", 0, 3;
    flowlabel_consistency = 1, "net/ipv6/flowlabel_consistency", 0, 255;
    flowlabel_reflect = 0, "net/ipv6/flowlabel_reflect", 0, 7;
    flowlabel_state_ranges = 0, "net/ipv6/flowlabel_state_ranges", 0, 255;
    anycast_src_echo_reply = 0, "net/ipv6/anycast_src_echo_reply", 0, 255;
    fwmark_reflect6 = 0, "net/ipv6/fwmark_reflect", 0, 255;
    icmp6_ratelimit = 100, "net/ipv6/icmp/ratelimit", 0, MOST;
    icmp6_echo_ignore_all = 0, "net/ipv6/icmp/echo_ignore_all", 0, 255;
    icmp6_echo_ignore_multicast = 0, "net/ipv6/icmp/echo_ignore_multicast", 0, 255;
    icmp6_echo_ignore_anycast = 0, "net/ipv6/icmp/echo_ignore_anycast", 0, 255;
    icmp6_error_anycast_as_unicast = 0, "net/ipv6/icmp/error_anycast_as_unicast", 0, 1;
    ip6frag_high_thresh = 4194304, "net/ipv6/ip6frag_high_thresh", 0, MOST;
    ip6frag_low_thresh = 3145728, "net/ipv6/ip6frag_low_thresh", 0, MOST;
    ip6frag_time = 60, "net/ipv6/ip6frag_time", -MOST_SECONDS, MOST_SECONDS;
    max_dst_opts_number = 8, "net/ipv6/max_dst_opts_number", ANY, MOST;
    max_dst_opts_length = 2147483647, "net/ipv6/max_dst_opts_length", ANY, MOST;
    max_hbh_opts_number = 8, "net/ipv6/max_hbh_opts_number", ANY, MOST;
    max_hbh_length = 2147483647, "net/ipv6/max_hbh_length", ANY, MOST;
    mld_max_msf = 64, "net/ipv6/mld_max_msf", ANY, MOST;
    mtu_expires6 = 600, "net/ipv6/route/mtu_expires", -MOST_SECONDS, MOST_SECONDS;
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
    for thresh in &THRESHOLDS {
        net.sysctl.replace(thresh.path, Arc::new(thresh));
    }
    net.sysctl.register("net/ipv6/icmp/ratemask", Arc::new(RateMask))?;
    net.sysctl.register("net/ipv4/route/flush", Arc::new(Flush { v6: false }))?;
    net.sysctl.register("net/ipv6/route/flush", Arc::new(Flush { v6: true }))?;
    crate::addr::register_templates(net);
    Ok(())
}

/// How many bytes of fragments there may be: the upper threshold is not below the lower one.
struct Threshold {
    path: &'static str,
    value: fn(&IpSysctl) -> &AtomicI32,
    /// The other of the two, and whether that is the lower.
    other: fn(&IpSysctl) -> &AtomicI32,
    high: bool,
}

const fn high(
    path: &'static str,
    value: fn(&IpSysctl) -> &AtomicI32,
    low: fn(&IpSysctl) -> &AtomicI32,
) -> Threshold {
    Threshold { path, value, other: low, high: true }
}

const fn low(
    path: &'static str,
    value: fn(&IpSysctl) -> &AtomicI32,
    high: fn(&IpSysctl) -> &AtomicI32,
) -> Threshold {
    Threshold { path, value, other: high, high: false }
}

static THRESHOLDS: [Threshold; 4] = [
    high("net/ipv4/ipfrag_high_thresh", |s| &s.ipfrag_high_thresh, |s| &s.ipfrag_low_thresh),
    low("net/ipv4/ipfrag_low_thresh", |s| &s.ipfrag_low_thresh, |s| &s.ipfrag_high_thresh),
    high("net/ipv6/ip6frag_high_thresh", |s| &s.ip6frag_high_thresh, |s| &s.ip6frag_low_thresh),
    low("net/ipv6/ip6frag_low_thresh", |s| &s.ip6frag_low_thresh, |s| &s.ip6frag_high_thresh),
];

impl SysctlNode for &'static Threshold {
    fn read(&self, net: &Net) -> String {
        format!("{}\n", (self.value)(&IpNet::of(net).sysctl).load(Relaxed))
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let sysctl = &IpNet::of(net).sysctl;
        let other = (self.other)(sysctl).load(Relaxed);
        let (min, max) = if self.high { (other, MOST) } else { (0, other) };
        Bounds { min, max, unsigned: false }.write(self.path, [(self.value)(sysctl)], bytes)
    }
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
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut ranges: Vec<(u32, u32)> =
            parse_ranges(bytes, 256)?.into_iter().map(|(a, b)| (a as u32, b as u32)).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, last| {
            let joined = next.0 <= last.1 + 1;
            if joined {
                last.1 = last.1.max(next.1);
            }
            joined
        });
        *IpNet::of(net).sysctl.icmp6_ratemask.lock() = ranges;
        Ok(bytes.len())
    }
}

/// `route/flush`: writing it forgets all cached routes.
struct Flush {
    /// IPv6 wants a number.
    v6: bool,
}

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

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let taken = match self.v6 {
            true => Bounds::ANY.write("route/flush", [&AtomicI32::new(0)], bytes)?,
            false => bytes.len(),
        };
        self.write(net, "").map(|()| taken)
    }
}
