//! UDP sockets over loopback, through the tables of operations.
// chapter: A8, A14, B7

mod support;

use support::{Host, Sock, sockaddr};
use uapi::{AF_INET, AF_INET6, Errno, MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, SOCK_DGRAM};

#[test]
fn a_datagram_arrives() {
    let host = Host::new();
    for (family, addr) in [(AF_INET, "127.0.0.1:0"), (AF_INET6, "[::1]:0")] {
        let (a, b) =
            (host.socket(family, SOCK_DGRAM, 0).unwrap(), host.socket(family, SOCK_DGRAM, 0).unwrap());
        a.bind(&sockaddr(addr)).unwrap();
        let to = a.getsockname().unwrap();
        assert_eq!(b.sendto(b"hello", 0, Some(&to)), Ok(5));
        let (n, from, bytes) = a.recvfrom(100, 0).unwrap();
        assert_eq!((n, &bytes[..]), (5, &b"hello"[..]));
        assert_eq!(from, host.with_addr(&b, addr));
        assert_eq!(a.recvfrom(100, MSG_DONTWAIT), Err(Errno::EAGAIN));
    }
}

#[test]
fn connected_and_refused() {
    let host = Host::new();
    let a = host.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    assert_eq!(a.sendto(b"x", 0, None), Err(Errno::EDESTADDRREQ));
    a.connect(&sockaddr("127.0.0.1:9")).unwrap();
    assert_eq!(a.sendto(b"x", 0, None), Ok(1));
    assert_eq!(a.sendto(b"x", 0, None), Err(Errno::ECONNREFUSED));
    assert_eq!(a.sendto(b"x", 0, None), Ok(1));
    assert_eq!(a.recvfrom(1, MSG_DONTWAIT), Err(Errno::ECONNREFUSED));
}

#[test]
fn peek_and_truncation() {
    let host = Host::new();
    let a = host.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    a.bind(&sockaddr("127.0.0.1:0")).unwrap();
    let me = a.getsockname().unwrap();
    a.sendto(b"0123456789", 0, Some(&me)).unwrap();
    assert_eq!(a.recvfrom(4, MSG_PEEK).unwrap().2, b"0123");
    assert_eq!(a.recvfrom(4, MSG_PEEK | MSG_TRUNC).unwrap().0, 10);
    assert_eq!(a.recvfrom(4, 0).unwrap().2, b"0123");
    assert_eq!(a.recvfrom(4, MSG_DONTWAIT).unwrap_err(), Errno::EAGAIN);
}

#[test]
fn ports_are_given_back() {
    let host = Host::new();
    let open = || -> Sock<'_> { host.socket(AF_INET, SOCK_DGRAM, 0).unwrap() };
    let a = open();
    a.bind(&sockaddr("127.0.0.1:5353")).unwrap();
    assert_eq!(open().bind(&sockaddr("0.0.0.0:5353")), Err(Errno::EADDRINUSE));
    open().bind(&sockaddr("127.0.0.2:5353")).unwrap();
    drop(a);
    open().bind(&sockaddr("0.0.0.0:5353")).unwrap();
}

/// A port with so many sockets that it is indexed: each receives its own, while others come and go.
#[test]
fn many_sockets_of_one_port() {
    let host = Host::new();
    let open = || host.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    let reusing = |addr: &str| {
        let sock = open();
        sock.setsockopt_int(uapi::SOL_SOCKET, uapi::SO_REUSEADDR, 1).unwrap();
        sock.bind(&sockaddr(addr)).unwrap();
        sock
    };
    let clients: Vec<_> = (0..60)
        .map(|_| {
            let client = open();
            client.bind(&sockaddr("127.0.0.1:0")).unwrap();
            client
        })
        .collect();
    let any = reusing("0.0.0.0:7000");
    let mut by_peer: Vec<_> = clients
        .iter()
        .map(|client| {
            let sock = reusing("127.0.0.1:7000");
            sock.connect(&client.getsockname().unwrap()).unwrap();
            Some(sock)
        })
        .collect();
    let by_address: Vec<_> = (2..60).map(|i| reusing(&format!("127.0.1.{i}:7000"))).collect();
    let get = |sock: &Sock<'_>| sock.recvfrom(9, MSG_DONTWAIT).map(|(_, _, bytes)| bytes);
    for round in 0..3usize {
        for (i, client) in clients.iter().enumerate() {
            client.sendto(&[i as u8], 0, Some(&sockaddr("127.0.0.1:7000"))).unwrap();
            let receiver = by_peer[i].as_ref().unwrap_or(&any);
            assert_eq!(get(receiver), Ok(vec![i as u8]), "round {round}, client {i}");
        }
        for (i, sock) in by_address.iter().enumerate() {
            let to = sockaddr(&format!("127.0.1.{}:7000", i + 2));
            clients[0].sendto(&[i as u8], 0, Some(&to)).unwrap();
            assert_eq!(get(sock), Ok(vec![i as u8]), "round {round}, address {i}");
        }
        for gone in by_peer.iter_mut().skip(round).step_by(3) {
            *gone = None;
        }
    }
    let all = by_peer.iter().flatten().chain(&by_address).chain([&any]);
    assert!(all.into_iter().all(|sock| get(sock) == Err(Errno::EAGAIN)));
}

/// `SO_REUSEPORT`: a flow stays with one socket, and all get their share.
#[test]
fn a_group_shares() {
    let host = Host::new();
    let group: Vec<_> = (0..4)
        .map(|_| {
            let sock = host.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
            sock.setsockopt_int(uapi::SOL_SOCKET, uapi::SO_REUSEPORT, 1).unwrap();
            sock.bind(&sockaddr("127.0.0.1:7000")).unwrap();
            sock
        })
        .collect();
    let mut shares = [0; 4];
    for _ in 0..200 {
        let client = host.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
        for _ in 0..2 {
            client.sendto(b"x", 0, Some(&sockaddr("127.0.0.1:7000"))).unwrap();
        }
        let got = |sock: &Sock<'_>| (0..3).take_while(|_| sock.recvfrom(1, MSG_DONTWAIT).is_ok()).count();
        let counts: Vec<usize> = group.iter().map(got).collect();
        let receiver = counts.iter().position(|&n| n == 2).expect("both to one");
        assert_eq!(counts.iter().sum::<usize>(), 2);
        shares[receiver] += 1;
    }
    assert!(shares.iter().all(|&n| n > 20), "{shares:?}");
}

/// What datagram sockets do not do.
// chapter: A7
#[test]
fn stubs_say_so() {
    let host = Host::new();
    let sock = host.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    assert_eq!(sock.listen(1), Err(Errno::EOPNOTSUPP));
    assert_eq!(sock.accept().err(), Some(Errno::EOPNOTSUPP));
    assert_eq!(sock.call(|s, cx| (s.ops().socketpair)(s, s, cx)), Err(Errno::EOPNOTSUPP));
}
