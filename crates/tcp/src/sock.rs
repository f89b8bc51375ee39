//! `struct tcp_sock` and what it is built on (`inet_connection_sock`, `tcp_options_received`):
//! everything that the socket lock guards. Doc lines name the kernel's fields.
//!
//! Kept small, because servers hold many idle connections: what few sockets need is boxed in
//! [`Rare`], and queues hold no memory while they are empty.

mod derived;

use crate::Tcp;
use crate::cong::Cong;
use crate::fifo::Fifo;
use crate::input::ofo::Ofo;
use crate::output::queue::SendQueue;
use crate::sysctl::Sysctl;
use ip::InetSock;
use kern::rarely::Rarely;
use kern::time::Jiffies;
use kern::timer::TimerSlot;
use net::Skb;
use std::sync::Arc;
use wire::TcpFlags;

pub use crate::init::{OpenReq, disconnect_reset, init_sock, open_child};

/// A locked TCP sock: what nearly every function here takes.
pub type Sk<'a> = net::SkMut<'a, Tcp>;

/// No delay of small segments (`TCP_NAGLE_OFF`).
pub const TCP_NAGLE_OFF: u8 = 1;
/// Corked (`TCP_NAGLE_CORK`).
pub const TCP_NAGLE_CORK: u8 = 2;
/// Push once although Nagle would hold (`TCP_NAGLE_PUSH`).
pub const TCP_NAGLE_PUSH: u8 = 4;

/// State of congestion avoidance (`enum tcp_ca_state`), numbered as `tcpi_ca_state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum CaState {
    /// Nothing wrong.
    #[default]
    Open,
    /// Duplicate acknowledgements or SACKs were seen.
    Disorder,
    /// The window is being reduced for ECN or a local drop.
    Cwr,
    /// Fast retransmission.
    Recovery,
    /// A timeout.
    Loss,
}

/// What the retransmit timer is armed for (`icsk_pending`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum XmitTimer {
    /// Nothing.
    #[default]
    None,
    /// Retransmission (`ICSK_TIME_RETRANS`).
    Retrans,
    /// Zero-window probe (`ICSK_TIME_PROBE0`).
    Probe0,
    /// Tail loss probe (`ICSK_TIME_LOSS_PROBE`).
    LossProbe,
    /// RACK's reordering window (`ICSK_TIME_REO_TIMEOUT`).
    ReoTimeout,
}

/// `icsk_ack.pending`: an acknowledgement is due (`ICSK_ACK_SCHED`).
pub const ACK_SCHED: u8 = 1;
/// The delayed-ACK timer is meant to run (`ICSK_ACK_TIMER`).
pub const ACK_TIMER: u8 = 2;
/// A segment that ends a write arrived (`ICSK_ACK_PUSHED`).
pub const ACK_PUSHED: u8 = 4;
/// Two did (`ICSK_ACK_PUSHED2`).
pub const ACK_PUSHED2: u8 = 8;
/// Acknowledge at once (`ICSK_ACK_NOW`).
pub const ACK_NOW: u8 = 16;
/// There was no memory for a segment: the window closes (`ICSK_ACK_NOMEM`).
pub const ACK_NOMEM: u8 = 32;

/// What was agreed on or seen in options (`struct tcp_options_received`, `rx_opt`).
#[derive(Clone, Copy, Debug, Default)]
pub struct RxOpt {
    /// When `ts_recent` was taken, seconds of the stack's clock (`ts_recent_stamp`).
    pub ts_recent_stamp: u32,
    /// The timestamp to echo (`ts_recent`).
    pub ts_recent: u32,
    /// The peer's timestamp in the segment at hand (`rcv_tsval`).
    pub rcv_tsval: u32,
    /// Its echo of ours, our offset taken off; 0 for none (`rcv_tsecr`).
    pub rcv_tsecr: u32,
    /// The segment at hand has timestamps (`saw_tstamp`).
    pub saw_tstamp: bool,
    /// Timestamps are used (`tstamp_ok`).
    pub tstamp_ok: bool,
    /// SACK is used (`sack_ok`); the peer's D-SACKs are noted in [`RxOpt::dsack_seen`].
    pub sack_ok: bool,
    /// A D-SACK came (`TCP_DSACK_SEEN`).
    pub dsack_seen: bool,
    /// Window scaling is used (`wscale_ok`).
    pub wscale_ok: bool,
    /// How far the peer's windows are shifted (`snd_wscale`).
    pub snd_wscale: u8,
    /// How far ours are (`rcv_wscale`).
    pub rcv_wscale: u8,
    /// Blocks of the next SACK (`num_sacks`).
    pub num_sacks: u8,
    /// The MSS the user asked for, 0 for none (`user_mss`).
    pub user_mss: u16,
    /// The largest segment the peer takes (`mss_clamp`).
    pub mss_clamp: u16,
}

