//! `socket()`: every type and protocol of both families, as Linux 6.18 answers.
// chapter: A10, B6

mod support;

use kern::cred::Cred;
use support::Host;
use uapi::{AF_INET, AF_INET6, Errno, IPPROTO_MAX};

/// What Linux says, `None` for a socket.
fn linux(family: i32, kind: i32, protocol: i32, root: bool) -> Option<Errno> {
    if kind > 10 {
        return Some(Errno::EINVAL);
    }
    if family == AF_INET && kind == 10 {
        // SOCK_PACKET is AF_PACKET's, which is not there in this test.
        return Some(Errno::EAFNOSUPPORT);
    }
    if !(0..IPPROTO_MAX).contains(&protocol) {
        return Some(Errno::EINVAL);
    }
    let icmp = if family == AF_INET { 1 } else { 58 };
    match (kind, protocol) {
        (1, 0 | 6 | 262) | (2, 0 | 17 | 136) => None,
        (2, p) if p == icmp => Some(Errno::EACCES),
        (1 | 2, _) | (3, 0) => Some(Errno::EPROTONOSUPPORT),
        (3, _) if !root => Some(Errno::EPERM),
        (3, _) => None,
        _ => Some(Errno::ESOCKTNOSUPPORT),
    }
}

#[test]
fn every_triple_answers_as_linux() {
    for root in [true, false] {
        let host = Host::as_user(if root { Cred::root() } else { Cred::nobody() });
        for family in [AF_INET, AF_INET6] {
            for kind in 0..16 {
                for protocol in (-2..300).chain([i32::MAX, i32::MIN]) {
                    let answer = host.socket(family, kind, protocol).err();
                    let expected = linux(family, kind, protocol, root);
                    assert_eq!(answer, expected, "socket({family}, {kind}, {protocol}), root: {root}");
                }
            }
        }
    }
}
