//! The claimed queue under threads that run at once.

use sockeye_kern::sync::{Claim, ClaimQueue};
use std::sync::Mutex;
use std::thread;

type Item = (usize, u32);

fn drain(claim: Claim<'_, Item>, received: &Mutex<Vec<Item>>) {
    let mut claim = Some(claim);
    while let Some(mut held) = claim.take() {
        while let Some(item) = held.pop() {
            received.lock().unwrap().push(item);
        }
        claim = held.release();
    }
}

#[test]
fn every_item_once_and_in_order() {
    const THREADS: usize = 4;
    const EACH: u32 = if cfg!(debug_assertions) { 20_000 } else { 200_000 };
    let (queue, received) = (ClaimQueue::new(), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for who in 0..THREADS {
            let (queue, received) = (&queue, &received);
            scope.spawn(move || {
                for n in 0..EACH {
                    let claim = match queue.claim() {
                        Some(mut claim) => {
                            claim.push_local((who, n));
                            Some(claim)
                        }
                        None => queue.push((who, n)),
                    };
                    // Now and then a claim is dropped, as when a thread panics.
                    if let Some(claim) = claim
                        && n % 100 != 7
                    {
                        drain(claim, received);
                    }
                }
            });
        }
    });
    if let Some(claim) = queue.claim() {
        drain(claim, &received);
    }
    let received = received.into_inner().unwrap();
    assert_eq!(received.len(), THREADS * EACH as usize);
    for who in 0..THREADS {
        let of = received.iter().filter(|item| item.0 == who).map(|item| item.1);
        assert!(of.eq(0..EACH), "items of thread {who} were lost or reordered");
    }
}

#[test]
fn one_thread_has_it() {
    let queue = ClaimQueue::new();
    let mut claim = queue.claim().unwrap();
    assert!(queue.claim().is_none());
    claim.push_local(1);
    assert!(queue.push(2).is_none());
    claim.push_local(3);
    assert_eq!([claim.pop(), claim.pop(), claim.pop()], [Some(1), Some(3), Some(2)]);
    assert_eq!(claim.pop(), None);
    assert!(queue.push(4).is_none());
    let mut claim = claim.release().expect("an item came in");
    assert_eq!(claim.pop(), Some(4));
    assert!(claim.release().is_none());
    let mut claim = queue.push(5).expect("nobody consumes");
    claim.push_local(6);
    drop(claim);
    let mut claim = queue.claim().unwrap();
    claim.push_local(7);
    assert_eq!([claim.pop(), claim.pop(), claim.pop()], [Some(5), Some(6), Some(7)]);
}
