//! A case: one script, run in several places, whose outputs must agree.

use crate::bounded::{self, Ended};
use crate::place::{self, Stack, User};
use crate::{HostReport, Scratch};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How many lines of a log a failure shows.
const LOG_TAIL: usize = 80;

/// A script of `programs/` and what it needs.
pub struct Case {
    script: &'static str,
    argument: Option<&'static str>,
    needs: &'static [&'static str],
    builds: Option<&'static str>,
    capture: Option<PathBuf>,
    limit: Duration,
}

/// What one run showed.
pub struct Shown {
    /// Its standard output.
    pub text: String,
    /// What the host saw, when the run had a namespace of its own.
    pub host: Option<HostReport>,
}

impl Case {
    /// The script `programs/SCRIPT`.
    #[must_use]
    pub fn new(script: &'static str) -> Self {
        Self {
            script,
            argument: None,
            needs: &[],
            builds: None,
            capture: None,
            limit: Duration::from_secs(60),
        }
    }

    /// An argument for the script.
    #[must_use]
    pub fn with(mut self, argument: &'static str) -> Self {
        self.argument = Some(argument);
        self
    }

    /// The programs without which the case cannot run.
    #[must_use]
    pub fn needs(mut self, programs: &'static [&'static str]) -> Self {
        self.needs = programs;
        self
    }

    /// A Go source of `programs/`, built as a static program before the runs; the script finds
    /// it as `$BUILT`.
    #[must_use]
    pub fn builds_go(mut self, source: &'static str) -> Self {
        self.builds = Some(source);
        self
    }

    /// Where a capture of the host's `lo` goes, taken while the case runs in a namespace.
    #[must_use]
    pub fn captured_to(mut self, file: &Path) -> Self {
        self.capture = Some(file.to_owned());
        self
    }

    /// The longest that one run may take.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs on the host's stack as each user: shows that the script itself is sound.
    ///
    /// # Panics
    /// When a run fails.
    pub fn natively(&self) {
        for user in [User::Root, User::Nobody] {
            if user.missing().is_none() {
                self.run(Stack::Host, user);
            }
        }
    }

    /// Runs on both stacks and compares what they showed.
    ///
    /// # Panics
    /// When a run fails, the outputs differ, or the host saw anything of Sockeye's run.
    pub fn compare(&self, user: User) {
        if let Some(why) = user.missing() {
            eprintln!("skipped: {why}");
            return;
        }
        let host = self.run(Stack::Host, user);
        let ours = self.run(Stack::Sockeye, user);
        assert!(
            host.text == ours.text,
            "{} as {user:?}: Sockeye differs from the host\n{}",
            self.name(),
            differences(&host.text, &ours.text)
        );
        if let Some(seen) = &ours.host {
            let leaks = seen.leaks().join(", ");
            assert!(leaks.is_empty(), "the host saw {leaks}");
        }
    }

    /// Runs once.
    ///
    /// # Panics
    /// When a program is missing, the time is up, or the script fails or says nothing.
    pub fn run(&self, stack: Stack, user: User) -> Shown {
        self.check_needs();
        let tools = Scratch::new("tools", 0);
        for entry in fs::read_dir(programs()).expect("the programs") {
            tools.take(&entry.expect("a program").path());
        }
        let scratch = Scratch::new("run", user.uid());
        let reports = Scratch::new("report", 0);
        let (out, err) = (reports.path().join("stdout"), reports.path().join("stderr"));
        let report = reports.path().join("host");
        let script = tools.path().join(self.script);

        let mut command = place::command(stack, user, &tools, &script);
        command.args(self.argument);
        command
            .env("PROGRAMS", tools.path())
            .env("SCRATCH", scratch.path())
            .env("HOME", scratch.path())
            .env("TMPDIR", scratch.path())
            .env("LC_ALL", "C")
            .env("ETC", Path::new(env!("CARGO_MANIFEST_DIR")).join("etc"))
            .env("HOST_REPORT", &report)
            .envs(self.capture.as_ref().map(|file| ("CAPTURE", file)))
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(File::create(&out).expect("a file for the output"))
            .stderr(File::create(&err).expect("a file for the log"));
        if let Some(source) = self.builds {
            command.env("BUILT", tools.take(&build_go(source)));
        }
        let mut host = HostReport::default();
        let ended = bounded::run(&mut command, self.limit, &mut host);
        host.finish(&report);

        let text = fs::read_to_string(&out).unwrap_or_default();
        let fine = matches!(&ended, Ended::Exited(status) if status.success());
        assert!(
            fine && text.ends_with("done\n"),
            "{} on {stack:?} as {user:?}: {}\n{}",
            self.name(),
            match ended {
                Ended::Exited(status) => status.to_string(),
                Ended::TimedOut => format!("not done after {:?}", self.limit),
            },
            logs(&[&out, &err], scratch.path())
        );
        println!("{} on {stack:?} as {user:?}:\n{text}", self.name());
        let host = place::can_isolate().then_some(host);
        Shown { text, host }
    }

    fn name(&self) -> &str {
        self.argument.unwrap_or(self.script)
    }

    fn check_needs(&self) {
        let lacking: Vec<_> = self.needs.iter().filter(|p| !on_path(p)).collect();
        assert!(lacking.is_empty(), "not installed: {lacking:?}; .ci/setup installs what the tests need");
    }
}

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

fn on_path(program: &str) -> bool {
    ["/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|dir| Path::new(dir).join(program).is_file())
}

/// Builds a static Go program once for a build of the tests; Go's own cache does the rest.
fn build_go(source: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let dir = test.ancestors().nth(2).expect("target/PROFILE").join("conformance");
    fs::create_dir_all(&dir).expect("a directory for built programs");
    // Tests run at the same time; each writes its own file, and renames are atomic.
    let name = source.trim_end_matches(".go");
    let own = dir.join(format!("{name}-{}", std::process::id()));
    let done = Command::new("go")
        .args(["build", "-o"])
        .arg(&own)
        .arg(programs().join(source))
        .env("CGO_ENABLED", "0")
        .env("GO111MODULE", "off")
        .env("GOCACHE", dir.join("go-cache"))
        .env("GOPATH", dir.join("go-path"))
        .output()
        .expect("go starts");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "go build {source}: {said}");
    let built = dir.join(name);
    fs::rename(&own, &built).expect("the built program");
    built
}

/// The last lines of the given files and of every log in a directory.
fn logs(files: &[&Path], dir: &Path) -> String {
    let mut list: Vec<PathBuf> = files.iter().map(|&f| f.to_owned()).collect();
    if let Ok(entries) = fs::read_dir(dir) {
        let found = entries.filter_map(|e| Some(e.ok()?.path()));
        list.extend(found.filter(|p| p.extension().is_some_and(|e| e == "log")));
    }
    let mut text = String::new();
    for file in list {
        let bytes = fs::read(&file).unwrap_or_default();
        let log = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = log.lines().collect();
        let name = file.file_name().unwrap_or_default().display();
        let _ = writeln!(text, "--- {name}");
        for line in &lines[lines.len().saturating_sub(LOG_TAIL)..] {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// The lines by which two texts differ, common head and tail left out.
fn differences(host: &str, ours: &str) -> String {
    let (a, b): (Vec<_>, Vec<_>) = (host.lines().collect(), ours.lines().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    let mut text = format!("after {head} equal lines\n");
    for line in &a[head..a.len() - tail] {
        let _ = writeln!(text, "host    {line}");
    }
    for line in &b[head..b.len() - tail] {
        let _ = writeln!(text, "sockeye {line}");
    }
    text
}
