//! Drawing a program: five to sixty calls. Some begin with connections that stand, for what comes after a
//! handshake is rarely reached by chance.

mod wide;

use crate::random::Random;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// Family, type, protocol.
const KINDS: [&str; 9] =
    ["2 1 0", "10 1 0", "2 2 0", "10 2 0", "2 1 0", "10 1 6", "2 2 17", "10 2 0", "10 2 17"];

const SEND_FLAGS: [u32; 12] = [0, 0, 0, 0, 0x40, 1, 0x8000, 4, 0x800, 0x80, 2, 0x4000_0000];
const RECV_FLAGS: [u32; 13] = [0, 0, 0, 0, 0x40, 2, 0x20, 1, 0x100, 0x2000, 0x22, 0x102, 0x4000_0000];
const SIZES: [usize; 9] = [0, 1, 2, 10, 100, 1000, 1400, 5000, 20000];

/// Options: level, name, values in hexadecimal that are tried beside some for all.
const OPTIONS: [(i32, i32, &[&str]); 44] = [
    (1, 2, &[]),
    (1, 3, &[]),
    (1, 4, &[]),
    (1, 5, &[]),
    (1, 6, &[]),
    (1, 7, &["00040000", "00100000", "00000100"]),
    (1, 8, &["00040000", "00100000", "00000100"]),
    (1, 9, &[]),
    (1, 10, &[]),
    (1, 11, &[]),
    (1, 12, &["06000000"]),
    (1, 13, &["0100000000000000", "0000000000000000", "0100000001000000"]),
    (1, 15, &[]),
    (1, 18, &["02000000", "00100000"]),
    (1, 25, &["6c6f"]),
    (1, 30, &[]),
    (1, 38, &[]),
    (1, 39, &[]),
    (1, 40, &[]),
    (1, 42, &["05000000", "ffffffff"]),
    (1, 45, &[]),
    (0, 1, &["10000000"]),
    (0, 2, &["40000000"]),
    (0, 8, &[]),
    (0, 10, &["02000000", "03000000"]),
    (0, 11, &[]),
    (0, 12, &[]),
    (0, 13, &[]),
    (0, 14, &[]),
    (0, 15, &[]),
    (0, 24, &[]),
    (0, 4, &["01010100", "-"]),
    (41, 26, &[]),
    (41, 16, &["40000000"]),
    (41, 25, &[]),
    (41, 49, &[]),
    (41, 51, &[]),
    (41, 67, &["10000000"]),
    (6, 1, &[]),
    (6, 2, &["00020000", "58000000"]),
    (6, 3, &[]),
    (6, 9, &[]),
    (6, 12, &[]),
    (17, 1, &[]),
];

/// Commands of ioctl: bytes to read, to send, the urgent mark, not yet sent, the time of the last packet.
const IOCTLS: [u32; 9] = [0x541b, 0x5411, 0x8905, 0x894b, 0x5401, 0x8906, 0x8907, 0x8010_8906, 0x8010_8907];

struct Drawing {
    random: Random,
    base: u16,
    lines: Vec<String>,
    kinds: [&'static str; NAMES.len()],
    forked: bool,
    /// How many calls have waited for a timeout, which takes time.
    timed: usize,
    /// The last that were connected: listener, client and child, or two and another.
    made: [&'static str; 3],
}

/// The program of a seed, with eight ports from `base` on that are its own.
pub fn draw(seed: u64, base: u16) -> Vec<String> {
    let random = Random::new(seed);
    let mut drawing = Drawing {
        random,
        base,
        lines: Vec::new(),
        kinds: ["2 1 0"; 6],
        forked: false,
        timed: 0,
        made: ["a"; 3],
    };
    let length = 5 + drawing.random.below(56);
    while drawing.lines.len() < length {
        drawing.step();
    }
    drawing.lines.truncate(60);
    drawing.lines
}

impl Drawing {
    fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    fn name(&mut self) -> &'static str {
        self.random.pick(&NAMES)
    }

    fn kind_of(&self, name: &str) -> &'static str {
        let at = NAMES.iter().position(|n| *n == name).unwrap_or(0);
        self.kinds[at]
    }

    fn open(&mut self, name: &'static str, kind: &'static str) {
        let at = NAMES.iter().position(|n| *n == name).unwrap_or(0);
        self.kinds[at] = kind;
        self.say(format!("socket {name} {kind}"));
    }

