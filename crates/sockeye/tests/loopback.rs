//! Datagrams and streams over the loopback device, through system calls.

use sockeye::{Net, Task, sockaddr};
use std::net::SocketAddr;
use uapi::Errno;
use uapi::socket::{AF_INET, AF_INET6, SHUT_WR, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM};

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn family(addr: SocketAddr) -> i32 {
    if addr.is_ipv4() { AF_INET } else { AF_INET6 }
}

#[test]
fn a_datagram_goes_and_comes_back() {
    for at in ["127.0.0.1:7000", "[::1]:7000"].map(addr) {
        let task = Task::new(&Net::new());
        let server = task.socket(family(at), SOCK_DGRAM, 0).unwrap();
        task.bind(server, sockaddr(at)).unwrap();
        let client = task.socket(family(at), SOCK_DGRAM, 0).unwrap();
        assert_eq!(task.sendto(client, b"ping", 0, sockaddr(at)), Ok(4));
        let (mut buf, mut from) = ([0; 16], [0; 128]);
        let (n, len) = task.recvfrom(server, &mut buf, 0, &mut from).unwrap();
        assert_eq!(&buf[..n], b"ping");
        assert_eq!(task.sendto(server, b"pong!", 0, &from[..len]), Ok(5));
        assert_eq!(task.recv(client, &mut buf, 0), Ok(5));
        assert_eq!(&buf[..5], b"pong!");
    }
}

/// A connection: the connecting end and the accepted one.
fn connection(task: &Task, at: SocketAddr, flags: i32) -> (i32, i32, i32) {
    let listener = task.socket(family(at), SOCK_STREAM, 0).unwrap();
    task.bind(listener, sockaddr(at)).unwrap();
    task.listen(listener, 8).unwrap();
    let client = task.socket(family(at), SOCK_STREAM | flags, 0).unwrap();
    match task.connect(client, sockaddr(at)) {
        Ok(()) => {}
        Err(errno) => assert_eq!((errno, flags), (Errno::EINPROGRESS, SOCK_NONBLOCK)),
    }
    let server = task.accept4(listener, flags).unwrap();
    (listener, client, server)
}

#[test]
fn a_connection_carries_bytes_both_ways_and_ends() {
    for at in ["127.0.0.1:7000", "[::1]:7000"].map(addr) {
        let task = Task::new(&Net::new());
        let (_, client, server) = connection(&task, at, 0);
        let mut buf = [0; 64];
        assert_eq!(task.send(client, b"hello", 0), Ok(5));
        assert_eq!(task.recv(server, &mut buf, 0), Ok(5));
        assert_eq!(&buf[..5], b"hello");
        assert_eq!(task.write(server, b"world!"), Ok(6));
        assert_eq!(task.read(client, &mut buf), Ok(6));
        assert_eq!(&buf[..6], b"world!");
        task.shutdown(client, SHUT_WR).unwrap();
        assert_eq!(task.recv(server, &mut buf, 0), Ok(0));
        assert_eq!(task.send(server, b"late", 0), Ok(4));
        assert_eq!(task.recv(client, &mut buf, 0), Ok(4));
        task.close(server).unwrap();
        assert_eq!(task.recv(client, &mut buf, 0), Ok(0));
        task.close(client).unwrap();
    }
}

#[test]
fn ten_megabytes_arrive_as_they_were() {
    let task = Task::new(&Net::new());
    let (_, client, server) = connection(&task, addr("127.0.0.1:7000"), SOCK_NONBLOCK);
    let data: Vec<u8> = (0..10_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (mut sent, mut got) = (0, Vec::new());
    let mut buf = vec![0; 100_000];
    while got.len() < data.len() {
        if sent < data.len() {
            match task.send(client, &data[sent..(sent + 77_777).min(data.len())], 0) {
                Ok(n) => sent += n,
                Err(errno) => assert_eq!(errno, Errno::EAGAIN),
            }
        }
        match task.recv(server, &mut buf, 0) {
            Ok(n) => got.extend_from_slice(&buf[..n]),
            Err(errno) => assert_eq!(errno, Errno::EAGAIN),
        }
    }
    assert!(got == data, "the bytes differ");
}

#[test]
fn nobody_listens() {
    let task = Task::new(&Net::new());
    let client = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    assert_eq!(task.connect(client, sockaddr(addr("127.0.0.1:7000"))), Err(Errno::ECONNREFUSED));
}
