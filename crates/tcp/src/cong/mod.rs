//! Congestion control: a table of operations (`struct tcp_congestion_ops`), which of them a namespace
//! knows, and the state of the one that a sock uses.
//!
//! The built-in ones are tables like any other; [`Registry::register`] adds more.

pub mod bbr;
pub mod cubic;
mod private;
pub mod registry;
pub mod reno;
pub mod sysctl;

pub use private::{CaPriv, Private, SIZE as CA_PRIV_SIZE};
pub use registry::{Registry, register};

use crate::sock::{CaState, Sk, TcpSock};
use net::Cx;
use uapi::tcp::TcpState;
use uapi::{Errno, Result};

/// What happened, for [`CongestionOps::cwnd_event`] (`enum tcp_ca_event`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaEvent {
    /// First transmission with nothing in flight.
    TxStart,
    /// The window is used again after idling.
    CwndRestart,
    /// Congestion recovery is over.
    CompleteCwr,
    /// A timeout.
    Loss,
    /// A packet without a CE mark came, where there is ECN (`CA_EVENT_ECN_NO_CE`).
    EcnNoCe,
    /// One with it (`CA_EVENT_ECN_IS_CE`).
    EcnIsCe,
}

/// The ACK went the slow way (`CA_ACK_SLOWPATH`), for [`CongestionOps::in_ack_event`].
pub const CA_ACK_SLOWPATH: u32 = 1;
/// It updated the window (`CA_ACK_WIN_UPDATE`).
pub const CA_ACK_WIN_UPDATE: u32 = 2;
/// It has ECE (`CA_ACK_ECE`).
pub const CA_ACK_ECE: u32 = 4;

/// Anybody may choose it (`TCP_CONG_NON_RESTRICTED`).
pub const CONG_NON_RESTRICTED: u32 = 1;
/// It wants ECN (`TCP_CONG_NEEDS_ECN`).
pub const CONG_NEEDS_ECN: u32 = 2;

/// One rate sample of an ACK (`struct rate_sample`).
#[derive(Clone, Copy, Debug, Default)]
pub struct RateSample {
    /// `delivered_mstamp` of the sample's segment when sent, µs; 0 when there is none.
    pub prior_mstamp: u64,
    /// `delivered` then.
    pub prior_delivered: u32,
    /// Segments delivered since; -1 when unknown.
    pub delivered: i32,
    /// Over how many µs; -1 when unknown.
    pub interval_us: i64,
    /// RTT of the last segment delivered, µs; -1 when unknown.
    pub rtt_us: i64,
    /// Segments marked lost by this ACK.
    pub losses: u32,
    /// Newly acknowledged or SACKed by it.
    pub acked_sacked: u32,
    /// In flight before it.
    pub prior_in_flight: u32,
    /// End of the segment the sample is of.
    pub last_end_seq: Option<u32>,
    /// The application limited it.
    pub app_limited: bool,
    /// The segment had been retransmitted.
    pub is_retrans: bool,
    /// The ACK may have been delayed.
    pub is_ack_delayed: bool,
}

/// What an ACK acknowledged (`struct ack_sample`).
#[derive(Clone, Copy, Debug)]
pub struct AckSample {
    /// Segments.
    pub pkts_acked: u32,
    /// RTT of the last of them, µs; -1 when unknown.
    pub rtt_us: i64,
    /// In flight before it.
    pub in_flight: u32,
}

/// What `TCP_CC_INFO` shows (`union tcp_cc_info`), and as which attribute `ss` gets it.
#[derive(Clone, Copy, Debug)]
pub struct CcInfo {
    /// `INET_DIAG_*INFO`.
    pub attr: u16,
    /// How many of the bytes count.
    pub len: usize,
    /// The value.
    pub bytes: [u8; 20],
}

/// [`CongestionOps::cong_control`].
pub type CongControl = fn(&mut Sk<'_>, &Cx<'_>, u32, u32, &RateSample);

