//! A place that is filled once: of two who fill it one does, and who finds it full sees all of it.

use super::check;
use crate::sync::SetOnce;
use loom::thread;
use std::sync::Arc;

#[test]
fn filled_by_one_and_seen_whole() {
    check(3, &[], || {
        let place = Arc::new(SetOnce::new());
        let others: Vec<_> = (0..2)
            .map(|i| {
                let place = place.clone();
                thread::spawn(move || place.set(Box::new(i)).is_ok())
            })
            .collect();
        let early = place.get().map(|value| **value);
        let filled = others.into_iter().map(|thread| thread.join().unwrap()).filter(|&filled| filled).count();
        assert_eq!(filled, 1);
        let late = **place.get().unwrap();
        assert!(early.is_none_or(|early| early == late));
    });
}