    fn port(&mut self) -> String {
        match self.random.below(8) {
            0 => "0".to_owned(),
            1..=3 => format!("@{}", self.name()),
            _ => (self.base + self.random.below(4) as u16).to_string(),
        }
    }

    fn addr(&mut self, name: &str) -> String {
        let port = self.port();
        let six = self.kind_of(name).starts_with("10") != self.random.one_in(20);
        let host = match (six, self.random.below(12)) {
            (false, 0) => "4/0.0.0.0",
            (false, 1) => "4/127.0.0.2",
            (false, 2) if self.random.one_in(3) => "4/10.9.9.9",
            (false, _) => "4/127.0.0.1",
            (true, 0) => "6/::",
            (true, 1) => "6/::ffff:127.0.0.1",
            (true, 2) if self.random.one_in(3) => "6/2001:db8::1",
            (true, _) => "6/::1",
        };
        let odd = match self.random.below(60) {
            0 => "#8",
            1 => "#16",
            2 => "!0",
            3 => "#0",
            _ => "",
        };
        format!("{host}/{port}{odd}")
    }

    fn step(&mut self) {
        let name = self.name();
        match self.random.below(52) {
            0..=3 => {
                let kind = self.random.pick(&KINDS);
                self.open(name, kind);
            }
            4 | 5 => self.connection(),
            6 => self.pair_of_datagrams(),
            7 | 8 => {
                let addr = self.addr(name);
                self.say(format!("bind {name} {addr}"));
            }
            9 => {
                let backlog = self.random.pick(&[0, 1, 5, -1]);
                self.say(format!("listen {name} {backlog}"));
            }
            10..=12 => {
                let addr = self.addr(name);
                self.say(format!("connect {name} {addr}"));
            }
            13 => {
                let (new, kind) = (self.name(), self.kind_of(name));
                if let Some(at) = NAMES.iter().position(|n| *n == new) {
                    self.kinds[at] = kind;
                }
                self.say(format!("accept {new} {name}"));
            }
            14..=17 => self.send(name),
            18..=22 => self.receive(name),
            23 | 24 => {
                let how = self.random.below(4);
                self.say(format!("shutdown {name} {how}"));
            }
            25 | 26 => self.say(format!("close {name}")),
            27..=29 => self.set(name),
            30 => self.get(name),
            31..=33 => self.say(format!("poll {name}")),
            34 => {
                let cmd = self.random.pick(&IOCTLS);
                self.say(format!("ioctl {name} {cmd}"));
            }
            35 => {
                let which = self.random.pick(&["getsockname", "getpeername"]);
                self.say(format!("{which} {name}"));
            }
            36 => self.epoll(name),
            37 => self.task(),
            39 => {
                let [one, other, _] = self.three();
                let kind = self.random.pick(&["1 1 0", "1 2 0", "1 5 0"]);
                for (at, name) in NAMES.iter().enumerate() {
                    if [one, other].contains(name) {
                        self.kinds[at] = kind;
                    }
                }
                self.say(format!("socketpair {one} {other} {kind}"));
            }
            40 => {
                // All; one byte more than a header of UDP; a quarter of the packets, by a byte; what is
                // longer than 60 bytes; none.
                let program = self.random.pick(&[
                    "06000000ffffffff",
                    "0600000009000000",
                    "300000000900000015000001783000000600000000000000060000ffffffffff",
                    "8000000000000000250000013c00000006000000ffffffff0600000000000000",
                    "0600000000000000",
                ]);
                self.say(format!("filter {name} {program}"));
            }
            38 => {
                let to = self.name();
                self.say(format!("dup {to} {name}"));
            }
            41 => self.move_pages(name),
            _ => self.wide(name),
        }
    }

    /// A listener, a client, and what it accepted.
    fn connection(&mut self) {
        let [listener, client, child] = self.three();
        self.made = [listener, client, child];
        let six = self.random.one_in(2);
        let kind = if six { "10 1 0" } else { "2 1 0" };
        let host = if six { "6/::1" } else { "4/127.0.0.1" };
        let port = self.base + 4 + self.random.below(4) as u16;
        self.open(listener, kind);
        self.say(format!("setsockopt {listener} 1 2 01000000"));
        self.say(format!("bind {listener} {host}/{port}"));
        self.say(format!("listen {listener} 5"));
        self.open(client, kind);
        self.say(format!("connect {client} {host}/{port}"));
        if let Some(at) = NAMES.iter().position(|n| *n == child) {
            self.kinds[at] = kind;
        }
        self.say(format!("accept {child} {listener}"));
    }

