//! Losses of one particular segment at the beginning and the end of a connection.

use sockeye::uapi::Errno;
use sockeye::uapi::socket::{AF_INET, SOCK_NONBLOCK, SOCK_STREAM};
use testkit::segment::{ACK, FIN, Recorder, SYN, lose};
use testkit::{End, MS, Pair, SEC, leaks, sockaddr, stream};

#[test]
fn syns_are_repeated_each_second_then_ever_more_rarely() {
    let pair = Pair::netem(1, "delay 10ms");
    pair.wire.set_filter(lose(usize::MAX, |_| true));
    let recorder = Recorder::on(&pair.wire);
    let fd = pair.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let start = pair.world.now();
    let refused = pair.client.connect(fd, sockaddr("10.0.0.2:80".parse().unwrap()));
    assert_eq!(refused, Err(Errno::ETIMEDOUT));
    // tcp_syn_linear_timeouts = 4, tcp_syn_retries = 6.
    let seconds: Vec<u64> = recorder.times(|s| s.has(SYN)).iter().map(|ms| ms / 1000).collect();
    assert_eq!(seconds, [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67]);
    assert_eq!((pair.world.now() - start) / SEC, 131);
    pair.client.close(fd).unwrap();
    leaks::assert_gone(&pair);
}

#[test]
fn the_first_syn_is_lost() {
    let pair = Pair::netem(1, "delay 10ms");
    pair.wire.set_filter(lose(1, |s| s.has(SYN)));
    let start = pair.world.now();
    let conn = pair.connect(80).unwrap();
    assert_eq!((pair.world.now() - start) / MS, 1000 + 30);
    pair.close(conn).unwrap();
    leaks::assert_gone(&pair);
}

#[test]
fn the_first_syn_ack_is_lost() {
    let pair = Pair::netem(1, "delay 10ms");
    pair.wire.set_filter(lose(1, |s| s.from == End::B && s.has(SYN)));
    let recorder = Recorder::on(&pair.wire);
    let conn = pair.connect(80).unwrap();
    // Both repeat after a second; the server answers the second SYN and its own timer's turn is over.
    assert!(recorder.that(|s| s.has(SYN) && s.from == End::B).len() >= 2);
    assert!(recorder.times(|s| s.has(SYN) && s.from == End::B)[1] <= 1000);
    stream::transfer(&pair, conn, 10_000, 10_000, 100 * SEC);
    pair.close(conn).unwrap();
    leaks::assert_gone(&pair);
}

#[test]
fn the_last_ack_of_the_handshake_is_lost() {
    let pair = Pair::netem(1, "delay 10ms");
    pair.wire.set_filter(lose(1, |s| s.from == End::A && s.flags == ACK && s.len == 0));
    let recorder = Recorder::on(&pair.wire);
    let conn = pair.connect(80).unwrap();
    assert_eq!(recorder.times(|s| s.has(SYN) && s.from == End::B), [0, 1000]);
    stream::transfer(&pair, conn, 10_000, 10_000, 100 * SEC);
    pair.close(conn).unwrap();
    leaks::assert_gone(&pair);
}

#[test]
fn nobody_listens() {
    let pair = Pair::netem(1, "delay 10ms");
    let fd = pair.client.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let start = pair.world.now();
    let refused = pair.client.connect(fd, sockaddr("10.0.0.2:81".parse().unwrap()));
    assert_eq!(refused, Err(Errno::ECONNREFUSED));
    assert_eq!((pair.world.now() - start) / MS, 20);
    pair.client.close(fd).unwrap();
    leaks::assert_gone(&pair);
}

