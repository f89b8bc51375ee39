//! Creation: every (family, type, protocol) as everybody, alone and in pairs: the errno, or what the
//! socket says of itself.

use crate::place::Who;
use crate::sweep::{Answer, Sweep};
use crate::{Kernel, kernel::Errno};
use sockeye::uapi::socket::{
    AF_INET, AF_PACKET, SO_DOMAIN, SO_PROTOCOL, SO_TYPE, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_PACKET,
    SOL_SOCKET, family_name,
};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// Protocols asked for each type.
const PROTOCOLS: RangeInclusive<i32> = -1..=300;
/// Those that some family or other knows, and their neighbours.
const FEW: [i32; 20] =
    [-1, 0, 1, 2, 6, 17, 31, 32, 33, 58, 132, 136, 253, 255, 256, 257, 262, 263, 300, i32::MAX];
/// The sockets of AF_PACKET take the kernel milliseconds to close.
const PACKET: [i32; 3] = [0, 3, 300];
/// Flags that there are, then junk.
const FLAGS: [i32; 10] = [
    0,
    SOCK_NONBLOCK,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK | SOCK_CLOEXEC,
    0x10,
    0x20 | SOCK_NONBLOCK,
    0x100,
    0x1_0000,
    0x4000_0000,
    i32::MIN,
];

const EVERYDAY: [i32; 4] = [0, SOCK_NONBLOCK | SOCK_CLOEXEC, 0x10, 0x1_0000];

/// All of it, or what is enough for every day.
pub struct Creation {
    /// Every protocol with every flag of every type.
    pub whole: bool,
}

/// `socket(family, kind, …)` or `socketpair(family, kind, …)`, with each of the protocols.
pub struct Question {
    pair: bool,
    family: i32,
    kind: i32,
    protocols: Vec<i32>,
}

impl Creation {
    fn protocols(&self, family: i32, kind: i32, flags: i32) -> Vec<i32> {
        let packet = family == AF_PACKET || (family, kind) == (AF_INET, SOCK_PACKET);
        if packet {
            return PACKET.to_vec();
        }
        let known = [1, 2, 10, 16, 40, 44].contains(&family);
        let every = if self.whole { FLAGS[..4].contains(&flags) } else { flags == 0 && known };
        if every { PROTOCOLS.collect() } else { FEW.to_vec() }
    }
}

impl Sweep for Creation {
    type Question = Question;
    const NAME: &'static str = "creation";

    fn questions(&self, _: Who) -> Vec<Question> {
        let mut questions = Vec::new();
        for pair in [false, true] {
            for family in (0..=64).chain([-1, 65, 255, 1000, i32::MAX]) {
                let asked = |flags: &i32| self.whole || EVERYDAY.contains(flags);
                for flags in FLAGS.into_iter().filter(asked) {
                    for kind in (0..=16).chain([100, 0xf | 0x1000]) {
                        let protocols = self.protocols(family, kind, flags);
                        questions.push(Question { pair, family, kind: kind | flags, protocols });
                    }
                }
            }
        }
        questions
    }

    fn text(&self, question: &Question) -> String {
        let Question { pair, family, kind, .. } = question;
        let call = if *pair { "socketpair" } else { "socket" };
        let name = family_name(*family);
        let name = if name.is_empty() { family.to_string() } else { name.to_owned() };
        format!("{call} {name} {kind:#x}")
    }

    fn part(&self, question: &Question, at: usize) -> String {
        format!("protocol {}", question.protocols.get(at).copied().unwrap_or_default())
    }

    fn ask(&self, kernel: &dyn Kernel, question: &Question) -> Vec<Answer> {
        let &Question { pair, family, kind, ref protocols } = question;
        let one = |protocol: &i32| match pair {
            false => kernel.socket(family, kind, *protocol).map(|fd| vec![fd]),
            true => kernel.socketpair(family, kind, *protocol).map(|pair| pair.to_vec()),
        };
        protocols
            .iter()
            .map(|protocol| one(protocol).map_or_else(errno, |fds| describe(kernel, &fds)))
            .collect()
    }
}

fn errno(errno: Errno) -> Answer {
    Cow::Borrowed(errno.name())
}

/// What the sockets say of themselves; they are closed.
fn describe(kernel: &dyn Kernel, fds: &[i32]) -> Answer {
    const F_GETFD: i32 = 1;
    const F_GETFL: i32 = 3;
    let mut text = "ok".to_owned();
    for fd in fds {
        for option in [SO_DOMAIN, SO_TYPE, SO_PROTOCOL] {
            let mut value = [0; 4];
            match kernel.getsockopt_len(*fd, SOL_SOCKET, option, &mut value, 4) {
                Ok(_) => text += &format!(" {}", i32::from_ne_bytes(value)),
                Err(errno) => text += &format!(" {}", errno.name()),
            }
        }
        let flags = [F_GETFL, F_GETFD].map(|cmd| kernel.fcntl(*fd, cmd, 0));
        text += &format!(" {:o} {}", flags[0].unwrap_or(-1), flags[1].unwrap_or(-1));
        kernel.close(*fd);
    }
    Cow::Owned(text)
}
