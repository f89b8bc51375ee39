//! Commands of a script, each done by the stack's own knob. What is not known is never passed over:
//! the script is unsupported then.

mod commands;
mod words;

use crate::run::Run;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use words::{Item, split};

/// A shell of its own for each script.
#[derive(Default)]
pub(crate) struct Shell {
    dir: PathBuf,
    /// What `nstat` saw last.
    counters: HashMap<String, u64>,
    depth: usize,
    /// Another command stands by for the one at hand.
    may_fail: bool,
}

/// What a command printed, and its exit status.
pub(crate) struct Output {
    text: String,
    status: i32,
}

impl Output {
    fn status(status: i32) -> Output {
        Output { text: String::new(), status }
    }
}

/// One simple command.
#[derive(Default)]
pub(crate) struct Command {
    words: Vec<String>,
    /// Where its output goes, if not on.
    to: Option<String>,
}

impl Shell {
    /// For a script that lies in `dir`.
    pub(crate) fn new(dir: &Path) -> Shell {
        Shell { dir: dir.to_owned(), ..Shell::default() }
    }

    /// Runs commands; their exit status.
    ///
    /// # Errors
    /// With the command that is not known.
    pub(crate) fn run(&mut self, run: &mut Run, text: &str) -> Result<i32, String> {
        if self.depth > 4 {
            return Err("scripts that call each other".into());
        }
        self.depth += 1;
        let outcome = self.list(run, text);
        self.depth -= 1;
        outcome
    }

    fn list(&mut self, run: &mut Run, text: &str) -> Result<i32, String> {
        let mut status = 0;
        let mut skip = false;
        let mut pipeline: Vec<Command> = Vec::new();
        let mut command = Command::default();
        for item in split(text)?.into_iter().chain([Item::End]) {
            match item {
                Item::Word(word) => command.words.push(word),
                Item::Redirect(to) => command.to = Some(to),
                Item::Pipe => pipeline.push(std::mem::take(&mut command)),
                Item::End | Item::And | Item::Or => {
                    pipeline.push(std::mem::take(&mut command));
                    let all = std::mem::take(&mut pipeline);
                    // Whoever says what else to do knows that it may fail.
                    self.may_fail = item == Item::Or;
                    if !skip && all.iter().any(|command| !command.words.is_empty()) {
                        status = self.pipeline(run, &all)?;
                    }
                    skip = match item {
                        Item::And => status != 0,
                        Item::Or => status == 0,
                        _ => false,
                    };
                }
            }
        }
        Ok(status)
    }

    fn pipeline(&mut self, run: &mut Run, all: &[Command]) -> Result<i32, String> {
        let mut output = Output::status(0);
        for command in all {
            output = self.command(run, command, &output.text)?;
        }
        Ok(output.status)
    }

    /// A script that a command names, and that lies beside this one.
    fn script(&mut self, run: &mut Run, path: &str) -> Result<Output, String> {
        let file = self.dir.join(path);
        let text = std::fs::read_to_string(&file).map_err(|_| format!("command {path}"))?;
        self.run(run, &text).map(Output::status)
    }
}
