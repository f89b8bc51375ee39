//! UDP sockets over loopback, through the tables of operations.

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
