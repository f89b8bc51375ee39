//! The socket lock: one holder at a time; every packet is processed once, in order; nobody waits in
//! line for ever.

use super::{check, cpu, process};
use crate::context::{Process, Softirq};
use crate::fault::Fault;
use crate::signals::Signals;
use crate::sync::{AddBacklog, BhLock, OwnerLock};
use loom::thread;
use std::sync::Arc;

type Lock = OwnerLock<Vec<u32>, u32>;

/// A system call: works, then `release_sock`.
fn call(lock: &Lock, process: &Process<'_>) {
    let mut owner = lock.lock(process);
    owner.push(0);
    while let Err(backlogged) = owner.try_release() {
        let items;
        (owner, items) = backlogged.into_parts();
        owner.extend(items);
    }
}

/// A packet arrives.
fn packet(lock: &Lock, item: u32) {
    let softirq = Softirq::enter();
    loop {
        match lock.bh_lock(&softirq) {
            BhLock::Free(mut guard) => return guard.push(item),
            BhLock::Owned(owned) => match owned.add_backlog(item, 1, |_| true) {
                Ok(()) => return,
                Err(AddBacklog::Full(_)) => unreachable!(),
                Err(AddBacklog::Released(_)) => {}
            },
        }
    }
}

fn packets_of(lock: Arc<Lock>) -> Vec<u32> {
    let Ok(lock) = Arc::try_unwrap(lock) else { unreachable!() };
    lock.into_inner().into_iter().filter(|&item| item != 0).collect()
}

#[test]
fn a_flow_keeps_its_order_and_its_packets() {
    check(6, &[Fault::OwnerReleaseRelaxed, Fault::BhReleaseRelaxed, Fault::BacklogMarkedLate], || {
        let lock = Arc::new(Lock::default());
        let flow = {
            let lock = lock.clone();
            thread::spawn(move || (1..=3).for_each(|item| packet(&lock, item)))
        };
        let (cpu, signals) = (cpu(), Signals::new());
        process(&cpu, &signals, |process| call(&lock, process));
        flow.join().unwrap();
        assert_eq!(packets_of(lock), [1, 2, 3]);
    });
}

// With three threads two can spin for a third that holds the lock. The checker counts their yields to
// each other as free and never lets the third go on, so these two models explore fewer preemptions.

#[test]
fn two_flows() {
    check(2, &[Fault::OwnerReleaseRelaxed, Fault::BhReleaseRelaxed], || {
        let lock = Arc::new(Lock::default());
        let flows = [1, 2].map(|item| {
            let lock = lock.clone();
            thread::spawn(move || packet(&lock, item))
        });
        let (cpu, signals) = (cpu(), Signals::new());
        process(&cpu, &signals, |process| call(&lock, process));
        for flow in flows {
            flow.join().unwrap();
        }
        let mut packets = packets_of(lock);
        packets.sort_unstable();
        assert_eq!(packets, [1, 2]);
    });
}

#[test]
fn who_waits_in_line_is_served() {
    check(3, &[Fault::WaitersForgotten, Fault::BlockUnchecked], || {
        let lock = Arc::new(Lock::default());
        let calls = [(); 2].map(|()| {
            let (lock, cpu, signals) = (lock.clone(), cpu(), Signals::new());
            thread::spawn(move || process(&cpu, &signals, |process| call(&lock, process)))
        });
        let (cpu, signals) = (cpu(), Signals::new());
        process(&cpu, &signals, |process| call(&lock, process));
        for call in calls {
            call.join().unwrap();
        }
        let Ok(lock) = Arc::try_unwrap(lock) else { unreachable!() };
        assert_eq!(lock.into_inner(), [0, 0, 0]);
    });
}

#[test]
fn line_and_backlog_together() {
    check(2, &[Fault::WaitersForgotten], || {
        let lock = Arc::new(Lock::default());
        let other = {
            let (lock, cpu, signals) = (lock.clone(), cpu(), Signals::new());
            thread::spawn(move || process(&cpu, &signals, |process| call(&lock, process)))
        };
        let flow = {
            let lock = lock.clone();
            thread::spawn(move || packet(&lock, 1))
        };
        let (cpu, signals) = (cpu(), Signals::new());
        process(&cpu, &signals, |process| call(&lock, process));
        other.join().unwrap();
        flow.join().unwrap();
        assert_eq!(packets_of(lock), [1]);
    });
}
