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
        let host = Host::new(Link { delay_us: 1000, ..Link::default() });
        host.net.sysctl.write(&host.net, "net/ipv4/tcp_timestamps", "0").unwrap();
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
