//! Explicit Congestion Notification: the classic one of RFC 3168, and Accurate ECN (RFC 9768), which
//! counts marks instead of noting that there were some.
//!
//! Here: what a sock knows, what is marked, and what follows from marks. [`handshake`] agrees on the
//! mode, [`feedback`] reads what an Accurate ECN peer tells, [`option`] tells it.

pub mod feedback;
pub mod handshake;
pub mod option;

use crate::input::{TcpRx, delack};
use crate::output::segment::Out;
use crate::seq::before;
use crate::sock::{ACK_NOW, Sk, TcpSock};
use wire::TcpFlags;

/// Classic feedback was agreed on (`TCP_ECN_MODE_RFC3168`).
pub const RFC3168: u8 = 1;
/// The next new segment says CWR (`TCP_ECN_QUEUE_CWR`).
pub const QUEUE_CWR: u8 = 2;
/// A mark came: ECE is said until the peer says CWR (`TCP_ECN_DEMAND_CWR`).
pub const DEMAND_CWR: u8 = 4;
/// A segment of the peer was ECN-capable (`TCP_ECN_SEEN`).
pub const SEEN: u8 = 8;
/// Accurate ECN was agreed on (`TCP_ECN_MODE_ACCECN`).
pub const ACCECN: u8 = 16;
/// Any mode; and, all of it, our SYN asked for Accurate ECN and waits for the answer (`TCP_ECN_MODE_PENDING`).
pub const ANY: u8 = RFC3168 | ACCECN;

/// The two bits of IP (`INET_ECN_MASK`).
pub const MASK: u8 = 3;
/// Not capable of ECN.
pub const NOT_ECT: u8 = 0;
/// ECT(1).
pub const ECT_1: u8 = 1;
/// ECT(0), which is what this host sends.
pub const ECT_0: u8 = 2;
/// Congestion experienced.
pub const CE: u8 = 3;

/// ECE, CWR and AE: with Accurate ECN a number of three bits, `ACE` (`TCPHDR_ACE`).
pub const ACE: TcpFlags = TcpFlags(0x1c0);
/// What the counter of marked packets begins with (`TCP_ACCECN_CEP_INIT_OFFSET`).
pub const CEP_INIT: u32 = 5;
/// So many marks the peer must hear of before the three bits wrap (`TCP_ACCECN_ACE_MAX_DELTA`).
const ACE_MAX_DELTA: u8 = 6;

/// The peer does not see our ACE (`TCP_ACCECN_ACE_FAIL_SEND`).
pub const ACE_FAIL_SEND: u8 = 1;
/// Its ACE does not come through (`TCP_ACCECN_ACE_FAIL_RECV`).
pub const ACE_FAIL_RECV: u8 = 2;
/// Our option does not come through (`TCP_ACCECN_OPT_FAIL_SEND`).
pub const OPT_FAIL_SEND: u8 = 4;
/// The peer's option is mangled (`TCP_ACCECN_OPT_FAIL_RECV`).
pub const OPT_FAIL_RECV: u8 = 8;

/// What was seen of the peer's option (`TCP_ACCECN_OPT_*_SEEN`), numbered as in `TCP_INFO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Seen {
    /// None.
    #[default]
    Not,
    /// One without counters.
    Empty,
    /// One with counters.
    Counter,
    /// One whose counters were zeroed on the way.
    Fail,
}

/// An option as it came.
#[derive(Clone, Copy, Debug, Default)]
pub struct RxOption {
    data: [u8; 9],
    len: u8,
    order1: bool,
}

impl RxOption {
    /// Keeps the counters of an option.
    #[must_use]
    pub fn new(option: wire::tcp::options::AccEcn<'_>) -> Self {
        let len = option.data.len().min(9);
        let mut data = [0; 9];
        data[..len].copy_from_slice(&option.data[..len]);
        RxOption { data, len: len as u8, order1: option.order1 }
    }

    /// What it is: counters never begin with 0, so that who zeroes them is found out
    /// (`tcp_accecn_option_init`).
    #[must_use]
    pub fn seen(&self) -> Seen {
        let mut counters = self.counters();
        match (counters.next(), counters.nth(1)) {
            (None, _) => Seen::Empty,
            (Some(0), _) | (_, Some(0)) => Seen::Fail,
            _ => Seen::Counter,
        }
    }

    fn counters(&self) -> impl Iterator<Item = u32> {
        let (counters, _) = self.data[..usize::from(self.len)].as_chunks::<3>();
        counters.iter().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }
}

