//! Programs of calls on AF_UNIX sockets: drawn, run on a kernel, and cut down to what matters.
//!
//! Descriptors live in eight slots. After every call all slots are polled, so that a state that went
//! its own way is seen at once. What cannot be equal is told in words: the names that autobind chooses,
//! numbers of processes and of descriptors.

use crate::kernel::{Errno, Kernel, Outgoing, Received, control};
use std::fmt::Write;
use std::time::Duration;

type Result<T> = std::result::Result<T, Errno>;

const SLOTS: usize = 8;
const NONBLOCK: i32 = 0o4000;
const DONTWAIT: i32 = 0x40;
const NOSIGNAL: i32 = 0x4000;
const SCM_RIGHTS: i32 = 1;
const SCM_CREDENTIALS: i32 = 2;
const SCM_PIDFD: i32 = 4;
const SO_PEERCRED: i32 = 17;
const SO_ATTACH_FILTER: i32 = 26;
const SO_TIMESTAMP: i32 = 29;
const SO_PEERPIDFD: i32 = 77;
const SO_COOKIE: i32 = 57;
const SO_PEERNAME: i32 = 28;
const POLL_ALL: i16 = 0x27df;

/// What goes beside the bytes.
#[derive(Clone, Debug)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The descriptors of slots.
    Fds(Vec<usize>),
    /// The sender's own credentials.
    Creds,
    /// Both.
    Both(usize),
}

/// A call. Slots are numbers below eight; names are those of [`address`].
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is the call of its name")]
pub enum Op {
    Socket(usize, i32),
    Pair(usize, usize, i32),
    Close(usize),
    Dup(usize, usize),
    Bind(usize, usize),
    Connect(usize, usize),
    Listen(usize, i32),
    Accept(usize, usize),
    Shutdown(usize, i32),
    Send(usize, usize, i32, usize, Beside),
    Recv(usize, usize, i32, usize),
    Read(usize, usize),
    Write(usize, usize),
    Ioctl(usize, u32),
    Set(usize, i32, i32),
    Get(usize, i32, usize),
    Name(usize, bool),
    /// Watched by an epoll from now on.
    Watch(usize, u32),
    /// A filter that keeps so many bytes of each message.
    Filter(usize, u32),
}

/// Numbers by chance, the same for the same seed.
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A program of `len` calls.
pub fn program(dice: &mut Dice, len: usize) -> Vec<Op> {
    // Most programs are about one type: sockets of different types hardly meet.
    let kind = dice.of(&[1, 1, 2, 5]);
    (0..len).map(|i| op(dice, kind, i < 3)).collect()
}

fn op(dice: &mut Dice, usual: i32, begins: bool) -> Op {
    let kind = if dice.below(12) == 0 { dice.of(&[1, 2, 5]) } else { usual };
    let s = dice.below(SLOTS);
    let t = dice.below(SLOTS);
    if begins {
        return if dice.below(3) > 0 { Op::Pair(s, (s + 1) % SLOTS, kind) } else { Op::Socket(s, kind) };
    }
    match dice.below(100) {
        0..4 => Op::Socket(s, kind),
        4..8 => Op::Pair(s, if s == t { (s + 1) % SLOTS } else { t }, kind),
        8..13 => Op::Close(s),
        13..15 => Op::Dup(s, t),
        15..20 => Op::Bind(s, dice.below(10)),
        20..26 => Op::Connect(s, dice.below(10)),
        26..30 => Op::Listen(s, dice.of(&[0, 0, 1, 5, -1])),
        30..34 => Op::Accept(s, t),
        34..37 => Op::Shutdown(s, dice.of(&[0, 1, 2, 2, 1, 3, -1])),
        37..58 => {
            let flags = dice.of(&[0, 0, 0, 0, 1, 1, 1, 0x80, 0x8000]);
            let name = if dice.below(4) == 0 { dice.below(10) } else { usize::MAX };
            Op::Send(s, length(dice), flags, name, beside(dice))
        }
        58..80 => {
            let flags = dice.of(&[0, 0, 0, 1, 1, 2, 2, 3, 0x20, 0x22, 0x100, 0x102, 0x4000_0000, 0x2000]);
            Op::Recv(s, length(dice), flags, dice.of(&[0, 200, 200, 200, 20, 24, 28, 48, 64]))
        }
        80..82 => Op::Read(s, length(dice)),
        82..84 => Op::Write(s, length(dice)),
        84..88 => Op::Ioctl(s, dice.of(&[0x541b, 0x5411, 0x8905])),
        88..94 => {
            let option = dice.of(&[16, 76, 83, 10, 10, 42, 42, 7, 18, 84, 34, 29]);
            let value = match option {
                7 => dice.of(&[1, 5000, 40_000, 200_000]),
                42 => dice.of(&[-1, 0, 0, 1, 3, 7]),
                18 => dice.of(&[0, 1, 4, 100]),
                _ => dice.of(&[0, 1, 1, 2]),
            };
            Op::Set(s, option, value)
        }
        94..97 => {
            let option =
                dice.of(&[4, 4, 4, 30, 17, 3, 7, 42, 16, 76, 77, 83, 84, 10, 59, 28, 34, 38, 39, 55, 8]);
            Op::Get(s, option, dice.of(&[4, 4, 4, 12, 2, 0, 64]))
        }
        97 if dice.below(3) == 0 => Op::Filter(s, dice.of(&[0, 0, 1, 2, 65535])),
        97 => Op::Name(s, dice.below(2) == 0),
        _ => {
            // Edge-triggered, so that every wake shows and none that is missing.
            let events = dice.of(&[0x1, 0x4, 0x5, 0x2005, 0x2007]);
            Op::Watch(s, events | dice.of(&[0, 1 << 31, 1 << 31, 1 << 30]))
        }
    }
}