/// One received segment in a queue: `skb.data` is at the payload (`struct tcp_skb_cb`).
pub struct RxSegment {
    /// First sequence number.
    pub seq: u32,
    /// One past the last, SYN and FIN counted.
    pub end_seq: u32,
    /// Its flags.
    pub flags: TcpFlags,
    /// The payload.
    pub skb: Skb,
    /// In how many pieces Linux would hold it (`skb_shinfo(skb)->nr_frags`).
    pub frags: u8,
}

impl RxSegment {
    /// Bytes of the pages that senders fill (`SKB_FRAG_PAGE_ORDER`).
    const PAGES: usize = 32 * 1024;

    /// With what it covers.
    #[must_use]
    pub fn new((seq, end_seq): (u32, u32), flags: TcpFlags, skb: Skb) -> Self {
        // What a sender of this host wrote lies in its pages, begun anywhere in one; what came by a device as
        // it came.
        let frags =
            if skb.is_clone() { 1 + (skb.len() + Self::PAGES / 2) / Self::PAGES } else { skb.nr_frags() };
        RxSegment { seq, end_seq, flags, skb, frags: frags as u8 }
    }
}

/// Three smallest RTTs of a moving window (`struct minmax`), microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct MinRtt {
    /// `(when in ms, RTT in µs)`, best first.
    pub s: [(u32, u32); 3],
}

/// RACK (RFC 8985; `tp->rack`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Rack {
    /// When the segment delivered last among those sent was sent, µs (`mstamp`).
    pub mstamp: u64,
    /// Its RTT, µs (`rtt_us`).
    pub rtt_us: u32,
    /// Its end (`end_seq`).
    pub end_seq: u32,
    /// `snd_nxt` at the last D-SACK (`last_delivered`, delivered packets then).
    pub last_delivered: u32,
    /// Multiple of min_rtt/4 that reordering is given (`reo_wnd_steps`).
    pub reo_wnd_steps: u8,
    /// Recoveries until that returns to 1 (`reo_wnd_persist`).
    pub reo_wnd_persist: u8,
    /// A D-SACK came in this round (`dsack_seen`).
    pub dsack_seen: bool,
    /// The state above moved since the last look (`advanced`).
    pub advanced: bool,
}

/// What few sockets have.
#[derive(Default)]
pub struct Rare {
    /// Bytes of urgent data and where (`urg_data`, `urg_seq`) are in the main struct; this is the
    /// SYN saved for `TCP_SAVED_SYN`.
    pub saved_syn: Option<Box<[u8]>>,
    /// The queue `TCP_REPAIR_QUEUE` chose.
    pub repair_queue: u8,
    /// MTU probing, while it is enabled.
    pub mtup: crate::output::mtu_probe::Mtup,
    /// What the user set of Fast Open.
    pub fastopen_settings: crate::fastopen::Settings,
    /// Fast Open of a client.
    pub client: crate::fastopen::client::Client,
    /// It was opened at once (`syn_fastopen_child`).
    pub fastopen_child: bool,
    /// Data of the SYN was taken (`syn_data_acked`).
    pub syn_data_acked: bool,
    /// The handshake of a connection that was accepted before its end.
    pub fastopen: Option<crate::fastopen::Child>,
    /// Calls with `MSG_ZEROCOPY` whose data is not acknowledged.
    pub zerocopy: std::collections::VecDeque<crate::api::zerocopy::Pending>,
    /// The number of the next (`sk_zckey`).
    pub zerocopy_key: u32,
    /// The end of the largest window advertised, while that offered now ends before it (`rcv_mwnd_seq`).
    pub max_wnd_end: u32,
    /// Accurate ECN.
    pub accecn: crate::ecn::AccEcn,
    /// Until when pacing holds the next segment back (`pacing_timer`).
    pub pacing_timer: TimerSlot,
    /// Time to live of the last segment that came while [`TcpSock::tx_acks`].
    pub ack_ttl: u8,
    /// When the ACK that stands for those left out is due (`compressed_ack_timer`).
    pub compressed_ack_timer: TimerSlot,
}

