//! TCP Fast Open (RFC 7413): data in the SYN reaches the application before the handshake is complete
//! (`net/ipv4/tcp_fastopen.c`). Here is the server's part; [`client`] is the other.
//!
//! A SYN with the right cookie makes a child at once, which is accepted in `SYN_RECV` and sends its
//! SYN-ACK again itself ([`Child`]) until the third segment comes.

pub mod client;
pub mod keys;
pub mod pause;

use crate::hash::Found;
use crate::mini::listen::{self, ListenQueue};
use crate::mini::request::Request;
use crate::sock::{RxSegment, Sk, TcpSock, XmitTimer};
use crate::{Tcp, TcpCx, glue, init, input, timer};
use keys::Cookie;
use net::mib::TcpExt;
use net::{BhCx, Cx, Skb, Sock};
use std::collections::VecDeque;
use std::sync::Arc;
use wire::TcpFlags;
use wire::tcp::TcpOptions;

/// `net.ipv4.tcp_fastopen`: clients may.
pub const CLIENT: i32 = 0x1;
/// Servers may.
pub const SERVER: i32 = 0x2;
/// Clients send data without a cookie.
pub const CLIENT_NO_COOKIE: i32 = 0x4;
/// Servers take data without a cookie.
pub const SERVER_COOKIE_NOT_REQD: i32 = 0x200;
/// Every listener does it, also without `TCP_FASTOPEN`.
pub const SERVER_WITHOUT_OPTION: i32 = 0x400;

/// How long a request that was reset counts against the queue, ms: a defence against forged SYNs.
const RESET_MS: u64 = 60_000;

/// A listener's count of children whose handshake is not complete (`struct fastopen_queue`).
#[derive(Default)]
pub struct Queue {
    /// How many there are.
    pub len: u32,
    /// When those that were reset are forgotten, ms.
    resets: VecDeque<u64>,
}

/// What the user of a socket set.
#[derive(Clone, Default)]
pub struct Settings {
    /// `TCP_FASTOPEN`: children that may be opened at once and whose handshake is not complete.
    pub qlen: u32,
    /// `TCP_FASTOPEN_NO_COOKIE`.
    pub no_cookie: bool,
    /// `TCP_FASTOPEN_KEY`.
    pub keys: Option<Arc<keys::Keys>>,
}

impl Settings {
    /// True if any differs from a new socket's.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.qlen != 0 || self.no_cookie || self.keys.is_some()
    }
}

impl TcpSock {
    /// The settings, to be changed.
    pub fn fastopen_mut(&mut self) -> &mut Settings {
        &mut self.rare_mut().fastopen_settings
    }

    /// `TCP_FASTOPEN`.
    #[must_use]
    pub fn fastopen_qlen(&self) -> u32 {
        self.rare.as_ref().map_or(0, |rare| rare.fastopen_settings.qlen)
    }

    /// `TCP_FASTOPEN_NO_COOKIE`.
    #[must_use]
    pub fn fastopen_no_cookie(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.fastopen_settings.no_cookie)
    }

    /// `TCP_FASTOPEN_KEY`.
    #[must_use]
    pub fn fastopen_keys(&self) -> Option<&Arc<keys::Keys>> {
        self.rare.as_ref()?.fastopen_settings.keys.as_ref()
    }
}

/// A connection that was accepted before its handshake was complete (`fastopen_rsk`).
pub struct Child {
    request: Arc<Request>,
}

/// What a SYN comes to.
pub enum Answer {
    /// The SYN-ACK says nothing of Fast Open.
    Plain,
    /// It offers a cookie.
    Cookie(Cookie),
    /// The connection is there; its cookie was of the old key, here is the new one.
    Child(Arc<Sock<Tcp>>, Option<Cookie>),
}

