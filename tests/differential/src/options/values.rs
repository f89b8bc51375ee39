//! What options are set to, and how their values are shown.

use crate::value::hex;
use sockeye::uapi::socket::{SO_COOKIE, SO_ERROR, SO_INCOMING_CPU, SO_NETNS_COOKIE, SOL_SOCKET, SOL_TCP};
use sockeye::uapi::{TCP_CC_INFO, TCP_INFO, TCP_TIMESTAMP};
use std::sync::OnceLock;

/// The values, the same for all.
pub(super) fn values() -> &'static [Vec<u8>] {
    static VALUES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    VALUES.get_or_init(list)
}

fn list() -> Vec<Vec<u8>> {
    let int = |v: i32| v.to_ne_bytes().to_vec();
    let two = |a: i32, b: i32| [int(a), int(b)].concat();
    let time = |s: i64, us: i64| [s.to_ne_bytes(), us.to_ne_bytes()].concat();
    let mut values: Vec<Vec<u8>> = vec![vec![], vec![1], vec![7, 0], vec![0; 3]];
    values.extend([0, 1, 2, 3, 4, 5, 6, 7, 10, 64, 127, 255, 256, 300, 1279, 1280, 65536, 100_000].map(int));
    values.extend([-1, -2, i32::MAX, i32::MIN, 1 << 24, 1 << 29, 0x1000_4000].map(int));
    values.extend([two(1, 5), two(1, -5), two(0, 9), two(1, 0), two(11, 3), two(3, 4)]);
    values.extend([
        time(1, 500_000),
        time(0, 1_000_000),
        time(-1, 0),
        time(0, -1),
        time(i64::MAX, 0),
        time(0, 4000),
    ]);
    values.extend([b"lo\0".to_vec(), b"lo".to_vec(), b"nosuchdev0".to_vec(), b"lo56789012345678".to_vec()]);
    values.extend([b"reno".to_vec(), b"cubic\0".to_vec(), b"nosuchalgorithm".to_vec(), b"tls".to_vec()]);
    values.extend([12, 16, 20, 24, 32, 40, 44, 136, 144, 264, 300].map(|n| vec![0; n]));
    // Groups: ip_mreq, ip_mreqn, ip_mreq_source, ipv6_mreq.
    values.push(vec![224, 1, 2, 3, 127, 0, 0, 1]);
    values.push(vec![224, 1, 2, 3, 0, 0, 0, 0, 1, 0, 0, 0]);
    values.push(vec![224, 1, 2, 3, 127, 0, 0, 1, 10, 0, 0, 1]);
    values.push([&[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], &1u32.to_ne_bytes()[..]].concat());
    // group_req and group_source_req of one group of IPv4.
    let group = |host: [u8; 4]| [&[2, 0, 0, 0][..], &host, &[0; 120]].concat();
    values.push([&[1, 0, 0, 0, 0, 0, 0, 0][..], &group([224, 1, 2, 3])].concat());
    values.push([&[1, 0, 0, 0, 0, 0, 0, 0][..], &group([224, 1, 2, 3]), &group([10, 0, 0, 1])].concat());
    values.push(vec![127, 0, 0, 1]);
    // Options: record route, no operation.
    values.push(vec![7, 7, 4, 0, 0, 0, 0, 0]);
    values.push(vec![1, 1, 1, 0]);
    // An extension header of eight bytes with padding.
    values.push(vec![0, 0, 1, 4, 0, 0, 0, 0]);
    values
}

/// What differs from one moment to the next, or from one kernel to another by chance: cookies, CPUs, times.
const CHANCE: [(i32, i32); 6] = [
    (SOL_SOCKET, SO_COOKIE),
    (SOL_SOCKET, SO_NETNS_COOKIE),
    (SOL_SOCKET, SO_INCOMING_CPU),
    (SOL_TCP, TCP_INFO),
    (SOL_TCP, TCP_CC_INFO),
    (SOL_TCP, TCP_TIMESTAMP),
];

/// The value as text, or only that there is one.
pub(super) fn shown(level: i32, name: i32, buf: &[u8], len: i32) -> String {
    if CHANCE.contains(&(level, name)) {
        return "by chance".to_owned();
    }
    let bytes = &buf[..usize::try_from(len).unwrap_or(0).min(buf.len())];
    // Long values end in zeros.
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    hex(&bytes[..end.max(bytes.len().min(8))])
}

/// May be read among the others without telling of anything but a change.
pub(super) fn is_quiet(level: i32, name: i32) -> bool {
    !CHANCE.contains(&(level, name)) && (level, name) != (SOL_SOCKET, SO_ERROR)
}
