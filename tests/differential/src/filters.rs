//! Socket filters: random programs, most of them good, and what is left of packets that they see.

use crate::kernel::{Errno, Kernel};
use crate::place::Who;
use crate::random::Random;
use crate::sweep::{Answer, Sweep};
use crate::value::hex;
use sockeye::uapi::filter::*;
use sockeye::uapi::socket::{
    AF_INET, AF_INET6, MSG_DONTWAIT, MSG_TRUNC, SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER,
    SOCK_DGRAM, SOCK_NONBLOCK, SOCK_RAW, SOL_SOCKET,
};
use sockeye::uapi::{SO_MARK, SockAddr};
use std::net::{Ipv4Addr, Ipv6Addr};

/// So many programs.
pub struct Filters {
    /// How many are drawn for each kind of socket.
    pub count: u64,
}

/// One program on one kind of socket.
pub struct Question {
    kind: &'static (&'static str, i32, i32, i32),
    seed: u64,
    program: Vec<u8>,
}

/// Name, family, type, protocol.
const KINDS: [(&str, i32, i32, i32); 4] = [
    ("udp4", AF_INET, SOCK_DGRAM, 0),
    ("udp6", AF_INET6, SOCK_DGRAM, 0),
    ("raw4", AF_INET, SOCK_RAW, 253),
    ("raw6", AF_INET6, SOCK_RAW, 253),
];

/// What is sent: nothing, little, all kinds of bytes.
const SIZES: [usize; 5] = [0, 1, 7, 40, 300];

const LOADS: [u16; 14] = [
    BPF_LD | BPF_W | BPF_ABS,
    BPF_LD | BPF_H | BPF_ABS,
    BPF_LD | BPF_B | BPF_ABS,
    BPF_LD | BPF_W | BPF_IND,
    BPF_LD | BPF_H | BPF_IND,
    BPF_LD | BPF_B | BPF_IND,
    BPF_LD | BPF_W | BPF_LEN,
    BPF_LD | BPF_IMM,
    BPF_LD | BPF_MEM,
    BPF_LDX | BPF_W | BPF_LEN,
    BPF_LDX | BPF_B | BPF_MSH,
    BPF_LDX | BPF_IMM,
    BPF_LDX | BPF_MEM,
    BPF_MISC | BPF_TAX,
];
const OPS: [u16; 11] =
    [BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_NEG];
const TESTS: [u16; 5] = [BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET, BPF_JA];
/// Not among them: the CPU, the flow's hash and chance, which are the kernel's own.
const KNOWN: [i32; 13] = [
    SKF_AD_PROTOCOL,
    SKF_AD_PKTTYPE,
    SKF_AD_IFINDEX,
    SKF_AD_NLATTR,
    SKF_AD_NLATTR_NEST,
    SKF_AD_MARK,
    SKF_AD_QUEUE,
    SKF_AD_HATYPE,
    SKF_AD_ALU_XOR_X,
    SKF_AD_VLAN_TAG,
    SKF_AD_VLAN_TAG_PRESENT,
    SKF_AD_PAY_OFFSET,
    SKF_AD_VLAN_TPID,
];

fn number(random: &mut Random) -> u32 {
    match random.below(10) {
        0 => u32::MAX,
        1 => random.next() as u32,
        2 => 1 << random.below(32),
        _ => random.below(48) as u32,
    }
}

fn place(random: &mut Random) -> u32 {
    let place = match random.below(8) {
        0 | 1 => SKF_AD_OFF + random.pick(&KNOWN),
        2 => SKF_NET_OFF + random.below(60) as i32,
        3 if random.one_in(10) => SKF_AD_OFF + random.below(80) as i32 * 2 + 1,
        _ => random.below(60) as i32,
    };
    place as u32
}

fn insn(random: &mut Random, left: usize) -> SockFilter {
    let near = |random: &mut Random| random.below(left.clamp(1, 4)) as u8;
    match random.below(20) {
        0..=8 => {
            let code = random.pick(&LOADS);
            let k = match code {
                _ if code & 0xe0 == BPF_MEM => random.below(5) as u32,
                _ if code & 7 == BPF_LD && code & 0xe0 == BPF_ABS => place(random),
                _ => number(random),
            };
            SockFilter::stmt(code, k)
        }
        9..=12 => {
            let source = random.pick(&[BPF_K, BPF_X]);
            let k = number(random);
            let op = random.pick(&OPS);
            let small = matches!(op, BPF_LSH | BPF_RSH) && !random.one_in(10);
            SockFilter::stmt(
                BPF_ALU | op | if op == BPF_NEG { 0 } else { source },
                if small { k % 32 } else { k },
            )
        }
        13..=15 => {
            let test = random.pick(&TESTS);
            let (jt, jf) = (near(random), near(random));
            match test {
                BPF_JA => SockFilter::stmt(BPF_JMP | BPF_JA, u32::from(jt)),
                _ => SockFilter::jump(BPF_JMP | test | random.pick(&[BPF_K, BPF_X]), number(random), jt, jf),
            }
        }
        16 | 17 => SockFilter::stmt(random.pick(&[BPF_ST, BPF_STX]), random.below(5) as u32),
        18 => SockFilter::stmt(BPF_RET | random.pick(&[BPF_K, BPF_A]), number(random)),
        _ if random.one_in(4) => SockFilter::stmt(random.next() as u16 & 0xff, number(random)),
        _ => SockFilter::stmt(BPF_MISC | random.pick(&[BPF_TAX, BPF_TXA]), 0),
    }
}

