//! Sockeye, by way of its `Task`: what the system call's entry does with lengths and pointers before
//! the stack sees slices is done here.

use crate::kernel::{Errno, Job, Kernel, Many, Name, Outgoing, Received, parse_control};
use crate::place::Who;
use sockeye::kern::signals::Signals;
use sockeye::stack::msg::{MsgHdr, RecvMsg};
use sockeye::stack::sock::GetOpt;
use sockeye::uapi::cmsg::{CmsgLayout, CmsgWriter};
use sockeye::uapi::poll::{EpollEvent, PollFd};
use sockeye::vfs::fcntl::Arg;
use sockeye::vfs::inode::SetAttr;
use sockeye::vfs::{IovSink, IovSource, rw};
use sockeye::{Net, Task, Timeout, sys};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;
use std::thread::JoinHandle;

type Result<T> = std::result::Result<T, Errno>;

/// Sockeye.
pub struct Ours {
    /// Who calls: the first task, then its children. `None` while one is at work.
    tasks: RefCell<Vec<Option<Task>>>,
    /// Those that make a call on their own.
    away: RefCell<BTreeMap<usize, JoinHandle<Option<Task>>>>,
    signals: RefCell<BTreeMap<usize, Arc<Signals>>>,
}

impl Default for Ours {
    fn default() -> Self {
        Ours::new()
    }
}

impl Ours {
    /// A task of root's in a fresh namespace, with the host's limits.
    pub fn new() -> Ours {
        Ours::of(Who::Root)
    }

    /// Somebody in a fresh namespace, with the host's limits.
    pub fn of(who: Who) -> Ours {
        Ours::in_net(&like_host(), who)
    }

    /// Somebody in a namespace that is there.
    pub fn in_net(net: &Net, who: Who) -> Ours {
        Ours::of_task(Some(Task::with_cred(net, who.cred())))
    }

    fn of_task(task: Option<Task>) -> Ours {
        Ours { tasks: RefCell::new(vec![task]), away: RefCell::default(), signals: RefCell::default() }
    }

    /// Root without capabilities.
    pub fn without_capabilities() -> Ours {
        let ours = Ours::new();
        ours.edit(|task| {
            let caps = sockeye::kern::cred::CapSet::EMPTY;
            task.set_cred(sockeye::kern::cred::Cred { caps, ..task.cred().clone() });
        });
        ours
    }

    fn edit(&self, f: impl FnOnce(&mut Task)) {
        if let Some(Some(task)) = self.tasks.borrow_mut().first_mut() {
            f(task);
        }
    }

    fn with<R>(&self, f: impl FnOnce(&Task) -> R) -> R {
        let tasks = self.tasks.borrow();
        f(tasks[0].as_ref().expect("the first task is never lent"))
    }

    fn is_socket(&self, fd: i32) -> Result<()> {
        self.with(|task| task.call(|p| task.files().with(p, fd, |file| sys::sockfd(file).map(drop)))?)
    }

    /// An address argument: a length that no address may have is refused by the stack, which looks at
    /// the descriptor first.
    fn address(addr: &[u8], len: i32) -> Vec<u8> {
        let mut bytes = addr.to_vec();
        bytes.resize(usize::try_from(len).map_or(sys::SOCKADDR_MAX + 1, |len| len.min(4096)), 0);
        bytes
    }

    /// Where an address goes; a negative length is refused after the call was made (`move_addr_to_user`).
    fn named(buf: &[u8], whole: usize, room: i32) -> Result<Name> {
        if room < 0 {
            return Err(Errno::EINVAL);
        }
        let bytes = buf[..whole.min(room as usize).min(buf.len())].to_vec();
        Ok(Name { len: whole as i32, bytes })
    }
}

/// Limits that administrators change are taken from the host, so that only behaviour is compared.
pub(crate) fn like_host() -> Net {
    // No timer fires while others look.
    let net = Net::builder().manual_timers().build().expect("a namespace can be assembled");
    set_limits(&net);
    net
}

