//! Congestion control: a table of operations (`struct tcp_congestion_ops`) and the state of the one
//! in use.

pub mod cubic;
pub mod reno;
pub mod sysctl;

use crate::sock::{Sk, TcpSock};
use net::Cx;
use std::any::Any;
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
}

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

/// A congestion control (`struct tcp_congestion_ops`).
pub trait CongestionOps: Send + Sync {
    /// The name of `TCP_CONGESTION`.
    fn name(&self) -> &'static str;

    /// Its own state for a new connection (`init`).
    fn init(&self, tp: &TcpSock) -> CaPriv {
        let _ = tp;
        CaPriv::None
    }

    /// The slow-start threshold after a loss (`ssthresh`).
    fn ssthresh(&self, tp: &mut TcpSock) -> u32;

    /// `acked` segments were newly acknowledged (`cong_avoid`).
    fn cong_avoid(&self, tp: &mut TcpSock, ack: u32, acked: u32);

    /// The window to return to after an undo (`undo_cwnd`).
    fn undo_cwnd(&self, tp: &TcpSock) -> u32 {
        tp.snd_cwnd.max(tp.prior_cwnd)
    }

    /// The state of congestion avoidance is about to change (`set_state`).
    fn set_state(&self, _tp: &mut TcpSock, _to: crate::sock::CaState) {}

    /// Something happened (`cwnd_event`).
    fn cwnd_event(&self, _tp: &mut TcpSock, _event: CaEvent) {}

    /// An ACK gave `acked` segments and an RTT sample, µs or -1 (`pkts_acked`).
    fn pkts_acked(&self, _tp: &mut TcpSock, _cx: &Cx<'_>, _acked: u32, _rtt_us: i64) {}

    /// Sets the window by itself (`cong_control`); false leaves that to the usual course.
    fn cong_control(&self, _tp: &mut TcpSock, _rs: &RateSample) -> bool {
        false
    }
}

/// The state of a congestion control (`icsk_ca_priv`).
#[derive(Default)]
pub enum CaPriv {
    /// None.
    #[default]
    None,
    /// CUBIC's.
    Cubic(cubic::Cubic),
    /// One from outside.
    Other(Box<dyn Any + Send + Sync>),
}

/// The congestion control of a sock.
pub struct Cong {
    /// `icsk_ca_ops`
    pub ops: &'static dyn CongestionOps,
    /// `icsk_ca_priv`
    pub state: CaPriv,
}

impl Default for Cong {
    fn default() -> Self {
        Cong { ops: DEFAULT, state: CaPriv::None }
    }
}

/// The built-in ones (`tcp_available_congestion_control`).
pub static BUILTIN: &[&dyn CongestionOps] = &[&reno::Reno, &cubic::CubicOps];

static DEFAULT: &dyn CongestionOps = &cubic::CubicOps;

/// The one with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn CongestionOps> {
    BUILTIN.iter().copied().find(|ops| ops.name() == name)
}

/// `TCP_CONGESTION`: up to the first NUL; `ENOENT` for an unknown name (`tcp_set_congestion_control`).
pub fn set_by_name(sk: &mut Sk<'_>, name: &[u8]) -> Result<()> {
    let name = name.split(|&b| b == 0).next().unwrap_or(&[]);
    let name = core::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
    let ops = by_name(name).ok_or(Errno::ENOENT)?;
    if ops.name() != sk.cong.ops.name() {
        sk.cong = Cong { ops, state: CaPriv::None };
        if !matches!(crate::state::state(sk), uapi::tcp::TcpState::Close | uapi::tcp::TcpState::Listen) {
            init(sk);
        }
    }
    Ok(())
}

/// The name of the one in use.
#[must_use]
pub fn name(tp: &TcpSock) -> &'static str {
    tp.cong.ops.name()
}

/// A connection begins (`tcp_init_congestion_control`).
pub fn init(tp: &mut TcpSock) {
    tp.prior_ssthresh = 0;
    tp.cong.state = tp.cong.ops.init(tp);
}

/// The threshold after a loss.
pub fn ssthresh(tp: &mut TcpSock) -> u32 {
    tp.cong.ops.ssthresh(tp)
}

/// Tells the congestion control that something happened (`tcp_ca_event`).
#[inline]
pub fn event(tp: &mut TcpSock, event: CaEvent) {
    tp.cong.ops.cwnd_event(tp, event);
}

/// Moves to another state of congestion avoidance (`tcp_set_ca_state`).
pub fn set_ca_state(tp: &mut TcpSock, to: crate::sock::CaState) {
    tp.cong.ops.set_state(tp, to);
    tp.ca_state = to;
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
