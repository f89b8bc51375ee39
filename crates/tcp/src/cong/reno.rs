//! NewReno (RFC 5681): `tcp_reno`.

use super::{CONG_NON_RESTRICTED, CongestionOps, cong_avoid_ai, slow_start};
use crate::sock::TcpSock;

/// `tcp_reno`
pub static RENO: CongestionOps = CongestionOps {
    flags: CONG_NON_RESTRICTED,
    cong_avoid: Some(|sk, _cx, _ack, acked| cong_avoid(sk, acked)),
    ..CongestionOps::new("reno")
};

/// Half the window (`tcp_reno_ssthresh`).
pub fn ssthresh(tp: &TcpSock) -> u32 {
    (tp.snd_cwnd >> 1).max(2)
}

/// The window of before (`tcp_reno_undo_cwnd`).
pub fn undo_cwnd(tp: &TcpSock) -> u32 {
    tp.snd_cwnd.max(tp.prior_cwnd)
}

/// Slow start, then a segment for each window (`tcp_reno_cong_avoid`).
pub fn cong_avoid(tp: &mut TcpSock, acked: u32) {
    if !tp.is_cwnd_limited() {
        return;
    }
    let mut acked = acked;
    if tp.in_slow_start() {
        acked = slow_start(tp, acked);
        if acked == 0 {
            return;
        }
    }
    let cwnd = tp.snd_cwnd;
    cong_avoid_ai(tp, cwnd, acked);
}

impl TcpSock {
    /// The window was the limit lately (`tcp_is_cwnd_limited`): in slow start it may be twice what
    /// is in flight.
    #[must_use]
    pub fn is_cwnd_limited(&self) -> bool {
        self.is_cwnd_limited || (self.in_slow_start() && self.snd_cwnd < 2 * self.max_packets_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_doubles_then_grows_by_one() {
        let mut tp = TcpSock {
            snd_cwnd: 10,
            snd_ssthresh: 20,
            snd_cwnd_clamp: u32::MAX,
            is_cwnd_limited: true,
            ..TcpSock::default()
        };
        cong_avoid(&mut tp, 10);
        assert_eq!(tp.snd_cwnd, 20);
        for _ in 0..20 {
            cong_avoid(&mut tp, 1);
        }
        assert_eq!(tp.snd_cwnd, 21);
        assert_eq!(ssthresh(&tp), 10);
    }

    #[test]
    fn an_unused_window_does_not_grow() {
        let mut tp =
            TcpSock { snd_cwnd: 30, snd_ssthresh: 20, snd_cwnd_clamp: u32::MAX, ..TcpSock::default() };
        cong_avoid(&mut tp, 30);
        assert_eq!(tp.snd_cwnd, 30);
    }
}
