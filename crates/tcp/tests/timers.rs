//! What happens when nothing happens: timeouts, probes, keepalives, delayed ACKs; to the millisecond.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::{Arc, Mutex};
use support::{Host, Link, Sock, blocks, pattern};
use uapi::Errno;
use uapi::tcp::TcpState;
use wire::TcpSegment;

/// Loses everything, and notes when each packet was sent, ms after `from`.
fn cut(host: &Host) -> Arc<Mutex<Vec<u64>>> {
    let times = Arc::new(Mutex::new(Vec::new()));
    let (noted, clock) = (times.clone(), host.clock.clone());
    let start = host.now().ms();
    host.filter(move |_, _| {
        noted.lock().unwrap().push(kern::time::Clock::now(&*clock).ms() - start);
        true
    });
    times
}

#[test]
fn a_connect_gives_up_after_131_seconds() {
    let host = Host::new(Link::default());
    let times = cut(&host);
    let client = host.socket(uapi::AF_INET);
    host.connect(&client, "127.0.0.1:80").unwrap();
    let start = host.now().ms();
    assert!(host.run(200_000, || host.state(&client) == TcpState::Close));
    assert_eq!(
        *times.lock().unwrap(),
        [0, 1000, 2000, 3000, 4000, 5000, 7000, 11_000, 19_000, 35_000, 67_000]
    );
    assert_eq!(host.now().ms() - start, 131_000);
    assert_eq!(client.take_err(), Some(Errno::ETIMEDOUT));
}

#[test]
fn data_is_given_up_after_fifteen_timeouts() {
    let host = Host::new(Link { delay_us: 1000, ..Link::default() });
    let (client, _server, _listener) = host.pair();
    host.run(1000, || false);
    let times = cut(&host);
    host.send(&client, b"lost").unwrap();
    assert!(host.run(2_000_000, || host.state(&client) == TcpState::Close));
    let times = times.lock().unwrap();
    assert_eq!(client.take_err(), Some(Errno::ETIMEDOUT));
    // The loss probe, then retransmissions that double up to two minutes.
    let gaps: Vec<u64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(gaps[3..9].windows(2).all(|w| w[1].abs_diff(2 * w[0]) <= 1), "{gaps:?}");
    assert!(gaps[11..].iter().all(|gap| *gap == 120_000), "{gaps:?}");
    // tcp_retries2: 924.6 s by the model of 200 ms.
    assert!(*times.last().unwrap() <= 924_600 && *times.last().unwrap() > 700_000, "{times:?}");
}

#[test]
fn user_timeout_is_kept() {
    let host = Host::new(Link { delay_us: 1000, ..Link::default() });
    let (client, _server, _listener) = host.pair();
    host.with(&client, |sk, _| sk.user_timeout = 5000);
    cut(&host);
    let start = host.now().ms();
    host.send(&client, b"lost").unwrap();
    assert!(host.run(60_000, || host.state(&client) == TcpState::Close));
    let took = host.now().ms() - start;
    assert!((5000..5600).contains(&took), "{took}");
    assert_eq!(client.take_err(), Some(Errno::ETIMEDOUT));
}

#[test]
fn a_closed_window_is_probed_and_opens() {
    let host = Host::new(Link { delay_us: 1000, ..Link::default() });
    let (client, server, _listener) = host.pair();
    let mut sent = 0u64;
    // Nobody reads: the window fills and closes.
    host.run(10_000, || {
        loop {
            let chunk: Vec<u8> = (sent..sent + 10_000).map(pattern).collect();
            match host.send(&client, &chunk) {
                Ok(n) => sent += n as u64,
                Err(_) => return false,
            }
        }
    });
    let (wnd, unsent) = host.tp(&client, |tp| (tp.snd_wnd, tp.notsent()));
    assert!(unsent > 0, "window {wnd}");
    let before = host.wire().0;
    host.run(60_000, || false);
    let probes = (host.wire().0 - before) / 2;
    assert!((2..6).contains(&probes), "{probes} probes in a minute");
    assert!(host.tp(&client, |tp| tp.backoff) > 2);
    // Reading opens it, and all arrives.
    let (mut got, mut buf) = (0u64, vec![0; 50_000]);
    assert!(
        host.run(10_000, || {
            while let Ok(n) = host.recv(&server, &mut buf) {
                for b in &buf[..n] {
                    assert_eq!(*b, pattern(got));
                    got += 1;
                }
            }
            got == sent
        }),
        "{got} of {sent}"
    );
}

