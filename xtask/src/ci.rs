//! `ci`: every check a change must pass, one row a step.

use crate::tree::{Tree, cargo};
use crate::{chapters, layers};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a step does.
enum Act {
    /// A cargo command.
    Cargo(&'static [&'static str]),
    /// A check of our own.
    Own(fn(&Tree, &[String]) -> Result<(), String>),
}

struct Step {
    name: &'static str,
    act: Act,
}

const fn cargo_step(name: &'static str, args: &'static [&'static str]) -> Step {
    let act = Act::Cargo(args);
    Step { name, act }
}

const fn own_step(name: &'static str, run: fn(&Tree, &[String]) -> Result<(), String>) -> Step {
    let act = Act::Own(run);
    Step { name, act }
}

/// Setup and cheap steps come first. Programs and tests are built in one step, so that both are of
/// one profile and one choice of features; the conformance tests run the programs.
const STEPS: &[Step] = &[
    own_step("setup", setup),
    cargo_step("fmt", &["fmt", "--all", "--check"]),
    own_step("layers", layers::run),
    own_step("chapters", chapters::run),
    cargo_step("clippy", &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    cargo_step("build", &["build", "--locked", "--workspace", "--lib", "--bins", "--tests", "--examples"]),
    cargo_step("test", &["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]),
    cargo_step("doctest", &["test", "--locked", "--workspace", "--doc", "--quiet"]),
    own_step("models", models),
    cargo_step("deny", &["deny", "--locked", "check", "bans", "licenses", "sources"]),
    own_step("advisories", advisories),
];

/// The rooms whose locks and queues have models, run under `--cfg sk_loom`.
const MODELS: &[&str] = &["sockeye-kern", "sockeye-vfs"];

pub(crate) fn run(tree: &Tree, args: &[String]) -> Result<(), String> {
    if let Some(odd) = args.iter().find(|a| !STEPS.iter().any(|s| s.name == **a)) {
        let names: Vec<_> = STEPS.iter().map(|s| s.name).collect();
        return Err(format!("no step {odd}; there are {}", names.join(", ")));
    }
    let mut report = Vec::new();
    let mut failed = Vec::new();
    for step in STEPS {
        if !args.is_empty() && !args.iter().any(|a| a == step.name) {
            continue;
        }
        println!("\n== {}", step.name);
        let start = Instant::now();
        let result = match step.act {
            Act::Cargo(args) => cargo_run(&mut cargo_command(tree, args)),
            Act::Own(run) => run(tree, &[]),
        };
        let mark = if result.is_ok() { "ok" } else { "FAILED" };
        let seconds = start.elapsed().as_secs_f32();
        report.push(format!("{:<11} {mark:<7} {seconds:>6.1} s", step.name));
        if let Err(why) = result {
            eprintln!("{}: {why}", step.name);
            failed.push(step.name);
        }
    }
    println!("\n{}", report.join("\n"));
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn cargo_command(tree: &Tree, args: &[&str]) -> Command {
    let mut command = Command::new(cargo());
    command.args(args).current_dir(&tree.root);
    // The conformance tests need not build what the step before them built.
    command.env("SOCKEYE_BIN", target_dir(tree).join("debug/sockeye"));
    command
}

fn target_dir(tree: &Tree) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    tree.root.join(target)
}

fn cargo_run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("cargo: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        let words: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        Err(format!("cargo {}: {status}", words.join(" ")))
    }
}

/// Model checks: every interleaving of the locks and queues. They have a target directory of
/// their own, since the flag would make cargo build everything twice in turn.
fn models(tree: &Tree, _: &[String]) -> Result<(), String> {
    let mut command = cargo_command(tree, &["nextest", "run", "--locked", "--lib"]);
    for room in MODELS {
        command.args(["-p", room]);
    }
    command.arg("--target-dir").arg(target_dir(tree).join("models")).env("RUSTFLAGS", "--cfg sk_loom");
    cargo_run(&mut command)
}

/// Installs what the steps need, where that is missing.
fn setup(tree: &Tree, _: &[String]) -> Result<(), String> {
    let status = Command::new(tree.root.join(".ci/setup")).status().map_err(|e| format!(".ci/setup: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!(".ci/setup: {status}")) }
}

/// How long the advisory database may take to arrive.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// Known vulnerabilities. The database is a git repository on the network; where that cannot
/// be reached the step says so and passes, since the code under test has not changed.
fn advisories(tree: &Tree, _: &[String]) -> Result<(), String> {
    let mut fetch = Command::new(cargo())
        .args(["deny", "fetch", "db"])
        .current_dir(&tree.root)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("cargo deny: {e}"))?;
    let start = Instant::now();
    let fetched = loop {
        match fetch.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status.success(),
            None if start.elapsed() > FETCH_LIMIT => {
                fetch.kill().map_err(|e| e.to_string())?;
                fetch.wait().map_err(|e| e.to_string())?;
                break false;
            }
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    if !fetched {
        println!("advisories: NOT CHECKED: the advisory database cannot be reached from here");
        return Ok(());
    }
    cargo_run(&mut cargo_command(tree, &["deny", "--locked", "check", "--disable-fetch", "advisories"]))
}
