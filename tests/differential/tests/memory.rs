//! What fits into buffers and what is charged for it, on both kernels.

use differential::memory::Memory;
use differential::recorded::Recording;
use differential::sweep::{Sweep, assert_same};
use differential::{Ours, Who};
use sockeye::Net;
use sockeye::kern::time::{Time, VirtualClock};
use std::sync::Arc;

// chapter: A8 A9
#[test]
fn as_much_fits_as_into_linux() {
    assert_same(&Memory { whole: false, tcp: false });
}

/// Compared with what Linux answered when it had time: in virtual time ours has all that it wants.
#[test]
fn as_much_fits_into_streams() {
    let recording = Recording::read(Memory::NAME).expect("a recording");
    let clock = Arc::new(VirtualClock::new(Time::from_ms(1000)));
    let net = Net::builder().clock(clock).seed(1).build().unwrap();
    let (memory, ours) = (Memory { whole: false, tcp: true }, Ours::in_net(&net, Who::Root));
    let mut compared = 0;
    for question in &memory.questions(Who::Root) {
        let text = memory.text(question);
        let linux = recording.answers(&format!("{} {text}", Who::Root.name()));
        if !text.starts_with("tcp") {
            continue;
        }
        assert_eq!(memory.ask(&ours, question), linux, "{text}");
        compared += linux.len();
    }
    assert!(compared > 100, "{compared} compared");
}