/// Tries to open at once (`tcp_try_fastopen`).
pub fn try_open(
    request: &Arc<Request>,
    cx: &BhCx<'_, '_>,
    skb: &Skb,
    rx: &input::TcpRx,
    options: &TcpOptions<'_>,
    template: &TcpSock,
) -> Answer {
    let mode = cx.tcp().sysctl.fastopen();
    let offered = options.fastopen.and_then(|option| Some((option.cookie?, option.exp)));
    if offered.is_some_and(|(cookie, _)| cookie.is_empty()) {
        cx.inc(TcpExt::TCPFastOpenCookieReqd);
    }
    let data = rx.end_seq != rx.seq.wrapping_add(1);
    if mode & SERVER == 0 || !(data || offered.is_some()) || !has_room(request, cx, template) {
        return Answer::Plain;
    }
    let free =
        mode & SERVER_COOKIE_NOT_REQD != 0 || template.fastopen_no_cookie() || no_cookie_route(request, cx);
    let (cookie, exp) = offered.unwrap_or((&[], false));
    let all = cx.tcp().fastopen.keys_for(template);
    let fresh = all.cookie(&request.key, exp);
    let mut renewed = None;
    if !free {
        if offered.is_none() {
            return Answer::Plain;
        }
        if cookie.is_empty() {
            return Answer::Cookie(fresh);
        }
        match all.check(&request.key, cookie) {
            Some(0) => {}
            Some(_) => {
                cx.inc(TcpExt::TCPFastOpenPassiveAltKey);
                renewed = Some(fresh);
            }
            None => {
                cx.inc(TcpExt::TCPFastOpenPassiveFail);
                return Answer::Cookie(fresh);
            }
        }
    }
    match create(request, cx, skb, rx, template) {
        Some(child) => {
            cx.inc(TcpExt::TCPFastOpenPassive);
            Answer::Child(child, renewed)
        }
        None => {
            cx.inc(TcpExt::TCPFastOpenPassiveFail);
            Answer::Plain
        }
    }
}

fn no_cookie_route(request: &Request, cx: &Cx<'_>) -> bool {
    glue::reply_route(cx, &request.key, request.iif, request.mark, request.tos, request.options.as_deref())
        .is_some_and(|dst| dst.metrics.fastopen_no_cookie != 0)
}

/// `tcp_fastopen_queue_check`.
fn has_room(request: &Request, cx: &Cx<'_>, template: &TcpSock) -> bool {
    if template.fastopen_qlen() == 0 {
        return false;
    }
    let now = cx.now().ms();
    let check = |queue: &mut ListenQueue| {
        let queue = &mut queue.fastopen;
        if queue.len < template.fastopen_qlen() {
            return true;
        }
        // The oldest that was reset makes room when its time is over.
        if queue.resets.front().is_some_and(|until| *until <= now) {
            queue.resets.pop_front();
            queue.len = queue.len.saturating_sub(1);
            return true;
        }
        false
    };
    let room = request.listener.shared.with_listen(check).unwrap_or(false);
    if !room {
        cx.inc(TcpExt::TCPFastOpenListenOverflow);
    }
    room
}

/// The child, with the SYN's data to be read (`tcp_fastopen_create_child`).
fn create(
    request: &Arc<Request>,
    cx: &BhCx<'_, '_>,
    skb: &Skb,
    rx: &input::TcpRx,
    template: &TcpSock,
) -> Option<Arc<Sock<Tcp>>> {
    let child = listen::make_child(request, cx, template)?;
    let mut guard = child.bh_try_lock(cx)?;
    let mut sk = guard.sk_mut();
    if cx.tcp().hash.established.insert(request.key, 0, Found::Sock(child.clone())).is_err() {
        listen::abandon(&mut sk, cx);
        drop(guard);
        cx.sock_put(child);
        return None;
    }
    cx.tcp().hash.bind.inherit(&mut sk);
    let open = request.state.lock().open;
    crate::ecn::handshake::open_child(&mut sk, &open, rx, skb.gso_segs, false);
    request.listener.shared.with_listen(|queue| queue.fastopen.len += 1);
    sk.rare_mut().fastopen = Some(Child { request: request.clone() });
    sk.rare_mut().fastopen_child = true;
    // The window of a SYN is not scaled.
    sk.snd_wnd = u32::from(rx.window);
    sk.max_window = sk.snd_wnd;
    timer::reset_xmit_timer(&mut sk, cx, XmitTimer::Retrans, u64::from(timer::TIMEOUT_INIT));
    init::init_transfer(&mut sk, cx);
    sk.rcv_nxt = rx.seq.wrapping_add(1);
    if rx.end_seq != sk.rcv_nxt {
        take_data(&mut sk, cx, skb, rx);
    }
    sk.rcv_wup = sk.rcv_nxt;
    request.state.lock().open.rcv_nxt = sk.rcv_nxt;
    drop(guard);
    Some(child)
}

