//! Crafted segments against every state: what the sock becomes and what it answers, as a table.
//! RFC 9293 section 3.10.7 with RFC 5961.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use net::skb::IpSummed;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use support::{Host, Link, Sock};
use wire::tcp::TcpOptions;
use wire::{TcpFlags, TcpRepr, TcpSegment};

/// Sends a segment to `sk` as if from its peer, and gives the answers.
struct Peer {
    host: Host,
    sk: Sock,
    sent: Arc<Mutex<Vec<String>>>,
    seq: u32,
    ack: u32,
}

/// How a sock gets into a state.
type Enter = fn(&Host) -> Sock;

fn established(host: &Host) -> Sock {
    let (client, server, listener) = host.pair();
    std::mem::forget((server, listener));
    client
}

fn syn_sent(host: &Host) -> Sock {
    host.filter(|_, _| true);
    let client = host.socket(uapi::AF_INET);
    host.connect(&client, "127.0.0.1:80").unwrap();
    client
}

fn fin_wait1(host: &Host) -> Sock {
    let client = established(host);
    host.run(100, || false);
    host.filter(|_, _| true);
    host.shutdown(&client, 2);
    client
}

fn fin_wait2(host: &Host) -> Sock {
    let client = established(host);
    host.shutdown(&client, 2);
    host.run(100, || false);
    client
}

fn close_wait(host: &Host) -> Sock {
    let (client, server, listener) = host.pair();
    host.shutdown(&server, 2);
    host.run(100, || false);
    std::mem::forget((server, listener));
    client
}

fn last_ack(host: &Host) -> Sock {
    let client = close_wait(host);
    host.filter(|_, _| true);
    host.shutdown(&client, 2);
    client
}

fn closing(host: &Host) -> Sock {
    let (client, server, listener) = host.pair();
    host.run(100, || false);
    host.shutdown(&client, 2);
    host.shutdown(&server, 2);
    // Their FINs cross; the ACKs of the FINs are lost.
    host.filter(|_, packet| {
        let seg = TcpSegment::parse(&packet[20..]).unwrap();
        !seg.hdr.flags().fin()
    });
    host.run(5, || false);
    std::mem::forget((server, listener));
    client
}

const STATES: [(&str, Enter); 7] = [
    ("SYN_SENT", syn_sent),
    ("ESTABLISHED", established),
    ("FIN_WAIT1", fin_wait1),
    ("FIN_WAIT2", fin_wait2),
    ("CLOSE_WAIT", close_wait),
    ("CLOSING", closing),
    ("LAST_ACK", last_ack),
];

const A: TcpFlags = TcpFlags::ACK;

/// A segment relative to what is expected: flags, sequence offset, acknowledgement offset, bytes.
const EVENTS: [(&str, TcpFlags, i32, i32, usize); 14] = [
    ("ack", A, 0, 0, 0),
    ("data", A.with(TcpFlags::PSH), 0, 0, 10),
    ("data ahead", A, 100, 0, 10),
    ("old data", A, -5, 0, 5),
    ("far data", A, 10_000_000, 0, 10),
    ("fin", A.with(TcpFlags::FIN), 0, 0, 0),
    ("rst", TcpFlags::RST, 0, 0, 0),
    ("rst in window", TcpFlags::RST, 100, 0, 0),
    ("rst outside", TcpFlags::RST, 10_000_000, 0, 0),
    ("syn", TcpFlags::SYN, 0, 0, 0),
    ("syn ack", TcpFlags::SYN.with(A), 0, 0, 0),
    ("ack of unsent", A, 0, 1000, 0),
    ("old ack", A, 0, -100_000, 0),
    ("no flags", TcpFlags::NONE, 0, 0, 1),
];

impl Peer {
    fn new(enter: Enter) -> Peer {
        Peer::with(enter, false)
    }

    fn with(enter: Enter, timestamps: bool) -> Peer {
        let host = Host::new(Link { delay_us: 1000, ..Link::default() });
        let value = if timestamps { "1" } else { "0" };
        host.net.sysctl.write(&host.net, "net/ipv4/tcp_timestamps", value).unwrap();
        let sk = enter(&host);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (noted, port) = (sent.clone(), host.tp(&sk, |tp| tp.inet.num));
        let (seq, ack, una) = host.tp(&sk, |tp| (tp.rcv_nxt, tp.snd_nxt, tp.snd_una));
        let _ = una;
        host.filter(move |_, packet| {
            let seg = TcpSegment::parse(&packet[20..]).unwrap();
            if seg.hdr.source() == port {
                let f = seg.hdr.flags();
                let s = seg.hdr.seq().wrapping_sub(ack) as i32;
                let a = if f.ack() {
                    format!(" ack {:+}", seg.hdr.ack_seq().wrapping_sub(seq) as i32)
                } else {
                    String::new()
                };
                noted.lock().unwrap().push(format!("{f}{s:+}{a}"));
            }
            true
        });
        Peer { host, sk, sent, seq, ack }
    }

    /// A segment comes in, as from the peer's address.
    fn deliver(&self, repr: &TcpRepr<'_>, len: usize) {
        let mut segment = vec![0; repr.header_len() + len];
        repr.emit(&mut segment);
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        let total = (packet.len() + segment.len()) as u16;
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        let sum = wire::checksum::checksum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend_from_slice(&segment);
        self.host.net.softirq(&self.host.cpu, |cx| {
            let mut skb = cx.alloc_skb();
            skb.append(cx, &packet);
            skb.protocol = 0x0800;
            skb.iif = 1;
            skb.ip_summed = IpSummed::Unnecessary;
            skb.truesize = 1000;
            cx.netif_rx(skb);
        });
    }