fn draw(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let length = 1 + random.below(16);
    let mut program: Vec<SockFilter> = Vec::new();
    // Scratch memory that is written may be read.
    for k in 0..random.below(6) as u32 {
        program.push(SockFilter::stmt(BPF_ST, k));
    }
    for at in 0..length {
        program.push(insn(&mut random, length - at));
    }
    if !random.one_in(20) {
        let code = random.pick(&[BPF_RET | BPF_K, BPF_RET | BPF_A, BPF_RET | BPF_A]);
        program.push(SockFilter::stmt(code, random.pick(&[0, 1, 9, 30, u32::MAX])));
    }
    program
        .iter()
        .flat_map(|i| [&i.code.to_ne_bytes()[..], &[i.jt, i.jf], &i.k.to_ne_bytes()].concat())
        .collect()
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

impl Sweep for Filters {
    type Question = Question;
    const NAME: &'static str = "filters";

    fn questions(&self, who: Who) -> Vec<Question> {
        if who != Who::Root {
            return Vec::new();
        }
        let of = |kind| (0..self.count).map(move |seed| Question { kind, seed, program: draw(seed) });
        KINDS.iter().flat_map(of).collect()
    }

    fn text(&self, question: &Question) -> String {
        format!("{} program {} {}", question.kind.0, question.seed, hex(&question.program))
    }

    fn part(&self, _: &Question, at: usize) -> String {
        match at {
            0 => "attach".to_owned(),
            1 => "length".to_owned(),
            2..=6 => format!("packet of {}", SIZES[at - 2]),
            _ => "detach".to_owned(),
        }
    }

    fn ask(&self, kernel: &dyn Kernel, question: &Question) -> Vec<Answer> {
        let &(_, family, kind, protocol) = question.kind;
        match both_ends(kernel, family, kind, protocol) {
            Ok((from, to)) => {
                let answers = answers(kernel, from, to, question);
                kernel.close(from);
                kernel.close(to);
                answers
            }
            Err(errno) => vec![format!("no sockets: {}", errno.name()).into()],
        }
    }
}

fn both_ends(kernel: &dyn Kernel, family: i32, kind: i32, protocol: i32) -> Result<(i32, i32), Errno> {
    let open = || kernel.socket(family, kind | SOCK_NONBLOCK, protocol);
    let (from, to) = (open()?, open()?);
    // The sender does not hear itself.
    kernel.bind(from, &loopback(family, 6101))?;
    kernel.bind(to, &loopback(family, 6102))?;
    kernel.connect(from, &loopback(family, 6102))?;
    kernel.setsockopt(from, SOL_SOCKET, SO_MARK, &77u32.to_ne_bytes())?;
    Ok((from, to))
}

fn answers(kernel: &dyn Kernel, from: i32, to: i32, question: &Question) -> Vec<Answer> {
    let named = |result: Result<(), Errno>| result.map_or_else(Errno::name, |()| "ok");
    let mut answers: Vec<Answer> =
        vec![named(kernel.attach_filter(to, SO_ATTACH_FILTER, &question.program)).into()];
    let len = kernel.getsockopt_len(to, SOL_SOCKET, SO_ATTACH_FILTER, &mut [], 0);
    answers.push(format!("{len:?}").into());
    for size in SIZES {
        let bytes: Vec<u8> = (0..size).map(|i| (i * 7 + size) as u8).collect();
        let sent = kernel.sendmsg(from, &[], &bytes, &[], 0);
        let mut got = Vec::new();
        let flags = (MSG_TRUNC | MSG_DONTWAIT) as i32;
        while let Ok((n, _)) = kernel.recvfrom(to, &mut [0; 2048], flags, 0) {
            got.push(n);
        }
        answers.push(format!("{sent:?} {got:?}").into());
    }
    let lock = question.seed.is_multiple_of(3);
    let locked = named(kernel.setsockopt(to, SOL_SOCKET, SO_LOCK_FILTER, &u32::from(lock).to_ne_bytes()));
    let detached = named(kernel.setsockopt(to, SOL_SOCKET, SO_DETACH_FILTER, &[0; 4]));
    let again = named(kernel.attach_filter(to, SO_ATTACH_FILTER, &question.program));
    let unlocked = named(kernel.setsockopt(to, SOL_SOCKET, SO_LOCK_FILTER, &[0; 4]));
    answers.push(format!("{locked} {detached} {again} {unlocked}").into());
    answers
}
