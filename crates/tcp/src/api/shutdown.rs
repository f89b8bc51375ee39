//! shutdown(2) of the sending direction (`tcp_shutdown`).

use crate::sock::Sk;
use crate::{output, state};
use net::UserCx;
use net::sock::SEND_SHUTDOWN;
use uapi::tcp::TcpState;

/// Sends a FIN behind what was written, if there is a connection to end.
pub fn shutdown(sk: &mut Sk<'_>, cx: &UserCx<'_>, how: u8) {
    if how & SEND_SHUTDOWN == 0 {
        return;
    }
    let now = state::state(sk);
    if matches!(now, TcpState::Established | TcpState::SynSent | TcpState::SynRecv | TcpState::CloseWait) {
        output::mstamp_refresh(sk, cx);
        let (next, fin) = state::after_close(now);
        state::set_state(sk, cx, next);
        if fin {
            output::send_fin(sk, cx);
        }
    }
}
