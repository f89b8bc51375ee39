//! The host's kernel, asked without the C library's opinions: the bare system calls, in the namespace
//! and with the credentials of the thread that calls.

use crate::kernel::{Errno, Job, Kernel, Many, Name, Outgoing, Received, parse_control};
use crate::place;
use crate::place::Worker;
use std::cell::RefCell;
use std::ptr::{null, null_mut};

type Result<T> = std::result::Result<T, Errno>;

/// The host's kernel.
#[derive(Default)]
pub struct Host {
    tasks: RefCell<Vec<Worker>>,
}

impl Host {
    /// One task, the calling thread.
    pub fn new() -> Host {
        Host::default()
    }
}

/// No call reads or writes more than this, whatever length it is told.
const MOST: usize = 1 << 21;

/// The bare call.
macro_rules! sys {
    ($nr:ident $(, $arg:expr)*) => {{
        // SAFETY: see the caller: every pointer is of memory that outlives the call and is as long as the
        // call is told, or longer.
        let result = unsafe { libc::syscall(libc::$nr $(, $arg)*) };
        place::checked(result)
    }};
}

/// What is there with zeros behind it: a length may claim more than was given.
fn padded(bytes: &[u8], len: i32) -> Vec<u8> {
    let claimed = usize::try_from(len).unwrap_or(0).clamp(512, MOST);
    let mut padded = vec![0; bytes.len().max(claimed)];
    padded[..bytes.len()].copy_from_slice(bytes);
    padded
}

fn address_room(room: i32) -> Vec<u8> {
    vec![0; usize::try_from(room).unwrap_or(0).max(512)]
}

fn named(mut bytes: Vec<u8>, room: i32, len: i32) -> Name {
    bytes.truncate(room.min(len).max(0) as usize);
    Name { len, bytes }
}

fn part(part: &&[u8]) -> libc::iovec {
    libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() }
}

/// A message to send, whose pieces `parts` are.
fn entry(message: &Outgoing<'_>, parts: &mut Vec<libc::iovec>) -> libc::mmsghdr {
    // SAFETY: all zeros is a message without anything.
    let mut msg: libc::msghdr = unsafe { std::mem::zeroed() };
    msg.msg_name = message.name.map_or(null_mut(), |name| name.as_ptr().cast_mut().cast());
    msg.msg_namelen = message.name.map_or(0, |name| name.len() as u32);
    (msg.msg_iov, msg.msg_iovlen) = (parts.as_mut_ptr(), parts.len());
    msg.msg_control = message.control.as_ptr().cast_mut().cast();
    msg.msg_controllen = message.control.len();
    libc::mmsghdr { msg_hdr: msg, msg_len: 0 }
}

/// Where a message received goes.
struct Room {
    name: Box<[u8; 128]>,
    control: Vec<u8>,
    parts: Vec<Vec<u8>>,
    iov: Vec<libc::iovec>,
}

impl Room {
    fn new(parts: &[usize], control: usize) -> Room {
        let parts = parts.iter().map(|n| vec![0; *n]).collect();
        Room { name: Box::new([0; 128]), control: vec![0; control], parts, iov: Vec::new() }
    }

