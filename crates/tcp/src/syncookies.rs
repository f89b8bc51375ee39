//! SYN cookies (`net/ipv4/syncookies.c`, RFC 4987 section 3.6): while a listener's queue of requests is
//! full, a SYN leaves nothing behind. What is to be known of it comes back in the third segment: its
//! MSS in our sequence number, its options in the low bits of our timestamp.

use crate::ecn::handshake;
use crate::hash::{Found, Key};
use crate::init::OpenReq;
use crate::input::{self, TcpRx};
use crate::mini::listen;
use crate::mini::request::Request;
use crate::output::syn;
use crate::sysctl::Sysctl;
use crate::{Tcp, TcpCx, glue};
use kern::hash::SipKey;
use net::mib::TcpExt;
use net::{BhCx, Cx, DropReason, Skb, Sock};
use std::sync::Arc;
use wire::TcpFlags;

/// Bits of the sequence number that carry the index of the MSS, hashed (`COOKIEBITS`).
const COOKIE_BITS: u32 = 24;
const COOKIE_MASK: u32 = (1 << COOKIE_BITS) - 1;
/// A cookie is good for this minute and the one before (`MAX_SYNCOOKIE_AGE`).
const MAX_AGE: u32 = 2;
/// `TCP_SYNCOOKIE_PERIOD`, ms.
const PERIOD: u64 = 60_000;
/// How long after the last cookie a listener looks for one, ms (`TCP_SYNCOOKIE_VALID`).
const VALID: u64 = MAX_AGE as u64 * PERIOD;

/// Low bits of the timestamp (`TSBITS`): four of the window scale, SACK, ECN.
const TS_MASK: u32 = 0x3f;
const TS_WSCALE: u32 = 0xf;
const TS_SACK: u32 = 0x10;
const TS_ECN: u32 = 0x20;

/// Segment sizes that a cookie can tell (`msstab`).
const MSS_V4: [u16; 4] = [536, 1300, 1440, 1460];
/// The same of IPv6.
const MSS_V6: [u16; 4] = [1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60];

fn table(key: &Key) -> &'static [u16; 4] {
    if key.faddr.is_v4() { &MSS_V4 } else { &MSS_V6 }
}

/// `cookie_hash`
fn hash(cx: &Cx<'_>, key: &Key, count: u32, which: u64) -> u32 {
    let (k0, k1) = cx.tcp().keys;
    let base = SipKey([k0, k1]);
    let secret = SipKey([base.hash([which, 0x5359_4e43]), base.hash([which, 0x4f4f_4b49])]);
    let ((a, b), (c, d)) = (key.laddr.words(), key.faddr.words());
    let ports = u64::from(key.lport) << 48 | u64::from(key.fport) << 32 | u64::from(count);
    secret.hash([a, b, c, d, ports]) as u32
}

fn minutes(cx: &Cx<'_>) -> u32 {
    (cx.jiffies() / PERIOD) as u32
}

/// The sequence number for a SYN with `seq`, and the segment size that it tells, which is not larger
/// than `mss` unless that is very small (`cookie_init_sequence`).
pub fn sequence(cx: &Cx<'_>, key: &Key, seq: u32, mss: u16) -> (u32, u16) {
    let table = table(key);
    let index = table.iter().rposition(|&entry| mss >= entry).unwrap_or(0);
    let count = minutes(cx);
    let told = hash(cx, key, count, 1).wrapping_add(index as u32) & COOKIE_MASK;
    let cookie = hash(cx, key, 0, 0).wrapping_add(seq).wrapping_add(count << COOKIE_BITS).wrapping_add(told);
    (cookie, table[index])
}

/// The segment size that a cookie tells, if it is one (`check_tcp_syn_cookie`).
fn check(cx: &Cx<'_>, key: &Key, cookie: u32, seq: u32) -> Option<u16> {
    let rest = cookie.wrapping_sub(hash(cx, key, 0, 0)).wrapping_sub(seq);
    let now = minutes(cx);
    let age = now.wrapping_sub(rest >> COOKIE_BITS) & (u32::MAX >> COOKIE_BITS);
    if age >= MAX_AGE {
        return None;
    }
    let index = rest.wrapping_sub(hash(cx, key, now.wrapping_sub(age), 1)) & COOKIE_MASK;
    table(key).get(index as usize).copied()
}

