//! TIME_WAIT, and FIN_WAIT2 of orphans (`struct tcp_timewait_sock`, `inet_timewait_sock.c`): what is
//! kept of a connection that is over, so that its last segments meet somebody.

use crate::hash::bind::NO_SLOT;
use crate::hash::{Found, Key};
use crate::input::TcpRx;
use crate::seq::{after, before};
use crate::sock::Sk;
use crate::{TcpCx, TcpNet};
use kern::sync::SpinLock;
use kern::time::Jiffies;
use kern::timer::TimerSlot;
use net::mib::TcpExt;
use net::sock::SockFlag;
use net::timer::TimerTarget;
use net::{BhCx, Cx};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use uapi::tcp::TcpState;
use wire::TcpFlags;

/// How long TIME_WAIT lasts, ms (`TCP_TIMEWAIT_LEN`).
pub const TIMEWAIT_LEN: u64 = 60_000;

/// What is left of a connection.
pub struct TimeWait {
    /// What it is found by.
    pub key: Key,
    /// When it was made, ms (`tw_entry_stamp`).
    pub entered: u32,
    /// `AF_INET` or `AF_INET6`.
    pub family: u16,
    /// The device it was bound to, 0 for none.
    pub bound_dev: u32,
    /// `SO_REUSEADDR` was set.
    pub reuse: bool,
    /// `SO_REUSEPORT` was set.
    pub reuseport: bool,
    /// The owner.
    pub uid: u32,
    /// `SO_MARK`.
    pub mark: u32,
    /// Type of service or traffic class of replies.
    pub tos: u8,
    /// The next sequence number of ours.
    pub snd_nxt: u32,
    /// Added to the clock in timestamps.
    pub ts_offset: u32,
    /// The window last advertised, bytes, and how far it is shifted on the wire.
    pub rcv_wnd: u32,
    /// Shift of our windows.
    pub rcv_wscale: u8,
    bind_slot: AtomicU32,
    timer: TimerSlot,
    state: SpinLock<State>,
}

/// What segments still change.
#[derive(Clone, Copy)]
struct State {
    substate: TcpState,
    rcv_nxt: u32,
    ts_recent: u32,
    ts_recent_stamp: u32,
    last_oow_ack_time: u32,
}

/// What to do about a segment (`enum tcp_tw_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing more.
    Success,
    /// Answer with a reset.
    Rst,
    /// Answer with an acknowledgement.
    Ack,
    /// The same to what is out of order (`TCP_TW_ACK_OOW`).
    AckNonsense,
    /// A new connection may begin, with this initial sequence number.
    Syn(u32),
}

/// The connection is over: a minisock takes its place for `timeo_ms` (`tcp_time_wait`).
pub fn enter(sk: &mut Sk<'_>, cx: &Cx<'_>, state: TcpState, timeo_ms: u64) {
    let tcp = cx.tcp();
    if tcp.reserve_time_wait() {
        let tw = make(sk, cx, state);
        // No shorter than it takes to hear a retransmitted FIN.
        let rto = (u64::from(sk.rto) << 2) - (u64::from(sk.rto) >> 1);
        let timeo = if state == TcpState::TimeWait { TIMEWAIT_LEN } else { timeo_ms.max(rto) };
        let slot = tcp.hash.bind.hand_over(sk, &tw);
        tw.bind_slot.store(slot, Relaxed);
        let old = Found::Sock(sk.sk.hold());
        if tcp.hash.established.replace(tw.key, &old, Found::TimeWait(tw.clone())) {
            schedule(&tw, cx, timeo);
        } else {
            forget(&tw, tcp);
        }
    } else {
        cx.inc(TcpExt::TCPTimeWaitOverflow);
    }
    crate::metrics::update(sk, cx);
    crate::input::tcp_done(sk, cx);
}

fn make(sk: &Sk<'_>, cx: &Cx<'_>, state: TcpState) -> Arc<TimeWait> {
    Arc::new(TimeWait {
        entered: cx.now().ms() as u32,
        key: Key::of(sk),
        family: sk.inet.family,
        bound_dev: sk.sk.bound_dev_if(),
        reuse: sk.sk.flag(SockFlag::Reuse),
        reuseport: sk.sk.flag(SockFlag::Reuseport),
        uid: sk.sk.uid(),
        mark: sk.sk.mark(),
        tos: if sk.inet.daddr.is_v4() { sk.inet.tos } else { sk.inet.v6.tclass },
        snd_nxt: sk.snd_nxt,
        ts_offset: sk.tsoffset,
        rcv_wnd: sk.receive_window(),
        rcv_wscale: sk.rx_opt.rcv_wscale,
        bind_slot: AtomicU32::new(NO_SLOT),
        timer: TimerSlot::default(),
        state: SpinLock::new(State {
            substate: state,
            rcv_nxt: sk.rcv_nxt,
            ts_recent: sk.rx_opt.ts_recent,
            ts_recent_stamp: sk.rx_opt.ts_recent_stamp,
            last_oow_ack_time: sk.last_oow_ack_time,
        }),
    })
}

