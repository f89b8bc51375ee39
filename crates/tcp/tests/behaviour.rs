//! Corners of the protocol between two live ends.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use net::mib::TcpExt;
use support::{Host, Link, blocks, pattern};
use uapi::tcp::TcpState;
use uapi::{Errno, MSG_OOB};
use wire::TcpSegment;

fn slow() -> Host {
    Host::new(Link { delay_us: 5000, mtu: 1500, gso: false, ..Link::default() })
}

#[test]
fn both_close_at_once() {
    let host = slow();
    let (a, b, _listener) = host.pair();
    host.run(100, || false);
    host.shutdown(&a, 2);
    host.shutdown(&b, 2);
    assert_eq!((host.state(&a), host.state(&b)), (TcpState::FinWait1, TcpState::FinWait1));
    host.run(6, || false);
    assert_eq!((host.state(&a), host.state(&b)), (TcpState::Closing, TcpState::Closing));
    host.run(100, || false);
    let tcp = host.net.generic::<sockeye_tcp::TcpNet>();
    assert_eq!(tcp.time_waits(), 2);
}

#[test]
fn both_open_at_once() {
    let host = slow();
    let (a, b) = (host.socket(uapi::AF_INET), host.socket(uapi::AF_INET));
    for (sk, port) in [(&a, 1000), (&b, 2000)] {
        host.with(sk, |sk, cx| {
            <sockeye_tcp::Tcp as net::Proto>::get_port(sk, cx, port).unwrap();
            sk.inet.num = port;
        });
    }
    host.connect(&a, "127.0.0.1:2000").unwrap();
    host.connect(&b, "127.0.0.1:1000").unwrap();
    assert_eq!((host.state(&a), host.state(&b)), (TcpState::SynSent, TcpState::SynSent));
    host.run(1000, || false);
    assert_eq!((host.state(&a), host.state(&b)), (TcpState::Established, TcpState::Established));
    host.send(&a, b"hi").unwrap();
    let mut buf = [0; 10];
    assert!(host.run(1000, || host.recv(&b, &mut buf) == Ok(2)));
}

#[test]
fn half_closed_streams_still_carry_data() {
    let host = slow();
    let (a, b, _listener) = host.pair();
    host.shutdown(&a, 2);
    let mut buf = [0; 10];
    assert!(host.run(1000, || host.recv(&b, &mut buf) == Ok(0)));
    assert_eq!(host.send(&a, b"x"), Err(Errno::EPIPE));
    host.send(&b, b"still").unwrap();
    assert!(host.run(1000, || host.recv(&a, &mut buf) == Ok(5)));
    host.close(b);
    assert!(host.run(1000, || host.recv(&a, &mut buf) == Ok(0)));
    host.close(a);
}

#[test]
fn closing_with_unread_data_resets() {
    let host = slow();
    let (a, b, _listener) = host.pair();
    host.send(&a, b"unread").unwrap();
    host.run(100, || false);
    host.close(b);
    host.run(100, || false);
    assert_eq!(host.state(&a), TcpState::Close);
    assert_eq!(a.take_err(), Some(Errno::ECONNRESET));
    assert_eq!(host.net.mib.sum(TcpExt::TCPAbortOnClose), 1);
}

#[test]
fn one_byte_is_urgent() {
    let host = slow();
    let (a, b, _listener) = host.pair();
    host.send(&a, b"before").unwrap();
    host.send_flags(&a, b"!", MSG_OOB).unwrap();
    host.send(&a, b"after").unwrap();
    host.run(1000, || false);
    let tp = host.tp(&b, |tp| tp.urg_data);
    assert_eq!(tp, sockeye_tcp::input::urg::URG_VALID | u16::from(b'!'));
    let mut buf = [0; 20];
    // Reading stops at the mark, then skips the byte.
    assert_eq!(host.recv(&b, &mut buf), Ok(6));
    assert_eq!(host.recv(&b, &mut buf), Ok(5));
    assert_eq!(&buf[..5], b"after");
    assert!(blocks(&host.recv(&b, &mut buf)));
}

