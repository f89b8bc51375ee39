//! Urgent data (RFC 6093; `tcp_check_urg`, `tcp_urg`): one byte out of band.

use super::TcpRx;
use crate::TcpCx;
use crate::seq::{after, before};
use crate::sock::Sk;
use net::sock::SockFlag;
use net::{Cx, Skb};

/// The byte is there (`TCP_URG_VALID`).
pub const URG_VALID: u16 = 0x100;
/// It was announced (`TCP_URG_NOTYET`).
pub const URG_NOTYET: u16 = 0x200;
/// It was read (`TCP_URG_READ`).
pub const URG_READ: u16 = 0x400;

/// Takes the urgent pointer, and the byte if the segment has it; the header is still in front.
#[inline]
pub fn tcp_urg(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: &Skb) {
    if rx.flags.urg() {
        check_urg(sk, cx, rx);
    }
    if sk.urg_data == URG_NOTYET {
        take_byte(sk, cx, rx, skb);
    }
}

#[cold]
fn take_byte(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: &Skb) {
    let at = sk.urg_seq.wrapping_sub(rx.seq).wrapping_sub(u32::from(rx.flags.syn()));
    if at < rx.len {
        let mut byte = [0];
        if skb.copy_bits((rx.header_len + at) as usize, &mut byte) == 1 {
            sk.urg_data = URG_VALID | u16::from(byte[0]);
            if !sk.sk.is_dead() {
                sk.sk.data_ready(cx);
            }
        }
    }
}

#[cold]
fn check_urg(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx) {
    let mut ptr = u32::from(rx.urg_ptr);
    if ptr != 0 && cx.tcp().sysctl.stdurg() == 0 {
        // BSD's pointer is one past the byte.
        ptr -= 1;
    }
    let ptr = rx.seq.wrapping_add(ptr);
    // Old news: read already, below what was received, or not after what is pending.
    if after(sk.copied_seq, ptr) || before(ptr, sk.rcv_nxt) || (sk.urg_data != 0 && !after(ptr, sk.urg_seq)) {
        return;
    }
    sk.sk.send_sigurg();
    // A second urgent byte: the first, if unread, becomes ordinary data that was skipped.
    if sk.urg_seq == sk.copied_seq
        && sk.urg_data != 0
        && !sk.sk.flag(SockFlag::UrgInline)
        && sk.copied_seq != sk.rcv_nxt
    {
        sk.copied_seq = sk.copied_seq.wrapping_add(1);
        let copied = sk.copied_seq;
        if sk.receive_queue.front().is_some_and(|first| !before(copied, first.end_seq))
            && let Some(first) = sk.receive_queue.pop_front()
        {
            super::data::eat_skb(sk, cx, first);
        }
    }
    sk.urg_data = URG_NOTYET;
    sk.urg_seq = ptr;
    sk.pred_flags = 0;
}
