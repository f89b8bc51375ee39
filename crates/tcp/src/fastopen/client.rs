//! TCP Fast Open of a client (RFC 7413): data goes with the SYN when a cookie is known, else the SYN
//! asks for one.
//!
//! The data stands in the send queue behind the SYN, so that only the first SYN carries it: timeouts
//! send the plain SYN again, and data that the SYN-ACK does not acknowledge goes with the handshake's
//! third segment.

use super::{CLIENT, CLIENT_NO_COOKIE, take_data};
use crate::input::{self, TcpRx};
use crate::metrics;
use crate::output::queue::Segment;
use crate::output::{self, mss, retransmit, segment};
use crate::sock::{Sk, TcpSock};
use crate::{TcpCx, chrono, state};
use net::Cx;
use net::Skb;
use net::mib::TcpExt;
use uapi::tcp::TcpState;
use uapi::{AF_UNSPEC, Errno, Result, sockaddr};
use vfs::iov::IovSource;
use wire::TcpFlags;
use wire::tcp::FastOpen;
use wire::tcp::options::{MAX_TCP_OPTION_SPACE, TCP_FASTOPEN_COOKIE_MAX};

/// The most data that goes with a SYN, bytes: what Linux's fragment cache holds (`SKB_FRAG_PAGE_ORDER`).
const MOST_DATA: u32 = 32_768;

/// A server's cookie, or with no bytes the wish for one (`struct tcp_fastopen_cookie`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cookie {
    bytes: [u8; TCP_FASTOPEN_COOKIE_MAX],
    len: u8,
    /// It goes in the experimental option.
    pub exp: bool,
}

impl Cookie {
    /// That of an option; `None` without one, or when its length is none of a cookie.
    #[must_use]
    pub fn of(option: Option<FastOpen<'_>>) -> Option<Cookie> {
        let option = option?;
        let value = option.cookie?;
        let mut cookie = Cookie { exp: option.exp, len: value.len() as u8, ..Cookie::default() };
        cookie.bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(cookie)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len).min(TCP_FASTOPEN_COOKIE_MAX)]
    }

    /// The wish for one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The option of a SYN.
    #[must_use]
    pub fn option(&self) -> FastOpen<'_> {
        FastOpen { cookie: Some(self.bytes()), exp: self.exp }
    }

    /// Bytes of the option, padding included.
    #[must_use]
    pub fn option_len(&self) -> usize {
        let head = if self.exp { 4 } else { 2 };
        (head + self.bytes().len()).next_multiple_of(4)
    }
}

/// Why data did not go with the SYN, or went in vain (`enum tcp_fastopen_client_fail`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Fail {
    /// Nothing went wrong.
    #[default]
    Unspec,
    /// No cookie is known (`TFO_COOKIE_UNAVAILABLE`).
    CookieUnavailable,
    /// The SYN-ACK did not acknowledge it (`TFO_DATA_NOT_ACKED`).
    DataNotAcked,
    /// The SYN had to go again (`TFO_SYN_RETRANSMITTED`).
    SynRetransmitted,
}

/// A client's part of a sock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Client {
    /// `TCP_FASTOPEN_CONNECT` (`fastopen_connect`).
    pub connect: bool,
    /// `connect()` returned and the SYN waits for data (`DEFER_CONNECT`).
    pub deferred: bool,
    /// A Fast Open is on its way, and what the next SYN says of it (`fastopen_req`).
    pub request: Option<Option<Cookie>>,
    /// A SYN had the option (`syn_fastopen`).
    pub asked: bool,
    /// It was the experimental one (`syn_fastopen_exp`).
    pub asked_exp: bool,
    /// It goes on after a pause for black holes: success ends them (`syn_fastopen_ch`).
    pub probing: bool,
    /// Data went with the SYN (`syn_data`).
    pub syn_data: bool,
    /// What went wrong (`fastopen_client_fail`).
    pub fail: Fail,
}

/// The client's part; that of a sock without one is all unset.
#[inline]
#[must_use]
pub fn of(tp: &TcpSock) -> Client {
    tp.rare.as_ref().map_or_else(Client::default, |rare| rare.client)
}

fn client_mut<'a>(sk: &'a mut Sk<'_>) -> &'a mut Client {
    &mut sk.rare_mut().client
}

