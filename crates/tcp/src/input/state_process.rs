//! Every state but ESTABLISHED (`tcp_rcv_state_process`, RFC 9293 section 3.10.7).

use super::ack::{self, FLAG_NO_CHALLENGE_ACK, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT};
use super::validate::validate_incoming;
use super::{TcpRx, challenge, data, delack, rtt, synsent, tcp_done, tcp_reset, urg, window};
use crate::ecn::feedback::third_ack;
use crate::mem::drop_skb;
use crate::mini::timewait;
use crate::output::{mstamp_refresh, syn};
use crate::seq::{after, before};
use crate::sock::Sk;
use crate::state::{self, set_state};
use crate::timer::keepalive::{TIMEWAIT_LEN, fin_time};
use crate::{fastopen, init, timer};
use net::mib::TcpExt;
use net::sock::{RCV_SHUTDOWN, SEND_SHUTDOWN};
use net::{Cx, DropReason, Skb};
use uapi::tcp::TcpState;
use wire::TcpFlags;

/// What is to become of the rest of a segment.
enum Next {
    /// Go on with its urgent pointer and its data.
    Continue,
    /// It is done with.
    Consumed,
    /// The peer gets a reset.
    Reset,
}

/// A segment for a sock in any state but LISTEN and ESTABLISHED.
pub fn rcv(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: TcpRx, skb: Skb) {
    mstamp_refresh(sk, cx);
    sk.rx_opt.saw_tstamp = false;
    match state::state(sk) {
        TcpState::Close => drop_skb(sk, cx, skb, DropReason::TcpClose),
        TcpState::SynSent => synsent::rcv(sk, cx, rx, skb),
        _ => process(sk, cx, rx, skb),
    }
}

/// Answers with a reset (`tcp_v4_send_reset`).
pub fn reject(sk: &mut Sk<'_>, cx: &Cx<'_>, skb: Skb, reason: DropReason) {
    crate::glue::send_reset(cx, Some(sk), &skb);
    drop_skb(sk, cx, skb, reason);
}

fn process(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: TcpRx, skb: Skb) {
    if !rx.flags.intersects(TcpFlags::ACK.with(TcpFlags::RST).with(TcpFlags::SYN)) {
        return drop_skb(sk, cx, skb, DropReason::TcpFlags);
    }
    let Some((skb, sack)) = validate_incoming(sk, cx, &rx, skb) else { return };
    if !rx.flags.ack() {
        return drop_skb(sk, cx, skb, DropReason::TcpFlags);
    }
    let acked =
        ack::tcp_ack(sk, cx, &rx, &sack, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK);
    if acked != Ok(true) {
        if state::state(sk) == TcpState::SynRecv {
            return reject(sk, cx, skb, acked.err().unwrap_or(DropReason::TcpOldAck));
        }
        // An old ACK is harmless while closing.
        if let Err(reason) = acked {
            challenge::send_challenge_ack(sk, cx);
            return drop_skb(sk, cx, skb, reason);
        }
    }
    let next = match state::state(sk) {
        TcpState::SynRecv => {
            established(sk, cx, &rx, !sack.as_slice().is_empty());
            Next::Continue
        }
        TcpState::FinWait1 => fin_wait1(sk, cx, &rx),
        TcpState::Closing if sk.snd_una == sk.write_seq => {
            timewait::enter(sk, cx, TcpState::TimeWait, 0);
            Next::Consumed
        }
        TcpState::LastAck if sk.snd_una == sk.write_seq => {
            crate::metrics::update(sk, cx);
            tcp_done(sk, cx);
            Next::Consumed
        }
        _ => Next::Continue,
    };
    match next {
        Next::Continue => {}
        Next::Consumed => return cx.consume_skb(skb),
        Next::Reset => return reject(sk, cx, skb, DropReason::TcpClose),
    }
    urg::tcp_urg(sk, cx, &rx, &skb);
    text(sk, cx, &rx, skb);
}

/// The segment's data.
fn text(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, skb: Skb) {
    use TcpState::{CloseWait, Closing, Established, FinWait1, FinWait2, LastAck};
    let mut skb = Some(skb);
    let state = state::state(sk);
    let takes_data = match state {
        CloseWait | Closing | LastAck => before(rx.seq, sk.rcv_nxt),
        FinWait1 | FinWait2 | Established => true,
        _ => false,
    };
    if takes_data {
        // RFC 1122 section 4.2.2.13: nobody will read it.
        let has_new = !rx.is_bare() && after(rx.end_seq.wrapping_sub(u32::from(rx.flags.fin())), sk.rcv_nxt);
        if state != Established && sk.sk.shutdown() & RCV_SHUTDOWN != 0 && has_new {
            cx.inc(TcpExt::TCPAbortOnData);
            if let Some(skb) = skb.take() {
                crate::glue::send_reset(cx, Some(sk), &skb);
                tcp_reset(sk, cx);
                drop_skb(sk, cx, skb, DropReason::TcpClose);
            }
            return;
        }
        if let Some(skb) = skb.take() {
            data::data_queue(sk, cx, rx, skb);
        }
    }
    if state::state(sk) != TcpState::Close {
        window::data_snd_check(sk, cx);
        delack::ack_if_scheduled(sk, cx);
    }
    if let Some(skb) = skb {
        cx.consume_skb(skb);
    }
}

