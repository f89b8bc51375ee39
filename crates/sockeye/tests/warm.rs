//! What the warm path must not do: allocate, or become slower by connections that are idle.

// chapter: A5
#[path = "../benches/operations/mod.rs"]
mod operations;

use kern::time::{Time, VirtualClock};
use operations::OPERATIONS;
use sockeye::Net;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Allocations of 1,000 operations, after as many to warm up. Each takes 2 µs, however loaded the machine
/// is, so that no timer makes one differ from the others.
fn allocations(name: &str) -> u64 {
    let clock = Arc::new(VirtualClock::new(Time::from_ms(1000)));
    let net = Net::builder().clock(clock.clone()).seed(1).build().unwrap();
    let (_, make) = OPERATIONS.iter().find(|(known, _)| *known == name).unwrap();
    let mut operation = make(&net);
    let mut run = || {
        operation();
        clock.advance(2000);
    };
    (0..1000).for_each(|_| run());
    allocation_counter::measure(|| (0..1000).for_each(|_| run())).count_total
}

#[test]
fn sockets_are_opened_and_closed_without_allocation() {
    assert_eq!(allocations("socket_tcp"), 0);
    assert_eq!(allocations("socket_udp"), 0);
}

#[test]
fn packets_move_without_allocation() {
    assert_eq!(allocations("udp_rr"), 0);
    assert_eq!(allocations("tcp_rr"), 0);
    assert_eq!(allocations("tcp_stream"), 0);
}

#[test]
fn local_sockets_do_without_allocation() {
    for name in ["socket_unix", "unix_pair", "unix_rr", "unix_dgram_rr", "unix_stream"] {
        assert_eq!(allocations(name), 0, "{name}");
    }
}

/// A connection leaves something behind for a minute: the tables that hold it grow.
#[test]
fn connections_are_made_with_few_allocations() {
    let each = allocations("tcp_crr") / 1000;
    assert!(each <= 6, "{each} for each connection");
}

/// The best time of several runs: others run beside us.
fn round_trips(idle: usize) -> Duration {
    let mut operation = operations::tcp_rr(&Net::new(), idle);
    let mut run = || {
        let start = Instant::now();
        (0..200).for_each(|_| operation());
        start.elapsed()
    };
    (0..40).map(|_| run()).min().unwrap()
}

/// A look at each of 12,000 idle connections would cost ten times what a round trip does.
#[test]
fn idle_connections_cost_the_others_nothing() {
    let (few, many) = (round_trips(10), round_trips(12_000));
    assert!(many < few * 5, "{few:?} among 10, {many:?} among 12,000");
}