fn schedule(tw: &Arc<TimeWait>, cx: &Cx<'_>, ms: u64) {
    cx.mod_timer(&tw.timer, cx.jiffies() + ms, 0, || tw.clone());
}

impl TimerTarget for TimeWait {
    fn expire(self: Arc<Self>, _which: u8, cx: &BhCx<'_, '_>) {
        cx.inc(TcpExt::TW);
        remove(&self, cx);
    }
}

/// Out of the tables.
fn remove(tw: &Arc<TimeWait>, cx: &Cx<'_>) {
    let tcp = cx.tcp();
    if tcp.hash.established.remove(&tw.key, &Found::TimeWait(tw.clone())) {
        forget(tw, tcp);
    }
}

fn forget(tw: &TimeWait, tcp: &TcpNet) {
    let slot = tw.bind_slot.swap(NO_SLOT, Relaxed);
    if slot != NO_SLOT {
        tcp.hash.bind.release_slot(tw.key.lport, slot);
    }
    tcp.release_time_wait();
}

/// The minisock goes before its time (`inet_twsk_deschedule_put`).
pub fn deschedule(tw: &Arc<TimeWait>, cx: &Cx<'_>) {
    cx.del_timer(&tw.timer);
    remove(tw, cx);
}

/// `connect()` has taken its place in the table already.
pub fn recycled(tw: &Arc<TimeWait>, cx: &Cx<'_>) {
    cx.del_timer(&tw.timer);
    forget(tw, cx.tcp());
    cx.inc(TcpExt::TWRecycled);
}

/// Whether `connect()` may take the place (`tcp_twsk_unique`): with timestamps, and a second later as
/// `tcp_tw_reuse` allows, or at once by a sock that is `bound` to the port and has no other. The new connection then
/// begins beyond the old one's numbers.
pub fn may_reuse(tw: &TimeWait, sk: &mut Sk<'_>, cx: &Cx<'_>, bound: bool) -> bool {
    let reuse = match cx.tcp().sysctl.tw_reuse() {
        // 2: over loopback only.
        2 => tw.key.laddr.is_loopback() || tw.key.faddr.is_loopback(),
        mode => mode != 0,
    };
    let state = *tw.state.lock();
    let age = (cx.now().ms() as u32).wrapping_sub(tw.entered) as i32;
    let old_enough = age > cx.tcp().sysctl.tw_reuse_delay();
    let allowed = bound || reuse && old_enough;
    if !allowed || state.substate != TcpState::TimeWait || state.ts_recent_stamp == 0 {
        return false;
    }
    sk.write_seq = tw.snd_nxt.wrapping_add(65535 + 2).max(1);
    sk.rx_opt.ts_recent = state.ts_recent;
    sk.rx_opt.ts_recent_stamp = state.ts_recent_stamp;
    true
}

impl TimeWait {
    /// When it ends, unless something makes it begin again.
    pub fn expires(&self) -> Jiffies {
        self.timer.expires()
    }

    /// FIN_WAIT2 or TIME_WAIT, as those who list connections show it.
    pub fn substate(&self) -> TcpState {
        self.state.lock().substate
    }

    /// The next sequence number of the peer.
    pub fn rcv_nxt(&self) -> u32 {
        self.state.lock().rcv_nxt
    }

    /// The peer's timestamp to echo, if timestamps were used.
    pub fn ts_recent(&self) -> Option<u32> {
        let state = self.state.lock();
        (state.ts_recent_stamp != 0).then_some(state.ts_recent)
    }