#[test]
fn a_small_receive_buffer_is_respected() {
    let host =
        Host::new(Link { delay_us: 1000, mtu: 1500, gso: false, loss: 200, reorder: 500, ..Link::default() });
    let (a, b, _listener) = host.pair();
    b.set_flag(net::sock::SockFlag::RcvbufLock, true);
    b.set_rcvbuf(8192);
    let (mut sent, mut got, mut buf) = (0u64, 0u64, [0; 500]);
    let mut turn = 0;
    assert!(
        host.run(4_000_000, || {
            while sent < 300_000 {
                // Small writes: much overhead for each byte.
                let chunk: Vec<u8> = (sent..sent + 100).map(pattern).collect();
                match host.send(&a, &chunk) {
                    Ok(n) => sent += n as u64,
                    Err(_) => break,
                }
            }
            turn += 1;
            while turn % 3 == 0
                && let Ok(n) = host.recv(&b, &mut buf)
            {
                for byte in &buf[..n] {
                    assert_eq!(*byte, pattern(got), "byte {got}");
                    got += 1;
                }
            }
            sent >= 300_000 && got == sent
        }),
        "{got} of {sent}"
    );
    let held = b.rmem_alloc.load(std::sync::atomic::Ordering::Relaxed);
    assert!(held <= 8192 + 4096, "{held} bytes are charged");
}

#[test]
fn charges_are_given_back() {
    let host = Host::new(Link {
        delay_us: 500,
        loss: 300,
        reorder: 800,
        duplicate: 200,
        mtu: 1500,
        gso: false,
        ..Link::default()
    });
    let (a, b, _listener) = host.pair();
    let (mut sent, mut got, mut buf) = (0u64, 0u64, vec![0; 5000]);
    assert!(host.run(1_000_000, || {
        while sent < 500_000 {
            let len = 1 + (sent * 7919) % 3000;
            let chunk: Vec<u8> = (sent..sent + len).map(pattern).collect();
            match host.send(&a, &chunk) {
                Ok(n) => sent += n as u64,
                Err(_) => break,
            }
        }
        while let Ok(n) = host.recv(&b, &mut buf) {
            got += n as u64;
        }
        sent >= 500_000 && got == sent
    }));
    host.run(10_000, || false);
    use std::sync::atomic::Ordering::Relaxed;
    assert_eq!((a.rmem_alloc.load(Relaxed), b.rmem_alloc.load(Relaxed)), (0, 0));
    for sk in [&a, &b] {
        let state = host.tp(sk, |tp| {
            (
                b.wmem_queued.load(Relaxed),
                tp.packets_out,
                tp.sacked_out,
                tp.lost_out,
                tp.retrans_out,
                tp.send_queue.len(),
            )
        });
        assert_eq!(state, (0, 0, 0, 0, 0, 0));
    }
}

#[test]
fn a_lost_segment_is_sent_again_before_the_timeout() {
    let host = slow();
    let (a, b, _listener) = host.pair();
    host.run(100, || false);
    let mut dropped = false;
    host.filter(move |_, packet| {
        let seg = TcpSegment::parse(&packet[20..]).unwrap();
        // The third data segment, once.
        let hit = !dropped && seg.payload.len() == 1448 && seg.payload[0] == pattern(2896);
        dropped |= hit;
        hit
    });
    let data: Vec<u8> = (0..14_480).map(pattern).collect();
    host.send(&a, &data).unwrap();
    let start = host.now().ms();
    let (mut got, mut buf) = (0, vec![0; 20_000]);
    assert!(host.run(5000, || {
        got += host.recv(&b, &mut buf).unwrap_or(0);
        got == data.len()
    }));
    assert!(host.now().ms() - start < 40, "{} ms", host.now().ms() - start);
    let mib = |counter| host.net.mib.sum(counter);
    assert_eq!(
        (mib(TcpExt::TCPSackRecovery), mib(TcpExt::TCPFastRetrans), mib(TcpExt::TCPTimeouts)),
        (1, 1, 0)
    );
}