/// Gives a namespace the host's limits.
fn set_limits(net: &Net) {
    for path in ["rmem_default", "wmem_default", "rmem_max", "wmem_max", "optmem_max"] {
        if let Ok(value) = std::fs::read_to_string(format!("/proc/sys/net/core/{path}")) {
            net.set_sysctl(&format!("net/core/{path}"), value.trim()).expect("the host's value is one");
        }
    }
}

/// Whoever passes system calls on reads the program that an option's value points to. These values point
/// nowhere.
fn unread_program(value: &[u8], len: usize) -> Errno {
    let mut fprog = [0; 16];
    let given = value.len().min(16);
    fprog[..given].copy_from_slice(&value[..given]);
    let none = fprog[..2] == [0; 2] || fprog[8..] == [0; 8];
    if len != 16 || none || u16::from_ne_bytes([fprog[0], fprog[1]]) > 4096 {
        Errno::EINVAL
    } else {
        Errno::EFAULT
    }
}

/// A message to send.
fn header<'a>(message: &Outgoing<'a>, parts: &'a [IoSlice<'a>], flags: i32) -> MsgHdr<'a> {
    let mut msg = MsgHdr::new(IovSource::new(parts), flags as u32);
    // __copy_msghdr cuts what is longer than any address.
    msg.name = message.name.map(|name| &name[..name.len().min(sys::SOCKADDR_MAX)]);
    msg.control = message.control;
    msg
}

/// Where a message received goes.
struct Room {
    name: [u8; 128],
    control: Vec<u8>,
    parts: Vec<Vec<u8>>,
}

/// A room, lent.
struct Ends<'a> {
    name: &'a mut [u8],
    control: &'a mut [u8],
    slices: Vec<IoSliceMut<'a>>,
}

/// What a call said of it.
struct Got {
    name: usize,
    control: usize,
    flags: i32,
}

impl Room {
    fn new(parts: &[usize], control: usize) -> Room {
        Room { name: [0; 128], control: vec![0; control], parts: parts.iter().map(|n| vec![0; *n]).collect() }
    }

    fn ends(&mut self) -> Ends<'_> {
        let slices = self.parts.iter_mut().map(|part| IoSliceMut::new(part)).collect();
        Ends { name: &mut self.name, control: &mut self.control, slices }
    }

    fn received(self, result: usize, got: &Got) -> Received {
        let mut bytes = self.parts.concat();
        bytes.truncate(result);
        Received {
            result,
            bytes,
            name: self.name[..got.name.min(128)].to_vec(),
            control: parse_control(&self.control[..got.control]),
            flags: got.flags,
        }
    }
}

impl<'a> Ends<'a> {
    fn message<'b>(&'b mut self, flags: i32) -> RecvMsg<'b>
    where
        'a: 'b,
    {
        let mut msg = RecvMsg::new(IovSink::new(&mut self.slices), flags as u32);
        msg.name = Some(self.name);
        msg.control = CmsgWriter::new(self.control, CmsgLayout::NATIVE);
        msg
    }
}

impl Got {
    fn of(msg: &RecvMsg<'_>) -> Got {
        Got { name: msg.name_len, control: msg.control.len(), flags: msg.out_flags as i32 }
    }
}

/// A set of select(2).
fn bits_of(fds: &[i32]) -> Vec<u64> {
    let mut bits = vec![0; 16];
    for fd in fds {
        bits[*fd as usize / 64] |= 1 << (fd % 64);
    }
    bits
}

/// What is in it.
fn fds_of(bits: &[u64]) -> Vec<i32> {
    (0..bits.len() as i32 * 64).filter(|fd| bits[*fd as usize / 64] >> (fd % 64) & 1 != 0).collect()
}

fn room(n: i32) -> usize {
    usize::try_from(n).unwrap_or(0).min(4096)
}

impl Kernel for Ours {
    fn socket(&self, family: i32, kind: i32, protocol: i32) -> Result<i32> {
        self.with(|task| task.socket(family, kind, protocol))
    }