/// `sendmsg()` with `MSG_FASTOPEN`, or the first after a deferred `connect()`, begins.
///
/// # Errors
/// `EOPNOTSUPP` where clients may not, or with `AF_UNSPEC`; `EALREADY` when one is on its way.
pub fn begin(sk: &mut Sk<'_>, cx: &Cx<'_>, name: Option<&[u8]>) -> Result<()> {
    let unspec = name.is_some_and(|name| sockaddr::sa_family(name).is_ok_and(|f| i32::from(f) == AF_UNSPEC));
    if cx.tcp().sysctl.fastopen() & CLIENT == 0 || unspec {
        return Err(Errno::EOPNOTSUPP);
    }
    if of(sk).request.is_some() {
        return Err(Errno::EALREADY);
    }
    client_mut(sk).request = Some(Some(Cookie::default()));
    Ok(())
}

/// The call that [`begin`]s has its answer (`tcp_free_fastopen_req`).
pub fn end(sk: &mut Sk<'_>) {
    if of(sk).request.is_some() {
        let client = client_mut(sk);
        (client.request, client.deferred) = (None, false);
    }
}

/// The SYN of a deferred `connect()` goes, with data.
pub fn connect_now(sk: &mut Sk<'_>, cx: &Cx<'_>, data: &mut IovSource<'_>) {
    if output::connect(sk, cx, Some(data)).is_err() {
        state::set_state(sk, cx, TcpState::Close);
        sk.inet.dport = 0;
    }
}

/// `connect()` with `TCP_FASTOPEN_CONNECT`: true when the SYN waits for data, because a cookie is
/// known (`tcp_fastopen_defer_connect`).
pub fn defer(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    let client = of(sk);
    if !client.connect || client.request.is_some() {
        return false;
    }
    match check(sk, cx) {
        Cookies::Known(_) => {
            client_mut(sk).deferred = true;
            true
        }
        Cookies::Unknown(ask) => {
            client_mut(sk).request = Some(ask);
            false
        }
    }
}

/// What the cache says before a SYN.
enum Cookies {
    /// Data may go, with this cookie if one is needed.
    Known(Option<Cookie>),
    /// It may not; the SYN asks by this option.
    Unknown(Option<Cookie>),
}

/// May data go? (`tcp_fastopen_cookie_check`) Sets the MSS to the one that is remembered.
fn check(sk: &mut Sk<'_>, cx: &Cx<'_>) -> Cookies {
    let known = metrics::with(sk, cx, false, |block| block.fastopen).unwrap_or_default();
    if known.mss != 0 {
        sk.rx_opt.mss_clamp = known.mss;
    }
    let mut cookie = known.cookie;
    if cookie.is_empty() && known.try_exp == 1 {
        cookie.exp = true;
    }
    if should_pause(sk, cx) {
        return Cookies::Unknown(None);
    }
    let route = sk.inet.dst.as_ref().is_some_and(|dst| dst.metrics.fastopen_no_cookie != 0);
    if cx.tcp().sysctl.fastopen() & CLIENT_NO_COOKIE != 0 || sk.fastopen_no_cookie() || route {
        return Cookies::Known(None);
    }
    if !cookie.is_empty() {
        return Cookies::Known(Some(cookie));
    }
    client_mut(sk).fail = Fail::CookieUnavailable;
    Cookies::Unknown(Some(cookie))
}

/// Sends the SYN that stands in the queue, with the user's data if a cookie is known
/// (`tcp_send_syn_data`).
pub fn send_syn_data(sk: &mut Sk<'_>, cx: &Cx<'_>, data: Option<&mut IovSource<'_>>) -> Result<()> {
    sk.rx_opt.mss_clamp = sk.advmss;
    let mut option = match check(sk, cx) {
        Cookies::Unknown(ask) => ask,
        Cookies::Known(cookie) => {
            client_mut(sk).request = Some(cookie);
            if with_data(sk, cx, data) {
                client_mut(sk).request = Some(None);
                return Ok(());
            }
            cookie
        }
    };
    if let Some(cookie) = &mut option
        && !cookie.is_empty()
    {
        *cookie = Cookie { exp: cookie.exp, ..Cookie::default() };
    }
    client_mut(sk).request = Some(option);
    let sent = segment::transmit(sk, cx, 0);
    let client = client_mut(sk);
    client.asked &= sent.is_ok();
    // SYNs that go again say nothing of it.
    client.request = Some(None);
    sent
}

