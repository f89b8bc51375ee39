//! What travels beside the bytes (`net/core/scm.c`): descriptors, credentials, process descriptors.

use crate::sock::Unix;
use crate::state::UnixNet;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::SockFlag;
use net::{Skb, Sock, UserCx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::socket::{SCM_CREDENTIALS, SCM_MAX_FD, SCM_PIDFD, SCM_RIGHTS, SOL_SOCKET, Ucred};
use uapi::{
    CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, Errno, MSG_CMSG_CLOEXEC, O_CLOEXEC, Result,
};
use vfs::{File, Files};
use zerocopy::{FromBytes, IntoBytes};

/// Who sent a message (`struct unix_skb_parms`: `pid`, `uid`, `gid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Creds {
    pid: u32,
    uid: u32,
    gid: u32,
}

/// Nobody is told: no process, and users that `make_kuid()` does not know.
pub(crate) const ANONYMOUS: Creds = Creds { pid: 0, uid: u32::MAX, gid: u32::MAX };

/// How a user or group that is unknown here is shown (`overflowuid`).
const OVERFLOW_ID: u32 = 65534;

/// No process has a higher number (`PID_MAX_LIMIT`).
const PID_MAX_LIMIT: i32 = 4 << 20;

/// Descriptors of one message (`struct scm_fp_list`).
pub(crate) struct Fds {
    pub(crate) files: Vec<Arc<File>>,
    /// Whose limit they count against.
    pub(crate) uid: u32,
}

/// A message in a queue (`struct sk_buff` with its `struct unix_skb_parms`).
pub(crate) struct Message {
    pub(crate) skb: Skb,
    pub(crate) creds: Creds,
    pub(crate) fds: Option<Box<Fds>>,
    /// Bytes of a stream that were read.
    pub(crate) consumed: usize,
    /// Numbers grow along the queue.
    pub(crate) id: u64,
}

impl Message {
    /// Bytes not read yet (`unix_skb_len`).
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.skb.len() - self.consumed
    }

    /// Ends a message that is in no queue any more (`unix_destruct_scm`, `sock_wfree`); `receiver`'s
    /// it was in.
    #[inline]
    pub(crate) fn free(mut self, cx: &UserCx<'_>, receiver: &Sock<Unix>) {
        if let Some(fds) = self.fds.take() {
            let files = UnixNet::of(cx.net).landed(*fds, receiver);
            UnixNet::of(cx.net).put_files(cx, files);
        }
        free_skb(cx, self.skb);
    }
}

/// Gives a buffer back, and its sender the room (`sock_wfree`, `unix_write_space`).
#[inline]
pub(crate) fn free_skb(cx: &UserCx<'_>, mut skb: Skb) {
    if let Some(owner) = skb.owner.take() {
        owner.common().wmem_alloc.fetch_sub(skb.truesize as i32, Relaxed);
        if let Some(sk) = owner.as_any().downcast_ref::<Sock<Unix>>() {
            crate::poll::write_space(cx, sk);
        }
        owner.put(cx);
    }
    cx.consume_skb(skb);
}

/// What a sender passes along (`struct scm_cookie`).
#[derive(Default)]
pub(crate) struct Scm {
    pub(crate) creds: Option<Creds>,
    pub(crate) fds: Option<Box<Fds>>,
}

/// Who calls, by his real user and group.
fn caller(cx: &UserCx<'_>) -> Creds {
    let cred = cx.process.cred;
    Creds { pid: cred.pid, uid: cred.uid, gid: cred.gid }
}

/// The control messages of a sender (`__scm_send`).
///
/// # Errors
/// `EINVAL` for what is malformed or unknown, `EBADF`, `EPERM` for who claims to be another.
#[inline]
pub(crate) fn send(cx: &UserCx<'_>, msg: &MsgHdr<'_>) -> Result<Scm> {
    if msg.control.is_empty() { Ok(Scm::default()) } else { send_control(cx, msg) }
}

#[cold]
fn send_control(cx: &UserCx<'_>, msg: &MsgHdr<'_>) -> Result<Scm> {
    let mut scm = Scm::default();
    for cmsg in msg.cmsgs() {
        let cmsg = cmsg?;
        if cmsg.level != SOL_SOCKET {
            continue;
        }
        match cmsg.kind {
            SCM_RIGHTS => copy_fds(cx, cmsg.data, &mut scm)?,
            SCM_CREDENTIALS => scm.creds = Some(claim(cx, cmsg.data)?),
            _ => return Err(Errno::EINVAL),
        }
    }
    Ok(scm)
}

/// `scm_fp_copy`.
fn copy_fds(cx: &UserCx<'_>, data: &[u8], scm: &mut Scm) -> Result<()> {
    let (numbers, _) = data.as_chunks::<4>();
    if numbers.is_empty() {
        return Ok(());
    }
    let had = scm.fds.as_ref().map_or(0, |fds| fds.files.len());
    if numbers.len() > SCM_MAX_FD || had + numbers.len() > SCM_MAX_FD {
        return Err(Errno::EINVAL);
    }
    let table = cx.process.files::<Files>().ok_or(Errno::EBADF)?;
    let fds = scm.fds.get_or_insert_with(|| Box::new(Fds { files: Vec::new(), uid: cx.process.cred.uid }));
    for number in numbers {
        fds.files.push(table.get(i32::from_ne_bytes(*number))?);
    }
    Ok(())
}

