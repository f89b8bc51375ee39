//! What an Accurate ECN peer tells of our segments: the three bits of ACE count marked packets, the
//! option counts bytes (RFC 9768 section 3.2; `tcp_accecn_process`).

use super::{
    ACE_FAIL_RECV, ACE_MAX_DELTA, CE, CEP_INIT, ECT_0, ECT_1, NOT_ECT, OPT_FAIL_RECV, RxOption, Seen, ace,
    option,
};
use crate::input::TcpRx;
use crate::input::ack::{FLAG_FORWARD_PROGRESS, FLAG_SLOWPATH, FLAG_SYN_ACKED, FLAG_TS_PROGRESS};
use crate::sock::{ACK_NOW, CaState, Sk, TcpSock};

/// ACE is a number of three bits (`TCP_ACCECN_CEP_ACE_MASK`).
const ACE_MASK: u32 = 7;
/// The average of acknowledged packets: weight and precision, as shifts.
const EWMA_SHIFT: u32 = 6;
/// ACKs of more packets than this are thinned out on the way (`ACK_COMP_THRESH`).
const THINNED: u32 = 4;
/// Half of the safe estimate of marked bytes speaks for the small one (`TCP_ACCECN_SAFETY_SHIFT`).
const SAFETY_SHIFT: u32 = 1;
/// Without any option until so many bytes were sent, counters may have wrapped.
const TOO_LATE: u64 = (1 << 23) - 1;

/// What one segment acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Delivered {
    /// Packets.
    pub packets: u32,
    /// Bytes.
    pub bytes: u32,
}

/// Takes in what a segment tells; gives how many more of our packets were marked.
pub fn process(sk: &mut Sk<'_>, rx: &TcpRx, delivered: Delivered, flag: u32) -> u32 {
    let marked = newly_marked(sk, rx, delivered, flag);
    if marked > 0 {
        sk.delivered_ce = sk.delivered_ce.wrapping_add(marked);
        if sk.pred_flags != 0 {
            // Another ACE is expected now.
            crate::input::window::fast_path_on(sk);
        }
    }
    marked
}

fn newly_marked(sk: &mut Sk<'_>, rx: &TcpRx, delivered: Delivered, flag: u32) -> u32 {
    // An ACK that was overtaken, or that cannot be told from one.
    if flag & (FLAG_FORWARD_PROGRESS | FLAG_TS_PROGRESS) == 0 {
        return 0;
    }
    let prior_bytes = sk.accecn_mut().delivered_bytes[usize::from(CE - 1)];
    let bytes_known = process_option(sk, delivered.bytes, flag);
    let packets = delivered.packets;
    let state = sk.accecn_mut();
    if packets > 0 {
        let scaled = packets << EWMA_SHIFT;
        let ewma = match u32::from(state.acked_ewma) {
            0 => scaled,
            old => ((old << EWMA_SHIFT) - old + scaled) >> EWMA_SHIFT,
        };
        state.acked_ewma = ewma.min(0xffff) as u16;
    }
    // Predicted: ACE is as before, and has not wrapped.
    if flag & FLAG_SLOWPATH == 0 && packets <= ACE_MASK {
        return 0;
    }
    // It says something else in a handshake.
    if flag & FLAG_SYN_ACKED != 0 {
        return 0;
    }
    let (pending, ewma) = (state.received_ce_pending, u32::from(state.acked_ewma));
    let marked_bytes = state.delivered_bytes[usize::from(CE - 1)].wrapping_sub(prior_bytes);
    if pending >= ACE_MAX_DELTA {
        sk.ack_pending |= ACK_NOW;
    }
    let told = u32::from(ace(rx.flags)).wrapping_sub(CEP_INIT);
    let delta = told.wrapping_sub(sk.delivered_ce) & ACE_MASK;
    if packets <= ACE_MASK {
        return delta;
    }
    // It may have wrapped: at worst as often as these packets make possible.
    let safe = packets - (packets.wrapping_sub(delta) & ACE_MASK);
    if !bytes_known {
        return if ewma > THINNED << EWMA_SHIFT { delta } else { safe };
    }
    if marked_bytes == 0 {
        return delta;
    }
    let orderly = sk.rx_opt.sack_ok || matches!(sk.ca_state, CaState::Open | CaState::Cwr);
    if packets >= (ACE_MASK + 1) * 2 && orderly {
        if delivered.bytes <= marked_bytes {
            return safe;
        }
        let share =
            (u64::from(marked_bytes) * u64::from(packets)).div_ceil(u64::from(delivered.bytes)) as u32;
        return safe.min(delta.wrapping_add(share & !ACE_MASK));
    }
    if marked_bytes > delta.wrapping_mul(sk.mss_cache) {
        return safe;
    }
    if marked_bytes < safe.wrapping_mul(sk.mss_cache) >> SAFETY_SHIFT { delta } else { safe }
}

