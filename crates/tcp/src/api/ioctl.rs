//! ioctl(2) (`tcp_ioctl`).

use crate::{Tcp, state};
use net::sock::SockFlag;
use net::{Sock, UserCx};
use uapi::ioctl::{SIOCATMARK, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD};
use uapi::tcp::TcpState;
use uapi::{Errno, Result};

/// The number a command asks for, in `arg`.
///
/// # Errors
/// `EINVAL` for a listener, `ENOIOCTLCMD` for what is no command of TCP.
pub fn ioctl(sk: &Sock<Tcp>, cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    if !matches!(cmd, SIOCINQ | SIOCATMARK | SIOCOUTQ | SIOCOUTQNSD) {
        return Err(Errno::ENOIOCTLCMD);
    }
    let mut guard = sk.lock_sock(cx);
    let sk = guard.sk_mut();
    let now = state::state(&sk);
    let waiting = matches!(now, TcpState::SynSent | TcpState::SynRecv);
    let answer = match cmd {
        SIOCATMARK => u32::from(sk.urg_data != 0 && sk.urg_seq == sk.copied_seq),
        _ if now == TcpState::Listen => return Err(Errno::EINVAL),
        _ if waiting => 0,
        SIOCINQ => inq(&sk),
        SIOCOUTQ => sk.write_seq.wrapping_sub(sk.snd_una),
        _ => sk.write_seq.wrapping_sub(sk.snd_nxt),
    };
    arg.get_mut(..4).ok_or(Errno::EFAULT)?.copy_from_slice(&answer.to_ne_bytes());
    Ok(0)
}

/// Bytes to read (`tcp_inq`): up to the urgent byte, the FIN not counted.
pub fn inq(sk: &crate::sock::Sk<'_>) -> u32 {
    let urgent_ahead = sk.urg_data != 0
        && !sk.sk.flag(SockFlag::UrgInline)
        && !crate::seq::before(sk.urg_seq, sk.copied_seq)
        && crate::seq::before(sk.urg_seq, sk.rcv_nxt);
    if urgent_ahead {
        return sk.urg_seq.wrapping_sub(sk.copied_seq);
    }
    let answer = sk.rcv_nxt.wrapping_sub(sk.copied_seq);
    let fin = answer != 0 && sk.sk.flag(SockFlag::Done);
    answer - u32::from(fin)
}
