//! How the windows of Linux's TCP and of Sockeye's go over the same paths.
//!
//! `trajectories [--record] [--docs DIR] [FILTER]`: asks the host's kernel where there is the right to
//! network namespaces, else takes what was recorded; `--record` keeps what the host answered, `--docs`
//! draws the plots and writes the table.

use interop::path::{PROFILES, Profile};
use interop::series::{PHASES, Phase, STEP, Series, differs};
use interop::{host, ours, plot};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is compared.
const CONTROLS: [&str; 3] = ["reno", "cubic", "bbr"];

/// What the document says before the numbers.
const INTRODUCTION: &str = "\
# Trajectories: Linux's TCP and Sockeye's on the same paths

A sender writes for a minute over a path with a bottleneck, and `TCP_INFO` is read ten times a second. Linux 6.18 runs between two network
namespaces joined by TUN devices and a thread that is the path, in real time; Sockeye runs over a wire with the same path, in virtual time. Losses
and delays go by the number of a packet, so no dice are thrown. The host's series are recorded in `tests/interop/recorded`; this page is made by
`cargo xtask trajectories --recorded --docs docs/trajectories`, and `tests/interop/tests/trajectory.rs` holds Sockeye to them.

What differs by more than five percent:

- CUBIC on the path that reorders, 6 to 20 s: the two are within a segment of each other until the queue overflows at 10.5 s. Which packet of that
  overflow is the last decides whether a second reduction follows, and there they part.
- BBR's window: Linux's adds what ACKs bring together (`extra_acked`), and the timers of a loaded host bring more together than those of a virtual
  world. The host's own runs differ by a fifth among each other when it is busy. Goodput does not differ.
";

struct Args {
    record: bool,
    recorded: bool,
    docs: Option<PathBuf>,
    filter: String,
}

fn args() -> Args {
    let mut args = Args { record: false, recorded: false, docs: None, filter: String::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--record" => args.record = true,
            "--recorded" => args.recorded = true,
            "--docs" => args.docs = words.next().map(PathBuf::from),
            _ => args.filter = word,
        }
    }
    args
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded").join(format!("{name}.tsv"))
}

/// The host's series: asked now, or recorded.
fn linux(profile: &Profile, cc: &str, args: &Args) -> Option<Series> {
    let name = format!("{}-{cc}", profile.name);
    if !args.recorded {
        match host::trajectory::trajectory(profile, cc) {
            Ok(series) => {
                if args.record {
                    std::fs::write(file(&name), series.to_text()).expect("the tree can be written");
                }
                return Some(series);
            }
            Err(why) => eprintln!("{name}: the host cannot be asked ({why}); the recorded series is taken"),
        }
    }
    Series::from_text(&std::fs::read_to_string(file(&name)).ok()?)
}

fn main() -> ExitCode {
    let args = args();
    let mut table = String::from(
        "| path | control | phase, s | cwnd Linux | Sockeye | | Mbit/s Linux | Sockeye | | srtt Linux, ms | Sockeye |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut apart = 0;
    for profile in PROFILES {
        for cc in CONTROLS {
            let name = format!("{}-{cc}", profile.name);
            if !name.contains(&args.filter) {
                continue;
            }
            let Some(linux) = linux(profile, cc, &args) else { continue };
            let ours = ours::trajectory(profile, cc, 1);
            for &(from, until) in PHASES {
                let (l, o) = (linux.phase(from, until - STEP), ours.phase(from, until - STEP));
                let (cwnd, mbit) = (differs(o.cwnd, l.cwnd), differs(o.mbit, l.mbit));
                apart += usize::from(cwnd.abs() > 5.0 || mbit.abs() > 5.0);
                row(&mut table, profile.name, cc, (&l, &o), (cwnd, mbit));
            }
            if let Some(docs) = &args.docs {
                let title = format!("{}: {} ({cc})", profile.name, profile.about);
                std::fs::write(docs.join(format!("{name}.svg")), plot::svg(&title, &linux, &ours))
                    .expect("the directory can be written");
            }
        }
    }
    println!("{table}\n{apart} phases differ by more than 5 %");
    if let Some(docs) = &args.docs {
        let pictures: String = PROFILES
            .iter()
            .flat_map(|profile| CONTROLS.map(|cc| format!("![{0}, {cc}]({0}-{cc}.svg)\n", profile.name)))
            .collect();
        let text = format!("{INTRODUCTION}\n{table}\n{pictures}");
        std::fs::write(docs.join("README.md"), text).expect("the directory can be written");
    }
    ExitCode::SUCCESS
}

fn row(table: &mut String, path: &str, cc: &str, (l, o): (&Phase, &Phase), (cwnd, mbit): (f64, f64)) {
    let (from, until) = (l.from / 1000, (l.until + STEP) / 1000);
    let _ = writeln!(
        table,
        "| {path} | {cc} | {from}–{until} | {:.1} | {:.1} | {cwnd:+.1} % | {:.2} | {:.2} | {mbit:+.1} % | {:.1} | {:.1} |",
        l.cwnd, o.cwnd, l.mbit, o.mbit, l.srtt_ms, o.srtt_ms
    );
}