    fn inject(&self, (_, flags, seq, ack, len): (&str, TcpFlags, i32, i32, usize)) -> String {
        let (sport, dport) = self.host.tp(&self.sk, |tp| (tp.inet.dport, tp.inet.num));
        let repr = TcpRepr {
            source: sport,
            dest: dport,
            seq: self.seq.wrapping_add_signed(seq),
            ack_seq: if flags.ack() { self.ack.wrapping_add_signed(ack) } else { 0 },
            flags,
            window: 1000,
            urg_ptr: 0,
            options: TcpOptions::default(),
        };
        self.deliver(&repr, len);
        let answers = std::mem::take(&mut *self.sent.lock().unwrap());
        let err = self.sk.take_err().map(|errno| format!(" {errno:?}")).unwrap_or_default();
        let state = self.host.state(&self.sk).ss_name();
        format!("{state}{err} [{}]", answers.join(", "))
    }
}

#[test]
fn every_event_in_every_state() {
    let mut table = String::new();
    for (name, enter) in STATES {
        let _ = writeln!(table, "{name}");
        for event in EVENTS {
            let peer = Peer::new(enter);
            let became = peer.inject(event);
            let _ = writeln!(table, "  {:14} {became}", event.0);
        }
    }
    let expected = include_str!("segments.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/segments.txt"), &table).unwrap();
    } else {
        assert!(table == expected, "the table changed; it is now\n{table}");
    }
}

/// A small generator: the same segments in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    /// Near zero mostly, anywhere sometimes.
    fn offset(&mut self) -> i32 {
        match self.below(8) {
            0..3 => 0,
            3..6 => self.below(6000) as i32 - 3000,
            6 => self.below(200_000) as i32 - 100_000,
            _ => self.below(u64::from(u32::MAX)) as i32,
        }
    }
}

/// Segments that no sane peer sends, at every state, with data in flight: whatever they do, nothing
/// breaks and nothing is left when the connection is over.
#[test]
fn hostile_segments_do_no_harm() {
    let rounds: u64 = std::env::var("ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    for seed in 0..rounds {
        for (_, enter) in STATES {
            let mut dice = Dice(seed);
            let peer = Peer::with(enter, dice.below(2) == 0);
            let host = &peer.host;
            for _ in 0..150 {
                if dice.below(4) == 0 {
                    let data = vec![1; dice.below(20_000) as usize];
                    let _ = host.send(&peer.sk, &data);
                }
                if dice.below(6) == 0 {
                    let _ = host.recv(&peer.sk, &mut [0; 3000]);
                }
                if dice.below(5) == 0 {
                    let ms = dice.below(700);
                    host.run(ms, || false);
                }
                hostile(&peer, &mut dice);
            }
            let sk = peer.sk.clone();
            host.close(sk);
            host.run(4_000_000, || false);
        }
    }
}

fn hostile(peer: &Peer, dice: &mut Dice) {
    let (rcv_nxt, una, nxt, dport, sport) =
        peer.host.tp(&peer.sk, |tp| (tp.rcv_nxt, tp.snd_una, tp.snd_nxt, tp.inet.num, tp.inet.dport));
    let flags = match dice.below(10) {
        0 => TcpFlags(dice.below(512) as u16),
        1 => TcpFlags::SYN,
        2 => TcpFlags::RST,
        3 => A.with(TcpFlags::FIN),
        4 => A.with(TcpFlags::URG),
        _ => A,
    };
    // Resets and FINs end the fun; not too often.
    let flags = if dice.below(5) == 0 { flags } else { flags.without(TcpFlags::RST.with(TcpFlags::FIN)) };
    let in_flight = nxt.wrapping_sub(una);
    let ack = match dice.below(4) {
        0 => una,
        1 => una.wrapping_add(dice.below(u64::from(in_flight) + 1) as u32),
        2 => nxt,
        _ => una.wrapping_add_signed(dice.offset()),
    };
    let mut sack = wire::tcp::options::SackBlocks::NONE;
    for _ in 0..dice.below(5) {
        let start = una.wrapping_add(dice.below(u64::from(in_flight) + 2000) as u32).wrapping_sub(500);
        sack.push(wire::tcp::SackBlock { start, end: start.wrapping_add(dice.below(4000) as u32) });
    }
    let timestamp = (dice.below(2) == 0).then(|| wire::tcp::TcpTimestamp {
        val: dice.below(1 << 20) as u32,
        ecr: peer.host.tp(&peer.sk, |tp| tp.tsval()).wrapping_add_signed(dice.offset()),
    });
    let options = TcpOptions {
        timestamp,
        sack: if timestamp.is_some() { sack.as_slice().iter().copied().take(3).collect() } else { sack },
        mss: (dice.below(6) == 0).then(|| 1 + dice.below(65_000) as u16),
        wscale: (dice.below(6) == 0).then(|| dice.below(20) as u8),
        ..TcpOptions::default()
    };
    let repr = TcpRepr {
        source: sport,
        dest: dport,
        seq: rcv_nxt.wrapping_add_signed(dice.offset()),
        ack_seq: ack,
        flags,
        window: [0, 1, 500, 65_535][dice.below(4) as usize],
        urg_ptr: dice.below(100) as u16,
        options,
    };
    let len = [0, 0, 1, 100, 1400, 9000][dice.below(6) as usize];
    peer.deliver(&repr, len);
}
