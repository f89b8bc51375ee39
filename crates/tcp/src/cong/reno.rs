//! NewReno (RFC 5681): `tcp_reno`.

use super::{CongestionOps, cong_avoid_ai, slow_start};
use crate::sock::TcpSock;

/// `tcp_reno`
pub struct Reno;

impl CongestionOps for Reno {
    fn name(&self) -> &'static str {
        "reno"
    }

    fn ssthresh(&self, tp: &mut TcpSock) -> u32 {
        (tp.snd_cwnd >> 1).max(2)
    }

    fn cong_avoid(&self, tp: &mut TcpSock, _ack: u32, acked: u32) {
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
        Reno.cong_avoid(&mut tp, 0, 10);
        assert_eq!(tp.snd_cwnd, 20);
        for _ in 0..20 {
            Reno.cong_avoid(&mut tp, 0, 1);
        }
        assert_eq!(tp.snd_cwnd, 21);
        assert_eq!(Reno.ssthresh(&mut tp), 10);
    }

    #[test]
    fn an_unused_window_does_not_grow() {
        let mut tp =
            TcpSock { snd_cwnd: 30, snd_ssthresh: 20, snd_cwnd_clamp: u32::MAX, ..TcpSock::default() };
        Reno.cong_avoid(&mut tp, 0, 30);
        assert_eq!(tp.snd_cwnd, 30);
    }
}