/// The clock's `now` with options in its low bits, never in the future (`cookie_init_timestamp`).
#[must_use]
pub fn timestamp(now: u32, open: &OpenReq) -> u32 {
    let mut options = if open.wscale_ok { u32::from(open.snd_wscale) } else { TS_WSCALE };
    if open.sack_ok {
        options |= TS_SACK;
    }
    if open.ecn_ok {
        options |= TS_ECN;
    }
    let told = now & !TS_MASK | options;
    if told > now { told.wrapping_sub(TS_MASK + 1) } else { told }
}

/// Options that an echoed timestamp tells; `None` if they cannot be ours (`cookie_timestamp_decode`).
fn decode(sysctl: &Sysctl, tsval: u32, echo: u32) -> Option<OpenReq> {
    if sysctl.timestamps() == 0 {
        return None;
    }
    let sack_ok = echo & TS_SACK != 0;
    if sack_ok && sysctl.sack() == 0 {
        return None;
    }
    let wscale_ok = echo & TS_WSCALE != TS_WSCALE;
    if wscale_ok && sysctl.window_scaling() == 0 {
        return None;
    }
    Some(OpenReq {
        tstamp_ok: true,
        ts_recent: tsval,
        sack_ok,
        wscale_ok,
        snd_wscale: if wscale_ok { (echo & TS_WSCALE) as u8 } else { 0 },
        ecn_ok: echo & TS_ECN != 0,
        ..OpenReq::default()
    })
}

/// True while the listener sent cookies lately (`tcp_synq_no_recent_overflow`).
fn recently(cx: &Cx<'_>, listener: &Sock<Tcp>) -> bool {
    let now = cx.now().ms();
    let last = listener.shared.with_listen(|queue| queue.last_overflow).flatten();
    last.is_some_and(|last| (last.saturating_sub(1000)..=last + VALID).contains(&now))
}

/// What became of a segment for a listener.
pub enum Third {
    /// No cookie: it is answered as any other.
    None(Skb),
    /// A connection, or nothing any more.
    Done,
}

/// An acknowledgement for a listener: does it bring a cookie back? (`cookie_v4_check`, `cookie_v6_check`)
pub fn third(listener: &Arc<Sock<Tcp>>, cx: &BhCx<'_, '_>, skb: Skb, rx: &TcpRx) -> Third {
    let sysctl = &cx.tcp().sysctl;
    let plausible = sysctl.syncookies() != 0 && !rx.flags.intersects(TcpFlags::SYN.with(TcpFlags::RST));
    if !plausible || !recently(cx, listener) {
        return Third::None(skb);
    }
    let key = glue::key_of(&skb);
    let (cookie, seq) = (rx.ack_seq.wrapping_sub(1), rx.seq.wrapping_sub(1));
    let Some(mss) = check(cx, &key, cookie, seq) else {
        cx.inc(TcpExt::SyncookiesFailed);
        return Third::None(skb);
    };
    cx.inc(TcpExt::SyncookiesRecv);
    let options = glue::options(&skb);
    let ts_off = glue::secrets(cx, &key).ts_off;
    let known = match options.timestamp {
        Some(ts) => decode(sysctl, ts.val, if ts.ecr == 0 { 0 } else { ts.ecr.wrapping_sub(ts_off) }),
        None => Some(OpenReq::default()),
    };
    let Some(known) = known else { return Third::None(skb) };
    let has_sack = known.sack_ok && !options.sack.as_slice().is_empty();
    let open = OpenReq {
        rcv_isn: seq,
        snt_isn: cookie,
        rcv_nxt: rx.seq,
        mss,
        ts_off: if known.tstamp_ok { ts_off } else { 0 },
        syn_tos: ip::packet::tos(&skb),
        ..known
    };
    open_connection(listener, cx, skb, rx, key, open, has_sack);
    Third::Done
}

