//! `struct tcp_info` of Linux 6.18: what `TCP_INFO` returns, cut to the caller's length.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct tcp_info`. Times are microseconds unless said otherwise; fields are the kernel's without `tcpi_`.
///
/// ```
/// use sockeye_uapi::tcp::{TcpInfo, TcpState};
/// use zerocopy::IntoBytes;
///
/// let info = TcpInfo { state: TcpState::Listen.raw(), ..TcpInfo::default() };
/// assert_eq!(info.as_bytes()[0], 10);
/// assert_eq!(size_of::<TcpInfo>(), 280);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct TcpInfo {
    /// State ([`TcpState`](super::tcp::TcpState)).
    pub state: u8,
    /// Congestion state (`TCP_CA_*`).
    pub ca_state: u8,
    /// Retransmissions in a row.
    pub retransmits: u8,
    /// Probes in a row.
    pub probes: u8,
    /// Exponent of the backoff.
    pub backoff: u8,
    /// `TCPI_OPT_*`.
    pub options: u8,
    /// `snd_wscale` in the low four bits, `rcv_wscale` in the high four.
    pub wscale: u8,
    /// Bit 0: the delivery rate is limited by the application; bits 1–2: why a fast open failed.
    pub delivery_rate_app_limited_fastopen_fail: u8,
    /// Retransmission timeout.
    pub rto: u32,
    /// Delayed acknowledgement timeout.
    pub ato: u32,
    /// Segment size on the way out, bytes.
    pub snd_mss: u32,
    /// Segment size on the way in, bytes.
    pub rcv_mss: u32,
    /// Segments in flight (of a listener: its accept queue).
    pub unacked: u32,
    /// Segments sacked (of a listener: its backlog).
    pub sacked: u32,
    /// Segments thought lost.
    pub lost: u32,
    /// Segments retransmitted and in flight.
    pub retrans: u32,
    /// Unused (`tcpi_fackets`).
    pub fackets: u32,
    /// Milliseconds since data was sent.
    pub last_data_sent: u32,
    /// Not kept: zero.
    pub last_ack_sent: u32,
    /// Milliseconds since data was received.
    pub last_data_recv: u32,
    /// Milliseconds since an acknowledgement was received.
    pub last_ack_recv: u32,
    /// Path MTU, bytes.
    pub pmtu: u32,
    /// Receive slow-start threshold, bytes.
    pub rcv_ssthresh: u32,
    /// Smoothed round trip.
    pub rtt: u32,
    /// Its deviation.
    pub rttvar: u32,
    /// Slow-start threshold, segments.
    pub snd_ssthresh: u32,
    /// Congestion window, segments.
    pub snd_cwnd: u32,
    /// MSS advertised, bytes.
    pub advmss: u32,
    /// Reordering, segments.
    pub reordering: u32,
    /// Receiver's estimate of the round trip.
    pub rcv_rtt: u32,
    /// Receive buffer tuning, bytes.
    pub rcv_space: u32,
    /// Retransmissions in all.
    pub total_retrans: u32,
    /// Bytes per second.
    pub pacing_rate: u64,
    /// Bytes per second, at most.
    pub max_pacing_rate: u64,
    /// Bytes acknowledged by the peer.
    pub bytes_acked: u64,
    /// Bytes received in order.
    pub bytes_received: u64,
    /// Segments out.
    pub segs_out: u32,
    /// Segments in.
    pub segs_in: u32,
    /// Bytes queued and not yet sent.
    pub notsent_bytes: u32,
    /// Least round trip.
    pub min_rtt: u32,
    /// Segments with data in.
    pub data_segs_in: u32,
    /// Segments with data out.
    pub data_segs_out: u32,
    /// Bytes per second delivered.
    pub delivery_rate: u64,
    /// Time busy sending.
    pub busy_time: u64,
    /// Time limited by the peer's window.
    pub rwnd_limited: u64,
    /// Time limited by the send buffer.
    pub sndbuf_limited: u64,
    /// Segments delivered.
    pub delivered: u32,
    /// Segments delivered with a CE mark.
    pub delivered_ce: u32,
    /// Bytes sent, retransmissions included.
    pub bytes_sent: u64,
    /// Bytes retransmitted.
    pub bytes_retrans: u64,
    /// Duplicate SACKs received.
    pub dsack_dups: u32,
    /// Reorderings seen.
    pub reord_seen: u32,
    /// Out-of-order packets received.
    pub rcv_ooopack: u32,
    /// Peer's window after scaling, bytes.
    pub snd_wnd: u32,
    /// Own window after scaling, bytes.
    pub rcv_wnd: u32,
    /// PLB hash changes.
    pub rehash: u32,
    /// Timeouts in all.
    pub total_rto: u16,
    /// Recoveries from timeouts.
    pub total_rto_recoveries: u16,
    /// Milliseconds in timeout recovery.
    pub total_rto_time: u32,
    /// AccECN: CE packets received.
    pub received_ce: u32,
    /// AccECN: bytes the peer saw with ECT(1).
    pub delivered_e1_bytes: u32,
    /// AccECN: bytes the peer saw with ECT(0).
    pub delivered_e0_bytes: u32,
    /// AccECN: bytes the peer saw with CE.
    pub delivered_ce_bytes: u32,
    /// AccECN: bytes received with ECT(1).
    pub received_e1_bytes: u32,
    /// AccECN: bytes received with ECT(0).
    pub received_e0_bytes: u32,
    /// AccECN: bytes received with CE.
    pub received_ce_bytes: u32,
    /// AccECN: what failed (`TCP_ACCECN_*_FAIL_*`).
    pub accecn_fail_mode: u16,
    /// AccECN: whether the option came through.
    pub accecn_opt_seen: u16,
}
