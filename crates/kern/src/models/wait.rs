//! Wait queues and sleeping: no wake and no signal is lost.

use super::{check, cpu, process};
use crate::fault::Fault;
use crate::park::Parker;
use crate::signals::Signals;
use crate::sync::prim::{AtomicU32, Ordering};
use crate::wait::WaitQueue;
use loom::thread;
use std::sync::Arc;

/// `wait_event` without locks: the condition is a relaxed load, so only the queue orders it.
fn wait_for(queue: &WaitQueue, value: &AtomicU32, want: u32, exclusive: bool) {
    let (cpu, signals) = (cpu(), Signals::new());
    process(&cpu, &signals, |process| {
        let key = queue.add(cpu.parker().clone(), exclusive);
        loop {
            cpu.parker().prepare();
            if value.load(Ordering::Relaxed) >= want {
                break;
            }
            process.sleep(None);
        }
        queue.remove(key);
    });
}

#[test]
fn no_wake_is_lost() {
    let faults = [Fault::SleepersUnfenced, Fault::BlockUnchecked];
    check(6, &faults, || {
        let shared = Arc::new((WaitQueue::new(), AtomicU32::new(0)));
        let waker = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(1, Ordering::Relaxed);
                shared.0.wake(1);
            })
        };
        wait_for(&shared.0, &shared.1, 1, false);
        waker.join().unwrap();
        assert!(!shared.0.has_sleepers());
    });
}

/// The sleeper stays in the queue between two sleeps, so only `prepare` orders the second.
#[test]
fn no_second_wake_is_lost() {
    check(6, &[Fault::PrepareUnfenced], || {
        let parker = Arc::new(Parker::default());
        let value = Arc::new(AtomicU32::new(0));
        let waker = {
            let (parker, value) = (parker.clone(), value.clone());
            thread::spawn(move || {
                for news in 1..=2 {
                    value.store(news, Ordering::Relaxed);
                    parker.unpark();
                }
            })
        };
        loop {
            parker.prepare();
            if value.load(Ordering::Relaxed) == 2 {
                break;
            }
            parker.block(None);
        }
        waker.join().unwrap();
    });
}

/// Two in `accept`, two connections: each gets one.
#[test]
fn exclusive_waiters_are_all_served() {
    let faults = [Fault::SleepersUnfenced, Fault::WakeKept, Fault::LeaverCounts];
    check(2, &faults, || {
        let shared = Arc::new((WaitQueue::new(), AtomicU32::new(0)));
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || accept(&shared.0, &shared.1))
        };
        let waker = {
            let shared = shared.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    shared.0.wake(1);
                }
            })
        };
        accept(&shared.0, &shared.1);
        waiter.join().unwrap();
        waker.join().unwrap();
    });
}

fn accept(queue: &WaitQueue, ready: &AtomicU32) {
    let parker = Arc::new(Parker::default());
    let key = queue.add(parker.clone(), true);
    loop {
        parker.prepare();
        let take = |n: u32| n.checked_sub(1);
        if ready.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            break;
        }
        parker.block(None);
    }
    queue.finish_wait(key, &parker, 1);
    // The thread goes on to wait for something else.
    parker.prepare();
}

#[test]
fn no_signal_is_lost() {
    check(6, &[Fault::SignalLate, Fault::BlockUnchecked], || {
        let signals = Arc::new(Signals::new());
        let killer = {
            let signals = signals.clone();
            thread::spawn(move || signals.interrupt())
        };
        let cpu = cpu();
        process(&cpu, &signals, |process| {
            loop {
                cpu.parker().prepare();
                if process.signal_pending() {
                    break;
                }
                process.sleep(None);
            }
        });
        killer.join().unwrap();
    });
}
