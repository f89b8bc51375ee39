//! send(2) and its kin (`tcp_sendmsg`).

use super::{repair, txstamp, zerocopy};
use crate::output::{self, append};
use crate::sock::{Sk, TcpSock};
use crate::{Tcp, state};
use kern::time::Time;
use net::sock::{SEND_SHUTDOWN, Timeo};
use net::sock::{SockCmsg, sock_cmsg_send};
use net::{MsgHdr, Sock, UserCx, UserGuard};
use uapi::socket::{MSG_DONTWAIT, MSG_EOR, MSG_MORE, MSG_OOB, SOL_SOCKET};
use uapi::tcp::TcpState;
use uapi::{Errno, Result};

/// Takes bytes from the user until all are queued, or until waiting for room ends.
///
/// # Errors
/// `EPIPE` (the caller's layer adds SIGPIPE), `ENOTCONN`, the pending error, `EAGAIN`, `EINTR`; not
/// when some bytes were taken.
pub fn sendmsg(sk: &Sock<Tcp>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let flags = msg.flags;
    let mut guard = sk.lock_sock(cx);
    let timeo = Timeo::new(cx, flags & MSG_DONTWAIT != 0, sk.sndtimeo());
    let early = sk.state() == TcpState::SynRecv as u8 && crate::fastopen::is_pending(&guard);
    if !early && !matches!(state::state(&guard.sk_mut()), TcpState::Established | TcpState::CloseWait) {
        let waited;
        (guard, waited) = wait_connect(guard, timeo);
        if let Err(errno) = waited {
            return Err(stream_error(sk, errno));
        }
    }
    let tsflags = if msg.control.is_empty() { sk.tsflags() } else { control(sk, cx, msg)? };
    if guard.sk_mut().repair
        && let Some(result) = repair::send(&mut guard.sk_mut(), cx, msg)
    {
        return result;
    }
    let zerocopy = zerocopy::wanted(sk, cx, &guard, msg)?;
    crate::input::rate::check_app_limited(&mut guard.sk_mut());
    let mut copied = 0;
    loop {
        let (step, mss) = fill(&mut guard.sk_mut(), cx, msg, &mut copied);
        match step {
            Step::Done => return finish(guard, cx, (msg.flags, zerocopy, tsflags), copied, mss, Ok(())),
            Step::Error(errno) => {
                return finish(guard, cx, (msg.flags, zerocopy, tsflags), copied, mss, Err(errno));
            }
            Step::Full => {}
        }
        if copied > 0 {
            output::push(&mut guard.sk_mut(), cx, msg.flags & !(MSG_MORE), mss, crate::sock::TCP_NAGLE_PUSH);
        }
        let waited;
        (guard, waited) = wait_memory(guard, cx, timeo);
        if let Err(errno) = waited {
            return finish(guard, cx, (msg.flags, zerocopy, tsflags), copied, mss, Err(errno));
        }
    }
}

/// Control messages: of those of a stream only the times to be told change what is sent. Gives their
/// `SOF_TIMESTAMPING_*`.
#[cold]
fn control(sk: &Sock<Tcp>, cx: &UserCx<'_>, msg: &MsgHdr<'_>) -> Result<u32> {
    let mut asked = SockCmsg::default();
    for cmsg in msg.cmsgs() {
        let cmsg = cmsg?;
        if cmsg.level == SOL_SOCKET {
            sock_cmsg_send(cx, sk, &cmsg, &mut asked)?;
        }
    }
    Ok(asked.tsflags.unwrap_or_else(|| sk.tsflags()))
}

enum Step {
    Done,
    Full,
    Error(Errno),
}

/// Queues bytes while there is room; gives the segment size in use with the answer.
fn fill(sk: &mut Sk<'_>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>, copied: &mut usize) -> (Step, u32) {
    output::mstamp_refresh(sk, cx);
    let (mss, size_goal) = output::send_mss(sk, cx, msg.flags);
    if let Some(errno) = sk.sk.take_err() {
        return (Step::Error(errno), mss);
    }
    if sk.sk.shutdown() & SEND_SHUTDOWN != 0 {
        return (Step::Error(Errno::EPIPE), mss);
    }
    while msg.iov.remaining() > 0 {
        let done = append::append(sk, cx, &mut msg.iov, size_goal, msg.flags);
        *copied += done.copied;
        if done.full {
            sk.sk.set_flag(net::sock::SockFlag::NoSpace, true);
            return (Step::Full, mss);
        }
        if done.copied == 0 {
            return (Step::Error(Errno::EFAULT), mss);
        }
        if msg.iov.remaining() == 0 {
            break;
        }
        let more_to_come = sk.send_queue.back_mut().is_some_and(|tail| tail.len() < size_goal);
        if more_to_come || msg.flags & MSG_OOB != 0 || sk.repair {
            continue;
        }
        // A full segment can go while the next is filled.
        if output::forced_push(sk) {
            output::mark_push(sk);
            output::write_xmit::push_frames(sk, cx, mss, crate::sock::TCP_NAGLE_PUSH);
        } else if sk.send_queue.unsent() == 1 {
            output::push_one(sk, cx, mss);
        }
    }
    (Step::Done, mss)
}

