//! `/proc/sys`: a table of rows that every room adds its own to.
//!
//! A row names a file, says how to print its value and how to take a new one. Values are atomics in
//! the state of the room that uses them, so reading one in the stack is a load.

use crate::netns::Net;
use kern::sync::SpinLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::{Errno, Result};

/// One file under `/proc/sys` (`struct ctl_table`).
pub trait SysctlNode: Send + Sync {
    /// Permission bits, as `0o644`.
    fn mode(&self) -> u32 {
        0o644
    }
    /// The file's text, newline included.
    fn read(&self, net: &Net) -> String;
    /// Takes a new value. `EINVAL` for what Linux does not accept, `EPERM` for a read-only file.
    fn write(&self, net: &Net, text: &str) -> Result<()>;
    /// The same for what a program wrote: how many bytes of it were taken.
    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?;
        self.write(net, text).map(|()| bytes.len())
    }
    /// Whether it is read and written at any place (`proc_dostring`); numbers are only at the first.
    fn is_text(&self) -> bool {
        false
    }
}

/// All files of a namespace, by path below `/proc/sys`, as `net/ipv4/tcp_sack`.
#[derive(Default)]
pub struct SysctlTable {
    nodes: SpinLock<BTreeMap<String, Arc<dyn SysctlNode>>>,
}

impl SysctlTable {
    /// Adds a file; `EEXIST` when there is one.
    pub fn register(&self, path: &str, node: Arc<dyn SysctlNode>) -> Result<()> {
        let mut nodes = self.nodes.lock();
        if nodes.contains_key(path) {
            return Err(Errno::EEXIST);
        }
        nodes.insert(path.to_owned(), node);
        Ok(())
    }

    /// A file in place of one that is there.
    pub fn replace(&self, path: &str, node: Arc<dyn SysctlNode>) {
        self.nodes.lock().insert(path.to_owned(), node);
    }

    /// The file at `path`; dots may stand for slashes, as sysctl(8) takes them. `ENOENT`.
    pub fn get(&self, path: &str) -> Result<Arc<dyn SysctlNode>> {
        let nodes = self.nodes.lock();
        if let Some(node) = nodes.get(path) {
            return Ok(node.clone());
        }
        nodes.get(&path.replace('.', "/")).cloned().ok_or(Errno::ENOENT)
    }

    /// All paths, sorted.
    pub fn paths(&self) -> Vec<String> {
        self.nodes.lock().keys().cloned().collect()
    }

    /// Reads a file.
    pub fn read(&self, net: &Net, path: &str) -> Result<String> {
        Ok(self.get(path)?.read(net))
    }

    /// Writes a file.
    pub fn write(&self, net: &Net, path: &str, text: &str) -> Result<()> {
        self.get(path)?.write(net, text)
    }
}

/// A list of ranges such as `8080,9000-9010` of numbers below `end` (`proc_do_large_bitmap`).
///
/// # Errors
/// `EINVAL` for what is none; `ERANGE` never.
pub fn parse_ranges(bytes: &[u8], end: usize) -> Result<Vec<(usize, usize)>> {
    // Only so much is looked at, and what is cut off there is no number.
    const PAGE: usize = 4095;
    let mut left = &bytes[..bytes.len().min(PAGE)];
    let cut = left.len() < bytes.len();
    let mut ranges = Vec::new();
    let number = |text: &[u8]| -> Result<(usize, usize)> {
        let ends = |byte: &u8| b",-\n".contains(byte);
        let len = text.iter().position(ends).unwrap_or(text.len());
        let (negative, value, rest) = get_long(&text[..len])?;
        match usize::try_from(value) {
            Ok(value) if !negative && value < end && rest.is_empty() => Ok((value, len)),
            _ => Err(Errno::EINVAL),
        }
    };
    if left.is_empty() {
        return Ok(ranges);
    }
    loop {
        let (first, len) = match left {
            [] | [b'\n'] if !cut => return Ok(ranges),
            _ => number(left)?,
        };
        left = &left[len..];
        let mut last = first;
        if let [b'-', rest @ ..] = left {
            let (value, len) = number(rest)?;
            (last, left) = (value, &rest[len..]);
        }
        if last < first {
            return Err(Errno::EINVAL);
        }
        ranges.push((first, last));
        left = left.get(1..).unwrap_or_default();
    }
}

/// What a file's numbers may be (`proc_dointvec_minmax` and its kin).
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The least that is accepted.
    pub min: i32,
    /// The most that is accepted.
    pub max: i32,
    /// The numbers are `u32`s: of any size, or from `min` on if that is positive (`proc_douintvec_minmax`).
    pub unsigned: bool,
}

