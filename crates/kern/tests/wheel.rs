//! The timer wheel against a model that sorts.

use proptest::prelude::*;
use sockeye_kern::timer::{TimerSlot, Wheel};

const TIMERS: usize = 12;

#[derive(Clone, Debug)]
enum Op {
    Mod { timer: usize, delay: i64 },
    Del { timer: usize },
    Advance { by: u64 },
    AdvanceToNext,
}

fn op() -> impl Strategy<Value = Op> {
    // Delays of every level, and around the places where digits carry.
    let delay = prop_oneof![-5i64..200, (0u32..45, -2i64..3).prop_map(|(bits, near)| (1i64 << bits) + near)];
    let by = prop_oneof![0u64..100, (0u32..40).prop_map(|bits| 1 << bits)];
    prop_oneof![
        6 => (0..TIMERS, delay).prop_map(|(timer, delay)| Op::Mod { timer, delay }),
        2 => (0..TIMERS).prop_map(|timer| Op::Del { timer }),
        2 => by.prop_map(|by| Op::Advance { by }),
        1 => Just(Op::AdvanceToNext),
    ]
}

/// What is armed: by time, then in the order of arming.
#[derive(Default)]
struct Sorted {
    now: u64,
    armings: u64,
    armed: Vec<(u64, u64, usize)>,
}

impl Sorted {
    fn take(&mut self, timer: usize) -> bool {
        let before = self.armed.len();
        self.armed.retain(|entry| entry.2 != timer);
        self.armed.len() < before
    }

    fn arm(&mut self, timer: usize, expires: u64) -> bool {
        // Arming for the same time again changes nothing, unless the time has passed.
        if expires > self.now && self.armed.iter().any(|entry| entry.2 == timer && entry.0 == expires) {
            return true;
        }
        let pending = self.take(timer);
        self.armings += 1;
        self.armed.push((expires.max(self.now), self.armings, timer));
        self.armed.sort_unstable();
        pending
    }

    fn expire(&mut self, now: u64) -> Vec<usize> {
        self.now = self.now.max(now);
        let due = self.armed.iter().take_while(|entry| entry.0 <= self.now).count();
        self.armed.drain(..due).map(|entry| entry.2).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_sorting(start in prop_oneof![0u64..10_000, Just((1 << 36) - 3)], ops in prop::collection::vec(op(), 1..200)) {
        let wheel = Wheel::new(start);
        let slots: [TimerSlot; TIMERS] = Default::default();
        let mut sorted = Sorted { now: start, ..Sorted::default() };
        for op in ops {
            match op {
                Op::Mod { timer, delay } => {
                    let expires = sorted.now.saturating_add_signed(delay);
                    let pending = wheel.mod_timer(&slots[timer], expires, || timer);
                    prop_assert_eq!(pending, sorted.arm(timer, expires));
                }
                Op::Del { timer } => {
                    let expected = sorted.take(timer).then_some(timer);
                    prop_assert_eq!(wheel.del_timer(&slots[timer]), expected);
                }
                Op::Advance { .. } | Op::AdvanceToNext => {
                    let to = match op {
                        Op::Advance { by } => sorted.now + by,
                        _ => wheel.next_expiry().unwrap_or(sorted.now),
                    };
                    let mut out = Vec::new();
                    wheel.expire(to, &mut out);
                    prop_assert_eq!(out, sorted.expire(to));
                }
            }
            prop_assert_eq!(wheel.next_expiry(), sorted.armed.first().map(|entry| entry.0));
            prop_assert_eq!(wheel.armed(), sorted.armed.len());
            for (timer, slot) in slots.iter().enumerate() {
                prop_assert_eq!(wheel.pending(slot), sorted.armed.iter().any(|entry| entry.2 == timer));
            }
        }
    }
}

#[test]
fn the_end_of_time_is_a_time() {
    let (wheel, slot) = (Wheel::new(5), TimerSlot::new());
    wheel.mod_timer(&slot, u64::MAX, || ());
    assert_eq!(wheel.next_expiry(), Some(u64::MAX));
    let mut out = Vec::new();
    wheel.expire(u64::MAX - 1, &mut out);
    assert!(out.is_empty());
    wheel.expire(u64::MAX, &mut out);
    assert_eq!(out, [()]);
}

#[test]
fn entries_are_reused() {
    let (wheel, slots) = (Wheel::new(0), [TimerSlot::new(), TimerSlot::new()]);
    wheel.mod_timer(&slots[0], 3, || 'a');
    let mut out = Vec::new();
    wheel.expire(3, &mut out);
    wheel.mod_timer(&slots[1], 7, || 'b');
    assert_eq!(wheel.del_timer(&slots[0]), None);
    assert!(wheel.pending(&slots[1]));
    assert_eq!(wheel.del_timer(&slots[1]), Some('b'));
    assert_eq!(out, ['a']);
}
