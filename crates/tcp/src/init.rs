//! Beginnings and ends of a [`TcpSock`]: a fresh one, a child of a listener, one that is
//! disconnected.

use crate::TcpCx;
use crate::cong;
use crate::output::{mss, syn};
use crate::sock::{RxOpt, Sk, TcpSock};
use crate::timer;
use net::Cx;
use net::sock::{PACING_NEEDED, PACING_NONE, SockFlag};
use uapi::tcp::{TCP_MSS_DEFAULT, TcpState};

/// Half of the buffer is window until segments show better (`TCP_DEFAULT_SCALING_RATIO`).
pub const DEFAULT_SCALING_RATIO: u8 = 128;

/// `tcp_win_from_space` before any segment came.
#[must_use]
pub fn default_win_from_space(space: i32) -> i32 {
    ((i64::from(space) * i64::from(DEFAULT_SCALING_RATIO)) >> 8) as i32
}

/// The slow-start threshold nobody reaches (`TCP_INFINITE_SSTHRESH`).
pub const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;
/// The first congestion window, segments (`TCP_INIT_CWND`).
pub const INIT_CWND: u32 = 10;

/// What the SYN and the SYN-ACK of a passive open agreed on (`struct inet_request_sock`,
/// `struct tcp_request_sock`).
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenReq {
    /// The peer's ISN (`rcv_isn`).
    pub rcv_isn: u32,
    /// Ours (`snt_isn`).
    pub snt_isn: u32,
    /// The next byte expected (`rcv_nxt`).
    pub rcv_nxt: u32,
    /// The largest segment the peer takes, user's limit applied (`mss`).
    pub mss: u16,
    /// The MSS we advertised.
    pub advmss: u16,
    /// The window offered (`rsk_rcv_wnd`).
    pub rcv_wnd: u32,
    /// The most it may be (`rsk_window_clamp`).
    pub window_clamp: u32,
    /// How far our windows are shifted.
    pub rcv_wscale: u8,
    /// How far the peer's are.
    pub snd_wscale: u8,
    /// Window scaling is used.
    pub wscale_ok: bool,
    /// Timestamps are used.
    pub tstamp_ok: bool,
    /// SACK is used.
    pub sack_ok: bool,
    /// ECN is used.
    pub ecn_ok: bool,
    /// The accurate kind, and how it fares.
    pub accecn: crate::ecn::handshake::ReqEcn,
    /// Nothing is kept: it is told by a cookie (`syncookie`).
    pub cookie: bool,
    /// Type of service or traffic class of the SYN (`syn_tos`).
    pub syn_tos: u8,
    /// The peer's timestamp (`ts_recent`).
    pub ts_recent: u32,
    /// Offset of our timestamps (`ts_off`).
    pub ts_off: u32,
    /// When the SYN-ACK was sent first, µs, 0 when it was not or again (`snt_synack`).
    pub snt_synack: u64,
    /// How often it timed out (`num_timeout`).
    pub num_timeout: u8,
}

/// Defaults of a new sock (`tcp_init_sock`).
pub fn init_sock(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.sysctl.is_none() {
        sk.sysctl = Some(cx.tcp().sysctl.clone());
    }
    let sysctl = &cx.tcp().sysctl;
    cong::assign(sk, &sysctl.cong);
    sk.rto = timer::TIMEOUT_INIT;
    sk.rto_min = ((sysctl.rto_min_us() as u32) / 1000).max(1);
    sk.rto_max = sysctl.rto_max_ms() as u32;
    sk.delack_max = crate::output::ack::DELACK_MAX;
    sk.mdev_us = timer::TIMEOUT_INIT * 1000;
    sk.rtt_min = crate::sock::MinRtt::default();
    sk.snd_cwnd = INIT_CWND;
    sk.app_limited = u32::MAX;
    sk.rate_app_limited = true;
    sk.snd_ssthresh = INFINITE_SSTHRESH;
    sk.snd_cwnd_clamp = u32::MAX;
    sk.mss_cache = u32::from(TCP_MSS_DEFAULT);
    sk.reordering = sysctl.reordering() as u32;
    sk.scaling_ratio = DEFAULT_SCALING_RATIO;
    sk.rack.reo_wnd_steps = 1;
    sk.tcp_header_len = 0;
    sk.sk.set_sndbuf(sysctl.wmem(1));
    sk.sk.set_rcvbuf(sysctl.rmem(1));
}

/// Lets go of everything received and written (`tcp_write_queue_purge`, `skb_rbtree_purge`,
/// `__skb_queue_purge`).
pub fn purge_queues(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    crate::output::write_queue_purge(sk, cx);
    while let Some(seg) = sk.receive_queue.pop_front() {
        crate::input::data::eat_skb(sk, cx, seg);
    }
    if !sk.ofo.queue.is_empty() {
        for seg in std::mem::take(&mut sk.ofo.queue).into_segments() {
            crate::input::data::eat_skb(sk, cx, seg);
        }
    }
}