    fn socketpair(&self, family: i32, kind: i32, protocol: i32) -> Result<[i32; 2]> {
        self.with(|task| task.socketpair(family, kind, protocol))
    }

    fn open(&self, path: &str, flags: i32) -> Result<i32> {
        self.with(|task| task.open(path, flags as u32))
    }

    fn mode_of(&self, path: &str) -> Result<u32> {
        self.with(|task| task.net().sysctl_mode(path.trim_start_matches("/proc/sys/")))
    }

    fn close_fd(&self, fd: i32) -> Result<()> {
        self.with(|task| task.close(fd))
    }

    fn bind_len(&self, fd: i32, addr: &[u8], len: i32) -> Result<()> {
        self.with(|task| task.bind(fd, Ours::address(addr, len)))
    }

    fn connect_len(&self, fd: i32, addr: &[u8], len: i32) -> Result<()> {
        self.with(|task| task.connect(fd, Ours::address(addr, len)))
    }

    fn listen(&self, fd: i32, backlog: i32) -> Result<()> {
        self.with(|task| task.listen(fd, backlog))
    }

    fn accept4(&self, fd: i32, n: i32, flags: i32) -> Result<(i32, Name)> {
        let mut buf = vec![0; room(n)];
        let (new, whole) = self.with(|task| task.accept_from(fd, &mut buf, flags))?;
        match Ours::named(&buf, whole, n) {
            Ok(name) => Ok((new, name)),
            Err(errno) => {
                self.close(new);
                Err(errno)
            }
        }
    }

    fn name(&self, fd: i32, peer: bool, n: i32) -> Result<Name> {
        let mut buf = vec![0; room(n)];
        let whole = self.with(|task| match peer {
            true => task.getpeername(fd, &mut buf),
            false => task.getsockname(fd, &mut buf),
        })?;
        Ours::named(&buf, whole, n)
    }

    fn shutdown(&self, fd: i32, how: i32) -> Result<()> {
        self.with(|task| task.shutdown(fd, how))
    }

    fn setsockopt_len(&self, fd: i32, level: i32, name: i32, value: &[u8], len: i32) -> Result<()> {
        let Ok(n) = usize::try_from(len) else {
            return self.is_socket(fd).and(Err(Errno::EINVAL));
        };
        const PROGRAMS: [i32; 2] = [sockeye::uapi::SO_ATTACH_FILTER, sockeye::uapi::SO_ATTACH_REUSEPORT_CBPF];
        if level == sockeye::uapi::SOL_SOCKET && PROGRAMS.contains(&name) {
            // Rights are asked for before anything is read.
            let endless = &[0; 8][..if n < 4 { 0 } else { 8 }];
            return match self.with(|task| task.setsockopt(fd, level, name, endless)) {
                Err(Errno::EINVAL) => Err(unread_program(value, n)),
                refused => refused,
            };
        }
        let mut memory = vec![0; n];
        let given = value.len().min(n);
        memory[..given].copy_from_slice(&value[..given]);
        let value = memory;
        self.with(|task| task.setsockopt(fd, level, name, &value))
    }

    fn getsockopt_len(&self, fd: i32, level: i32, name: i32, buf: &mut [u8], len: i32) -> Result<i32> {
        let mut memory = vec![0; usize::try_from(len).unwrap_or(0).max(buf.len()).max(512)];
        memory[..buf.len()].copy_from_slice(buf);
        let mut out = GetOpt::new(&mut memory, len);
        self.with(|task| {
            task.call(|p| {
                task.files().with(p, fd, |file| sys::option::getsockopt(p, file, level, name, &mut out))
            })
        })??;
        let answer = out.len;
        buf.copy_from_slice(&memory[..buf.len()]);
        Ok(answer)
    }

    fn attach_filter(&self, fd: i32, option: i32, program: &[u8]) -> Result<()> {
        self.with(|task| task.setsockopt(fd, sockeye::uapi::SOL_SOCKET, option, program))
    }

