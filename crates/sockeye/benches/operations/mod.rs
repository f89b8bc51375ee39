//! The operations that the stack's speed is judged by, on one thread over `lo`, each a unit of work of
//! `sockeye bench`: what they cost in instructions (`benches/instructions.rs`) and in allocations
//! (`tests/warm.rs`).

#![allow(clippy::unwrap_used, reason = "a measurement")]

mod unix;

use sockeye::{Net, SockAddrBuf, Task, sockaddr};
use std::net::{Ipv4Addr, SocketAddr};
use uapi::Errno;
use uapi::socket::{AF_INET, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM};

/// Does an operation once.
pub(crate) type Operation = Box<dyn FnMut()>;

/// Makes an operation in a fresh namespace.
pub(crate) type Make = fn(&Net) -> Operation;

/// The operations by name.
pub(crate) const OPERATIONS: &[(&str, Make)] = &[
    ("socket_tcp", |net| socket_close(net, SOCK_STREAM)),
    ("socket_udp", |net| socket_close(net, SOCK_DGRAM)),
    ("udp_rr", udp_rr),
    ("tcp_rr", |net| tcp_rr(net, 0)),
    ("tcp_stream", tcp_stream),
    ("tcp_crr", tcp_crr),
    ("socket_unix", |net| unix::socket_close(net, SOCK_STREAM)),
    ("unix_pair", |net| unix::pair_close(net, SOCK_STREAM)),
    ("unix_rr", |net| unix::round_trip(net, SOCK_STREAM)),
    ("unix_dgram_rr", |net| unix::round_trip(net, SOCK_DGRAM)),
    ("unix_stream", |net| unix::bulk(net, SOCK_STREAM)),
];

fn at(host: Ipv4Addr, port: u16) -> SockAddrBuf {
    sockaddr(SocketAddr::from((host, port)))
}

fn socket_close(net: &Net, kind: i32) -> Operation {
    let task = Task::new(net);
    Box::new(move || task.close(task.socket(AF_INET, kind, 0).unwrap()).unwrap())
}

fn udp_rr(net: &Net) -> Operation {
    let task = Task::new(net);
    let socket = |port| {
        let fd = task.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0).unwrap();
        task.bind(fd, at(Ipv4Addr::LOCALHOST, port)).unwrap();
        fd
    };
    let (a, b) = (socket(7001), socket(7002));
    let to_b = at(Ipv4Addr::LOCALHOST, 7002);
    Box::new(move || {
        let (mut buf, mut from) = ([0; 16], [0; 16]);
        task.sendto(a, b"x", 0, to_b).unwrap();
        let (n, len) = task.recvfrom(b, &mut buf, 0, &mut from).unwrap();
        assert_eq!(buf[..n], *b"x");
        task.sendto(b, b"y", 0, &from[..len]).unwrap();
        let (n, _) = task.recvfrom(a, &mut buf, 0, &mut from).unwrap();
        assert_eq!(buf[..n], *b"y");
    })
}

fn listener(task: &Task) -> i32 {
    let fd = task.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).unwrap();
    task.bind(fd, at(Ipv4Addr::UNSPECIFIED, 9000)).unwrap();
    task.listen(fd, 1024).unwrap();
    fd
}

fn connect(task: &Task, listener: i32, host: Ipv4Addr) -> (i32, i32) {
    let client = task.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).unwrap();
    match task.connect(client, at(host, 9000)) {
        Ok(()) | Err(Errno::EINPROGRESS) => {}
        Err(errno) => panic!("{errno:?}"),
    }
    (client, task.accept4(listener, SOCK_NONBLOCK).unwrap())
}

fn ping(task: &Task, from: i32, to: i32, byte: &[u8; 1]) {
    let mut buf = [0; 16];
    assert_eq!(task.send(from, byte, 0), Ok(1));
    assert_eq!(task.recv(to, &mut buf, 0), Ok(1));
    assert_eq!(buf[0], byte[0]);
}

/// A byte each way on a connection, with `idle` others about.
pub(crate) fn tcp_rr(net: &Net, idle: usize) -> Operation {
    let task = Task::new(net);
    task.files().set_rlimit(2 * idle as u64 + 64);
    let listener = listener(&task);
    // One address has 28,000 ports; the host has more addresses.
    let hosts = |i: usize| Ipv4Addr::new(127, 0, 0, 1 + (i / 20_000) as u8);
    (0..idle).for_each(|i| _ = connect(&task, listener, hosts(i)));
    let (a, b) = connect(&task, listener, hosts(idle));
    Box::new(move || {
        ping(&task, a, b, b"x");
        ping(&task, b, a, b"y");
    })
}

/// 64 KiB written and read.
fn tcp_stream(net: &Net) -> Operation {
    let task = Task::new(net);
    let listener = listener(&task);
    let (a, b) = connect(&task, listener, Ipv4Addr::LOCALHOST);
    let block: Vec<u8> = (0..65536).map(|i| (i % 251) as u8).collect();
    let mut buf = vec![0; 65536];
    let mut at = 0;
    Box::new(move || {
        let mut left = task.send(a, &block, 0).unwrap();
        while left > 0 {
            let n = task.recv(b, &mut buf, 0).unwrap();
            assert_eq!(buf[0], (at % 65536 % 251) as u8);
            at += n;
            left -= n;
        }
        assert_eq!(at % 65536, 0, "a short write");
    })
}

fn tcp_crr(net: &Net) -> Operation {
    let task = Task::new(net);
    let listener = listener(&task);
    let mut i = 0u8;
    Box::new(move || {
        // Each closed connection keeps its addresses and ports for a minute.
        i = i.wrapping_add(1) % 64;
        let (a, b) = connect(&task, listener, Ipv4Addr::new(127, 0, 0, 1 + i));
        ping(&task, a, b, b"x");
        ping(&task, b, a, b"y");
        task.close(a).unwrap();
        task.close(b).unwrap();
    })
}