/// `struct tcp_sock`.
#[derive(Default)]
pub struct TcpSock {
    /// The namespace's settings, a pointer away.
    pub sysctl: Option<Arc<Sysctl>>,
    /// `struct inet_sock`: addresses, ports, IP options, the cached route.
    pub inet: InetSock,

    // The receive direction.
    /// The next byte expected (`rcv_nxt`).
    pub rcv_nxt: u32,
    /// The next byte the user reads (`copied_seq`).
    pub copied_seq: u32,
    /// `rcv_nxt` when a window was last advertised (`rcv_wup`).
    pub rcv_wup: u32,
    /// The window advertised then, bytes (`rcv_wnd`).
    pub rcv_wnd: u32,
    /// The most the window may grow to now (`rcv_ssthresh`).
    pub rcv_ssthresh: u32,
    /// The most the window may ever be (`window_clamp`).
    pub window_clamp: u32,
    /// Payload per truesize of received segments, in 256ths (`scaling_ratio`).
    pub scaling_ratio: u8,
    /// `TCP_URG_*` and the byte (`urg_data`): see [`crate::input::urg`].
    pub urg_data: u16,
    /// Where the urgent byte is (`urg_seq`).
    pub urg_seq: u32,
    /// Data in order that the user has not read (`sk_receive_queue`).
    pub receive_queue: Fifo<RxSegment>,
    /// What there is to know of data beyond a hole: nothing, mostly.
    pub ofo: Rarely<Ofo>,
    /// Options agreed on (`rx_opt`).
    pub rx_opt: RxOpt,

    // Acknowledgements to send (`icsk_ack`).
    /// `ACK_*` bits (`pending`).
    pub ack_pending: u8,
    /// ACKs to send without delay (`quick`).
    pub ack_quick: u8,
    /// The session is interactive: delay ACKs (`pingpong`).
    pub ack_pingpong: u8,
    /// Retries of the delayed-ACK timer (`retry`).
    pub ack_retry: u8,
    /// Delay of the next ACK, ms (`ato`).
    pub ack_ato: u32,
    /// When data last came, ms of the low clock (`lrcvtime`).
    pub ack_lrcvtime: u32,
    /// Size of the last small segment (`last_seg_size`).
    pub ack_last_seg_size: u16,
    /// Estimate of the peer's segment size (`rcv_mss`).
    pub ack_rcv_mss: u16,
    /// ACKs left out by compression (`compressed_ack`).
    pub compressed_ack: u8,
    /// Duplicate ACKs sent one by one before compression (`dup_ack_counter`).
    pub dup_ack_counter: u8,
    /// Where compression's count belongs to (`compressed_ack_rcv_nxt`).
    pub compressed_ack_rcv_nxt: u32,

    // The send direction.
    /// The oldest byte not acknowledged (`snd_una`).
    pub snd_una: u32,
    /// The next byte to send (`snd_nxt`).
    pub snd_nxt: u32,
    /// The end of the last small segment sent (`snd_sml`, Minshall).
    pub snd_sml: u32,
    /// The end of what the user wrote (`write_seq`).
    pub write_seq: u32,
    /// The end of what was pushed (`pushed_seq`).
    pub pushed_seq: u32,
    /// The sequence number of the last window update (`snd_wl1`).
    pub snd_wl1: u32,
    /// The peer's window, bytes (`snd_wnd`).
    pub snd_wnd: u32,
    /// The largest there ever was (`max_window`).
    pub max_window: u32,
    /// The urgent pointer sent (`snd_up`).
    pub snd_up: u32,
    /// Segment size in use, bytes without options (`mss_cache`).
    pub mss_cache: u32,
    /// The MSS we advertised (`advmss`).
    pub advmss: u16,
    /// Path MTU the MSS was computed for (`icsk_pmtu_cookie`).
    pub pmtu_cookie: u32,
    /// Header bytes of a usual segment (`tcp_header_len`).
    pub tcp_header_len: u8,
    /// IP header and option bytes (`icsk_ext_hdr_len`): options only.
    pub ext_hdr_len: u16,
    /// `TCP_NAGLE_*` bits (`nonagle`).
    pub nonagle: u8,
    /// When data was last sent, ms of the low clock (`lsndtime`).
    pub lsndtime: u32,
    /// What was sent and is not acknowledged, and what is not sent (`tcp_rtx_queue`,
    /// `sk_write_queue`).
    pub send_queue: SendQueue,
    /// The prediction of the next header's third word (`pred_flags`); 0 when off.
    pub pred_flags: u32,
    /// Most segments of a large send (`gso_segs` as last computed for the MSS).
    pub gso_segs: u16,
    /// Device takes large segments (`sk_can_gso`).
    pub can_gso: bool,
    /// `TCP_NOTSENT_LOWAT`, 0 for the sysctl's (`notsent_lowat`).
    pub notsent_lowat: u32,