/// Back to the state before `connect()`; the user's options stay (`tcp_disconnect`). Queues are
/// purged and timers off. State, tables and addresses are the caller's.
pub fn disconnect_reset(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    timer::clear_xmit_timers(sk, cx);
    crate::fastopen::remove(sk, cx, false);
    crate::fastopen::client::ended(sk, cx);
    purge_queues(sk, cx);
    let write_seq = sk.write_seq.wrapping_add(sk.max_window).wrapping_add(2);
    let (rcvbuf, sndbuf) = (sk.sk.rcvbuf(), sk.sk.sndbuf());
    let user_mss = sk.rx_opt.user_mss;
    cong::cleanup(sk);
    let fresh = TcpSock {
        inet: std::mem::take(&mut sk.inet),
        retransmit_timer: std::mem::take(&mut sk.retransmit_timer),
        delack_timer: std::mem::take(&mut sk.delack_timer),
        sk_timer: std::mem::take(&mut sk.sk_timer),
        sysctl: sk.sysctl.take(),
        rare: sk.rare.take(),
        ..TcpSock::default()
    };
    let old = std::mem::replace(&mut **sk, fresh);
    init_sock(sk, cx);
    sk.sk.set_rcvbuf(rcvbuf);
    sk.sk.set_sndbuf(sndbuf);
    sk.cong.inherit(&old.cong);
    sk.rx_opt.user_mss = user_mss;
    sk.write_seq = if write_seq == 0 { 1 } else { write_seq };
    // Between connections SIOCOUTQ tells how far apart these are.
    (sk.snd_una, sk.snd_nxt) = (old.snd_una, old.snd_nxt);
    sk.mss_cache = old.mss_cache;
    sk.max_window = old.max_window;
    copy_user_options(sk, &old);
    sk.repair = old.repair;
    sk.window_clamp = 0;
    if let Some(rare) = &mut sk.rare {
        (rare.fastopen_child, rare.syn_data_acked) = (false, false);
        (rare.client.request, rare.client.deferred) = (None, false);
        rare.client.fail = crate::fastopen::client::Fail::default();
        rare.accecn = Default::default();
    }
}

/// What the user set stays with a disconnected sock, and goes to a listener's children.
pub(crate) fn copy_user_options(sk: &mut TcpSock, from: &TcpSock) {
    sk.rx_opt.user_mss = from.rx_opt.user_mss;
    sk.nonagle = from.nonagle;
    sk.notsent_lowat = from.notsent_lowat;
    sk.window_clamp = from.window_clamp;
    sk.syn_retries = from.syn_retries;
    sk.keepalive_probes = from.keepalive_probes;
    sk.keepalive_time = from.keepalive_time;
    sk.keepalive_intvl = from.keepalive_intvl;
    sk.user_timeout = from.user_timeout;
    sk.linger2 = from.linger2;
    sk.defer_accept = from.defer_accept;
    sk.thin_lto = from.thin_lto;
    sk.recvmsg_inq = from.recvmsg_inq;
    sk.tx_delay = from.tx_delay;
    sk.rto_min = from.rto_min;
    sk.rto_max = from.rto_max;
    sk.delack_max = from.delack_max;
    sk.save_syn = from.save_syn;
    if let Some(rare) = &from.rare
        && rare.fastopen_settings.is_set()
    {
        *sk.fastopen_mut() = rare.fastopen_settings.clone();
    }
}

impl TcpSock {
    /// Takes the settings of another sock: a listener's template, a child.
    pub fn inherit_options(&mut self, from: &TcpSock) {
        copy_user_options(self, from);
        if from.cong.chosen {
            self.cong.inherit(&from.cong);
        }
    }
}

/// Fills the sock of a passive open (`tcp_create_openreq_child`). The caller has set the addresses,
/// the route and the common fields, and moves the state.
pub fn open_child(sk: &mut Sk<'_>, cx: &Cx<'_>, req: &OpenReq, listener: &TcpSock) {
    let (rcvbuf, sndbuf) = (sk.sk.rcvbuf(), sk.sk.sndbuf());
    init_sock(sk, cx);
    sk.sk.set_rcvbuf(rcvbuf);
    sk.sk.set_sndbuf(sndbuf);
    sk.inherit_options(listener);
    if let Some(rare) = &mut sk.rare {
        rare.fastopen_settings = Default::default();
    }
    open_child_of(sk, cx, req);
}

