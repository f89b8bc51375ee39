//! Random programs of calls, on both kernels.

use differential::report::Tally;
use differential::sequences::{self, Sequences};

// chapter: A14 A7
#[test]
fn random_programs() {
    let mut tally = Tally::new();
    if sequences::compare(Sequences { count: 1500, seed: 1_000_000, most: 5, jobs: 1 }, &mut tally) {
        tally.assert_same();
    } else {
        eprintln!("not compared");
    }
}

/// Programs that once were answered differently, each with what was wrong.
#[test]
fn regressions() {
    let mut differ = Vec::new();
    for file in std::fs::read_dir(sequences::regressions()).expect("the directory is there") {
        let path = file.expect("it can be listed").path();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        if let Some(difference) = sequences::replay(&text) {
            differ.push(format!("{}: {difference}", path.display()));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
