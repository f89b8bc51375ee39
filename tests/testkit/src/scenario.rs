//! Connections drawn by lot: the path, the settings of both hosts, the options of both sockets, what is
//! sent, how it is read, and what happens to the path meanwhile. Everything comes from one seed.
//!
//! Whatever happens, what was received is the beginning of what was sent; if nothing cut the connection
//! it is all of it, and else each side that still had something to do has an error that says so; and in
//! the end no sock and no timer is left.

use crate::stream::Pattern;
use crate::{End, MS, Netem, Pair, Passing, SEC, Task, Verdict, WireConfig, leaks, sockaddr};
use sockeye::dev::netem::Chance;
use sockeye::uapi::Errno;
use sockeye::uapi::socket::*;
use sockeye::uapi::tcp::*;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    /// Up to `most` percent, but half of the time never.
    fn chance(&mut self, most: f64) -> Chance {
        if self.one_in(2) { Chance::NEVER } else { Chance::percent(most * self.below(1000) as f64 / 1000.0) }
    }
}

/// What happens on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Nothing,
    /// The path is dead from then on.
    Dead,
    /// Somebody forges a reset towards an end.
    Reset(End),
    /// Nothing longer than that passes any more; the sender is told by ICMP.
    Mtu(u32),
    /// An end's program is killed: closed without reading, with a reset if `linger`.
    Killed {
        server: bool,
        linger: bool,
    },
}

/// Settings of a host, with values that make a difference. Not `tcp_shrink_window`: where it is on, Linux drops the
/// segment that fills a hole while what lies beyond the hole takes all of a small buffer, and so do we.
const SYSCTLS: &[(&str, &[&str])] = &[
    ("tcp_sack", &["1", "1", "0"]),
    ("tcp_timestamps", &["1", "1", "0", "2"]),
    ("tcp_window_scaling", &["1", "1", "0"]),
    ("tcp_ecn", &["2", "0", "1", "3", "4", "5"]),
    ("tcp_congestion_control", &["cubic", "reno", "bbr"]),
    ("tcp_frto", &["2", "0"]),
    ("tcp_dsack", &["1", "0"]),
    ("tcp_recovery", &["1", "0", "5"]),
    ("tcp_early_retrans", &["3", "0"]),
    ("tcp_slow_start_after_idle", &["1", "0"]),
    ("tcp_retrans_collapse", &["1", "0"]),
    ("tcp_moderate_rcvbuf", &["1", "0"]),
    ("tcp_rmem", &["4096 131072 33554432", "4096 8192 65536", "4096 2304 2304"]),
    ("tcp_wmem", &["4096 16384 4194304", "4096 4096 32768"]),
    ("tcp_tso_win_divisor", &["3", "1", "0"]),
    ("tcp_min_tso_segs", &["2", "1", "20"]),
    ("tcp_mtu_probing", &["0", "1", "2"]),
    ("tcp_syncookies", &["1", "0", "2"]),
    ("tcp_abort_on_overflow", &["0", "1"]),
    ("tcp_base_mss", &["1024", "536"]),
    ("tcp_thin_linear_timeouts", &["0", "1"]),
];

/// Options of a socket, and values that make a difference.
const OPTIONS: &[(i32, i32, &[i32])] = &[
    (SOL_TCP, TCP_NODELAY, &[1]),
    (SOL_TCP, TCP_CORK, &[1]),
    (SOL_TCP, TCP_QUICKACK, &[0, 1]),
    (SOL_TCP, TCP_MAXSEG, &[536, 1000, 88]),
    (SOL_TCP, TCP_WINDOW_CLAMP, &[4000, 30_000]),
    (SOL_TCP, TCP_NOTSENT_LOWAT, &[1, 5000]),
    (SOL_TCP, TCP_KEEPIDLE, &[1]),
    (SOL_TCP, TCP_KEEPINTVL, &[1]),
    (SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, &[1]),
    (SOL_SOCKET, SO_KEEPALIVE, &[1]),
    (SOL_SOCKET, SO_RCVBUF, &[1, 5000, 100_000]),
    (SOL_SOCKET, SO_SNDBUF, &[1, 8000, 100_000]),
    (SOL_SOCKET, SO_RCVLOWAT, &[100]),
    (SOL_SOCKET, SO_MAX_PACING_RATE, &[50_000, 1_000_000]),
];

fn options(dice: &mut Dice, task: &Task, fd: i32) {
    for &(level, name, values) in OPTIONS {
        if dice.one_in(8) {
            let value = dice.of(values);
            task.setsockopt_int(fd, level, name, value).expect("the option is there");
        }
    }
}

