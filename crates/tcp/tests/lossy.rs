//! TCP over a wire that loses, delays, reorders and duplicates, in virtual time: the data arrives
//! whole, and everything is gone in the end.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{Host, Link, Sock, pattern};
use uapi::Errno;

/// Sends `total` bytes one way and `back` the other; gives the virtual milliseconds it took.
fn transfer(host: &Host, client: &Sock, server: &Sock, total: u64, back: u64) -> u64 {
    let start = host.now().ms();
    let mut flows = [(client, server, total, 0u64, 0u64), (server, client, back, 0, 0)];
    let mut buf = vec![0; 70_000];
    let done = host.run(10_000_000, || {
        for (from, to, total, sent, got) in &mut flows {
            while *sent < *total {
                let chunk: Vec<u8> = (*sent..(*sent + 30_000).min(*total)).map(pattern).collect();
                match host.send(from, &chunk) {
                    Ok(n) => *sent += n as u64,
                    Err(Errno::EAGAIN) => break,
                    Err(errno) => panic!("send: {errno:?} after {sent}"),
                }
            }
            while let Ok(n) = host.recv(to, &mut buf) {
                assert!(n > 0, "end of stream after {got}");
                for b in &buf[..n] {
                    assert_eq!(*b, pattern(*got), "byte {got}");
                    *got += 1;
                }
            }
        }
        flows.iter().all(|(_, _, total, _, got)| total == got)
    });
    assert!(done, "{:?} {:?}", (flows[0].3, flows[0].4), (flows[1].3, flows[1].4));
    host.now().ms() - start
}

fn finish(host: &Host, client: Sock, server: Sock, listener: Sock) {
    let mut buf = [0; 10];
    host.close(client);
    assert!(host.run(1_000_000, || host.recv(&server, &mut buf) == Ok(0)), "no end of stream");
    host.close(server);
    host.close(listener);
    host.run(1_000_000, || false);
    let tcp = host.net.generic::<sockeye_tcp::TcpNet>();
    assert!(tcp.hash.established.is_empty(), "{} connections are left", tcp.hash.established.len());
    assert_eq!(host.net.next_timer(), None, "timers are left");
}

fn lossy(seed: u64) -> Link {
    Link { loss: 200, reorder: 500, duplicate: 100, delay_us: 25_000, mtu: 1500, gso: false, rate: 0, seed }
}

#[test]
fn two_percent_loss() {
    for seed in 1..=10 {
        let host = Host::new(lossy(seed));
        let (client, server, listener) = host.pair();
        let ms = transfer(&host, &client, &server, 2_000_000, 0);
        println!("seed {seed}: {ms} ms, {:?}", host.wire());
        finish(&host, client, server, listener);
    }
}

#[test]
fn both_ways_with_large_segments() {
    for seed in 1..=5 {
        let host = Host::new(Link { gso: true, mtu: 9000, ..lossy(seed) });
        let (client, server, listener) = host.pair();
        transfer(&host, &client, &server, 3_000_000, 1_000_000);
        finish(&host, client, server, listener);
    }
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let run = || {
        let host = Host::new(lossy(42));
        let (client, server, listener) = host.pair();
        transfer(&host, &client, &server, 300_000, 1000);
        finish(&host, client, server, listener);
        host.wire()
    };
    assert_eq!(run(), run());
}

/// Wires of all kinds; more of them with `SEEDS=3000`, others with `SEED=1000`.
#[test]
fn many_seeds() {
    let from: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(300);
    for seed in from..from + seeds {
        let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut pick = |n: u64| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (x >> 33) % n
        };
        let link = Link {
            loss: pick(1500) as u32,
            reorder: pick(2000) as u32,
            duplicate: pick(500) as u32,
            delay_us: pick(60_000),
            rate: if pick(3) == 0 { 100_000 + pick(10_000_000) } else { 0 },
            mtu: [576, 1500, 9000, 65536][pick(4) as usize],
            gso: pick(2) == 0,
            seed,
        };
        println!(
            "seed {seed}: loss {} reorder {} dup {} delay {} rate {} mtu {} gso {}",
            link.loss, link.reorder, link.duplicate, link.delay_us, link.rate, link.mtu, link.gso
        );
        let host = Host::new(link);
        let (client, server, listener) = host.pair();
        let total = 100_000 + pick(900_000);
        let back = pick(200_000);
        let ms = transfer(&host, &client, &server, total, back);
        println!("   {ms} ms");
        finish(&host, client, server, listener);
    }
}
