//! Raw and ping sockets over loopback.
// chapter: B6

mod support;

use support::{Host, sockaddr};
use uapi::{
    AF_INET, AF_INET6, Errno, IPPROTO_ICMP, IPPROTO_RAW, IPPROTO_UDP, MSG_DONTWAIT, SOCK_DGRAM, SOCK_RAW,
};

const ECHO: &[u8] = &[8, 0, 0, 0, 0, 0, 0, 1, b'p', b'i', b'n', b'g'];

#[test]
fn a_raw_socket_sees_udp() {
    let host = Host::new();
    let raw = host.socket(AF_INET, SOCK_RAW, IPPROTO_UDP).unwrap();
    let udp = host.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    udp.sendto(b"hello", 0, Some(&sockaddr("127.0.0.1:9"))).unwrap();
    let (n, from, bytes) = raw.recvfrom(100, MSG_DONTWAIT).unwrap();
    assert_eq!((n, from), (33, sockaddr("127.0.0.1:0")));
    assert_eq!((bytes[0], bytes[9], &bytes[28..]), (0x45, 17, &b"hello"[..]));
    let raw6 = host.socket(AF_INET6, SOCK_RAW, IPPROTO_UDP).unwrap();
    let udp6 = host.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    udp6.sendto(b"hello", 0, Some(&sockaddr("[::1]:9"))).unwrap();
    // Over IPv6 the header is not shown.
    assert_eq!(raw6.recvfrom(100, MSG_DONTWAIT).unwrap().2[8..], *b"hello");
}

#[test]
fn the_program_writes_the_header() {
    let host = Host::new();
    let sender = host.socket(AF_INET, SOCK_RAW, IPPROTO_RAW).unwrap();
    let receiver = host.socket(AF_INET, SOCK_RAW, 250).unwrap();
    let to = sockaddr("127.0.0.1:0");
    assert_eq!(sender.sendto(b"abc", 0, Some(&to)), Err(Errno::EINVAL));
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 250, 0, 0, 0, 0, 0, 0, 127, 0, 0, 1];
    packet.extend_from_slice(b"xyz");
    assert_eq!(sender.sendto(&packet, 0, Some(&to)), Ok(23));
    let (_, _, bytes) = receiver.recvfrom(100, MSG_DONTWAIT).unwrap();
    assert_eq!((bytes.len(), &bytes[2..4], &bytes[12..16]), (23, &[0, 23][..], &[127, 0, 0, 1][..]));
    packet[0] = 0x4f;
    assert_eq!(sender.sendto(&packet, 0, Some(&to)), Err(Errno::EINVAL));
}

#[test]
fn ping_is_for_some_groups() {
    let host = Host::new();
    let open = || host.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    assert_eq!(open().err(), Some(Errno::EACCES));
    host.net.sysctl.write(&host.net, "net/ipv4/ping_group_range", "0 10").unwrap();
    let ping = open().unwrap();
    let to = sockaddr("127.0.0.1:0");
    assert_eq!(ping.sendto(&ECHO[..7], 0, Some(&to)), Err(Errno::EINVAL));
    assert_eq!(ping.sendto(ECHO, 0, Some(&to)), Ok(12));
    let (n, _, reply) = ping.recvfrom(100, MSG_DONTWAIT).unwrap();
    let ident = ping.getsockname().unwrap().inet_parts().unwrap().1;
    assert_eq!((n, reply[0], &reply[4..6], &reply[8..]), (12, 0, &ident.to_be_bytes()[..], &b"ping"[..]));
}