    /// A segment for this connection (`tcp_timewait_state_process`, RFC 9293 section 3.10.7.8 and
    /// RFC 6191). `tsval` is its timestamp.
    pub fn segment(self: &Arc<Self>, cx: &Cx<'_>, rx: &TcpRx, tsval: Option<u32>) -> Verdict {
        let now_s = (cx.now().ms() / 1000) as u32;
        let mut state = self.state.lock();
        let paws_reject = state.ts_recent_stamp != 0
            && tsval.is_some_and(|tsval| {
                paws_reject(state.ts_recent, state.ts_recent_stamp, tsval, now_s, rx.flags.rst())
            });
        if state.substate == TcpState::FinWait2 {
            return self.fin_wait2(cx, rx, tsval, paws_reject, &mut state);
        }
        if !paws_reject && rx.seq == state.rcv_nxt && (rx.seq == rx.end_seq || rx.flags.rst()) {
            if rx.flags.rst() {
                // RFC 1337: a reset must not end TIME_WAIT, if the administrator says so.
                if cx.tcp().sysctl.rfc1337() == 0 {
                    drop(state);
                    deschedule(self, cx);
                    return Verdict::Success;
                }
            } else {
                schedule(self, cx, TIMEWAIT_LEN);
            }
            if let Some(tsval) = tsval {
                (state.ts_recent, state.ts_recent_stamp) = (tsval, now_s);
            }
            return Verdict::Success;
        }
        let newer_stamp = tsval.is_some_and(|tsval| before(state.ts_recent, tsval));
        let only_syn = rx.flags.syn() && !rx.flags.rst() && !rx.flags.ack();
        if only_syn && !paws_reject && (after(rx.seq, state.rcv_nxt) || newer_stamp) {
            return Verdict::Syn(self.snd_nxt.wrapping_add(65535 + 2).max(1));
        }
        if paws_reject {
            cx.inc(TcpExt::PAWSTimewait);
        }
        if rx.flags.rst() {
            return Verdict::Success;
        }
        // An old duplicate of a connection that is over, or a lost last acknowledgement.
        if paws_reject || rx.flags.ack() {
            schedule(self, cx, TIMEWAIT_LEN);
        }
        rate_limited_ack(cx, &mut state, TcpExt::TCPACKSkippedTimeWait)
    }

    fn fin_wait2(
        self: &Arc<Self>,
        cx: &Cx<'_>,
        rx: &TcpRx,
        tsval: Option<u32>,
        paws_reject: bool,
        state: &mut State,
    ) -> Verdict {
        if paws_reject
            || !in_window(rx.seq, rx.end_seq, state.rcv_nxt, state.rcv_nxt.wrapping_add(self.rcv_wnd))
        {
            return rate_limited_ack(cx, state, TcpExt::TCPACKSkippedFinWait2);
        }
        if rx.flags.rst() {
            state.substate = TcpState::TimeWait;
            // Gone at the next tick, so that the lock here need not be let go first.
            schedule(self, cx, 0);
            return Verdict::Success;
        }
        if rx.flags.syn() && !before(rx.seq, state.rcv_nxt) {
            return Verdict::Rst;
        }
        if !rx.flags.ack() || !after(rx.end_seq, state.rcv_nxt) || rx.end_seq == rx.seq {
            return Verdict::Success;
        }
        // Data for nobody, unless it is the FIN alone.
        if !rx.flags.contains(TcpFlags::FIN) || rx.end_seq != state.rcv_nxt.wrapping_add(1) {
            return Verdict::Rst;
        }
        state.substate = TcpState::TimeWait;
        state.rcv_nxt = rx.end_seq;
        if let Some(tsval) = tsval {
            state.ts_recent = tsval;
            state.ts_recent_stamp = (cx.now().ms() / 1000) as u32;
        }
        schedule(self, cx, TIMEWAIT_LEN);
        Verdict::Ack
    }
}

/// `tcp_timewait_check_oow_rate_limit`: no more than one answer to nonsense in a while.
fn rate_limited_ack(cx: &Cx<'_>, state: &mut State, skipped: TcpExt) -> Verdict {
    if oow_rate_limited(cx, &mut state.last_oow_ack_time) {
        cx.inc(skipped);
        Verdict::Success
    } else {
        Verdict::AckNonsense
    }
}

/// `tcp_oow_rate_limited`: true when the last answer is less than `tcp_invalid_ratelimit` ago.
pub fn oow_rate_limited(cx: &Cx<'_>, last: &mut u32) -> bool {
    let now = cx.now().ms() as u32;
    let elapsed = now.wrapping_sub(*last) as i32;
    if *last != 0 && (0..cx.tcp().sysctl.invalid_ratelimit()).contains(&elapsed) {
        return true;
    }
    *last = now;
    false
}

/// `tcp_in_window`: whether a segment has anything to do with `from..to`.
pub fn in_window(seq: u32, end_seq: u32, from: u32, to: u32) -> bool {
    if seq == from {
        return true;
    }
    if after(end_seq, from) && before(seq, to) {
        return true;
    }
    seq == to && seq == end_seq
}

/// `tcp_paws_reject` (RFC 7323 section 5): an old timestamp, unless ours is older than 24 days or
/// the segment is a reset and ours older than a minute.
pub fn paws_reject(ts_recent: u32, stamp: u32, tsval: u32, now_s: u32, rst: bool) -> bool {
    const PAWS_24DAYS: u32 = 60 * 60 * 24 * 24;
    const PAWS_MSL: u32 = 60;
    // A window of one tick, as Linux allows it.
    if ts_recent.wrapping_sub(tsval) as i32 <= 0 || now_s.wrapping_sub(stamp) >= PAWS_24DAYS || ts_recent == 0
    {
        return false;
    }
    !(rst && now_s.wrapping_sub(stamp) >= PAWS_MSL)
}
