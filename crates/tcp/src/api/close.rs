//! close(2) of the last descriptor (`tcp_close`): what must be sent is sent, then the sock lives on
//! as an orphan until the connection is over, or ends.

use crate::sock::Sk;
use crate::{Tcp, TcpCx, cong, init, mem, mini, output, state, timer};
use net::mib::TcpExt;
use net::sock::mem::SOCK_MIN_SNDBUF;
use net::sock::{SHUTDOWN_MASK, SockFlag, Timeo};
use net::{Cx, Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::tcp::TcpState;

/// Ends of FIN_WAIT2 longer than this are kept by the sock itself, ms (`TCP_TIMEWAIT_LEN`).
const TIMEWAIT_LEN: u64 = mini::timewait::TIMEWAIT_LEN;

/// `tcp_close`: `linger` is how long the caller may be kept waiting.
pub fn close(sk: &Sock<Tcp>, cx: &UserCx<'_>, linger: Timeo) {
    let mut guard = sk.lock_sock(cx);
    sk.set_shutdown(SHUTDOWN_MASK);
    guard = if begin(&mut guard.sk_mut(), cx) && linger != Timeo::Never {
        // SO_LINGER: until all is acknowledged, or the time is over.
        let done = |sk: &mut Sk<'_>| {
            let state = state::state(sk);
            (!matches!(state, TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck)).then_some(())
        };
        guard.wait_event(linger, done).0
    } else {
        guard
    };
    if state::state(&guard.sk_mut()) == TcpState::Close {
        // It has nothing to wait for, and is never an orphan.
        destroy_sock(&mut guard.sk_mut(), cx);
        sk.set_ino(0);
        return sk.set_flag(SockFlag::Dead, true);
    }
    orphan(&mut guard.sk_mut(), cx);
    // What arrived while the lock was owned may still change the state.
    guard.flush_backlog();
    finish(&mut guard.sk_mut(), cx);
}

/// The first half: queues are emptied, FIN or RST sent. True when a FIN is on its way.
fn begin(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    if state::state(sk) == TcpState::Listen {
        state::set_state(sk, cx, TcpState::Close);
        super::listen::stop(sk, cx);
        return false;
    }
    // Data that arrived and was not read is data lost: the peer must hear of it (RFC 2525, 2.17).
    let unread = drain(sk, cx);
    let now = state::state(sk);
    if now == TcpState::Close {
        return false;
    }
    output::mstamp_refresh(sk, cx);
    if sk.repair {
        super::disconnect::abort(sk, cx);
        return false;
    }
    if unread {
        cx.inc(TcpExt::TCPAbortOnClose);
        // The reset goes first: a closed sock has given its port back.
        output::send_active_reset(sk, cx);
        state::set_state(sk, cx, TcpState::Close);
        return false;
    }
    if sk.sk.flag(SockFlag::Linger) && sk.sk.lingertime() == 0 {
        super::disconnect::abort(sk, cx);
        return false;
    }
    let (next, fin) = state::after_close(now);
    state::set_state(sk, cx, next);
    if fin {
        output::send_fin(sk, cx);
    }
    fin
}

/// Empties the receive queue; true when a byte of data was lost.
fn drain(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    let mut unread = false;
    while let Some(seg) = sk.receive_queue.pop_front() {
        let fin = u32::from(seg.flags.fin());
        let end = seg.end_seq.wrapping_sub(fin);
        unread |= crate::seq::after(end, sk.copied_seq);
        crate::input::data::eat_skb(sk, cx, seg);
    }
    unread
}

fn orphan(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    sk.sk.set_flag(SockFlag::Dead, true);
    sk.sk.set_ino(0);
    cx.tcp().orphans.fetch_add(1, Relaxed);
}

/// The second half, with the backlog received.
fn finish(sk: &mut Sk<'_>, cx: &UserCx<'_>) {
    let now = state::state(sk);
    // The last packet may have ended it, and then who ended it destroyed it.
    if now == TcpState::Close {
        return;
    }
    if now == TcpState::FinWait2 {
        if sk.linger2 < 0 {
            output::send_active_reset(sk, cx);
            state::set_state(sk, cx, TcpState::Close);
            cx.inc(TcpExt::TCPAbortOnLinger);
        } else {
            let timeout = timer::fin_time(sk, cx);
            if timeout > TIMEWAIT_LEN {
                timer::reset_keepalive(sk, cx, timeout - TIMEWAIT_LEN);
            } else {
                mini::timewait::enter(sk, cx, TcpState::FinWait2, timeout);
                return;
            }
        }
    }
    if state::state(sk) != TcpState::Close && check_oom(sk, cx) {
        output::send_active_reset(sk, cx);
        state::set_state(sk, cx, TcpState::Close);
        cx.inc(TcpExt::TCPAbortOnMemory);
    }
    if state::state(sk) == TcpState::Close {
        destroy_sock(sk, cx);
    }
}

/// An orphan is not worth its memory: there are too many, or all memory is in use (`tcp_check_oom`).
pub fn check_oom(sk: &Sk<'_>, cx: &Cx<'_>) -> bool {
    let out_of_memory = mem::wmem_queued(sk) > SOCK_MIN_SNDBUF && cx.tcp().memory.is_over();
    too_many_orphans(cx) || out_of_memory
}

/// More orphans than `tcp_max_orphans` (`tcp_too_many_orphans`).
pub fn too_many_orphans(cx: &Cx<'_>) -> bool {
    cx.tcp().orphans.load(Relaxed) > i64::from(cx.tcp().sysctl.max_orphans())
}

/// An orphan is over (`inet_csk_destroy_sock`): timers, queues and the port go; the object goes with
/// its last reference.
pub fn destroy_sock(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.sk.flag(SockFlag::Destroy) {
        return;
    }
    sk.sk.set_flag(SockFlag::Destroy, true);
    crate::fastopen::remove(sk, cx, false);
    crate::fastopen::client::ended(sk, cx);
    timer::clear_xmit_timers(sk, cx);
    timer::delete_keepalive(sk, cx);
    cong::cleanup(sk);
    init::purge_queues(sk, cx);
    crate::hash::unhash(sk, cx);
    crate::hash::put_port(sk, cx);
    sk.inet.dst = None;
    if sk.sk.flag(SockFlag::Dead) {
        cx.tcp().orphans.fetch_sub(1, Relaxed);
    }
}

/// A connection that was never accepted goes with its listener (`inet_child_forget`): the peer gets
/// a reset.
pub fn abort_child(child: &std::sync::Arc<Sock<Tcp>>, cx: &Cx<'_>) {
    child.with_idle(|sk| {
        sk.sk.set_flag(SockFlag::Dead, true);
        cx.tcp().orphans.fetch_add(1, Relaxed);
        output::mstamp_refresh(sk, cx);
        if state::state(sk) != TcpState::Close {
            output::send_active_reset(sk, cx);
            state::set_state(sk, cx, TcpState::Close);
        }
        destroy_sock(sk, cx);
    });
}
