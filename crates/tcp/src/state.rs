//! The state of a connection: the only place that writes it, and the transitions there are
//! (`tcp_set_state`, RFC 9293 figure 5).

use crate::sock::Sk;
use net::Cx;
use net::mib;
use net::sock::SockFlag;
use uapi::tcp::TcpState;
use uapi::tcp::TcpState::{
    BoundInactive, Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, NewSynRecv,
    SynRecv, SynSent, TimeWait,
};

/// Where each state may lead. Every state may lead to `Close`.
const TRANSITIONS: &[(TcpState, &[TcpState])] = &[
    (Close, &[Listen, SynSent, SynRecv, Established]),
    (Listen, &[]),
    (SynSent, &[SynRecv, Established]),
    (SynRecv, &[Established, FinWait1, CloseWait]),
    (NewSynRecv, &[]),
    (Established, &[FinWait1, CloseWait]),
    (FinWait1, &[FinWait2, Closing, TimeWait]),
    (FinWait2, &[TimeWait]),
    (Closing, &[TimeWait]),
    (CloseWait, &[LastAck]),
    (LastAck, &[]),
    (TimeWait, &[]),
    (BoundInactive, &[]),
];

/// True when `to` may follow `from`.
#[must_use]
pub fn is_legal(from: TcpState, to: TcpState) -> bool {
    to == Close || TRANSITIONS.iter().any(|(state, next)| *state == from && next.contains(&to))
}

/// The state a close leads to, and whether a FIN goes out (`new_state`, `tcp_close_state`).
#[must_use]
pub fn after_close(from: TcpState) -> (TcpState, bool) {
    match from {
        Established | SynRecv => (FinWait1, true),
        CloseWait => (LastAck, true),
        FinWait1 | FinWait2 | LastAck | Closing => (from, false),
        _ => (Close, false),
    }
}

/// The state of a sock (`sk_state`).
#[inline]
#[must_use]
pub fn state(sk: &Sk<'_>) -> TcpState {
    of(sk.sk)
}

/// The state of a sock whose lock need not be held.
#[inline]
#[must_use]
pub fn of(sk: &net::Sock<crate::Tcp>) -> TcpState {
    TcpState::from_raw(sk.state()).unwrap_or(Close)
}

/// Moves to another state (`tcp_set_state`), keeps the gauges, and leaves the tables on the way to
/// `Close`.
pub fn set_state(sk: &mut Sk<'_>, cx: &Cx<'_>, to: TcpState) {
    let from = state(sk);
    debug_assert!(from == to || is_legal(from, to), "{} to {}", from.name(), to.name());
    let counted = |state| matches!(state, Established | CloseWait);
    match (from, to) {
        (Established | CloseWait, to) if !counted(to) => cx.add(mib::Tcp::CurrEstab, u64::MAX),
        (from, to) if counted(to) && !counted(from) => cx.inc(mib::Tcp::CurrEstab),
        _ => {}
    }
    if to == Close {
        if counted(from) {
            cx.inc(mib::Tcp::EstabResets);
        }
        crate::hash::unhash(sk, cx);
        if !sk.sk.flag(SockFlag::BindPortLock) {
            crate::hash::put_port(sk, cx);
        }
    }
    sk.sk.set_state(cx, "TCP", to.raw());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_may_close() {
        assert!(TcpState::ALL.iter().all(|&from| is_legal(from, Close)));
    }

    #[test]
    fn the_table_is_rfc_9293s() {
        let legal: usize = TRANSITIONS.iter().map(|(_, next)| next.len()).sum();
        assert_eq!(legal, 17);
        for (from, to) in
            [(Listen, Established), (TimeWait, Established), (FinWait2, Closing), (CloseWait, TimeWait)]
        {
            assert!(!is_legal(from, to), "{from:?} to {to:?}");
        }
    }

    #[test]
    fn closing_sends_one_fin() {
        for (from, to, fin) in [
            (Established, FinWait1, true),
            (SynRecv, FinWait1, true),
            (CloseWait, LastAck, true),
            (SynSent, Close, false),
            (Listen, Close, false),
            (FinWait2, FinWait2, false),
        ] {
            assert_eq!(after_close(from), (to, fin));
        }
    }
}
