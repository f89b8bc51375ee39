//! send(2), recv(2), sendmsg(2), recvmsg(2) and their kin.

use super::Task;
use crate::sys;
use kern::context::Process;
use net::MsgHdr;
use net::msg::RecvMsg;
use std::sync::Arc;
use uapi::socket::{MSG_DONTWAIT, MSG_ERRQUEUE, MSG_NOSIGNAL, MSG_OOB, MSG_WAITFORONE, SOCK_STREAM};
use uapi::{Errno, Result};
use vfs::fasync::{Owner, Signal};
use vfs::wait::Deadline;
use vfs::{File, IovSink, IovSource, Timeout};

const SIGPIPE: i32 = 13;

impl Task {
    /// sendmsg(2).
    #[inline]
    pub fn sendmsg(&self, fd: i32, msg: &mut MsgHdr<'_>) -> Result<usize> {
        let p = self.process();
        self.files.with(&p, fd, |file| self.send_on(&p, file, msg))?
    }

    #[inline]
    fn send_on(&self, p: &Process<'_>, file: &File, msg: &mut MsgHdr<'_>) -> Result<usize> {
        let flags = msg.flags;
        let result = sys::msg::sendmsg(p, file, msg);
        match result {
            Ok(n) => Ok(n),
            Err(errno) => Err(self.send_failed(file, flags, errno)),
        }
    }

    /// A broken pipe is a signal too, unless the caller said otherwise.
    #[cold]
    pub(super) fn send_failed(&self, file: &File, flags: u32, errno: Errno) -> Errno {
        // What is no socket is a pipe.
        let stream = sys::sockfd(file).map_or(true, |sock| i32::from(sock.kind()) == SOCK_STREAM);
        if errno == Errno::EPIPE
            && stream
            && flags & MSG_NOSIGNAL == 0
            && let Some(sink) = self.files.vfs().signal_sink()
        {
            let (euid, uid) = (self.cred.euid, self.cred.uid);
            sink.send(&Signal { to: Owner::Thread(self.cred.tid), signo: SIGPIPE, info: None, euid, uid });
        }
        if errno == Errno::ERESTARTSYS { Errno::EINTR } else { errno }
    }

    /// send(2).
    #[inline]
    pub fn send(&self, fd: i32, bytes: &[u8], flags: i32) -> Result<usize> {
        self.sendmsg(fd, &mut MsgHdr::new(IovSource::from_slice(bytes), flags as u32))
    }

    /// sendto(2).
    #[inline]
    pub fn sendto(&self, fd: i32, bytes: &[u8], flags: i32, addr: impl AsRef<[u8]>) -> Result<usize> {
        let mut msg = MsgHdr::new(IovSource::from_slice(bytes), flags as u32);
        msg.name = Some(addr.as_ref());
        self.sendmsg(fd, &mut msg)
    }

    /// sendmmsg(2): the bytes taken of each message that was sent (`msg_len`); an error only if none was. One that is
    /// taken in part is the last.
    pub fn sendmmsg(&self, fd: i32, msgs: &mut [MsgHdr<'_>]) -> Result<Vec<usize>> {
        let p = self.process();
        self.files.with(&p, fd, |file| {
            let mut sent = Vec::new();
            // UIO_MAXIOV messages at most.
            for msg in msgs.iter_mut().take(sys::msg::UIO_MAXIOV) {
                match self.send_on(&p, file, msg) {
                    Ok(n) => sent.push(n),
                    Err(errno) if sent.is_empty() => return Err(errno),
                    Err(_) => break,
                }
                if msg.iov.remaining() > 0 {
                    break;
                }
            }
            Ok(sent)
        })?
    }

    /// recvmsg(2).
    #[inline]
    pub fn recvmsg(&self, fd: i32, msg: &mut RecvMsg<'_>) -> Result<usize> {
        let p = self.process();
        let result = self.files.with(&p, fd, |file| sys::msg::recvmsg(&p, file, msg))?;
        Task::interrupted(result)
    }

    /// recv(2).
    #[inline]
    pub fn recv(&self, fd: i32, buf: &mut [u8], flags: i32) -> Result<usize> {
        self.recvmsg(fd, &mut RecvMsg::new(IovSink::from_slice(buf), flags as u32))
    }

    /// recvfrom(2): bytes put, and the whole length of the sender's address, 0 when there is none.
    #[inline]
    pub fn recvfrom(&self, fd: i32, buf: &mut [u8], flags: i32, addr: &mut [u8]) -> Result<(usize, usize)> {
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), flags as u32);
        msg.name = Some(addr);
        let n = self.recvmsg(fd, &mut msg)?;
        Ok((n, msg.name_len))
    }

    /// recvmmsg(2): how many messages came; each one's bytes are in the list that is returned. An error only if none
    /// came: one that comes later is left for the next call. The timeout is looked at after each message only.
    pub fn recvmmsg(&self, fd: i32, msgs: &mut [RecvMsg<'_>], timeout: Timeout) -> Result<Vec<usize>> {
        let p = self.process();
        let deadline = timeout.deadline(&p);
        let file: Arc<File> = self.files.get(fd)?;
        let mut done = Vec::new();
        let result = receive_many(&p, &file, msgs, deadline, &mut done);
        vfs::fput(file, &p);
        match result {
            Err(errno) if done.is_empty() => Task::interrupted(Err(errno)),
            _ => Ok(done),
        }
    }
}

/// Receives until one fails, and notes how long each is (`do_recvmmsg`).
fn receive_many(
    p: &Process<'_>,
    file: &File,
    msgs: &mut [RecvMsg<'_>],
    deadline: Deadline,
    done: &mut Vec<usize>,
) -> Result<()> {
    let sock = sys::sockfd(file)?;
    if msgs.first().is_none_or(|msg| msg.flags & MSG_ERRQUEUE == 0)
        && let Some(errno) = sock.sk().and_then(|sk| sk.common().take_err())
    {
        return Err(errno);
    }
    for msg in msgs {
        let wait_for_one = msg.flags & MSG_WAITFORONE != 0;
        msg.flags &= !MSG_WAITFORONE;
        if wait_for_one && !done.is_empty() {
            msg.flags |= MSG_DONTWAIT;
        }
        match sys::msg::recvmsg(p, file, msg) {
            Ok(n) => done.push(n),
            Err(errno) => {
                // Kept for the next call, unless it was only that nothing is there.
                if let (true, Some(sk)) = (!done.is_empty() && errno != Errno::EAGAIN, sock.sk()) {
                    sk.common().set_err(errno);
                }
                return Err(errno);
            }
        }
        // Out of band data is told of at once.
        if deadline.is_over(p) || msg.out_flags & MSG_OOB != 0 {
            break;
        }
    }
    Ok(())
}
