//! ICMP errors about datagrams that this host sent (`__udp4_lib_err`, `__udp6_lib_err`).

use crate::sock::is_connected;
use crate::table::Packet;
use crate::{Udp, UdpNet, glue};
use ip::protocol::IcmpError;
use ip::route::pmtu;
use net::{BhCx, Sock, mib};
use uapi::{ICMP_REDIRECT, ICMP_SOURCE_QUENCH, IP_PMTUDISC_DONT, NDISC_REDIRECT};

/// Tells the socket that sent the datagram.
pub(crate) fn err<const PROTOCOL: u16>(cx: &BhCx<'_, '_>, error: &IcmpError<'_>) {
    let Some((ours, theirs)) = error.ports() else { return };
    // The datagram went the other way: its source is the socket's end.
    let packet =
        Packet { saddr: error.daddr, sport: theirs, daddr: error.saddr, dport: ours, dif: error.iif };
    match UdpNet::of(cx.net).table(PROTOCOL).lookup(cx, &packet) {
        Some(sk) => {
            report(cx, &sk, error);
            cx.sock_put(sk);
        }
        None if error.v6 => cx.inc(mib::Icmp6::InErrors),
        None => cx.inc(mib::Icmp::InErrors),
    }
}

fn report(cx: &BhCx<'_, '_>, sk: &Sock<Udp>, error: &IcmpError<'_>) {
    let unheard = match error.v6 {
        true => error.kind == NDISC_REDIRECT,
        false => matches!(error.kind, ICMP_SOURCE_QUENCH | ICMP_REDIRECT),
    };
    if unheard {
        return;
    }
    let (errno, mut hard) = error.errno();
    if error.is_mtu() {
        pmtu::learn(cx, error);
        hard = discovers_mtu(cx, sk, error.v6);
        if !hard && !error.v6 {
            return;
        }
    }
    if glue::wants_errors(sk, error.v6) {
        glue::icmp_error(cx, sk, error, errno);
    } else if !hard || !is_connected(sk) {
        // RFC 1122 section 4.1.3.3: an unconnected socket cannot tell whose error it is.
        return;
    }
    sk.set_err(errno);
    sk.error_report(cx);
}

/// A packet too big is an error for who does not want it fragmented. Who owns the socket just now
/// hears of it.
fn discovers_mtu(cx: &BhCx<'_, '_>, sk: &Sock<Udp>, v6: bool) -> bool {
    sk.bh_try_lock(cx).is_none_or(|mut guard| {
        let st = guard.sk_mut();
        i32::from(if v6 { st.inet.v6.pmtudisc } else { st.inet.pmtudisc }) != IP_PMTUDISC_DONT
    })
}