/// Random paths: some good, most bad.
fn netem(dice: &mut Dice) -> Netem {
    let delay = dice.of(&[0, 1, 10, 50, 150]) * MS;
    Netem {
        delay,
        jitter: if dice.one_in(3) { delay / 4 } else { 0 },
        loss: dice.chance(6.0),
        duplicate: dice.chance(3.0),
        corrupt: dice.chance(2.0),
        reorder: dice.chance(8.0),
        gap: 1,
        rate: dice.of(&[0, 0, 500_000, 5_000_000, 100_000_000]),
        limit: dice.of(&[1000, 1000, 30]),
    }
}

/// What the path remembers, and does.
#[derive(Default)]
struct Road {
    dead: bool,
    /// The longest that passes, 0 for any.
    mtu: u32,
    /// The last packet from each end.
    last: [Vec<u8>; 2],
    too_long: Vec<(End, Vec<u8>)>,
}

impl Road {
    fn decide(&mut self, packet: &Passing<'_>) -> Verdict {
        if self.dead {
            return Verdict::Drop;
        }
        if self.mtu != 0 && packet.bytes.len() > self.mtu as usize {
            self.too_long.push((packet.from, packet.bytes.to_vec()));
            return Verdict::Drop;
        }
        let last = &mut self.last[packet.from as usize];
        last.clear();
        last.extend_from_slice(&packet.bytes[..packet.bytes.len().min(60)]);
        Verdict::Pass
    }
}

fn sum(bytes: &[u8], start: u32) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = start + words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An IPv4 packet with its checksum.
fn ipv4(from: &[u8], to: &[u8], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
    packet[2..4].copy_from_slice(&((20 + payload.len()) as u16).to_be_bytes());
    packet.extend([from, to].concat());
    let check = sum(&packet, 0).to_be_bytes();
    packet[10..12].copy_from_slice(&check);
    packet.extend(payload);
    packet
}

/// "Fragmentation needed", from the destination of the packet that was too long.
fn too_long(packet: &[u8], mtu: u32) -> Vec<u8> {
    let mut icmp = vec![3, 4, 0, 0, 0, 0];
    icmp.extend((mtu as u16).to_be_bytes());
    icmp.extend(&packet[..packet.len().min(28)]);
    let check = sum(&icmp, 0).to_be_bytes();
    icmp[2..4].copy_from_slice(&check);
    ipv4(&packet[16..20], &packet[12..16], 1, &icmp)
}

/// A reset towards who sent `packet`, at the number he said he expects; `None` if it is no segment.
fn reset(packet: &[u8]) -> Option<Vec<u8>> {
    let tcp = packet.get(20..40).filter(|_| packet[0] == 0x45)?;
    let mut forged = Vec::new();
    forged.extend([&tcp[2..4], &tcp[0..2], &tcp[8..12], &[0; 4], &[0x50, 0x04, 0, 0, 0, 0, 0, 0]].concat());
    let pseudo = [&packet[16..20], &packet[12..16], &[0, 6, 0, 20]].concat();
    let check = sum(&forged, u32::from(!sum(&pseudo, 0))).to_be_bytes();
    forged[16..18].copy_from_slice(&check);
    Some(ipv4(&packet[16..20], &packet[12..16], 6, &forged))
}

/// One side of the connection.
struct Side<'t> {
    task: &'t Task,
    fd: i32,
    total: u64,
    sent: u64,
    shut: bool,
    received: u64,
    end: bool,
    error: Option<Errno>,
    closed: bool,
    /// It does not read before.
    reads_from: u64,
    /// Bytes of a read, and of a write.
    chunk: (usize, usize),
}

impl Side<'_> {
    fn over(&self) -> bool {
        self.closed || self.error.is_some() || (self.shut && self.end)
    }

    /// All that can be done without waiting.
    fn go(&mut self, pattern: &Pattern, now: u64, buf: &mut [u8], peers: u64) {
        while self.sent < self.total && !self.over() {
            let len = (self.total - self.sent).min(self.chunk.1 as u64) as usize;
            match self.task.send(self.fd, pattern.at(self.sent, len), MSG_NOSIGNAL as i32) {
                Ok(n) => self.sent += n as u64,
                Err(Errno::EAGAIN) => break,
                Err(errno) => self.error = Some(errno),
            }
        }
        if self.sent == self.total && !self.shut && !self.over() {
            match self.task.shutdown(self.fd, SHUT_WR) {
                Ok(()) => self.shut = true,
                Err(errno) => self.error = Some(errno),
            }
        }
        // A few reads at a time, so that a slow reader stays slow.
        let mut reads = 16;
        while now >= self.reads_from && !self.end && !self.over() && reads > 0 {
            reads -= 1;
            match self.task.recv(self.fd, &mut buf[..self.chunk.0], 0) {
                Ok(0) => self.end = true,
                Ok(n) => {
                    assert!(self.received + n as u64 <= peers, "more than was sent");
                    assert!(buf[..n] == *pattern.at(self.received, n), "wrong bytes at {}", self.received);
                    self.received += n as u64;
                }
                Err(Errno::EAGAIN) => break,
                Err(errno) => self.error = Some(errno),
            }
        }
    }
}