/// Takes the option's counters. True when the bytes marked are known (`tcp_accecn_process_option`).
fn process_option(sk: &mut Sk<'_>, delivered_bytes: u32, flag: u32) -> bool {
    let sent = sk.bytes_sent;
    let state = sk.accecn_mut();
    if state.fail_mode & OPT_FAIL_RECV != 0 {
        return false;
    }
    let est = state.est_field;
    let Some(option) = state.option.filter(|_| flag & FLAG_SLOWPATH != 0) else {
        if state.opt_seen == Seen::Not {
            if sent >= TOO_LATE {
                state.saw(Seen::Fail);
            }
            return false;
        }
        // What counted the last bytes counts these.
        if est != 0 {
            let bytes = &mut state.delivered_bytes[usize::from(est - 1)];
            *bytes = bytes.wrapping_add(delivered_bytes);
        }
        return est != 0;
    };
    if state.opt_seen < Seen::Counter {
        state.saw(option.seen());
    }
    let (mut known, mut ambiguous, mut changed) = (est != 0, false, false);
    let order = if option.order1 { [ECT_1, CE, ECT_0] } else { [ECT_0, CE, ECT_1] };
    for (ecn, counter) in order.into_iter().zip(option.counters()) {
        let bytes = &mut state.delivered_bytes[usize::from(ecn - 1)];
        let delta = moved(*bytes, counter.wrapping_sub(option::initial(ecn)));
        *bytes = bytes.wrapping_add(delta as u32);
        if delta < 0 {
            (known, ambiguous) = (false, true);
        }
        if delta != 0 && ecn != est {
            if changed {
                (known, ambiguous) = (false, true);
            } else {
                state.est_field = ecn;
                changed = true;
            }
        }
    }
    if ambiguous {
        state.est_field = 0;
    }
    known
}

/// How far a counter moved, of which 24 bits are told (`tcp_update_ecn_bytes`).
fn moved(count: u32, told: u32) -> i32 {
    (told.wrapping_sub(count) << 8) as i32 >> 8
}

/// The third segment of a passive open reflects the bits that our SYN-ACK came with
/// (`tcp_accecn_third_ack`, RFC 9768 table 4).
pub fn third_ack(tp: &mut TcpSock, rx: &TcpRx, has_sack: bool) {
    let ace = ace(rx.flags);
    match ace {
        0 if !has_sack => tp.accecn_mut().fail_mode |= ACE_FAIL_RECV | OPT_FAIL_RECV,
        0 | 1 | 5 | 7 => {}
        _ => {
            let snt = tp.accecn().syn_ect_snt;
            if rx.is_bare()
                && !has_sack
                && validate_syn_feedback(tp, ace, snt)
                && syn_ect(ace) == CE
                && tp.delivered_ce == 0
            {
                tp.delivered_ce = 1;
            }
        }
    }
}

/// The two bits that ACE of a SYN-ACK or third segment says to have come (`tcp_accecn_extract_syn_ect`).
fn syn_ect(ace: u8) -> u8 {
    [ECT_0, ECT_1, NOT_ECT, ECT_1, ECT_0, ECT_1, CE, ECT_1][usize::from(ace & 7)]
}

/// False when they cannot have become of what was sent: somebody rewrites them
/// (`tcp_accecn_validate_syn_feedback`).
pub fn validate_syn_feedback(tp: &mut TcpSock, ace: u8, sent: u8) -> bool {
    if tp.sysctl().ecn_fallback() == 0 {
        return true;
    }
    let rcv = syn_ect(ace);
    let possible = rcv == sent || (sent != NOT_ECT && rcv != NOT_ECT && sent != CE);
    if !possible {
        tp.accecn_mut().fail_mode |= ACE_FAIL_RECV;
    }
    possible
}

/// Keeps the option of a segment until its acknowledgement is taken in.
pub fn note_option(tp: &mut TcpSock, option: Option<wire::tcp::options::AccEcn<'_>>) {
    if tp.ecn_flags & super::ACCECN != 0 {
        tp.accecn_mut().option = option.map(RxOption::new);
    }
}

/// A duplicate of what our last D-SACK told of: who sent it has not heard the D-SACK, or the option in
/// the same segment was the reason that it was lost (`tcp_rcv_spurious_retrans`).
pub fn spurious_retrans(tp: &mut TcpSock, seq: u32) {
    if tp.is_accecn() && tp.accecn().sent_with_dsack == Some(seq) {
        tp.accecn_mut().fail_mode |= super::OPT_FAIL_SEND;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_24_bits_go_both_ways() {
        assert_eq!(moved(0, 1460), 1460);
        assert_eq!(moved(0x00ff_ffff, 3), 4);
        assert_eq!(moved(0x0100_0003, 0x00ff_ffff), -4);
        assert_eq!(moved(5, 5), 0);
    }
}