fn length(dice: &mut Dice) -> usize {
    dice.of(&[0, 1, 1, 2, 2, 3, 3, 5, 8, 20, 100, 3000, 4000, 5000, 40_000, 120_000])
}

fn beside(dice: &mut Dice) -> Beside {
    match dice.below(8) {
        0 => Beside::Fds(vec![dice.below(SLOTS)]),
        1 => Beside::Fds((0..1 + dice.below(4)).map(|_| dice.below(SLOTS)).collect()),
        2 => Beside::Creds,
        3 if dice.below(3) == 0 => Beside::Both(dice.below(SLOTS)),
        _ => Beside::Nothing,
    }
}

/// Name `n`: no family, abstract ones, files in `place`, none, and what is no address.
///
/// Abstract names are another run's another time: garbage may hold the old ones for a while.
fn address(n: usize, place: &str, run: u32) -> Vec<u8> {
    let path = match n {
        0 => return vec![0; 16],
        1 => format!("\0{run:07}a").into_bytes(),
        2 => format!("\0{run:07}b\0").into_bytes(),
        3 => format!("\0{run:07}a\0\0").into_bytes(),
        4 => format!("{place}/f").into_bytes(),
        5 => format!("{place}/g\0rest").into_bytes(),
        6 => Vec::new(),
        7 => return vec![1],
        8 => vec![0; 109],
        _ => return [&2u16.to_ne_bytes()[..], b"/f"].concat(),
    };
    [&1u16.to_ne_bytes()[..], &path].concat()
}

/// Runs programs on one kernel.
pub struct Runner<'k> {
    kernel: &'k dyn Kernel,
    /// A directory for files, or what takes one's place.
    place: String,
    /// The number of the calling process.
    pid: u32,
    /// How long the collector may need, milliseconds.
    pub patience: u64,
    slots: [Option<i32>; SLOTS],
    sent: u8,
    in_flight: bool,
    run: u32,
    /// The epoll, and how many sockets it was given.
    epoll: Option<i32>,
    watched: u64,
}

impl<'k> Runner<'k> {
    /// On `kernel`, whose process has number `pid`.
    pub fn new(kernel: &'k dyn Kernel, place: &str, pid: u32) -> Self {
        Runner {
            kernel,
            place: place.to_owned(),
            pid,
            patience: 0,
            slots: [None; SLOTS],
            sent: 0,
            in_flight: false,
            run: 0,
            epoll: None,
            watched: 0,
        }
    }

    /// The answers to a program; all is closed afterwards.
    pub fn run(&mut self, program: &[Op]) -> Vec<String> {
        self.sent = 0;
        self.in_flight = false;
        self.run += 1;
        let answers = program.iter().map(|op| self.step(op)).collect();
        for slot in 0..SLOTS {
            self.put(slot, None);
        }
        if let Some(epoll) = self.epoll.take() {
            self.kernel.close(epoll);
        }
        self.watched = 0;
        self.settle();
        answers
    }

    /// Garbage is looked for when any socket ends, on Linux any of the machine's and a moment later: so
    /// one ends now, and there is a moment.
    fn settle(&self) {
        if !self.in_flight {
            return;
        }
        if let Ok(fd) = self.kernel.socket(1, 1, 0) {
            self.kernel.close(fd);
        }
        if self.patience > 0 {
            std::thread::sleep(Duration::from_millis(self.patience));
        }
    }

    fn put(&mut self, slot: usize, fd: Option<i32>) {
        if let Some(old) = std::mem::replace(&mut self.slots[slot], fd) {
            self.kernel.close(old);
        }
    }

    fn fd(&self, slot: usize) -> i32 {
        self.slots[slot].unwrap_or(-1)
    }

