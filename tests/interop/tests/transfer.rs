//! Some megabytes between Sockeye and the host's kernel, where there is the right to a namespace.
// chapter: A5

use interop::transfer::{Case, Faults, Role, run};

const CASE: Case = Case {
    v6: false,
    role: Role::WeConnect,
    timestamps: true,
    sack: true,
    ecn: false,
    cc: "cubic",
    faults: Faults { lost: 0, late: 0, twice: 0 },
    bytes: 4 << 20,
};

fn transfer(case: Case) {
    if let Err(why) = run(&case) {
        eprintln!("no namespace to talk to the host's kernel in: {why}");
    }
}

#[test]
fn both_connect_and_listen_over_both_families() {
    for v6 in [false, true] {
        for role in [Role::WeConnect, Role::WeListen] {
            transfer(Case { v6, role, ..CASE });
        }
    }
}

#[test]
fn what_is_lost_or_late_or_comes_twice_is_made_good() {
    let faults = Faults { lost: 200, late: 130, twice: 311 };
    for (sack, timestamps) in [(true, true), (true, false), (false, true), (false, false)] {
        transfer(Case { faults, sack, timestamps, bytes: 2 << 20, ..CASE });
        transfer(Case { faults, sack, timestamps, bytes: 2 << 20, role: Role::WeListen, v6: true, ..CASE });
    }
}

#[test]
fn reno_and_bbr_and_ecn() {
    for cc in ["reno", "bbr"] {
        transfer(Case { cc, ecn: true, ..CASE });
        transfer(Case {
            cc,
            role: Role::WeListen,
            faults: Faults { lost: 500, ..Faults::default() },
            ..CASE
        });
    }
}