/// SYN and data in one packet; false when it could not be sent.
fn with_data(sk: &mut Sk<'_>, cx: &Cx<'_>, data: Option<&mut IovSource<'_>>) -> bool {
    if sk.rx_opt.user_mss != 0 {
        sk.rx_opt.mss_clamp = sk.rx_opt.mss_clamp.min(sk.rx_opt.user_mss);
    }
    let pmtu = sk.pmtu_cookie;
    mss::sync_mss(sk, cx, pmtu);
    // Room for all options there may be, also for those that boxes on the way add.
    let room = mss::mtu_to_mss_without_options(sk, cx, pmtu).saturating_sub(MAX_TCP_OPTION_SPACE as u32);
    let room = room.min(MOST_DATA);
    let (isn, flags) = (sk.send_queue[0].seq, sk.send_queue[0].flags);
    let mut seg = Segment::new(cx, isn, flags);
    let mut len = 0;
    if let Some(data) = data
        && data.remaining() > 0
        && room > 0
    {
        len = seg.skb.append_from(cx, data, room as usize) as u32;
        if len == 0 {
            // The user's memory is not there; the SYN goes all the same.
            cx.consume_skb(seg.skb);
            return false;
        }
        seg.skb.truesize += len;
        chrono::start(sk, chrono::BUSY);
    }
    seg.end_seq = isn.wrapping_add(1).wrapping_add(len);
    seg.pcount = 1;
    sk.write_seq = seg.end_seq;
    crate::mem::force(sk, cx, seg.skb.truesize);
    crate::mem::wmem_charge(sk, seg.skb.truesize);
    sk.send_queue.push(seg);
    sk.send_queue.advance();
    sk.packets_out += 1;
    let sent = segment::transmit(sk, cx, 1).is_ok();
    let at = sk.send_queue[1].tx_mstamp;
    sk.send_queue[0].tx_mstamp = at;
    // What is kept is the data alone: a plain SYN stands before it.
    let seg = &mut sk.send_queue[1];
    seg.seq = seg.seq.wrapping_add(1);
    seg.flags = TcpFlags::ACK.with(TcpFlags::PSH);
    if sent {
        client_mut(sk).syn_data = len > 0;
        cx.inc(TcpExt::TCPOrigDataSent);
    } else {
        sk.send_queue.take_back();
        sk.packets_out -= 1;
    }
    sent
}

/// The cookie that a SYN's options are to carry, if there is room for it in `room` bytes.
#[must_use]
pub fn syn_cookie(sk: &Sk<'_>, room: usize) -> Option<Cookie> {
    of(sk).request?.filter(|cookie| cookie.option_len() <= room)
}

/// A SYN with the option goes.
pub fn note_asked(sk: &mut Sk<'_>, cookie: &Cookie) {
    let exp = cookie.exp;
    let client = client_mut(sk);
    (client.asked, client.asked_exp) = (true, exp);
}

/// A client's SYN-ACK: cookie and MSS are kept, data that is not acknowledged goes again, data that
/// came is taken (`tcp_rcv_fastopen_synack`). True when data went: it carries the ACK.
pub fn rcv_synack(
    sk: &mut Sk<'_>,
    cx: &Cx<'_>,
    rx: &TcpRx,
    skb: &Skb,
    (mss, cookie): (Option<u16>, Option<Cookie>),
) -> bool {
    let client = of(sk);
    let unacked = client.syn_data && sk.send_queue.sent() > 0;
    // The user's limit says nothing of the server.
    let user = sk.rx_opt.user_mss;
    let mss = if sk.rx_opt.mss_clamp == user { mss.unwrap_or(0) } else { sk.rx_opt.mss_clamp };
    let (mut cookie, mut syn_lost, mut try_exp) = (cookie, false, 0);
    if !client.asked {
        cookie = None;
    } else if sk.total_retrans != 0 {
        // The server seems to have seen plain SYNs only.
        syn_lost = cookie.is_none() && unacked;
    } else if cookie.is_none() && !client.syn_data {
        // It knows one of the two options at most: the other one is for next time.
        try_exp = if client.asked_exp { 2 } else { 1 };
    }
    keep(sk, cx, mss, cookie, syn_lost, try_exp);
    if unacked {
        client_mut(sk).fail = if sk.total_retrans != 0 { Fail::SynRetransmitted } else { Fail::DataNotAcked };
        for i in 0..sk.send_queue.sent() {
            retransmit::mark_skb_lost(sk, i);
        }
        retransmit::non_congestion_loss_retransmit(sk, cx);
        cx.inc(TcpExt::TCPFastOpenActiveFail);
        return true;
    }
    sk.rare_mut().syn_data_acked = client.syn_data;
    if client.syn_data {
        cx.inc(TcpExt::TCPFastOpenActive);
        // SYN and data were counted as two.
        if sk.delivered > 1 {
            sk.delivered -= 1;
        }
    }
    if rx.end_seq != sk.rcv_nxt {
        take_data(sk, cx, skb, rx);
    }
    false
}