/// Errors that a connection may end with.
const ENDS: [Errno; 6] = [
    Errno::ECONNRESET,
    Errno::EPIPE,
    Errno::ETIMEDOUT,
    Errno::EHOSTUNREACH,
    Errno::ENOTCONN,
    Errno::ECONNREFUSED,
];

/// What became of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The wire's trace: the same for the same seed.
    pub hash: u64,
    /// Bytes that arrived, both ways.
    pub bytes: u64,
    /// The connection was made and ended as it should, with all data.
    pub whole: bool,
}

/// Runs the scenario of a seed.
///
/// # Panics
/// When an invariant does not hold.
#[must_use]
pub fn run(seed: u64) -> Outcome {
    let mut dice = Dice(seed);
    let dice = &mut dice;
    let config = WireConfig {
        mtu: dice.of(&[1500, 1500, 576, 9000, 65_535]),
        offload: dice.one_in(4),
        a_to_b: netem(dice),
        b_to_a: netem(dice),
        seed,
    };
    let pair = Pair::new(seed, &config);
    for net in [&pair.a, &pair.b] {
        for (name, values) in SYSCTLS {
            let value = dice.of(values);
            let path = format!("net.ipv4.{name}");
            // Some are not there yet.
            if dice.one_in(3) && net.sysctl(&path).is_ok() {
                net.set_sysctl(&path, value).unwrap_or_else(|errno| panic!("{path}={value}: {errno}"));
            }
        }
    }
    let v6 = config.mtu >= 1280 && dice.one_in(4);
    let event = match dice.below(12) {
        0 => Event::Dead,
        1 => Event::Reset(dice.of(&[End::A, End::B])),
        2 if !v6 && !config.offload => Event::Mtu(dice.of(&[1200, 800, 556])),
        3 | 4 => Event::Killed { server: dice.one_in(2), linger: dice.one_in(2) },
        _ => Event::Nothing,
    };
    let outcome = Scenario { pair: &pair, v6, event }.run(dice);
    leaks::assert_gone(&pair);
    Outcome { hash: pair.wire.trace_hash(), ..outcome }
}

struct Scenario<'p> {
    pair: &'p Pair,
    v6: bool,
    event: Event,
}