/// The connection of a cookie (`tcp_get_cookie_sock`).
fn open_connection(
    listener: &Arc<Sock<Tcp>>,
    cx: &BhCx<'_, '_>,
    skb: Skb,
    rx: &TcpRx,
    key: Key,
    mut open: OpenReq,
    has_sack: bool,
) {
    let Some(template) = listener.shared.with_listen(|queue| queue.template.clone()) else {
        return cx.drop_skb(skb, DropReason::TcpClose);
    };
    if listen::accept_queue_is_full(listener) {
        cx.inc(TcpExt::ListenOverflows);
        cx.inc(TcpExt::ListenDrops);
        return cx.drop_skb(skb, DropReason::TcpListenOverflow);
    }
    let tos = if key.faddr.is_v4() { template.inet.tos } else { template.inet.v6.tclass };
    let options = ip::cmsg::echoed_options(cx, &skb).map(Arc::new);
    let Some(dst) = glue::reply_route(cx, &key, skb.iif, listener.mark(), tos, options.as_deref()) else {
        return cx.drop_skb(skb, DropReason::IpOutNoRoutes);
    };
    syn::cookie_window(
        &mut open,
        cx,
        &dst,
        key.faddr.is_v4(),
        template.rx_opt.user_mss,
        (listener.rcvbuf(), listener.flag(net::sock::SockFlag::RcvbufLock)),
        template.window_clamp,
    );
    open.ecn_ok &= handshake::grants(&cx.tcp().sysctl, &dst);
    open.accecn.ok = open.ecn_ok && crate::ecn::ace(rx.flags) > 1;
    let mut request = Request::new(key, skb.iif, listener.mark(), tos, listener.clone(), open);
    request.options = options;
    let request = Arc::new(request);
    let Some(child) = listen::make_child(&request, cx, &template) else {
        cx.inc(TcpExt::ListenDrops);
        return cx.drop_skb(skb, DropReason::NotSpecified);
    };
    let Some(mut guard) = child.bh_try_lock(cx) else {
        return cx.drop_skb(skb, DropReason::NotSpecified);
    };
    let mut sk = guard.sk_mut();
    if cx.tcp().hash.established.insert(key, 0, Found::Sock(child.clone())).is_err() {
        listen::abandon(&mut sk, cx);
        drop(guard);
        cx.sock_put(child);
        return cx.drop_skb(skb, DropReason::Duplicate);
    }
    cx.tcp().hash.bind.inherit(&mut sk);
    handshake::open_child(&mut sk, &open, rx, skb.gso_segs, has_sack);
    input::child_process(&mut sk, cx, skb);
    drop(guard);
    listen::deliver(listener, cx, child);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What the low bits of a timestamp say is read again, and time does not run ahead.
        #[test]
        fn options_come_back_in_the_timestamp(now in 64u32.., scale in 0u8..=14, wscale_ok: bool, sack_ok: bool, ecn_ok: bool) {
            let snd_wscale = if wscale_ok { scale } else { 0 };
            let open = OpenReq { wscale_ok, snd_wscale, sack_ok, ecn_ok, ..OpenReq::default() };
            let told = timestamp(now, &open);
            prop_assert!(told <= now && now - told < 64);
            let back = decode(&Sysctl::default(), 7, told).unwrap();
            prop_assert_eq!(
                (back.wscale_ok, back.snd_wscale, back.sack_ok, back.ecn_ok, back.ts_recent),
                (wscale_ok, snd_wscale, sack_ok, ecn_ok, 7)
            );
        }
    }

    #[test]
    fn what_this_host_does_not_do_was_not_agreed_on() {
        let sysctl = Sysctl::default();
        sysctl.sack.store(0, std::sync::atomic::Ordering::Relaxed);
        assert!(decode(&sysctl, 1, TS_SACK | TS_WSCALE).is_none());
        assert!(decode(&sysctl, 1, TS_WSCALE).is_some());
        sysctl.window_scaling.store(0, std::sync::atomic::Ordering::Relaxed);
        assert!(decode(&sysctl, 1, 3).is_none());
        sysctl.timestamps.store(0, std::sync::atomic::Ordering::Relaxed);
        assert!(decode(&sysctl, 1, TS_WSCALE).is_none());
    }
}
