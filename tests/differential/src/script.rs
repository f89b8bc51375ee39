//! Scripts: system calls in words, one a line, run on a kernel; each is answered with a line.
//!
//! ```text
//! socket a 2 2 0                  family type protocol; it is non-blocking
//! socketpair a b 1 1 0
//! bind a 4/127.0.0.1/0            an address: family, host, port
//! bind a 4/127.0.0.1/0#15         its first 15 bytes only; #-1 and #200 are told so and padded
//! bind a 4/127.0.0.1/0!99         with another family in it
//! bind a 6/fe80::1/@b/1           port of socket b; scope 1
//! bind a x/0200                   any bytes
//! connect a ADDR / listen a 5 / shutdown a 2 / close a
//! accept b a                      flags and room for the address may follow
//! getsockname a / getpeername a   room may follow
//! setsockopt a 1 2 01000000       the value in hexadecimal, or -; #LEN as with addresses
//! getsockopt a 1 2 4              how long the buffer is said to be
//! filter a 0600000001000000        a classic BPF program, its instructions in hexadecimal
//! reuseport a 0600000001000000     the same to choose among sockets of one port
//! sendto a hello 0 4/127.0.0.1/@b data (text, =BYTES, or *N for N bytes), flags, address or -
//! sendmsg a hello 0 - 17:103:0600 control messages: level:type:bytes, or -, or =BYTES
//! sendv a 0 - 1 2 3               flags, control messages, lengths of the pieces
//! recvfrom a 100 0                answers count, sender, data; room for the sender may follow
//! recvmsg a 100 200 0             room for data (1,2,3: in pieces) and for control messages
//! read a 100 / write a hello / pread a 10 0 / pwrite a hi 0 / lseek a 0 0 / fsync a / ftruncate a 0
//! fallocate a 0 0 1 / fchmod a 0600 / fchown a 1 1 / fstat a / mmap a / dup b a / dup3 b a 0
//! poll a / ioctl a 0x541b / ioctl a 0x5421 01000000 / fcntl a 3 0 / fcntl a 15 =0000000000000000
//! pipe r w / eventfd e 1 0 / splice a b 10 0 / tee a b 10 0 / sendfile a b 10
//! epoll e / epctl e 1 a 0x5 7 / epwait e
//! sendmmsg a 0 - 1,20,3           flags, address or -, how long each message is
//! recvmmsg a 10,20 0 0 -          rooms, room for control messages, flags, timeout: seconds.nanoseconds or -
//! readv a 1,2 / writev a 1,2      lengths of the pieces
//! select a,b a - / pselect a - -  to read, to write, exceptions; - for no set
//! pollall a,b,c 0x5 / ppoll a 0x1 several at once
//! dup2 b a / dup2 b b
//! epwait e -1 / pollall a 0x1 -1 / select a - - -1    for ever: to be begun, see below
//! begin 1 LINE                    task 1, a child, makes the call on its own, and its socket blocks for it
//! signal 1                        a handler catches it, and restarts nothing
//! timed 1000 LINE                 the call blocks, but not for longer than so many microseconds
//! user 65534                      from here on without privilege
//! fork                            a child of the first task: task 1, then 2
//! task 1                          who makes the calls that follow; 0 is the first
//! ```
//!
//! A call that was begun is answered with `asleep`, or with its answer; when a later line wakes it, its answer
//! is added to that line's.
//!
//! What opens nothing leaves its name as it is. A port that a named socket has is shown as `@name`, another
//! that chance chose as `@`. A line that begins with `~` is run and not compared: the answer is a listed
//! divergence. `#` begins a comment.

use crate::kernel::{Errno, Kernel, Name, Outgoing, Received};
use crate::value::{address, claimed, data, hex, messages, number, show, show_address, unhex};
use crate::{Host, Ours, in_private_namespace};
use std::collections::BTreeMap;
use std::fmt::Write;

type Result<T> = std::result::Result<T, Errno>;

const SO_ATTACH_REUSEPORT_CBPF: i32 = sockeye::uapi::SO_ATTACH_REUSEPORT_CBPF;
const SO_ATTACH_FILTER: i32 = sockeye::uapi::SO_ATTACH_FILTER;
/// `SIOCGSTAMP`, `SIOCGSTAMPNS`, old and new.
const STAMPS: [i64; 4] = [0x8906, 0x8907, 0x8010_8906, 0x8010_8907];
const NONBLOCK: i32 = sockeye::uapi::SOCK_NONBLOCK;
/// `MSG_NOSIGNAL`: nobody here wants to die of a broken pipe.
const NOSIGNAL: i32 = 0x4000;
/// All that poll can see but `POLLNVAL`, which it shows unasked.
const POLL_ALL: i16 = 0x27df;
/// Ports from here on are chance's (`net.ipv4.ip_local_port_range`).
const EPHEMERAL: u16 = 32768;

