//! What listening is: a queue of requests, a queue of connections to accept, and how a segment moves
//! a connection from one to the other (`tcp_conn_request`, `tcp_check_req`,
//! `inet_csk_complete_hashdance`). None of it takes the listener's lock.

use super::request::Request;
use super::timewait::{in_window, oow_rate_limited, paws_reject};
use crate::ecn::{MASK, handshake};
use crate::fastopen::{self, Answer};
use crate::glue::{self, Isn};
use crate::hash::{Found, Key};
use crate::input::{self, TcpRx};
use crate::seq::after;
use crate::sock::{self, TcpSock};
use crate::state;
use crate::{Tcp, TcpCx, init};
use net::mib::{Tcp as TcpMib, TcpExt};
use net::{BhCx, Cx, DropReason, Skb, Sock};
use std::collections::VecDeque;
use std::sync::Arc;
use uapi::tcp::TcpState;

/// What a listener has that no other sock has (`struct request_sock_queue`).
pub struct ListenQueue {
    /// Connections to accept (`rskq_accept_head`).
    pub accept: VecDeque<Arc<Sock<Tcp>>>,
    /// Requests (`qlen`).
    pub syn_len: u32,
    /// When a SYN was answered by a cookie last, ms (`tcp_synq_overflow`).
    pub last_overflow: Option<u64>,
    /// Children that were opened at once.
    pub fastopen: crate::fastopen::Queue,
    /// The listener's settings as children inherit them: a snapshot, taken by `listen()` and after
    /// each `setsockopt()`.
    pub template: Arc<TcpSock>,
}

/// A SYN for a listener (`tcp_conn_request`). `isn` is given when a connection in TIME_WAIT gave its
/// place up.
pub fn conn_request(
    listener: &Arc<Sock<Tcp>>,
    cx: &BhCx<'_, '_>,
    skb: &Skb,
    rx: &TcpRx,
    isn: Option<u32>,
) -> Result<(), DropReason> {
    let Some((template, syn_len)) =
        listener.shared.with_listen(|queue| (queue.template.clone(), queue.syn_len))
    else {
        return Err(DropReason::TcpFlags);
    };
    // The queue of requests takes one more than that of connections is long (`inet_csk_reqsk_queue_is_full`,
    // `tcp_syn_flood_action`).
    let mode = cx.tcp().sysctl.syncookies();
    let full = syn_len > listener.max_ack_backlog();
    let by_cookie = isn.is_none() && (full || mode == 2);
    if by_cookie {
        if mode == 0 {
            cx.inc(TcpExt::TCPReqQFullDrop);
            cx.inc(TcpExt::ListenDrops);
            return Err(DropReason::TcpReqQFullDrop);
        }
        cx.inc(TcpExt::TCPReqQFullDoCookies);
    }
    if accept_queue_is_full(listener) {
        cx.inc(TcpExt::ListenOverflows);
        cx.inc(TcpExt::ListenDrops);
        return Err(DropReason::TcpListenOverflow);
    }
    let key = glue::key_of(skb);
    let options = glue::options(skb);
    let begin = match isn {
        Some(isn) => Isn::Given(isn),
        None if by_cookie => Isn::Cookie,
        None => Isn::Fresh,
    };
    let Some(open) = glue::open_request(cx, listener, &template, skb, rx, &options, begin) else {
        cx.inc(TcpExt::ListenDrops);
        return Err(DropReason::IpOutNoRoutes);
    };
    if isn.is_none() && mode == 0 && is_last_quarter(cx, &key, skb, listener, syn_len) {
        cx.inc(TcpExt::ListenDrops);
        return Err(DropReason::TcpReqQFullDrop);
    }
    let tos = if key.faddr.is_v4() { template.inet.tos } else { template.inet.v6.tclass };
    let mut request = Request::new(key, skb.iif, listener.mark(), tos, listener.clone(), open);
    request.options = ip::cmsg::echoed_options(cx, skb).map(Arc::new);
    if by_cookie {
        let now = cx.now().ms();
        listener.shared.with_listen(|queue| queue.last_overflow = Some(now));
        cx.inc(TcpExt::SyncookiesSent);
        glue::send_synack(cx, &request, None, false);
        return Ok(());
    }
    if template.save_syn != 0 {
        request.saved_syn = Some(skb.network().into());
    }
    let request = Arc::new(request);
    let answer = match isn {
        None => fastopen::try_open(&request, cx, skb, rx, &options, &template),
        Some(_) => Answer::Plain,
    };
    match answer {
        Answer::Child(child, cookie) => {
            glue::send_synack(cx, &request, cookie, false);
            deliver(listener, cx, child);
        }
        Answer::Plain | Answer::Cookie(_) => {
            if !request.hash_add(cx) {
                return Err(DropReason::Duplicate);
            }
            let cookie = if let Answer::Cookie(cookie) = answer { Some(cookie) } else { None };
            glue::send_synack(cx, &request, cookie, false);
        }
    }
    Ok(())
}

