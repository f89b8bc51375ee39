//! `TCP_REPAIR`: a connection is taken apart and put together elsewhere without a packet on the wire, as
//! CRIU does. Who may administer the network sets queues, sequence numbers, options and windows.

use crate::output::{mtu_probe, probe};
use crate::sock::{RxSegment, Sk};
use crate::{mem, state};
use net::msg::RecvMsg;
use net::sock::{GetOpt, SockFlag};
use net::{MsgHdr, UserCx};
use uapi::tcp::{
    TCP_NO_QUEUE, TCP_QUEUES_NR, TCP_RECV_QUEUE, TCP_REPAIR_OFF, TCP_REPAIR_OFF_NO_WP, TCP_REPAIR_ON,
    TCP_SEND_QUEUE, TcpRepairOpt, TcpRepairWindow, TcpState,
};
use uapi::{CAP_NET_ADMIN, Errno, Result};
use wire::TcpFlags;
use wire::tcp::options::{TCP_MAX_WSCALE, TCPOPT_MSS, TCPOPT_SACK_PERM, TCPOPT_TIMESTAMP, TCPOPT_WINDOW};
use zerocopy::{FromBytes, IntoBytes};

/// The queue that is worked on (`repair_queue`).
#[must_use]
pub fn queue(sk: &Sk<'_>) -> i32 {
    sk.rare.as_ref().map_or(TCP_NO_QUEUE, |rare| rare.repair_queue.into())
}

/// `TCP_REPAIR`.
///
/// # Errors
/// `EPERM` without `CAP_NET_ADMIN`, and for a listener; `EINVAL`.
pub fn set(sk: &mut Sk<'_>, cx: &UserCx<'_>, value: i32) -> Result<()> {
    if !cx.process.capable(CAP_NET_ADMIN) || state::state(sk) == TcpState::Listen {
        return Err(Errno::EPERM);
    }
    let on = match value {
        TCP_REPAIR_ON => true,
        TCP_REPAIR_OFF | TCP_REPAIR_OFF_NO_WP => false,
        _ => return Err(Errno::EINVAL),
    };
    sk.repair = on;
    // Whatever has the port, it is taken.
    sk.sk.set_flag(SockFlag::Reuse, on);
    sk.sk.set_flag(SockFlag::ReuseForce, on);
    if on {
        sk.rare_mut().repair_queue = TCP_NO_QUEUE as u8;
    } else if value == TCP_REPAIR_OFF {
        probe::send_window_probe(sk, cx);
    }
    Ok(())
}

/// `TCP_REPAIR_QUEUE`.
///
/// # Errors
/// `EPERM` when nothing is repaired, `EINVAL`.
pub fn set_queue(sk: &mut Sk<'_>, value: i32) -> Result<()> {
    if !sk.repair {
        return Err(Errno::EPERM);
    }
    if !(0..TCP_QUEUES_NR).contains(&value) {
        return Err(Errno::EINVAL);
    }
    sk.rare_mut().repair_queue = value as u8;
    Ok(())
}

