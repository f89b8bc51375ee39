//! Calls with arguments that no sane program gives, on every kind of socket in every state: the
//! answers are Linux's.

use bad_input::{Host, compare};

/// `struct sockaddr_in` of 127.0.0.1 and a port.
fn v4(port: u16) -> String {
    format!("0200{port:04x}7f000001{:016x}", 0)
}

/// `struct sockaddr_in6` of ::1 and a port.
fn v6(port: u16) -> String {
    format!("0a00{port:04x}00000000{:032x}00000000", 1)
}

struct Kind {
    family: i32,
    kind: i32,
    addr: fn(u16) -> String,
    len: usize,
}

/// Non-blocking: nothing here may wait.
const NONBLOCK: i32 = 0o4000;
const KINDS: [Kind; 4] = [
    Kind { family: 2, kind: 1, addr: v4, len: 16 },
    Kind { family: 10, kind: 1, addr: v6, len: 28 },
    Kind { family: 2, kind: 2, addr: v4, len: 16 },
    Kind { family: 10, kind: 2, addr: v6, len: 28 },
];

impl Kind {
    /// Programs that bring socket 0 into each state, with ports from `base` on: a port that was used may
    /// be in TIME_WAIT on the host.
    fn states(&self, base: u16) -> Vec<Vec<String>> {
        let Kind { family, kind, addr, len } = self;
        let socket = format!("socket {family} {} 0", kind | NONBLOCK);
        let bind = |fd: usize, port: u16| format!("bind {fd} {} {len}", addr(port));
        let connect = |fd: usize, port: u16| format!("connect {fd} {} {len}", addr(port));
        let mut states = vec![vec![socket.clone()], vec![socket.clone(), bind(0, base)]];
        if *kind == 1 {
            let connected = vec![
                socket.clone(),
                socket.clone(),
                bind(1, base),
                "listen 1 5".to_owned(),
                connect(0, base),
                "accept 1 128 2048".to_owned(),
            ];
            states.push(vec![socket, bind(0, base), "listen 0 5".to_owned()]);
            states.push(connected.clone());
            states.push([connected.clone(), vec!["shutdown 0 1".to_owned()]].concat());
            states.push([connected.clone(), vec!["close 2".to_owned()]].concat());
            states.push([connected, vec!["sendto 2 10 0 - 0".to_owned()]].concat());
        } else {
            states.push(vec![socket.clone(), socket.clone(), bind(1, base), connect(0, base)]);
            states.push(vec![socket.clone(), connect(0, base), "shutdown 0 2".to_owned()]);
            states.push(vec![socket, connect(0, base + 2), "sendto 0 10 0 - 0".to_owned()]);
        }
        states
    }

