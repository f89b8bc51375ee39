//! When TCP's timers fire, in virtual time: to the millisecond.

use sockeye::uapi::Errno;
use sockeye::uapi::socket::{SO_KEEPALIVE, SOL_SOCKET, SOL_TCP};
use sockeye::uapi::tcp::{TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY, TCP_USER_TIMEOUT};
use testkit::segment::{Recorder, Segment, lose};
use testkit::{Conn, End, MS, Pair, SEC, leaks, stream};

fn data_of(end: End) -> impl Fn(&Segment) -> bool {
    move |s| s.from == end && s.len > 0
}

/// A connection that has been used and is at rest, with a delay of so many milliseconds each way.
fn at_rest(ms: u64) -> (Pair, Conn) {
    let pair = Pair::netem(1, &format!("delay {ms}ms"));
    let conn = pair.connect(80).unwrap();
    stream::transfer(&pair, conn, 1000, 1000, SEC);
    pair.world.run_for(5 * SEC);
    (pair, conn)
}

fn end(pair: &Pair, conn: Conn) {
    pair.wire.set_filter(None);
    pair.close(conn).unwrap();
    leaks::assert_gone(pair);
}

/// The differences of neighbours.
fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_retransmission_waits_200_ms_and_doubles() {
    let (pair, conn) = at_rest(10);
    let recorder = Recorder::on(&pair.wire);
    pair.wire.set_filter(lose(usize::MAX, data_of(End::A)));
    pair.client.send(conn.client, b"x", 0).unwrap();
    pair.world.run_for(20 * SEC);
    let gaps = gaps(&recorder.times(data_of(End::A)));
    // First the tail loss probe, then the timeouts: 200 ms at least over the round trip.
    println!("{gaps:?}");
    let timeouts = &gaps[1..];
    assert!((200..=260).contains(&timeouts[0]), "{gaps:?}");
    for pair in timeouts.windows(2) {
        assert!(pair[1].abs_diff(2 * pair[0]) <= 2, "{gaps:?}");
    }
    end(&pair, conn);
}

#[test]
fn user_timeout_ends_retransmitting() {
    let (pair, conn) = at_rest(10);
    pair.client.setsockopt_int(conn.client, SOL_TCP, TCP_USER_TIMEOUT, 3000).unwrap();
    pair.wire.set_filter(lose(usize::MAX, |_| true));
    pair.client.send(conn.client, b"x", 0).unwrap();
    let start = pair.world.now();
    let mut result = Ok(0);
    assert!(pair.world.run_until(100 * SEC, || {
        result = pair.client.recv(conn.client, &mut [0; 1], 0);
        result != Err(Errno::EAGAIN)
    }));
    assert_eq!(result, Err(Errno::ETIMEDOUT));
    let took = (pair.world.now() - start) / MS;
    // The time counts from the first retransmission, and a tail loss probe goes before that: 220 ms
    // each.
    assert!((3400..3500).contains(&took), "{took}");
    pair.wire.set_filter(None);
    end(&pair, conn);
}

#[test]
fn acks_are_delayed_by_40_ms() {
    let (pair, conn) = at_rest(10);
    // A conversation of questions and answers: nobody acknowledges at once.
    for _ in 0..3 {
        pair.client.send(conn.client, b"question", 0).unwrap();
        assert!(pair.world.run_until(SEC, || pair.server.recv(conn.server, &mut [0; 16], 0) == Ok(8)));
        pair.server.send(conn.server, b"answer", 0).unwrap();
        assert!(pair.world.run_until(SEC, || pair.client.recv(conn.client, &mut [0; 16], 0) == Ok(6)));
    }
    pair.world.run_for(SEC);
    let recorder = Recorder::on(&pair.wire);
    pair.client.send(conn.client, b"no answer", 0).unwrap();
    pair.world.run_for(SEC);
    let sent = recorder.that(data_of(End::A));
    let acks = recorder.that(|s| s.from == End::B && s.len == 0);
    assert_eq!((sent.len(), acks.len()), (1, 1), "{:?}", recorder.all());
    let delay = (acks[0].ns - sent[0].ns) / MS - 10;
    assert!((40..=41).contains(&delay), "{delay}");
    end(&pair, conn);
}