/// Pushes what was queued and says what the call returns.
fn finish(
    mut guard: UserGuard<'_, '_, Tcp>,
    cx: &UserCx<'_>,
    (flags, zerocopy, tsflags): (u32, bool, u32),
    copied: usize,
    mss: u32,
    result: Result<()>,
) -> Result<usize> {
    let mut sk = guard.sk_mut();
    append::remove_empty(&mut sk, cx);
    if copied > 0 {
        if zerocopy {
            zerocopy::sent(&mut sk, cx);
        }
        txstamp::written(&mut sk, tsflags);
        let nonagle = sk.nonagle;
        output::push(&mut sk, cx, flags & !(MSG_EOR), mss, nonagle);
        return Ok(copied);
    }
    match result {
        Ok(()) => Ok(0),
        Err(errno) => {
            let common = guard.sk_mut().sk;
            Err(stream_error(common, errno))
        }
    }
}

/// `sk_stream_error`: a broken pipe tells the pending error first.
pub fn stream_error(sk: &Sock<Tcp>, errno: Errno) -> Errno {
    if errno == Errno::EPIPE { sk.take_err().unwrap_or(Errno::EPIPE) } else { errno }
}

/// Waits for the end of the handshake (`sk_stream_wait_connect`).
fn wait_connect<'a, 'c>(
    mut guard: UserGuard<'a, 'c, Tcp>,
    timeo: Timeo,
) -> (UserGuard<'a, 'c, Tcp>, Result<()>) {
    // The handshake's third segment waits for the data.
    write_pending(&mut guard.sk_mut(), true);
    let (mut guard, waited) = guard.wait_event(timeo, |sk| {
        if let Some(errno) = sk.sk.take_err() {
            return Some(Err(errno));
        }
        match state::state(sk) {
            TcpState::Established | TcpState::CloseWait => Some(Ok(())),
            TcpState::SynSent | TcpState::SynRecv => None,
            _ => Some(Err(Errno::EPIPE)),
        }
    });
    write_pending(&mut guard.sk_mut(), false);
    (guard, waited.and_then(|result| result))
}

/// One more, or one less, waits to send.
pub fn write_pending(tp: &mut TcpSock, waits: bool) {
    let (now, step) = (tp.write_pending, u8::from(waits));
    tp.write_pending = now.saturating_add(step).saturating_sub(1 - step);
}

/// Waits for room in the send buffer, or a moment for memory (`sk_stream_wait_memory`).
fn wait_memory<'a, 'c>(
    mut guard: UserGuard<'a, 'c, Tcp>,
    cx: &UserCx<'_>,
    timeo: Timeo,
) -> (UserGuard<'a, 'c, Tcp>, Result<()>) {
    // There is room: what is short is everybody's memory.
    let short = output::stream_memory_free(&guard.sk_mut(), cx);
    let moment = || Time::from_ms(cx.now().ms() + 2 + u64::from(cx.net.rng.below(200)));
    let wait = match timeo {
        Timeo::Forever if short => Timeo::Until(moment()),
        Timeo::Until(end) if short => Timeo::Until(moment().min(end)),
        timeo => timeo,
    };
    let only_a_moment = wait != timeo;
    let (guard, waited) = guard.wait_event_cx(wait, |sk, cx| {
        if sk.sk.err() != 0 || sk.sk.shutdown() & SEND_SHUTDOWN != 0 {
            return Some(Err(Errno::EPIPE));
        }
        if !short && output::stream_memory_free(sk, cx) {
            return Some(Ok(()));
        }
        sk.sk.set_flag(net::sock::SockFlag::NoSpace, true);
        None
    });
    let waited = waited.and_then(|result| result);
    (guard, if only_a_moment && waited == Err(Errno::EAGAIN) { Ok(()) } else { waited })
}