    // Time.
    /// The time of the event at hand, µs (`tcp_mstamp`).
    pub mstamp: u64,
    /// When the next segment may leave if it is paced, else when the last one left, ns
    /// (`tcp_wstamp_ns`).
    pub wstamp: u64,
    /// Added to the clock in timestamp options (`tsoffset`).
    pub tsoffset: u32,
    /// When a retransmission may have made this connection's timestamps matter: TSval of the first
    /// retransmission (`retrans_stamp`), ms, 0 for none.
    pub retrans_stamp: u32,
    /// When an ACK last came, ms (`rcv_tstamp`).
    pub rcv_tstamp: u32,
    /// When the write queue last held a timeout-worthy probe (`icsk_probes_tstamp`), ms, 0 for none.
    pub probes_tstamp: u32,
    /// Last time an out-of-window ACK was sent, ms (`last_oow_ack_time`).
    pub last_oow_ack_time: u32,
    /// Start of this second of challenge ACKs… is per namespace; this is the last synack's TSval.
    pub snt_synack: u64,

    // RTT (`tcp_rtt_estimator`), µs.
    /// Eight times the smoothed RTT (`srtt_us`).
    pub srtt_us: u32,
    /// Four times the mean deviation (`mdev_us`).
    pub mdev_us: u32,
    /// The largest of this RTT (`mdev_max_us`).
    pub mdev_max_us: u32,
    /// Four times the deviation in use (`rttvar_us`).
    pub rttvar_us: u32,
    /// When this RTT ends (`rtt_seq`).
    pub rtt_seq: u32,
    /// Retransmission timeout, ms (`icsk_rto`).
    pub rto: u32,
    /// Least RTO, ms (`icsk_rto_min`).
    pub rto_min: u32,
    /// Largest RTO, ms (`icsk_rto_max`).
    pub rto_max: u32,
    /// Longest delay of an ACK, ms (`icsk_delack_max`).
    pub delack_max: u32,
    /// The smallest RTT of the window (`rtt_min`).
    pub rtt_min: MinRtt,

