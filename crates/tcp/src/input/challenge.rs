//! Answers to segments that are not acceptable: rate-limited, because they may be forged (RFC 5961
//! section 7).

use super::{TcpRx, delack};
use crate::TcpCx;
use crate::ecn::feedback::spurious_retrans;
use crate::output::ack::send_ack_with;
use crate::output::send_ack;
use crate::seq::{before, earlier};
use crate::sock::Sk;
use net::Cx;
use net::mib::TcpExt;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};
use wire::TcpFlags;
use wire::tcp::SackBlock;

/// Challenge ACKs of a namespace in this second.
#[derive(Default)]
pub struct Limit {
    second: AtomicU32,
    left: AtomicI32,
}

/// True when an answer to this segment would come too soon after the last one
/// (`tcp_oow_rate_limited`). Data is always answered.
pub fn oow_rate_limited(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, counter: TcpExt) -> bool {
    if !rx.is_bare() && !rx.flags.syn() {
        return false;
    }
    rate_limited(sk, cx, counter)
}

fn rate_limited(sk: &mut Sk<'_>, cx: &Cx<'_>, counter: TcpExt) -> bool {
    let now = sk.jiffies32().max(1);
    if sk.last_oow_ack_time != 0 {
        let elapsed = now.wrapping_sub(sk.last_oow_ack_time) as i32;
        if (0..cx.tcp().sysctl.invalid_ratelimit()).contains(&elapsed) {
            cx.inc(counter);
            return true;
        }
    }
    sk.last_oow_ack_time = now;
    false
}

/// Lets the peer prove that it is in the window (`tcp_send_challenge_ack`).
pub fn send_challenge_ack(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    challenge_with(sk, cx, TcpFlags::NONE);
}

/// The same with flags of ECN.
pub fn challenge_with(sk: &mut Sk<'_>, cx: &Cx<'_>, flags: TcpFlags) {
    if rate_limited(sk, cx, TcpExt::TCPACKSkippedChallenge) {
        return;
    }
    let limit = cx.tcp().sysctl.challenge_ack_limit();
    if limit != i32::MAX {
        let state = &cx.tcp().challenge;
        let second = sk.jiffies32() / 1000;
        if state.second.swap(second, Relaxed) != second {
            let half = (limit + 1) >> 1;
            state.left.store(half + cx.net.rng.below(limit.max(1) as u32) as i32, Relaxed);
        }
        if state.left.fetch_sub(1, Relaxed) <= 0 {
            return;
        }
    }
    cx.inc(TcpExt::TCPChallengeACK);
    send_ack_with(sk, cx, flags);
}

/// Answers a segment that was not acceptable with what is expected (`tcp_send_dupack`).
pub fn send_dupack(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx) {
    if !rx.is_bare() && before(rx.seq, sk.rcv_nxt) {
        cx.inc(TcpExt::DelayedACKLost);
        delack::enter_quickack_mode(sk, delack::MAX_QUICKACKS);
        if sk.rx_opt.sack_ok && cx.tcp().sysctl.dsack() != 0 {
            spurious_retrans(sk, rx.seq);
            let end = earlier(rx.end_seq, sk.rcv_nxt);
            dsack_set(sk, cx, rx.seq, end);
        }
    }
    send_ack(sk, cx);
}

/// The next SACK tells of a duplicate (RFC 2883; `tcp_dsack_set`).
pub fn dsack_set(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32, end_seq: u32) {
    if !sk.rx_opt.sack_ok || cx.tcp().sysctl.dsack() == 0 {
        return;
    }
    let counter = if before(seq, sk.rcv_nxt) { TcpExt::TCPDSACKOldSent } else { TcpExt::TCPDSACKOfoSent };
    cx.inc(counter);
    sk.ofo.duplicate_sack = Some(SackBlock { start: seq, end: end_seq });
}

/// The same, joined with what it tells of already (`tcp_dsack_extend`).
pub fn dsack_extend(sk: &mut Sk<'_>, cx: &Cx<'_>, seq: u32, end_seq: u32) {
    match &mut sk.ofo.duplicate_sack {
        None => dsack_set(sk, cx, seq, end_seq),
        Some(block) => {
            super::ofo::sack_extend(block, seq, end_seq);
        }
    }
}