/// What a connection keeps for Accurate ECN. Arrays are by ECT(1), ECT(0), CE: the two bits less one.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccEcn {
    /// Marked packets that came (`received_ce`).
    pub received_ce: u32,
    /// Those that the peer was not told of, 15 at most (`received_ce_pending`).
    pub received_ce_pending: u8,
    /// Payload that came, bytes (`received_ecn_bytes`).
    pub received_bytes: [u32; 3],
    /// Payload of ours as the peer counted it, bytes (`delivered_ecn_bytes`).
    pub delivered_bytes: [u32; 3],
    /// Counters that the next option must have (`accecn_minlen`).
    pub minlen: u8,
    /// Segments that must have an option (`accecn_opt_demand`).
    pub demand: u8,
    /// Which of the peer's counters moves with what it acknowledges: the two bits, 0 if none is known
    /// (`est_ecnfield`).
    pub est_field: u8,
    /// `saw_accecn_opt`
    pub opt_seen: Seen,
    /// `*_FAIL_*` bits (`accecn_fail_mode`).
    pub fail_mode: u8,
    /// The two bits our SYN or SYN-ACK was sent with (`syn_ect_snt`).
    pub syn_ect_snt: u8,
    /// Those the peer's came with (`syn_ect_rcv`).
    pub syn_ect_rcv: u8,
    /// When an option was sent, µs (`accecn_opt_tstamp`).
    pub opt_stamp: u64,
    /// The last segment had an option and a D-SACK that began here (`accecn_opt_sent_w_dsack`).
    pub sent_with_dsack: Option<u32>,
    /// Packets one ACK acknowledges, smoothed, in 64ths (`pkts_acked_ewma`).
    pub acked_ewma: u16,
    /// The option of the segment at hand.
    pub option: Option<RxOption>,
}

impl AccEcn {
    /// At least so many segments must have an option (`tcp_accecn_opt_demand_min`).
    pub fn demand_min(&mut self, min: u8) {
        self.demand = self.demand.max(min);
    }

    /// Notes what was seen of the peer's option (`tcp_accecn_saw_opt_fail_recv`).
    pub fn saw(&mut self, seen: Seen) {
        self.opt_seen = seen;
        if seen == Seen::Fail {
            self.fail_mode |= OPT_FAIL_RECV;
        }
    }
}

impl TcpSock {
    /// Feedback is that of RFC 3168 (`tcp_ecn_mode_rfc3168`).
    #[inline]
    #[must_use]
    pub fn is_rfc3168(&self) -> bool {
        self.ecn_flags & ANY == RFC3168
    }

    /// Feedback is accurate (`tcp_ecn_mode_accecn`).
    #[inline]
    #[must_use]
    pub fn is_accecn(&self) -> bool {
        self.ecn_flags & ANY == ACCECN
    }

    /// Our SYN asked for Accurate ECN, and the answer is not there (`tcp_ecn_mode_pending`).
    #[inline]
    #[must_use]
    pub fn is_ecn_pending(&self) -> bool {
        self.ecn_flags & ANY == ANY
    }

    /// Takes a mode, 0 for none (`tcp_ecn_mode_set`).
    pub fn set_ecn_mode(&mut self, mode: u8) {
        self.ecn_flags = self.ecn_flags & !ANY | mode;
    }

    /// The state of Accurate ECN.
    pub fn accecn_mut(&mut self) -> &mut AccEcn {
        &mut self.rare_mut().accecn
    }

    /// The same to look at; a fresh one where there is none.
    #[must_use]
    pub fn accecn(&self) -> AccEcn {
        self.rare.as_ref().map_or_else(AccEcn::default, |rare| rare.accecn)
    }
}

/// `ACE` of a header (`tcp_accecn_ace`).
#[must_use]
pub fn ace(flags: TcpFlags) -> u8 {
    (flags.0 >> 6 & 7) as u8
}

/// The flags that say `ACE`.
#[must_use]
pub fn ace_flags(ace: u8) -> TcpFlags {
    TcpFlags(u16::from(ace & 7) << 6)
}

/// Segments from now on are ECT(0), or not capable of ECN (`INET_ECN_xmit`, `INET_ECN_dontxmit`).
fn mark(tp: &mut TcpSock, capable: bool) {
    let bits = if capable { ECT_0 } else { NOT_ECT };
    // An ECT(1) that somebody set would stay, as in Linux, which only adds the bit.
    let tos = |old: u8| if capable { old | bits } else { old & !MASK };
    tp.inet.tos = tos(tp.inet.tos);
    if tp.inet.is_inet6() {
        tp.inet.set_tclass(tos(tp.inet.v6.tclass));
    }
}