impl Scenario<'_> {
    fn run(&self, dice: &mut Dice) -> Outcome {
        let Pair { client, server, wire, world, .. } = self.pair;
        let road = Arc::new(Mutex::new(Road::default()));
        let decides = road.clone();
        wire.set_filter(Some(Box::new(move |packet: &Passing<'_>| {
            decides.lock().unwrap_or_else(PoisonError::into_inner).decide(packet)
        })));
        let (family, ip) = if self.v6 { (AF_INET6, "fd00::2") } else { (AF_INET, crate::SERVER) };
        let addr = SocketAddr::new(ip.parse().expect("an address"), 80);
        let listener = server.socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0).expect("a socket");
        options(dice, server, listener);
        server.bind(listener, sockaddr(addr)).expect("a free port");
        server.listen(listener, 4).expect("a bound socket");
        let fd = client.socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0).expect("a socket");
        options(dice, client, fd);
        assert_eq!(client.connect(fd, sockaddr(addr)), Err(Errno::EINPROGRESS));
        let mut accepted = Err(Errno::EAGAIN);
        world.run_until(600 * SEC, || {
            accepted = server.accept4(listener, SOCK_NONBLOCK);
            let failed = client.getsockopt_int(fd, SOL_SOCKET, SO_ERROR).expect("a socket");
            accepted != Err(Errno::EAGAIN) || failed != 0
        });
        let Ok(conn) = accepted else {
            // All SYNs of two minutes were lost, or corrupted.
            client.close(fd).expect("a descriptor");
            server.close(listener).expect("a descriptor");
            return Outcome { hash: 0, bytes: 0, whole: false };
        };
        options(dice, server, conn);
        let outcome = self.talk(dice, &road, fd, conn);
        server.close(listener).expect("a descriptor");
        outcome
    }

    fn side<'t>(&self, dice: &mut Dice, task: &'t Task, fd: i32) -> Side<'t> {
        let most = dice.of(&[1, 1000, 30_000, 150_000]);
        let now = self.pair.world.now().ns();
        Side {
            task,
            fd,
            total: dice.below(most),
            sent: 0,
            shut: false,
            received: 0,
            end: false,
            error: None,
            closed: false,
            reads_from: if dice.one_in(4) { now + dice.below(20 * SEC) } else { now },
            chunk: (dice.of(&[65_536, 65_536, 700]), dice.of(&[65_536, 1448, 777])),
        }
    }

    fn talk(&self, dice: &mut Dice, road: &Mutex<Road>, fd: i32, conn: i32) -> Outcome {
        let Pair { client, server, wire, world, .. } = self.pair;
        let mut sides = [self.side(dice, client, fd), self.side(dice, server, conn)];
        let totals = [sides[1].total, sides[0].total];
        let (pattern, mut buf) = (Pattern::default(), vec![0; 65_536]);
        let begin = world.now().ns();
        let when = begin + dice.below(2 * SEC);
        let mut happened = self.event == Event::Nothing;
        let mut go = || {
            let now = world.now().ns();
            if !happened && now >= when {
                happened = true;
                self.happen(road, &mut sides);
            }
            let told: Vec<_> =
                std::mem::take(&mut road.lock().unwrap_or_else(PoisonError::into_inner).too_long);
            for (from, packet) in told {
                if let Event::Mtu(mtu) = self.event {
                    wire.inject(from, world.now() + MS, too_long(&packet, mtu));
                }
            }
            for (side, peers) in sides.iter_mut().zip(totals) {
                side.go(&pattern, now, &mut buf, peers);
            }
            // One that is cut off may wait for ever; its peer's end is the end of the scenario.
            let cut = matches!(self.event, Event::Dead | Event::Reset(_) | Event::Killed { .. });
            let (all, any) = (sides.iter().all(Side::over), sides.iter().any(Side::over));
            all || (cut && happened && any && now > when + 3000 * SEC)
        };
        // Who reads slowly is to have his turn when nothing else happens, too.
        while !world.run_until(50 * MS, &mut go) && world.now().ns() < begin + 20_000 * SEC {}
        let whole =
            sides.iter().zip(totals).all(|(side, peers)| side.end && side.shut && side.received == peers);
        for (i, side) in sides.iter().enumerate() {
            if let Some(errno) = side.error {
                assert!(ENDS.contains(&errno), "{errno:?}");
            }
            // The end of a stream comes after all of it, unless who sent it was killed.
            let killed = matches!(self.event, Event::Killed { server, .. } if server == (i == 0));
            assert!(!side.end || killed || side.received == totals[i], "the end after {}", side.received);
            assert!(
                !side.end
                    || side.received == totals[usize::from(std::ptr::eq(side, &raw const sides[1]))]
                    || self.may_cut()
            );
        }
        if !self.may_cut() {
            let told = |side: &Side<'_>| (side.sent, side.received, side.end, side.error);
            // Only a path so bad that fifteen retransmissions in a row were lost may do that.
            let timed_out = sides.iter().any(|side| side.error == Some(Errno::ETIMEDOUT));
            assert!(whole || timed_out, "{:?} {:?} of {totals:?}", told(&sides[0]), told(&sides[1]));
        }
        for side in &sides {
            if !side.closed {
                side.task.close(side.fd).expect("a descriptor");
            }
        }
        Outcome { hash: 0, bytes: sides[0].received + sides[1].received, whole }
    }

    /// The event may end the connection before all was said.
    fn may_cut(&self) -> bool {
        !matches!(self.event, Event::Nothing | Event::Mtu(_))
    }

    fn happen(&self, road: &Mutex<Road>, sides: &mut [Side<'_>; 2]) {
        let mut road = road.lock().unwrap_or_else(PoisonError::into_inner);
        match self.event {
            Event::Nothing => {}
            Event::Dead => road.dead = true,
            Event::Mtu(mtu) => road.mtu = mtu,
            Event::Reset(end) => {
                if let Some(packet) = reset(&road.last[end as usize]) {
                    self.pair.wire.inject(end, self.pair.world.now(), packet);
                }
            }
            Event::Killed { server, linger } => {
                drop(road);
                let side = &mut sides[usize::from(server)];
                if side.over() {
                    return;
                }
                if linger {
                    let value = [1i32.to_ne_bytes(), 0i32.to_ne_bytes()].concat();
                    side.task.setsockopt(side.fd, SOL_SOCKET, SO_LINGER, &value).expect("an option");
                }
                side.task.close(side.fd).expect("a descriptor");
                side.closed = true;
            }
        }
    }
}
