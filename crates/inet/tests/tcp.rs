//! TCP sockets over loopback, through the tables of operations.
// chapter: A3

mod support;

use support::{Host, sockaddr};
use uapi::{AF_INET, AF_INET6, Errno, MSG_DONTWAIT, SOCK_STREAM};

#[test]
fn a_connection_carries_bytes() {
    let host = Host::new();
    for (family, addr) in [(AF_INET, "127.0.0.1:0"), (AF_INET6, "[::1]:0")] {
        let listener = host.socket(family, SOCK_STREAM, 0).unwrap();
        listener.bind(&sockaddr(addr)).unwrap();
        listener.listen(10).unwrap();
        let client = host.socket(family, SOCK_STREAM, 0).unwrap();
        client.connect(&listener.getsockname().unwrap()).unwrap();
        let server = listener.accept().unwrap();
        assert_eq!(server.getpeername(), client.getsockname());
        assert_eq!(client.sendto(b"hello", 0, None), Ok(5));
        assert_eq!(server.recvfrom(100, MSG_DONTWAIT).unwrap().2, b"hello");
        assert_eq!(server.sendto(b"world", 0, None), Ok(5));
        assert_eq!(client.recvfrom(100, MSG_DONTWAIT).unwrap().2, b"world");
        drop(client);
        assert_eq!(server.recvfrom(100, MSG_DONTWAIT).unwrap().0, 0);
    }
}

#[test]
fn nobody_listens() {
    let host = Host::new();
    let client = host.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    assert_eq!(client.connect(&sockaddr("127.0.0.1:9")), Err(Errno::ECONNREFUSED));
    assert_eq!(client.listen(1), Ok(()));
    assert_eq!(client.connect(&sockaddr("127.0.0.1:9")), Err(Errno::EISCONN));
}
