//! Packets from a hostile peer into a namespace with sockets of every kind open.
//!
//! The bytes decide what the peer sends: anything at all, packets whose outside is right, segments
//! near what the connections expect, errors about packets that were sent, fragments; and in between,
//! what the programs call and how time passes. Nothing may panic, and in the end nothing may be left.

use super::build::{Addrs, Tcp, ip, udp};
use super::{Input, calls, features};
use crate::{End, MS, Pair, Passing, SEC, Verdict, WireConfig, leaks, sockaddr};
use sockeye::sim::WireTap;
use sockeye::uapi::socket::{
    AF_INET, AF_INET6, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_RAW, SOCK_STREAM, SOL_SOCKET,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// A flow that the victim sent something on, as the peer would answer.
#[derive(Clone, Debug)]
struct Flow {
    addrs: Addrs,
    protocol: u8,
    sport: u16,
    dport: u16,
    /// What the victim expects next, and what it sent last.
    seq: u32,
    ack: u32,
}

impl Flow {
    fn of(packet: &[u8]) -> Option<Flow> {
        let (addrs, protocol, payload) = match packet.first()? >> 4 {
            4 => {
                let (source, dest) = (packet.get(12..16)?, packet.get(16..20)?);
                let header = usize::from(packet[0] & 15) * 4;
                let addrs = Addrs::V4(dest.try_into().ok()?, source.try_into().ok()?);
                (addrs, *packet.get(9)?, packet.get(header..)?)
            }
            6 => {
                let (source, dest) = (packet.get(8..24)?, packet.get(24..40)?);
                let addrs = Addrs::V6(dest.try_into().ok()?, source.try_into().ok()?);
                (addrs, *packet.get(6)?, packet.get(40..)?)
            }
            _ => return None,
        };
        let port = |at: usize| Some(u16::from_be_bytes(payload.get(at..at + 2)?.try_into().ok()?));
        let word = |at: usize| Some(u32::from_be_bytes(payload.get(at..at + 4)?.try_into().ok()?));
        let (seq, ack) = match protocol {
            6 => {
                let header = usize::from(payload.get(12)? >> 4) * 4;
                let flags = payload.get(13)?;
                let len =
                    payload.len().saturating_sub(header) as u32 + u32::from((flags & 1) + (flags >> 1 & 1));
                (word(8)?, word(4)?.wrapping_add(len))
            }
            _ => (0, 0),
        };
        Some(Flow { addrs, protocol, sport: port(2)?, dport: port(0)?, seq, ack })
    }
}

/// What the victim sent: the last packets, and a flow for each of the last connections.
#[derive(Default)]
struct Seen {
    packets: VecDeque<Vec<u8>>,
    flows: VecDeque<Flow>,
}

#[derive(Clone, Default)]
struct Spy(Arc<Mutex<Seen>>);

impl WireTap for Spy {
    fn packet(&self, packet: &Passing<'_>) {
        if packet.from != End::A {
            return;
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flow) = Flow::of(packet.bytes) {
            let same = |f: &Flow| (&f.addrs, f.sport, f.dport) == (&flow.addrs, flow.sport, flow.dport);
            seen.flows.retain(|known| !same(known));
            seen.flows.push_front(flow);
            seen.flows.truncate(12);
        }
        seen.packets.push_front(packet.bytes.to_vec());
        seen.packets.truncate(4);
    }
}

/// The victim with its sockets.
struct Scene {
    pair: Pair,
    fds: Vec<i32>,
    spy: Spy,
}

const HERE4: [u8; 4] = [10, 0, 0, 1];
const THERE4: [u8; 4] = [10, 0, 0, 2];
const HERE6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const THERE6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

impl Scene {
    fn new() -> Scene {
        let pair = Pair::new(1, &WireConfig::default());
        let spy = Spy::default();
        pair.wire.set_tap(Some(Arc::new(spy.clone())));
        let task = &pair.client;
        let mut fds = Vec::new();
        let bound = |family: i32, kind: i32, protocol: i32, addr: &str| {
            let fd = task.socket(family, kind | SOCK_NONBLOCK, protocol).ok()?;
            let addr = addr.parse().ok()?;
            task.bind(fd, sockaddr(addr)).ok()?;
            Some(fd)
        };
        for (family, addr) in [(AF_INET, "0.0.0.0:80"), (AF_INET6, "[::]:81")] {
            if let Some(fd) = bound(family, SOCK_STREAM, 0, addr) {
                let _ = task.listen(fd, 4);
                fds.push(fd);
            }
        }
        fds.extend(bound(AF_INET, SOCK_DGRAM, 0, "0.0.0.0:7"));
        fds.extend(bound(AF_INET6, SOCK_DGRAM, 0, "[::]:8"));
        fds.extend(bound(AF_INET, SOCK_RAW, 1, "0.0.0.0:0"));
        fds.extend(bound(AF_INET6, SOCK_RAW, 58, "[::]:0"));
        // A connection that is open, one that is about to be, and a datagram socket with a peer.
        if let Ok(conn) = pair.connect(90) {
            fds.push(conn.client);
        }
        pair.wire.set_filter(Some(Box::new(|_: &Passing<'_>| Verdict::Drop)));
        for (family, kind, to) in [
            (AF_INET, SOCK_STREAM, "10.0.0.2:91"),
            (AF_INET6, SOCK_STREAM, "[fd00::2]:92"),
            (AF_INET, SOCK_DGRAM, "10.0.0.2:93"),
        ] {
            if let (Ok(fd), Ok(to)) = (task.socket(family, kind | SOCK_NONBLOCK, 0), to.parse()) {
                let _ = task.connect(fd, sockaddr(to));
                let _ = task.send(fd, b"hello", 0);
                fds.push(fd);
            }
        }
        Scene { pair, fds, spy }
    }

    fn deliver(&self, packet: Vec<u8>) {
        let now = self.pair.world.now();
        self.pair.wire.inject(End::A, now, packet);
        self.pair.wire.deliver_due(now);
    }

    fn seen<R>(&self, f: impl FnOnce(&Seen) -> R) -> R {
        f(&self.spy.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn addrs(input: &mut Input<'_>) -> Addrs {
        match input.u8() % 8 {
            0 | 1 => Addrs::V4(THERE4, HERE4),
            2 | 3 => Addrs::V6(THERE6, HERE6),
            4 => Addrs::V4(HERE4, HERE4),
            5 => Addrs::V4(
                [127, 0, 0, 1],
                input.pick(&[HERE4, [127, 0, 0, 1], [255; 4], [224, 0, 0, 1], [10, 0, 0, 255]]),
            ),
            6 => {
                let mut group = [0; 16];
                (group[0], group[1], group[15]) = (0xff, input.u8() & 0x0f, 1);
                Addrs::V6(THERE6, group)
            }
            _ => {
                let mut source = [0; 4];
                let bytes = input.bytes(4);
                source[..bytes.len()].copy_from_slice(bytes);
                Addrs::V4(source, HERE4)
            }
        }
    }

    /// A flow of a connection, or one that is not there yet.
    fn flow(&self, input: &mut Input<'_>) -> Flow {
        let index = usize::from(input.u8());
        let known = self.seen(|seen| {
            let tcp: Vec<&Flow> = seen.flows.iter().filter(|flow| flow.protocol == 6).collect();
            if index < 200 && !tcp.is_empty() { Some((*tcp[index % tcp.len()]).clone()) } else { None }
        });
        known.unwrap_or_else(|| Flow {
            addrs: if index.is_multiple_of(2) { Addrs::V4(THERE4, HERE4) } else { Addrs::V6(THERE6, HERE6) },
            protocol: 6,
            sport: 1000 + u16::from(input.u8() % 4),
            dport: input.pick(&[80, 81, 90, 99]),
            seq: 1000,
            ack: 0,
        })
    }

    fn segment(&self, input: &mut Input<'_>) -> Vec<u8> {
        let flow = self.flow(input);
        let options = match input.u8() % 6 {
            0 => input.bytes(12).to_vec(),
            1 => vec![2, 4, input.u8(), input.u8(), 4, 2, 3, 3, input.u8() % 16, 1],
            2 => [&[1, 1, 8, 10][..], &input.u32().to_be_bytes(), &input.u32().to_be_bytes()].concat(),
            3 => {
                let left = flow.ack.wrapping_sub(input.delta());
                let right = left.wrapping_add(input.delta());
                [&[1, 1, 5, 10][..], &left.to_be_bytes(), &right.to_be_bytes()].concat()
            }
            _ => Vec::new(),
        };
        let flags = match input.u8() {
            n @ 0..=99 => [16, 24, 17, 2, 18, 4, 20, 48][usize::from(n) % 8],
            n => n,
        };
        let tcp = Tcp {
            sport: flow.sport,
            dport: flow.dport,
            seq: flow.seq.wrapping_add(input.delta()),
            ack: flow.ack.wrapping_sub(input.delta()),
            flags,
            window: input.pick(&[65535, 0, 1, 500, 29200]),
            urgent: if flags & 32 != 0 { input.u16() % 64 } else { 0 },
            options,
        };
        let len = usize::from(input.pick(&[0u16, 0, 0, 1, 10, 100, 536, 1400]));
        ip(&flow.addrs, 6, 64, input.u8() & 3, 0, tcp.segment(&vec![0x5a; len]))
    }

    /// An error about a packet that the victim sent.
    fn error(&self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let index = usize::from(input.u8());
        let about = self.seen(|seen| {
            let n = seen.packets.len();
            if n == 0 { None } else { Some(seen.packets[index % n].clone()) }
        })?;
        let quoted = &about[..about.len().min(usize::from(input.pick(&[8u16, 20, 28, 48, 68, 500])))];
        let v4 = about[0] >> 4 == 4;
        let kinds: &[(u8, u8)] = if v4 {
            &[
                (3, 0),
                (3, 1),
                (3, 2),
                (3, 3),
                (3, 4),
                (3, 13),
                (4, 0),
                (5, 1),
                (11, 0),
                (11, 1),
                (12, 0),
                (8, 0),
            ]
        } else {
            &[
                (1, 0),
                (1, 1),
                (1, 4),
                (2, 0),
                (3, 0),
                (4, 0),
                (4, 1),
                (128, 0),
                (135, 0),
                (134, 0),
                (130, 0),
                (137, 0),
            ]
        };
        let (kind, code) = match input.u8() {
            n @ 0..=219 => kinds[usize::from(n) % kinds.len()],
            _ => (input.u8(), input.u8()),
        };
        let rest = match input.u8() % 3 {
            0 => u32::from(input.pick(&[0u16, 68, 296, 552, 576, 1200, 1280, 1499, 1500, 9000])),
            _ => input.u32(),
        };
        let mut message = vec![kind, code, 0, 0];
        message.extend_from_slice(&rest.to_be_bytes());
        message.extend_from_slice(quoted);
        let addrs = if v4 { Addrs::V4(THERE4, HERE4) } else { Addrs::V6(THERE6, HERE6) };
        Some(ip(&addrs, if v4 { 1 } else { 58 }, 64, 0, 0, message))
    }

    /// What a right peer would send next on a flow: an acknowledgement, data, an end.
    fn answer(&self, input: &mut Input<'_>) {
        let Flow { addrs, sport, dport, seq, ack, .. } = self.flow(input);
        let flags = input.pick(&[16, 16, 24, 24, 17, 18, 4, 2]);
        let options = match input.u8() % 4 {
            0 => [&[1, 1, 8, 10][..], &input.u32().to_be_bytes(), &input.u32().to_be_bytes()].concat(),
            _ => Vec::new(),
        };
        // Some come before their time.
        let seq = seq.wrapping_add(input.pick(&[0, 0, 0, 1400, 2800]));
        let tcp = Tcp { sport, dport, seq, ack, flags, window: 30_000, urgent: 0, options };
        let len = usize::from(input.pick(&[0u16, 1, 100, 1400, 1400]));
        self.deliver(ip(&addrs, 6, 64, 0, 0, tcp.segment(&vec![0x33; len])));
    }

    /// SYN, and the ACK of what comes back.
    fn polite(&self, dport: u16, sport: u16) {
        let addrs = if dport == 80 { Addrs::V4(THERE4, HERE4) } else { Addrs::V6(THERE6, HERE6) };
        let mss = vec![2, 4, 5, 180];
        let syn = Tcp { sport, dport, seq: 77, ack: 0, flags: 2, window: 30_000, urgent: 0, options: mss };
        self.deliver(ip(&addrs, 6, 64, 0, 0, syn.segment(&[])));
        let reply =
            self.seen(|seen| seen.flows.iter().find(|f| (f.sport, f.dport) == (sport, dport)).cloned());
        if let Some(Flow { seq, ack, .. }) = reply {
            let tcp = Tcp { seq, ack, flags: 16, options: Vec::new(), ..syn };
            self.deliver(ip(&addrs, 6, 64, 0, 0, tcp.segment(&[])));
        }
    }

    fn packet(&self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        Some(match input.u8() % 16 {
            0 => {
                let len = usize::from(input.u8());
                input.bytes(len).to_vec()
            }
            1 => {
                // A right outside, anything within.
                let (addrs, protocol, len) = (Self::addrs(input), input.u8(), usize::from(input.u8()));
                ip(&addrs, protocol, input.u8(), input.u8(), 0, input.bytes(len).to_vec())
            }
            2 => {
                // Extension headers.
                let kinds = [0u8, 43, 44, 60, 51, 59, 6, 17, 58];
                let len = usize::from(input.u8() % 64);
                ip(&Addrs::V6(THERE6, HERE6), input.pick(&kinds), 64, 0, 0, input.bytes(len).to_vec())
            }
            3 => {
                // A fragment.
                let frag =
                    u16::from(input.u8() % 32) | if !input.u8().is_multiple_of(3) { 0x2000 } else { 0 };
                let len = usize::from(input.pick(&[0u16, 8, 16, 24, 100, 1400]));
                ip(&Addrs::V4(THERE4, HERE4), input.pick(&[17, 6, 1]), 64, 0, frag, vec![0; len])
            }
            4 => {
                let (addrs, len) = (Self::addrs(input), usize::from(input.u8()));
                let body = udp(input.pick(&[93, 53, 7]), input.pick(&[7, 8, 93, 1]), &vec![1; len]);
                ip(&addrs, 17, 64, 0, 0, body)
            }
            5 => {
                // IPv4 with options.
                let len = usize::from(input.u8() % 11) * 4;
                let options = input.bytes(len).to_vec();
                let plain = ip(&Addrs::V4(THERE4, HERE4), 17, 64, 0, 0, udp(9, 7, b"options"));
                let mut packet = plain[..20].to_vec();
                packet.extend_from_slice(&options);
                packet.resize(20 + len, 0);
                packet[0] = 0x45 + (len / 4) as u8;
                let total = (plain.len() + len) as u16;
                packet[2..4].copy_from_slice(&total.to_be_bytes());
                packet[10..12].fill(0);
                let sum = super::build::checksum(&[&packet]);
                packet[10..12].copy_from_slice(&sum.to_be_bytes());
                packet.extend_from_slice(&plain[20..]);
                packet
            }
            6 | 7 => self.error(input)?,
            8 => {
                // What the victim sent, back to it with a few bytes changed.
                let mut packet = self.seen(|seen| seen.packets.front().cloned())?;
                for _ in 0..input.u8() % 4 {
                    let at = usize::from(input.u16()) % packet.len().max(1);
                    if let Some(byte) = packet.get_mut(at) {
                        *byte = input.u8();
                    }
                }
                packet
            }
            _ => self.segment(input),
        })
    }
}

/// Runs one input.
///
/// # Panics
/// For a bug.
pub fn run(data: &[u8]) -> Vec<u32> {
    let mut scene = Scene::new();
    let mut input = Input::new(data);
    for _ in 0..400 {
        if input.is_empty() {
            break;
        }
        match input.u8() {
            0..=49 => scene.answer(&mut input),
            50..=69 => {
                // A connection from outside, when both sides are polite.
                for _ in 0..2 {
                    scene.polite(input.pick(&[80u16, 81]), 2000 + u16::from(input.u8() % 8));
                }
            }
            70..=179 => {
                if let Some(packet) = scene.packet(&mut input) {
                    scene.deliver(packet);
                }
            }
            180..=199 => scene.pair.world.run_for(u64::from(input.u16()) * MS),
            200..=215 => {
                let fd = scene.fds[usize::from(input.u8()) % scene.fds.len()];
                if let Ok(new) = scene.pair.client.accept4(fd, SOCK_NONBLOCK) {
                    scene.fds.push(new);
                }
                let mut buf = [0; 2000];
                let _ = scene.pair.client.recv(fd, &mut buf, 0);
            }
            216..=225 => {
                let fd = scene.fds[usize::from(input.u8()) % scene.fds.len()];
                let len = usize::from(input.pick(&[1u16, 100, 1500, 20_000]));
                let _ = scene.pair.client.send(fd, &vec![7; len], 0);
            }
            226..=231 if scene.fds.len() > 1 => {
                let index = usize::from(input.u8()) % scene.fds.len();
                let fd = scene.fds.swap_remove(index);
                if input.u8().is_multiple_of(2) {
                    let _ = scene.pair.client.shutdown(fd, 1);
                    scene.fds.push(fd);
                } else {
                    let _ = scene.pair.client.close(fd);
                }
            }
            _ => {
                let fd = scene.fds[usize::from(input.u8()) % scene.fds.len()];
                calls::on_socket(&scene.pair.client, fd, &mut input);
            }
        }
    }
    // Whoever sleeps on for ever was asked to; the rest ends.
    let Scene { pair, fds, .. } = scene;
    for fd in fds {
        let _ = pair.client.setsockopt(fd, SOL_SOCKET, sockeye::uapi::socket::SO_LINGER, &[0; 8]);
    }
    end(pair)
}

/// Closes all, sees that nothing is left, and tells what happened.
pub(super) fn end(pair: Pair) -> Vec<u32> {
    let Pair { client, server, wire, a, b, world } = pair;
    drop((client, server));
    // Neither orphans nor TIME_WAITs live longer than this.
    world.run_until(3600 * SEC, || a.next_timer().is_none() && b.next_timer().is_none());
    for net in [&a, &b] {
        let left = leaks::left(net);
        assert_eq!(left, leaks::Left::default(), "sockets are left");
    }
    drop(wire);
    features(&a)
}
