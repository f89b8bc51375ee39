//! The system calls that are compared, as the ABI has them: where a length is an argument of its own
//! it is one here, so that it can lie.

/// An errno, with its name.
pub type Errno = sockeye::uapi::Errno;
type Result<T> = std::result::Result<T, Errno>;

/// An address that a call gave: the length it reported, and the bytes that it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// The whole length.
    pub len: i32,
    /// What came into the room given.
    pub bytes: Vec<u8>,
}

/// A `struct msghdr` to send.
#[derive(Clone, Debug, Default)]
pub struct Outgoing<'a> {
    /// `msg_name`; `None` for a null pointer.
    pub name: Option<&'a [u8]>,
    /// The pieces of `msg_iov`.
    pub parts: Vec<&'a [u8]>,
    /// `msg_control`.
    pub control: &'a [u8],
}

/// What recvmsg(2) gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What the call returned.
    pub result: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The sender's address.
    pub name: Vec<u8>,
    /// Control messages: level, type, data.
    pub control: Vec<(i32, i32, Vec<u8>)>,
    /// `msg_flags`
    pub flags: i32,
}

/// What recvmmsg(2) is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Many<'a> {
    /// A message each, with room for so many bytes.
    pub rooms: &'a [usize],
    /// Room for control messages, each.
    pub control: usize,
    /// Seconds and nanoseconds.
    pub timeout: Option<[i64; 2]>,
}

/// What a task does on its own.
pub type Job = Box<dyn FnOnce(&dyn Kernel) + Send>;

