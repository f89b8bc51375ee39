//! The host kernel, asked through a process of its own: its descriptors start at 3 as ours do, and nothing else opens any.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Host {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Host {
    /// `None` where there is no Python to ask with.
    pub(crate) fn start() -> Option<Host> {
        let mut child = Command::new("python3")
            .args(["-I", "-c", include_str!("host.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .inspect_err(|e| eprintln!("no host to compare with: {e}"))
            .ok()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take()?);
        Some(Host { child, input, output })
    }

    /// Run a sequence of calls, then close all it opened.
    pub(crate) fn run(&mut self, calls: &[String]) -> Vec<String> {
        if calls.is_empty() {
            return Vec::new();
        }
        let mut line = calls.join(";");
        line.push('\n');
        let input = self.input.as_mut().expect("the host's input is open until the end");
        input.write_all(line.as_bytes()).expect("the host listens");
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
