//! The host's kernel, asked through a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A process in a network namespace of its own that makes the calls it is told.
pub struct Host {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Host {
    /// `None`, with a line that says why, where there is no Python or no right to make a namespace.
    pub fn start() -> Option<Host> {
        let mut child = Command::new("python3")
            .args(["-I", "-c", include_str!("host.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .inspect_err(|error| eprintln!("no host to compare with: python3: {error}"))
            .ok()?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take()?);
        let mut ready = String::new();
        output.read_line(&mut ready).ok()?;
        if ready.trim() != "ready" {
            eprintln!("no host to compare with: {}", ready.trim());
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        Some(Host { child, input, output })
    }

    /// Runs a program, then closes all it opened.
    pub fn run(&mut self, program: &[String]) -> Vec<String> {
        if program.is_empty() {
            return Vec::new();
        }
        let Some(input) = self.input.as_mut() else { return Vec::new() };
        writeln!(input, "{}", program.join(";")).expect("the host listens");
        input.flush().expect("the host listens");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("the host answers");
        answer.trim_end().split(';').map(str::to_owned).collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.input.take();
        let _ = self.child.wait();
    }
}