/// The ACK of our SYN-ACK.
fn established(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx, has_sack: bool) {
    sk.delivered = sk.delivered.wrapping_add(1);
    if sk.srtt_us == 0 {
        synack_rtt_meas(sk);
    }
    if fastopen::is_pending(sk) {
        fastopen::established(sk, cx);
    } else {
        sk.retrans_stamp = 0;
        init::init_transfer(sk, cx);
        sk.copied_seq = sk.rcv_nxt;
    }
    set_state(sk, cx, TcpState::Established);
    sk.sk.state_change(cx);
    sk.snd_una = rx.ack_seq;
    sk.snd_wnd = u32::from(rx.window) << sk.rx_opt.snd_wscale;
    sk.snd_wl1 = rx.seq;
    // The window of a SYN is not scaled.
    let window = if rx.flags.syn() { u32::from(rx.window) } else { sk.snd_wnd };
    if window > sk.max_window {
        sk.max_window = window;
        let pmtu = sk.pmtu_cookie;
        crate::output::mss::sync_mss(sk, cx, pmtu);
    }
    if sk.rx_opt.tstamp_ok {
        sk.advmss -= 12;
    }
    if !crate::cong::controls(sk) {
        window::update_pacing_rate(sk);
    }
    sk.lsndtime = sk.jiffies32();
    syn::initialize_rcv_mss(sk);
    if sk.is_accecn() {
        third_ack(sk, rx, has_sack);
    }
    window::fast_path_on(sk);
    if sk.sk.shutdown() & SEND_SHUTDOWN != 0 {
        // The user did not wait to close it.
        let (to, fin) = state::after_close(TcpState::SynRecv);
        set_state(sk, cx, to);
        if fin {
            crate::output::send_fin(sk, cx);
        }
    }
}

/// The RTT of SYN-ACK and ACK (`tcp_synack_rtt_meas`), if the SYN-ACK went once.
fn synack_rtt_meas(sk: &mut Sk<'_>) {
    if sk.total_retrans == 0 && sk.snt_synack != 0 {
        let rtt = sk.mstamp.saturating_sub(sk.snt_synack) as i64;
        let mut rs = crate::cong::RateSample::default();
        rtt::ack_update_rtt(sk, ack::FLAG_SYN_ACKED, rtt, -1, rtt, &mut rs);
    }
}

fn fin_wait1(sk: &mut Sk<'_>, cx: &Cx<'_>, rx: &TcpRx) -> Next {
    if fastopen::is_pending(sk) {
        fastopen::established(sk, cx);
    }
    if sk.snd_una != sk.write_seq {
        return Next::Continue;
    }
    set_state(sk, cx, TcpState::FinWait2);
    sk.sk.set_shutdown(sk.sk.shutdown() | SEND_SHUTDOWN);
    if !sk.sk.is_dead() {
        // Whoever lingers in close() is waiting for this.
        sk.sk.state_change(cx);
        return Next::Continue;
    }
    if sk.linger2 < 0 {
        tcp_done(sk, cx);
        cx.inc(TcpExt::TCPAbortOnData);
        return Next::Reset;
    }
    let fin = rx.flags.fin();
    if !rx.is_bare() && after(rx.end_seq.wrapping_sub(u32::from(fin)), sk.rcv_nxt) {
        // Data for nobody, or a FIN without the data before it.
        if fin && fastopen::client::of(sk).asked {
            fastopen::client::pause(cx);
        }
        tcp_done(sk, cx);
        cx.inc(TcpExt::TCPAbortOnData);
        return Next::Reset;
    }
    let timeout = fin_time(sk, cx);
    if timeout > u64::from(TIMEWAIT_LEN) {
        timer::reset_keepalive(sk, cx, timeout - u64::from(TIMEWAIT_LEN));
    } else if fin {
        // The FIN of this segment is yet to be taken.
        timer::reset_keepalive(sk, cx, timeout);
    } else {
        timewait::enter(sk, cx, TcpState::FinWait2, timeout);
        return Next::Consumed;
    }
    Next::Continue
}