/// Loses the first FIN of this end; everything still ends.
fn lost_fin(from: End) {
    let pair = Pair::netem(1, "delay 10ms");
    let conn = pair.connect(80).unwrap();
    stream::transfer(&pair, conn, 10_000, 10_000, 100 * SEC);
    pair.world.run_for(SEC);
    let recorder = Recorder::on(&pair.wire);
    pair.wire.set_filter(lose(1, move |s| s.from == from && s.has(FIN)));
    pair.client.shutdown(conn.client, 1).unwrap();
    let mut buf = [0; 1];
    assert!(pair.world.run_until(10 * SEC, || pair.server.recv(conn.server, &mut buf, 0) == Ok(0)));
    pair.server.close(conn.server).unwrap();
    assert!(pair.world.run_until(10 * SEC, || pair.client.recv(conn.client, &mut buf, 0) == Ok(0)));
    let closed = pair.world.now();
    let fins = recorder.times(|s| s.from == from && s.has(FIN));
    assert_eq!(fins.len(), 2, "{fins:?}");
    assert!((200..=300).contains(&fins[1]), "{fins:?}");
    pair.client.close(conn.client).unwrap();
    pair.server.close(conn.listener).unwrap();
    leaks::assert_gone(&pair);
    // TIME_WAIT lasts a minute.
    assert!((59..=61).contains(&((pair.world.now() - closed) / SEC)), "{:?}", pair.world.now() - closed);
}

#[test]
fn the_first_fin_is_lost() {
    lost_fin(End::A);
}

#[test]
fn the_second_fin_is_lost() {
    lost_fin(End::B);
}

#[test]
fn a_silent_peer_resets() {
    let pair = Pair::netem(1, "delay 10ms");
    let conn = pair.connect(80).unwrap();
    // Data that was never read: the close is a reset.
    stream::transfer(&pair, conn, 1000, 0, SEC);
    pair.client.send(conn.client, b"unread", 0).unwrap();
    pair.world.run_for(100 * MS);
    pair.server.close(conn.server).unwrap();
    pair.world.run_for(100 * MS);
    assert_eq!(pair.client.recv(conn.client, &mut [0; 8], 0), Err(Errno::ECONNRESET));
    assert_eq!(pair.client.recv(conn.client, &mut [0; 8], 0), Ok(0));
    pair.client.close(conn.client).unwrap();
    pair.server.close(conn.listener).unwrap();
    leaks::assert_gone(&pair);
}

/// More connections at once than the queues take; SYN cookies on or off. With them the server knows nothing of a
/// connection that it had no room for, so who comes back must have something to say.
fn full_backlog(cookies: &str) {
    let pair = Pair::netem(1, "delay 10ms");
    pair.b.set_sysctl("net.ipv4.tcp_syncookies", cookies).unwrap();
    let listener = pair.server.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).unwrap();
    pair.server.bind(listener, sockaddr("10.0.0.2:80".parse().unwrap())).unwrap();
    pair.server.listen(listener, 1).unwrap();
    let fds: Vec<i32> = (0..4)
        .map(|_| {
            let fd = pair.client.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).unwrap();
            let begun = pair.client.connect(fd, sockaddr("10.0.0.2:80".parse().unwrap()));
            assert_eq!(begun, Err(Errno::EINPROGRESS));
            fd
        })
        .collect();
    pair.world.run_for(500 * MS);
    for fd in &fds {
        match pair.client.send(*fd, b"x", 0) {
            Ok(1) | Err(Errno::EAGAIN) => {}
            other => panic!("{other:?}"),
        }
    }
    let mut accepted = Vec::new();
    assert!(pair.world.run_until(200 * SEC, || {
        accepted.extend(pair.server.accept4(listener, 0));
        accepted.len() == fds.len()
    }));
    for (client, server) in fds.into_iter().zip(accepted) {
        pair.client.close(client).unwrap();
        pair.server.close(server).unwrap();
    }
    pair.server.close(listener).unwrap();
    leaks::assert_gone(&pair);
}

#[test]
fn a_full_backlog_drops_and_recovers() {
    full_backlog("0");
}

#[test]
fn a_full_backlog_is_bridged_by_cookies() {
    full_backlog("1");
}
