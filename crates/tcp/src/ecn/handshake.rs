//! How a handshake agrees on ECN (RFC 3168 section 6.1.1, RFC 9768 section 3.1).
//!
//! A SYN with ECE and CWR asks for the classic kind, with AE too for the accurate one, whose SYN-ACK
//! then says in ACE which bits the SYN came with.

use super::feedback::{third_ack, validate_syn_feedback};
use super::{ACCECN, ACE, ACE_FAIL_RECV, ACE_FAIL_SEND, CE, MASK, NOT_ECT, RFC3168, RxOption, Seen};
use super::{ace, ace_flags};
use crate::init::OpenReq;
use crate::input::TcpRx;
use crate::sock::{Sk, TcpSock};
use crate::sysctl::Sysctl;
use net::Dst;
use wire::TcpFlags;
use wire::tcp::options::TcpOptions;

/// `net.ipv4.tcp_ecn`: ask for the classic kind, grant it.
const IN_ECN_OUT_ECN: i32 = 1;
/// Ask for the accurate kind, grant both.
const IN_ACCECN_OUT_ACCECN: i32 = 3;
/// Ask for the classic kind, grant both.
const IN_ACCECN_OUT_ECN: i32 = 4;
/// `RTAX_FEATURE_ECN`
const FEATURE_ECN: u32 = 1;
/// ECE and CWR.
const ECN: TcpFlags = TcpFlags(0xc0);

/// What a SYN asks for, as its flags (`tcp_ecn_send_syn`).
pub fn send_syn(sk: &mut Sk<'_>) -> TcpFlags {
    let mode = sk.sysctl().ecn();
    let accurate = mode == IN_ACCECN_OUT_ACCECN;
    let route = sk.inet.dst.as_ref().is_some_and(|dst| dst.metrics.features & FEATURE_ECN != 0);
    sk.ecn_flags = 0;
    if !accurate && !matches!(mode, IN_ECN_OUT_ECN | IN_ACCECN_OUT_ECN) && !route {
        return TcpFlags::NONE;
    }
    if accurate {
        sk.set_ecn_mode(RFC3168 | ACCECN);
        let tos = sk.inet.tos;
        sk.accecn_mut().syn_ect_snt = tos & MASK;
        return ACE;
    }
    sk.set_ecn_mode(RFC3168);
    ECN
}

/// The flags of a SYN that is sent again: who drops those of ECN gets one without
/// (RFC 3168 section 6.1.1.1, `tcp_ecn_clear_syn`). A SYN for the accurate kind is tried once more as it is.
#[must_use]
pub fn retransmitted_syn(tp: &TcpSock, flags: TcpFlags) -> TcpFlags {
    let tried = !tp.is_ecn_pending() || tp.retransmits > 1;
    if tried && flags.contains(ECN.with(TcpFlags::SYN)) && tp.sysctl().ecn_fallback() != 0 {
        flags.without(ACE)
    } else {
        flags
    }
}

/// A SYN-ACK: what did the peer agree to? (`tcp_ecn_rcv_synack`)
pub fn rcv_synack(tp: &mut TcpSock, rx: &TcpRx) {
    if tp.ecn_flags & super::ANY == 0 {
        return;
    }
    let ace = ace(rx.flags);
    match ace {
        // 7 is the SYN's own, reflected by who does not know what it does.
        0 | 7 => tp.set_ecn_mode(0),
        1 => tp.set_ecn_mode(RFC3168),
        5 if !tp.is_ecn_pending() => {}
        _ => {
            let sent = tp.accecn().syn_ect_snt;
            accurate_synack(tp, rx);
            if rx.ecn == CE && (ace == 5 || validate_syn_feedback(tp, ace, sent)) {
                let state = tp.accecn_mut();
                state.received_ce = state.received_ce.wrapping_add(1);
                state.received_ce_pending += 1;
            }
        }
    }
}

fn accurate_synack(tp: &mut TcpSock, rx: &TcpRx) {
    tp.set_ecn_mode(ACCECN);
    let state = tp.accecn_mut();
    state.syn_ect_rcv = rx.ecn;
    if let Some(option) = state.option
        && state.opt_seen < Seen::Counter
    {
        state.saw(option.seen());
        state.demand = 2;
    }
}

/// A SYN that crosses ours (`tcp_ecn_rcv_syn`).
pub fn rcv_syn(tp: &mut TcpSock, rx: &TcpRx) {
    if tp.is_ecn_pending() {
        if asks_for_accurate(rx.flags) {
            tp.accecn_mut().syn_ect_rcv = rx.ecn;
            tp.prev_ecn = rx.ecn;
            tp.set_ecn_mode(ACCECN);
        } else {
            tp.set_ecn_mode(RFC3168);
        }
    }
    if tp.is_rfc3168() && !rx.flags.contains(ECN) {
        tp.set_ecn_mode(0);
    }
}

/// The flags of our SYN as it becomes the SYN-ACK of a simultaneous open (`tcp_ecn_send_synack`).
pub fn crossed_synack(tp: &mut TcpSock, flags: TcpFlags) -> TcpFlags {
    let flags = flags.without(TcpFlags::CWR);
    if tp.is_accecn() {
        let tos = tp.inet.tos;
        let state = tp.accecn_mut();
        state.syn_ect_snt = tos & MASK;
        return flags.without(ACE).with(reflector(state.syn_ect_rcv));
    }
    if tp.ecn_flags & super::ANY == 0 { flags.without(TcpFlags::ECE) } else { flags }
}