impl Bounds {
    /// Any number.
    pub const ANY: Bounds = Bounds { min: i32::MIN, max: i32::MAX, unsigned: false };

    fn accept(&self, negative: bool, number: u64) -> Option<i32> {
        let number = i64::try_from(number).ok()?;
        let number = if negative { -number } else { number };
        match self.unsigned {
            true => {
                u32::try_from(number).ok().filter(|n| i64::from(*n) >= i64::from(self.min)).map(|n| n as i32)
            }
            false => i32::try_from(number).ok().filter(|number| (self.min..=self.max).contains(number)),
        }
    }

    /// Takes the numbers that a program wrote to the file at `path`: how many bytes of it were taken. What comes before
    /// a bad one is set.
    ///
    /// # Errors
    /// `EINVAL` for what is no number or not within bounds, and for nothing but spaces.
    pub fn write<'v>(
        &self,
        path: &str,
        values: impl IntoIterator<Item = &'v AtomicI32>,
        bytes: &[u8],
    ) -> Result<usize> {
        /// Only so much is looked at.
        const PAGE: usize = 4095;
        let alone = UNSIGNED.binary_search(&path.rsplit('/').next().unwrap_or_default()).is_ok();
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut left = &bytes[..bytes.len().min(PAGE)];
        let mut any = false;
        for value in values {
            left = left.trim_ascii_start();
            if left.is_empty() {
                break;
            }
            let (negative, number, rest) = get_long(left)?;
            if negative && alone {
                return Err(Errno::EINVAL);
            }
            value.store(self.accept(negative, number).ok_or(Errno::EINVAL)?, Relaxed);
            (left, any) = (rest, true);
        }
        // Who writes more numbers than there are learns of it by the count.
        match any {
            true if alone => Ok(bytes.len()),
            true => Ok(bytes.len() - left.trim_ascii_start().len()),
            false => Err(Errno::EINVAL),
        }
    }
}

/// Whole numbers that share a file, each within bounds: one row of a room's table.
pub struct IntRow {
    /// Path below `/proc/sys`.
    pub path: &'static str,
    /// The numbers.
    pub values: fn(&Net) -> &[AtomicI32],
    /// What they may be.
    pub bounds: Bounds,
    /// Permission bits.
    pub mode: u32,
}

