//! Sockeye, by way of its `Task`: what the system call's entry does with lengths and pointers before
//! the stack sees slices is done here.

use crate::kernel::{Errno, Kernel, Name, Outgoing, Received, parse_control};
use crate::place::Who;
use sockeye::stack::msg::{MsgHdr, RecvMsg};
use sockeye::stack::sock::GetOpt;
use sockeye::uapi::cmsg::{CmsgLayout, CmsgWriter};
use sockeye::uapi::poll::{EpollEvent, PollFd};
use sockeye::vfs::fcntl::Arg;
use sockeye::vfs::inode::SetAttr;
use sockeye::vfs::{IovSink, IovSource, rw};
use sockeye::{Net, Task, Timeout, sys};
use std::cell::RefCell;
use std::io::{IoSlice, IoSliceMut};

type Result<T> = std::result::Result<T, Errno>;

/// Sockeye.
pub struct Ours {
    /// Who calls: the first task, then its children. `None` while one is at work.
    tasks: RefCell<Vec<Option<Task>>>,
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
        Ours { tasks: RefCell::new(vec![Some(Task::with_cred(net, who.cred()))]) }
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
        if (level, name) == (sockeye::uapi::SOL_SOCKET, sockeye::uapi::SO_ATTACH_FILTER) {
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
        let mut msg = MsgHdr::new(IovSource::new(&parts), flags as u32);
        // __copy_msghdr cuts what is longer than any address.
        msg.name = message.name.map(|name| &name[..name.len().min(sys::SOCKADDR_MAX)]);
        msg.control = message.control;
        self.with(|task| task.sendmsg(fd, &mut msg))
    }

    fn recvmsg_into(&self, fd: i32, parts: &[usize], control: usize, flags: i32) -> Result<Received> {
        if parts.len() > sys::msg::UIO_MAXIOV {
            return self.is_socket(fd).and(Err(Errno::EMSGSIZE));
        }
        let (mut name, mut ctl) = ([0u8; 128], vec![0u8; control]);
        let mut bytes: Vec<Vec<u8>> = parts.iter().map(|n| vec![0; *n]).collect();
        let mut slices: Vec<IoSliceMut<'_>> = bytes.iter_mut().map(|part| IoSliceMut::new(part)).collect();
        let mut slices = slices.as_mut_slice();
        let mut msg = RecvMsg::new(IovSink::new(&mut slices), flags as u32);
        msg.name = Some(&mut name);
        msg.control = CmsgWriter::new(&mut ctl, CmsgLayout::NATIVE);
        let result = self.with(|task| task.recvmsg(fd, &mut msg))?;
        let (flags, name_len, used) = (msg.out_flags as i32, msg.name_len, msg.control.len());
        let mut bytes = bytes.concat();
        bytes.truncate(result);
        Ok(Received {
            result,
            bytes,
            name: name[..name_len.min(128)].to_vec(),
            control: parse_control(&ctl[..used]),
            flags,
        })
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

    fn epoll_wait(&self, epfd: i32, most: usize) -> Result<Vec<(u32, u64)>> {
        let mut events = vec![EpollEvent { events: 0, data: 0 }; most];
        let n = self.with(|task| task.epoll_wait(epfd, &mut events, 0))?;
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

    fn on_task(&self, task: usize, f: &mut (dyn FnMut(&dyn Kernel) + Send)) {
        if task == 0 {
            return f(self);
        }
        let lent = self.tasks.borrow_mut().get_mut(task).and_then(Option::take);
        if lent.is_none() {
            return f(self);
        }
        let one = Ours { tasks: RefCell::new(vec![lent]) };
        f(&one);
        self.tasks.borrow_mut()[task] = one.tasks.borrow_mut().pop().flatten();
    }
}