/// Without SYN cookies the last quarter of `tcp_max_syn_backlog` is for peers that are known to be alive.
fn is_last_quarter(cx: &Cx<'_>, key: &Key, skb: &Skb, listener: &Sock<Tcp>, syn_len: u32) -> bool {
    let most = cx.tcp().sysctl.max_syn_backlog();
    most.wrapping_sub(syn_len as i32) < most >> 2
        && !glue::reply_route(
            cx,
            key,
            skb.iif,
            listener.mark(),
            0,
            ip::cmsg::echoed_options(cx, skb).as_ref(),
        )
        .is_some_and(|dst| crate::metrics::peer_is_proven(cx, key.laddr, key.faddr, &dst))
}

/// A connection waits to be accepted.
pub(crate) fn deliver(listener: &Arc<Sock<Tcp>>, cx: &Cx<'_>, child: Arc<Sock<Tcp>>) {
    let queued = listener.shared.with_listen(|queue| queue.accept.push_back(child.clone()));
    if queued.is_none() {
        // The listener closed under us.
        crate::api::close::abort_child(&child, cx);
        cx.sock_put(child);
        return;
    }
    listener.ack_backlog.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    listener.data_ready(cx);
    cx.sock_put(child);
}

/// No room for another connection (`sk_acceptq_is_full`): Linux lets one more in than asked.
pub fn accept_queue_is_full(listener: &Sock<Tcp>) -> bool {
    listener
        .shared
        .with_listen(|queue| queue.accept.len() as u32 > listener.max_ack_backlog())
        .unwrap_or(true)
}

/// What a segment for a request came to.
enum Check {
    /// Nothing more to do.
    Done,
    /// Dropped.
    Drop(DropReason),
    /// The handshake is complete.
    Complete,
    /// Somebody else's business: answer with a reset.
    Foreign,
}

/// A segment for a request (`tcp_check_req` and what follows it in `tcp_v4_rcv`).
pub fn request_segment(request: &Arc<Request>, cx: &BhCx<'_, '_>, skb: Skb, rx: &TcpRx) {
    if request.listener.state() != TcpState::Listen as u8 {
        // The listener closed: the request goes, and its connection with it.
        request.drop_request(cx);
        glue::send_reset(cx, None, &skb);
        return cx.drop_skb(skb, DropReason::NoSocket);
    }
    match check(request, cx, &skb, rx) {
        Check::Done => cx.consume_skb(skb),
        Check::Drop(reason) => cx.drop_skb(skb, reason),
        Check::Foreign => {
            glue::send_reset(cx, None, &skb);
            cx.drop_skb(skb, DropReason::TcpFlags);
        }
        Check::Complete => complete(request, cx, skb, rx),
    }
}