    /// It points into the room.
    fn header(&mut self) -> libc::msghdr {
        let part =
            |part: &mut Vec<u8>| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() };
        self.iov = self.parts.iter_mut().map(part).collect();
        // SAFETY: all zeros is a message without anything.
        let mut msg: libc::msghdr = unsafe { std::mem::zeroed() };
        (msg.msg_name, msg.msg_namelen) = (self.name.as_mut_ptr().cast(), 128);
        (msg.msg_iov, msg.msg_iovlen) = (self.iov.as_mut_ptr(), self.iov.len());
        (msg.msg_control, msg.msg_controllen) = (self.control.as_mut_ptr().cast(), self.control.len());
        msg
    }

    fn received(self, msg: &libc::msghdr, result: usize) -> Received {
        let mut bytes = self.parts.concat();
        bytes.truncate(result);
        Received {
            result,
            bytes,
            name: self.name[..(msg.msg_namelen as usize).min(128)].to_vec(),
            control: parse_control(&self.control[..msg.msg_controllen.min(self.control.len())]),
            flags: msg.msg_flags & !libc::MSG_CMSG_CLOEXEC,
        }
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

impl Kernel for Host {
    fn socket(&self, family: i32, kind: i32, protocol: i32) -> Result<i32> {
        let fd = sys!(SYS_socket, family, kind, protocol)?;
        if matches!(family, libc::AF_INET | libc::AF_INET6) && kind & 0xf == libc::SOCK_STREAM {
            // Which congestion control is the default is the administrator's choice.
            let cubic = c"cubic".as_ptr();
            let _ = sys!(SYS_setsockopt, fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, cubic, 6);
        }
        Ok(fd as i32)
    }

    fn socketpair(&self, family: i32, kind: i32, protocol: i32) -> Result<[i32; 2]> {
        let mut pair = [-1; 2];
        sys!(SYS_socketpair, family, kind, protocol, pair.as_mut_ptr()).map(|_| pair)
    }

    fn open(&self, path: &str, flags: i32) -> Result<i32> {
        let path = std::ffi::CString::new(path).map_err(|_| Errno::EINVAL)?;
        sys!(SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0).map(|fd| fd as i32)
    }

    fn mode_of(&self, path: &str) -> Result<u32> {
        use std::os::unix::fs::MetadataExt;
        let stat = std::fs::metadata(path);
        let errno = |e: std::io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(0)).unwrap_or(Errno::EIO);
        stat.map(|stat| stat.mode() & 0o7777).map_err(errno)
    }

    fn close_fd(&self, fd: i32) -> Result<()> {
        sys!(SYS_close, fd).map(drop)
    }

    fn bind_len(&self, fd: i32, addr: &[u8], len: i32) -> Result<()> {
        let addr = padded(addr, len);
        sys!(SYS_bind, fd, addr.as_ptr(), len).map(drop)
    }

    fn connect_len(&self, fd: i32, addr: &[u8], len: i32) -> Result<()> {
        let addr = padded(addr, len);
        sys!(SYS_connect, fd, addr.as_ptr(), len).map(drop)
    }

    fn listen(&self, fd: i32, backlog: i32) -> Result<()> {
        sys!(SYS_listen, fd, backlog).map(drop)
    }

    fn accept4(&self, fd: i32, room: i32, flags: i32) -> Result<(i32, Name)> {
        let (mut buf, mut len) = (address_room(room), room);
        let new = sys!(SYS_accept4, fd, buf.as_mut_ptr(), &raw mut len, flags)?;
        Ok((new as i32, named(buf, room, len)))
    }

    fn name(&self, fd: i32, peer: bool, room: i32) -> Result<Name> {
        let (mut buf, mut len) = (address_room(room), room);
        let (buf_at, len_at) = (buf.as_mut_ptr(), &raw mut len);
        if peer {
            sys!(SYS_getpeername, fd, buf_at, len_at)?;
        } else {
            sys!(SYS_getsockname, fd, buf_at, len_at)?;
        }
        Ok(named(buf, room, len))
    }

    fn shutdown(&self, fd: i32, how: i32) -> Result<()> {
        sys!(SYS_shutdown, fd, how).map(drop)
    }

    fn setsockopt_len(&self, fd: i32, level: i32, name: i32, value: &[u8], len: i32) -> Result<()> {
        let value = padded(value, len);
        sys!(SYS_setsockopt, fd, level, name, value.as_ptr(), len).map(drop)
    }

    fn getsockopt_len(&self, fd: i32, level: i32, name: i32, buf: &mut [u8], len: i32) -> Result<i32> {
        let (mut room, mut answer) = (padded(buf, len), len);
        sys!(SYS_getsockopt, fd, level, name, room.as_mut_ptr(), &raw mut answer)?;
        buf.copy_from_slice(&room[..buf.len()]);
        Ok(answer)
    }

    fn attach_filter(&self, fd: i32, option: i32, program: &[u8]) -> Result<()> {
        // The kernel reads whole instructions.
        let len = (program.len() / 8) as u16;
        let fprog = libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast() };
        let size = size_of::<libc::sock_fprog>();
        sys!(SYS_setsockopt, fd, libc::SOL_SOCKET, option, &raw const fprog, size).map(drop)
    }

    fn sendto(&self, fd: i32, bytes: &[u8], flags: i32, addr: &[u8], len: i32) -> Result<usize> {
        let padded = padded(addr, len);
        let at = if len == 0 { null() } else { padded.as_ptr() };
        sys!(SYS_sendto, fd, bytes.as_ptr(), bytes.len(), flags, at, len).map(|n| n as usize)
    }

    fn recvfrom(&self, fd: i32, buf: &mut [u8], flags: i32, room: i32) -> Result<(usize, Name)> {
        let (mut name, mut len) = (address_room(room), room);
        let (at, name_at) = (buf.as_mut_ptr(), name.as_mut_ptr());
        let n = sys!(SYS_recvfrom, fd, at, buf.len(), flags, name_at, &raw mut len)?;
        Ok((n as usize, named(name, room, len)))
    }

    fn sendmsg_of(&self, fd: i32, message: &Outgoing<'_>, flags: i32) -> Result<usize> {
        let mut parts: Vec<libc::iovec> = message.parts.iter().map(part).collect();
        let msg = entry(message, &mut parts).msg_hdr;
        sys!(SYS_sendmsg, fd, &raw const msg, flags).map(|n| n as usize)
    }

    fn recvmsg_into(&self, fd: i32, parts: &[usize], control: usize, flags: i32) -> Result<Received> {
        let mut room = Room::new(parts, control);
        let mut msg = room.header();
        let result = sys!(SYS_recvmsg, fd, &raw mut msg, flags)? as usize;
        Ok(room.received(&msg, result))
    }

    fn sendmmsg(&self, fd: i32, messages: &[Outgoing<'_>], flags: i32) -> Result<Vec<usize>> {
        let mut parts: Vec<Vec<libc::iovec>> =
            messages.iter().map(|m| m.parts.iter().map(part).collect()).collect();
        let mut all: Vec<libc::mmsghdr> =
            messages.iter().zip(&mut parts).map(|(m, iov)| entry(m, iov)).collect();
        let n = sys!(SYS_sendmmsg, fd, all.as_mut_ptr(), all.len(), flags)?;
        Ok(all.iter().take(n as usize).map(|m| m.msg_len as usize).collect())
    }

    fn recvmmsg(&self, fd: i32, ask: &Many<'_>, flags: i32) -> Result<Vec<Received>> {
        let mut rooms: Vec<Room> = ask.rooms.iter().map(|n| Room::new(&[*n], ask.control)).collect();
        let mut all: Vec<libc::mmsghdr> =
            rooms.iter_mut().map(|room| libc::mmsghdr { msg_hdr: room.header(), msg_len: 0 }).collect();
        let mut time = ask.timeout.map(|[tv_sec, tv_nsec]| libc::timespec { tv_sec, tv_nsec });
        let time_at = time.as_mut().map_or(null_mut(), |time| &raw mut *time);
        let n = sys!(SYS_recvmmsg, fd, all.as_mut_ptr(), all.len(), flags, time_at)? as usize;
        Ok(rooms
            .into_iter()
            .zip(&all)
            .take(n)
            .map(|(r, m)| r.received(&m.msg_hdr, m.msg_len as usize))
            .collect())
    }

    fn readv(&self, fd: i32, parts: &[usize]) -> Result<Vec<u8>> {
        let mut room = Room::new(parts, 0);
        let msg = room.header();
        let n = sys!(SYS_readv, fd, msg.msg_iov, msg.msg_iovlen)? as usize;
        Ok(room.received(&msg, n).bytes)
    }

    fn writev(&self, fd: i32, parts: &[&[u8]]) -> Result<usize> {
        let iov: Vec<libc::iovec> = parts.iter().map(part).collect();
        sys!(SYS_writev, fd, iov.as_ptr(), iov.len()).map(|n| n as usize)
    }

    fn poll_all(&self, fds: &[(i32, i16)], timeout: i32, p: bool) -> Result<Vec<i16>> {
        let mut fds: Vec<libc::pollfd> =
            fds.iter().map(|&(fd, events)| libc::pollfd { fd, events, revents: 0 }).collect();
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: i64::from(timeout) * 1_000_000 };
        let time_at = if timeout < 0 { null_mut() } else { &raw mut time };
        if p {
            sys!(SYS_ppoll, fds.as_mut_ptr(), fds.len(), time_at, null::<u8>(), 8)?;
        } else {
            sys!(SYS_poll, fds.as_mut_ptr(), fds.len(), timeout)?;
        }
        Ok(fds.iter().map(|fd| fd.revents).collect())
    }

    fn select(&self, sets: [Option<&[i32]>; 3], timeout: i32, p: bool) -> Result<(usize, [Vec<i32>; 3])> {
        let n = sets.iter().flatten().flat_map(|fds| fds.iter()).max().map_or(0, |fd| fd + 1);
        let mut bits = sets.map(|fds| fds.map(bits_of));
        let at = bits.each_mut().map(|bits| bits.as_mut().map_or(null_mut(), |bits| bits.as_mut_ptr()));
        let mut spec = libc::timespec { tv_sec: 0, tv_nsec: i64::from(timeout) * 1_000_000 };
        let mut val = libc::timeval { tv_sec: 0, tv_usec: i64::from(timeout) * 1000 };
        let found = if p {
            let time = if timeout < 0 { null_mut() } else { &raw mut spec };
            sys!(SYS_pselect6, n, at[0], at[1], at[2], time, null::<u8>())?
        } else {
            let time = if timeout < 0 { null_mut() } else { &raw mut val };
            sys!(SYS_select, n, at[0], at[1], at[2], time)?
        };
        Ok((found as usize, bits.map(|bits| bits.map_or_else(Vec::new, |bits| fds_of(&bits)))))
    }

    fn dup2(&self, old: i32, new: i32) -> Result<i32> {
        sys!(SYS_dup2, old, new).map(|fd| fd as i32)
    }

    fn poll(&self, fd: i32, events: i16) -> Result<i16> {
        let mut fds = libc::pollfd { fd, events, revents: 0 };
        sys!(SYS_poll, &raw mut fds, 1, 0).map(|_| fds.revents)
    }

    fn ioctl(&self, fd: i32, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        sys!(SYS_ioctl, fd, cmd, arg.as_mut_ptr()).map(|n| n as i32)
    }

    fn fcntl(&self, fd: i32, cmd: i32, arg: i64) -> Result<i64> {
        sys!(SYS_fcntl, fd, cmd, arg)
    }

    fn fcntl_at(&self, fd: i32, cmd: i32, arg: &mut [u8]) -> Result<i64> {
        sys!(SYS_fcntl, fd, cmd, arg.as_mut_ptr())
    }

    fn read(&self, fd: i32, buf: &mut [u8]) -> Result<usize> {
        sys!(SYS_read, fd, buf.as_mut_ptr(), buf.len()).map(|n| n as usize)
    }

    fn write(&self, fd: i32, bytes: &[u8]) -> Result<usize> {
        // Rust's runtime ignores SIGPIPE.
        sys!(SYS_write, fd, bytes.as_ptr(), bytes.len()).map(|n| n as usize)
    }

    fn pread(&self, fd: i32, buf: &mut [u8], at: i64) -> Result<usize> {
        sys!(SYS_pread64, fd, buf.as_mut_ptr(), buf.len(), at).map(|n| n as usize)
    }

    fn pwrite(&self, fd: i32, bytes: &[u8], at: i64) -> Result<usize> {
        sys!(SYS_pwrite64, fd, bytes.as_ptr(), bytes.len(), at).map(|n| n as usize)
    }

    fn lseek(&self, fd: i32, offset: i64, whence: i32) -> Result<i64> {
        sys!(SYS_lseek, fd, offset, whence)
    }

    fn fsync(&self, fd: i32) -> Result<()> {
        sys!(SYS_fsync, fd).map(drop)
    }

    fn ftruncate(&self, fd: i32, length: i64) -> Result<()> {
        sys!(SYS_ftruncate, fd, length).map(drop)
    }

    fn fallocate(&self, fd: i32, mode: i32, offset: i64, length: i64) -> Result<()> {
        sys!(SYS_fallocate, fd, mode, offset, length).map(drop)
    }

    fn fchmod(&self, fd: i32, mode: u32) -> Result<()> {
        sys!(SYS_fchmod, fd, mode).map(drop)
    }

    fn fchown(&self, fd: i32, uid: u32, gid: u32) -> Result<()> {
        sys!(SYS_fchown, fd, uid, gid).map(drop)
    }

    fn fstat(&self, fd: i32) -> Result<[u64; 8]> {
        // SAFETY: all zeros is an empty answer, of plain numbers.
        let mut stat: libc::stat = unsafe { std::mem::zeroed() };
        sys!(SYS_fstat, fd, &raw mut stat)?;
        let (uid, gid) = (u64::from(stat.st_uid), u64::from(stat.st_gid));
        let (size, blksize, blocks) = (stat.st_size as u64, stat.st_blksize as u64, stat.st_blocks as u64);
        Ok([u64::from(stat.st_mode), stat.st_nlink, uid, gid, stat.st_rdev, size, blksize, blocks])
    }

    fn mmap(&self, fd: i32) -> Result<()> {
        let (read, shared) = (libc::PROT_READ, libc::MAP_SHARED);
        let at = sys!(SYS_mmap, null::<u8>(), 4096, read, shared, fd, 0)?;
        sys!(SYS_munmap, at, 4096).map(drop)
    }

    fn dup(&self, fd: i32) -> Result<i32> {
        sys!(SYS_dup, fd).map(|fd| fd as i32)
    }

    fn dup3(&self, old: i32, new: i32, flags: i32) -> Result<i32> {
        sys!(SYS_dup3, old, new, flags).map(|fd| fd as i32)
    }

    fn pipe2(&self, flags: i32) -> Result<[i32; 2]> {
        let mut pair = [-1; 2];
        sys!(SYS_pipe2, pair.as_mut_ptr(), flags).map(|_| pair)
    }

    fn eventfd(&self, count: u32, flags: i32) -> Result<i32> {
        sys!(SYS_eventfd2, count, flags).map(|fd| fd as i32)
    }

    fn splice(&self, from: i32, to: i32, len: usize, flags: u32) -> Result<usize> {
        sys!(SYS_splice, from, null::<i64>(), to, null::<i64>(), len, flags).map(|n| n as usize)
    }

    fn tee(&self, from: i32, to: i32, len: usize, flags: u32) -> Result<usize> {
        sys!(SYS_tee, from, to, len, flags).map(|n| n as usize)
    }

    fn sendfile(&self, to: i32, from: i32, len: usize) -> Result<usize> {
        sys!(SYS_sendfile, to, from, null::<i64>(), len).map(|n| n as usize)
    }

    fn epoll_create1(&self, flags: i32) -> Result<i32> {
        sys!(SYS_epoll_create1, flags).map(|fd| fd as i32)
    }

    fn epoll_ctl(&self, epfd: i32, op: i32, fd: i32, events: u32, data: u64) -> Result<()> {
        let event = libc::epoll_event { events, u64: data };
        sys!(SYS_epoll_ctl, epfd, op, fd, &raw const event).map(drop)
    }

    fn epoll_wait(&self, epfd: i32, most: usize, timeout: i32) -> Result<Vec<(u32, u64)>> {
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; most];
        let n = sys!(SYS_epoll_wait, epfd, events.as_mut_ptr(), most, timeout)?;
        Ok(events.iter().take(n as usize).map(|event| (event.events, event.u64)).collect())
    }

    fn become_nobody(&self) {
        place::take(crate::Who::Nobody);
    }

    fn fork(&self) -> usize {
        let mut tasks = self.tasks.borrow_mut();
        tasks.push(Worker::forked());
        tasks.len()
    }

    fn begin(&self, task: usize, job: Job) {
        let tasks = self.tasks.borrow();
        match task.checked_sub(1).and_then(|i| tasks.get(i)) {
            Some(worker) => worker.begin(Box::new(|| job(&Host::new()))),
            None => drop(job),
        }
    }

    fn ended(&self, task: usize) {
        let tasks = self.tasks.borrow();
        if let Some(worker) = task.checked_sub(1).and_then(|i| tasks.get(i)) {
            worker.ended();
        }
    }

    fn interrupt(&self, task: usize) {
        let tasks = self.tasks.borrow();
        if let Some(worker) = task.checked_sub(1).and_then(|i| tasks.get(i)) {
            place::interrupt(worker.tid());
        }
    }

    fn on_task(&self, task: usize, f: &mut (dyn FnMut(&dyn Kernel) + Send)) {
        let tasks = self.tasks.borrow();
        match task.checked_sub(1).and_then(|i| tasks.get(i)) {
            Some(worker) => worker.run(&mut || f(&Host::new())),
            None => {
                drop(tasks);
                f(self);
            }
        }
    }
}
