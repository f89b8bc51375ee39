//! Echo replies (`ping_rcv`) and errors about echo requests (`ping_err`).

use super::{Ping, PingNet};
use crate::glue;
use ip::protocol::IcmpError;
use ip::route::pmtu;
use net::{BhCx, Cx, Skb, Sock};
use uapi::{Errno, ICMP_REDIRECT, ICMP_SOURCE_QUENCH, TcpState};

/// The identifier of an echo message.
fn ident(icmp: &[u8]) -> Option<u16> {
    let &[_, _, _, _, a, b, ..] = icmp else { return None };
    Some(u16::from_be_bytes([a, b]))
}

/// A reply, `data` at its ICMP header; given back when nobody asked.
pub(super) fn receive(cx: &BhCx<'_, '_>, skb: Skb) -> Result<(), Skb> {
    let (_, local) = ip::packet::addrs(&skb);
    let found = ident(skb.linear()).and_then(|ident| PingNet::of(cx.net).table.lookup(ident, local, skb.iif));
    let Some(sk) = found else { return Err(skb) };
    queue_rcv(cx, &sk, skb);
    cx.sock_put(sk);
    Ok(())
}

pub(super) fn queue_rcv(cx: &Cx<'_>, sk: &Sock<Ping>, mut skb: Skb) {
    if let Err(reason) = sk.filter(cx, &mut skb, 1) {
        return cx.drop_skb(skb, reason);
    }
    // Whoever wants to know is told, whenever he asked.
    skb.ip_flags |= ip::packet::flag::PKTINFO;
    if let Err((skb, reason)) = sk.shared.queue.enqueue_within(cx, sk, skb) {
        cx.drop_skb(skb, reason);
    }
}

/// Tells the socket whose request was refused.
pub(super) fn error(cx: &BhCx<'_, '_>, error: &IcmpError<'_>) {
    let table = &PingNet::of(cx.net).table;
    let found = ident(error.transport).and_then(|ident| table.lookup(ident, error.saddr, error.iif));
    let Some(sk) = found else { return };
    report(cx, &sk, error);
    cx.sock_put(sk);
}

fn report(cx: &BhCx<'_, '_>, sk: &Sock<Ping>, error: &IcmpError<'_>) {
    let (errno, mut hard) = match (error.v6, error.kind) {
        // No real errors, but ping wants to see them.
        (false, ICMP_SOURCE_QUENCH | ICMP_REDIRECT) => (Errno::EREMOTEIO, false),
        _ => error.errno(),
    };
    if error.is_mtu() {
        pmtu::learn(cx, error);
        hard = true;
    }
    if glue::wants_errors(sk, error.v6) {
        glue::icmp_error(cx, sk, error, errno);
    } else if !hard || sk.state() != TcpState::Established as u8 {
        return;
    }
    sk.set_err(errno);
    sk.error_report(cx);
}