/// The lines of a script that are calls.
pub fn lines(script: &str) -> Vec<&str> {
    script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The answers of `kernel` to each line, which closes all afterwards.
pub fn run(kernel: &dyn Kernel, lines: &[impl AsRef<str>]) -> Vec<String> {
    let mut session = Session::new(kernel);
    lines.iter().map(|line| session.line(line.as_ref())).collect()
}

/// The answers of the host's kernel in a namespace of its own, `None` without the right to make one.
pub fn on_host(lines: &[&str]) -> Option<Vec<String>> {
    in_private_namespace(|| run(&Host::new(), lines))
}

/// Runs a script on both sides and gives the lines that differ, ready to be read; empty when none do.
/// `None` when there was no host to ask.
pub fn differences(script: &str) -> Option<String> {
    let lines = lines(script);
    let linux = on_host(&lines)?;
    let sockeye = run(&Ours::new(), &lines);
    let mut report = String::new();
    for ((line, linux), sockeye) in lines.iter().zip(&linux).zip(&sockeye) {
        if linux != sockeye && !line.starts_with('~') {
            let _ = writeln!(report, "{line}\n    Linux    {linux}\n    Sockeye  {sockeye}");
        }
    }
    Some(report)
}

/// A control message's data; of times only whether they are there, of statistics which.
fn show_message(kind: (i32, i32), data: &[u8]) -> String {
    use sockeye::uapi::{SCM_TIMESTAMPING_OPT_STATS, SO_TIMESTAMPING_NEW, SO_TIMESTAMPING_OLD, SOL_SOCKET};
    if kind == (SOL_SOCKET, SCM_TIMESTAMPING_OPT_STATS) {
        let (mut rest, mut all) = (data, Vec::new());
        while let [a, b, c, d, ..] = *rest {
            let len = usize::from(u16::from_ne_bytes([a, b])).max(4);
            all.push(format!("{}/{len}", u16::from_ne_bytes([c, d])));
            rest = rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        }
        return all.join(" ");
    }
    if [(SOL_SOCKET, SO_TIMESTAMPING_OLD), (SOL_SOCKET, SO_TIMESTAMPING_NEW)].contains(&kind) {
        let zero = |time: &[u8]| time.iter().all(|byte| *byte == 0);
        let times = data.chunks(data.len().max(3) / 3).map(|time| if zero(time) { "0" } else { "@" });
        return times.collect();
    }
    hex(data)
}

/// A kernel with named descriptors.
pub struct Session<'k> {
    kernel: &'k dyn Kernel,
    /// What each task has open, by name.
    fds: Vec<BTreeMap<String, i32>>,
    task: usize,
    begun: Vec<Begun>,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // Reset rather than TIME_WAIT, which the next would meet.
        const SO_LINGER: i32 = 13;
        self.interrupt_all();
        for (task, fds) in std::mem::take(&mut self.fds).into_iter().enumerate() {
            self.kernel.on_task(task, &mut |kernel| {
                for fd in fds.values() {
                    let _ = kernel.setsockopt(*fd, 1, SO_LINGER, &[1, 0, 0, 0, 0, 0, 0, 0]);
                    kernel.close(*fd);
                }
            });
        }
    }
}

impl<'k> Session<'k> {
    /// Nothing is open.
    pub fn new(kernel: &'k dyn Kernel) -> Self {
        Session { kernel, fds: vec![BTreeMap::new()], task: 0, begun: Vec::new() }
    }

    /// Makes the call of one line.
    pub fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.trim_start_matches('~').split_whitespace().collect();
        match *words.as_slice() {
            ["fork"] if self.task == 0 => {
                self.fds.push(self.fds[0].clone());
                return self.kernel.fork().to_string();
            }
            ["task", n] => {
                let task = (number(n) as usize).min(self.fds.len() - 1);
                if self.is_away(task) {
                    return "away".to_owned();
                }
                self.task = task;
                return "ok".to_owned();
            }
            ["begin", n, ref words @ ..] => return self.begin(number(n) as usize, words),
            ["signal", n] => {
                self.kernel.interrupt(number(n) as usize);
                return self.settled("ok".to_owned());
            }
            _ => {}
        }
        let mut answer = String::new();
        let (kernel, task) = (self.kernel, self.task);
        let fds = &mut self.fds[task];
        kernel.on_task(task, &mut |kernel| {
            let mut call = Call { kernel, fds };
            answer = call.make(&words).unwrap_or_else(|errno| errno.name().to_owned());
        });
        self.settled(answer)
    }
}

