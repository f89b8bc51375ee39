//! `SO_RCVLOWAT` (`tcp_set_rcvlowat`): readers are woken from so many bytes on, and the receive buffer
//! must be able to hold them.

use crate::{Tcp, TcpCx};
use net::sock::SockFlag;
use net::{Proto, Sock, Socket, UserCx};
use uapi::{EPOLLIN, Result};

/// Sets it; never more than half of what the buffer may become.
pub fn set_rcvlowat(sock: &Socket, cx: &UserCx<'_>, value: i32) -> Result<()> {
    let sk: &Sock<Tcp> = sock.sock()?;
    let locked = sk.flag(SockFlag::RcvbufLock);
    let most = if locked { sk.rcvbuf() } else { cx.tcp().sysctl.rmem(2) };
    let value = value.min(most >> 1);
    sk.set_rcvlowat(value.max(1));
    // What is there may be enough now.
    if Tcp::poll(sk, cx) & EPOLLIN != 0 {
        sk.data_ready(cx);
    }
    if locked {
        return Ok(());
    }
    let mut st = sk.lock_sock(cx);
    let space = st.space_from_win(value as u32);
    if space > sk.rcvbuf() {
        sk.set_rcvbuf(space);
        if st.window_clamp != 0 && value as u32 > st.window_clamp {
            st.window_clamp = value as u32;
        }
    }
    Ok(())
}
