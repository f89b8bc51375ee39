//! Sockeye as the runner's [`Stack`]: a namespace entered from the supervisor's one thread.
//!
//! Every socket is a file of the stack; a [`Sid`] is its place in a table. Readiness comes by a waiter on each socket's wait
//! queue. The namespace's timers are run from here, so no other thread enters the stack and no wake-up needs a descriptor.

use super::{Cred, Name, Received, Send, Sid, Stack};
use kern::context::{Cpu, Process};
use kern::cred::CapSet;
use kern::signals::Signals;
use kern::sync::SpinLock;
use kern::time::Time;
use kern::wait::{WaitKey, Wake};
use net::msg::{MsgHdr, RecvMsg};
use net::sock::GetOpt;
use sockeye::sys;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use uapi::cmsg::{CmsgLayout, CmsgWriter};
use uapi::fcntl::O_NONBLOCK;
use uapi::socket::{MSG_DONTWAIT, SO_LINGER, SOCK_NONBLOCK, SOL_SOCKET};
use uapi::{Errno, Result};
use vfs::file::fput;
use vfs::{File, IovSink, IovSource};

/// Sockets whose readiness may have changed.
#[derive(Default)]
struct Changed(SpinLock<Vec<Sid>>);

/// The waiter on one socket's queue.
struct Waiter {
    sid: Sid,
    /// It stands in the list already.
    queued: AtomicBool,
    changed: Arc<Changed>,
}

impl Wake for Waiter {
    fn wake(&self, _mask: u32) -> bool {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.changed.0.lock().push(self.sid);
        }
        true
    }
}

struct Slot {
    file: Arc<File>,
    waiter: Arc<Waiter>,
    key: Option<WaitKey>,
}

/// A namespace that serves programs.
pub struct Sockeye {
    net: sockeye::Net,
    cpu: Cpu,
    signals: Signals,
    nobody: kern::cred::Cred,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    changed: Arc<Changed>,
}

fn kernel_cred(cred: &Cred) -> kern::cred::Cred {
    kern::cred::Cred {
        uid: cred.euid,
        euid: cred.euid,
        gid: cred.egid,
        egid: cred.egid,
        groups: cred.groups.clone(),
        caps: CapSet(cred.caps),
        ..kern::cred::Cred::default()
    }
}

fn message_flags(flags: i32) -> u32 {
    flags.cast_unsigned() | MSG_DONTWAIT
}

impl Sockeye {
    /// Serve from `net`, which must have been built with manual timers: they are run from here.
    #[must_use]
    pub fn new(net: sockeye::Net) -> Self {
        let cpu = net.stack().new_cpu();
        Self {
            net,
            cpu,
            signals: Signals::default(),
            nobody: kern::cred::Cred::nobody(),
            slots: Vec::new(),
            free: Vec::new(),
            changed: Arc::default(),
        }
    }

    fn insert(&mut self, file: Arc<File>) -> Sid {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let sid = Sid(at);
        let waiter = Arc::new(Waiter { sid, queued: AtomicBool::new(false), changed: self.changed.clone() });
        let key = file.ops().wait_queue().map(|wq| wq.add(waiter.clone(), false));
        self.slots[at as usize] = Some(Slot { file, waiter, key });
        sid
    }

    fn file(&self, sid: Sid) -> Result<&Arc<File>> {
        let slot = self.slots.get(sid.0 as usize).and_then(Option::as_ref);
        slot.map(|s| &s.file).ok_or(Errno::EBADF)
    }