    fn sendto(&self, fd: i32, bytes: &[u8], flags: i32, addr: &[u8], len: i32) -> Result<usize> {
        let addr = Ours::address(addr, len);
        let mut msg = MsgHdr::new(IovSource::from_slice(bytes), flags as u32);
        msg.name = (!addr.is_empty()).then_some(&addr);
        self.with(|task| task.sendmsg(fd, &mut msg))
    }

    fn recvfrom(&self, fd: i32, buf: &mut [u8], flags: i32, n: i32) -> Result<(usize, Name)> {
        let mut name = vec![0; room(n)];
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), flags as u32);
        msg.name = Some(&mut name);
        let got = self.with(|task| task.recvmsg(fd, &mut msg))?;
        let whole = msg.name_len;
        Ok((got, Ours::named(&name, whole, n)?))
    }

    fn sendmsg_of(&self, fd: i32, message: &Outgoing<'_>, flags: i32) -> Result<usize> {
        if message.parts.len() > sys::msg::UIO_MAXIOV {
            return self.is_socket(fd).and(Err(Errno::EMSGSIZE));
        }
        let parts: Vec<IoSlice<'_>> = message.parts.iter().map(|part| IoSlice::new(part)).collect();
        self.with(|task| task.sendmsg(fd, &mut header(message, &parts, flags)))
    }

    fn recvmsg_into(&self, fd: i32, parts: &[usize], control: usize, flags: i32) -> Result<Received> {
        if parts.len() > sys::msg::UIO_MAXIOV {
            return self.is_socket(fd).and(Err(Errno::EMSGSIZE));
        }
        let mut room = Room::new(parts, control);
        let mut ends = room.ends();
        let mut msg = ends.message(flags);
        let result = self.with(|task| task.recvmsg(fd, &mut msg))?;
        let got = Got::of(&msg);
        Ok(room.received(result, &got))
    }

    fn sendmmsg(&self, fd: i32, messages: &[Outgoing<'_>], flags: i32) -> Result<Vec<usize>> {
        let parts: Vec<Vec<IoSlice<'_>>> =
            messages.iter().map(|m| m.parts.iter().map(|part| IoSlice::new(part)).collect()).collect();
        let mut all: Vec<MsgHdr<'_>> =
            messages.iter().zip(&parts).map(|(m, p)| header(m, p, flags)).collect();
        self.with(|task| task.sendmmsg(fd, &mut all))
    }

    fn recvmmsg(&self, fd: i32, ask: &Many<'_>, flags: i32) -> Result<Vec<Received>> {
        let mut rooms: Vec<Room> = ask.rooms.iter().map(|n| Room::new(&[*n], ask.control)).collect();
        let mut ends: Vec<Ends<'_>> = rooms.iter_mut().map(Room::ends).collect();
        let mut all: Vec<RecvMsg<'_>> = ends.iter_mut().map(|ends| ends.message(flags)).collect();
        let timeout = ask.timeout.map(|[sec, nsec]| Timeout::from_timespec(sec, nsec)).transpose()?;
        let lengths = self.with(|task| task.recvmmsg(fd, &mut all, timeout.unwrap_or(Timeout::Never)))?;
        let got: Vec<Got> = all.iter().map(Got::of).collect();
        Ok(rooms.into_iter().zip(got).zip(lengths).map(|((room, got), n)| room.received(n, &got)).collect())
    }

    fn readv(&self, fd: i32, parts: &[usize]) -> Result<Vec<u8>> {
        let mut room = Room::new(parts, 0);
        let mut ends = room.ends();
        let mut sink = IovSink::new(&mut ends.slices);
        let n = self.with(|task| task.readv(fd, &mut sink))?;
        let mut bytes = room.parts.concat();
        bytes.truncate(n);
        Ok(bytes)
    }

    fn writev(&self, fd: i32, parts: &[&[u8]]) -> Result<usize> {
        let parts: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        self.with(|task| task.writev(fd, &mut IovSource::new(&parts)))
    }

    fn poll_all(&self, fds: &[(i32, i16)], timeout: i32, _: bool) -> Result<Vec<i16>> {
        let mut fds: Vec<PollFd> =
            fds.iter().map(|&(fd, events)| PollFd { fd, events, revents: 0 }).collect();
        self.with(|task| task.poll(&mut fds, Timeout::from_ms(timeout)))?;
        Ok(fds.iter().map(|fd| fd.revents).collect())
    }

    fn select(&self, sets: [Option<&[i32]>; 3], timeout: i32, _: bool) -> Result<(usize, [Vec<i32>; 3])> {
        let n = sets.iter().flatten().flat_map(|fds| fds.iter()).max().map_or(0, |fd| fd + 1);
        let mut bits = sets.map(|fds| fds.map(bits_of));
        let mut at = bits.each_mut().map(|bits| bits.as_mut().map(Vec::as_mut_slice));
        let found = self.with(|task| task.select(n, &mut at, Timeout::from_ms(timeout)))?;
        Ok((found, bits.map(|bits| bits.map_or_else(Vec::new, |bits| fds_of(&bits)))))
    }

    fn dup2(&self, old: i32, new: i32) -> Result<i32> {
        self.with(|task| task.dup2(old, new))
    }

    fn poll(&self, fd: i32, events: i16) -> Result<i16> {
        let mut fds = [PollFd { fd, events, revents: 0 }];
        self.with(|task| task.poll(&mut fds, Timeout::After(0)))?;
        Ok(fds[0].revents)
    }

    fn ioctl(&self, fd: i32, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        self.with(|task| task.ioctl(fd, cmd, arg))
    }

    fn fcntl(&self, fd: i32, cmd: i32, arg: i64) -> Result<i64> {
        self.with(|task| task.fcntl(fd, cmd, Arg::Int(arg as u64)))
    }

    fn fcntl_at(&self, fd: i32, cmd: i32, arg: &mut [u8]) -> Result<i64> {
        self.with(|task| task.fcntl(fd, cmd, Arg::Memory(arg)))
    }

    fn read(&self, fd: i32, buf: &mut [u8]) -> Result<usize> {
        self.with(|task| task.read(fd, buf))
    }

    fn write(&self, fd: i32, bytes: &[u8]) -> Result<usize> {
        self.with(|task| task.write(fd, bytes))
    }

    fn pread(&self, fd: i32, buf: &mut [u8], at: i64) -> Result<usize> {
        self.with(|task| task.pread(fd, buf, at))
    }

    fn pwrite(&self, fd: i32, bytes: &[u8], at: i64) -> Result<usize> {
        self.with(|task| task.pwrite(fd, bytes, at))
    }

    fn lseek(&self, fd: i32, offset: i64, whence: i32) -> Result<i64> {
        self.with(|task| task.lseek(fd, offset, whence))
    }

    fn fsync(&self, fd: i32) -> Result<()> {
        self.with(|task| task.fsync(fd))
    }

    fn ftruncate(&self, fd: i32, length: i64) -> Result<()> {
        self.with(|task| task.ftruncate(fd, length))
    }

    fn fallocate(&self, fd: i32, mode: i32, offset: i64, length: i64) -> Result<()> {
        self.with(|task| task.call(|p| rw::fallocate(p, task.files(), fd, mode, offset, length)))
    }

    fn fchmod(&self, fd: i32, mode: u32) -> Result<()> {
        self.with(|task| task.call(|p| rw::fsetattr(p, task.files(), fd, &SetAttr::chmod(mode))))
    }

    fn fchown(&self, fd: i32, uid: u32, gid: u32) -> Result<()> {
        self.with(|task| task.call(|p| rw::fsetattr(p, task.files(), fd, &SetAttr::chown(uid, gid))))
    }

    fn fstat(&self, fd: i32) -> Result<[u64; 8]> {
        let stat = self.with(|task| task.fstat(fd))?;
        let (mode, nlink) = (u64::from(stat.mode), u64::from(stat.nlink));
        let (uid, gid) = (u64::from(stat.uid), u64::from(stat.gid));
        Ok([mode, nlink, uid, gid, stat.rdev, stat.size as u64, u64::from(stat.blksize), stat.blocks])
    }

    fn mmap(&self, fd: i32) -> Result<()> {
        self.with(|task| task.mmap(fd))
    }

    fn dup(&self, fd: i32) -> Result<i32> {
        self.with(|task| task.dup(fd))
    }

    fn dup3(&self, old: i32, new: i32, flags: i32) -> Result<i32> {
        self.with(|task| task.dup3(old, new, flags))
    }

    fn pipe2(&self, flags: i32) -> Result<[i32; 2]> {
        self.with(|task| task.pipe2(flags))
    }

    fn eventfd(&self, count: u32, flags: i32) -> Result<i32> {
        self.with(|task| task.eventfd(count, flags))
    }

    fn splice(&self, from: i32, to: i32, len: usize, flags: u32) -> Result<usize> {
        self.with(|task| task.splice(from, to, len, flags))
    }

    fn tee(&self, from: i32, to: i32, len: usize, flags: u32) -> Result<usize> {
        self.with(|task| task.tee(from, to, len, flags))
    }

    fn sendfile(&self, to: i32, from: i32, len: usize) -> Result<usize> {
        self.with(|task| task.sendfile(to, from, None, len))
    }

    fn epoll_create1(&self, flags: i32) -> Result<i32> {
        self.with(|task| task.epoll_create1(flags))
    }

    fn epoll_ctl(&self, epfd: i32, op: i32, fd: i32, events: u32, data: u64) -> Result<()> {
        self.with(|task| task.epoll_ctl(epfd, op, fd, Some(EpollEvent { events, data })))
    }

    fn epoll_wait(&self, epfd: i32, most: usize, timeout: i32) -> Result<Vec<(u32, u64)>> {
        let mut events = vec![EpollEvent { events: 0, data: 0 }; most];
        let n = self.with(|task| task.epoll_wait(epfd, &mut events, timeout))?;
        Ok(events.iter().take(n).map(|event| (event.events, event.data)).collect())
    }

    fn become_nobody(&self) {
        self.edit(|task| task.set_cred(Who::Nobody.cred()));
    }

    fn fork(&self) -> usize {
        let child = self.with(Task::fork);
        let mut tasks = self.tasks.borrow_mut();
        tasks.push(Some(child));
        tasks.len() - 1
    }

    fn begin(&self, task: usize, job: Job) {
        let lent = self.tasks.borrow_mut().get_mut(task).and_then(Option::take);
        let Some(lent) = lent else { return };
        self.signals.borrow_mut().insert(task, lent.signals().clone());
        let thread = std::thread::spawn(move || {
            let one = Ours::of_task(Some(lent));
            job(&one);
            one.tasks.borrow_mut().pop().flatten()
        });
        self.away.borrow_mut().insert(task, thread);
    }

    fn ended(&self, task: usize) {
        self.signals.borrow_mut().remove(&task);
        if let Some(thread) = self.away.borrow_mut().remove(&task) {
            let back = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            if let Some(task) = &back {
                task.signals().clear();
            }
            self.tasks.borrow_mut()[task] = back;
        }
    }

    fn interrupt(&self, task: usize) {
        if let Some(signals) = self.signals.borrow().get(&task) {
            signals.interrupt();
        }
    }

    fn on_task(&self, task: usize, f: &mut (dyn FnMut(&dyn Kernel) + Send)) {
        if task == 0 {
            return f(self);
        }
        let lent = self.tasks.borrow_mut().get_mut(task).and_then(Option::take);
        if lent.is_none() {
            return f(self);
        }
        let one = Ours::of_task(lent);
        f(&one);
        self.tasks.borrow_mut()[task] = one.tasks.borrow_mut().pop().flatten();
    }
}
