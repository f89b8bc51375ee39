//! A segment comes in (`tcp_v4_rcv`): checked, looked up, handed over.

use super::reply::timewait_ack;
use super::send_reset;
use crate::hash::{Found, Key};
use crate::input::TcpRx;
use crate::mini::listen;
use crate::mini::timewait::{self, TimeWait, Verdict};
use crate::syncookies::{self, Third};
use crate::{Tcp, TcpCx};
use net::mib::Tcp as Mib;
use net::skb::{IpSummed, PktType, SkBuff};
use net::{BhCx, DropReason, Skb, Sock};
use std::sync::Arc;
use uapi::IPPROTO_TCP;
use uapi::tcp::TcpState;
use wire::TcpHdr;

/// The connection a segment belongs to, seen from this host.
#[inline]
pub fn key_of(skb: &SkBuff) -> Key {
    let (saddr, daddr) = ip::packet::addrs(skb);
    let (fport, lport) = TcpHdr::view(skb.transport()).map_or((0, 0), |(hdr, _)| (hdr.source(), hdr.dest()));
    Key { laddr: daddr, faddr: saddr, lport, fport }
}

/// Receives a segment; `skb.data` is at the TCP header.
pub fn tcp_rcv(cx: &BhCx<'_, '_>, skb: Skb) {
    cx.inc(Mib::InSegs);
    if skb.pkt_type != PktType::Host {
        return cx.drop_skb(skb, DropReason::OtherHost);
    }
    let Some(skb) = check(cx, skb) else { return };
    let key = key_of(&skb);
    match cx.tcp().hash.established.lookup(&key, skb.iif) {
        Some(Found::Sock(sk)) => deliver(cx, sk, skb),
        Some(Found::Request(request)) => {
            let mut skb = skb;
            if let Err(reason) = filter(cx, &request.listener, &mut skb) {
                return cx.drop_skb(skb, reason);
            }
            let rx = TcpRx::parse(&skb);
            listen::request_segment(&request, cx, skb, &rx);
        }
        Some(Found::TimeWait(tw)) => time_wait(cx, &tw, skb, &key),
        None => no_connection(cx, skb, &key),
    }
}

/// Header complete and linear, checksum good; otherwise the segment is gone.
#[inline]
fn check(cx: &BhCx<'_, '_>, mut skb: Skb) -> Option<Skb> {
    skb.set_transport_header();
    let whole = skb.may_pull(TcpHdr::LEN) && {
        let doff = usize::from(skb.linear()[12] >> 4) * 4;
        doff >= TcpHdr::LEN && skb.may_pull(doff)
    };
    if !whole {
        cx.inc(Mib::InErrs);
        cx.drop_skb(skb, DropReason::PktTooSmall);
        return None;
    }
    if skb.ip_summed == IpSummed::None {
        let (saddr, daddr) = ip::packet::addrs(&skb);
        let pseudo = ip::packet::pseudo_header(saddr, daddr, IPPROTO_TCP as u8, skb.len() as u32);
        if !pseudo.add(skb.checksum(0)).is_valid() {
            cx.inc(Mib::InCsumErrors);
            cx.inc(Mib::InErrs);
            cx.drop_skb(skb, DropReason::TcpCsum);
            return None;
        }
        skb.ip_summed = IpSummed::Unnecessary;
    }
    Some(skb)
}

/// Shows a segment to the sock's filter, which cannot cut off headers (`tcp_filter`).
#[inline]
fn filter(cx: &BhCx<'_, '_>, sk: &Sock<Tcp>, skb: &mut Skb) -> Result<(), DropReason> {
    let headers = usize::from(skb.linear().get(12).copied().unwrap_or(0) >> 4) * 4;
    sk.filter(cx, skb, headers)
}

