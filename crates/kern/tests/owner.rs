//! The socket lock under threads that run at once.

use sockeye_kern::context::{Cpu, CpuIds, Process, Softirq};
use sockeye_kern::cred::Cred;
use sockeye_kern::park::ThreadSleeper;
use sockeye_kern::signals::Signals;
use sockeye_kern::sync::{AddBacklog, BacklogStats, BhLock, OwnerLock};
use sockeye_kern::time::VirtualClock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

type Lock = OwnerLock<Vec<(u32, u32)>, (u32, u32)>;

fn cpu(ids: &CpuIds) -> Cpu {
    let clock = Arc::new(VirtualClock::default());
    Cpu::new(ids, clock.clone(), Arc::new(ThreadSleeper::new(clock, 2)))
}

/// Runs `call` in process context.
fn process<R>(call: impl FnOnce(&Process<'_>) -> R) -> R {
    let (cpu, cred, signals) = (cpu(&CpuIds::new()), Cred::nobody(), Signals::new());
    call(&Process::enter(&cpu, &cred, &signals))
}

fn packet(lock: &Lock, item: (u32, u32), limit: usize) -> bool {
    let softirq = Softirq::enter();
    loop {
        match lock.bh_lock(&softirq) {
            BhLock::Free(mut guard) => {
                guard.push(item);
                return true;
            }
            BhLock::Owned(owned) => match owned.add_backlog(item, 1, |stats| stats.bytes < limit) {
                Ok(()) => return true,
                Err(AddBacklog::Full(_)) => return false,
                Err(AddBacklog::Released(_)) => {}
            },
        }
    }
}

fn call(lock: &Lock, process: &Process<'_>) {
    let mut owner = lock.lock(process);
    while let Err(still) = owner.try_release() {
        let items;
        (owner, items) = still.into_parts();
        owner.extend(items);
    }
}

#[test]
fn flows_keep_their_order() {
    const FLOWS: u32 = 2;
    const CALLERS: usize = 3;
    const PACKETS: u32 = if cfg!(debug_assertions) { 30_000 } else { 300_000 };
    let lock = Lock::default();
    let dropped = AtomicU64::new(0);
    let running = AtomicU64::new(FLOWS.into());
    thread::scope(|scope| {
        for flow in 0..FLOWS {
            let (lock, dropped, running) = (&lock, &dropped, &running);
            scope.spawn(move || {
                for n in 0..PACKETS {
                    if !packet(lock, (flow, n), 64) {
                        dropped.fetch_add(1, Relaxed);
                    }
                }
                running.fetch_sub(1, Relaxed);
            });
        }
        for _ in 0..CALLERS {
            scope.spawn(|| {
                process(|process| {
                    while running.load(Relaxed) > 0 {
                        call(&lock, process);
                    }
                });
            });
        }
    });
    let received = lock.into_inner();
    assert_eq!(received.len() as u64 + dropped.load(Relaxed), u64::from(FLOWS * PACKETS));
    for flow in 0..FLOWS {
        let of_flow = received.iter().filter(|item| item.0 == flow);
        assert!(of_flow.is_sorted_by(|a, b| a.1 < b.1), "flow {flow} was reordered");
    }
}

#[test]
fn callers_count() {
    const CALLERS: u64 = 4;
    const CALLS: u64 = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    let lock = OwnerLock::<u64, ()>::new(0);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                process(|process| {
                    for i in 0..CALLS {
                        let mut owner = lock.lock(process);
                        let count = *owner;
                        if i % 64 == 0 {
                            // Long enough that the others line up.
                            thread::yield_now();
                        }
                        *owner = count + 1;
                        assert!(owner.try_release().is_ok());
                    }
                });
            });
        }
    });
    assert_eq!(lock.into_inner(), CALLERS * CALLS);
}

// chapter: B11
#[test]
fn the_backlog_is_counted_and_bounded() {
    let lock = Lock::default();
    let softirq = Softirq::enter();
    let add = |bytes, limit: usize| {
        let mut seen = BacklogStats::default();
        let BhLock::Owned(owned) = lock.bh_lock(&softirq) else { panic!("nobody owns it") };
        let added = owned.add_backlog((0, 0), bytes, |stats| {
            seen = stats;
            stats.bytes <= limit
        });
        (seen, added)
    };
    process(|process| {
        let owner = lock.lock(process);
        assert_eq!(add(100, 100), (BacklogStats { len: 0, bytes: 0 }, Ok(())));
        assert_eq!(add(100, 100), (BacklogStats { len: 1, bytes: 100 }, Ok(())));
        assert_eq!(add(100, 100), (BacklogStats { len: 2, bytes: 200 }, Err(AddBacklog::Full((0, 0)))));
        let Err(backlogged) = owner.try_release() else { panic!("the backlog is not empty") };
        let (owner, items) = backlogged.into_parts();
        // What is being processed still counts.
        assert_eq!(add(50, 1000), (BacklogStats { len: 0, bytes: 200 }, Ok(())));
        assert_eq!(items.count(), 2);
        assert_eq!(add(50, 1000), (BacklogStats { len: 1, bytes: 250 }, Ok(())));
        let Err(backlogged) = owner.try_release() else { panic!("the backlog is not empty") };
        let (owner, items) = backlogged.into_parts();
        assert_eq!(items.count(), 2);
        assert_eq!(add(0, 0), (BacklogStats { len: 0, bytes: 0 }, Ok(())));
        drop(owner);
    });
    assert!(matches!(lock.bh_lock(&softirq), BhLock::Free(_)));
}

#[test]
fn a_panic_lets_go() {
    let lock = Lock::default();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        process(|process| {
            let _owner = lock.lock(process);
            packet(&lock, (0, 0), 10);
            std::panic::resume_unwind(Box::new(()));
        });
    }));
    assert!(result.is_err());
    assert!(!lock.is_owned());
    process(|process| assert!(lock.try_lock(process).is_some()));
}

#[test]
fn idle_and_busy() {
    let lock = Lock::default();
    let guard = lock.try_lock_idle().unwrap();
    process(|process| assert!(lock.try_lock(process).is_none()));
    assert!(lock.try_lock_idle().is_none());
    drop(guard);
    process(|process| {
        let owner = lock.lock(process);
        assert!(lock.is_owned() && lock.try_lock_idle().is_none());
        assert!(owner.try_release().is_ok());
    });
    assert!(!lock.is_owned());
}

#[test]
fn it_is_small() {
    assert!(size_of::<OwnerLock<(), ()>>() <= 24, "{}", size_of::<OwnerLock<(), ()>>());
}
