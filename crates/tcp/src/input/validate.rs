//! Is a segment acceptable? (`tcp_validate_incoming`, RFC 9293 section 3.10.7.4 with RFC 5961)

use super::challenge::{challenge_with, oow_rate_limited, send_challenge_ack, send_dupack};
use super::options::{self, PAWS_WINDOW, paws_check};
use super::{TcpRx, ack, tcp_reset};
use crate::ecn::handshake::syn_of_established;
use crate::mem::drop_skb;
use crate::seq::{after, before};
use crate::sock::Sk;
use crate::state;
use net::mib::TcpExt;
use net::{Cx, DropReason, Skb};
use uapi::tcp::TcpState::{CloseWait, Closing, LastAck, SynRecv};
use wire::TcpFlags;
use wire::tcp::options::SackBlocks;

/// Checks timestamps, sequence numbers, RST and SYN. Gives the packet back with its SACK blocks if
/// it may be processed; else it has been answered as it deserves, and is gone.
pub fn validate_incoming(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: Skb) -> Option<(Skb, SackBlocks)> {
    let sack = options::parse(sk, rx, &skb);
    let rst = rx.flags.rst();
    if sk.rx_opt.saw_tstamp
        && !paws_check(&sk.rx_opt, PAWS_WINDOW, sk.mstamp)
        && !rst
        && !is_disordered_ack(sk, rx)
    {
        cx.inc(TcpExt::PAWSEstab);
        if !oow_rate_limited(sk, cx, rx, TcpExt::TCPACKSkippedPAWS) {
            send_dupack(sk, cx, rx);
        }
        drop_skb(sk, cx, skb, DropReason::TcpRfc7323Paws);
        return None;
    }
    if let Some(outside) = out_of_window(sk, rx) {
        let reason = DropReason::TcpInvalidSequence;
        // A SYN out of the window is a challenge's business, an RST there is ignored.
        if !rst {
            if rx.flags.syn() {
                return challenge_syn(sk, cx, skb, TcpFlags::NONE);
            }
            if outside == Outside::Beyond {
                cx.inc(TcpExt::BeyondWindow);
            }
            if !oow_rate_limited(sk, cx, rx, TcpExt::TCPACKSkippedSeq) {
                send_dupack(sk, cx, rx);
            }
        } else if is_reset_after_fin(sk, rx) {
            tcp_reset(sk, cx);
        }
        drop_skb(sk, cx, skb, reason);
        return None;
    }
    if rst {
        if rx.seq == sk.rcv_nxt || is_reset_after_fin(sk, rx) || is_at_highest_sack(sk, rx.seq) {
            tcp_reset(sk, cx);
        } else {
            crate::fastopen::client::reset_out_of_order(sk, cx);
            send_challenge_ack(sk, cx);
        }
        drop_skb(sk, cx, skb, DropReason::TcpReset);
        return None;
    }
    if rx.flags.syn() {
        let reflected = syn_of_established(sk, rx);
        // The SYN-ACK of a simultaneous open comes while we are in SYN_RECV.
        let crossed = state::state(sk) == SynRecv
            && rx.flags.ack()
            && rx.seq.wrapping_add(1) == rx.end_seq
            && rx.end_seq == sk.rcv_nxt
            && rx.ack_seq == sk.snd_nxt;
        if !crossed {
            return challenge_syn(sk, cx, skb, reflected);
        }
    }
    Some((skb, sack))
}

fn challenge_syn(sk: &mut Sk<'_>, cx: &Cx<'_>, skb: Skb, flags: TcpFlags) -> Option<(Skb, SackBlocks)> {
    cx.inc(TcpExt::TCPSYNChallenge);
    challenge_with(sk, cx, flags);
    drop_skb(sk, cx, skb, DropReason::TcpInvalidSyn);
    None
}

/// Why the segment is outside of the window, if it is (`tcp_sequence`). What was advertised once is still
/// accepted after the window shrank.
fn out_of_window(sk: &Sk<'_>, rx: &TcpRx) -> Option<Outside> {
    if before(rx.end_seq, sk.rcv_wup) {
        return Some(Outside::Old);
    }
    // A reset there is nobody's data, and is judged as by 6.18.
    let window = if rx.flags.rst() { sk.receive_window() } else { sk.max_receive_window() };
    let end = sk.rcv_nxt.wrapping_add(window);
    let beyond = after(rx.end_seq, end)
        // Some stacks send a FIN beyond the window.
        && after(rx.end_seq.wrapping_sub(u32::from(rx.flags.fin())), end)
        // Its head is in the window; only an empty queue has room for the rest.
        && (after(rx.seq, end) || !sk.receive_queue.is_empty());
    beyond.then_some(Outside::Beyond)
}

/// On which side of the window a segment is.
#[derive(PartialEq, Eq)]
enum Outside {
    Old,
    Beyond,
}

/// A bare ACK that was overtaken says nothing new and does no harm (`tcp_disordered_ack`).
fn is_disordered_ack(sk: &Sk<'_>, rx: &TcpRx) -> bool {
    rx.flags.ack()
        && rx.is_bare()
        && rx.seq == sk.rcv_nxt
        && rx.ack_seq == sk.snd_una
        && !ack::may_update_window(sk, rx.ack_seq, rx.seq, u32::from(rx.window) << sk.rx_opt.snd_wscale)
        && sk.rx_opt.ts_recent.wrapping_sub(sk.rx_opt.rcv_tsval) as i32 <= sk.rto as i32
}

/// The peer closed after its FIN and resets with the FIN's sequence number (`tcp_reset_check`).
fn is_reset_after_fin(sk: &Sk<'_>, rx: &TcpRx) -> bool {
    rx.seq == sk.rcv_nxt.wrapping_sub(1)
        && state::state(sk).is_in(CloseWait.bit() | LastAck.bit() | Closing.bit())
}

/// An RST behind a hole stands at the end of what we SACKed.
fn is_at_highest_sack(sk: &Sk<'_>, seq: u32) -> bool {
    if !sk.rx_opt.sack_ok || sk.rx_opt.num_sacks == 0 {
        return false;
    }
    let blocks = sk.ofo.selective_acks.iter().take(usize::from(sk.rx_opt.num_sacks));
    blocks.map(|block| block.end).reduce(crate::seq::later) == Some(seq)
}