#[inline]
fn deliver(cx: &BhCx<'_, '_>, sk: Arc<Sock<Tcp>>, mut skb: Skb) {
    let ttl = ip::packet::ttl(&skb);
    let inet = &sk.shared.inet;
    let least = if ip::packet::is_v6(&skb) { &inet.min_hopcount } else { &inet.min_ttl };
    if ttl < least.load(std::sync::atomic::Ordering::Relaxed) {
        cx.inc(net::mib::TcpExt::TCPMinTTLDrop);
        cx.sock_put(sk);
        return cx.drop_skb(skb, DropReason::NotSpecified);
    }
    if let Err(reason) = filter(cx, &sk, &mut skb) {
        cx.sock_put(sk);
        return cx.drop_skb(skb, reason);
    }
    sk.receive(cx, skb);
    cx.sock_put(sk);
}

/// Nobody has this connection: perhaps somebody listens.
fn no_connection(cx: &BhCx<'_, '_>, skb: Skb, key: &Key) {
    let rx = &TcpRx::parse(&skb);
    let mut skb = skb;
    let Some(listener) = lookup_listener(cx, &skb, key) else {
        if !rx.flags.rst() {
            send_reset(cx, None, &skb);
        }
        return cx.drop_skb(skb, DropReason::NoSocket);
    };
    if let Err(reason) = filter(cx, &listener, &mut skb) {
        cx.sock_put(listener);
        return cx.drop_skb(skb, reason);
    }
    let rx = &TcpRx::parse(&skb);
    segment_for_listener(cx, &listener, skb, rx);
    cx.sock_put(listener);
}

fn lookup_listener(cx: &BhCx<'_, '_>, skb: &Skb, key: &Key) -> Option<Arc<Sock<Tcp>>> {
    let tcp = cx.tcp();
    let hash = key.hash(tcp.keys.0) as u32;
    let header = TcpRx::parse(skb).header_len as usize;
    tcp.hash.listening.lookup(cx, (key.laddr, key.lport), skb.iif, hash, (skb, header))
}

/// RFC 9293 section 3.10.7.2: a listener wants SYNs only.
fn segment_for_listener(cx: &BhCx<'_, '_>, listener: &Arc<Sock<Tcp>>, skb: Skb, rx: &TcpRx) {
    if rx.flags.rst() {
        return cx.drop_skb(skb, DropReason::TcpReset);
    }
    let mut skb = skb;
    if rx.flags.ack() {
        skb = match syncookies::third(listener, cx, skb, rx) {
            Third::None(skb) => skb,
            Third::Done => return,
        };
        send_reset(cx, None, &skb);
        return cx.drop_skb(skb, DropReason::TcpFlags);
    }
    if !rx.flags.syn() || rx.flags.fin() {
        return cx.drop_skb(skb, DropReason::TcpFlags);
    }
    match listen::conn_request(listener, cx, &skb, rx, None) {
        Ok(()) => cx.consume_skb(skb),
        Err(reason) => cx.drop_skb(skb, reason),
    }
}

/// A segment for a connection that is over.
fn time_wait(cx: &BhCx<'_, '_>, tw: &Arc<TimeWait>, skb: Skb, key: &Key) {
    let rx = &TcpRx::parse(&skb);
    let tsval = super::options(&skb).timestamp.map(|ts| ts.val);
    match tw.segment(cx, rx, tsval) {
        Verdict::Success => cx.consume_skb(skb),
        Verdict::Ack => {
            timewait_ack(cx, tw, &skb, false);
            cx.consume_skb(skb);
        }
        Verdict::AckNonsense => {
            timewait_ack(cx, tw, &skb, true);
            cx.consume_skb(skb);
        }
        Verdict::Rst => {
            send_reset(cx, None, &skb);
            timewait::deschedule(tw, cx);
            cx.drop_skb(skb, DropReason::TcpFlags);
        }
        Verdict::Syn(isn) => {
            let listener = lookup_listener(cx, &skb, key).filter(|l| l.state() == TcpState::Listen as u8);
            let Some(listener) = listener else {
                timewait_ack(cx, tw, &skb, false);
                return cx.consume_skb(skb);
            };
            timewait::deschedule(tw, cx);
            match listen::conn_request(&listener, cx, &skb, rx, Some(isn)) {
                Ok(()) => cx.consume_skb(skb),
                Err(reason) => cx.drop_skb(skb, reason),
            }
            cx.sock_put(listener);
        }
    }
}
