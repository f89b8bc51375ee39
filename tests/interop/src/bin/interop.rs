//! Checked bytes between Sockeye and the host's kernel: `interop [--gigabytes N | --megabytes N] [FILTER]`,
//! so many each way at the same time, for each case; `interop --programs`: curl and nginx.

use interop::transfer::{Case, Faults, Role, run};
use std::process::ExitCode;

/// The cases: every choice of family and role, and of options, with something that goes wrong.
fn cases(bytes: u64) -> Vec<(String, Case)> {
    const FAULTS: [(&str, Faults); 3] = [
        ("clean", Faults { lost: 0, late: 0, twice: 0 }),
        ("loss", Faults { lost: 1000, late: 0, twice: 1777 }),
        ("reordering", Faults { lost: 0, late: 300, twice: 0 }),
    ];
    let mut all = Vec::new();
    for (i, (v6, role)) in
        [(false, Role::WeConnect), (false, Role::WeListen), (true, Role::WeConnect), (true, Role::WeListen)]
            .into_iter()
            .enumerate()
    {
        for (j, (what, faults)) in FAULTS.into_iter().enumerate() {
            for (timestamps, sack) in [(true, true), (false, true), (true, false), (false, false)] {
                // Each congestion control meets each kind of path.
                let cc = ["cubic", "bbr", "reno"][(i + j) % 3];
                let case = Case { v6, role, timestamps, sack, ecn: i % 2 == 1, cc, faults, bytes };
                let on = |on| if on { "" } else { "no-" };
                let name = format!(
                    "{what} ipv{} {} {}timestamps {}sack {cc}",
                    if v6 { 6 } else { 4 },
                    if role == Role::WeConnect { "connect" } else { "listen" },
                    on(timestamps),
                    on(sack)
                );
                all.push((name, case));
            }
        }
    }
    all
}

fn run_programs() -> ExitCode {
    let outcomes = match interop::programs::run() {
        Ok(outcomes) => outcomes,
        Err(why) => {
            eprintln!("there is no host to talk to: {why}");
            return ExitCode::FAILURE;
        }
    };
    let mut code = ExitCode::SUCCESS;
    for (name, outcome) in outcomes {
        match outcome {
            Ok(()) => println!("{name}: 8 MiB, every byte right"),
            Err(why) => {
                println!("{name}: {why}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn main() -> ExitCode {
    let (mut bytes, mut filter, mut programs) = (64 << 20, String::new(), false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(1);
        match word.as_str() {
            "--programs" => programs = true,
            "--gigabytes" => bytes = number() << 30,
            "--megabytes" => bytes = number() << 20,
            _ => filter = word,
        }
    }
    if programs {
        return run_programs();
    }
    for (name, case) in cases(bytes) {
        if !name.contains(&filter) {
            continue;
        }
        match run(&case) {
            Ok(outcome) => println!(
                "{name}: {} MiB each way in {:.1} s, {:.0} Mbit/s each; ours: {} retransmitted, rtt {} µs, cwnd {}; host: {}, {} µs, {}",
                bytes >> 20,
                outcome.seconds,
                bytes as f64 * 8.0 / 1e6 / outcome.seconds,
                outcome.ours.total_retrans,
                outcome.ours.rtt,
                outcome.ours.snd_cwnd,
                outcome.host.total_retrans,
                outcome.host.rtt,
                outcome.host.snd_cwnd,
            ),
            Err(why) => {
                eprintln!("{name}: there is no host to talk to: {why}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