/// `TCP_QUEUE_SEQ`: where the chosen queue begins.
///
/// # Errors
/// `EPERM` once there is a connection or data, `EINVAL` when no queue is chosen.
pub fn set_queue_seq(sk: &mut Sk<'_>, value: u32) -> Result<()> {
    if state::state(sk) != TcpState::Close {
        return Err(Errno::EPERM);
    }
    match queue(sk) {
        TCP_SEND_QUEUE if sk.send_queue.sent() > 0 => return Err(Errno::EPERM),
        TCP_SEND_QUEUE => sk.write_seq = value,
        TCP_RECV_QUEUE if sk.rcv_nxt != sk.copied_seq => return Err(Errno::EPERM),
        TCP_RECV_QUEUE => (sk.rcv_nxt, sk.copied_seq) = (value, value),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// The same, read.
///
/// # Errors
/// `EINVAL` when no queue is chosen.
pub fn queue_seq(sk: &Sk<'_>) -> Result<u32> {
    match queue(sk) {
        TCP_SEND_QUEUE => Ok(sk.write_seq),
        TCP_RECV_QUEUE => Ok(sk.rcv_nxt),
        _ => Err(Errno::EINVAL),
    }
}

/// `TCP_REPAIR_OPTIONS`: what the handshake had agreed on (`tcp_repair_options_est`).
///
/// # Errors
/// `EINVAL` when nothing is repaired, `EPERM` unless the connection is fresh, `EFBIG`.
pub fn set_options(sk: &mut Sk<'_>, cx: &UserCx<'_>, value: &[u8]) -> Result<()> {
    if !sk.repair {
        return Err(Errno::EINVAL);
    }
    if state::state(sk) != TcpState::Established || sk.bytes_sent != 0 {
        return Err(Errno::EPERM);
    }
    for option in value.chunks_exact(size_of::<TcpRepairOpt>()) {
        let option = TcpRepairOpt::read_from_bytes(option).map_err(|_| Errno::EINVAL)?;
        let (low, high) = (option.opt_val as u16, (option.opt_val >> 16) as u16);
        match u8::try_from(option.opt_code) {
            Ok(TCPOPT_MSS) => {
                sk.rx_opt.mss_clamp = low;
                mtu_probe::init(sk, cx);
            }
            Ok(TCPOPT_WINDOW) => {
                let most = u16::from(TCP_MAX_WSCALE);
                if low > most || high > most {
                    return Err(Errno::EFBIG);
                }
                (sk.rx_opt.snd_wscale, sk.rx_opt.rcv_wscale) = (low as u8, high as u8);
                sk.rx_opt.wscale_ok = true;
            }
            Ok(TCPOPT_SACK_PERM | TCPOPT_TIMESTAMP) if option.opt_val != 0 => return Err(Errno::EINVAL),
            Ok(TCPOPT_SACK_PERM) => sk.rx_opt.sack_ok = true,
            Ok(TCPOPT_TIMESTAMP) => sk.rx_opt.tstamp_ok = true,
            _ => {}
        }
    }
    Ok(())
}

/// `TCP_REPAIR_WINDOW`, set (`tcp_repair_set_window`).
///
/// # Errors
/// `EPERM` when nothing is repaired, `EINVAL` for windows that cannot be.
pub fn set_window(sk: &mut Sk<'_>, value: &[u8]) -> Result<()> {
    use crate::seq::after;
    if !sk.repair {
        return Err(Errno::EPERM);
    }
    let w = TcpRepairWindow::read_from_bytes(value).map_err(|_| Errno::EINVAL)?;
    if w.max_window < w.snd_wnd
        || after(w.snd_wl1, sk.rcv_nxt.wrapping_add(w.rcv_wnd))
        || after(w.rcv_wup, sk.rcv_nxt)
    {
        return Err(Errno::EINVAL);
    }
    (sk.snd_wl1, sk.snd_wnd, sk.max_window) = (w.snd_wl1, w.snd_wnd, w.max_window);
    (sk.rcv_wnd, sk.rcv_wup) = (w.rcv_wnd, w.rcv_wup);
    Ok(())
}

/// `TCP_REPAIR_WINDOW`, read.
///
/// # Errors
/// `EINVAL` for another length, `EPERM` when nothing is repaired.
pub fn window(sk: &Sk<'_>, out: &mut GetOpt<'_>) -> Result<()> {
    if out.len as usize != size_of::<TcpRepairWindow>() {
        return Err(Errno::EINVAL);
    }
    if !sk.repair {
        return Err(Errno::EPERM);
    }
    let window = TcpRepairWindow {
        snd_wl1: sk.snd_wl1,
        snd_wnd: sk.snd_wnd,
        max_window: sk.max_window,
        rcv_wnd: sk.rcv_wnd,
        rcv_wup: sk.rcv_wup,
    };
    out.bytes(window.as_bytes())
}

/// What is written while a connection is repaired, unless it is for the send queue: that has the usual
/// way. Bytes for the receive queue are as if they had come (`tcp_send_rcvq`).
///
/// # Errors
/// `EINVAL` when no queue is chosen, `ENOMEM`, `EFAULT`.
pub fn send(sk: &mut Sk<'_>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Option<Result<usize>> {
    match queue(sk) {
        TCP_SEND_QUEUE => None,
        TCP_RECV_QUEUE => Some(receive(sk, cx, msg)),
        _ => Some(Err(Errno::EINVAL)),
    }
}

fn receive(sk: &mut Sk<'_>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let size = msg.iov.remaining();
    if size == 0 {
        return Ok(0);
    }
    let mut skb = cx.alloc_skb();
    let copied = skb.append_from(cx, &mut msg.iov, size);
    skb.truesize = net::sock::mem::truesize_linear(size.min(u32::MAX as usize) as u32);
    if copied < size || !crate::input::prune::try_rmem_schedule(sk, cx, sk.rcv_nxt, skb.truesize) {
        cx.consume_skb(skb);
        return Err(if copied < size { Errno::EFAULT } else { Errno::ENOMEM });
    }
    let (seq, end_seq) = (sk.rcv_nxt, sk.rcv_nxt.wrapping_add(size as u32));
    let truesize = skb.truesize;
    crate::input::data::rcv_nxt_update(sk, end_seq);
    sk.receive_queue.push_back(RxSegment::new((seq, end_seq), TcpFlags::ACK, skb));
    mem::charge(sk, truesize);
    Ok(size)
}

/// What is read then: queues are looked at only. `None` for the usual way, over the receive queue.
///
/// # Errors
/// `EPERM` without `MSG_PEEK`, `EINVAL` when no queue is chosen.
pub fn recv(sk: &Sk<'_>, msg: &mut RecvMsg<'_>, peek: bool) -> Option<Result<usize>> {
    if !peek {
        return Some(Err(Errno::EPERM));
    }
    match queue(sk) {
        TCP_SEND_QUEUE => Some(Ok(peek_sent(sk, msg))),
        TCP_RECV_QUEUE => None,
        _ => Some(Err(Errno::EINVAL)),
    }
}

/// All that was written and not acknowledged, as far as there is room; its whole length is told
/// (`tcp_peek_sndq`).
fn peek_sent(sk: &Sk<'_>, msg: &mut RecvMsg<'_>) -> usize {
    let all = (0..sk.send_queue.len()).map(|i| &sk.send_queue[i].skb);
    all.map(|skb| {
        let room = msg.iov.remaining().min(skb.len());
        skb.copy_to(0, &mut msg.iov, room);
        skb.len()
    })
    .sum()
}

/// True for a sock that is repaired and whose send queue is written to: its segments count as sent.
#[inline]
#[must_use]
pub fn fills_send_queue(sk: &Sk<'_>) -> bool {
    sk.repair && queue(sk) == TCP_SEND_QUEUE
}
