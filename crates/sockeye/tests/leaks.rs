//! What opening and closing must not do: leave memory behind. What is left is counted by the byte, and by the
//! objects that the caches have given out.

// chapter: A5
#[path = "../benches/operations/mod.rs"]
mod operations;

use allocation_counter::measure;
use kern::time::{Time, VirtualClock};
use operations::OPERATIONS;
use sockeye::{Net, Task};
use std::sync::Arc;
use uapi::socket::{
    AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM,
};
use uapi::{IPPROTO_ICMP, IPPROTO_UDPLITE};

/// Every kind of socket there is.
const KINDS: [(i32, i32, i32); 15] = [
    (AF_INET, SOCK_STREAM, 0),
    (AF_INET6, SOCK_STREAM, 0),
    (AF_INET, SOCK_DGRAM, 0),
    (AF_INET6, SOCK_DGRAM, 0),
    (AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE),
    (AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
    (AF_INET, SOCK_RAW, 253),
    (AF_INET6, SOCK_RAW, 253),
    (AF_UNIX, SOCK_STREAM, 0),
    (AF_UNIX, SOCK_DGRAM, 0),
    (AF_UNIX, SOCK_SEQPACKET, 0),
    (AF_NETLINK, SOCK_RAW, 0),
    (AF_NETLINK, SOCK_RAW, 4),
    (AF_PACKET, SOCK_RAW, 0),
    (AF_PACKET, SOCK_DGRAM, 0),
];

/// What the namespace says of sockets and memory.
fn counts(net: &Net) -> Vec<String> {
    ["sockstat", "sockstat6", "protocols", "unix", "netlink", "tcp", "udp", "raw"]
        .iter()
        .map(|file| net.proc_net(file).unwrap_or_default())
        .collect()
}

/// Opens and closes `n` sockets of each kind; bytes that are left for it.
fn sockets(n: usize) -> i64 {
    let net = Net::builder().seed(1).manual_timers().build().unwrap();
    net.set_sysctl("net/ipv4/ping_group_range", "0 2147483647").unwrap();
    let task = Task::new(&net);
    let run = |n: usize| {
        for (family, kind, protocol) in KINDS {
            for _ in 0..n {
                task.close(task.socket(family, kind, protocol).unwrap()).unwrap();
            }
        }
    };
    run(1000);
    let before = counts(&net);
    let left = measure(|| run(n)).bytes_current;
    assert_eq!(counts(&net), before);
    left
}

/// Does an operation `n` times, each in 20 ms of virtual time, and lets two minutes pass; bytes that are left for it.
fn operations(name: &str, n: usize) -> i64 {
    let clock = Arc::new(VirtualClock::new(Time::from_ms(1000)));
    let net = Net::builder().clock(clock.clone()).seed(1).build().unwrap();
    let (_, make) = OPERATIONS.iter().find(|(known, _)| *known == name).unwrap();
    let mut operation = make(&net);
    let mut run = |n: usize| {
        for _ in 0..n {
            operation();
            clock.advance(20_000_000);
            net.run_timers();
        }
        // No TIME_WAIT lives longer.
        for _ in 0..1200 {
            clock.advance(100_000_000);
            net.run_timers();
        }
    };
    // Most tables have grown as far as they do.
    (0..10).for_each(|_| run(4000));
    let before = counts(&net);
    let left = measure(|| run(n)).bytes_current;
    assert_eq!(counts(&net), before, "{name}");
    left
}

/// Rows of tables that hold `TIME_WAIT`s still grow now and then, and pools by single buffers. It is less than 8 bytes
/// for each conversation.
const SLACK: i64 = 64 * 1024;

const CONVERSATIONS: [&str; 6] = ["tcp_crr", "tcp_rr", "tcp_stream", "udp_rr", "unix_pair", "unix_dgram_rr"];

#[test]
fn sockets_leave_nothing() {
    assert_eq!(sockets(5000), 0);
}

#[test]
fn conversations_leave_nothing() {
    for name in CONVERSATIONS {
        let left = operations(name, 10_000);
        assert!(left < SLACK, "{name}: {left} bytes");
    }
}

/// Ten million sockets, and a million connections: some minutes.
#[test]
#[ignore = "takes minutes"]
fn ten_million_sockets_leave_nothing() {
    let of_sockets = sockets(10_000_000 / KINDS.len());
    let of_connections = operations("tcp_crr", 1_000_000);
    println!("{of_sockets} bytes of ten million sockets, {of_connections} of a million connections");
    assert_eq!(of_sockets, 0);
    // Less than a byte each.
    assert!(of_connections < 1_000_000);
}