/// `scm_check_creds`: one may tell what one is; with capabilities, anything.
fn claim(cx: &UserCx<'_>, data: &[u8]) -> Result<Creds> {
    let ucred = Ucred::read_from_bytes(data).map_err(|_| Errno::EINVAL)?;
    let (p, cred) = (cx.process, cx.process.cred);
    let pid = ucred.pid as u32 == cred.pid || p.capable(CAP_SYS_ADMIN);
    let uid = ucred.uid == cred.uid || ucred.uid == cred.euid || p.capable(CAP_SETUID);
    let gid = ucred.gid == cred.gid || ucred.gid == cred.egid || p.capable(CAP_SETGID);
    if !(pid && uid && gid) {
        return Err(Errno::EPERM);
    }
    if !(1..=PID_MAX_LIMIT).contains(&ucred.pid) {
        return Err(Errno::ESRCH);
    }
    if ucred.uid == u32::MAX || ucred.gid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    Ok(Creds { pid: ucred.pid as u32, uid: ucred.uid, gid: ucred.gid })
}

/// Whether so many descriptors in flight are too many (`too_many_unix_fds`).
pub(crate) fn check_inflight(cx: &UserCx<'_>, fds: &Fds) -> Result<()> {
    let limit = cx.process.files::<Files>().map_or(u64::MAX, Files::rlimit);
    let over = UnixNet::of(cx.net).inflight_of(fds.uid) as u64 > limit;
    if over && !cx.process.capable(CAP_SYS_RESOURCE) && !cx.process.capable(CAP_SYS_ADMIN) {
        return Err(Errno::ETOOMANYREFS);
    }
    Ok(())
}

/// The credentials a message goes with: those that its sender claims, his own when either side wants
/// any, else nobody's (`unix_maybe_add_creds`).
#[inline]
pub(crate) fn creds_for(
    cx: &UserCx<'_>,
    scm: &Scm,
    sk: &Sock<Unix>,
    other: &Sock<Unix>,
    other_is_embryo: bool,
) -> Creds {
    match scm.creds {
        Some(claimed) => claimed,
        None if Unix::may_passcred(sk) || Unix::may_passcred(other) || other_is_embryo => caller(cx),
        None => ANONYMOUS,
    }
}

/// What a receiver gets beside the bytes.
#[derive(Default)]
pub(crate) struct Received {
    /// Of the message; `None` when there was none.
    pub(crate) creds: Option<Creds>,
    pub(crate) files: Vec<Arc<File>>,
}

impl Received {
    /// Tells the receiver what he asked for (`scm_recv_unix`).
    #[inline]
    pub(crate) fn put(self, cx: &UserCx<'_>, sk: &Sock<Unix>, msg: &mut RecvMsg<'_>) {
        if !self.files.is_empty() || Unix::may_passcred(sk) {
            self.put_wanted(cx, sk, msg);
        }
    }

    #[cold]
    fn put_wanted(self, cx: &UserCx<'_>, sk: &Sock<Unix>, msg: &mut RecvMsg<'_>) {
        // Without a message the kernel's cookie is all zeros.
        let creds = self.creds.unwrap_or(Creds { pid: 0, uid: 0, gid: 0 });
        if sk.flag(SockFlag::PassCred) {
            let show = |id: u32| if id == u32::MAX { OVERFLOW_ID } else { id };
            let ucred = Ucred { pid: creds.pid as i32, uid: show(creds.uid), gid: show(creds.gid) };
            msg.control.put(SOL_SOCKET, SCM_CREDENTIALS, ucred.as_bytes());
        }
        if !self.files.is_empty() {
            detach(cx, msg, &self.files);
            UnixNet::of(cx.net).put_files(cx, self.files);
        }
        if sk.flag(SockFlag::PassPidfd) {
            put_pidfd(cx, msg, creds.pid);
        }
    }
}

/// Descriptors become the receiver's, as many as he has room for (`scm_detach_fds`).
fn detach(cx: &UserCx<'_>, msg: &mut RecvMsg<'_>, files: &[Arc<File>]) {
    let cloexec = if msg.flags & MSG_CMSG_CLOEXEC != 0 { O_CLOEXEC } else { 0 };
    let room = msg.control.fd_room();
    let table = cx.process.files::<Files>();
    let mut numbers = Vec::new();
    for file in files.iter().take(room) {
        let Some(fd) = table.and_then(|table| table.reserve(cloexec).ok()) else { break };
        // Reserved just now.
        let _ = table.map(|table| table.install(fd, file.clone()));
        numbers.push(fd);
    }
    if !numbers.is_empty() {
        msg.control.put(SOL_SOCKET, SCM_RIGHTS, numbers.as_bytes());
    }
    if numbers.len() < files.len() {
        msg.control.set_truncated();
    }
}

/// A descriptor of the sender's process, or the errno why there is none (`scm_pidfd_recv`).
fn put_pidfd(cx: &UserCx<'_>, msg: &mut RecvMsg<'_>, pid: u32) {
    if msg.control.fd_room() == 0 {
        msg.control.set_truncated();
        return;
    }
    if pid == 0 {
        return;
    }
    let opened = match cx.process.files::<Files>() {
        Some(files) => vfs::pidfd::pidfd_open(cx.process, files, pid),
        None => Err(Errno::EMFILE),
    };
    msg.control.put_int(SOL_SOCKET, SCM_PIDFD, opened.unwrap_or_else(|errno| -errno.raw()));
}
