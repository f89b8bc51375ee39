//! UDP over the wire, path MTU, fragments, both families, blocking programs.

use sockeye::net::{TcpListener, TcpStream, UdpSocket};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use testkit::segment::Recorder;
use testkit::{End, MS, Pair, Passing, SEC, Verdict, WireConfig, World, leaks, stream};
use wire::{Ipv4Hdr, icmp};

#[test]
fn datagrams_take_their_time() {
    for (server, any) in [("10.0.0.2:7", "0.0.0.0:0"), ("[fd00::2]:7", "[::]:0")] {
        let pair = Pair::netem(1, "delay 30ms");
        let (a, b) = (pair.a.clone(), pair.b.clone());
        let echo = pair.world.spawn(move || {
            let _b = sockeye::net::enter(&b);
            let socket = UdpSocket::bind(server).unwrap();
            let mut buf = [0; 20_000];
            for _ in 0..3 {
                let (n, from) = socket.recv_from(&mut buf).unwrap();
                socket.send_to(&buf[..n], from).unwrap();
            }
        });
        pair.world.pause();
        let _a = sockeye::net::enter(&a);
        let socket = UdpSocket::bind(any).unwrap();
        socket.connect(server).unwrap();
        // The last one goes in fragments.
        for len in [0, 1000, 10_000] {
            let start = pair.world.now();
            let sent: Vec<u8> = stream::Pattern::default().at(0, len).to_vec();
            socket.send(&sent).unwrap();
            let mut got = vec![0; 20_000];
            let n = socket.recv(&mut got).unwrap();
            assert_eq!(&got[..n], &sent[..]);
            assert_eq!((pair.world.now() - start) / MS, 60);
        }
        echo.join();
    }
}

#[test]
fn nobody_is_at_that_port() {
    let pair = Pair::netem(1, "delay 30ms");
    let _a = sockeye::net::enter(&pair.a);
    for (server, any) in [("10.0.0.2:9", "0.0.0.0:0"), ("[fd00::2]:9", "[::]:0")] {
        let socket = UdpSocket::bind(any).unwrap();
        socket.connect(server).unwrap();
        socket.send(b"hello?").unwrap();
        let start = pair.world.now();
        assert_eq!(socket.recv(&mut [0; 10]).unwrap_err().raw_os_error(), Some(111));
        assert_eq!((pair.world.now() - start) / MS, 60);
    }
}

#[test]
fn lost_datagrams_stay_lost() {
    let pair = Pair::netem(3, "loss 20%");
    let _a = sockeye::net::enter(&pair.a);
    let sender = UdpSocket::bind("10.0.0.1:0").unwrap();
    let receiver = {
        let _b = sockeye::net::enter(&pair.b);
        UdpSocket::bind("10.0.0.2:7").unwrap()
    };
    receiver.set_nonblocking(true).unwrap();
    let mut got = 0;
    for i in 0..1000u32 {
        sender.send_to(&i.to_le_bytes(), "10.0.0.2:7").unwrap();
        pair.world.run_for(MS);
        let mut buf = [0; 4];
        while receiver.recv(&mut buf).is_ok() {
            assert_eq!(u32::from_le_bytes(buf), i);
            got += 1;
        }
    }
    assert_eq!(got, 1000 - pair.wire.stats(End::A).lost);
    assert!((750..850).contains(&got), "{got}");
}

/// "Fragmentation needed" from a router in between, about this packet.
fn frag_needed(packet: &[u8], mtu: u16) -> Vec<u8> {
    let quoted = &packet[..packet.len().min(28)];
    let mut bytes = vec![0; 28 + quoted.len()];
    bytes[28..].copy_from_slice(quoted);
    assert!(icmp::emit(&mut bytes[20..], 3, 4, [0, 0, (mtu >> 8) as u8, mtu as u8]));
    let len = bytes.len() as u16;
    bytes[0] = 0x45;
    bytes[2..4].copy_from_slice(&len.to_be_bytes());
    bytes[8..10].copy_from_slice(&[64, 1]);
    bytes[12..16].copy_from_slice(&[192, 0, 2, 1]);
    bytes[16..20].copy_from_slice(&packet[12..16]);
    wire::ipv4::fill_check(&mut bytes[..20]);
    bytes
}

#[test]
fn the_path_is_narrower_than_the_wire() {
    const NARROW: usize = 1200;
    let pair = Pair::netem(1, "delay 10ms");
    let conn = pair.connect(80).unwrap();
    let too_big: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let seen = too_big.clone();
    pair.wire.set_filter(Some(Box::new(move |packet: &Passing<'_>| {
        let df = Ipv4Hdr::view(packet.bytes).is_some_and(|(ip, _)| ip.dont_fragment());
        if packet.bytes.len() <= NARROW {
            return Verdict::Pass;
        }
        assert!(df, "TCP says DF");
        seen.lock().unwrap().push(packet.bytes.to_vec());
        Verdict::Drop
    })));
    let recorder = Recorder::on(&pair.wire);
    let pattern = stream::Pattern::default();
    let (mut sent, mut received, mut buf) = (0, 0, vec![0; 60_000]);
    let done = pair.world.run_until(100 * SEC, || {
        for packet in too_big.lock().unwrap().drain(..) {
            pair.wire.inject(End::A, pair.world.now() + 5 * MS, frag_needed(&packet, NARROW as u16));
        }
        while sent < 500_000 {
            match pair.client.send(conn.client, pattern.at(sent, 10_000), 0) {
                Ok(n) => sent += n as u64,
                Err(_) => break,
            }
        }
        while let Ok(n @ 1..) = pair.server.recv(conn.server, &mut buf, 0) {
            assert!(buf[..n] == *pattern.at(received, n));
            received += n as u64;
        }
        received >= 500_000
    });
    assert!(done, "{received} of {sent}: {:?}", recorder.all().iter().rev().take(5).collect::<Vec<_>>());
    let lost = recorder.that(|s| s.len > NARROW - 40).len();
    assert!((1..=40).contains(&lost), "{lost} were too large");
    let most = recorder.that(|s| s.from == End::A).iter().rev().take(100).map(|s| s.len).max();
    assert_eq!(most, Some(NARROW - 52));
    pair.close(conn).unwrap();
    leaks::assert_gone(&pair);
}

#[test]
fn programs_that_block() {
    let world = World::new(5);
    let (a, b) = (world.host(), world.host());
    let bad = "delay 20ms 5ms loss 3% reorder 5% rate 20mbit".parse().unwrap();
    world.wire((&a, "fd00::1/64"), (&b, "fd00::2/64"), &WireConfig::symmetric(bad, 5)).unwrap();
    let server = world.spawn(move || {
        let _b = sockeye::net::enter(&b);
        let listener = TcpListener::bind("[fd00::2]:80").unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(b"thanks").unwrap();
        all
    });
    world.pause();
    let _a = sockeye::net::enter(&a);
    let sent = stream::Pattern::default().at(0, 100_000).to_vec();
    let mut stream = TcpStream::connect("[fd00::2]:80").unwrap();
    stream.write_all(&sent).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut thanks = String::new();
    stream.read_to_string(&mut thanks).unwrap();
    assert_eq!(thanks, "thanks");
    assert!(server.join() == sent);
}
