//! Calls with arguments that no sane program gives, on every kind of socket in every state: the
//! answers are Linux's.

use differential::report::Tally;
use differential::script::run;
use differential::{Host, Ours, in_private_namespace};

fn v4(port: u16) -> String {
    format!("4/127.0.0.1/{port}")
}

fn v6(port: u16) -> String {
    format!("6/::1/{port}")
}

/// An abstract name, as any bytes.
fn local(port: u16) -> String {
    let digits: String = format!("\0name{port}").bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("x/0100{digits}")
}

/// `lo`, and an ethertype for experiments.
fn link(_: u16) -> String {
    "x/110088b501000000000000060000000000000000".to_owned()
}

struct Kind {
    family: i32,
    kind: i32,
    addr: fn(u16) -> String,
}

const KINDS: [Kind; 8] = [
    Kind { family: 2, kind: 1, addr: v4 },
    Kind { family: 10, kind: 1, addr: v6 },
    Kind { family: 2, kind: 2, addr: v4 },
    Kind { family: 10, kind: 2, addr: v6 },
    Kind { family: 1, kind: 1, addr: local },
    Kind { family: 1, kind: 2, addr: local },
    Kind { family: 1, kind: 5, addr: local },
    Kind { family: 17, kind: 3, addr: link },
];

impl Kind {
    /// Programs that bring socket 0 into each state, with ports from `base` on: a port that was used may
    /// be in TIME_WAIT on the host.
    fn states(&self, base: u16) -> Vec<Vec<String>> {
        let Kind { family, kind, addr } = self;
        let socket = |name: usize| format!("socket {name} {family} {kind} 0");
        let bind = |fd: usize, port: u16| format!("bind {fd} {}", addr(port));
        let connect = |fd: usize, port: u16| format!("connect {fd} {}", addr(port));
        let mut states = vec![vec![socket(0)], vec![socket(0), bind(0, base)]];
        if *family == 17 {
            // Without peers.
        } else if *kind != 2 {
            let connected = vec![
                socket(0),
                socket(1),
                bind(1, base),
                "listen 1 5".to_owned(),
                connect(0, base),
                "accept 2 1".to_owned(),
            ];
            states.push(vec![socket(0), bind(0, base), "listen 0 5".to_owned()]);
            states.push(connected.clone());
            states.push([connected.clone(), vec!["shutdown 0 1".to_owned()]].concat());
            states.push([connected.clone(), vec!["close 2".to_owned()]].concat());
            states.push([connected, vec!["sendto 2 *10 0 -".to_owned()]].concat());
        } else {
            states.push(vec![socket(0), socket(1), bind(1, base), connect(0, base)]);
            states.push(vec![socket(0), connect(0, base), "shutdown 0 2".to_owned()]);
            states.push(vec![socket(0), connect(0, base + 2), "sendto 0 *10 0 -".to_owned()]);
        }
        states
    }

