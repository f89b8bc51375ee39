//! `TCP_INFO` (`tcp_get_info`): 280 bytes, as 6.18 fills them.

use crate::ecn;
use crate::sock::Sk;
use crate::state;
use uapi::TcpInfo;
use uapi::tcp::{
    TCPI_OPT_ECN, TCPI_OPT_ECN_SEEN, TCPI_OPT_SACK, TCPI_OPT_SYN_DATA, TCPI_OPT_TFO_CHILD,
    TCPI_OPT_TIMESTAMPS, TCPI_OPT_WSCALE, TcpState,
};

/// The state of a connection as programs see it.
pub fn tcp_info(sk: &Sk<'_>) -> TcpInfo {
    let now = sk.jiffies32();
    let state = state::state(sk);
    let mut info = TcpInfo {
        state: state as u8,
        pacing_rate: sk.sk.pacing_rate(),
        max_pacing_rate: sk.sk.max_pacing_rate(),
        reordering: sk.reordering,
        snd_cwnd: sk.snd_cwnd,
        ..TcpInfo::default()
    };
    if state == TcpState::Listen {
        // The fields of a listener say how long its queue is, and may be.
        info.unacked = sk.sk.ack_backlog.load(std::sync::atomic::Ordering::Relaxed);
        info.sacked = sk.sk.max_ack_backlog();
        return info;
    }
    info.ca_state = sk.ca_state as u8;
    info.retransmits = sk.retransmits;
    info.probes = sk.probes_out;
    info.backoff = sk.backoff;
    if sk.rx_opt.tstamp_ok {
        info.options |= TCPI_OPT_TIMESTAMPS;
    }
    let rare = sk.rare.as_ref();
    if rare.is_some_and(|rare| rare.syn_data_acked) {
        info.options |= TCPI_OPT_SYN_DATA;
    }
    if rare.is_some_and(|rare| rare.fastopen_child) {
        info.options |= TCPI_OPT_TFO_CHILD;
    }
    if sk.rx_opt.sack_ok {
        info.options |= TCPI_OPT_SACK;
    }
    if sk.rx_opt.wscale_ok {
        info.options |= TCPI_OPT_WSCALE;
        info.wscale = sk.rx_opt.snd_wscale | sk.rx_opt.rcv_wscale << 4;
    }
    if sk.ecn_flags & ecn::ANY != 0 {
        info.options |= TCPI_OPT_ECN;
    }
    if sk.ecn_flags & ecn::SEEN != 0 {
        info.options |= TCPI_OPT_ECN_SEEN;
    }
    info.rto = sk.rto * 1000;
    info.ato = sk.ack_ato * 1000;
    info.snd_mss = sk.mss_cache;
    info.rcv_mss = sk.ack_rcv_mss.into();
    info.unacked = sk.packets_out;
    info.sacked = sk.sacked_out;
    info.lost = sk.lost_out;
    info.retrans = sk.retrans_out;
    info.last_data_sent = now.wrapping_sub(sk.lsndtime);
    info.last_data_recv = now.wrapping_sub(sk.ack_lrcvtime);
    info.last_ack_recv = now.wrapping_sub(sk.rcv_tstamp);
    info.pmtu = sk.pmtu_cookie;
    info.rcv_ssthresh = sk.rcv_ssthresh;
    info.rtt = sk.srtt_us >> 3;
    info.rttvar = sk.mdev_us >> 2;
    info.snd_ssthresh = sk.snd_ssthresh;
    info.advmss = sk.advmss.into();
    info.rcv_rtt = sk.rcv_rtt_us >> 3;
    info.rcv_space = sk.rcvq_space;
    info.total_retrans = sk.total_retrans;
    info.bytes_acked = sk.bytes_acked;
    info.bytes_received = sk.bytes_received;
    info.notsent_bytes = (sk.notsent() as i32).max(0) as u32;
    info.bytes_sent = sk.bytes_sent;
    info.bytes_retrans = sk.bytes_retrans;
    info.dsack_dups = sk.dsack_dups;
    info.reord_seen = sk.reord_seen;
    info.rcv_ooopack = sk.rcv_ooopack;
    info.segs_out = sk.segs_out;
    info.segs_in = sk.segs_in;
    info.min_rtt = sk.min_rtt();
    info.data_segs_in = sk.data_segs_in;
    info.data_segs_out = sk.data_segs_out;
    let fail = crate::fastopen::client::of(sk).fail as u8;
    info.delivery_rate_app_limited_fastopen_fail = u8::from(sk.rate_app_limited) | fail << 1;
    info.delivery_rate = delivery_rate(sk);
    (info.busy_time, info.rwnd_limited, info.sndbuf_limited) = crate::chrono::times(sk);
    info.delivered = sk.delivered;
    info.delivered_ce = sk.delivered_ce;
    info.snd_wnd = sk.snd_wnd;
    info.rcv_wnd = sk.rcv_wnd;
    info.total_rto = sk.total_rto;
    info.total_rto_recoveries = sk.total_rto_recoveries;
    info.total_rto_time = sk.total_rto_time;
    if sk.rto_stamp != 0 {
        info.total_rto_time += now.wrapping_sub(sk.rto_stamp);
    }
    accecn(sk, &mut info);
    info
}

/// What Accurate ECN counted.
fn accecn(sk: &Sk<'_>, info: &mut TcpInfo) {
    let state = sk.accecn();
    info.received_ce = state.received_ce;
    [info.delivered_e1_bytes, info.delivered_e0_bytes, info.delivered_ce_bytes] = state.delivered_bytes;
    [info.received_e1_bytes, info.received_e0_bytes, info.received_ce_bytes] = state.received_bytes;
    info.accecn_fail_mode = state.fail_mode.into();
    info.accecn_opt_seen = state.opt_seen as u16;
}

/// Bytes per second of the last sample (`tcp_compute_delivery_rate`).
pub(super) fn delivery_rate(sk: &Sk<'_>) -> u64 {
    let bytes = u64::from(sk.rate_delivered) * u64::from(sk.mss_cache) * 1_000_000;
    bytes.checked_div(u64::from(sk.rate_interval_us)).unwrap_or(0)
}
