//! ICMP errors about segments (`tcp_v4_err`, `tcp_v6_err`; RFC 5927 says which to believe).

use crate::hash::{Found, Key};
use crate::seq::between;
use crate::sock::Sk;
use crate::{Tcp, TcpCx, fastopen, input, output, state};
use ip::protocol::IcmpError;
use net::mib::{Icmp, TcpExt};
use net::{BhCx, Cx, Sock};
use uapi::Errno;
use uapi::tcp::TcpState;

/// Learns of an error about a segment of ours.
pub fn tcp_err(cx: &BhCx<'_, '_>, error: &IcmpError<'_>) {
    let (Some((sport, dport)), Some(seq)) = (error.ports(), quoted_seq(error)) else {
        return cx.inc(Icmp::InErrors);
    };
    let key = Key { laddr: error.saddr, faddr: error.daddr, lport: sport, fport: dport };
    match cx.tcp().hash.established.lookup(&key, error.iif) {
        Some(Found::Sock(sk)) => {
            for_sock(cx, &sk, error, seq);
            cx.sock_put(sk);
        }
        Some(Found::Request(request)) => {
            let isn = request.state.lock().open.snt_isn;
            if seq != isn {
                cx.inc(TcpExt::OutOfWindowIcmps);
            } else if !error.is_mtu() {
                // The peer's host is not there: stop asking.
                request.drop_request(cx);
            }
        }
        Some(Found::TimeWait(_)) => {}
        None => cx.inc(Icmp::InErrors),
    }
}

fn quoted_seq(error: &IcmpError<'_>) -> Option<u32> {
    Some(u32::from_be_bytes(*error.transport.get(4..8)?.first_chunk()?))
}

fn for_sock(cx: &BhCx<'_, '_>, sk: &Sock<Tcp>, error: &IcmpError<'_>, seq: u32) {
    let Some(mut guard) = sk.bh_try_lock(cx) else {
        // A process owns it. Path MTU is learned again by the next error; others are advice.
        return cx.inc(TcpExt::LockDroppedIcmps);
    };
    let sk = &mut guard.sk_mut();
    let state = state::state(sk);
    // Of a connection that was opened at once the SYN-ACK is on its way.
    let early = fastopen::is_pending(sk);
    let first = if early { fastopen::snt_isn(sk) } else { sk.snd_una };
    if state != TcpState::Listen && !between(seq, first, sk.snd_nxt) {
        return cx.inc(TcpExt::OutOfWindowIcmps);
    }
    if error.is_mtu() {
        if state != TcpState::Listen {
            output::mstamp_refresh(sk, cx);
            output::mss::mtu_reduced(sk, cx, error.info);
        }
        return;
    }
    let (errno, hard) = error.errno();
    match state {
        // Once accepted, it is a connection like others.
        TcpState::SynSent | TcpState::SynRecv if !early || sk.sk.ino() == 0 => fail(sk, cx, errno),
        _ if hard && ip::errqueue::wants(&sk.sk.shared.inet, error.v6) => {
            sk.sk.set_err(errno);
            sk.sk.error_report(cx);
        }
        _ => sk.sk.set_err_soft(errno.raw()),
    }
}

fn fail(sk: &mut Sk<'_>, cx: &Cx<'_>, errno: Errno) {
    sk.sk.set_err(errno);
    sk.sk.error_report(cx);
    input::tcp_done(sk, cx);
}
