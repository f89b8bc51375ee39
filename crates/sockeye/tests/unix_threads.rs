//! AF_UNIX between threads: calls that wait, and what ends their waiting.

use kern::cred::Cred;
use sockeye::{Net, Task};
use std::sync::mpsc::channel;
use std::sync::{Barrier, Mutex};
use std::thread::scope;
use std::time::{Duration, Instant};
use uapi::socket::*;
use uapi::{Errno, MSG_DONTWAIT, MSG_WAITALL};

fn name(text: &str) -> Vec<u8> {
    [&1u16.to_ne_bytes()[..], text.as_bytes()].concat()
}

/// Long enough for the other thread to sleep, most times; nothing depends on it.
fn a_moment() {
    std::thread::sleep(Duration::from_millis(20));
}

fn pair(kind: i32) -> (Task, Task, i32, i32) {
    let net = Net::new();
    let mut task = Task::with_cred(&net, Cred::root());
    let [a, b] = task.socketpair(AF_UNIX, kind, 0).unwrap();
    let other = task.thread();
    (task, other, a, b)
}

#[test]
fn a_reader_waits_for_bytes_and_for_the_end() {
    for kind in [SOCK_STREAM, SOCK_SEQPACKET] {
        let (task, other, a, b) = pair(kind);
        scope(|scope| {
            scope.spawn(move || {
                let mut buf = [0; 16];
                assert_eq!(other.recv(b, &mut buf, 0), Ok(5));
                assert_eq!(other.recv(b, &mut buf, 0), Ok(0));
            });
            a_moment();
            assert_eq!(task.send(a, b"hello", 0), Ok(5));
            a_moment();
            task.close(a).unwrap();
        });
    }
}

#[test]
fn all_of_it_or_the_end() {
    let (task, other, a, b) = pair(SOCK_STREAM);
    scope(|scope| {
        scope.spawn(move || {
            let mut buf = [0; 10];
            assert_eq!(other.recv(b, &mut buf, MSG_WAITALL as i32), Ok(10));
            assert_eq!(&buf, b"0123456789");
            assert_eq!(other.recv(b, &mut buf, MSG_WAITALL as i32), Ok(3));
        });
        for piece in [&b"0123"[..], b"45", b"6789abc"] {
            a_moment();
            assert_eq!(task.send(a, piece, 0), Ok(piece.len()));
        }
        a_moment();
        task.shutdown(a, SHUT_WR).unwrap();
    });
}

#[test]
fn a_writer_waits_for_room() {
    for kind in [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET] {
        let (task, other, a, b) = pair(kind);
        let mut sent = 0u32;
        while task.send(a, &sent.to_ne_bytes(), MSG_DONTWAIT as i32).is_ok() {
            sent += 1;
        }
        const MORE: u32 = 100;
        scope(|scope| {
            scope.spawn(move || {
                a_moment();
                for i in 0..sent + MORE {
                    let mut buf = [0; 4];
                    assert_eq!(other.recv(b, &mut buf, 0), Ok(4));
                    assert_eq!(u32::from_ne_bytes(buf), i);
                }
            });
            for i in sent..sent + MORE {
                assert_eq!(task.send(a, &i.to_ne_bytes(), 0), Ok(4));
            }
        });
    }
}

#[test]
fn a_sender_to_a_full_receiver_waits() {
    let net = Net::new();
    let mut task = Task::new(&net);
    let receiver = task.socket(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    task.bind(receiver, name("\0r")).unwrap();
    let sender = task.socket(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    // As many as net.unix.max_dgram_qlen says, and one.
    let mut sent = 0;
    while task.sendto(sender, b"x", MSG_DONTWAIT as i32, name("\0r")).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 11);
    let other = task.thread();
    let (done, is_done) = channel();
    scope(|scope| {
        scope.spawn(move || {
            assert_eq!(other.sendto(sender, b"y", 0, name("\0r")), Ok(1));
            done.send(()).unwrap();
        });
        assert!(is_done.recv_timeout(Duration::from_millis(50)).is_err());
        assert_eq!(task.recv(receiver, &mut [0; 4], 0), Ok(1));
        is_done.recv_timeout(Duration::from_secs(10)).unwrap();
    });
}

#[test]
fn who_connects_waits_for_a_place_in_the_queue() {
    let net = Net::new();
    let mut task = Task::new(&net);
    let listener = task.socket(AF_UNIX, SOCK_STREAM, 0).unwrap();
    task.bind(listener, name("\0l")).unwrap();
    task.listen(listener, 0).unwrap();
    let connect = |task: &Task, flags| {
        let fd = task.socket(AF_UNIX, SOCK_STREAM | flags, 0).unwrap();
        task.connect(fd, name("\0l")).map(|()| fd)
    };
    connect(&task, SOCK_NONBLOCK).unwrap();
    assert_eq!(connect(&task, SOCK_NONBLOCK), Err(Errno::EAGAIN));
    let other = task.thread();
    scope(|scope| {
        let waiter = scope.spawn(move || connect(&other, 0).map(drop));
        a_moment();
        task.accept4(listener, 0).unwrap();
        assert_eq!(waiter.join().unwrap(), Ok(()));
    });
    // And is refused when the listener goes.
    let other = task.thread();
    scope(|scope| {
        let waiter = scope.spawn(move || connect(&other, 0).map(drop));
        a_moment();
        task.close(listener).unwrap();
        assert_eq!(waiter.join().unwrap(), Err(Errno::ECONNREFUSED));
    });
}

#[test]
fn who_accepts_waits_for_who_connects() {
    let net = Net::new();
    let mut task = Task::new(&net);
    let listener = task.socket(AF_UNIX, SOCK_SEQPACKET, 0).unwrap();
    task.bind(listener, name("\0l")).unwrap();
    task.listen(listener, 5).unwrap();
    let other = task.thread();
    scope(|scope| {
        let waiter = scope.spawn(move || {
            other.accept4(listener, 0).unwrap();
            other.accept4(listener, 0)
        });
        a_moment();
        let fd = task.socket(AF_UNIX, SOCK_SEQPACKET, 0).unwrap();
        task.connect(fd, name("\0l")).unwrap();
        a_moment();
        task.shutdown(listener, SHUT_RDWR).unwrap();
        assert_eq!(waiter.join().unwrap(), Err(Errno::EINVAL));
    });
}

#[test]
fn times_and_signals_end_a_wait() {
    let (task, other, a, b) = pair(SOCK_STREAM);
    let timeout = [0i64, 30_000].map(i64::to_ne_bytes).concat();
    task.setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &timeout).unwrap();
    let start = Instant::now();
    assert_eq!(task.recv(b, &mut [0; 4], 0), Err(Errno::EAGAIN));
    assert!(start.elapsed() >= Duration::from_millis(30));
    // What came before counts.
    task.send(a, b"ab", 0).unwrap();
    assert_eq!(task.recv(b, &mut [0; 4], MSG_WAITALL as i32), Ok(2));
    task.setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &[0; 16]).unwrap();
    let signals = other.signals().clone();
    scope(|scope| {
        let waiter = scope.spawn(move || other.recv(b, &mut [0; 4], 0));
        a_moment();
        signals.interrupt();
        assert_eq!(waiter.join().unwrap(), Err(Errno::EINTR));
    });
}