/// The SYN's data (`tcp_fastopen_add_skb`).
fn take_data(sk: &mut Sk<'_>, cx: &Cx<'_>, skb: &Skb, rx: &input::TcpRx) {
    let mut data = skb.clone_in(cx);
    data.truesize = skb.truesize;
    data.pull(rx.header_len as usize);
    sk.segs_in = 1;
    sk.data_segs_in = 1;
    sk.bytes_received = u64::from(rx.len);
    crate::mem::force(sk, cx, data.truesize);
    crate::mem::charge(sk, data.truesize);
    sk.rcv_nxt = rx.end_seq;
    let flags = rx.flags.without(TcpFlags::SYN);
    let seq = rx.seq.wrapping_add(1);
    sk.receive_queue.push_back(RxSegment::new((seq, rx.end_seq), flags, data));
    sk.rare_mut().syn_data_acked = true;
    if flags.fin() {
        input::data::fin(sk, cx);
    }
}

/// True while a connection that was opened at once waits for its third segment
/// (`tcp_passive_fastopen` in `SYN_RECV`, and after its `close()`).
#[inline]
#[must_use]
pub fn is_pending(sk: &TcpSock) -> bool {
    sk.rare.as_ref().is_some_and(|rare| rare.fastopen.is_some())
}

/// The sequence number of its SYN-ACK; 0 when there is none.
#[must_use]
pub fn snt_isn(sk: &TcpSock) -> u32 {
    let child = sk.rare.as_ref().and_then(|rare| rare.fastopen.as_ref());
    child.map_or(0, |child| child.request.state.lock().open.snt_isn)
}

/// The handshake is complete, or over (`reqsk_fastopen_remove`). After a reset the request counts
/// against the queue for a while.
pub fn remove(sk: &mut Sk<'_>, cx: &Cx<'_>, reset: bool) -> bool {
    let Some(child) = sk.rare.as_mut().and_then(|rare| rare.fastopen.take()) else { return false };
    let until = cx.now().ms() + RESET_MS;
    child.request.listener.shared.with_listen(|queue| {
        if reset {
            queue.fastopen.resets.push_back(until);
        } else {
            queue.fastopen.len = queue.fastopen.len.saturating_sub(1);
        }
    });
    true
}

/// The third segment came (`tcp_rcv_synrecv_state_fastopen`).
pub fn established(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    if sk.ca_state == crate::sock::CaState::Loss && sk.packets_out == 0 {
        input::undo::try_undo_recovery(sk, cx);
    }
    sk.retransmits = 0;
    remove(sk, cx, false);
    timer::rearm_rto(sk, cx);
}

/// The retransmission timer of a child sends the SYN-ACK again, and nothing else
/// (`tcp_fastopen_synack_timer`). False when it is no such child.
pub fn synack_timer(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    let request = sk.rare.as_ref().and_then(|rare| rare.fastopen.as_ref()).map(|child| child.request.clone());
    let Some(request) = request else { return false };
    // One more than for others.
    let retries = match sk.syn_retries {
        0 => cx.tcp().sysctl.synack_retries() + 1,
        own => i32::from(own),
    };
    let timeouts = request.state.lock().num_timeout;
    if i32::from(timeouts) >= retries {
        timer::write_err(sk, cx);
        return true;
    }
    if sk.retransmits == 1 {
        input::recovery::enter_loss(sk, cx);
    }
    request.retransmit(cx);
    if request.state.lock().num_retrans > 1 {
        cx.inc(TcpExt::TCPTimeouts);
    }
    let timeouts = timeouts.saturating_add(1);
    request.state.lock().num_timeout = timeouts;
    sk.retransmits = sk.retransmits.saturating_add(1);
    if sk.retrans_stamp == 0 {
        sk.retrans_stamp = sk.jiffies32().max(1);
    }
    let wait = (u64::from(timer::TIMEOUT_INIT) << timeouts.min(16)).min(u64::from(sk.rto_max));
    timer::reset_xmit_timer(sk, cx, XmitTimer::Retrans, wait);
    true
}