/// ACE that says which bits came (`tcp_accecn_reflector_flags`, RFC 9768 table 2).
#[must_use]
pub fn reflector(ect: u8) -> TcpFlags {
    ace_flags([0b010, 0b011, 0b100, 0b110][usize::from(ect & MASK)])
}

/// The same for the segment that answers a SYN or SYN-ACK of an accurate connection; nothing else.
#[must_use]
pub fn reflect(tp: &TcpSock) -> TcpFlags {
    if tp.is_accecn() { reflector(tp.accecn().syn_ect_rcv) } else { TcpFlags::NONE }
}

/// A SYN of a peer whose connection is up: its bits are reflected by the challenge, its option counts.
pub fn syn_of_established(tp: &mut TcpSock, rx: &TcpRx) -> TcpFlags {
    if !tp.is_accecn() {
        return TcpFlags::NONE;
    }
    let state = tp.accecn_mut();
    state.syn_ect_rcv = rx.ecn;
    if let Some(option) = state.option
        && state.opt_seen < Seen::Counter
    {
        state.saw(option.seen());
        state.demand_min(1);
    }
    reflector(rx.ecn)
}

/// RFC 9768 section 3.1.2: anything but nothing and the classic pair asks for the accurate kind
/// (`tcp_accecn_syn_requested`).
fn asks_for_accurate(flags: TcpFlags) -> bool {
    !matches!(ace(flags), 0 | 3)
}

/// What a listener grants a SYN (`tcp_ecn_create_request`). One that is itself marked is no business of RFC 3168:
/// somebody plays with the bits.
pub fn create_request(open: &mut OpenReq, sysctl: &Sysctl, rx: &TcpRx, reserved: u8, dst: &Dst) {
    let mode = sysctl.ecn();
    if mode >= IN_ACCECN_OUT_ACCECN && asks_for_accurate(rx.flags) {
        (open.ecn_ok, open.accecn.ok) = (true, true);
        open.accecn.syn_ect_rcv = rx.ecn;
        return;
    }
    let extended = reserved != 0 || rx.flags.contains(TcpFlags::AE);
    open.ecn_ok = rx.flags.contains(ECN) && (rx.ecn == NOT_ECT || extended) && grants(sysctl, dst);
}

/// The classic kind is granted to who asks (`cookie_ecn_ok`).
#[must_use]
pub fn grants(sysctl: &Sysctl, dst: &Dst) -> bool {
    sysctl.ecn() != 0 || dst.metrics.features & FEATURE_ECN != 0
}

/// What a request keeps of it (`struct tcp_request_sock`).
#[derive(Clone, Copy, Debug, Default)]
pub struct ReqEcn {
    /// Accurate ECN is granted (`accecn_ok`).
    pub ok: bool,
    /// The bits the SYN came with (`syn_ect_rcv`).
    pub syn_ect_rcv: u8,
    /// Those of the SYN-ACK (`syn_ect_snt`).
    pub syn_ect_snt: u8,
    /// `saw_accecn_opt`
    pub opt_seen: Seen,
    /// `accecn_fail_mode`
    pub fail_mode: u8,
}

impl ReqEcn {
    /// The SYN came again (`tcp_check_req`).
    pub fn syn_again(&mut self, rx: &TcpRx) {
        if self.ok {
            self.syn_ect_rcv = rx.ecn;
            if ace(rx.flags) == 0 {
                self.fail_mode |= ACE_FAIL_RECV;
            }
        }
    }

    /// The SYN-ACK was sent again: a second time says that its flags do not come through.
    pub fn synack_again(&mut self, num_retrans: u8) {
        if self.ok && num_retrans > 1 {
            self.fail_mode |= ACE_FAIL_SEND;
        }
    }

    /// The third segment: has it the option?
    pub fn third(&mut self, options: &TcpOptions<'_>) {
        if let Some(option) = options.accecn
            && self.ok
            && self.opt_seen < Seen::Counter
        {
            self.opt_seen = RxOption::new(option).seen();
        }
    }
}

/// The flags of a SYN-ACK beside its own (`tcp_ecn_make_synack`). Of one that is sent again without answer the peer is
/// spared those of the accurate kind.
#[must_use]
pub fn synack_flags(open: &OpenReq, again: bool, num_timeout: u8) -> TcpFlags {
    match (open.accecn.ok, open.ecn_ok) {
        (true, _) if again && num_timeout > 0 => TcpFlags::NONE,
        (true, _) => reflector(open.accecn.syn_ect_rcv),
        (false, true) => TcpFlags::ECE,
        _ => TcpFlags::NONE,
    }
}

/// The child of a request, and the segment that made it (`tcp_ecn_openreq_child`).
pub fn open_child(sk: &mut Sk<'_>, open: &OpenReq, rx: &TcpRx, segs: u16, has_sack: bool) {
    let from = open.accecn;
    if !from.ok {
        sk.set_ecn_mode(if open.ecn_ok { RFC3168 } else { 0 });
        return;
    }
    sk.set_ecn_mode(ACCECN);
    sk.accecn_mut().syn_ect_snt = from.syn_ect_snt;
    third_ack(sk, rx, has_sack);
    let state = sk.accecn_mut();
    state.opt_seen = from.opt_seen;
    state.fail_mode |= from.fail_mode & (ACE_FAIL_SEND | ACE_FAIL_RECV);
    state.demand = 1;
    sk.prev_ecn = from.syn_ect_rcv;
    super::received(sk, rx.ecn, segs, rx.len);
}