#[test]
fn a_lost_tail_is_probed() {
    let host = slow();
    let (a, b, _listener) = host.pair();
    host.run(100, || false);
    // An RTT is known.
    host.send(&a, b"x").unwrap();
    host.run(1000, || false);
    let mut n = 0;
    host.filter(move |_, packet| {
        let seg = TcpSegment::parse(&packet[20..]).unwrap();
        n += u32::from(seg.payload.len() == 1448);
        // The last two of five, once.
        seg.payload.len() == 1448 && (n == 4 || n == 5)
    });
    let data: Vec<u8> = (0..5 * 1448).map(pattern).collect();
    host.send(&a, &data).unwrap();
    let start = host.now().ms();
    let (mut got, mut buf) = (0, vec![0; 20_000]);
    assert!(host.run(5000, || {
        got += host.recv(&b, &mut buf).unwrap_or(0);
        got == data.len() + 1
    }));
    let took = host.now().ms() - start;
    assert!(took < 100, "{took} ms");
    assert_eq!(host.net.mib.sum(TcpExt::TCPLossProbes), 1);
    assert_eq!(host.net.mib.sum(TcpExt::TCPTimeouts), 0);
}

#[test]
fn without_sack_and_timestamps_data_arrives_too() {
    for (sack, timestamps, scaling) in [("0", "0", "0"), ("0", "1", "1"), ("1", "0", "1"), ("1", "1", "0")] {
        let host = Host::new(Link {
            loss: 300,
            reorder: 300,
            delay_us: 10_000,
            mtu: 1500,
            gso: false,
            ..Link::default()
        });
        for (name, value) in [("sack", sack), ("timestamps", timestamps), ("window_scaling", scaling)] {
            host.net.sysctl.write(&host.net, &format!("net/ipv4/tcp_{name}"), value).unwrap();
        }
        let (a, b, _listener) = host.pair();
        let (mut sent, mut got, mut buf) = (0u64, 0u64, vec![0; 50_000]);
        assert!(
            host.run(10_000_000, || {
                while sent < 1_000_000 {
                    let chunk: Vec<u8> = (sent..sent + 10_000).map(pattern).collect();
                    match host.send(&a, &chunk) {
                        Ok(n) => sent += n as u64,
                        Err(_) => break,
                    }
                }
                while let Ok(n) = host.recv(&b, &mut buf) {
                    for byte in &buf[..n] {
                        assert_eq!(*byte, pattern(got), "byte {got}");
                        got += 1;
                    }
                }
                got >= 1_000_000
            }),
            "{got} of {sent}"
        );
    }
}

#[test]
fn the_congestion_control_of_new_sockets_is_a_setting() {
    let host = slow();
    let name = |sk| host.tp(sk, sockeye_tcp::cong::name);
    let before = host.socket(uapi::AF_INET);
    let path = "net/ipv4/tcp_congestion_control";
    assert_eq!(host.net.sysctl.read(&host.net, path), Ok("cubic\n".to_owned()));
    assert_eq!(host.net.sysctl.write(&host.net, path, "vegas\n"), Err(Errno::ENOENT));
    host.net.sysctl.write(&host.net, path, "reno\n").unwrap();
    let after = host.socket(uapi::AF_INET);
    assert_eq!((name(&before), name(&after)), ("cubic", "reno"));
    let (a, b, _listener) = host.pair();
    assert_eq!((name(&a), name(&b)), ("reno", "reno"));
}

// chapter: A9
#[test]
fn the_receive_buffer_grows_with_the_flow() {
    let host = Host::new(Link { delay_us: 20_000, mtu: 1500, gso: false, ..Link::default() });
    let (a, b, _listener) = host.pair();
    let before = b.rcvbuf();
    let (mut sent, mut got, mut buf) = (0u64, 0u64, vec![0; 100_000]);
    let data = vec![1; 100_000];
    assert!(host.run(100_000, || {
        while sent < 30_000_000 {
            match host.send(&a, &data) {
                Ok(n) => sent += n as u64,
                Err(_) => break,
            }
        }
        while let Ok(n) = host.recv(&b, &mut buf) {
            got += n as u64;
        }
        got >= 30_000_000
    }));
    assert!(b.rcvbuf() > 4 * before, "{} from {before}", b.rcvbuf());
    assert!(a.sndbuf() > 1_000_000, "{}", a.sndbuf());
}
