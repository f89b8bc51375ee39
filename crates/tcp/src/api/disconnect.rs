//! connect(AF_UNSPEC): back to a fresh socket (`tcp_disconnect`).

use crate::sock::Sk;
use crate::{init, output, state};
use net::sock::SockFlag;
use net::{Cx, UserCx};
use uapi::tcp::TcpState;
use uapi::{Errno, Result};

/// Ends what the socket is doing, with a reset where a close would need one.
pub fn disconnect(sk: &mut Sk<'_>, cx: &UserCx<'_>) -> Result<()> {
    abort(sk, cx);
    Ok(())
}

/// The same in any context: what `close()` does with a linger time of 0.
pub fn abort(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let old = state::state(sk);
    let unsent = sk.snd_nxt != sk.write_seq && matches!(old, TcpState::Closing | TcpState::LastAck);
    let needs_reset = matches!(
        old,
        TcpState::Established
            | TcpState::CloseWait
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::SynRecv
    );
    // The reset goes first: a closed sock has given its port back.
    if old != TcpState::Listen && !sk.repair && (needs_reset || unsent) {
        output::send_active_reset(sk, cx);
    }
    if old != TcpState::Close {
        state::set_state(sk, cx, TcpState::Close);
    }
    match old {
        TcpState::Listen => super::listen::stop(sk, cx),
        _ if sk.repair => {
            sk.sk.set_err(Errno::ECONNABORTED);
        }
        _ if needs_reset || unsent => {
            sk.sk.set_err(Errno::ECONNRESET);
        }
        TcpState::SynSent => sk.sk.set_err(Errno::ECONNRESET),
        _ => {}
    }
    init::disconnect_reset(sk, cx);
    let any = sk.inet.any();
    sk.inet.dport = 0;
    sk.inet.daddr = any;
    sk.inet.dst = None;
    if !sk.sk.flag(SockFlag::BindAddrLock) {
        sk.inet.rcv_saddr = any;
        sk.inet.saddr = any;
    }
    // A port that came by bind() after the end of a connection stays.
    if old != TcpState::Close && !sk.sk.flag(SockFlag::BindPortLock) {
        crate::hash::put_port(sk, cx);
    }
    sk.sk.set_shutdown(0);
    sk.sk.set_flag(SockFlag::Done, false);
    sk.sk.shared.inet.publish(&sk.inet);
    sk.sk.error_report(cx);
}