    /// Two that are connected to each other.
    fn pair_of_datagrams(&mut self) {
        self.made = self.three();
        let [one, other, _] = self.made;
        let six = self.random.one_in(2);
        let kind = if six { "10 2 0" } else { "2 2 0" };
        let host = if six { "6/::1" } else { "4/127.0.0.1" };
        self.open(one, kind);
        self.say(format!("bind {one} {host}/0"));
        self.open(other, kind);
        self.say(format!("connect {other} {host}/@{one}"));
        self.say(format!("connect {one} {host}/@{other}"));
    }

    fn three(&mut self) -> [&'static str; 3] {
        let at = self.random.below(NAMES.len());
        [0, 1, 2].map(|i| NAMES[(at + i) % NAMES.len()])
    }

    fn send(&mut self, name: &'static str) {
        let (n, flags) = (self.random.pick(&SIZES), self.flags(&SEND_FLAGS));
        let to = if self.random.one_in(3) { self.addr(name) } else { "-".to_owned() };
        match self.random.below(8) {
            0 => self.say(format!("write {name} *{n}")),
            1 => self.say(format!("sendv {name} {flags} - 1 {n} 3")),
            2 => {
                let control = self.random.pick(&[
                    "0:1:10000000",
                    "0:2:05000000",
                    "41:67:10000000",
                    "41:52:05000000",
                    "1:36:07000000",
                ]);
                self.say(format!("sendmsg {name} *{n} {flags} {to} {control}"));
            }
            _ => self.say(format!("sendto {name} *{n} {flags} {to}")),
        }
    }

    fn receive(&mut self, name: &'static str) {
        let (n, flags) = (self.random.pick(&SIZES), self.flags(&RECV_FLAGS));
        match self.random.below(6) {
            0 => self.say(format!("read {name} {n}")),
            1 | 2 => {
                let room = self.random.pick(&[0, 10, 200]);
                self.say(format!("recvmsg {name} {n} {room} {flags}"));
            }
            _ => self.say(format!("recvfrom {name} {n} {flags}")),
        }
    }

    fn set(&mut self, name: &'static str) {
        let (level, option, values) = self.random.pick(&OPTIONS);
        let common = ["01000000", "01000000", "00000000", "ffffffff", "05000000"];
        let value = match self.random.below(2) {
            0 if !values.is_empty() => self.random.pick(values),
            _ => self.random.pick(&common),
        };
        self.say(format!("setsockopt {name} {level} {option} {value}"));
    }

    fn get(&mut self, name: &'static str) {
        let (level, option, _) = self.random.pick(&OPTIONS);
        let len = self.random.pick(&[4, 4, 4, 8, 64]);
        self.say(format!("getsockopt {name} {level} {option} {len}"));
    }

    fn epoll(&mut self, name: &'static str) {
        match self.random.below(6) {
            0 => self.say("epoll p".to_owned()),
            1..=3 => {
                let op = self.random.pick(&[1, 1, 1, 2, 3]);
                let events =
                    self.random.pick(&["0x1", "0x5", "0x2005", "0x80000005", "0x40000001", "0x8000201f"]);
                let data = self.random.below(9);
                self.say(format!("epctl p {op} {name} {events} {data}"));
            }
            _ => self.say("epwait p".to_owned()),
        }
    }

    fn task(&mut self) {
        if !self.forked {
            self.forked = true;
            self.say("fork".to_owned());
        }
        let task = self.random.below(2);
        self.say(format!("task {task}"));
    }

    fn move_pages(&mut self, name: &'static str) {
        match self.random.below(5) {
            0 => self.say("pipe r w".to_owned()),
            1 => self.say(format!("splice {name} w 100 2")),
            2 => self.say(format!("splice r {name} 100 2")),
            3 => self.say(format!("fcntl {name} 3 0")),
            _ => {
                let n = self.random.pick(&SIZES);
                self.say(format!("write w *{}", n.min(4096)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_program() {
        for seed in 0..200 {
            let program = draw(seed, 2000);
            assert_eq!(program, draw(seed, 2000));
            assert!((5..=60).contains(&program.len()));
        }
        assert_ne!(draw(1, 2000), draw(2, 2000));
    }
}