/// `tcp_fastopen_cache_set`
fn keep(sk: &Sk<'_>, cx: &Cx<'_>, mss: u16, cookie: Option<Cookie>, syn_lost: bool, try_exp: u8) {
    let now = cx.now().ms();
    metrics::with(sk, cx, true, |block| {
        let known = &mut block.fastopen;
        if mss != 0 {
            known.mss = mss;
        }
        match cookie {
            Some(cookie) if !cookie.is_empty() => known.cookie = cookie,
            _ if try_exp > known.try_exp && known.cookie.is_empty() && !known.cookie.exp => {
                known.try_exp = try_exp;
            }
            _ => {}
        }
        if syn_lost {
            known.syn_loss = known.syn_loss.saturating_add(1);
            known.last_syn_loss = now;
        } else {
            known.syn_loss = 0;
        }
    });
}

/// Boxes on the way that swallow such connections: all clients of the namespace pause
/// (`tcp_fastopen_active_disable`).
pub fn pause(cx: &Cx<'_>) {
    let pauses = &cx.tcp().fastopen.pauses;
    if pauses.are_on() {
        pauses.begin(cx.now().ms());
        cx.inc(TcpExt::TCPFastOpenBlackhole);
    }
}

/// `tcp_fastopen_active_should_disable`
fn should_pause(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    let pauses = &cx.tcp().fastopen.pauses;
    if !pauses.are_on() || pauses.times() == 0 {
        return false;
    }
    if pauses.lasts(cx.now().ms()) {
        return true;
    }
    client_mut(sk).probing = true;
    false
}

/// A connection with data in its SYN had timeouts (`tcp_fastopen_active_detect_blackhole`).
pub fn detect_blackhole(sk: &Sk<'_>, cx: &Cx<'_>, expired: bool) {
    let Some(rare) = &sk.rare else { return };
    let opened = rare.client.asked || rare.client.syn_data || rare.syn_data_acked;
    if opened && (sk.retransmits == 2 || (sk.retransmits < 2 && expired)) {
        pause(cx);
        cx.inc(TcpExt::TCPFastOpenActiveFail);
    }
}

/// A reset that is not the next segment, before any data: a box on the way made it.
pub fn reset_out_of_order(sk: &Sk<'_>, cx: &Cx<'_>) {
    if of(sk).asked && sk.data_segs_in == 0 && state::state(sk) == TcpState::Established {
        pause(cx);
    }
}

/// The connection ends: a FIN that came without the data before it tells of a black hole, data tells
/// that there is none (`tcp_fastopen_active_disable_ofo_check`).
pub fn ended(sk: &Sk<'_>, cx: &Cx<'_>) {
    let client = of(sk);
    if !client.asked {
        return;
    }
    let mut beyond = sk.ofo.queue.iter();
    if sk.data_segs_in == 0 {
        if let (Some(only), None) = (beyond.next(), beyond.next())
            && only.flags.fin()
        {
            pause(cx);
        }
    } else if client.probing {
        let loopback = sk.inet.dst.as_ref().is_some_and(|dst| dst.dev.features.loopback);
        if !loopback {
            cx.tcp().fastopen.pauses.forget();
        }
    }
}

/// The SYN timed out although its first copy arrived: the window need not be small
/// (`tcp_try_undo_spurious_syn`).
pub fn undo_spurious_syn(sk: &mut Sk<'_>) {
    if sk.undo_marker_set
        && sk.retrans_stamp != 0
        && sk.rx_opt.saw_tstamp
        && sk.retrans_stamp == sk.rx_opt.rcv_tsecr
    {
        sk.undo_marker_set = false;
    }
}

/// What the peer's options of a SYN-ACK say that is not kept in `rx_opt`.
#[must_use]
pub fn synack_options(rx: &TcpRx, skb: &Skb) -> (Option<u16>, Option<Cookie>) {
    let all = wire::tcp::options::TcpOptions::parse(input::options::bytes(skb, rx));
    (all.mss, Cookie::of(all.fastopen))
}
