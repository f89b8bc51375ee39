//! A child that ends: by itself, or killed with everything it started when its time is up.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// The variable by which processes of a run are recognised, whatever session they moved to.
const MARK: &str = "CONFORMANCE_RUN";

/// How a child ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself, with this status.
    Exited(ExitStatus),
    /// It was killed when its time was up.
    TimedOut,
}

/// Something that looks at a running child from time to time.
pub trait Watched {
    /// Looks at the child with this process id.
    fn look(&mut self, pid: u32);
}

impl Watched for () {
    fn look(&mut self, _: u32) {}
}

/// Runs a command in a process group of its own until it ends or the time is up.
pub(crate) fn run(command: &mut Command, limit: Duration, watcher: &mut dyn Watched) -> Ended {
    let start = Instant::now();
    let mark = format!("{}-{:?}", std::process::id(), start);
    let mut child = command
        .env(MARK, &mark)
        .process_group(0)
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
    let ended = loop {
        if let Some(status) = child.try_wait().expect("wait for the child") {
            break Ended::Exited(status);
        }
        if start.elapsed() > limit {
            break Ended::TimedOut;
        }
        watcher.look(child.id());
        thread::sleep(Duration::from_millis(10));
    };
    if matches!(ended, Ended::TimedOut) {
        let group = Pid::from_raw(child.id().cast_signed()).expect("a child has an id");
        // The group may be gone already; what matters is the wait below.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = child.kill();
        let _ = child.wait();
    }
    for _ in 0..20 {
        let left = marked(&mark);
        for pid in &left {
            let _ = kill_process(*pid, Signal::KILL);
        }
        if left.is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    ended
}

/// The living processes that carry a mark.
fn marked(mark: &str) -> Vec<Pid> {
    let entry = format!("{MARK}={mark}");
    let Ok(list) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    list.filter_map(|e| e.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|&b| b == 0).any(|v| v == entry.as_bytes())
        })
        .filter_map(Pid::from_raw)
        .collect()
}
