//! The sockeye command: a thin dispatcher, one file a subcommand.

#![forbid(unsafe_code)]

mod bench;
mod doctor;
mod run;
mod trace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The Linux socket layer and its INET family, in user space.
#[derive(Debug, Parser)]
#[command(name = "sockeye", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure the stack in this process.
    Bench(bench::Args),
    /// Say whether this machine can run programs on Sockeye, and what to do if not.
    Doctor(doctor::Args),
    /// Run a program, and everything it starts, on Sockeye's sockets.
    Run(run::Args),
    /// Run a program as `run` does, and print its socket calls with what happened inside.
    Trace(trace::Args),
}

/// The status of a wrong command line: `run` keeps the small numbers for the program's own.
fn misused(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    let running = std::env::args_os().nth(1).is_some_and(|word| word == "run" || word == "trace");
    match (error.exit_code(), running) {
        (0, _) => ExitCode::SUCCESS,
        (_, true) => ExitCode::from(run::FAILED),
        (_, false) => ExitCode::from(2),
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    match cli.command {
        Command::Bench(args) => bench::main(&args),
        Command::Doctor(args) => doctor::main(&args),
        Command::Run(args) => run::main(args),
        Command::Trace(args) => trace::main(args),
    }
}
