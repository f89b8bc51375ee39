//! `cargo xtask diff`: asks both kernels, prints what differs, and ends with a count of it.

#![forbid(unsafe_code)]

use differential::creation::Creation;
use differential::recorded::{Recorder, Recording};
use differential::report::Tally;
use differential::sweep::{Against, Sweep, compare};
use std::process::ExitCode;
use std::time::Instant;

/// One row for each part: its name, its help line and its function.
struct Part {
    name: &'static str,
    help: &'static str,
    run: fn(&Options, &mut Tally) -> Result<(), String>,
}

const PARTS: &[Part] = &[Part {
    name: Creation::NAME,
    help: "every family, type, flag and protocol, as everybody",
    run: |options, tally| sweep(&Creation { whole: !options.quick }, options, tally),
}];

/// What the command line says.
#[derive(Default)]
struct Options {
    parts: Vec<String>,
    quick: bool,
    record: bool,
    recorded: bool,
}

const USAGE: &str = "usage: cargo xtask diff [PART…] [--quick] [--recorded] [--record]
  --quick     what the tests ask every day
  --recorded  compare with recorded answers, as where no network namespace can be made
  --record    write the host's answers down (of what --quick asks)";

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--quick" => options.quick = true,
            "--recorded" => (options.quick, options.recorded) = (true, true),
            "--record" => (options.quick, options.record) = (true, true),
            part if PARTS.iter().any(|p| p.name == part) => options.parts.push(arg),
            other => return Err(format!("what is {other}?")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            PARTS.iter().for_each(|part| eprintln!("  {:<12} {}", part.name, part.help));
            return ExitCode::from(2);
        }
    };
    let mut tally = Tally::new();
    for part in PARTS.iter().filter(|p| options.parts.is_empty() || options.parts.iter().any(|n| n == p.name))
    {
        let (start, before) = (Instant::now(), tally.compared);
        if let Err(why) = (part.run)(&options, &mut tally) {
            eprintln!("{}: {why}", part.name);
            return ExitCode::FAILURE;
        }
        let seconds = start.elapsed().as_secs_f64();
        eprintln!("{}: {} compared in {seconds:.1} s", part.name, tally.compared - before);
        let stale = tally.idle(&format!("{}:", part.name));
        stale.iter().for_each(|pattern| println!("explains nothing any more: {pattern}"));
    }
    tally.differences.iter().for_each(|difference| println!("{difference}"));
    println!("{tally}");
    if tally.differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compares a sweep with the host, or with its recording where the host cannot be asked.
fn sweep<S: Sweep>(sweep: &S, options: &Options, tally: &mut Tally) -> Result<(), String> {
    if options.record {
        let mut recorder = Recorder::default();
        if !compare(sweep, Against::HostRecording(&mut recorder), tally) {
            return Err("there is nothing to record".to_owned());
        }
        return recorder.write(S::NAME).map_err(|error| error.to_string());
    }
    if !options.recorded && compare(sweep, Against::Host, tally) {
        return Ok(());
    }
    let recording = Recording::read(S::NAME).ok_or("no recorded answers")?;
    println!("{}: compared with the recorded answers of {}", S::NAME, recording.release);
    compare(sweep, Against::Recording(&recording), tally);
    Ok(())
}