fn check(request: &Arc<Request>, cx: &Cx<'_>, skb: &Skb, rx: &TcpRx) -> Check {
    let options = glue::options(skb);
    let mut state = request.state.lock();
    let open = &state.open;
    let tsval = options.timestamp.map(|ts| ts.val);
    let now_s = (cx.now().ms() / 1000) as u32;
    // The timeouts so far say how old the timestamp is at most.
    let stamp = now_s.wrapping_sub((1u32 << state.num_timeout.min(5)).saturating_sub(1));
    let paws = open.tstamp_ok
        && tsval.is_some_and(|tsval| paws_reject(open.ts_recent, stamp, tsval, now_s, rx.flags.rst()));
    let flags = rx.flags;
    let (rcv_isn, snt_isn, rcv_nxt, rcv_wnd) = (open.rcv_isn, open.snt_isn, open.rcv_nxt, open.rcv_wnd);
    let only_syn = flags.syn() && !flags.rst() && !flags.ack();
    if rx.seq == rcv_isn && only_syn && !paws {
        // The SYN again: our answer was lost.
        let limited = oow_rate_limited(cx, &mut state.last_oow_ack_time);
        if !limited {
            state.open.accecn.syn_again(rx);
        }
        drop(state);
        if limited {
            cx.inc(TcpExt::TCPACKSkippedSynRecv);
        } else {
            request.retransmit(cx);
            request.restart_timer(cx);
        }
        return Check::Done;
    }
    if flags.ack() && !flags.rst() && rx.ack_seq != snt_isn.wrapping_add(1) {
        return Check::Foreign;
    }
    if paws || !in_window(rx.seq, rx.end_seq, rcv_nxt, rcv_nxt.wrapping_add(rcv_wnd)) {
        if !flags.rst() && !oow_rate_limited(cx, &mut state.last_oow_ack_time) {
            drop(state);
            glue::request_ack(cx, request, skb);
        }
        if paws {
            cx.inc(TcpExt::PAWSEstab);
            return Check::Drop(DropReason::TcpRfc7323Paws);
        }
        return Check::Drop(DropReason::TcpOverWindow);
    }
    if let Some(tsval) = tsval
        && state.open.tstamp_ok
        && !after(rx.seq, rcv_nxt)
    {
        state.open.ts_recent = tsval;
    }
    // RFC 5961 section 3.2: a reset that is not exact has to be proved.
    if flags.rst() && rx.seq != rcv_nxt {
        if !oow_rate_limited(cx, &mut state.last_oow_ack_time) {
            drop(state);
            cx.inc(TcpExt::TCPChallengeACK);
            glue::request_ack(cx, request, skb);
        }
        return Check::Drop(DropReason::TcpReset);
    }
    // A SYN that carries the third segment's acknowledgement is only that.
    let syn = flags.syn() && rx.seq != rcv_isn;
    if flags.rst() || syn {
        drop(state);
        cx.inc(TcpMib::AttemptFails);
        embryonic_reset(request, cx, skb, flags.rst());
        return Check::Drop(DropReason::TcpReset);
    }
    if !flags.ack() {
        return Check::Drop(DropReason::TcpFlags);
    }
    state.open.accecn.third(&options);
    let defer = request.listener.shared.with_listen(|queue| queue.template.defer_accept).unwrap_or(0);
    if state.num_timeout < defer && rx.end_seq == rcv_isn.wrapping_add(1) {
        // A bare acknowledgement, and the listener wants to hear of data only.
        state.acked = true;
        cx.inc(TcpExt::TCPDeferAcceptDrop);
        return Check::Drop(DropReason::NotSpecified);
    }
    Check::Complete
}

/// `embryonic_reset`: the request is given up.
fn embryonic_reset(request: &Arc<Request>, cx: &Cx<'_>, skb: &Skb, was_reset: bool) {
    if !was_reset {
        glue::send_reset(cx, None, skb);
    }
    request.drop_request(cx);
    cx.inc(TcpExt::EmbryonicRsts);
}

/// The handshake is complete: a sock takes the request's place and waits to be accepted
/// (`tcp_v4_syn_recv_sock`, `inet_csk_complete_hashdance`, `tcp_child_process`).
fn complete(request: &Arc<Request>, cx: &BhCx<'_, '_>, skb: Skb, rx: &TcpRx) {
    let listener = &request.listener;
    if accept_queue_is_full(listener) {
        cx.inc(TcpExt::ListenOverflows);
        cx.inc(TcpExt::ListenDrops);
        return overflow(request, cx, skb);
    }
    let Some(template) = listener.shared.with_listen(|queue| queue.template.clone()) else {
        return cx.drop_skb(skb, DropReason::TcpClose);
    };
    let Some(child) = make_child(request, cx, &template) else {
        cx.inc(TcpExt::ListenDrops);
        return overflow(request, cx, skb);
    };
    let Some(mut guard) = child.bh_try_lock(cx) else {
        // Nobody knows it yet but the table, and segments wait for the lock there.
        return cx.drop_skb(skb, DropReason::NotSpecified);
    };
    let mut sk = guard.sk_mut();
    let old = Found::Request(request.clone());
    if !cx.tcp().hash.established.replace(request.key, &old, Found::Sock(child.clone())) {
        // Another thread was faster with the same segment.
        abandon(&mut sk, cx);
        drop(guard);
        cx.sock_put(child);
        return cx.drop_skb(skb, DropReason::Duplicate);
    }
    cx.tcp().hash.bind.inherit(&mut sk);
    request.unqueue(cx);
    let open = request.state.lock().open;
    let has_sack = open.sack_ok && !glue::options(&skb).sack.as_slice().is_empty();
    handshake::open_child(&mut sk, &open, rx, skb.gso_segs, has_sack);
    input::child_process(&mut sk, cx, skb);
    drop(guard);
    deliver(listener, cx, child);
}

