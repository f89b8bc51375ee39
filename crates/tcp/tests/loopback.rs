//! TCP over a perfect wire, in virtual time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{Host, Link, blocks, pattern};
use uapi::Errno;
use uapi::tcp::TcpState;

#[test]
fn hello() {
    let host = Host::new(Link::default());
    host.log();
    let (client, server, _listener) = host.pair();
    assert_eq!(host.state(&client), TcpState::Established);
    assert_eq!(host.state(&server), TcpState::Established);
    assert_eq!(host.send(&client, b"hello"), Ok(5));
    let mut buf = [0; 16];
    assert!(host.run(10, || host.recv(&server, &mut buf) == Ok(5)));
    assert_eq!(&buf[..5], b"hello");
    assert!(blocks(&host.recv(&server, &mut buf)));
    assert_eq!(host.send(&server, b"world!"), Ok(6));
    assert!(host.run(10, || host.recv(&client, &mut buf) == Ok(6)));
    host.close(client);
    assert!(host.run(10, || host.recv(&server, &mut buf) == Ok(0)));
    assert_eq!(host.state(&server), TcpState::CloseWait);
    host.close(server);
    host.run(120_000, || false);
}

#[test]
fn refused() {
    let host = Host::new(Link::default());
    let client = host.socket(uapi::AF_INET);
    host.connect(&client, "127.0.0.1:81").unwrap();
    host.run(10, || host.state(&client) == TcpState::Close);
    assert_eq!(client.take_err(), Some(Errno::ECONNREFUSED));
}

#[test]
fn a_stream_arrives_whole() {
    for gso in [true, false] {
        let host =
            Host::new(Link { gso, mtu: if gso { 65536 } else { 1500 }, delay_us: 100, ..Link::default() });
        let (client, server, _listener) = host.pair();
        transfer(&host, &client, &server, 20_000_000);
    }
}

#[test]
fn over_ipv6_and_mapped() {
    for (family, to) in [(uapi::AF_INET6, "[::1]:80"), (uapi::AF_INET, "127.0.0.1:80")] {
        let host = Host::new(Link { delay_us: 10, ..Link::default() });
        let largest = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let seen = largest.clone();
        host.filter(move |_, packet| {
            seen.fetch_max(packet.len(), std::sync::atomic::Ordering::Relaxed);
            false
        });
        // An IPv6 listener takes both.
        let listener = host.listen(uapi::AF_INET6, 80);
        let client = host.socket(family);
        host.connect(&client, to).unwrap();
        host.run(100, || false);
        let server = host.accept(&listener).unwrap();
        transfer(&host, &client, &server, 5_000_000);
        let largest = largest.load(std::sync::atomic::Ordering::Relaxed);
        assert!((60_000..=65_535 + 40).contains(&largest), "{largest}");
    }
}

fn transfer(host: &Host, client: &support::Sock, server: &support::Sock, total: u64) {
    let (mut sent, mut got) = (0u64, 0u64);
    let mut buf = vec![0; 70_000];
    host.run(1_000_000, || {
        while sent < total {
            let chunk: Vec<u8> = (sent..(sent + 30_000).min(total)).map(pattern).collect();
            match host.send(client, &chunk) {
                Ok(n) => sent += n as u64,
                Err(Errno::EAGAIN) => break,
                Err(errno) => panic!("send: {errno:?}"),
            }
        }
        while let Ok(n) = host.recv(server, &mut buf) {
            assert!(n > 0);
            for b in &buf[..n] {
                assert_eq!(*b, pattern(got), "byte {got}");
                got += 1;
            }
        }
        got == total
    });
    assert_eq!(got, total);
}
