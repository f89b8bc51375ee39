//! What the warm path must not do: allocate, or become slower by connections that are idle.

// chapter: A5
#[path = "../benches/operations/mod.rs"]
mod operations;

use operations::OPERATIONS;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: all is the system's; counting touches no memory of the allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are handed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of 1,000 operations, after as many to warm up.
fn allocations(name: &str) -> u64 {
    let (_, make) = OPERATIONS.iter().find(|(known, _)| *known == name).unwrap();
    let mut operation = make();
    (0..1000).for_each(|_| operation());
    let before = ALLOCATIONS.get();
    (0..1000).for_each(|_| operation());
    ALLOCATIONS.get() - before
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

/// A connection leaves something behind for a minute: the tables that hold it grow.
#[test]
fn connections_are_made_with_few_allocations() {
    let each = allocations("tcp_crr") / 1000;
    assert!(each <= 12, "{each} for each connection");
}

/// The best time of several runs: others run beside us.
fn round_trips(idle: usize) -> Duration {
    let mut operation = operations::tcp_rr(idle);
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
