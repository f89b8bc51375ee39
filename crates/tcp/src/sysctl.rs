//! `net.ipv4.tcp_*`: one row each, with Linux 6.18's defaults and bounds.

use crate::TcpNet;
use net::Net;
use net::sysctl::{IntRow, register_ints};
use std::slice::from_ref;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::Result;

macro_rules! sysctls {
    (
        ints { $($(#[$doc:meta])* $field:ident: $path:literal = $default:expr, $range:expr;)* }
        triples { $($(#[$tdoc:meta])* $tfield:ident: $tpath:literal = $tdefault:expr;)* }
    ) => {
        /// The values of `net.ipv4.tcp_*`.
        pub struct Sysctl {
            $($(#[$doc])* pub $field: AtomicI32,)*
            $($(#[$tdoc])* pub $tfield: [AtomicI32; 3],)*
        }

        impl Default for Sysctl {
            fn default() -> Self {
                Sysctl {
                    $($field: AtomicI32::new($default),)*
                    $($tfield: $tdefault.map(AtomicI32::new),)*
                }
            }
        }

        impl Sysctl {
            $($(#[$doc])* #[inline] #[must_use] pub fn $field(&self) -> i32 { self.$field.load(Relaxed) })*
            $($(#[$tdoc])* #[inline] #[must_use] pub fn $tfield(&self, i: usize) -> i32 { self.$tfield[i].load(Relaxed) })*
        }

        static ROWS: &[IntRow] = &[
            $(IntRow::new(concat!("net/ipv4/", $path), |net| from_ref(&net.generic::<TcpNet>().sysctl.$field))
                .range(*$range.start(), *$range.end()),)*
            $(IntRow::new(concat!("net/ipv4/", $tpath), |net| &net.generic::<TcpNet>().sysctl.$tfield).range(1, i32::MAX),)*
        ];
    };
}

/// Any number.
const ANY: std::ops::RangeInclusive<i32> = i32::MIN..=i32::MAX;
const BOOL: std::ops::RangeInclusive<i32> = 0..=1;
const BYTE: std::ops::RangeInclusive<i32> = 0..=255;

sysctls! {
    ints {
        /// Answer SYN floods by resets instead of silence when the accept queue is full.
        abort_on_overflow: "tcp_abort_on_overflow" = 0, BYTE;
        /// Part of the receive buffer that is window (not used since 6.6).
        adv_win_scale: "tcp_adv_win_scale" = 1, -31..=31;
        /// Window kept for the application, as a shift.
        app_win: "tcp_app_win" = 31, 0..=31;
        /// Hold small writes while some are queued in a device.
        autocorking: "tcp_autocorking" = 1, BOOL;
        /// Base MSS of MTU probing.
        base_mss: "tcp_base_mss" = 1024, ANY;
        /// Challenge ACKs per second in all.
        challenge_ack_limit: "tcp_challenge_ack_limit" = i32::MAX, ANY;
        /// Duplicate ACKs compressed into one.
        comp_sack_nr: "tcp_comp_sack_nr" = 44, BYTE;
        /// Most delay of compressed ACKs, ns.
        comp_sack_delay_ns: "tcp_comp_sack_delay_ns" = 1_000_000, 0..=i32::MAX;
        /// Slack of that timer, ns.
        comp_sack_slack_ns: "tcp_comp_sack_slack_ns" = 100_000, 0..=i32::MAX;
        /// Send D-SACKs.
        dsack: "tcp_dsack" = 1, BYTE;
        /// Look socks up before routing.
        early_demux: "tcp_early_demux" = 1, BYTE;
        /// Tail loss probes (3 or 4: on).
        early_retrans: "tcp_early_retrans" = 3, 0..=4;
        /// Negotiate ECN: 0 no, 1 always, 2 when asked.
        ecn: "tcp_ecn" = 2, 0..=2;
        /// Fall back to no ECN when the SYN goes unanswered.
        ecn_fallback: "tcp_ecn_fallback" = 1, BOOL;
        /// No effect.
        fack: "tcp_fack" = 0, BYTE;
        /// TCP Fast Open.
        fastopen: "tcp_fastopen" = 1, ANY;
        /// Seconds Fast Open stays off after a blackhole.
        fastopen_blackhole_timeout: "tcp_fastopen_blackhole_timeout_sec" = 0, 0..=i32::MAX;
        /// Seconds an orphan stays in FIN_WAIT2, and a TIME_WAIT.
        fin_timeout: "tcp_fin_timeout" = 60, 0..=i32::MAX;
        /// F-RTO.
        frto: "tcp_frto" = 2, BYTE;
        /// Milliseconds between answers to invalid segments.
        invalid_ratelimit: "tcp_invalid_ratelimit" = 500, 0..=i32::MAX;
        /// Seconds between keepalives.
        keepalive_intvl: "tcp_keepalive_intvl" = 75, 0..=i32::MAX;
        /// Keepalives before death.
        keepalive_probes: "tcp_keepalive_probes" = 9, BYTE;
        /// Seconds of silence before keepalives.
        keepalive_time: "tcp_keepalive_time" = 7200, 0..=i32::MAX;
        /// Bytes queued below the stack for each sock.
        limit_output_bytes: "tcp_limit_output_bytes" = 4_194_304, 0..=i32::MAX;
        /// Orphans there may be.
        max_orphans: "tcp_max_orphans" = 131_072, 0..=i32::MAX;
        /// The most reordering that is believed, segments.
        max_reordering: "tcp_max_reordering" = 300, ANY;
        /// Requests a listener remembers.
        max_syn_backlog: "tcp_max_syn_backlog" = 2048, ANY;
        /// TIME_WAITs there may be.
        max_tw_buckets: "tcp_max_tw_buckets" = 131_072, ANY;
        /// Migrate requests when a listener closes.
        migrate_req: "tcp_migrate_req" = 0, BOOL;
        /// Window of the minimum RTT filter, s.
        min_rtt_wlen: "tcp_min_rtt_wlen" = 300, 0..=86_400;
        /// Least MSS that is sent.
        min_snd_mss: "tcp_min_snd_mss" = 48, 48..=65_535;
        /// Least segments of a large send.
        min_tso_segs: "tcp_min_tso_segs" = 2, 1..=255;
        /// Tune receive buffers.
        moderate_rcvbuf: "tcp_moderate_rcvbuf" = 1, BYTE;
        /// Least MSS of MTU probing.
        mtu_probe_floor: "tcp_mtu_probe_floor" = 48, 48..=65_535;
        /// MTU probing: 0 no, 1 after a black hole, 2 always.
        mtu_probing: "tcp_mtu_probing" = 0, BYTE;
        /// Remember nothing about peers.
        no_metrics_save: "tcp_no_metrics_save" = 0, BYTE;
        /// Do not remember ssthresh.
        no_ssthresh_metrics_save: "tcp_no_ssthresh_metrics_save" = 1, BOOL;
        /// Writable below so many unsent bytes, as u32.
        notsent_lowat: "tcp_notsent_lowat" = -1, ANY;
        /// Retries of an orphan, 0 for 8.
        orphan_retries: "tcp_orphan_retries" = 0, BYTE;
        /// Pacing rate in congestion avoidance, percent of cwnd/srtt.
        pacing_ca_ratio: "tcp_pacing_ca_ratio" = 120, 0..=1000;
        /// Pacing rate in slow start, percent.
        pacing_ss_ratio: "tcp_pacing_ss_ratio" = 200, 0..=1000;
        /// Exchanges before a session counts as interactive.
        pingpong_thresh: "tcp_pingpong_thresh" = 1, 1..=255;
        /// Seconds between MTU probes.
        probe_interval: "tcp_probe_interval" = 600, 0..=i32::MAX;
        /// Bytes at which probing stops.
        probe_threshold: "tcp_probe_threshold" = 8, ANY;
        /// RACK bits: 1 on, 2 static window, 4 no duplicate threshold.
        recovery: "tcp_recovery" = 1, BYTE;
        /// Answer with the SYN's type of service.
        reflect_tos: "tcp_reflect_tos" = 0, BOOL;
        /// Reordering to begin with, segments.
        reordering: "tcp_reordering" = 3, ANY;
        /// Collapse retransmitted segments.
        retrans_collapse: "tcp_retrans_collapse" = 1, BYTE;
        /// Retries before the route is checked.
        retries1: "tcp_retries1" = 3, 0..=255;
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
        /// Let the window shrink when memory is short.
        shrink_window: "tcp_shrink_window" = 0, BOOL;
        /// Slow start again after idling for an RTO.
        slow_start_after_idle: "tcp_slow_start_after_idle" = 1, BYTE;
        /// RFC 1122's urgent pointer instead of BSD's.
        stdurg: "tcp_stdurg" = 0, BYTE;
        /// SYNs that are sent again without backoff.
        syn_linear_timeouts: "tcp_syn_linear_timeouts" = 4, 0..=127;
        /// SYNs that are sent again.
        syn_retries: "tcp_syn_retries" = 6, 1..=127;
        /// SYN-ACKs that are sent again.
        synack_retries: "tcp_synack_retries" = 5, BYTE;
        /// SYN cookies.
        syncookies: "tcp_syncookies" = 1, BYTE;
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
    triples {
        /// Receive buffers: least, default, most, bytes.
        rmem: "tcp_rmem" = [4096, 131_072, 33_554_432];
        /// Send buffers: least, default, most, bytes.
        wmem: "tcp_wmem" = [4096, 16_384, 4_194_304];
        /// Pages of all of TCP: low, pressure, high.
        mem: "tcp_mem" = [287_901, 383_869, 575_802];
    }
}

/// Adds the rows to a namespace's table.
pub fn register(net: &Net) -> Result<()> {
    register_ints(net, ROWS)
}
