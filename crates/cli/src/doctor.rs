//! `sockeye doctor`: what the runner needs of this machine.

use ::run::doctor::{Check, Verdict, examine};
use serde::Serialize;
use std::process::ExitCode;

/// Options of `sockeye doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One JSON object a line, for machines.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    check: &'a str,
    verdict: &'a str,
    found: &'a str,
    remedy: Option<&'a str>,
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Limited => "limited",
        Verdict::Bad => "bad",
    }
}

fn show(check: &Check, json: bool) {
    if json {
        let line = Line {
            check: check.name,
            verdict: word(check.verdict),
            found: &check.found,
            remedy: check.remedy,
        };
        if let Ok(text) = serde_json::to_string(&line) {
            println!("{text}");
        }
        return;
    }
    println!("{:8} {}: {}", word(check.verdict), check.name, check.found);
    if let Some(remedy) = check.remedy {
        println!("         {remedy}");
    }
}

/// Print every check; fail if the runner cannot work.
pub(crate) fn main(args: &Args) -> ExitCode {
    let checks = examine();
    for check in &checks {
        show(check, args.json);
    }
    if checks.iter().any(|c| c.verdict == Verdict::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
