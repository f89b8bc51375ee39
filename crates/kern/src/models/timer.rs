//! Timers: what is armed is handed out or deleted, exactly once.

use super::check;
use crate::fault::Fault;
use crate::timer::{TimerSlot, Wheel};
use loom::sync::Mutex;
use loom::thread;
use std::sync::Arc;

#[derive(Default)]
struct Slots {
    a: TimerSlot,
    b: TimerSlot,
}

#[test]
fn a_payload_goes_to_one() {
    check(6, &[Fault::TimerNamesReused], || {
        let (wheel, slots) = (Arc::new(Wheel::new(0)), Arc::new(Slots::default()));
        wheel.mod_timer(&slots.a, 10, || 'a');
        let softirq = {
            let (wheel, slots) = (wheel.clone(), slots.clone());
            thread::spawn(move || {
                let mut out = Vec::new();
                wheel.expire(10, &mut out);
                // Another timer takes the entry that became free.
                wheel.mod_timer(&slots.b, 20, || 'b');
                out
            })
        };
        let deleted = wheel.del_timer(&slots.a);
        let mut out = softirq.join().unwrap();
        assert_eq!(out.len() + usize::from(deleted.is_some()), 1);
        assert!(deleted.is_none_or(|payload| payload == 'a'));
        assert!(wheel.pending(&slots.b) && !wheel.pending(&slots.a));
        wheel.expire(20, &mut out);
        assert_eq!(out.last(), Some(&'b'));
    });
}

/// As the stack uses it: caller and handler share the socket lock. Work that was there when the
/// timer was armed, or found armed, is seen by a handler that runs after.
#[test]
fn arming_again_is_not_forgotten() {
    check(6, &[Fault::TimerPendingUnchecked], || {
        let (wheel, slots) = (Arc::new(Wheel::new(0)), Arc::new(Slots::default()));
        let work = Arc::new(Mutex::new(0));
        wheel.mod_timer(&slots.a, 10, || ());
        let softirq = {
            let (wheel, work) = (wheel.clone(), work.clone());
            thread::spawn(move || run(&wheel, 10, &work))
        };
        {
            let mut work = work.lock().unwrap();
            *work += 1;
            wheel.mod_timer(&slots.a, 10, || ());
        }
        softirq.join().unwrap();
        run(&wheel, 11, &work);
        assert_eq!(*work.lock().unwrap(), 0);
        assert_eq!(wheel.armed(), 0);
    });
}

fn run(wheel: &Wheel<()>, now: u64, work: &Mutex<u32>) {
    let mut out = Vec::new();
    wheel.expire(now, &mut out);
    for () in out {
        *work.lock().unwrap() = 0;
    }
}

#[test]
fn two_who_arm_arm_once() {
    check(6, &[], || {
        let (wheel, slots) = (Arc::new(Wheel::new(0)), Arc::new(Slots::default()));
        let other = {
            let (wheel, slots) = (wheel.clone(), slots.clone());
            thread::spawn(move || wheel.mod_timer(&slots.a, 10, || ()))
        };
        let here = wheel.mod_timer(&slots.a, 20, || ());
        let there = other.join().unwrap();
        assert!(here != there, "one armed it, the other moved it");
        assert_eq!(wheel.armed(), 1);
        assert_eq!(wheel.next_expiry(), Some(slots.a.expires()));
    });
}