/// The same once the listener's settings are copied.
pub fn open_child_of(sk: &mut Sk<'_>, cx: &Cx<'_>, req: &OpenReq) {
    sk.mstamp = cx.now().ns() / 1000;
    let now = sk.jiffies32();
    let isn = req.rcv_isn.wrapping_add(1);
    (sk.rcv_wup, sk.copied_seq, sk.rcv_nxt) = (isn, isn, isn);
    let snd = req.snt_isn.wrapping_add(1);
    (sk.snd_sml, sk.snd_una, sk.snd_nxt, sk.snd_up) = (snd, snd, snd, snd);
    (sk.write_seq, sk.pushed_seq) = (snd, snd);
    sk.snd_wl1 = req.rcv_isn;
    sk.lsndtime = now;
    sk.ack_lrcvtime = now;
    sk.cwnd_usage_seq = snd;
    sk.total_retrans = u32::from(req.num_timeout);
    sk.rx_opt = RxOpt {
        tstamp_ok: req.tstamp_ok,
        sack_ok: req.sack_ok,
        wscale_ok: req.wscale_ok,
        snd_wscale: if req.wscale_ok { req.snd_wscale } else { 0 },
        rcv_wscale: if req.wscale_ok { req.rcv_wscale } else { 0 },
        user_mss: sk.rx_opt.user_mss,
        mss_clamp: req.mss,
        ..RxOpt::default()
    };
    sk.window_clamp = if req.wscale_ok { req.window_clamp } else { req.window_clamp.min(65_535) };
    sk.rcv_ssthresh = req.rcv_wnd;
    sk.rcv_wnd = req.rcv_wnd;
    sk.snd_wnd = 0;
    sk.max_window = 0;
    sk.tsoffset = req.ts_off;
    sk.snt_synack = req.snt_synack;
    if req.tstamp_ok {
        sk.rx_opt.ts_recent = req.ts_recent;
        sk.rx_opt.ts_recent_stamp = (sk.mstamp / 1_000_000) as u32;
        sk.tcp_header_len = 32;
    } else {
        sk.tcp_header_len = 20;
    }
    sk.advmss = req.advmss;
    let v4 = sk.inet.daddr.is_v4();
    if let Some(dst) = sk.inet.dst.clone() {
        mss::sync_mss(sk, cx, mss::dst_mtu(&dst, v4));
        sk.advmss = mss::advertise(sk.rx_opt.user_mss, &dst, v4);
    }
    syn::initialize_rcv_mss(sk);
    if sk.sk.flag(SockFlag::KeepOpen) {
        let time = timer::keepalive::keepalive_time(sk, cx);
        timer::reset_keepalive(sk, cx, time);
    }
    cx.inc(net::mib::Tcp::PassiveOpens);
}

/// The connection is up: windows, congestion control, buffers (`tcp_init_transfer`).
pub fn init_transfer(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let v4 = sk.inet.daddr.is_v4();
    if let Some(dst) = sk.inet.dst.clone() {
        mss::sync_mss(sk, cx, mss::dst_mtu(&dst, v4));
    }
    crate::output::mtu_probe::init(sk, cx);
    crate::metrics::init(sk, cx);
    // RFC 6928 and 6298 section 5.7: a SYN that had to go twice takes a small window.
    if sk.total_retrans > 1 && sk.undo_marker_set {
        sk.snd_cwnd = 1;
    } else {
        sk.snd_cwnd = crate::output::write_xmit::init_cwnd(sk, cx);
    }
    sk.snd_cwnd_stamp = sk.jiffies32();
    if sk.sk.pacing_status() == PACING_NONE && sk.inet.dst.as_ref().is_some_and(|dst| dst.dev.paces()) {
        sk.sk.set_pacing_status(PACING_NEEDED);
    }
    cong::init(sk, cx);
    init_buffer_space(sk, cx);
    sk.send_queue.shrink();
}

/// Sizes the receive window's tuning (`tcp_init_buffer_space`).
fn init_buffer_space(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if !sk.sk.flag(SockFlag::SndbufLock) {
        crate::input::window::sndbuf_expand(sk, cx);
    }
    sk.rcvq_time = sk.mstamp;
    sk.rcvq_seq = sk.copied_seq;
    let full = crate::output::window::full_space(sk).max(0) as u32;
    if sk.window_clamp >= full {
        sk.window_clamp = full;
        let app_win = cx.tcp().sysctl.app_win();
        if app_win != 0 && full > 4 * u32::from(sk.advmss) && app_win < 32 {
            sk.window_clamp = (full - (full >> app_win)).max(4 * u32::from(sk.advmss));
        }
    }
    if cx.tcp().sysctl.app_win() != 0
        && sk.window_clamp > 2 * u32::from(sk.advmss)
        && sk.window_clamp + u32::from(sk.advmss) > full
    {
        sk.window_clamp = (2 * u32::from(sk.advmss)).max(full.saturating_sub(u32::from(sk.advmss)));
    }
    sk.rcv_ssthresh = sk.rcv_ssthresh.min(sk.window_clamp);
    sk.snd_cwnd_stamp = sk.jiffies32();
    sk.rcvq_space = sk.rcv_ssthresh.min(INIT_CWND * u32::from(sk.advmss)).max(1);
}

/// A fresh state for the next user of the object (`Proto::reset`).
pub fn reset(st: &mut TcpSock) {
    // The namespace stays the same: its slab keeps the object.
    let sysctl = st.sysctl.take();
    *st = TcpSock { sysctl, ..TcpSock::default() };
}

/// True in states where the connection is synchronised.
#[must_use]
pub fn is_synchronised(state: TcpState) -> bool {
    const NOT: u32 = TcpState::Close.bit()
        | TcpState::Listen.bit()
        | TcpState::SynSent.bit()
        | TcpState::SynRecv.bit()
        | TcpState::NewSynRecv.bit();
    !state.is_in(NOT)
}