    fn step(&mut self, op: &Op) -> String {
        let mut line = self.call(op).unwrap_or_else(|errno| errno.name().to_owned());
        self.settle();
        line.push_str(" |");
        for slot in 0..SLOTS {
            match self.slots[slot] {
                Some(fd) => {
                    let events = self.kernel.poll(fd, POLL_ALL).unwrap_or(-1);
                    let _ = write!(line, " {events:x}");
                }
                None => line.push_str(" -"),
            }
        }
        if let Some(epoll) = self.epoll {
            let mut events = self.kernel.epoll_wait(epoll, 16, 0).unwrap_or_default();
            events.sort_unstable_by_key(|(_, watched)| *watched);
            for (events, watched) in events {
                let _ = write!(line, " {watched}:{events:x}");
            }
        }
        line
    }

    fn call(&mut self, op: &Op) -> Result<String> {
        let k = self.kernel;
        match op {
            Op::Socket(s, kind) => {
                let fd = k.socket(1, kind | NONBLOCK, 0)?;
                self.put(*s, Some(fd));
            }
            Op::Pair(s, t, kind) => {
                let [a, b] = k.socketpair(1, kind | NONBLOCK, 0)?;
                self.put(*s, Some(a));
                self.put(*t, Some(b));
            }
            Op::Close(s) => self.put(*s, None),
            Op::Dup(s, t) => {
                let fd = k.dup(self.fd(*s))?;
                self.put(*t, Some(fd));
            }
            Op::Bind(s, name) => k.bind(self.fd(*s), &address(*name, &self.place, self.run))?,
            Op::Connect(s, name) => k.connect(self.fd(*s), &address(*name, &self.place, self.run))?,
            Op::Listen(s, backlog) => k.listen(self.fd(*s), *backlog)?,
            Op::Accept(s, t) => {
                let (fd, name) = k.accept4(self.fd(*s), 128, NONBLOCK)?;
                self.put(*t, Some(fd));
                return Ok(self.show_name(&name.bytes));
            }
            Op::Shutdown(s, how) => k.shutdown(self.fd(*s), *how)?,
            Op::Send(s, len, flags, name, beside) => return self.send(*s, *len, *flags, *name, beside),
            Op::Recv(s, room, flags, control) => {
                let got = k.recvmsg_into(self.fd(*s), &[*room], *control, flags | DONTWAIT)?;
                return Ok(self.show(got));
            }
            Op::Read(s, room) => {
                let mut bytes = vec![0; *room];
                let n = k.read(self.fd(*s), &mut bytes)?;
                return Ok(format!("{n} {}", digest(&bytes[..n])));
            }
            Op::Write(s, len) => {
                let bytes = self.bytes(*len);
                return k.write(self.fd(*s), &bytes).map(|n| n.to_string());
            }
            Op::Ioctl(s, cmd) => {
                let mut arg = [0xee; 4];
                k.ioctl(self.fd(*s), *cmd, &mut arg)?;
                return Ok(i32::from_ne_bytes(arg).to_string());
            }
            Op::Set(s, option, value) => k.setsockopt(self.fd(*s), 1, *option, &value.to_ne_bytes())?,
            Op::Get(s, option, len) => return self.get(*s, *option, *len),
            Op::Watch(s, events) => {
                let epoll = match self.epoll {
                    Some(epoll) => epoll,
                    None => k.epoll_create1(0)?,
                };
                self.epoll = Some(epoll);
                self.watched += 1;
                k.epoll_ctl(epoll, 1, self.fd(*s), *events, self.watched)?;
            }
            Op::Filter(s, keeps) => {
                const RET: [u8; 4] = [6, 0, 0, 0];
                let program = [RET, keeps.to_ne_bytes()].concat();
                k.attach_filter(self.fd(*s), SO_ATTACH_FILTER, &program)?;
            }
            Op::Name(s, peer) => {
                let name = k.name(self.fd(*s), *peer, 128)?;
                return Ok(self.show_name(&name.bytes));
            }
        }
        Ok("ok".to_owned())
    }