    // Congestion.
    /// Congestion window, segments (`snd_cwnd`).
    pub snd_cwnd: u32,
    /// ACKed segments towards the next increase (`snd_cwnd_cnt`).
    pub snd_cwnd_cnt: u32,
    /// The most it may be (`snd_cwnd_clamp`).
    pub snd_cwnd_clamp: u32,
    /// How much of it was used (`snd_cwnd_used`).
    pub snd_cwnd_used: u32,
    /// When it was used last, ms (`snd_cwnd_stamp`).
    pub snd_cwnd_stamp: u32,
    /// Slow-start threshold, segments (`snd_ssthresh`).
    pub snd_ssthresh: u32,
    /// Most segments in flight in this window's worth of ACKs (`max_packets_out`).
    pub max_packets_out: u32,
    /// Its end (`cwnd_usage_seq`).
    pub cwnd_usage_seq: u32,
    /// The window was all used (`is_cwnd_limited`).
    pub is_cwnd_limited: bool,
    /// The congestion control and its own state (`icsk_ca_ops`, `icsk_ca_priv`).
    pub cong: Cong,
    /// `TCP_CA_*` (`icsk_ca_state`).
    pub ca_state: CaState,
    /// Segments in flight (`packets_out`).
    pub packets_out: u32,
    /// Retransmitted ones among them (`retrans_out`).
    pub retrans_out: u32,
    /// SACKed ones (`sacked_out`).
    pub sacked_out: u32,
    /// Those taken for lost (`lost_out`).
    pub lost_out: u32,
    /// Reordering seen, segments (`reordering`).
    pub reordering: u32,
    /// How often (`reord_seen`).
    pub reord_seen: u32,
    /// The end of the highest SACKed segment, while there is one (`highest_sack`).
    pub highest_sack: u32,
    /// `snd_nxt` when recovery began (`high_seq`).
    pub high_seq: u32,
    /// Lowest sequence a retransmission could be undone for; `snd_una` when marked (`undo_marker`),
    /// valid while [`TcpSock::undo_marker_set`].
    pub undo_marker: u32,
    /// A recovery may be undone (`undo_marker != 0`).
    pub undo_marker_set: bool,
    /// Retransmissions that D-SACKs have not taken back (`undo_retrans`); -1 when it cannot.
    pub undo_retrans: i32,
    /// cwnd before the reduction (`prior_cwnd`).
    pub prior_cwnd: u32,
    /// ssthresh before it (`prior_ssthresh`).
    pub prior_ssthresh: u32,
    /// Delivered in this recovery (`prr_delivered`).
    pub prr_delivered: u32,
    /// Sent in this recovery (`prr_out`).
    pub prr_out: u32,
    /// Segments delivered in all (`delivered`).
    pub delivered: u32,
    /// With a CE mark (`delivered_ce`).
    pub delivered_ce: u32,
    /// Segments marked lost in all (`lost`).
    pub lost: u32,
    /// `delivered` at the last moment the application left the pipe empty; 0 when it does not
    /// limit (`app_limited`).
    pub app_limited: u32,
    /// When the flight's first segment was sent, µs (`first_tx_mstamp`).
    pub first_tx_mstamp: u64,
    /// When `delivered` last changed, µs (`delivered_mstamp`).
    pub delivered_mstamp: u64,
    /// Last rate sample: segments (`rate_delivered`).
    pub rate_delivered: u32,
    /// Over how many µs (`rate_interval_us`).
    pub rate_interval_us: u32,
    /// And whether the application limited it (`rate_app_limited`).
    pub rate_app_limited: bool,
    /// RACK (`rack`).
    pub rack: Rack,
    /// End of the tail loss probe in flight, valid while [`TcpSock::tlp_pending`] (`tlp_high_seq`).
    pub tlp_high_seq: u32,
    /// One is in flight.
    pub tlp_pending: bool,
    /// It was a retransmission (`tlp_retrans`).
    pub tlp_retrans: bool,
    /// F-RTO is probing whether the timeout was spurious (`frto`).
    pub frto: bool,
    /// The retransmission state was marked with the SYN's (`syn_data` and kin).
    pub is_sack_reneg: bool,

    // DRS (`rcv_rtt_est`, `rcvq_space`).
    /// Receiver's RTT, eight times, µs (`rcv_rtt_est.rtt_us`).
    pub rcv_rtt_us: u32,
    /// When its measurement ends (`rcv_rtt_est.seq`).
    pub rcv_rtt_seq: u32,
    /// When it began, µs (`rcv_rtt_est.time`).
    pub rcv_rtt_time: u64,
    /// TSecr it was last taken from (`rcv_rtt_last_tsecr`).
    pub rcv_rtt_last_tsecr: u32,
    /// Bytes read in the last round (`rcvq_space.space`).
    pub rcvq_space: u32,
    /// Where this round began (`rcvq_space.seq`).
    pub rcvq_seq: u32,
    /// And when, µs (`rcvq_space.time`).
    pub rcvq_time: u64,

