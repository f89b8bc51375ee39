//! The project's own checks: `cargo xtask COMMAND`.
//!
//! - `layers` holds the walls between the rooms ([`rules`] is the table it reads);
//! - `chapters` ties each row of `docs/CHAPTERS.md` to the tests that show it;
//! - `diff` asks the host's kernel and Sockeye the same and prints what differs (tests/differential);
//! - `packetdrill` runs packet scripts on the stack;
//! - `trajectories` compares how windows go with the host's kernel, `interop` sends bytes to and from it;
//! - `ci` runs everything a change must pass, and is what `.ci/run` calls.

#![forbid(unsafe_code)]

mod chapters;
mod ci;
mod layers;
mod rules;
mod source;
mod tree;

use std::process::ExitCode;

/// One row for each command: its name, its help line and its function.
struct Command {
    name: &'static str,
    help: &'static str,
    run: fn(&tree::Tree, &[String]) -> Result<(), String>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "layers",
        help: "check the walls between the rooms, unsafe code, file lengths and forbidden names [--lengths: list every file]",
        run: layers::run,
    },
    Command {
        name: "chapters",
        help: "print the rows of docs/CHAPTERS.md with their tests; fail when a row has none",
        run: chapters::run,
    },
    Command {
        name: "diff",
        help: "the same operations on the host's kernel and on Sockeye: what differs [PART… --quick --recorded --record]",
        run: diff,
    },
    Command {
        name: "packetdrill",
        help: "run packet scripts: --suite DIR [--filter TEXT] [--ip VERSION] [--json]",
        run: packetdrill,
    },
    Command {
        name: "trajectories",
        help: "how congestion windows go, the host's and Sockeye's, on the same paths [FILTER --recorded --record --docs DIR]",
        run: trajectories,
    },
    Command {
        name: "interop",
        help: "checked bytes between Sockeye and the host's kernel over TUN [FILTER --megabytes N --gigabytes N --programs]",
        run: interop,
    },
    Command {
        name: "ci",
        help: "everything a change must pass: setup, fmt, clippy, layers, chapters, tests, doc tests, deny [STEP…: only these]",
        run: ci::run,
    },
];

/// The comparison is a program of its own, so that the other commands need not wait for the stack to be built.
fn diff(tree: &tree::Tree, args: &[String]) -> Result<(), String> {
    if program(tree, "differential", "diff", args)? { Ok(()) } else { Err("the kernels differ".to_owned()) }
}

/// The interpreter is one too. A relative path is the caller's, wherever the program is run.
fn packetdrill(tree: &tree::Tree, args: &[String]) -> Result<(), String> {
    let mut args = args.to_vec();
    if let Some(at) = args.iter().position(|arg| arg == "--suite")
        && let Some(suite) = args.get_mut(at + 1)
    {
        let whole = std::path::absolute(&suite).map_err(|e| format!("{suite}: {e}"))?;
        *suite = whole.to_string_lossy().into_owned();
    }
    if program(tree, "pktscript", "packetdrill", &args)? {
        Ok(())
    } else {
        Err("not all scripts passed".to_owned())
    }
}

/// Where the host gives no right to a namespace, what was recorded of it serves.
fn trajectories(tree: &tree::Tree, args: &[String]) -> Result<(), String> {
    if program(tree, "interop", "trajectories", args)? { Ok(()) } else { Err("they differ".to_owned()) }
}

fn interop(tree: &tree::Tree, args: &[String]) -> Result<(), String> {
    if program(tree, "interop", "interop", args)? { Ok(()) } else { Err("not all could be sent".to_owned()) }
}

fn program(tree: &tree::Tree, package: &str, name: &str, args: &[String]) -> Result<bool, String> {
    let mut cargo = std::process::Command::new(tree::cargo());
    cargo.args(["run", "--quiet", "--package", package, "--bin", name, "--"]);
    let status = cargo.args(args).current_dir(&tree.root).status().map_err(|e| format!("cargo: {e}"))?;
    Ok(status.success())
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let Some(command) = COMMANDS.iter().find(|c| c.name == name) else {
        eprintln!("usage: cargo xtask COMMAND");
        for c in COMMANDS {
            eprintln!("  {:<10} {}", c.name, c.help);
        }
        return ExitCode::from(2);
    };
    match tree::Tree::find().and_then(|tree| (command.run)(&tree, &rest)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask {name}: {why}");
            ExitCode::FAILURE
        }
    }
}
