//! The protocol switch at run time: `inet_register_protosw`, `inet_unregister_protosw`.
// chapter: B6

mod support;

use sockeye_inet::{InetNet, ProtoSw, SwFlags, ops};
use support::{Host, sockaddr};
use uapi::{AF_INET, Errno, IPPROTO_SCTP, IPPROTO_UDP, SOCK_DGRAM, SOCK_SEQPACKET};
use udp::Udp;

const SEQPACKET: u16 = SOCK_SEQPACKET as u16;
const SCTP: u16 = IPPROTO_SCTP as u16;

#[test]
fn a_protocol_comes_and_goes() {
    let host = Host::new();
    let switch = &InetNet::of(&host.net).v4;
    let open = || host.socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
    assert_eq!(open().err(), Some(Errno::ESOCKTNOSUPPORT));
    let row = ProtoSw::new::<Udp>(SEQPACKET, SCTP, &ops::INET_DGRAM, SwFlags::empty());
    switch.register(row).unwrap();
    let sock = open().unwrap();
    assert_eq!(host.socket(AF_INET, SOCK_SEQPACKET, 1).err(), Some(Errno::EPROTONOSUPPORT));
    switch.unregister(SEQPACKET, SCTP, "UDP").unwrap();
    assert_eq!(open().err(), Some(Errno::ESOCKTNOSUPPORT));
    // Its sockets live on.
    sock.bind(&sockaddr("127.0.0.1:0")).unwrap();
    assert_eq!(switch.unregister(SEQPACKET, SCTP, "UDP").err(), Some(Errno::ENOENT));
}

#[test]
fn permanent_entries_refuse() {
    let host = Host::new();
    let switch = &InetNet::of(&host.net).v4;
    let (dgram, udp) = (SOCK_DGRAM as u16, IPPROTO_UDP as u16);
    let again = ProtoSw::new::<Udp>(dgram, udp, &ops::INET_DGRAM, SwFlags::empty());
    assert_eq!(switch.register(again), Err(Errno::EPERM));
    assert_eq!(switch.unregister(dgram, udp, "UDP").err(), Some(Errno::EPERM));
    let no_type = ProtoSw::new::<Udp>(11, udp, &ops::INET_DGRAM, SwFlags::empty());
    assert_eq!(switch.register(no_type), Err(Errno::EINVAL));
}

#[test]
fn later_entries_override_until_they_go() {
    let host = Host::new();
    let switch = &InetNet::of(&host.net).v4;
    let dgram = SOCK_DGRAM as u16;
    // Ping's entry is not permanent: another protocol may take its place.
    assert_eq!(host.socket(AF_INET, SOCK_DGRAM, 1).err(), Some(Errno::EACCES));
    switch.register(ProtoSw::new::<Udp>(dgram, 1, &ops::INET_DGRAM, SwFlags::empty())).unwrap();
    host.socket(AF_INET, SOCK_DGRAM, 1).unwrap();
    switch.unregister(dgram, 1, "UDP").unwrap();
    assert_eq!(host.socket(AF_INET, SOCK_DGRAM, 1).err(), Some(Errno::EACCES));
}
