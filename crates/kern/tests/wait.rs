//! Wait queues: who is woken, and that nobody is forgotten.

use sockeye_kern::context::{Cpu, CpuIds, Process};
use sockeye_kern::cred::Cred;
use sockeye_kern::park::{Parker, Sleeper, ThreadSleeper};
use sockeye_kern::signals::Signals;
use sockeye_kern::time::{Clock, Time};
use sockeye_kern::wait::{WaitQueue, Wake};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Counts its wakes and takes the first `takes` of them.
struct Counter {
    wakes: AtomicU32,
    mask: AtomicU32,
    takes: u32,
}

impl Counter {
    fn new(takes: u32) -> Arc<Counter> {
        Arc::new(Counter { wakes: AtomicU32::new(0), mask: AtomicU32::new(0), takes })
    }
}

impl Wake for Counter {
    fn wake(&self, mask: u32) -> bool {
        self.mask.fetch_or(mask, Relaxed);
        self.wakes.fetch_add(1, Relaxed) < self.takes
    }
}

fn wakes<const N: usize>(counters: &[Arc<Counter>; N]) -> [u32; N] {
    counters.each_ref().map(|counter| counter.wakes.load(Relaxed))
}

#[test]
fn one_exclusive_waiter_is_woken() {
    let queue = WaitQueue::new();
    assert!(!queue.has_sleepers());
    queue.wake(1);
    // Two that are not exclusive, one exclusive that refuses, one that takes two, one more.
    let counters = [9, 0, 0, 2, 1].map(Counter::new);
    let keys: Vec<_> =
        counters.iter().enumerate().map(|(i, counter)| queue.add(counter.clone(), i >= 2)).collect();
    assert!(queue.has_sleepers());
    queue.wake(1);
    assert_eq!(wakes(&counters), [1, 1, 1, 1, 0]);
    queue.wake(4);
    assert_eq!(wakes(&counters), [2, 2, 2, 2, 0]);
    queue.wake(1);
    assert_eq!(wakes(&counters), [3, 3, 3, 3, 1]);
    queue.wake_all(1);
    assert_eq!(wakes(&counters), [4, 4, 4, 4, 2]);
    assert_eq!(counters[0].mask.load(Relaxed), 5);
    for key in keys {
        queue.remove(key);
        queue.remove(key);
    }
    assert!(!queue.has_sleepers());
    assert!(counters.iter().all(|counter| Arc::strong_count(counter) == 1));
}

/// A waker may use the queue it hangs in.
#[test]
fn wakers_are_called_without_the_lock() {
    struct Adds(Arc<WaitQueue>);
    impl Wake for Adds {
        fn wake(&self, _mask: u32) -> bool {
            let key = self.0.add(Counter::new(0), false);
            self.0.remove(key);
            true
        }
    }
    let queue = Arc::new(WaitQueue::new());
    let key = queue.add(Arc::new(Adds(queue.clone())), true);
    queue.wake(1);
    queue.remove(key);
}

#[test]
fn a_wake_that_was_too_much_is_passed_on() {
    let queue = WaitQueue::new();
    let (parker, next) = (Arc::new(Parker::default()), Counter::new(1));
    let key = queue.add(parker.clone(), true);
    queue.add(next.clone(), true);
    parker.prepare();
    queue.wake(1);
    assert_eq!(next.wakes.load(Relaxed), 0);
    queue.finish_wait(key, &parker, 1);
    assert_eq!(next.wakes.load(Relaxed), 1);
}

struct Monotonic(Instant);

impl Clock for Monotonic {
    fn now(&self) -> Time {
        Time::from_ns(self.0.elapsed().as_nanos() as u64)
    }
    fn realtime_ns(&self) -> u64 {
        0
    }
}

#[test]
fn a_sleep_ends_in_time() {
    let clock = Arc::new(Monotonic(Instant::now()));
    let sleeper = ThreadSleeper::new(clock.clone(), 2);
    let parker = Parker::default();
    parker.prepare();
    let until = clock.now() + 5_000_000;
    sleeper.sleep(&parker, Some(until));
    assert!(clock.now() >= until);
    // One that is over already.
    sleeper.sleep(&parker, Some(Time::ZERO));
    assert!(!parker.is_notified());
    // After a sleep that ended in time, a wake still counts.
    assert!(parker.unpark() && !parker.unpark());
    sleeper.sleep(&parker, None);
}

/// Many in `accept`, many connections: all are taken, with each wake for one.
#[test]
fn accept_in_many_threads() {
    const THREADS: u32 = 4;
    const EACH: u32 = if cfg!(debug_assertions) { 5_000 } else { 30_000 };
    let (queue, ready) = (WaitQueue::new(), AtomicU32::new(0));
    let clock = Arc::new(Monotonic(Instant::now()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let sleeper = Arc::new(ThreadSleeper::new(clock.clone(), 2));
                let cpu = Cpu::new(&CpuIds::new(), clock.clone(), sleeper);
                let (cred, signals) = (Cred::nobody(), Signals::new());
                let process = Process::enter(&cpu, &cred, &signals);
                (0..EACH).for_each(|_| accept(&queue, &ready, &process));
            });
        }
        for _ in 0..THREADS * EACH {
            ready.fetch_add(1, Relaxed);
            queue.wake(1);
        }
    });
    assert_eq!(ready.load(Relaxed), 0);
    assert!(!queue.has_sleepers());
}

fn accept(queue: &WaitQueue, ready: &AtomicU32, process: &Process<'_>) {
    let parker = process.cpu.parker();
    let key = queue.add(parker.clone(), true);
    // Whoever is forgotten fails the test instead of hanging it.
    let give_up = process.now() + Duration::from_secs(20).as_nanos() as u64;
    loop {
        parker.prepare();
        if ready.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok() {
            break;
        }
        assert!(process.now() < give_up, "a wake was lost");
        process.sleep(Some(give_up));
    }
    queue.finish_wait(key, parker, 1);
}
