//! What poll sees (`tcp_poll`).

use crate::sock::Sk;
use crate::{Tcp, output, state};
use net::sock::{RCV_SHUTDOWN, SEND_SHUTDOWN, SHUTDOWN_MASK};
use net::{Sock, UserCx};
use uapi::poll::{EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRNORM};
use uapi::tcp::TcpState;

/// The mask now.
pub fn poll(sk: &Sock<Tcp>, cx: &UserCx<'_>) -> u32 {
    if sk.state() == TcpState::Listen as u8 {
        let ready = sk.shared.with_listen(|queue| !queue.accept.is_empty()).unwrap_or(false);
        return if ready { EPOLLIN | EPOLLRDNORM } else { 0 };
    }
    mask(&mut sk.lock_sock(cx).sk_mut(), cx)
}

fn mask(sk: &mut Sk<'_>, cx: &UserCx<'_>) -> u32 {
    let (state, shutdown) = (state::state(sk), sk.sk.shutdown());
    let mut mask = 0;
    if shutdown == SHUTDOWN_MASK || state == TcpState::Close {
        mask |= EPOLLHUP;
    }
    if shutdown & RCV_SHUTDOWN != 0 {
        mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    }
    let early = state == TcpState::SynRecv && crate::fastopen::is_pending(sk);
    if early || !matches!(state, TcpState::SynSent | TcpState::SynRecv) {
        if stream_is_readable(sk) {
            mask |= EPOLLIN | EPOLLRDNORM;
        }
        if shutdown & SEND_SHUTDOWN == 0 {
            if output::append::is_writeable(sk, cx) {
                mask |= EPOLLOUT | EPOLLWRNORM;
            } else {
                sk.sk.set_flag(net::sock::SockFlag::NoSpace, true);
            }
        } else {
            mask |= EPOLLOUT | EPOLLWRNORM;
        }
        if sk.urg_data & crate::input::urg::URG_VALID != 0 {
            mask |= EPOLLPRI;
        }
    } else if state == TcpState::SynSent && crate::fastopen::client::of(sk).deferred {
        // The SYN waits for what is to be written.
        mask |= EPOLLOUT | EPOLLWRNORM;
    }
    if sk.sk.err() != 0 || sk.sk.has_err_skb() {
        mask |= EPOLLERR;
    }
    mask
}

/// `tcp_stream_is_readable`: as much as `SO_RCVLOWAT` asks for, the urgent byte not counted.
fn stream_is_readable(sk: &Sk<'_>) -> bool {
    let urgent_next =
        sk.urg_data != 0 && sk.urg_seq == sk.copied_seq && !sk.sk.flag(net::sock::SockFlag::UrgInline);
    let target = sk.sk.rcvlowat().max(1) + i32::from(urgent_next);
    let avail = sk.rcv_nxt.wrapping_sub(sk.copied_seq) as i32;
    avail > 0 && crate::input::window::epollin_ready(sk, target)
}