    /// Bytes that tell where in all that was sent they belong.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        self.sent = self.sent.wrapping_add(1);
        (0..len).map(|i| self.sent.wrapping_add((i % 251) as u8)).collect()
    }

    fn send(&mut self, s: usize, len: usize, flags: i32, name: usize, beside: &Beside) -> Result<String> {
        let bytes = self.bytes(len);
        let name = (name != usize::MAX).then(|| address(name, &self.place, self.run));
        let fds = |slots: &[usize]| -> Vec<u8> {
            slots.iter().flat_map(|slot| self.fd(*slot).to_ne_bytes()).collect()
        };
        let creds = [self.pid, 0, 0].map(u32::to_ne_bytes).concat();
        let beside = match beside {
            Beside::Nothing => Vec::new(),
            Beside::Fds(slots) => control(1, SCM_RIGHTS, &fds(slots)),
            Beside::Creds => control(1, SCM_CREDENTIALS, &creds),
            Beside::Both(slot) => {
                [control(1, SCM_RIGHTS, &fds(&[*slot])), control(1, SCM_CREDENTIALS, &creds)].concat()
            }
        };
        self.in_flight |= !beside.is_empty();
        let message = Outgoing { name: name.as_deref(), parts: vec![&bytes], control: &beside };
        let flags = flags | DONTWAIT | NOSIGNAL;
        self.kernel.sendmsg_of(self.fd(s), &message, flags).map(|n| n.to_string())
    }

    fn get(&mut self, s: usize, option: i32, len: usize) -> Result<String> {
        let (n, mut bytes) = self.kernel.getsockopt(self.fd(s), 1, option, len, 0xaa)?;
        bytes.truncate(n);
        match option {
            SO_PEERCRED if n < 4 => bytes.clear(),
            SO_PEERCRED => self.hide_pid(&mut bytes),
            SO_COOKIE | SO_PEERNAME => bytes.clear(),
            SO_PEERPIDFD => {
                if let Some(fd) = bytes.first_chunk::<4>() {
                    self.kernel.close(i32::from_ne_bytes(*fd));
                }
                bytes.clear();
            }
            _ => {}
        }
        Ok(format!("{n} {bytes:02x?}"))
    }

    fn hide_pid(&self, ucred: &mut [u8]) {
        if let Some(pid) = ucred.first_chunk_mut::<4>()
            && *pid == self.pid.to_ne_bytes()
        {
            *pid = *b"self";
        }
    }

    fn show_name(&self, name: &[u8]) -> String {
        match name {
            [1, 0, 0, digits @ ..] if digits.len() == 5 && digits.iter().all(u8::is_ascii_hexdigit) => {
                "chosen".to_owned()
            }
            [] => "-".to_owned(),
            _ => String::from_utf8_lossy(name)
                .replace(&self.place, "")
                .replace(&format!("{:07}", self.run), "")
                .escape_default()
                .to_string(),
        }
    }

    fn show(&mut self, got: Received) -> String {
        let mut line = format!(
            "{} {} from {} flags {:#x}",
            got.result,
            digest(&got.bytes),
            self.show_name(&got.name),
            got.flags & !0x4000_0000
        );
        for (level, kind, mut data) in got.control {
            match (level, kind) {
                (1, SCM_RIGHTS) => {
                    let fds: Vec<i32> =
                        data.as_chunks::<4>().0.iter().map(|fd| i32::from_ne_bytes(*fd)).collect();
                    let _ = write!(line, " fds {}", fds.len());
                    for fd in fds {
                        let flags = self.kernel.fcntl(fd, 1, 0).unwrap_or(-1);
                        let _ = write!(line, " {flags}");
                        match (0..SLOTS).find(|slot| self.slots[*slot].is_none()) {
                            Some(free) => self.slots[free] = Some(fd),
                            None => self.kernel.close(fd),
                        }
                    }
                }
                (1, SCM_PIDFD) if data.len() == 4 => {
                    let fd = i32::from_ne_bytes([data[0], data[1], data[2], data[3]]);
                    self.kernel.close(fd);
                    let _ = write!(line, " pidfd {}", fd.min(0));
                }
                (1, SO_TIMESTAMP) => line.push_str(" time"),
                _ => {
                    if kind == SCM_CREDENTIALS {
                        self.hide_pid(&mut data);
                    }
                    let _ = write!(line, " {level}:{kind}:{data:02x?}");
                }
            }
        }
        line
    }
}

/// Few bytes whole, many as a sum.
fn digest(bytes: &[u8]) -> String {
    if bytes.len() <= 8 {
        return format!("{bytes:02x?}");
    }
    let sum = bytes.iter().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    format!("#{sum:08x}")
}

/// The first call whose answers differ, with both answers.
pub fn first_difference(linux: &[String], sockeye: &[String]) -> Option<usize> {
    linux.iter().zip(sockeye).position(|(a, b)| a != b)
}

/// Leaves out calls as long as `differs` stays true.
pub fn shrink(mut program: Vec<Op>, mut differs: impl FnMut(&[Op]) -> bool) -> Vec<Op> {
    let mut piece = program.len() / 2;
    while piece > 0 {
        let mut at = 0;
        let before = program.len();
        while at < program.len() {
            let end = (at + piece).min(program.len());
            let shorter = [&program[..at], &program[end..]].concat();
            if differs(&shorter) {
                program = shorter;
            } else {
                at = end;
            }
        }
        if program.len() == before || piece > 1 {
            piece /= 2;
        }
    }
    program
}