/// One number at the beginning of `text`, without the spaces before it (`proc_get_long`): decimal, `0x…` or, after a
/// 0, octal; then an end or a space. Its sign, its value and what is left.
fn get_long(text: &[u8]) -> Result<(bool, u64, &[u8])> {
    /// No number is as long as this (`TMPBUFLEN`).
    const TOO_LONG: usize = 21;
    let (negative, digits) = match text {
        [b'-', rest @ ..] if !rest.is_empty() => (true, rest),
        _ => (false, text),
    };
    let (radix, skip) = match digits {
        [b'0', b'x' | b'X', next, ..] if next.is_ascii_hexdigit() => (16, 2),
        [b'0', ..] => (8, 0),
        _ => (10, 0),
    };
    let body = digits.get(skip..).unwrap_or_default();
    let len = body.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let value = std::str::from_utf8(&body[..len]).ok().and_then(|text| u64::from_str_radix(text, radix).ok());
    let rest = &body[len..];
    let whole = text.len() - rest.len();
    match value {
        Some(value) if whole < TOO_LONG && rest.first().is_none_or(|byte| b" \t\n".contains(byte)) => {
            Ok((negative, value, rest))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// Files of `net` that hold one number without a sign (`proc_dou8vec_minmax`, `proc_douintvec`), sorted: what
/// follows the number in a write is passed over.
const UNSIGNED: &[&str] = &[
    "addr_gen_mode",
    "anycast_src_echo_reply",
    "auto_flowlabels",
    "bindv6only",
    "echo_ignore_all",
    "echo_ignore_anycast",
    "echo_ignore_multicast",
    "error_anycast_as_unicast",
    "fib_multipath_hash_fields",
    "fib_multipath_hash_policy",
    "fib_multipath_hash_seed",
    "fib_multipath_use_neigh",
    "fib_notify_on_flag_change",
    "flowlabel_consistency",
    "flowlabel_state_ranges",
    "force_forwarding",
    "fwmark_reflect",
    "icmp_echo_enable_probe",
    "icmp_echo_ignore_all",
    "icmp_echo_ignore_broadcasts",
    "icmp_errors_use_inbound_ifaddr",
    "icmp_ignore_bogus_error_responses",
    "igmp_link_local_mcast_reports",
    "ioam6_enabled",
    "ioam6_id",
    "ip_autobind_reuse",
    "ip_default_ttl",
    "ip_dynaddr",
    "ip_early_demux",
    "ip_forward_update_priority",
    "ip_forward_use_pmtu",
    "ip_no_pmtu_disc",
    "ip_nonlocal_bind",
    "ndisc_evict_nocarrier",
    "nexthop_compat_mode",
    "ra_defrtr_metric",
    "ra_honor_pio_life",
    "ra_honor_pio_pflag",
    "raw_l3mdev_accept",
    "skip_notify_on_dev_down",
    "tcp_abort_on_overflow",
    "tcp_app_win",
    "tcp_autocorking",
    "tcp_backlog_ack_defer",
    "tcp_child_ehash_entries",
    "tcp_comp_sack_nr",
    "tcp_dsack",
    "tcp_early_demux",
    "tcp_early_retrans",
    "tcp_ecn",
    "tcp_ecn_fallback",
    "tcp_ecn_option",
    "tcp_ecn_option_beacon",
    "tcp_fack",
    "tcp_frto",
    "tcp_fwmark_accept",
    "tcp_keepalive_probes",
    "tcp_l3mdev_accept",
    "tcp_migrate_req",
    "tcp_min_tso_segs",
    "tcp_moderate_rcvbuf",
    "tcp_mtu_probing",
    "tcp_no_metrics_save",
    "tcp_no_ssthresh_metrics_save",
    "tcp_notsent_lowat",
    "tcp_orphan_retries",
    "tcp_pingpong_thresh",
    "tcp_plb_enabled",
    "tcp_plb_idle_rehash_rounds",
    "tcp_plb_rehash_rounds",
    "tcp_plb_suspend_rto_sec",
    "tcp_probe_interval",
    "tcp_recovery",
    "tcp_reflect_tos",
    "tcp_retrans_collapse",
    "tcp_retries1",
    "tcp_retries2",
    "tcp_rfc1337",
    "tcp_sack",
    "tcp_shrink_window",
    "tcp_slow_start_after_idle",
    "tcp_stdurg",
    "tcp_syn_linear_timeouts",
    "tcp_syn_retries",
    "tcp_synack_retries",
    "tcp_syncookies",
    "tcp_thin_linear_timeouts",
    "tcp_timestamps",
    "tcp_tso_rtt_log",
    "tcp_tso_win_divisor",
    "tcp_tw_reuse",
    "tcp_tw_reuse_delay",
    "tcp_window_scaling",
    "tcp_workaround_signed_windows",
    "tstamp_allow_data",
    "txrehash",
    "udp_child_hash_entries",
    "udp_early_demux",
    "udp_l3mdev_accept",
    "xfrm_aevent_etime",
    "xfrm_aevent_rseqth",
];

/// The most seconds that fit when they are counted in ticks (`proc_dointvec_jiffies`).
pub const MOST_SECONDS: i32 = i32::MAX / 1000;

impl IntRow {
    /// A row for one or more numbers of any size, mode 0644.
    pub const fn new(path: &'static str, values: fn(&Net) -> &[AtomicI32]) -> Self {
        IntRow { path, values, bounds: Bounds::ANY, mode: 0o644 }
    }

    /// The same with bounds.
    pub const fn range(self, min: i32, max: i32) -> Self {
        IntRow { bounds: Bounds { min, max, ..self.bounds }, ..self }
    }

    /// The same for `u32`s of any size.
    pub const fn unsigned(self) -> Self {
        IntRow { bounds: Bounds { unsigned: true, ..self.bounds }, ..self }
    }

    /// The same, read-only.
    pub const fn read_only(self) -> Self {
        IntRow { mode: 0o444, ..self }
    }
}

impl SysctlNode for &'static IntRow {
    fn mode(&self) -> u32 {
        self.mode
    }

    fn read(&self, net: &Net) -> String {
        let show = |v: i32| if self.bounds.unsigned { (v as u32).to_string() } else { v.to_string() };
        let values: Vec<String> = (self.values)(net).iter().map(|v| show(v.load(Relaxed))).collect();
        values.join("\t") + "\n"
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        if self.mode & 0o200 == 0 {
            return Err(Errno::EPERM);
        }
        self.bounds.write(self.path, (self.values)(net), bytes)
    }
}

/// Adds a room's table of rows.
pub fn register_ints(net: &Net, rows: &'static [IntRow]) -> Result<()> {
    rows.iter().try_for_each(|row| net.sysctl.register(row.path, Arc::new(row)))
}