/// A congestion control (`struct tcp_congestion_ops`). What is `None` is not wanted.
///
/// Each function runs under the sock's lock, in the middle of the work on a segment, and may change
/// the window (`snd_cwnd`, `snd_ssthresh`), the pacing rate and its own state ([`Cong::state`]).
///
/// ```
/// use sockeye_tcp::cong::CongestionOps;
///
/// /// Reno that gives way more: to a third.
/// static MODEST: CongestionOps = CongestionOps {
///     ssthresh: |sk| (sk.snd_cwnd / 3).max(2),
///     cong_avoid: Some(|sk, _cx, _ack, acked| {
///         let acked = if sk.in_slow_start() { sockeye_tcp::cong::slow_start(sk, acked) } else { acked };
///         let cwnd = sk.snd_cwnd;
///         sockeye_tcp::cong::cong_avoid_ai(sk, cwnd, acked);
///     }),
///     ..CongestionOps::new("modest")
/// };
/// ```
pub struct CongestionOps {
    /// The name of `TCP_CONGESTION`, at most 15 bytes.
    pub name: &'static str,
    /// [`CONG_NON_RESTRICTED`], [`CONG_NEEDS_ECN`].
    pub flags: u32,
    /// A connection begins; its state is all zeros.
    pub init: Option<fn(&mut Sk<'_>, &Cx<'_>)>,
    /// The connection ends, or takes another congestion control.
    pub release: Option<fn(&mut Sk<'_>)>,
    /// The slow-start threshold after a loss, segments.
    pub ssthresh: fn(&mut Sk<'_>) -> u32,
    /// An ACK: `(ack, acked)`, the number and the segments newly acknowledged. Not called where there
    /// is a [`CongestionOps::cong_control`].
    pub cong_avoid: Option<fn(&mut Sk<'_>, &Cx<'_>, u32, u32)>,
    /// The state of congestion avoidance is about to change.
    pub set_state: Option<fn(&mut Sk<'_>, CaState)>,
    /// Something happened.
    pub cwnd_event: Option<fn(&mut Sk<'_>, &Cx<'_>, CaEvent)>,
    /// An ACK was looked at: `CA_ACK_*`.
    pub in_ack_event: Option<fn(&mut Sk<'_>, u32)>,
    /// Segments were acknowledged or SACKed.
    pub pkts_acked: Option<fn(&mut Sk<'_>, &Cx<'_>, &AckSample)>,
    /// Least segments of a large send, for the sysctl's.
    pub min_tso_segs: Option<fn(&Sk<'_>) -> u32>,
    /// Sets the window and the pacing rate by itself, in recovery too: `(ack, flags, sample)`.
    pub cong_control: Option<CongControl>,
    /// The window to return to after an undo.
    pub undo_cwnd: fn(&mut Sk<'_>) -> u32,
    /// How many windows the send buffer holds, for 2.
    pub sndbuf_expand: Option<fn(&Sk<'_>) -> u32>,
    /// What `TCP_CC_INFO` shows.
    pub get_info: Option<fn(&Sk<'_>) -> CcInfo>,
}

impl CongestionOps {
    /// A table that halves the window after a loss and does nothing else: for `..CongestionOps::new(…)`.
    /// It is not complete without [`CongestionOps::cong_avoid`] or [`CongestionOps::cong_control`].
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        CongestionOps {
            name,
            flags: 0,
            init: None,
            release: None,
            ssthresh: |sk| reno::ssthresh(sk),
            cong_avoid: None,
            set_state: None,
            cwnd_event: None,
            in_ack_event: None,
            pkts_acked: None,
            min_tso_segs: None,
            cong_control: None,
            undo_cwnd: |sk| reno::undo_cwnd(sk),
            sndbuf_expand: None,
            get_info: None,
        }
    }
}

/// The congestion control of a sock.
pub struct Cong {
    /// `icsk_ca_ops`
    pub ops: &'static CongestionOps,
    private: CaPriv,
    /// `init` ran and `release` is due (`icsk_ca_initialized`).
    initialized: bool,
    /// The user chose it: children inherit it (`icsk_ca_setsockopt`).
    pub(crate) chosen: bool,
}

impl Default for Cong {
    fn default() -> Self {
        Cong { ops: &cubic::CUBIC, private: CaPriv::default(), initialized: false, chosen: false }
    }
}

impl Cong {
    /// Its own state, as the type it keeps there (`inet_csk_ca`); zeros before it was written. At most
    /// [`CA_PRIV_SIZE`] bytes; more does not compile.
    #[inline]
    pub fn state<T: Private>(&mut self) -> &mut T {
        self.private.get_mut()
    }

    /// The same to be looked at.
    #[inline]
    #[must_use]
    pub fn state_ref<T: Private>(&self) -> &T {
        self.private.get()
    }

    /// A sock that inherits (`tcp_ca_openreq_child`).
    pub(crate) fn inherit(&mut self, from: &Cong) {
        (self.ops, self.chosen) = (from.ops, from.chosen);
    }
}

/// A new sock: the namespace's default (`tcp_assign_congestion_control`).
#[inline]
pub fn assign(sk: &mut Sk<'_>, registry: &Registry) {
    sk.cong.ops = registry.default_ops();
}

/// `TCP_CONGESTION`: `ENOENT` for an unknown name, `EPERM` for one that only the administrator may
/// choose (`tcp_set_congestion_control`).
pub fn set_by_name(sk: &mut Sk<'_>, cx: &Cx<'_>, name: &[u8], net_admin: bool) -> Result<()> {
    let (ops, restricted) = sk.sysctl().cong.find(name).ok_or(Errno::ENOENT)?;
    if std::ptr::eq(ops, sk.cong.ops) {
        sk.cong.chosen = true;
        return Ok(());
    }
    if restricted && !net_admin {
        return Err(Errno::EPERM);
    }
    cleanup(sk);
    sk.cong = Cong { ops, chosen: true, ..Cong::default() };
    if !matches!(crate::state::state(sk), TcpState::Close | TcpState::Listen) {
        init(sk, cx);
    }
    Ok(())
}

/// The name of the one in use.
#[must_use]
pub fn name(tp: &TcpSock) -> &'static str {
    tp.cong.ops.name
}

/// What `TCP_CC_INFO` shows.
#[must_use]
pub fn info(sk: &Sk<'_>) -> Option<CcInfo> {
    sk.cong.ops.get_info.map(|get_info| get_info(sk))
}

/// A connection begins (`tcp_init_congestion_control`).
pub fn init(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.prior_ssthresh = 0;
    sk.cong.private = CaPriv::default();
    if let Some(init) = sk.cong.ops.init {
        init(sk, cx);
    }
    sk.cong.initialized = true;
}

/// A connection ends (`tcp_cleanup_congestion_control`).
#[inline]
pub fn cleanup(sk: &mut Sk<'_>) {
    if std::mem::take(&mut sk.cong.initialized)
        && let Some(release) = sk.cong.ops.release
    {
        release(sk);
    }
}

/// The threshold after a loss.
pub fn ssthresh(sk: &mut Sk<'_>) -> u32 {
    (sk.cong.ops.ssthresh)(sk)
}

/// Tells the congestion control that something happened (`tcp_ca_event`).
#[inline]
pub fn event(sk: &mut Sk<'_>, cx: &Cx<'_>, event: CaEvent) {
    if let Some(cwnd_event) = sk.cong.ops.cwnd_event {
        cwnd_event(sk, cx, event);
    }
}

/// Segments were acknowledged.
#[inline]
pub fn pkts_acked(sk: &mut Sk<'_>, cx: &Cx<'_>, sample: AckSample) {
    if let Some(pkts_acked) = sk.cong.ops.pkts_acked {
        pkts_acked(sk, cx, &sample);
    }
}

/// It sets the window by itself.
#[inline]
#[must_use]
pub fn controls(tp: &TcpSock) -> bool {
    tp.cong.ops.cong_control.is_some()
}

/// Moves to another state of congestion avoidance (`tcp_set_ca_state`).
pub fn set_ca_state(sk: &mut Sk<'_>, to: CaState) {
    if let Some(set_state) = sk.cong.ops.set_state {
        set_state(sk, to);
    }
    sk.ca_state = to;
}

/// Slow start: one segment for each acknowledged; what is left over is returned
/// (`tcp_slow_start`).
pub fn slow_start(tp: &mut TcpSock, acked: u32) -> u32 {
    let cwnd = (tp.snd_cwnd + acked).min(tp.snd_ssthresh);
    let left = acked - cwnd.saturating_sub(tp.snd_cwnd);
    tp.snd_cwnd = cwnd.min(tp.snd_cwnd_clamp).max(1);
    left
}

/// Additive increase: one segment for every `w` acknowledged (`tcp_cong_avoid_ai`).
pub fn cong_avoid_ai(tp: &mut TcpSock, w: u32, acked: u32) {
    let w = w.max(1);
    if tp.snd_cwnd_cnt >= w {
        tp.snd_cwnd_cnt = 0;
        tp.snd_cwnd += 1;
    }
    tp.snd_cwnd_cnt += acked;
    if tp.snd_cwnd_cnt >= w {
        let delta = tp.snd_cwnd_cnt / w;
        tp.snd_cwnd_cnt -= delta * w;
        tp.snd_cwnd += delta;
    }
    tp.snd_cwnd = tp.snd_cwnd.min(tp.snd_cwnd_clamp);
}