#[test]
fn every_second_full_segment_is_acknowledged() {
    let (pair, conn) = at_rest(10);
    // Segments come one by one, and the reader takes each at once.
    pair.wire.set_netem(End::A, "delay 10ms rate 10mbit".parse().unwrap());
    let recorder = Recorder::on(&pair.wire);
    stream::transfer(&pair, conn, 1_000_000, 0, 100 * SEC);
    pair.world.run_for(SEC);
    let segments = recorder.that(data_of(End::A)).len();
    let acks = recorder.that(|s| s.from == End::B).len();
    assert!((segments / 2..=segments).contains(&acks), "{segments} segments, {acks} acks");
    end(&pair, conn);
}

#[test]
fn keepalive_asks_and_gives_up() {
    let (pair, conn) = at_rest(10);
    for (level, name, value) in [
        (SOL_TCP, TCP_KEEPIDLE, 5),
        (SOL_TCP, TCP_KEEPINTVL, 2),
        (SOL_TCP, TCP_KEEPCNT, 3),
        (SOL_SOCKET, SO_KEEPALIVE, 1),
    ] {
        pair.client.setsockopt_int(conn.client, level, name, value).unwrap();
    }
    let recorder = Recorder::on(&pair.wire);
    // As long as the peer answers, nothing but a question every five seconds.
    pair.world.run_for(16 * SEC);
    let asked = recorder.times(|s| s.from == End::A);
    assert!((3..=4).contains(&asked.len()), "{asked:?}");
    assert!(gaps(&asked).iter().all(|gap| (5000..=5100).contains(gap)), "{asked:?}");
    recorder.clear();
    pair.wire.set_filter(lose(usize::MAX, |_| true));
    let mut result = Ok(0);
    assert!(pair.world.run_until(100 * SEC, || {
        result = pair.client.recv(conn.client, &mut [0; 1], 0);
        result != Err(Errno::EAGAIN)
    }));
    assert_eq!(result, Err(Errno::ETIMEDOUT));
    assert_eq!(
        recorder.times(|s| s.from == End::A).len(),
        4,
        "three questions and a reset: {:?}",
        recorder.all()
    );
    assert_eq!(gaps(&recorder.times(|s| s.from == End::A)), [2000, 2000, 2000]);
    end(&pair, conn);
}

#[test]
fn a_closed_window_is_probed_and_opens() {
    let (pair, conn) = at_rest(10);
    let pattern = stream::Pattern::default();
    let mut sent = 0;
    let mut fill = || {
        while let Ok(n) = pair.client.send(conn.client, pattern.at(sent, 60_000), 0) {
            sent += n as u64;
        }
        false
    };
    // The server does not read.
    let recorder = Recorder::on(&pair.wire);
    pair.world.run_until(100 * SEC, &mut fill);
    let shut = recorder.that(|s| s.from == End::B && s.window == 0);
    let gaps = gaps(&recorder.times(|s| s.from == End::A && s.ns > shut[0].ns));
    // Each waits for twice as long, counted from the answer; one within 500 ms has none
    // (tcp_invalid_ratelimit).
    assert!(gaps.len() >= 6 && gaps.windows(2).all(|g| g[1].abs_diff(2 * g[0]) <= 40), "{gaps:?}");
    assert!((400..520).contains(&gaps[0]), "{gaps:?}");
    let (mut received, mut buf) = (0, vec![0; 60_000]);
    assert!(
        pair.world.run_until(200 * SEC, || {
            while let Ok(n @ 1..) = pair.server.recv(conn.server, &mut buf, 0) {
                assert!(buf[..n] == *pattern.at(received, n));
                received += n as u64;
            }
            received == sent
        }),
        "{received} of {sent}"
    );
    end(&pair, conn);
}

#[test]
fn nodelay_sends_what_nagle_holds() {
    for (nodelay, expected) in [(0, 2), (1, 5)] {
        let (pair, conn) = at_rest(10);
        pair.client.setsockopt_int(conn.client, SOL_TCP, TCP_NODELAY, nodelay).unwrap();
        let recorder = Recorder::on(&pair.wire);
        for _ in 0..5 {
            pair.client.send(conn.client, b"little", 0).unwrap();
        }
        pair.world.run_for(SEC);
        assert_eq!(recorder.that(data_of(End::A)).len(), expected);
        end(&pair, conn);
    }
}
