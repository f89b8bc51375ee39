//! Memory: how much fits into a buffer, and what is charged for it (`SO_MEMINFO`) after each step.

use crate::place::Who;
use crate::sweep::{Answer, Sweep};
use crate::{Kernel, kernel::Errno};
use sockeye::uapi::socket::{
    AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, MSG_DONTWAIT, MSG_PEEK, SO_MEMINFO, SO_RCVBUFFORCE,
    SO_SNDBUFFORCE, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET,
};
use sockeye::uapi::{IPPROTO_ICMP, IPPROTO_UDPLITE, SockAddr};
use std::net::{Ipv4Addr, Ipv6Addr};

/// All of it, or what is enough for every day.
pub struct Memory {
    /// Every buffer with every size.
    pub whole: bool,
    /// TCP too: what a kernel answers hangs on its timers when it is slow.
    pub tcp: bool,
}

/// A pair of sockets: name, family, type, protocol.
type Kind = (&'static str, i32, i32, i32);

const DATAGRAMS: [Kind; 9] = [
    ("udp", AF_INET, SOCK_DGRAM, 0),
    ("udp6", AF_INET6, SOCK_DGRAM, 0),
    ("udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE),
    ("raw", AF_INET, SOCK_RAW, 253),
    ("raw6", AF_INET6, SOCK_RAW, 253),
    ("ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
    ("unix dgram", AF_UNIX, SOCK_DGRAM, 0),
    ("unix seqpacket", AF_UNIX, SOCK_SEQPACKET, 0),
    ("netlink", AF_NETLINK, SOCK_RAW, 0),
];
/// TCP comes last, so that a recording with it serves without it.
const STREAMS: [Kind; 3] = [
    ("unix stream", AF_UNIX, SOCK_STREAM, 0),
    ("tcp", AF_INET, SOCK_STREAM, 0),
    ("tcp6", AF_INET6, SOCK_STREAM, 0),
];

/// What `SO_RCVBUFFORCE`, `SO_SNDBUFFORCE` are given, bytes.
const BUFFERS: [i32; 17] = [
    0, 256, 512, 1000, 1152, 2304, 4096, 5000, 10_000, 16_384, 32_768, 65_536, 106_496, 212_992, 300_000,
    524_288, 1_048_576,
];
const BUFFERS_FEW: [i32; 4] = [256, 5000, 16_384, 106_496];
/// Bytes of a message.
const SIZES: [usize; 12] = [0, 1, 100, 184, 198, 1000, 1472, 4000, 9000, 16_004, 16_384, 65_507];
const SIZES_FEW: [usize; 3] = [1, 1472, 65_507];
/// Bytes of a write.
const WRITES: [usize; 7] = [1, 100, 1000, 4096, 16_384, 65_536, 1_000_000];
const WRITES_FEW: [usize; 2] = [100, 4096];

/// Messages or writes of one size into one buffer.
pub struct Question {
    kind: Kind,
    buffer: i32,
    size: usize,
    /// Each step is looked at, writes and then reads.
    steps: bool,
}

/// How many writes are looked at one by one, and then reads.
const STEPS: usize = 48;

impl Sweep for Memory {
    type Question = Question;
    const NAME: &'static str = "memory";

    fn questions(&self, who: Who) -> Vec<Question> {
        if who != Who::Root {
            return Vec::new();
        }
        let (buffers, sizes, writes): (&[i32], &[usize], &[usize]) =
            if self.whole { (&BUFFERS, &SIZES, &WRITES) } else { (&BUFFERS_FEW, &SIZES_FEW, &WRITES_FEW) };
        let mut questions = Vec::new();
        for (kinds, sizes) in [(&DATAGRAMS[..], sizes), (&STREAMS[..], writes)] {
            for &kind in kinds.iter().filter(|kind| self.tcp || !kind.0.starts_with("tcp")) {
                // How much a large buffer of TCP takes hangs on round trips.
                let large = |buffer: i32| kind.0.starts_with("tcp") && !self.whole && buffer > 5000;
                for &buffer in buffers.iter().filter(|buffer| !large(**buffer)) {
                    let one = |&size| Question { kind, buffer, size, steps: false };
                    questions.extend(sizes.iter().map(one));
                    if kind.2 == SOCK_STREAM && (self.whole || buffer == 5000) {
                        questions.extend(sizes.iter().map(|size| Question { steps: true, ..one(size) }));
                    }
                }
            }
        }
        questions
    }

    fn text(&self, question: &Question) -> String {
        let &Question { kind, buffer, size, steps } = question;
        format!("{} buffer {buffer} messages of {size}{}", kind.0, if steps { " step by step" } else { "" })
    }

    fn part(&self, question: &Question, at: usize) -> String {
        if question.steps {
            return format!("step {at}");
        }
        let parts: &[&str] = if question.kind.2 == SOCK_STREAM { &STREAM_PARTS } else { &DATAGRAM_PARTS };
        parts.get(at).unwrap_or(&"").to_string()
    }

    fn ask(&self, kernel: &dyn Kernel, question: &Question) -> Vec<Answer> {
        match pair(kernel, question.kind) {
            Ok((from, to, others)) => {
                let answers = if question.steps {
                    steps(kernel, from, to, question)
                } else if question.kind.2 == SOCK_STREAM {
                    stream(kernel, from, to, question)
                } else {
                    datagrams(kernel, from, to, question)
                };
                for fd in others.into_iter().chain([from, to]) {
                    kernel.close(fd);
                }
                answers
            }
            Err(errno) => vec![format!("no sockets: {}", errno.name()).into()],
        }
    }
}

fn loopback(family: i32, port: u16) -> Vec<u8> {
    let addr = if family == AF_INET {
        SockAddr::Inet { addr: Ipv4Addr::LOCALHOST, port }
    } else {
        SockAddr::Inet6 { addr: Ipv6Addr::LOCALHOST, port, flowinfo: 0, scope_id: 0 }
    };
    let mut bytes = vec![0; 128];
    let len = addr.encode(&mut bytes);
    bytes.truncate(len);
    bytes
}

/// Two sockets, of which the first sends to the second, and what is to be closed beside them.
fn pair(kernel: &dyn Kernel, (_, family, kind, protocol): Kind) -> Result<(i32, i32, Vec<i32>), Errno> {
    if family == AF_UNIX {
        let [from, to] = kernel.socketpair(family, kind | SOCK_NONBLOCK, protocol)?;
        return Ok((from, to, vec![]));
    }
    let open = || kernel.socket(family, kind | SOCK_NONBLOCK, protocol);
    let (from, to) = (open()?, open()?);
    if family == AF_NETLINK {
        let address = |port: u32| [[16, 0, 0, 0], port.to_ne_bytes(), [0; 4]].concat();
        kernel.bind(from, &address(71_001))?;
        kernel.bind(to, &address(71_002))?;
        kernel.connect(from, &address(71_002))?;
        return Ok((from, to, vec![]));
    }
    if kind == SOCK_STREAM {
        kernel.bind(to, &loopback(family, 0))?;
        let name = kernel.getsockname(to)?;
        kernel.listen(to, 1)?;
        // It may still be under way.
        let _ = kernel.connect(from, &name);
        let (accepted, _) = kernel.accept4(to, 128, SOCK_NONBLOCK)?;
        return Ok((from, accepted, vec![to]));
    }
    if kind == SOCK_RAW || protocol == IPPROTO_ICMP {
        // Only `to` hears.
        kernel.bind(from, &loopback(family, 6201))?;
        kernel.bind(to, &loopback(family, 6202))?;
        kernel.connect(from, &loopback(family, 6202))?;
        if kind == SOCK_RAW {
            kernel.setsockopt(from, SOL_SOCKET, SO_RCVBUFFORCE, &0i32.to_ne_bytes())?;
            kernel.connect(to, &loopback(family, 6201))?;
        }
        return Ok((from, to, vec![]));
    }
    kernel.bind(to, &loopback(family, 0))?;
    let name = kernel.getsockname(to)?;
    kernel.connect(from, &name)?;
    Ok((from, to, vec![]))
}

/// Words of `SO_MEMINFO`.
fn words(kernel: &dyn Kernel, fd: i32) -> [u32; 9] {
    let mut bytes = [0; 36];
    let _ = kernel.getsockopt_len(fd, SOL_SOCKET, SO_MEMINFO, &mut bytes, 36);
    std::array::from_fn(|i| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| bytes[4 * i + byte])))
}

/// Both ends' memory, with the names that are not 0.
fn meminfo(kernel: &dyn Kernel, from: i32, to: i32) -> Answer {
    const NAMES: [&str; 9] = ["rmem", "rcvbuf", "wmem", "sndbuf", "fwd", "queued", "opt", "backlog", "drops"];
    let mut text = String::new();
    for (end, fd) in [("from", from), ("to", to)] {
        text += end;
        for (name, word) in NAMES.iter().zip(words(kernel, fd)).filter(|(_, word)| *word != 0) {
            text += &format!(" {name} {word}");
        }
        text += if end == "from" { "; " } else { "" };
    }
    text.into()
}

const DATAGRAM_PARTS: [&str; 12] = [
    "fresh",
    "one",
    "fit",
    "full",
    "peek",
    "one read",
    "one more",
    "half read",
    "fit again",
    "full again",
    "all read",
    "one again",
];

fn datagrams(kernel: &dyn Kernel, from: i32, to: i32, question: &Question) -> Vec<Answer> {
    let &Question { buffer, size, kind, .. } = question;
    let bytes = vec![if kind.3 == IPPROTO_ICMP { 0 } else { 7 }; size];
    let bytes = if kind.3 == IPPROTO_ICMP && size >= 8 { [&[8u8][..], &bytes[1..]].concat() } else { bytes };
    let send = || kernel.sendmsg(from, &[], &bytes, &[], MSG_DONTWAIT as i32);
    let read = |flags: u32| kernel.recvfrom(to, &mut [0; 16], (flags | MSG_DONTWAIT) as i32, 0).is_ok();
    // Until one is refused or dropped, or there are many.
    let fill = || -> (usize, Answer) {
        let before = words(kernel, to)[8];
        for n in 0..4000 {
            match send() {
                Err(errno) => return (n, format!("{n} {}", errno.name()).into()),
                Ok(_) if words(kernel, to)[8] != before => return (n, format!("{n} dropped").into()),
                Ok(_) => {}
            }
        }
        (4000, "many".into())
    };
    for (fd, option) in [(to, SO_RCVBUFFORCE), (from, SO_SNDBUFFORCE)] {
        let unix = kind.1 == AF_UNIX;
        if unix == (option == SO_SNDBUFFORCE) {
            let _ = kernel.setsockopt(fd, SOL_SOCKET, option, &buffer.to_ne_bytes());
        }
    }
    let info = || meminfo(kernel, from, to);
    let mut answers = vec![info()];
    let first = send();
    answers.push(format!("{first:?} {}", info()).into());
    let (fit, text) = fill();
    answers.extend([text, info()]);
    read(MSG_PEEK);
    answers.push(info());
    read(0);
    answers.push(info());
    let _ = send();
    answers.push(info());
    for _ in 0..fit.div_ceil(2) {
        read(0);
    }
    answers.push(info());
    let (_, text) = fill();
    answers.extend([text, info()]);
    while read(0) {}
    answers.push(info());
    let _ = send();
    answers.push(info());
    answers
}

const STREAM_PARTS: [&str; 8] =
    ["fresh", "one", "written", "full", "one read", "half read", "all read", "all again"];

fn stream(kernel: &dyn Kernel, from: i32, to: i32, question: &Question) -> Vec<Answer> {
    let &Question { buffer, size, .. } = question;
    let bytes = vec![7; size];
    let mut room = vec![0; 1 << 20];
    for (fd, option) in [(to, SO_RCVBUFFORCE), (from, SO_SNDBUFFORCE)] {
        let _ = kernel.setsockopt(fd, SOL_SOCKET, option, &buffer.to_ne_bytes());
    }
    let info = || meminfo(kernel, from, to);
    let mut answers = vec![info()];
    let first = kernel.write(from, &bytes);
    answers.push(format!("{first:?} {}", info()).into());
    let (mut total, mut writes) = (first.unwrap_or(0), 1);
    while writes < 5000
        && let Ok(n) = kernel.write(from, &bytes)
    {
        total += n;
        writes += 1;
    }
    answers.push(format!("{total} bytes in {writes}").into());
    answers.push(info());
    let _ = kernel.read(to, &mut room[..100]);
    answers.push(info());
    let mut read = 100;
    while read < total / 2
        && let Ok(n) = kernel.read(to, &mut room[..size.min(1 << 20).min(total / 2 - read)])
        && n > 0
    {
        read += n;
    }
    answers.push(info());
    while let Ok(n) = kernel.read(to, &mut room)
        && n > 0
    {
        read += n;
    }
    answers.push(format!("{read} {}", info()).into());
    let again = kernel.write(from, &bytes);
    answers.push(format!("{again:?} {}", info()).into());
    answers
}

/// Every write, and then every read, is looked at.
fn steps(kernel: &dyn Kernel, from: i32, to: i32, question: &Question) -> Vec<Answer> {
    let &Question { buffer, size, .. } = question;
    let bytes = vec![7; size];
    let mut room = vec![0; size];
    for (fd, option) in [(to, SO_RCVBUFFORCE), (from, SO_SNDBUFFORCE)] {
        let _ = kernel.setsockopt(fd, SOL_SOCKET, option, &buffer.to_ne_bytes());
    }
    let mut answers = Vec::new();
    for _ in 0..STEPS {
        let n = kernel.write(from, &bytes);
        answers.push(format!("wrote {n:?} {}", meminfo(kernel, from, to)).into());
    }
    for _ in 0..STEPS {
        let n = kernel.read(to, &mut room);
        answers.push(format!("read {n:?} {}", meminfo(kernel, from, to)).into());
    }
    answers
}
