//! Numbers that a Linux 6.18 host shows for the same calls over its own `lo` (`TCP_INFO`,
//! `SO_MEMINFO`, tcpdump).

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use support::{Host, Link};
use wire::TcpSegment;

fn host() -> Host {
    Host::new(Link { delay_us: 20, ..Link::default() })
}

#[test]
fn after_the_handshake() {
    let host = host();
    let (client, server, _listener) = host.pair();
    let show = |sk| host.tp(sk, |tp| (tp.rcv_ssthresh, tp.snd_wnd, tp.rcv_wnd, tp.mss_cache, tp.ack_rcv_mss));
    assert_eq!(show(&client), (65_495, 65_483, 65_536, 32_741, 536));
    assert_eq!(show(&server), (65_483, 65_536, 65_483, 32_768, 536));
    // Two initial windows of the largest segments, each rounded up as Linux allocates it.
    assert_eq!((client.sndbuf(), client.rcvbuf()), (2_626_560, 131_072));
    assert_eq!(host.tp(&client, |tp| (tp.rto, tp.ack_ato, tp.snd_cwnd, tp.advmss)), (201, 0, 10, 65_483));
}

#[test]
fn what_unread_bytes_are_charged() {
    for (bytes, charged) in [(1, 833), (100, 932), (1000, 1832), (10_000, 10_832)] {
        let host = host();
        let (client, server, _listener) = host.pair();
        host.send(&client, &vec![1; bytes]).unwrap();
        host.run(100, || false);
        assert_eq!(server.rmem_alloc.load(Relaxed), charged);
    }
    // Segments are joined once the sender has let go of the one before.
    for (acknowledged, charged) in [(true, 842), (false, 8330)] {
        let host = host();
        let (client, server, _listener) = host.pair();
        host.with(&client, |sk, cx| sockeye_tcp::output::write_xmit::set_nodelay(sk, cx, true));
        for _ in 0..10 {
            host.send(&client, b"x").unwrap();
            if acknowledged {
                host.run(1, || false);
            }
        }
        host.run(100, || false);
        assert_eq!(server.rmem_alloc.load(Relaxed), charged);
    }
}

/// 100,000 bytes that nobody reads: half of the window, the same again, and when the window has
/// grown the rest in one segment, which a loss probe repeats because its ACK is delayed.
#[test]
fn a_write_larger_than_the_window() {
    let host = host();
    let (client, server, _listener) = host.pair();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (noted, port) = (seen.clone(), host.tp(&client, |tp| tp.inet.num));
    host.filter(move |_, packet| {
        let seg = TcpSegment::parse(&packet[20..]).unwrap();
        let what = if seg.hdr.source() == port { seg.payload.len() } else { usize::from(seg.hdr.window()) };
        noted.lock().unwrap().push((seg.hdr.source() == port, what));
        false
    });
    host.send(&client, &vec![1; 100_000]).unwrap();
    host.run(100, || false);
    let expected = [(true, 32_741), (true, 32_741), (false, 93), (true, 34_518), (true, 34_518), (false, 28)];
    assert_eq!(*seen.lock().unwrap(), expected);
    let state = host.tp(&server, |tp| (tp.ack_rcv_mss, tp.rcv_ssthresh, tp.rcv_wnd, tp.ack_ato));
    assert_eq!(state, (34_518, 94_833, 28_672, 80));
}