    /// One system call on a socket, as nobody in particular.
    fn enter<R>(&self, sid: Sid, f: impl FnOnce(&Process<'_>, &Arc<File>) -> Result<R>) -> Result<R> {
        let file = self.file(sid)?;
        f(&Process::enter(&self.cpu, &self.nobody, &self.signals), file)
    }

    /// One system call on a socket, as somebody.
    fn enter_as<R>(
        &self,
        cred: &Cred,
        sid: Sid,
        f: impl FnOnce(&Process<'_>, &Arc<File>) -> Result<R>,
    ) -> Result<R> {
        let file = self.file(sid)?;
        let cred = kernel_cred(cred);
        f(&Process::enter(&self.cpu, &cred, &self.signals), file)
    }

    fn name(&self, sid: Sid, peer: bool) -> Result<Name> {
        let mut name = Name::default();
        let len = self.enter(sid, |p, file| sys::socket::getname(p, file, name.buffer(), peer))?;
        name.set_len(len);
        Ok(name)
    }
}

impl Stack for Sockeye {
    fn socket(&mut self, cred: &Cred, family: i32, ty: i32, protocol: i32) -> Result<Sid> {
        let cred = kernel_cred(cred);
        let p = Process::enter(&self.cpu, &cred, &self.signals);
        let file = sys::socket::socket(&p, self.net.stack(), family, ty | SOCK_NONBLOCK, protocol)?;
        Ok(self.insert(file))
    }

    fn close(&mut self, sid: Sid, reset: bool) {
        let Some(slot) = self.slots.get_mut(sid.0 as usize).and_then(Option::take) else { return };
        if let (Some(wq), Some(key)) = (slot.file.ops().wait_queue(), slot.key) {
            wq.remove(key);
        }
        let p = Process::enter(&self.cpu, &self.nobody, &self.signals);
        if reset {
            // struct linger: on, 0 seconds. That is what closing with unread data does.
            let linger = [1i32, 0].map(i32::to_ne_bytes).concat();
            let _ = sys::option::setsockopt(&p, &slot.file, SOL_SOCKET, SO_LINGER, &linger);
        }
        fput(slot.file, &p);
        // A queued waiter still names this place: it must not be taken for its successor's.
        if slot.waiter.queued.load(Ordering::Acquire) {
            self.changed.0.lock().retain(|&other| other != sid);
        }
        self.free.push(sid.0);
    }

    fn bind(&mut self, cred: &Cred, sid: Sid, addr: &[u8]) -> Result<()> {
        self.enter_as(cred, sid, |p, file| sys::socket::bind(p, file, addr))
    }

    fn listen(&mut self, sid: Sid, backlog: i32) -> Result<()> {
        self.enter(sid, |p, file| sys::socket::listen(p, file, backlog))
    }

    fn connect(&mut self, cred: &Cred, sid: Sid, addr: &[u8]) -> Result<()> {
        self.enter_as(cred, sid, |p, file| sys::socket::connect(p, file, addr))
    }

    fn accept(&mut self, cred: &Cred, sid: Sid) -> Result<(Sid, Name)> {
        let mut name = Name::default();
        let (file, len) = self
            .enter_as(cred, sid, |p, file| sys::accept::accept(p, file, Some(name.buffer()), O_NONBLOCK))?;
        name.set_len(len);
        Ok((self.insert(file), name))
    }

    fn getsockname(&mut self, sid: Sid) -> Result<Name> {
        self.name(sid, false)
    }

    fn getpeername(&mut self, sid: Sid) -> Result<Name> {
        self.name(sid, true)
    }

    fn getsockopt(&mut self, sid: Sid, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
        let len = i32::try_from(value.len()).map_err(|_| Errno::EINVAL)?;
        let mut out = GetOpt::new(value, len);
        self.enter(sid, |p, file| sys::option::getsockopt(p, file, level, name, &mut out))?;
        usize::try_from(out.len).map_err(|_| Errno::EINVAL)
    }

    fn setsockopt(&mut self, cred: &Cred, sid: Sid, level: i32, name: i32, value: &[u8]) -> Result<()> {
        self.enter_as(cred, sid, |p, file| sys::option::setsockopt(p, file, level, name, value))
    }

    fn shutdown(&mut self, sid: Sid, how: i32) -> Result<()> {
        self.enter(sid, |p, file| sys::socket::shutdown(p, file, how))
    }

    fn sendmsg(&mut self, cred: &Cred, sid: Sid, msg: &Send<'_>) -> Result<usize> {
        let mut hdr = MsgHdr {
            name: (!msg.name.is_empty()).then_some(msg.name),
            iov: IovSource::from_slice(msg.data),
            control: msg.control,
            layout: CmsgLayout::NATIVE,
            flags: message_flags(msg.flags),
        };
        self.enter_as(cred, sid, |p, file| sys::msg::sendmsg(p, file, &mut hdr))
    }

    fn recvmsg(&mut self, sid: Sid, buf: &mut [u8], control_len: usize, flags: i32) -> Result<Received> {
        let mut r = Received::default();
        r.control.resize(control_len, 0);
        let room = buf.len();
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), message_flags(flags));
        msg.name = Some(r.name.buffer());
        msg.control = CmsgWriter::new(&mut r.control, CmsgLayout::NATIVE);
        r.ret = self.enter(sid, |p, file| sys::msg::recvmsg(p, file, &mut msg))?;
        let (name_len, out_flags) = (msg.name_len, msg.out_flags);
        let (control_used, cut) = (msg.control.len(), msg.control.truncated());
        r.flags = out_flags.cast_signed() | if cut { libc::MSG_CTRUNC } else { 0 };
        r.len = r.ret.min(room);
        r.name.set_len(name_len);
        r.control.truncate(control_used);
        Ok(r)
    }

    fn recv(&mut self, sid: Sid, buf: &mut [u8]) -> Result<usize> {
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), message_flags(0));
        self.enter(sid, |p, file| sys::msg::recvmsg(p, file, &mut msg))
    }

    fn send(&mut self, sid: Sid, data: &[u8]) -> Result<usize> {
        let mut msg = MsgHdr::new(IovSource::from_slice(data), message_flags(0));
        self.enter(sid, |p, file| sys::msg::sendmsg(p, file, &mut msg))
    }

    fn ioctl(&mut self, cred: &Cred, sid: Sid, request: u32, arg: &mut [u8]) -> Result<i32> {
        self.enter_as(cred, sid, |p, file| file.ops().ioctl(p, file, request, arg))
    }

    fn proc_file(&mut self, path: &str) -> Option<Result<String>> {
        // AF_UNIX stays the host's.
        const HOSTS: [&str; 2] = ["net/unix", "sys/net/unix/"];
        if HOSTS.iter().any(|host| path.starts_with(host)) {
            return None;
        }
        Some(match path.strip_prefix("net/") {
            Some(name) => self.net.proc_net(name),
            None => self.net.sysctl(path.strip_prefix("sys/")?),
        })
    }

    fn poll(&mut self, sid: Sid) -> u32 {
        self.enter(sid, |p, file| Ok(file.ops().poll(p, file))).unwrap_or(libc::POLLNVAL as u32)
    }

    fn ready_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn take_ready(&mut self, out: &mut Vec<Sid>) {
        let mut list = self.changed.0.lock();
        for &sid in list.iter() {
            if let Some(slot) = self.slots.get(sid.0 as usize).and_then(Option::as_ref) {
                slot.waiter.queued.store(false, Ordering::Release);
            }
        }
        out.append(&mut list);
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        let next: Time = self.net.next_timer()?;
        let now = self.net.stack().clock.now();
        Some(Instant::now() + Duration::from_nanos(next.ns().saturating_sub(now.ns())))
    }

    fn run_timers(&mut self) {
        let now = self.net.stack().clock.now();
        if self.net.next_timer().is_some_and(|t| t <= now) {
            self.net.stack().run_timers(&self.cpu);
        }
    }
}
