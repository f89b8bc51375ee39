//! Large and many transfers over a bad wire: the data arrives whole, the same seed gives the same
//! packets, and nothing is left in the end.

use testkit::{Conn, End, Pair, SEC, knob, leaks, stream};

const BAD: &str = "delay 50ms loss 2% reorder 5% duplicate 1%";

/// Sends bytes one way, closes, and waits until all is gone; gives the trace hash.
fn run(seed: u64, bytes: u64) -> u64 {
    let pair = Pair::netem(seed, BAD);
    let conn = pair.connect(80).unwrap_or_else(|errno| panic!("seed {seed}: {errno:?}"));
    stream::transfer(&pair, conn, bytes, 0, 100_000 * SEC);
    finish(&pair, conn);
    if bytes >= 10_000_000 {
        // The wire was as bad as it should be.
        let stats = pair.wire.stats(End::A);
        println!("{:?}, {:?}, hash {:x}", pair.world.now(), stats, pair.wire.trace_hash());
        let share = |n: u64, percent: u64| n * 100 > stats.sent * percent;
        assert!(share(stats.lost, 1) && share(stats.reordered, 4) && stats.duplicated * 200 > stats.sent);
    }
    pair.wire.trace_hash()
}

fn finish(pair: &Pair, conn: Conn) {
    pair.close(conn).unwrap();
    leaks::assert_gone(pair);
}

#[test]
fn a_hundred_megabytes() {
    run(1, knob("TESTKIT_BYTES", 100_000_000));
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    assert_eq!(run(7, 1_000_000), run(7, 1_000_000));
    assert_ne!(run(7, 100_000), run(8, 100_000));
}

/// A quarter of the seeds, so that the quarters run side by side.
fn seeds(quarter: u64) {
    let all = knob("TESTKIT_SEEDS", 1000);
    for seed in (0..all).filter(|seed| seed % 4 == quarter) {
        run(seed, 20_000 + seed % 7 * 30_000);
    }
}

#[test]
fn a_thousand_seeds_1() {
    seeds(0);
}

#[test]
fn a_thousand_seeds_2() {
    seeds(1);
}

#[test]
fn a_thousand_seeds_3() {
    seeds(2);
}

#[test]
fn a_thousand_seeds_4() {
    seeds(3);
}