    // Timers. Deadlines are lazy: the wheel's entry may be earlier, see `crate::timer`.
    /// Retransmission, probe, TLP and RACK (`icsk_retransmit_timer`).
    pub retransmit_timer: LazyTimer,
    /// Delayed ACK (`icsk_delack_timer`).
    pub delack_timer: LazyTimer,
    /// Keepalive, FIN_WAIT2, request sockets (`sk_timer`).
    pub sk_timer: LazyTimer,
    /// What the first of them is for (`icsk_pending`).
    pub pending: XmitTimer,
    /// Timeouts in a row (`icsk_retransmits`).
    pub retransmits: u8,
    /// Exponent of the backoff (`icsk_backoff`).
    pub backoff: u8,
    /// Probes unanswered (`icsk_probes_out`).
    pub probes_out: u8,
    /// SYNs to send, 0 for the sysctl's (`icsk_syn_retries`).
    pub syn_retries: u8,
    /// `TCP_KEEPCNT`, 0 for the sysctl's (`keepalive_probes`).
    pub keepalive_probes: u8,
    /// `TCP_KEEPIDLE`, s, 0 for the sysctl's (`keepalive_time`).
    pub keepalive_time: u32,
    /// `TCP_KEEPINTVL`, s, 0 for the sysctl's (`keepalive_intvl`).
    pub keepalive_intvl: u32,
    /// `TCP_USER_TIMEOUT`, ms, 0 for none (`icsk_user_timeout`).
    pub user_timeout: u32,
    /// `TCP_LINGER2`, ms; 0 for the sysctl's, -1 for none (`linger2`).
    pub linger2: i32,
    /// `TCP_DEFER_ACCEPT`, retransmissions of the SYN-ACK (`rskq_defer_accept`).
    pub defer_accept: u8,
    /// Bits of [`Opts`]-like booleans the options set: thin streams (`thin_lto`).
    pub thin_lto: bool,
    /// How many wait to send as soon as the connection is up (`sk_write_pending`).
    pub write_pending: u8,
    /// `TCP_INQ` (`recvmsg_inq`).
    pub recvmsg_inq: bool,
    /// `TCP_SAVE_SYN` (`save_syn`).
    pub save_syn: u8,
    /// `TCP_TX_DELAY`, µs (`tcp_tx_delay`).
    pub tx_delay: u32,
    /// Bits of [`crate::ecn`]: what was agreed on, what is to be told (`ecn_flags`).
    pub ecn_flags: u8,
    /// The two bits of IP that the last segment came with (`prev_ecnfield`).
    pub prev_ecn: u8,
    /// The window offered is smaller than one before: [`Rare::max_wnd_end`] says where that ends.
    pub wnd_shrank: bool,

    // Statistics (RFC 4898; `tcp_info`).
    /// Bytes received in order (`bytes_received`).
    pub bytes_received: u64,
    /// Bytes acknowledged (`bytes_acked`).
    pub bytes_acked: u64,
    /// Bytes sent, retransmissions included (`bytes_sent`).
    pub bytes_sent: u64,
    /// Bytes retransmitted (`bytes_retrans`).
    pub bytes_retrans: u64,
    /// Segments in (`segs_in`).
    pub segs_in: u32,
    /// With data (`data_segs_in`).
    pub data_segs_in: u32,
    /// Segments out (`segs_out`).
    pub segs_out: u32,
    /// With data (`data_segs_out`).
    pub data_segs_out: u32,
    /// Retransmissions in all (`total_retrans`).
    pub total_retrans: u32,
    /// D-SACKs received (`dsack_dups`).
    pub dsack_dups: u32,
    /// Segments received out of order (`rcv_ooopack`).
    pub rcv_ooopack: u32,
    /// Timeouts in all (`total_rto`).
    pub total_rto: u16,
    /// Recoveries from them (`total_rto_recoveries`).
    pub total_rto_recoveries: u16,
    /// Time in them, ms (`total_rto_time`).
    pub total_rto_time: u32,
    /// When the current one began, ms, 0 for none (`rto_stamp`).
    pub rto_stamp: u32,

    /// What few sockets have.
    pub rare: Option<Box<Rare>>,
    /// What the sender waits for.
    pub chrono: crate::chrono::Chrono,
    /// Calls with `MSG_ZEROCOPY` wait for acknowledgement.
    pub zerocopy_pending: bool,
    /// Pacing's timer is armed (`hrtimer_is_queued`).
    pub pacing_armed: bool,
    /// It is repaired (`TCP_REPAIR`).
    pub repair: bool,
    /// The path's MTU is searched for (`icsk_mtup.enabled`).
    pub mtup_enabled: bool,
    /// Segments in the queue tell when they are acknowledged.
    pub tx_acks: bool,
    /// The timer of compressed ACKs is.
    pub compressing: bool,
}

/// A timer whose deadline moves without touching the wheel while the wheel's entry is not later.
#[derive(Default)]
pub struct LazyTimer {
    /// The wheel's entry.
    pub slot: TimerSlot,
    /// When it is really due; 0 for never (`icsk_timeout`).
    pub deadline: Jiffies,
    /// When the wheel's entry fires; 0 when it has none.
    pub armed: Jiffies,
}

impl LazyTimer {
    /// True when it is due some day.
    #[inline]
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.deadline != 0
    }
}

#[cfg(test)]
mod tests;
