//! Sockeye's windows against those recorded of Linux 6.18, over the same paths: the mean window and the
//! goodput of each phase of a minute agree within five percent, but for what [`APART`] explains.
// chapter: A5

use interop::path::PROFILES;
use interop::series::{PHASES, STEP, Series, differs};

fn recorded(name: &str) -> Series {
    let path = format!("{}/recorded/{name}.tsv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    Series::from_text(&text).expect("a recorded series")
}

/// Where windows differ by more, by how many percent at most, and why.
const APART: &[(&str, u64, f64, &str)] = &[
    (
        "reordering-cubic",
        6_000,
        25.0,
        "the last packet of an overflow is on the other side of the recovery's end",
    ),
    (
        "bufferbloat-bbr",
        6_000,
        8.0,
        "the host's timers bring ACKs together, and BBR's window is larger for it",
    ),
    ("bufferbloat-bbr", 20_000, 8.0, "the same"),
    ("clean-bbr", 20_000, 8.0, "the same"),
    ("reordering-bbr", 20_000, 8.0, "the same"),
];

fn agree(cc: &str) {
    let mut apart = Vec::new();
    for profile in PROFILES {
        let name = format!("{}-{cc}", profile.name);
        let (linux, ours) = (recorded(&name), interop::ours::trajectory(profile, cc, 1));
        for &(from, until) in PHASES {
            let (l, o) = (linux.phase(from, until - STEP), ours.phase(from, until - STEP));
            for (what, ours, linux) in [("cwnd", o.cwnd, l.cwnd), ("Mbit/s", o.mbit, l.mbit)] {
                let known = APART.iter().find(|known| (known.0, known.1) == (&*name, from) && what == "cwnd");
                if differs(ours, linux).abs() > known.map_or(5.0, |known| known.2) {
                    apart.push(format!("{name} {from}..{until} {what}: {ours:.2}, Linux {linux:.2}"));
                }
            }
        }
    }
    assert!(apart.is_empty(), "{}", apart.join("\n"));
}

#[test]
fn reno_goes_as_on_linux() {
    agree("reno");
}

#[test]
fn cubic_goes_as_on_linux() {
    agree("cubic");
}

#[test]
fn bbr_goes_as_on_linux() {
    agree("bbr");
}
