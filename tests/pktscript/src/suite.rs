//! Suites: all scripts under a directory, each over every IP it is for.

use crate::parse::parse;
use crate::run::{Failure, Stop, run};
use crate::settings::{IpVersion, Settings};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How long a script may take on the wall's clock.
const LIMIT: Duration = Duration::from_secs(30);

/// How a script went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it says.
    Passed,
    /// Otherwise.
    Failed(Failure),
    /// It needs what is not there.
    Unsupported(Failure),
}

/// A script over one IP.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its path below the suite's.
    pub name: String,
    /// The IP; none if the script is none.
    pub ip: Option<IpVersion>,
    /// How it went.
    pub outcome: Outcome,
}

impl Case {
    /// One line that says what went wrong, if something did.
    pub fn line(&self) -> Option<String> {
        let (kind, failure) = match &self.outcome {
            Outcome::Passed => return None,
            Outcome::Failed(failure) => ("FAIL", failure),
            Outcome::Unsupported(failure) => ("UNSUPPORTED", failure),
        };
        let ip = self.ip.map_or("", IpVersion::name);
        let one = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (name, line) = (&self.name, failure.line);
        Some(format!(
            "{kind} {name} [{ip}]:{line}: expected {}; got {}",
            one(&failure.expected),
            one(&failure.got)
        ))
    }
}

/// The scripts under a path, sorted.
///
/// # Errors
/// When it cannot be read.
pub fn scripts(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut dirs = vec![path.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|ext| ext == "pkt") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Runs one script over every IP it is for, or only over `only`. `strict` as [`Settings::strict_end`].
pub fn run_script(root: &Path, path: &Path, only: Option<IpVersion>, strict: bool) -> Vec<Case> {
    let name = path.strip_prefix(root).ok().filter(|name| !name.as_os_str().is_empty()).unwrap_or(path);
    let name = name.display().to_string();
    let failed = |ip, line, expected: &str, got: String| Case {
        name: name.clone(),
        ip,
        outcome: Outcome::Failed(Failure { line, expected: expected.into(), got }),
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return vec![failed(None, 0, "a script", error.to_string())],
    };
    let script = match parse(&text, &Settings::new(IpVersion::V4).defines) {
        Ok(script) => script,
        Err(error) => return vec![failed(None, error.line, "a script", error.what)],
    };
    let versions = Settings::versions(&script, &name);
    let wanted = versions.into_iter().filter(|ip| only.is_none_or(|only| only == *ip));
    wanted
        .map(|ip| Case { name: name.clone(), ip: Some(ip), outcome: case(&text, path, ip, strict) })
        .collect()
}

/// Runs a script over one IP, on a thread of its own: it may panic, or never end.
fn case(text: &str, path: &Path, ip: IpVersion, strict: bool) -> Outcome {
    let settings = Settings { strict_end: strict, ..Settings::new(ip) };
    let script = match parse(text, &settings.defines) {
        Ok(script) => script,
        Err(error) => {
            return Outcome::Failed(Failure {
                line: error.line,
                expected: "a script".into(),
                got: error.what,
            });
        }
    };
    let dir = path.parent().unwrap_or(Path::new(".")).to_owned();
    let (tx, rx) = channel();
    let thread = std::thread::Builder::new().name("script".into()).spawn(move || {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&script, settings, &dir)));
        let outcome = caught.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Stop::fail(0, "no panic", text.unwrap_or_else(|| "a panic".into())))
        });
        // Nobody listens any more when it took too long.
        let _ = tx.send(outcome);
    });
    let end = |got: &str| Outcome::Failed(Failure { line: 0, expected: "an end".into(), got: got.into() });
    match thread {
        Err(_) => end("no thread"),
        Ok(_) => match rx.recv_timeout(LIMIT) {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(Stop::Failed(failure))) => Outcome::Failed(failure),
            Ok(Err(Stop::Unsupported(failure))) => Outcome::Unsupported(failure),
            Err(RecvTimeoutError::Timeout) => end("none within 30 seconds"),
            Err(RecvTimeoutError::Disconnected) => end("a panic while it ended"),
        },
    }
}
