//! Files of /proc/sys/net, on both kernels.

use differential::recorded::Recording;
use differential::report::Tally;
use differential::sweep::{Against, Sweep, compare};
use differential::sysctl::Sysctls;

/// What is absent is listed, and what is listed is absent.
// chapter: A9
#[test]
fn every_file() {
    let mut tally = Tally::new();
    if !compare(&Sysctls, Against::Host, &mut tally) {
        let recording = Recording::read(Sysctls::NAME).expect("a recording");
        compare(&Sysctls, Against::Recording(&recording), &mut tally);
    }
    tally.assert_same();
    assert_eq!(
        tally.idle("sysctl:"),
        Vec::<String>::new(),
        "rows of docs/DIVERGENCES.md that explain nothing"
    );
}

#[test]
fn recorded_answers_serve_as_well() {
    let recording = Recording::read(Sysctls::NAME).expect("a recording");
    let mut tally = Tally::new();
    assert!(compare(&Sysctls, Against::Recording(&recording), &mut tally));
    tally.assert_same();
}
