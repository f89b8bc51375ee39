//! What follows from the fields of a [`TcpSock`]: the kernel's small inline functions.

use super::{Rare, TcpSock};
use crate::sysctl::Sysctl;

impl TcpSock {
    /// The namespace's settings.
    ///
    /// # Panics
    /// On a state that no [`init_sock`] has seen: no sock in use has one.
    #[inline]
    #[must_use]
    pub fn sysctl(&self) -> &Sysctl {
        self.sysctl.as_deref().expect("a sock in use was initialised")
    }

    /// Segments in flight (`tcp_packets_in_flight`).
    #[inline]
    #[must_use]
    pub fn packets_in_flight(&self) -> u32 {
        (self.packets_out + self.retrans_out).saturating_sub(self.sacked_out + self.lost_out)
    }

    /// In slow start (`tcp_in_slow_start`).
    #[inline]
    #[must_use]
    pub fn in_slow_start(&self) -> bool {
        self.snd_cwnd < self.snd_ssthresh
    }

    /// The end of the peer's window (`tcp_wnd_end`).
    #[inline]
    #[must_use]
    pub fn wnd_end(&self) -> u32 {
        self.snd_una.wrapping_add(self.snd_wnd)
    }

    /// What is left of the window we advertised, bytes (`tcp_receive_window`).
    #[inline]
    #[must_use]
    pub fn receive_window(&self) -> u32 {
        let left = self.rcv_wup.wrapping_add(self.rcv_wnd).wrapping_sub(self.rcv_nxt) as i32;
        left.max(0) as u32
    }

    /// What was advertised at most, bytes from `rcv_nxt` on; more than [`Self::receive_window`] after the window shrank
    /// (`tcp_max_receive_window`).
    #[inline]
    #[must_use]
    pub fn max_receive_window(&self) -> u32 {
        let now = self.receive_window();
        match &self.rare {
            Some(rare) if self.wnd_shrank => {
                now.max((rare.max_wnd_end.wrapping_sub(self.rcv_nxt) as i32).max(0) as u32)
            }
            _ => now,
        }
    }

    /// Bytes of payload that `space` bytes of truesize are expected to hold (`tcp_win_from_space`).
    #[inline]
    #[must_use]
    pub fn win_from_space(&self, space: i32) -> i32 {
        ((i64::from(space) * i64::from(self.scaling_ratio)) >> 8) as i32
    }

    /// The reverse (`tcp_space_from_win`).
    #[must_use]
    pub fn space_from_win(&self, win: u32) -> i32 {
        let space = (u64::from(win) << 8) / u64::from(self.scaling_ratio.max(1));
        space.min(i32::MAX as u64) as i32
    }

    /// Bytes written and not yet sent (`tcp_notsent`).
    #[inline]
    #[must_use]
    pub fn notsent(&self) -> u32 {
        self.write_seq.wrapping_sub(self.snd_nxt)
    }

    /// The smoothed RTT is known and RTTs are taken (`tcp_min_rtt`), µs; `u32::MAX` when there is none.
    #[inline]
    #[must_use]
    pub fn min_rtt(&self) -> u32 {
        match self.rtt_min.s[0].1 {
            0 => u32::MAX,
            rtt => rtt,
        }
    }

    /// The time of the event at hand in the ms that deadlines of 32 bits use (`tcp_jiffies32`).
    #[inline]
    #[must_use]
    pub fn jiffies32(&self) -> u32 {
        (self.mstamp / 1000) as u32
    }

    /// TSval of the moment, our offset added (`tcp_time_stamp_ts` and `tsoffset`).
    #[inline]
    #[must_use]
    pub fn tsval(&self) -> u32 {
        ((self.mstamp / 1000) as u32).wrapping_add(self.tsoffset)
    }

    /// No SACK: duplicate ACKs are counted instead (`tcp_is_reno`).
    #[inline]
    #[must_use]
    pub fn is_reno(&self) -> bool {
        !self.rx_opt.sack_ok
    }

    /// What few sockets have, made on first use.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}