/// Marks a segment that is about to leave; gives the flags that say what came marked (`tcp_ecn_send`).
#[cold]
pub fn send(sk: &mut Sk<'_>, out: &Out, payload: u32) -> TcpFlags {
    if out.flags.syn() {
        return TcpFlags::NONE;
    }
    if sk.is_accecn() {
        let state = sk.accecn_mut();
        let capable = state.fail_mode & (ACE_FAIL_RECV | ACE_FAIL_SEND) == 0;
        // The last segment of the handshake reflects the SYN-ACK's bits instead.
        let mut flags = TcpFlags::NONE;
        if !out.flags.intersects(ACE) {
            flags = ace_flags((state.received_ce.wrapping_add(CEP_INIT) & 7) as u8);
            state.received_ce_pending = 0;
        }
        mark(sk, capable);
        return flags;
    }
    let mut flags = TcpFlags::NONE;
    // RFC 3168 section 6.1.4 and 6.1.5: neither bare ACKs nor retransmissions are capable of ECN.
    let fresh = payload > 0 && !before(out.seq, sk.snd_nxt);
    mark(sk, fresh);
    if fresh && sk.ecn_flags & QUEUE_CWR != 0 {
        sk.ecn_flags &= !QUEUE_CWR;
        flags |= TcpFlags::CWR;
    }
    if sk.ecn_flags & DEMAND_CWR != 0 {
        flags |= TcpFlags::ECE;
    }
    flags
}

/// The window was reduced: the peer is to know (`tcp_ecn_queue_cwr`).
pub fn queue_cwr(tp: &mut TcpSock) {
    if tp.is_rfc3168() {
        tp.ecn_flags |= QUEUE_CWR;
    }
}

/// The reduction was taken back (`tcp_ecn_withdraw_cwr`).
pub fn withdraw_cwr(tp: &mut TcpSock) {
    tp.ecn_flags &= !QUEUE_CWR;
}

/// The peer reduced its window; it may send very little now, so data is acknowledged at once
/// (`tcp_ecn_accept_cwr`).
pub fn accept_cwr(tp: &mut TcpSock, rx: &TcpRx) {
    if tp.is_rfc3168() && rx.flags.contains(TcpFlags::CWR) {
        tp.ecn_flags &= !DEMAND_CWR;
        if !rx.is_bare() {
            tp.ack_pending |= ACK_NOW;
        }
    }
}

/// Data came: was it marked? (`tcp_data_ecn_check`)
#[cold]
pub fn data_check(sk: &mut Sk<'_>, ecn: u8) {
    let classic = sk.is_rfc3168();
    match ecn {
        // Who sends ECN-capable segments does not mark retransmissions.
        NOT_ECT if sk.ecn_flags & SEEN != 0 => delack::enter_quickack_mode(sk, 2),
        NOT_ECT => {}
        _ if !classic => {}
        _ => {
            if ecn == CE && sk.ecn_flags & DEMAND_CWR == 0 {
                delack::enter_quickack_mode(sk, 2);
                sk.ecn_flags |= DEMAND_CWR;
            }
            sk.ecn_flags |= SEEN;
        }
    }
}

/// Counts a segment of an established connection, its two bits and payload (`tcp_ecn_received_counters`). Nearly
/// all are like the one before and not capable of ECN: the caller asks that first.
#[cold]
pub fn received(sk: &mut Sk<'_>, ecn: u8, segs: u16, len: u32) {
    let (classic, accurate) = (sk.is_rfc3168(), sk.is_accecn());
    let is_ce = ecn == CE;
    if ecn != NOT_ECT {
        if !classic {
            sk.ecn_flags |= SEEN;
        }
        let state = sk.accecn_mut();
        if is_ce {
            let packets = u32::from(segs.max(1));
            state.received_ce = state.received_ce.wrapping_add(packets);
            state.received_ce_pending = (u32::from(state.received_ce_pending) + packets).min(15) as u8;
        }
        if len > 0 {
            let bytes = &mut state.received_bytes[usize::from(ecn - 1)];
            let before = *bytes;
            *bytes = before.wrapping_add(len);
            // RFC 9768 section 3.2.3.3: no counter may move by 2^22 bytes untold.
            let far = (*bytes ^ before) >> 22 != 0;
            state.minlen = state.minlen.max(option::field_of(ecn));
            if far {
                state.demand_min(1);
            }
        }
    }
    let edge = sk.prev_ecn != ecn;
    if edge || is_ce {
        sk.prev_ecn = ecn;
        // RFC 9768 section 3.2.2.5.1: a change is told at once, twice.
        if accurate {
            if edge {
                sk.ack_pending |= ACK_NOW;
            }
            sk.accecn_mut().demand = 2;
        }
    }
}

#[cfg(test)]
mod tests;