    /// Calls to try on socket 0.
    fn calls(&self, base: u16) -> Vec<String> {
        let mut calls: Vec<String> = Vec::new();
        let good = (self.addr)(base + 1);
        for verb in ["bind", "connect"] {
            for len in [0, 1, 2, 4, 8, 15, 16, 20, 24, 27, 28, 32, 110, 128, 129, 200, -1] {
                calls.push(format!("{verb} 0 {good}#{len}"));
            }
            for family in [0u16, 1, 2, 5, 10, 16, 17, 40, 255, 65535] {
                calls.push(format!("{verb} 0 {good}!{family}#128"));
            }
            // Addresses of others, of all, of groups.
            for host in ["10.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "127.255.255.255", "8.8.8.8"]
            {
                calls.push(format!("{verb} 0 4/{host}/{}", base + 1));
            }
        }
        calls.extend([-1, 0, 1, 4096, 5000, i32::MAX, i32::MIN].map(|n| format!("listen 0 {n}")));
        for flags in [0, 2048, 0o2_000_000, 1, 64, -1] {
            calls.push(format!("accept 3 0 {flags} 16"));
        }
        for len in [-1, 0, 1, 2, 3, 4, 15, 16, 27, 28, 64, 128, 200] {
            calls.push(format!("getsockname 0 {len}"));
            calls.push(format!("getpeername 0 {len}"));
            calls.push(format!("accept 3 0 2048 {len}"));
            calls.push(format!("recvfrom 0 16 0 {len}"));
        }
        for how in [-1, 0, 1, 2, 3, 100] {
            calls.push(format!("shutdown 0 {how}"));
        }
        for flags in [0, 1, 2, 0x20, 0x40, 0x80, 0x100, 0x2000, 0x8000, 0x1000_0000] {
            calls.push(format!("recvfrom 0 16 {flags}"));
            calls.push(format!("sendto 0 *5 {flags} -"));
            calls.push(format!("sendto 0 *5 {flags} {good}"));
        }
        for len in [-1, 1, 2, 8, 15, 16, 24, 28, 128, 129] {
            calls.push(format!("sendto 0 *5 0 {good}#{len}"));
        }
        for n in [0, 1, 65507, 65508, 65535] {
            calls.push(format!("sendto 0 *{n} 0 {good}"));
        }
        for n in [0, 1, 1024, 1025] {
            calls.push(format!("sendv 0 0 - {}", vec!["1"; n].join(" ")));
            calls.push(format!("recvmsg 0 {} 0 0", vec!["1"; n].join(",")));
        }
        // Control messages: too short, of no level, of a wrong length.
        for control in [
            "01",
            "10000000000000000000000000000000",
            "0f000000000000000000000002000000",
            "ffffffffffffffff0000000008000000",
            "1400000000000000000000000200000001000000",
            "14000000000000000000000002000000ff010000",
        ] {
            calls.push(format!("sendv 0 0 ={control} 5"));
        }
        calls.push("poll 0".to_owned());
        // FIONREAD, SIOCOUTQ, SIOCATMARK, none, one of terminals.
        calls.extend([0x541b, 0x5411, 0x8905, 0x1234, 0x5401].map(|cmd| format!("ioctl 0 {cmd}")));
        calls.extend(
            ["close 7", "listen 7 1", "poll 7", "recvfrom 7 1 0", "getsockname 7 16"].map(str::to_owned),
        );
        calls
    }
}

// chapter: A12 A14
/// What any file can be told, and what only other files know.
fn file_calls() -> Vec<String> {
    let mut calls: Vec<String> = Vec::new();
    for whence in -1..6 {
        calls.push(format!("lseek 0 0 {whence}"));
        calls.push(format!("lseek 0 -5 {whence}"));
    }
    calls.extend([0, 1, -1].map(|at| format!("pread 0 10 {at}")));
    calls.extend([0, 1, -1].map(|at| format!("pwrite 0 *10 {at}")));
    calls.extend([0, 1, -1].map(|len| format!("ftruncate 0 {len}")));
    for (mode, at, len) in [
        (0, 0, 1),
        (0, 0, 0),
        (0, -1, 1),
        (1, 0, 10),
        (2, 0, 1),
        (3, 0, 1),
        (0x40, 0, 1),
        (0x41, 0, 1),
        (0x80, 0, 1),
        (0x89, 0, 1),
        (0x1000, 0, 1),
    ] {
        calls.push(format!("fallocate 0 {mode} {at} {len}"));
    }
    calls.extend(["fsync 0", "fstat 0", "mmap 0", "read 0 0", "read 0 10", "write 0 *0"].map(str::to_owned));
    calls.extend([0, 0o600, 0o7777, -1].map(|mode| format!("fchmod 0 {mode}")));
    calls.extend(["1 1", "-1 -1", "0 5", "5 -1"].map(|ids| format!("fchown 0 {ids}")));
    // Commands of fcntl: some that there are, some not. No locks: they are listed as absent.
    for cmd in (0..5).chain(8..20).chain([1030, 1033, 1034, 1035, 1036, 1037, 1038, 1039, 2000, -1]) {
        if ![5, 6, 7, 13, 14, 15, 16, 17, 0, 1030].contains(&cmd) {
            calls.extend([0, 1, -1].map(|arg| format!("fcntl 0 {cmd} {arg}")));
        }
    }
    for (cmd, len) in [(15, 8), (16, 8), (17, 8)] {
        calls.extend(["00", "01", "ff"].map(|byte| format!("fcntl 0 {cmd} ={}", byte.repeat(len))));
    }
    // FIONBIO, FIOASYNC, FIOCLEX, FIOQSIZE, FIGETBSZ, FIBMAP, FITHAW; TCGETS and others of terminals; of block
    // devices; SIOCGSTAMP, SIOCGPGRP, SIOCSPGRP, SIOCOUTQNSD.
    for cmd in [0x5421_u32, 0x5452, 0x5451, 0x5460, 2, 1, 0xc004_5878, 0x5401, 0x540f, 0x1260, 0x1272] {
        calls.extend(["00000000", "01000000"].map(|arg| format!("ioctl 0 {cmd} {arg}")));
    }
    for cmd in [0x8901, 0x8902, 0x8903, 0x8904, 0x8906, 0x8907, 0x894b, 0x541b, 0x5411, 0x8905] {
        calls.push(format!("ioctl 0 {cmd} {}", "00".repeat(16)));
    }
    calls.extend(
        ["dup 5 0", "dup3 0 0 0", "dup3 9 0 0", "epoll 6", "splice 0 0 1 0", "tee 0 0 1 0"]
            .map(str::to_owned),
    );
    calls.extend(["sendfile 0 0 10", "epctl 0 1 0 1 1", "epwait 0"].map(str::to_owned));
    calls
}

#[test]
fn every_bad_call_in_every_state() {
    compare(|kind, base| kind.calls(base));
}

#[test]
fn every_file_call_in_every_state() {
    compare(|_, _| file_calls());
}

fn compare(calls: fn(&Kind, u16) -> Vec<String>) {
    let mut tally = Tally::new();
    let compared = in_private_namespace(|| {
        let host = Host::new();
        let mut programs = 0;
        for kind in &KINDS {
            for (s, n) in
                (0..kind.states(0).len()).flat_map(|s| (0..calls(kind, 0).len()).map(move |n| (s, n)))
            {
                let base = 2000 + (programs % 10_000) as u16 * 3;
                let (state, call) = (kind.states(base).swap_remove(s), calls(kind, base).swap_remove(n));
                programs += 1;
                // What the call did to the socket shows in what comes after.
                let after =
                    ["poll 0", "getsockname 0", "getsockopt 0 1 4 4", "fcntl 0 3 0"].map(str::to_owned);
                let program = [state.as_slice(), &[call], &after].concat();
                let (linux, sockeye) = (run(&host, &program), run(&Ours::new(), &program));
                for (i, (linux, sockeye)) in linux.iter().zip(&sockeye).enumerate() {
                    let (family, kind) = (kind.family, kind.kind);
                    tally.add(linux, sockeye, || {
                        let before = program[..i].join("; ");
                        format!("bad input: {family}/{kind} {}, after {before}", program[i])
                    });
                }
            }
        }
    });
    match compared {
        Some(()) => tally.assert_same(),
        None => eprintln!("not compared"),
    }
}