/// Both ends write and read at once, more than the buffers hold, and every byte is right.
#[test]
fn a_stream_both_ways_at_once() {
    let (task, other, a, b) = pair(SOCK_STREAM);
    const TOTAL: usize = 4_000_000;
    let byte = |i: usize| (i % 251) as u8;
    let run = |task: Task, fd: i32| {
        let (mut sent, mut got) = (0, 0);
        let mut buf = vec![0; 30_000];
        while sent < TOTAL || got < TOTAL {
            let n = (TOTAL - sent).min(50_000);
            let bytes: Vec<u8> = (sent..sent + n).map(byte).collect();
            match task.send(fd, &bytes, MSG_DONTWAIT as i32) {
                Ok(n) => sent += n,
                Err(errno) => assert_eq!(errno, Errno::EAGAIN),
            }
            if got < TOTAL {
                // Something will come: the other end sends as much as this one.
                let n = task.recv(fd, &mut buf, 0).unwrap();
                assert!(buf[..n].iter().enumerate().all(|(i, b)| *b == byte(got + i)));
                got += n;
            }
        }
    };
    scope(|scope| {
        scope.spawn(move || run(other, b));
        run(task, a);
    });
}

/// Threads connect, pass descriptors in circles and close, all at once; nothing is left.
#[test]
fn nothing_is_left_by_many_at_once() {
    let net = Net::new();
    let unix = unix::UnixNet::of(net.stack());
    let (files, socks) = (net.stack().sockets.in_use(), unix.slab_stats().active);
    scope(|scope| {
        for thread in 0..4u32 {
            let net = net.clone();
            scope.spawn(move || {
                let task = Task::new(&net);
                for i in 0..300 {
                    let [a, b] = task.socketpair(AF_UNIX, SOCK_STREAM, 0).unwrap();
                    let at = name(&format!("\0n{}", (thread + i) % 3));
                    let listener = task.socket(AF_UNIX, SOCK_STREAM, 0).unwrap();
                    if task.bind(listener, &at).is_ok() {
                        task.listen(listener, 2).unwrap();
                    }
                    let client = task.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0).unwrap();
                    let _ = task.connect(client, &at);
                    let mut control = 20u64.to_ne_bytes().to_vec();
                    control.extend([SOL_SOCKET, SCM_RIGHTS, b].iter().flat_map(|n| n.to_ne_bytes()));
                    for to in [a, client] {
                        let mut msg = net::MsgHdr::new(vfs::IovSource::from_slice(b"x"), MSG_DONTWAIT);
                        msg.control = &control;
                        let _ = task.sendmsg(to, &mut msg);
                    }
                    for fd in [a, b, client, listener] {
                        task.close(fd).unwrap();
                    }
                }
            });
        }
    });
    let task = Task::new(&net);
    let last = task.socket(AF_UNIX, SOCK_STREAM, 0).unwrap();
    task.close(last).unwrap();
    assert_eq!(unix.inflight(), 0);
    assert_eq!(net.stack().sockets.in_use(), files);
    assert_eq!(unix.slab_stats().active, socks);
}

/// Both ends of a pair are closed at once, each while the other still refers to it: who gives up the last reference
/// returns the sock to its slab.
#[test]
fn two_threads_give_up_the_last_references() {
    const BATCHES: usize = 200;
    let net = Net::new();
    let unix = unix::UnixNet::of(net.stack());
    let mut task = Task::new(&net);
    let other = task.thread();
    let (turn, pairs) = (Barrier::new(2), Mutex::new(Vec::new()));
    let close = |task: &Task, end: usize| {
        turn.wait();
        let batch: Vec<[i32; 2]> = pairs.lock().unwrap().clone();
        turn.wait();
        for pair in batch {
            task.close(pair[end]).unwrap();
        }
        turn.wait();
    };
    scope(|scope| {
        let close = &close;
        scope.spawn(move || (0..BATCHES).for_each(|_| close(&other, 1)));
        for _ in 0..BATCHES {
            *pairs.lock().unwrap() =
                (0..100).map(|_| task.socketpair(AF_UNIX, SOCK_STREAM, 0).unwrap()).collect();
            close(&task, 0);
        }
    });
    assert_eq!(unix.slab_stats().active, 0);
}
