//! The sockeye command: a thin dispatcher, one file a subcommand.

#![forbid(unsafe_code)]

mod bench;
mod doctor;

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
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Bench(args) => bench::main(&args),
        Command::Doctor(args) => doctor::main(&args),
    }
}