/// A kernel to ask. The memory behind a pointer is a slice; the length that goes with it is the last
/// argument where it may differ from the slice's.
pub trait Kernel {
    /// socket(2)
    fn socket(&self, family: i32, kind: i32, protocol: i32) -> Result<i32>;
    /// socketpair(2)
    fn socketpair(&self, family: i32, kind: i32, protocol: i32) -> Result<[i32; 2]>;
    /// open(2) of a file of /proc.
    fn open(&self, path: &str, flags: i32) -> Result<i32>;
    /// The permission bits of a file of /proc/sys.
    fn mode_of(&self, path: &str) -> Result<u32>;
    /// close(2)
    fn close_fd(&self, fd: i32) -> Result<()>;
    /// bind(2)
    fn bind_len(&self, fd: i32, addr: &[u8], len: i32) -> Result<()>;
    /// connect(2)
    fn connect_len(&self, fd: i32, addr: &[u8], len: i32) -> Result<()>;
    /// listen(2)
    fn listen(&self, fd: i32, backlog: i32) -> Result<()>;
    /// accept4(2)
    fn accept4(&self, fd: i32, room: i32, flags: i32) -> Result<(i32, Name)>;
    /// getsockname(2), getpeername(2)
    fn name(&self, fd: i32, peer: bool, room: i32) -> Result<Name>;
    /// shutdown(2)
    fn shutdown(&self, fd: i32, how: i32) -> Result<()>;
    /// setsockopt(2)
    fn setsockopt_len(&self, fd: i32, level: i32, name: i32, value: &[u8], len: i32) -> Result<()>;
    /// getsockopt(2): the length it reports. With a negative or huge `len` only `buf` may be written.
    fn getsockopt_len(&self, fd: i32, level: i32, name: i32, buf: &mut [u8], len: i32) -> Result<i32>;
    /// setsockopt(2) of an option of `SOL_SOCKET` whose value is the length and the address of a classic BPF
    /// program.
    fn attach_filter(&self, fd: i32, option: i32, program: &[u8]) -> Result<()>;
    /// sendto(2)
    fn sendto(&self, fd: i32, bytes: &[u8], flags: i32, addr: &[u8], len: i32) -> Result<usize>;
    /// recvfrom(2)
    fn recvfrom(&self, fd: i32, buf: &mut [u8], flags: i32, room: i32) -> Result<(usize, Name)>;
    /// sendmsg(2)
    fn sendmsg_of(&self, fd: i32, message: &Outgoing<'_>, flags: i32) -> Result<usize>;
    /// recvmsg(2) with a vector of buffers and room for so many bytes of control messages.
    fn recvmsg_into(&self, fd: i32, parts: &[usize], control: usize, flags: i32) -> Result<Received>;
    /// sendmmsg(2): what each message that went was said to be long.
    fn sendmmsg(&self, fd: i32, messages: &[Outgoing<'_>], flags: i32) -> Result<Vec<usize>>;
    /// recvmmsg(2): messages of one piece each with room for so many bytes, each with so much room for control
    /// messages; the timeout in seconds and nanoseconds.
    fn recvmmsg(&self, fd: i32, ask: &Many<'_>, flags: i32) -> Result<Vec<Received>>;
    /// readv(2)
    fn readv(&self, fd: i32, parts: &[usize]) -> Result<Vec<u8>>;
    /// writev(2)
    fn writev(&self, fd: i32, parts: &[&[u8]]) -> Result<usize>;
    /// poll(2) or ppoll(2) of several descriptors, for so many milliseconds, negative for ever.
    fn poll_all(&self, fds: &[(i32, i16)], timeout: i32, p: bool) -> Result<Vec<i16>>;
    /// select(2) or pselect6(2): what is found of the three sets, and how many the call says they are.
    fn select(&self, sets: [Option<&[i32]>; 3], timeout: i32, p: bool) -> Result<(usize, [Vec<i32>; 3])>;
    /// dup2(2)
    fn dup2(&self, old: i32, new: i32) -> Result<i32>;
    /// poll(2) of one descriptor, without waiting.
    fn poll(&self, fd: i32, events: i16) -> Result<i16>;
    /// ioctl(2) with a pointer.
    fn ioctl(&self, fd: i32, cmd: u32, arg: &mut [u8]) -> Result<i32>;
    /// fcntl(2) with a number.
    fn fcntl(&self, fd: i32, cmd: i32, arg: i64) -> Result<i64>;
    /// fcntl(2) with a pointer.
    fn fcntl_at(&self, fd: i32, cmd: i32, arg: &mut [u8]) -> Result<i64>;
    /// read(2)
    fn read(&self, fd: i32, buf: &mut [u8]) -> Result<usize>;
    /// write(2); no signal comes of it.
    fn write(&self, fd: i32, bytes: &[u8]) -> Result<usize>;
    /// pread(2)
    fn pread(&self, fd: i32, buf: &mut [u8], at: i64) -> Result<usize>;
    /// pwrite(2)
    fn pwrite(&self, fd: i32, bytes: &[u8], at: i64) -> Result<usize>;
    /// lseek(2)
    fn lseek(&self, fd: i32, offset: i64, whence: i32) -> Result<i64>;
    /// fsync(2)
    fn fsync(&self, fd: i32) -> Result<()>;
    /// ftruncate(2)
    fn ftruncate(&self, fd: i32, length: i64) -> Result<()>;
    /// fallocate(2)
    fn fallocate(&self, fd: i32, mode: i32, offset: i64, length: i64) -> Result<()>;
    /// fchmod(2)
    fn fchmod(&self, fd: i32, mode: u32) -> Result<()>;
    /// fchown(2)
    fn fchown(&self, fd: i32, uid: u32, gid: u32) -> Result<()>;
    /// fstat(2): mode, links, uid, gid, rdev, size, blksize, blocks.
    fn fstat(&self, fd: i32) -> Result<[u64; 8]>;
    /// mmap(2), a page, shared, to read.
    fn mmap(&self, fd: i32) -> Result<()>;
    /// dup(2)
    fn dup(&self, fd: i32) -> Result<i32>;
    /// dup3(2)
    fn dup3(&self, old: i32, new: i32, flags: i32) -> Result<i32>;
    /// pipe2(2)
    fn pipe2(&self, flags: i32) -> Result<[i32; 2]>;
    /// eventfd2(2)
    fn eventfd(&self, count: u32, flags: i32) -> Result<i32>;
    /// splice(2) without offsets.
    fn splice(&self, from: i32, to: i32, len: usize, flags: u32) -> Result<usize>;
    /// tee(2)
    fn tee(&self, from: i32, to: i32, len: usize, flags: u32) -> Result<usize>;
    /// sendfile(2) without an offset.
    fn sendfile(&self, to: i32, from: i32, len: usize) -> Result<usize>;
    /// epoll_create1(2)
    fn epoll_create1(&self, flags: i32) -> Result<i32>;
    /// epoll_ctl(2)
    fn epoll_ctl(&self, epfd: i32, op: i32, fd: i32, events: u32, data: u64) -> Result<()>;
    /// epoll_wait(2) for so many milliseconds, negative for ever: events and data.
    fn epoll_wait(&self, epfd: i32, most: usize, timeout: i32) -> Result<Vec<(u32, u64)>>;
    /// Becomes user 65534 without capabilities for the rest of its life.
    fn become_nobody(&self);
    /// A child (`fork()`): the number by which [`Kernel::on_task`] knows it.
    fn fork(&self) -> usize;
    /// Runs `f` as task `task`; 0 is the one that is there from the beginning.
    fn on_task(&self, task: usize, f: &mut (dyn FnMut(&dyn Kernel) + Send));
    /// Begins `job` as task `task`, which is a child, and does not wait for its end.
    fn begin(&self, task: usize, job: Job);
    /// The job that `task` began has ended: the task may make calls again.
    fn ended(&self, task: usize);
    /// A signal for `task`, which a handler catches that restarts nothing.
    fn interrupt(&self, task: usize);

    /// close(2) of what is open.
    fn close(&self, fd: i32) {
        let _ = self.close_fd(fd);
    }

    /// bind(2) with an honest length.
    fn bind(&self, fd: i32, addr: &[u8]) -> Result<()> {
        self.bind_len(fd, addr, addr.len() as i32)
    }

    /// connect(2) with an honest length.
    fn connect(&self, fd: i32, addr: &[u8]) -> Result<()> {
        self.connect_len(fd, addr, addr.len() as i32)
    }

    /// getsockname(2) with room for any.
    fn getsockname(&self, fd: i32) -> Result<Vec<u8>> {
        self.name(fd, false, 128).map(|name| name.bytes)
    }

    /// setsockopt(2) with an honest length.
    fn setsockopt(&self, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<()> {
        self.setsockopt_len(fd, level, name, value, value.len() as i32)
    }

    /// getsockopt(2) with a buffer of `len` bytes, each `fill` before: the length it gives, and the bytes.
    fn getsockopt(&self, fd: i32, level: i32, name: i32, len: usize, fill: u8) -> Result<(usize, Vec<u8>)> {
        let mut buf = vec![fill; len];
        let answer = self.getsockopt_len(fd, level, name, &mut buf, len as i32)?;
        Ok((answer as usize, buf))
    }

    /// sendmsg(2) with one piece: name (none if empty), bytes, control messages, flags.
    fn sendmsg(&self, fd: i32, name: &[u8], bytes: &[u8], control: &[u8], flags: i32) -> Result<usize> {
        let name = (!name.is_empty()).then_some(name);
        self.sendmsg_of(fd, &Outgoing { name, parts: vec![bytes], control }, flags)
    }

    /// recvmsg(2) with room for so many bytes of data and control messages, never waiting.
    fn recvmsg(&self, fd: i32, room: usize, control: usize, flags: i32) -> Result<Received> {
        self.recvmsg_into(fd, &[room], control, flags | sockeye::uapi::MSG_DONTWAIT as i32)
    }
}

/// The control messages of a buffer, 64-bit layout.
pub fn parse_control(mut bytes: &[u8]) -> Vec<(i32, i32, Vec<u8>)> {
    let mut messages = Vec::new();
    while let Some((head, _)) = bytes.split_first_chunk::<16>() {
        let word = |at: usize| i32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        // The last one may be cut: what is there of it counts.
        let len = (word(0) as usize).min(bytes.len());
        let Some(data) = bytes.get(16..len) else { break };
        messages.push((word(8), word(12), data.to_vec()));
        bytes = bytes.get(len.next_multiple_of(8)..).unwrap_or(&[]);
    }
    messages
}

/// One control message, 64-bit layout, with its padding.
pub fn control(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + data.len() as u64).to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}
