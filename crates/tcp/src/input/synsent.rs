//! SYN_SENT: the answer to our SYN (`tcp_rcv_synsent_state_process`, RFC 9293 section 3.10.7.3).

use super::ack::{self, FLAG_SLOWPATH};
use super::state_process::reject;
use super::{TcpRx, delack, options, tcp_reset, urg, window};
use crate::TcpCx;
use crate::ecn::handshake;
use crate::fastopen::client;
use crate::init;
use crate::mem::drop_skb;
use crate::output::{ack::DELACK_MAX, ack::send_ack_with, mss, syn};
use crate::seq::{after, between};
use crate::sock::{ACK_SCHED, Sk, XmitTimer};
use crate::state::set_state;
use crate::timer::{self, Which};
use net::mib::TcpExt;
use net::sock::SockFlag;
use net::{Cx, DropReason, Skb};
use uapi::tcp::TcpState;
use wire::tcp::options::SackBlocks;

/// A segment while we wait for the SYN-ACK.
pub fn rcv(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: TcpRx, skb: Skb) {
    let (saved, clamp) = (sk.rx_opt, sk.rx_opt.mss_clamp);
    options::parse_syn(sk, &rx, &skb, &cx.tcp().sysctl);
    if !rx.flags.ack() {
        return without_ack(sk, cx, rx, skb);
    }
    let undo = |sk: &mut Sk<'_>| {
        sk.rx_opt = saved;
        sk.rx_opt.mss_clamp = clamp;
    };
    if !after(rx.ack_seq, sk.snd_una) || after(rx.ack_seq, sk.snd_nxt) {
        // Of an older connection: reset it, and try again soon.
        if sk.retransmits == 0 {
            timer::reset_xmit_timer(sk, cx, XmitTimer::Retrans, timer::TIMEOUT_MIN);
        }
        undo(sk);
        if rx.flags.rst() {
            return drop_skb(sk, cx, skb, DropReason::TcpInvalidSequence);
        }
        return reject(sk, cx, skb, DropReason::TcpInvalidSequence);
    }
    if sk.rx_opt.saw_tstamp
        && sk.rx_opt.rcv_tsecr != 0
        && !between(sk.rx_opt.rcv_tsecr, sk.retrans_stamp.wrapping_sub(1), sk.jiffies32())
    {
        cx.inc(TcpExt::PAWSActive);
        undo(sk);
        return reject(sk, cx, skb, DropReason::TcpRfc7323Paws);
    }
    if rx.flags.rst() {
        tcp_reset(sk, cx);
        return drop_skb(sk, cx, skb, DropReason::TcpReset);
    }
    if !rx.flags.syn() {
        undo(sk);
        return drop_skb(sk, cx, skb, DropReason::TcpFlags);
    }
    synack(sk, cx, &rx, &skb);
    urg::tcp_urg(sk, cx, &rx, &skb);
    cx.consume_skb(skb);
    if crate::state::state(sk) == TcpState::Established {
        window::data_snd_check(sk, cx);
    }
}

/// The SYN-ACK: the connection is up.
fn synack(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: &Skb) {
    handshake::rcv_synack(sk, rx);
    sk.snd_wl1 = rx.seq;
    client::undo_spurious_syn(sk);
    // Our SYN is acknowledged; the rest of the segment's ACK does not matter.
    let _ = ack::tcp_ack(sk, cx, rx, &SackBlocks::NONE, FLAG_SLOWPATH);
    let next = rx.seq.wrapping_add(1);
    (sk.rcv_nxt, sk.rcv_wup) = (next, next);
    // Windows of SYNs are never scaled.
    sk.snd_wnd = u32::from(rx.window);
    sk.max_window = sk.max_window.max(sk.snd_wnd);
    if !sk.rx_opt.wscale_ok {
        (sk.rx_opt.snd_wscale, sk.rx_opt.rcv_wscale) = (0, 0);
        sk.window_clamp = sk.window_clamp.min(65_535);
    }
    take_timestamps(sk);
    if sk.rx_opt.tstamp_ok {
        sk.advmss -= 12;
    }
    let pmtu = sk.pmtu_cookie;
    mss::sync_mss(sk, cx, pmtu);
    syn::initialize_rcv_mss(sk);
    sk.copied_seq = sk.rcv_nxt;
    finish_connect(sk, cx);
    let opened = client::of(sk);
    let data_goes = (opened.asked || opened.syn_data)
        && client::rcv_synack(sk, cx, rx, skb, client::synack_options(rx, skb));
    let holds_ack = sk.write_pending != 0 || sk.defer_accept != 0 || delack::in_pingpong_mode(sk, cx);
    if !sk.sk.is_dead() {
        sk.sk.state_change(cx);
        sk.sk.wake_async(vfs::fasync::Band::Out);
    }
    if data_goes {
        return;
    }
    if holds_ack {
        // Data is about to go: the ACK goes with it.
        sk.ack_pending |= ACK_SCHED;
        delack::enter_quickack_mode(sk, delack::MAX_QUICKACKS);
        sk.ack_pending |= crate::sock::ACK_TIMER;
        let deadline = cx.jiffies() + u64::from(DELACK_MAX);
        timer::arm(sk, cx, Which::Delack, deadline);
    } else {
        let flags = handshake::reflect(sk);
        send_ack_with(sk, cx, flags);
    }
}

fn take_timestamps(sk: &mut Sk<'_>) {
    if sk.rx_opt.saw_tstamp {
        sk.rx_opt.tstamp_ok = true;
        sk.tcp_header_len = 32;
        options::store_ts_recent(sk);
    } else {
        sk.rx_opt.tstamp_ok = false;
        sk.tcp_header_len = 20;
    }
}

/// The active side is established (`tcp_finish_connect`).
pub(crate) fn finish_connect(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    set_state(sk, cx, TcpState::Established);
    sk.ack_lrcvtime = sk.jiffies32();
    init::init_transfer(sk, cx);
    sk.lsndtime = sk.jiffies32();
    if sk.sk.flag(SockFlag::KeepOpen) {
        let time = timer::keepalive::keepalive_time(sk, cx);
        timer::reset_keepalive(sk, cx, time);
    }
    if sk.rx_opt.snd_wscale == 0 {
        window::fast_path_on(sk);
    } else {
        // The next window will be scaled.
        sk.pred_flags = 0;
    }
}

/// A SYN without ACK: the peer opens at the same time (RFC 9293 figure 7).
fn without_ack(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: TcpRx, skb: Skb) {
    if rx.flags.rst() {
        return drop_skb(sk, cx, skb, DropReason::TcpReset);
    }
    if !rx.flags.syn() {
        return drop_skb(sk, cx, skb, DropReason::TcpFlags);
    }
    take_timestamps(sk);
    let next = rx.seq.wrapping_add(1);
    (sk.rcv_nxt, sk.copied_seq, sk.rcv_wup) = (next, next, next);
    sk.snd_wnd = u32::from(rx.window);
    sk.snd_wl1 = rx.seq;
    sk.max_window = sk.snd_wnd;
    handshake::rcv_syn(sk, &rx);
    set_state(sk, cx, TcpState::SynRecv);
    crate::output::mtu_probe::init(sk, cx);
    let pmtu = sk.pmtu_cookie;
    mss::sync_mss(sk, cx, pmtu);
    syn::initialize_rcv_mss(sk);
    syn::send_synack(sk, cx);
    cx.consume_skb(skb);
}
