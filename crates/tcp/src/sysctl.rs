//! `net.ipv4.tcp_*`: one row each, with Linux 6.18's defaults and bounds.

use crate::TcpNet;
use net::Net;
use net::sysctl::{IntRow, MOST_SECONDS, register_ints};
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::Result;

macro_rules! sysctls {
    (
        ints { $($(#[$doc:meta])* $field:ident: $path:literal = $default:expr, $range:expr;)* }
        unsigned { $($(#[$udoc:meta])* $ufield:ident: $upath:literal = $udefault:expr;)* }
        triples { $($(#[$tdoc:meta])* $tfield:ident: $tpath:literal = $tdefault:expr;)* }
    ) => {
        /// The values of `net.ipv4.tcp_*`.
        pub struct Sysctl {
            $($(#[$doc])* pub $field: AtomicI32,)*
            $($(#[$udoc])* pub $ufield: AtomicI32,)*
            $($(#[$tdoc])* pub $tfield: [AtomicI32; 3],)*
            /// The congestion controls there are, and which one new sockets get.
            pub cong: crate::cong::Registry,
            /// The parameters of CUBIC.
            pub cubic: crate::cong::sysctl::CubicParams,
        }

        impl Default for Sysctl {
            fn default() -> Self {
                Sysctl {
                    $($field: AtomicI32::new($default),)*
                    $($ufield: AtomicI32::new($udefault as i32),)*
                    $($tfield: $tdefault.map(AtomicI32::new),)*
                    cong: Default::default(),
                    cubic: Default::default(),
                }
            }
        }

        impl Sysctl {
            $($(#[$doc])* #[inline] #[must_use] pub fn $field(&self) -> i32 { self.$field.load(Relaxed) })*
            $($(#[$udoc])* #[inline] #[must_use] pub fn $ufield(&self) -> u32 { self.$ufield.load(Relaxed) as u32 })*
            $($(#[$tdoc])* #[inline] #[must_use] pub fn $tfield(&self, i: usize) -> i32 { self.$tfield[i].load(Relaxed) })*
        }

        static ROWS: &[IntRow] = &[
            $(IntRow::new(concat!("net/ipv4/", $path), |net| from_ref(&net.generic::<TcpNet>().sysctl.$field))
                .range(*$range.start(), *$range.end()),)*
            $(IntRow::new(concat!("net/ipv4/", $upath), |net| from_ref(&net.generic::<TcpNet>().sysctl.$ufield))
                .unsigned(),)*
            $(IntRow::new(concat!("net/ipv4/", $tpath), |net| &net.generic::<TcpNet>().sysctl.$tfield).range(1, i32::MAX),)*
        ];
    };
}

/// Any number.
const ANY: std::ops::RangeInclusive<i32> = i32::MIN..=i32::MAX;
const BYTE: std::ops::RangeInclusive<i32> = 0..=255;
const SECONDS: std::ops::RangeInclusive<i32> = -MOST_SECONDS..=MOST_SECONDS;

sysctls! {
    ints {
        /// Answer SYN floods by resets instead of silence when the accept queue is full.
        abort_on_overflow: "tcp_abort_on_overflow" = 0, BYTE;
        /// Has no effect in Linux either, since segments are measured (`tcp_adv_win_scale`).
        adv_win_scale: "tcp_adv_win_scale" = 1, -31..=31;
        /// Window kept for the application, as a shift.
        app_win: "tcp_app_win" = 31, 0..=31;
        /// Segment size that MTU probing begins with.
        base_mss: "tcp_base_mss" = 1024, ANY;
        /// Challenge ACKs per second in all.
        challenge_ack_limit: "tcp_challenge_ack_limit" = i32::MAX, ANY;
        /// Most ACKs that one stands for.
        comp_sack_nr: "tcp_comp_sack_nr" = 44, BYTE;
        /// Send D-SACKs.
        dsack: "tcp_dsack" = 1, BYTE;
        /// ECN: 0 none, 1 asked for and granted, 2 granted, 3 to 5 the same with Accurate ECN granted (3 asked for too, 4
        /// classic asked for, 5 none).
        ecn: "tcp_ecn" = 2, 0..=5;
        /// A SYN for ECN that is not answered is sent without.
        ecn_fallback: "tcp_ecn_fallback" = 1, 0..=1;
        /// The option of Accurate ECN: 0 never, 1 where something changed, 2 always, 3 although it is lost.
        ecn_option: "tcp_ecn_option" = 2, 0..=3;
        /// How often in a round trip it is sent at least.
        ecn_option_beacon: "tcp_ecn_option_beacon" = 3, 0..=3;
        /// Tail loss probes (3 or 4: on).
        early_retrans: "tcp_early_retrans" = 3, 0..=4;
        /// Has no effect in Linux either (`tcp_fack`).
        fack: "tcp_fack" = 0, BYTE;
        /// Fast Open: 1 for clients, 2 for servers, 4 clients without cookies, 0x200 servers without cookies, 0x400 every listener.
        fastopen: "tcp_fastopen" = 1, ANY;
        /// Seconds an orphan stays in FIN_WAIT2, and a TIME_WAIT.
        fin_timeout: "tcp_fin_timeout" = 60, SECONDS;
        /// F-RTO.
        frto: "tcp_frto" = 2, BYTE;
        /// Milliseconds between answers to invalid segments.
        invalid_ratelimit: "tcp_invalid_ratelimit" = 500, 0..=i32::MAX;
        /// Seconds between keepalives.
        keepalive_intvl: "tcp_keepalive_intvl" = 75, SECONDS;
        /// Keepalives before death.
        keepalive_probes: "tcp_keepalive_probes" = 9, BYTE;
        /// Seconds of silence before keepalives.
        keepalive_time: "tcp_keepalive_time" = 7200, SECONDS;
        /// Orphans there may be.
        max_orphans: "tcp_max_orphans" = 131_072, 0..=i32::MAX;
        /// Requests there may be without SYN cookies; the last quarter is for peers that are known.
        max_syn_backlog: "tcp_max_syn_backlog" = 2048, ANY;
        /// The most reordering that is believed, segments.
        max_reordering: "tcp_max_reordering" = 300, 1..=i32::MAX;
        /// TIME_WAITs there may be.
        max_tw_buckets: "tcp_max_tw_buckets" = 131_072, ANY;
        /// Window of the minimum RTT filter, s.
        min_rtt_wlen: "tcp_min_rtt_wlen" = 300, 0..=86_400;
        /// Least MSS that is sent.
        min_snd_mss: "tcp_min_snd_mss" = 48, 48..=65_535;
        /// Least segments of a large send.
        min_tso_segs: "tcp_min_tso_segs" = 2, 1..=255;
        /// The least that MTU probing falls to.
        mtu_probe_floor: "tcp_mtu_probe_floor" = 48, 48..=65_535;
        /// MTU probing: 0 no, 1 after a black hole, 2 always.
        mtu_probing: "tcp_mtu_probing" = 0, BYTE;
        /// Tune receive buffers.
        moderate_rcvbuf: "tcp_moderate_rcvbuf" = 1, BYTE;
        /// Connections leave nothing for those after them.
        no_metrics_save: "tcp_no_metrics_save" = 0, BYTE;
        /// They leave no slow-start threshold.
        no_ssthresh_metrics_save: "tcp_no_ssthresh_metrics_save" = 1, 0..=1;
        /// Retries of an orphan, 0 for 8.
        orphan_retries: "tcp_orphan_retries" = 0, BYTE;
        /// Pacing rate in congestion avoidance, percent of cwnd/srtt.
        pacing_ca_ratio: "tcp_pacing_ca_ratio" = 120, 0..=1000;
        /// Pacing rate in slow start, percent.
        pacing_ss_ratio: "tcp_pacing_ss_ratio" = 200, 0..=1000;
        /// Exchanges before a session counts as interactive.
        pingpong_thresh: "tcp_pingpong_thresh" = 1, 1..=255;
        /// An MTU is known well enough to so many bytes.
        probe_threshold: "tcp_probe_threshold" = 8, ANY;
        /// RACK bits: 1 on, 2 static window, 4 no duplicate threshold.
        recovery: "tcp_recovery" = 1, BYTE;
        /// SYN-ACKs have the type of service of their SYN.
        reflect_tos: "tcp_reflect_tos" = 0, 0..=1;
        /// Reordering to begin with, segments.
        reordering: "tcp_reordering" = 3, 1..=300;
        /// Collapse retransmitted segments.
        retrans_collapse: "tcp_retrans_collapse" = 1, BYTE;
        /// Retries before the connection is given up.
        retries2: "tcp_retries2" = 15, BYTE;
        /// Ignore RSTs in TIME_WAIT.
        rfc1337: "tcp_rfc1337" = 0, BYTE;
        /// Largest RTO, ms.
        rto_max_ms: "tcp_rto_max_ms" = 120_000, 1000..=120_000;
        /// Least RTO, µs.
        rto_min_us: "tcp_rto_min_us" = 200_000, 1..=i32::MAX;
        /// Use SACK.
        sack: "tcp_sack" = 1, BYTE;
        /// The window may shrink when memory does.
        shrink_window: "tcp_shrink_window" = 0, 0..=1;
        /// Slow start again after idling for an RTO.
        slow_start_after_idle: "tcp_slow_start_after_idle" = 1, BYTE;
        /// RFC 1122's urgent pointer instead of BSD's.
        stdurg: "tcp_stdurg" = 0, BYTE;
        /// SYN cookies: 0 none, 1 when the queue of requests is full, 2 always.
        syncookies: "tcp_syncookies" = 1, BYTE;
        /// Timeouts after which a connection looks for another way.
        retries1: "tcp_retries1" = 3, BYTE;
        /// SYNs that are sent again without backoff.
        syn_linear_timeouts: "tcp_syn_linear_timeouts" = 4, 0..=127;
        /// SYNs that are sent again.
        syn_retries: "tcp_syn_retries" = 6, 1..=127;
        /// SYN-ACKs that are sent again.
        synack_retries: "tcp_synack_retries" = 5, BYTE;
        /// Thin streams: linear timeouts.
        thin_linear_timeouts: "tcp_thin_linear_timeouts" = 0, BYTE;
        /// Timestamps: 0 no, 1 with random offsets, 2 without.
        timestamps: "tcp_timestamps" = 1, BYTE;
        /// How RTT grows the large send, as a shift.
        tso_rtt_log: "tcp_tso_rtt_log" = 9, BYTE;
        /// Part of the window one large send may take.
        tso_win_divisor: "tcp_tso_win_divisor" = 3, BYTE;
        /// Take TIME_WAIT ports again: 0 no, 1 yes, 2 loopback.
        tw_reuse: "tcp_tw_reuse" = 2, 0..=2;
        /// After how many ms.
        tw_reuse_delay: "tcp_tw_reuse_delay" = 1000, 1..=60_000;
        /// Use window scaling.
        window_scaling: "tcp_window_scaling" = 1, BYTE;
        /// Take unscaled windows for signed.
        workaround_signed_windows: "tcp_workaround_signed_windows" = 0, BYTE;
    }
    unsigned {
        /// Seconds until the search for the MTU begins again.
        probe_interval: "tcp_probe_interval" = 600;
        /// How long ACKs of segments out of order may wait for others, ns.
        comp_sack_delay_ns: "tcp_comp_sack_delay_ns" = 1_000_000;
        /// And how much longer the timer may take, ns.
        comp_sack_slack_ns: "tcp_comp_sack_slack_ns" = 100_000;
        /// Writable below so many unsent bytes.
        notsent_lowat: "tcp_notsent_lowat" = u32::MAX;
    }
    triples {
        /// Receive buffers: least, default, most, bytes.
        rmem: "tcp_rmem" = [4096, 131_072, 33_554_432];
        /// Send buffers: least, default, most, bytes.
        wmem: "tcp_wmem" = [4096, 16_384, 4_194_304];
    }
}

static MEM: &[IntRow] =
    &[IntRow::new("net/ipv4/tcp_mem", |net| &net.generic::<crate::TcpNet>().memory.limits)];

/// Adds the rows to a namespace's table.
pub fn register(net: &Net) -> Result<()> {
    register_ints(net, ROWS)?;
    register_ints(net, MEM)?;
    net.sysctl.register("net/ipv4/tcp_fastopen_key", Arc::new(crate::fastopen::keys::KeyFile))?;
    net.sysctl.register(crate::fastopen::pause::PATH, Arc::new(crate::fastopen::pause::TimeoutFile))?;
    crate::cong::sysctl::register(net)
}
