//! The claimed queue: every item comes out once, nothing is stranded, each thread's items keep their
//! order.

use super::check;
use crate::fault::Fault;
use crate::sync::{Claim, ClaimQueue};
use loom::sync::Mutex;
use loom::thread;
use std::sync::Arc;

type Item = (char, u32);

#[derive(Default)]
struct World {
    queue: ClaimQueue<Item>,
    received: Mutex<Vec<Item>>,
}

impl World {
    fn drain(&self, claim: Claim<'_, Item>) {
        let mut claim = Some(claim);
        while let Some(mut held) = claim.take() {
            while let Some(item) = held.pop() {
                self.received.lock().unwrap().push(item);
            }
            claim = held.release();
        }
    }

    /// As `netif_rx` does: claims if it can.
    fn send(&self, item: Item) {
        match self.queue.claim() {
            Some(mut claim) => {
                claim.push_local(item);
                self.drain(claim);
            }
            None => {
                if let Some(claim) = self.queue.push(item) {
                    self.drain(claim);
                }
            }
        }
    }

    fn of(&self, who: char) -> Vec<u32> {
        let received = self.received.lock().unwrap();
        received.iter().filter(|item| item.0 == who).map(|item| item.1).collect()
    }
}

#[test]
fn nothing_is_stranded() {
    check(6, &[Fault::ClaimReleaseUnchecked, Fault::ClaimMarkedLate], || {
        let world = Arc::new(World::default());
        let other = {
            let world = world.clone();
            thread::spawn(move || (0..2).for_each(|i| world.send(('b', i))))
        };
        (0..2).for_each(|i| world.send(('a', i)));
        other.join().unwrap();
        assert_eq!(world.of('a'), [0, 1]);
        assert_eq!(world.of('b'), [0, 1]);
    });
}

#[test]
fn three_threads() {
    check(3, &[Fault::ClaimReleaseUnchecked], || {
        let world = Arc::new(World::default());
        let others = ['b', 'c'].map(|who| {
            let world = world.clone();
            thread::spawn(move || world.send((who, 0)))
        });
        world.send(('a', 0));
        for other in others {
            other.join().unwrap();
        }
        for who in ['a', 'b', 'c'] {
            assert_eq!(world.of(who), [0]);
        }
    });
}

/// A claim that is dropped leaves its items to the next, before what that adds.
#[test]
fn a_dropped_claim_keeps_the_order() {
    check(6, &[Fault::ClaimOrder], || {
        let world = Arc::new(World::default());
        let other = {
            let world = world.clone();
            thread::spawn(move || {
                if let Some(mut claim) = world.queue.claim() {
                    claim.push_local(('b', 0));
                }
            })
        };
        (0..2).for_each(|i| world.send(('a', i)));
        other.join().unwrap();
        if let Some(claim) = world.queue.claim() {
            world.drain(claim);
        }
        assert_eq!(world.of('a'), [0, 1]);
        assert!(world.of('b').len() <= 1);
    });
}
