//! Calls on several messages, pieces or descriptors at once, and calls that sleep until another task wakes them.

use super::{Drawing, NAMES, RECV_FLAGS, SEND_FLAGS, SIZES};

/// `MSG_FASTOPEN`, which docs/DIVERGENCES.md lists, and `MSG_ZEROCOPY`, whose notices come when they come.
const NOT_DRAWN: u32 = 0x2000_0000 | 0x0400_0000;
/// Waiting takes time, and while it passes a host's timers may fire.
const MOST_TIMED: usize = 2;

impl Drawing {
    /// One of those that mean something, or now and then any.
    pub(super) fn flags(&mut self, of: &[u32]) -> u32 {
        if self.random.one_in(12) { (1 << self.random.below(31)) & !NOT_DRAWN } else { self.random.pick(of) }
    }

    pub(super) fn wide(&mut self, name: &'static str) {
        match self.random.below(10) {
            0 => {
                let (flags, sizes) = (self.flags(&SEND_FLAGS), self.sizes());
                let to = if self.random.one_in(3) { self.addr(name) } else { "-".to_owned() };
                self.say(format!("sendmmsg {name} {flags} {to} {sizes}"));
            }
            1 => {
                let mut flags = self.flags(&RECV_FLAGS);
                // MSG_WAITFORONE
                flags |= if self.random.one_in(4) { 0x10000 } else { 0 };
                let (rooms, control) = (self.sizes(), self.random.pick(&[0, 0, 64]));
                let timeout = self.random.pick(&["-", "-", "0.0", "1.0", "0.1000000000", "-1.0"]);
                self.say(format!("recvmmsg {name} {rooms} {control} {flags} {timeout}"));
            }
            2 => {
                let call = self.random.pick(&["readv", "writev"]);
                let sizes = self.sizes();
                self.say(format!("{call} {name} {sizes}"));
            }
            3 => {
                let call = self.random.pick(&["select", "pselect"]);
                let mut sets =
                    [0; 3].map(|_| if self.random.one_in(4) { "-".to_owned() } else { self.names() });
                sets[2] = if self.random.one_in(2) { "-".to_owned() } else { sets[2].clone() };
                self.say(format!("{call} {}", sets.join(" ")));
            }
            4 => {
                let call = self.random.pick(&["pollall", "ppoll"]);
                let events = self.random.pick(&["0", "0x1", "0x4", "0x2", "0x2005", "0x27df"]);
                let names = self.names();
                self.say(format!("{call} {names} {events}"));
            }
            5 => {
                let to = self.name();
                let call = if self.random.one_in(2) { "dup2" } else { "dup3" };
                let flags = if call == "dup3" { self.random.pick(&[" 0", " 0x80000", " 1"]) } else { "" };
                if let Some(at) = NAMES.iter().position(|n| *n == to) {
                    self.kinds[at] = self.kind_of(name);
                }
                self.say(format!("{call} {to} {name}{flags}"));
            }
            6 => {
                let new = self.name();
                let flags = self.random.pick(&["0x800", "0x80800", "0x801", "0x4000800"]);
                let room = self.random.pick(&["128", "128", "16", "0", "3"]);
                self.say(format!("accept {new} {name} {flags} {room}"));
            }
            7 if self.timed < MOST_TIMED && self.random.one_in(6) => {
                self.timed += 1;
                let call = self.waiting(name);
                self.say(format!("timed 1000 {call}"));
            }
            _ => self.asleep(),
        }
    }

    fn sizes(&mut self) -> String {
        let n = 1 + self.random.below(4);
        let sizes: Vec<String> = (0..n).map(|_| self.random.pick(&SIZES).to_string()).collect();
        sizes.join(",")
    }

    fn names(&mut self) -> String {
        let n = 1 + self.random.below(4);
        let names: Vec<&str> = (0..n).map(|_| self.name()).collect();
        names.join(",")
    }

    /// A call that may wait.
    fn waiting(&mut self, name: &'static str) -> String {
        let n = self.random.pick(&SIZES);
        match self.random.below(9) {
            0 | 1 => {
                let flags = self.random.pick(&[0, 0, 0x100, 2, 1, 0x40]);
                format!("recvfrom {name} {n} {flags}")
            }
            2 => format!("read {name} {n}"),
            3 => format!("recvmsg {name} {n} 200 {}", self.random.pick(&[0, 0x100, 0x2000])),
            4 => format!("accept {} {name}", self.name()),
            5 => {
                let sizes = self.sizes();
                format!("recvmmsg {name} {sizes} 0 {} -", self.random.pick(&[0, 0x10000]))
            }
            6 => {
                let addr = self.addr(name);
                format!("connect {name} {addr}")
            }
            7 => format!("sendto {name} *{n} 0 -"),
            _ => format!("write {name} *20000"),
        }
    }

    /// Two that are connected; the child sleeps in a call on one of them, and something happens to the other.
    fn asleep(&mut self) {
        let [first, second, third] = match self.random.below(4) {
            0 | 1 => {
                self.connection();
                let [_, client, child] = self.made;
                [client, child, client]
            }
            2 => {
                self.pair_of_datagrams();
                let [one, other, _] = self.made;
                [one, other, one]
            }
            _ => {
                let [one, other, _] = self.three();
                [one, other, self.name()]
            }
        };
        if !self.forked {
            self.forked = true;
            self.say("task 0".to_owned());
            self.say("fork".to_owned());
        }
        self.say("task 0".to_owned());
        if self.random.one_in(3) {
            for _ in 0..3 {
                self.say(format!("write {first} *20000"));
            }
        }
        let call = match self.random.below(12) {
            0 => format!("pollall {first},{third} {} -1", self.random.pick(&["0x1", "0x4", "0x2", "0x2000"])),
            1 => format!("select {first} - {third} -1"),
            2 => format!("ppoll {first} 0 -1"),
            _ => self.waiting(first),
        };
        self.say(format!("begin 1 {call}"));
        for _ in 0..1 + self.random.below(3) {
            match self.random.below(10) {
                0 => {
                    let n = self.random.pick(&SIZES);
                    self.say(format!("write {second} *{n}"));
                }
                1 => self.say(format!("sendto {second} hi 1 -")),
                2 => {
                    let how = self.random.below(3);
                    self.say(format!("shutdown {second} {how}"));
                }
                3 => {
                    let how = self.random.below(3);
                    self.say(format!("shutdown {first} {how}"));
                }
                4 => self.say(format!("read {second} 20000")),
                5 => self.say(format!("connect {first} 4/0.0.0.0/0!0")),
                6 => self.say(format!("connect {second} 6/::/0!0")),
                7 => self.say(format!("close {first}")),
                8 => self.say("signal 1".to_owned()),
                _ => self.send(second),
            }
        }
        if self.random.one_in(2) {
            self.say("signal 1".to_owned());
        }
    }
}
