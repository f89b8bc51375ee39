//! Connections drawn by lot, in virtual time: see `testkit::scenario`. `TESTKIT_SCENARIOS=10000` for ten
//! thousand, `TESTKIT_SCENARIO=SEED` for one.
// chapter: A5

use testkit::{knob, scenario};

/// An eighth of the seeds, so that the eighths run side by side.
fn eighth(of: u64) {
    let only = knob("TESTKIT_SCENARIO", u64::MAX);
    let (mut runs, mut whole, mut bytes) = (0u64, 0u64, 0);
    for seed in (0..knob("TESTKIT_SCENARIOS", 1600)).filter(|seed| seed % 8 == of) {
        if only != u64::MAX && only != seed {
            continue;
        }
        println!("scenario {seed}");
        let outcome = scenario::run(seed);
        if seed % 16 == of {
            assert_eq!(scenario::run(seed), outcome, "scenario {seed} is another the second time");
        }
        runs += 1;
        whole += u64::from(outcome.whole);
        bytes += outcome.bytes;
    }
    println!("{runs} scenarios, {whole} whole, {bytes} bytes");
    assert!(only != u64::MAX || (whole * 2 > runs && bytes > 0), "{whole} of {runs} whole");
}

macro_rules! eighths {
    ($($name:ident = $of:literal,)*) => {
        $(#[test]
        fn $name() {
            eighth($of);
        })*
    };
}

eighths! {
    scenarios_1 = 0,
    scenarios_2 = 1,
    scenarios_3 = 2,
    scenarios_4 = 3,
    scenarios_5 = 4,
    scenarios_6 = 5,
    scenarios_7 = 6,
    scenarios_8 = 7,
}
