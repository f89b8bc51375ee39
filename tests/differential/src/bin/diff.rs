//! `cargo xtask diff`: asks both kernels, prints what differs, and ends with a count of it.

#![forbid(unsafe_code)]

use differential::Ours;
use differential::creation::Creation;
use differential::filters::Filters;
use differential::memory::Memory;
use differential::options::Options as SocketOptions;
use differential::recorded::{Recorder, Recording};
use differential::report::Tally;
use differential::script;
use differential::sequences::{self, Sequences};
use differential::sweep::{Against, Sweep, compare};
use differential::sysctl::{self, Sysctls};
use std::process::ExitCode;
use std::time::Instant;

/// One row for each part: its name, its help line and its function.
struct Part {
    name: &'static str,
    help: &'static str,
    run: fn(&Options, &mut Tally) -> Result<(), String>,
}

const PARTS: &[Part] = &[
    Part {
        name: Creation::NAME,
        help: "every family, type, flag and protocol, as everybody",
        run: |options, tally| sweep(&Creation { whole: !options.quick }, options, tally),
    },
    Part {
        name: SocketOptions::NAME,
        help: "every option of every level on every kind of socket in every state",
        run: |options, tally| sweep(&SocketOptions { whole: !options.quick }, options, tally),
    },
    Part {
        name: Filters::NAME,
        help: "random classic BPF programs, and what they leave of packets [--count N]",
        run: |options, tally| {
            let count = if options.quick { 300 } else { options.count };
            sweep(&Filters { count }, options, tally)
        },
    },
    Part {
        name: Memory::NAME,
        help: "how much fits into buffers, and what is charged for it",
        run: |options, tally| sweep(&Memory { whole: !options.quick, tcp: true }, options, tally),
    },
    Part {
        name: Sysctls::NAME,
        help: "every file of /proc/sys/net: its mode and default, reads, writes good and bad",
        run: |options, tally| {
            let unknown = sysctl::unknown().map_err(|error| error.to_string())?;
            unknown.iter().for_each(|path| println!("not among the files that are asked for: {path}"));
            sweep(&Sysctls, options, tally)
        },
    },
    Part {
        name: "sequences",
        help: "random programs on several sockets, by two tasks [--count N --seed S --most M --jobs J]",
        run: |options, tally| {
            let Options { count, seed, most, jobs, .. } = *options;
            match sequences::compare(Sequences { count, seed, most, jobs }, tally) {
                true => Ok(()),
                false => Err("nothing is recorded of sequences: they need a host to ask".to_owned()),
            }
        },
    },
];

/// What the command line says.
struct Options {
    parts: Vec<String>,
    quick: bool,
    record: bool,
    recorded: bool,
    count: u64,
    seed: u64,
    most: usize,
    jobs: usize,
}

const USAGE: &str =
    "usage: cargo xtask diff [PART…] [--quick] [--recorded] [--record] [--count N] [--seed S] [--most M] [--jobs J]
       cargo xtask diff script FILE    both kernels' answers to each line
  --quick     what the tests ask every day
  --recorded  compare with recorded answers, as where no network namespace can be made
  --count, --seed, --most  how many sequences, from which seed on, and after how many differences to stop
  --jobs      how many sequences at a time
  --record    write the host's answers down (of what --quick asks)";

fn options() -> Result<Options, String> {
    let mut options = Options {
        parts: Vec::new(),
        quick: false,
        record: false,
        recorded: false,
        count: 10_000,
        seed: 1,
        most: 20,
        jobs: 1,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || -> Result<u64, String> {
            let word = args.next().unwrap_or_default();
            word.parse().map_err(|_| format!("{arg} wants a number"))
        };
        match arg.as_str() {
            "--count" => options.count = number()?,
            "--seed" => options.seed = number()?,
            "--jobs" => options.jobs = number()? as usize,
            "--most" => options.most = number()? as usize,
            "--quick" => options.quick = true,
            "--recorded" => (options.quick, options.recorded) = (true, true),
            "--record" => (options.quick, options.record) = (true, true),
            part if PARTS.iter().any(|p| p.name == part) => options.parts.push(arg),
            other => return Err(format!("what is {other}?")),
        }
    }
    Ok(options)
}

/// Shows what both kernels answer to each line of a script: for people who write one.
fn show(path: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let lines = script::lines(&text);
    let linux = script::on_host(&lines).ok_or("no host to ask")?;
    let sockeye = script::run(&Ours::new(), &lines);
    for ((line, linux), sockeye) in lines.iter().zip(&linux).zip(&sockeye) {
        println!("{} {line:45} {linux:40} {sockeye}", if linux == sockeye { ' ' } else { '!' });
    }
    Ok(())
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [command, path] = words.as_slice()
        && command == "script"
    {
        return match show(path) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
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
        let stale = if options.quick { Vec::new() } else { tally.idle(&format!("{}:", part.name)) };
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