    /// Calls to try on socket 0.
    fn calls(&self, base: u16) -> Vec<String> {
        let mut calls: Vec<String> = Vec::new();
        let good = (self.addr)(base + 1);
        for verb in ["bind", "connect"] {
            for len in [0, 1, 2, 4, 8, 15, 16, 20, 24, 27, 28, 32, 110, 128, 129, 200, -1] {
                calls.push(format!("{verb} 0 {good} {len}"));
            }
            for family in [0u16, 1, 2, 5, 10, 16, 17, 40, 255, 65535] {
                let [a, b] = family.to_le_bytes();
                calls.push(format!("{verb} 0 {a:02x}{b:02x}{} 128", &good[4..]));
            }
            // Addresses of others, of all, of groups.
            for host in ["0a000001", "00000000", "ffffffff", "e0000001", "7fffffff", "08080808"] {
                calls.push(format!("{verb} 0 0200{:04x}{host}0000000000000000 16", base + 1));
            }
        }
        calls.extend([-1, 0, 1, 4096, 5000, i32::MAX, i32::MIN].map(|n| format!("listen 0 {n}")));
        for flags in [0, 2048, 0o2_000_000, 1, 64, -1] {
            calls.push(format!("accept 0 16 {flags}"));
        }
        for len in [0, 1, 2, 3, 4, 15, 16, 27, 28, 64, 128, 200] {
            calls.push(format!("name 0 {len} 0"));
            calls.push(format!("name 0 {len} 1"));
        }
        for how in [-1, 0, 1, 2, 3, 100] {
            calls.push(format!("shutdown 0 {how}"));
        }
        for flags in [0, 1, 2, 0x20, 0x40, 0x80, 0x100, 0x2000, 0x8000, 0x1000_0000] {
            calls.push(format!("recvfrom 0 16 {flags} 128"));
            calls.push(format!("sendto 0 5 {flags} - 0"));
            calls.push(format!("sendto 0 5 {flags} {good} {}", self.len));
        }
        for len in [1, 2, 8, 15, 16, 24, 28, 128, 129] {
            calls.push(format!("sendto 0 5 0 {good} {len}"));
        }
        for n in [0, 1, 65507, 65508, 65535] {
            calls.push(format!("sendto 0 {n} 0 {good} {}", self.len));
        }
        for n in [0, 1, 1024, 1025] {
            calls.push(format!("sendmsg 0 0 - {}", vec!["1"; n].join(" ")).trim_end().to_owned());
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
            calls.push(format!("sendmsg 0 0 {control} 5"));
        }
        calls.push("poll 0".to_owned());
        // FIONREAD, SIOCOUTQ, SIOCATMARK, none, one of terminals.
        calls.extend([0x541b, 0x5411, 0x8905, 0x1234, 0x5401].map(|cmd| format!("ioctl 0 {cmd}")));
        calls.extend(
            ["close 7", "listen 7 1", "poll 7", "recvfrom 7 1 0 0", "name 7 16 0"].map(str::to_owned),
        );
        calls
    }
}

/// What docs/DIVERGENCES.md explains: a UDP socket with an IPv6 source that is told an IPv4 broadcast
/// or group.
fn is_explained(kind: &Kind, call: &str) -> bool {
    (kind.family, kind.kind) == (10, 2)
        && call.starts_with("connect")
        && (call.contains("ffffffff0") || call.contains("e00000010"))
}

#[test]
fn every_bad_call_in_every_state() {
    let Some(mut host) = Host::start() else { return };
    let (mut compared, mut explained, mut wrong) = (0, 0, Vec::new());
    for kind in &KINDS {
        for (s, n) in (0..kind.states(0).len()).flat_map(|s| (0..kind.calls(0).len()).map(move |n| (s, n))) {
            let base = 2000 + (compared % 10_000) as u16 * 3;
            let (state, call) = (kind.states(base).swap_remove(s), kind.calls(base).swap_remove(n));
            compared += 1;
            if is_explained(kind, &call) {
                explained += 1;
                continue;
            }
            // What the call did to the socket shows in what comes after.
            let after = ["poll 0", "name 0 128 0", "getopt 0 1 4 4"].map(str::to_owned);
            let program = [state.as_slice(), &[call], &after].concat();
            if let Err(difference) = compare(&mut host, &program) {
                wrong.push(difference);
            }
        }
    }
    println!("{compared} compared, {} differ, {explained} explained", wrong.len());
    assert!(wrong.is_empty(), "{} of {compared} differ:\n  {}", wrong.len(), wrong.join("\n  "));
}

#[test]
fn every_socket_there_may_be() {
    let Some(mut host) = Host::start() else { return };
    let mut program = Vec::new();
    for family in [-1, 0, 2, 10, 45, 46, 64, 1000] {
        for kind in [-1, 0, 1, 2, 3, 4, 5, 6, 10, 11, 15, 1 | 0o4000, 2 | 0o2_000_000, 1 | 0x100, 1 | 0x10000]
        {
            for protocol in [-1, 0, 1, 6, 17, 58, 132, 136, 253, 255, 256, 262, 300] {
                // SOCK_PACKET means AF_PACKET, which is not there yet: docs/DIVERGENCES.md.
                if (family, kind) != (2, 10) {
                    program.push(format!("socket {family} {kind} {protocol}"));
                }
            }
        }
    }
    let wrong: Vec<String> =
        program.iter().filter_map(|call| compare(&mut host, std::slice::from_ref(call)).err()).collect();
    println!("{} compared, {} differ", program.len(), wrong.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n  {}", wrong.len(), program.len(), wrong.join("\n  "));
}