/// One call of one task.
struct Call<'a> {
    kernel: &'a dyn Kernel,
    fds: &'a mut BTreeMap<String, i32>,
}

mod begun;
mod many;

use begun::Begun;

fn ok(_: ()) -> String {
    "ok".to_owned()
}

fn count(n: usize) -> String {
    n.to_string()
}

fn int(text: &str) -> i32 {
    number(text) as i32
}

impl Call<'_> {
    fn fd(&self, name: &str) -> i32 {
        self.fds.get(name).copied().unwrap_or(-1)
    }

    fn opened(&mut self, name: &str, fd: i32) -> String {
        if let Some(old) = self.fds.insert(name.to_owned(), fd) {
            self.kernel.close(old);
        }
        "ok".to_owned()
    }

    fn port_of(&self, fd: i32) -> u16 {
        let Ok(name) = self.kernel.getsockname(fd) else { return 0 };
        match name.as_slice() {
            [2 | 10, 0, a, b, ..] => u16::from_be_bytes([*a, *b]),
            _ => 0,
        }
    }

    fn addr(&self, text: &str) -> (Option<Vec<u8>>, i32) {
        let (text, claim) = claimed(text);
        let bytes = address(text, &|name| self.port_of(self.fd(name)));
        let len = claim.unwrap_or(bytes.as_ref().map_or(0, |bytes| bytes.len() as i32));
        (bytes, len)
    }

    fn show_name(&self, name: &[u8]) -> String {
        show_address(name, |port| {
            let named = self.fds.iter().find(|(_, fd)| port != 0 && self.port_of(**fd) == port);
            match named {
                Some((name, _)) => format!("@{name}"),
                None if port >= EPHEMERAL => "@".to_owned(),
                None => port.to_string(),
            }
        })
    }

    /// An address, with its length where that is not what was written.
    fn show_in_room(&self, name: &Name, room: i32) -> String {
        if name.len == name.bytes.len() as i32 && room >= 128 {
            return self.show_name(&name.bytes);
        }
        // Half an address: a port may be in it.
        let mut bytes = name.bytes.clone();
        if let [2 | 10, 0, high, rest @ ..] = bytes.as_mut_slice()
            && *high >= 0x80
        {
            *high = 0xff;
            rest.iter_mut().take(1).for_each(|low| *low = 0xff);
        }
        format!("{}:{}", name.len, hex(&bytes))
    }

    fn make(&mut self, words: &[&str]) -> Result<String> {
        let k = self.kernel;
        match *words {
            ["socket", name, family, kind, protocol] => {
                let fd = k.socket(int(family), int(kind) | NONBLOCK, int(protocol))?;
                Ok(self.opened(name, fd))
            }
            ["socketpair", a, b, family, kind, protocol] => {
                let [first, second] = k.socketpair(int(family), int(kind) | NONBLOCK, int(protocol))?;
                self.opened(a, first);
                Ok(self.opened(b, second))
            }
            ["close", s] => {
                let fd = self.fds.remove(s).unwrap_or(-1);
                k.close_fd(fd).map(ok)
            }
            ["bind", s, addr] => {
                let (bytes, len) = self.addr(addr);
                k.bind_len(self.fd(s), &bytes.unwrap_or_default(), len).map(ok)
            }
            ["connect", s, addr] => {
                let (bytes, len) = self.addr(addr);
                k.connect_len(self.fd(s), &bytes.unwrap_or_default(), len).map(ok)
            }
            ["listen", s, n] => k.listen(self.fd(s), int(n)).map(ok),
            ["shutdown", s, how] => k.shutdown(self.fd(s), int(how)).map(ok),
            ["accept", name, s] => self.accept(name, s, NONBLOCK, 128),
            ["accept", name, s, flags] => self.accept(name, s, int(flags), 128),
            ["accept", name, s, flags, room] => self.accept(name, s, int(flags), int(room)),
            ["getsockname", s] => k.name(self.fd(s), false, 128).map(|n| self.show_name(&n.bytes)),
            ["getpeername", s] => k.name(self.fd(s), true, 128).map(|n| self.show_name(&n.bytes)),
            ["getsockname", s, n] => {
                k.name(self.fd(s), false, int(n)).map(|name| self.show_in_room(&name, int(n)))
            }
            ["getpeername", s, n] => {
                k.name(self.fd(s), true, int(n)).map(|name| self.show_in_room(&name, int(n)))
            }
            ["setsockopt", s, level, name, value] => {
                let (text, claim) = claimed(value);
                let value = unhex(text);
                let len = claim.unwrap_or(value.len() as i32);
                k.setsockopt_len(self.fd(s), int(level), int(name), &value, len).map(ok)
            }
            ["getsockopt", s, level, name, len] => {
                let mut buf = [0xaa; 512];
                let n = k.getsockopt_len(self.fd(s), int(level), int(name), &mut buf, int(len))?;
                Ok(format!("{n} {}", hex(&buf[..n.clamp(0, 512) as usize])))
            }
            ["filter", s, program] => k.attach_filter(self.fd(s), SO_ATTACH_FILTER, &unhex(program)).map(ok),
            ["reuseport", s, program] => {
                k.attach_filter(self.fd(s), SO_ATTACH_REUSEPORT_CBPF, &unhex(program)).map(ok)
            }
            ["fcntl", s, cmd, arg] => match arg.strip_prefix('=') {
                None => k.fcntl(self.fd(s), int(cmd), number(arg)).map(|n| n.to_string()),
                Some(bytes) => {
                    let mut memory = unhex(bytes);
                    let n = k.fcntl_at(self.fd(s), int(cmd), &mut memory)?;
                    Ok(format!("{n} {}", hex(&memory)))
                }
            },
            ["user", ..] => {
                k.become_nobody();
                Ok(ok(()))
            }
            ["timed", us, ref words @ ..] => self.timed(number(us), words),
            _ => self.move_data(words),
        }
    }

    fn move_data(&mut self, words: &[&str]) -> Result<String> {
        let k = self.kernel;
        match *words {
            ["sendto", s, bytes, flags, to] => {
                let (addr, len) = self.addr(to);
                let (bytes, addr) = (data(bytes), addr.unwrap_or_default());
                k.sendto(self.fd(s), &bytes, int(flags) | NOSIGNAL, &addr, len).map(count)
            }
            ["sendmsg", s, bytes, flags, to, control] => {
                let (bytes, control, (addr, _)) = (data(bytes), messages(control), self.addr(to));
                let message = Outgoing { name: addr.as_deref(), parts: vec![&bytes], control: &control };
                k.sendmsg_of(self.fd(s), &message, int(flags) | NOSIGNAL).map(count)
            }
            ["sendv", s, flags, control, ref lengths @ ..] => {
                let parts: Vec<Vec<u8>> = lengths.iter().map(|n| vec![b'x'; number(n) as usize]).collect();
                let parts = parts.iter().map(Vec::as_slice).collect();
                let control = messages(control);
                let message = Outgoing { name: None, parts, control: &control };
                k.sendmsg_of(self.fd(s), &message, int(flags) | NOSIGNAL).map(count)
            }
            ["recvfrom", s, n, flags] => self.recvfrom(s, n, flags, 128),
            ["recvfrom", s, n, flags, room] => self.recvfrom(s, n, flags, int(room)),
            ["recvmsg", s, parts, control, flags] => {
                let parts: Vec<usize> = parts.split(',').map(|n| number(n) as usize).collect();
                let got = k.recvmsg_into(self.fd(s), &parts, number(control) as usize, int(flags))?;
                Ok(self.show_received(&got))
            }
            ["read", s, n] => {
                let mut buf = vec![0; number(n) as usize];
                let n = k.read(self.fd(s), &mut buf)?;
                Ok(format!("{n} {}", show(&buf[..n])))
            }
            ["write", s, bytes] => k.write(self.fd(s), &data(bytes)).map(count),
            ["pread", s, n, at] => {
                k.pread(self.fd(s), &mut vec![0; number(n) as usize], number(at)).map(count)
            }
            ["pwrite", s, bytes, at] => k.pwrite(self.fd(s), &data(bytes), number(at)).map(count),
            ["splice", a, b, n, flags] => {
                k.splice(self.fd(a), self.fd(b), number(n) as usize, int(flags) as u32).map(count)
            }
            ["tee", a, b, n, flags] => {
                k.tee(self.fd(a), self.fd(b), number(n) as usize, int(flags) as u32).map(count)
            }
            ["sendfile", a, b, n] => k.sendfile(self.fd(a), self.fd(b), number(n) as usize).map(count),
            _ => self.on_file(words),
        }
    }

    fn on_file(&mut self, words: &[&str]) -> Result<String> {
        let k = self.kernel;
        match *words {
            ["epwait", e, timeout] => self.epwait(e, int(timeout)),
            ["poll", s] => k.poll(self.fd(s), POLL_ALL).map(|events| format!("{events:#x}")),
            ["ioctl", s, cmd] => self.ioctl(s, cmd, vec![0; 64], 4),
            ["ioctl", s, cmd, arg] => {
                let memory = unhex(arg);
                let shown = memory.len();
                self.ioctl(s, cmd, memory, shown)
            }
            ["lseek", s, at, whence] => k.lseek(self.fd(s), number(at), int(whence)).map(|at| at.to_string()),
            ["fsync", s] => k.fsync(self.fd(s)).map(ok),
            ["ftruncate", s, n] => k.ftruncate(self.fd(s), number(n)).map(ok),
            ["fallocate", s, mode, at, n] => {
                k.fallocate(self.fd(s), int(mode), number(at), number(n)).map(ok)
            }
            ["fchmod", s, mode] => k.fchmod(self.fd(s), int(mode) as u32).map(ok),
            ["fchown", s, uid, gid] => k.fchown(self.fd(s), int(uid) as u32, int(gid) as u32).map(ok),
            ["fstat", s] => k.fstat(self.fd(s)).map(|stat| format!("{stat:?}")),
            ["mmap", s] => k.mmap(self.fd(s)).map(ok),
            ["dup", name, s] => {
                let fd = k.dup(self.fd(s))?;
                Ok(self.opened(name, fd))
            }
            ["dup3", to, s, flags] => {
                let (from, to) = (self.fd(s), self.fd(to));
                k.dup3(from, to, int(flags)).map(|fd| if fd == to { "ok" } else { "elsewhere" }.to_owned())
            }
            ["pipe", r, w] => {
                let [read, write] = k.pipe2(NONBLOCK)?;
                self.opened(r, read);
                Ok(self.opened(w, write))
            }
            ["eventfd", name, n, flags] => {
                let fd = k.eventfd(int(n) as u32, int(flags) | NONBLOCK)?;
                Ok(self.opened(name, fd))
            }
            ["epoll", name] => {
                let fd = k.epoll_create1(0)?;
                Ok(self.opened(name, fd))
            }
            ["epctl", e, op, s, events, data] => {
                let (events, data) = (number(events) as u32, number(data) as u64);
                k.epoll_ctl(self.fd(e), int(op), self.fd(s), events, data).map(ok)
            }
            ["epwait", e] => self.epwait(e, 0),
            _ => self.on_many(words),
        }
    }

    fn epwait(&self, e: &str, timeout: i32) -> Result<String> {
        let events = self.kernel.epoll_wait(self.fd(e), 16, timeout)?;
        let show = |(events, data): &(u32, u64)| format!("{data}:{events:#x}");
        Ok(format!("[{}]", events.iter().map(show).collect::<Vec<_>>().join(" ")))
    }

    fn accept(&mut self, name: &str, s: &str, flags: i32, room: i32) -> Result<String> {
        let (fd, peer) = self.kernel.accept4(self.fd(s), room, flags)?;
        self.opened(name, fd);
        Ok(self.show_in_room(&peer, room))
    }

    fn recvfrom(&self, s: &str, n: &str, flags: &str, room: i32) -> Result<String> {
        let mut buf = vec![0; number(n) as usize];
        let (n, name) = self.kernel.recvfrom(self.fd(s), &mut buf, int(flags), room)?;
        Ok(format!("{n} {} {}", self.show_in_room(&name, room), show(&buf[..n.min(buf.len())])))
    }

    fn show_received(&self, got: &Received) -> String {
        let control: Vec<String> = got
            .control
            .iter()
            .map(|(level, kind, data)| format!("{level}:{kind}:{}", show_message((*level, *kind), data)))
            .collect();
        let (name, bytes) = (self.show_name(&got.name), show(&got.bytes));
        format!("{} {name} {bytes} {:#x} [{}]", got.result, got.flags, control.join(","))
    }

    fn ioctl(&self, s: &str, cmd: &str, mut memory: Vec<u8>, shown: usize) -> Result<String> {
        let n = self.kernel.ioctl(self.fd(s), number(cmd) as u32, &mut memory)?;
        if STAMPS.contains(&number(cmd)) {
            // By chance, but not zero.
            return Ok(format!("{n}:{}", memory.get(..8).is_some_and(|seconds| seconds != [0; 8])));
        }
        let cut = memory.get(..shown).unwrap_or(&memory);
        match cut.first_chunk::<4>() {
            Some(word) if shown == 4 => Ok(format!("{n}:{}", i32::from_ne_bytes(*word))),
            _ => Ok(format!("{n}:{}", hex(cut))),
        }
    }
}
