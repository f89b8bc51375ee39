//! Every socket there may be, made on both kernels.

use differential::creation::Creation;
use differential::recorded::Recording;
use differential::report::Tally;
use differential::sweep::{Against, assert_same, compare};

// chapter: A10 B1 B5
#[test]
fn every_family_type_and_protocol() {
    assert_same(&Creation { whole: false });
}

#[test]
fn recorded_answers_serve_as_well() {
    let recording = Recording::read("creation").expect("a recording");
    assert!(recording.release.starts_with("Linux 6.18"), "{}", recording.release);
    let mut tally = Tally::new();
    assert!(compare(&Creation { whole: false }, Against::Recording(&recording), &mut tally));
    tally.assert_same();
}