/// No room: the peer will send its data again, and perhaps there is room then.
fn overflow(request: &Arc<Request>, cx: &Cx<'_>, skb: Skb) {
    if cx.tcp().sysctl.abort_on_overflow() == 0 {
        request.state.lock().acked = true;
    } else {
        embryonic_reset(request, cx, &skb, false);
    }
    cx.drop_skb(skb, DropReason::TcpListenOverflow);
}

pub(crate) fn make_child(
    request: &Arc<Request>,
    cx: &BhCx<'_, '_>,
    template: &TcpSock,
) -> Option<Arc<Sock<Tcp>>> {
    let listener = &request.listener;
    let Key { laddr, faddr, lport, fport } = request.key;
    let options = request.options.as_deref();
    let dst = glue::reply_route(cx, &request.key, request.iif, request.mark, request.tos, options)?;
    let child = Sock::<Tcp>::alloc(cx, listener.family(), listener.kind(), listener.protocol());
    child.inherit(listener);
    child.inherit_filter(cx, listener);
    let mut guard = child.bh_try_lock(cx)?;
    let mut sk = guard.sk_mut();
    init::init_sock(&mut sk, cx);
    // Buffers are the listener's, set by its user or not.
    child.set_rcvbuf(listener.rcvbuf());
    child.set_sndbuf(listener.sndbuf());
    sk.inet.inherit(&template.inet);
    (sk.inet.rcv_saddr, sk.inet.saddr, sk.inet.daddr) = (laddr, laddr, faddr);
    (sk.inet.num, sk.inet.dport) = (lport, fport);
    sk.inet.dst = Some(dst);
    sk.inet.id = cx.net.rng.u32() as u16;
    child.shared.inet.inherit(&listener.shared.inet);
    child.shared.inet.publish(&sk.inet);
    child.set_txhash(cx.net.rng.u32().max(1));
    let (open, saved_syn) = {
        let state = request.state.lock();
        (state.open, request.saved_syn.clone())
    };
    if cx.tcp().sysctl.reflect_tos() != 0 {
        let tos = open.syn_tos & !MASK;
        if faddr.is_v4() {
            sk.inet.tos = tos;
        } else {
            sk.inet.set_tclass(tos);
        }
    }
    if faddr.is_v4() {
        sk.inet.options.clone_from(&request.options);
    }
    sk.ext_hdr_len = crate::output::ext_hdr_len(&sk);
    state::set_state(&mut sk, cx, TcpState::SynRecv);
    init::open_child(&mut sk, cx, &open, template);
    if saved_syn.is_some() {
        sk.rare_mut().saved_syn = saved_syn;
    }
    drop(guard);
    Some(child)
}

/// A child that nobody will have.
pub(crate) fn abandon(sk: &mut sock::Sk<'_>, cx: &Cx<'_>) {
    sk.sk.set_flag(net::sock::SockFlag::Dead, true);
    state::set_state(sk, cx, TcpState::Close);
}

/// A segment that reached a listener by its lock: listeners take segments without it, so this one
/// came for a connection of before; it is answered as for no sock at all.
pub fn rcv(_listener: &Sock<Tcp>, cx: &Cx<'_>, skb: Skb) {
    glue::send_reset(cx, None, &skb);
    cx.drop_skb(skb, DropReason::TcpFlags);
}