#[test]
fn a_dead_peer_is_noticed_by_keepalives() {
    let host = Host::new(Link { delay_us: 1000, ..Link::default() });
    let (client, _server, _listener) = host.pair();
    host.run(1000, || false);
    host.with(&client, |sk, cx| {
        (sk.keepalive_time, sk.keepalive_intvl, sk.keepalive_probes) = (10, 5, 3);
        sockeye_tcp::timer::set_keepalive(sk, cx, true);
        sk.sk.set_flag(net::sock::SockFlag::KeepOpen, true);
    });
    // A peer that answers is left alone.
    host.run(100_000, || false);
    assert_eq!(host.state(&client), TcpState::Established);
    let times = cut(&host);
    let start = host.now().ms();
    assert!(host.run(60_000, || host.state(&client) == TcpState::Close));
    assert_eq!(client.take_err(), Some(Errno::ETIMEDOUT));
    let took = host.now().ms() - start;
    assert!((15_000..=25_000).contains(&took), "{took}");
    // Three probes and a reset.
    assert_eq!(times.lock().unwrap().len(), 4);
}

#[test]
fn acks_wait_for_40_ms_at_most_when_the_session_is_interactive() {
    let host = Host::new(Link { delay_us: 1000, ..Link::default() });
    let (client, server, _listener) = host.pair();
    let mut buf = [0; 100];
    let exchange = |from: &Sock, to: &Sock| {
        host.send(from, b"q").unwrap();
        let mut buf = [0; 100];
        assert!(host.run(1000, || host.recv(to, &mut buf) == Ok(1)));
    };
    for _ in 0..20 {
        exchange(&client, &server);
        exchange(&server, &client);
    }
    // Now the server says nothing: its ACK comes alone, and late.
    host.send(&client, b"q").unwrap();
    let sent = host.now().ms();
    assert!(host.run(1000, || host.tp(&client, |tp| tp.snd_una == tp.snd_nxt)));
    let took = host.now().ms() - sent;
    assert!((20..=45).contains(&took), "{took} ms");
    assert!(host.recv(&server, &mut buf).is_ok());
}

#[test]
fn an_orphan_ends() {
    let host = Host::new(Link { delay_us: 1000, ..Link::default() });
    let (client, server, _listener) = host.pair();
    host.run(100, || false);
    // The peer never closes: FIN_WAIT2 as a minisock, for a minute.
    host.close(client);
    host.run(100, || false);
    let tcp = host.net.generic::<sockeye_tcp::TcpNet>();
    assert_eq!(tcp.time_waits(), 1);
    host.run(60_500, || false);
    assert_eq!(tcp.time_waits(), 0);
    // What comes after that is answered by a reset.
    host.send(&server, b"late").unwrap();
    host.run(100, || false);
    assert_eq!(host.state(&server), TcpState::Close);
    assert_eq!(server.take_err(), Some(Errno::EPIPE));
}

#[test]
fn nagle_holds_one_small_segment() {
    let host = Host::new(Link { delay_us: 10_000, mtu: 1500, gso: false, ..Link::default() });
    let (client, server, _listener) = host.pair();
    host.run(100, || false);
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let noted = sizes.clone();
    host.filter(move |_, packet| {
        if let Ok(seg) = TcpSegment::parse(&packet[20..])
            && !seg.payload.is_empty()
        {
            noted.lock().unwrap().push(seg.payload.len());
        }
        false
    });
    for _ in 0..5 {
        host.send(&client, b"abc").unwrap();
    }
    host.run(200, || false);
    assert_eq!(*sizes.lock().unwrap(), [3, 12]);
    host.with(&client, |sk, cx| sockeye_tcp::output::write_xmit::set_nodelay(sk, cx, true));
    for _ in 0..3 {
        host.send(&client, b"abc").unwrap();
    }
    host.run(200, || false);
    assert_eq!(*sizes.lock().unwrap(), [3, 12, 3, 3, 3]);
    host.with(&client, |sk, cx| sockeye_tcp::output::write_xmit::set_cork(sk, cx, true));
    for _ in 0..3 {
        host.send(&client, b"abc").unwrap();
    }
    let mut buf = [0; 100];
    while !blocks(&host.recv(&server, &mut buf)) {}
    host.with(&client, |sk, cx| sockeye_tcp::output::write_xmit::set_cork(sk, cx, false));
    host.run(200, || false);
    assert_eq!(sizes.lock().unwrap()[5..], [9]);
}
