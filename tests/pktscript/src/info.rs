//! What code of a script sees of a socket: `TCP_INFO` and the socket's memory, under the names that
//! the language gives them.

use crate::code::Python;
use sockeye::Task;
use sockeye::uapi::socket::SOL_SOCKET;
use sockeye::uapi::tcp::TcpInfo;

const SOL_TCP: i32 = 6;
const TCP_INFO: i32 = 11;
const SO_MEMINFO: i32 = 55;

const MEMINFO: [&str; 9] = [
    "SK_MEMINFO_RMEM_ALLOC",
    "SK_MEMINFO_RCVBUF",
    "SK_MEMINFO_WMEM_ALLOC",
    "SK_MEMINFO_SNDBUF",
    "SK_MEMINFO_FWD_ALLOC",
    "SK_MEMINFO_WMEM_QUEUED",
    "SK_MEMINFO_OPTMEM",
    "SK_MEMINFO_BACKLOG",
    "SK_MEMINFO_DROPS",
];

/// Constants of the language.
pub(crate) const CONSTANTS: &[(&str, i64)] = &[
    ("TCP_ESTABLISHED", 1),
    ("TCP_SYN_SENT", 2),
    ("TCP_SYN_RECV", 3),
    ("TCP_FIN_WAIT1", 4),
    ("TCP_FIN_WAIT2", 5),
    ("TCP_TIME_WAIT", 6),
    ("TCP_CLOSE", 7),
    ("TCP_CLOSE_WAIT", 8),
    ("TCP_LAST_ACK", 9),
    ("TCP_LISTEN", 10),
    ("TCP_CLOSING", 11),
    ("TCP_CA_Open", 0),
    ("TCP_CA_Disorder", 1),
    ("TCP_CA_CWR", 2),
    ("TCP_CA_Recovery", 3),
    ("TCP_CA_Loss", 4),
    ("TCPI_OPT_TIMESTAMPS", 1),
    ("TCPI_OPT_SACK", 2),
    ("TCPI_OPT_WSCALE", 4),
    ("TCPI_OPT_ECN", 8),
    ("TCPI_OPT_ECN_SEEN", 16),
    ("TCPI_OPT_SYN_DATA", 32),
    ("TCPI_OPT_USEC_TS", 64),
    ("TCPI_OPT_TFO_CHILD", 128),
];

/// Sets the variables to what the socket is now.
pub(crate) fn snapshot(task: &Task, fd: i32, python: &mut Python) {
    let mut mem = [0; 36];
    if task.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, &mut mem).is_ok() {
        for (name, bytes) in MEMINFO.iter().zip(mem.chunks_exact(4)) {
            python.set(name, i64::from(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])));
        }
    }
    let mut info = TcpInfo::default();
    let bytes = zerocopy::IntoBytes::as_mut_bytes(&mut info);
    if task.getsockopt(fd, SOL_TCP, TCP_INFO, bytes).is_err() {
        return;
    }
    macro_rules! fields {
        ($($name:ident)*) => {
            $(python.set(concat!("tcpi_", stringify!($name)), info.$name as i64);)*
        };
    }
    fields! {
        state ca_state retransmits probes backoff options rto ato snd_mss rcv_mss unacked sacked lost retrans fackets
        last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd
        advmss reordering rcv_rtt rcv_space total_retrans pacing_rate max_pacing_rate bytes_acked bytes_received
        segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivery_rate busy_time rwnd_limited
        sndbuf_limited delivered delivered_ce bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack snd_wnd
        rcv_wnd rehash total_rto total_rto_recoveries total_rto_time received_ce delivered_e1_bytes
        delivered_e0_bytes delivered_ce_bytes received_e1_bytes received_e0_bytes received_ce_bytes accecn_fail_mode
        accecn_opt_seen
    }
    python.set("tcpi_snd_wscale", i64::from(info.wscale & 15));
    python.set("tcpi_rcv_wscale", i64::from(info.wscale >> 4));
    python.set("tcpi_delivery_rate_app_limited", i64::from(info.delivery_rate_app_limited_fastopen_fail & 1));
}
