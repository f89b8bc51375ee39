//! Small programs behave under the runner as without it. Beneath is the host's own stack (`run-on-host`), so that what
//! differs is the runner's fault and not a stack's.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const RUNNER: &str = env!("CARGO_BIN_EXE_run-on-host");

/// Run to the end, but not for ever.
fn bounded(mut command: Command, limit: Duration) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let start = Instant::now();
    while child.try_wait().expect("wait").is_none() {
        if start.elapsed() > limit {
            let _ = child.kill();
            let out = child.wait_with_output().expect("output");
            panic!("still running after {limit:?}; so far:\n{}", String::from_utf8_lossy(&out.stdout));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("output")
}

fn runner(words: &[&str]) -> Output {
    let mut command = Command::new(RUNNER);
    command.args(words);
    bounded(command, Duration::from_secs(20))
}

fn same(program: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(program);
    let mut native = Command::new("python3");
    native.arg("-u").arg(&path);
    let mut served = Command::new(RUNNER);
    served.args(["python3", "-u"]).arg(&path);
    let native = bounded(native, Duration::from_secs(20));
    let served = bounded(served, Duration::from_secs(30));
    let text = |o: &Output| {
        format!("{}{}\n{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr), o.status)
    };
    assert!(native.status.success(), "the program itself fails:\n{}", text(&native));
    assert_eq!(text(&served), text(&native), "served, then native");
}

#[test]
fn streams() {
    same("streams.py");
}

#[test]
fn stream_errors() {
    same("stream_errors.py");
}

#[test]
fn datagrams() {
    same("datagrams.py");
}

#[test]
fn datagram_errors() {
    same("datagram_errors.py");
}

#[test]
fn urgent() {
    same("urgent.py");
}

#[test]
fn waiting() {
    same("waiting.py");
}

#[test]
fn closing() {
    same("closing.py");
}

#[test]
fn statuses() {
    let code = |words: &[&str]| runner(words).status.code();
    assert_eq!(code(&["true"]), Some(0));
    assert_eq!(code(&["sh", "-c", "exit 42"]), Some(42));
    assert_eq!(code(&["sh", "-c", "kill -TERM $$"]), Some(128 + 15));
    assert_eq!(code(&["no such program"]), Some(127));
    assert_eq!(code(&["/etc/passwd"]), Some(126));
    assert_eq!(code(&["/"]), Some(126));
}

#[test]
fn a_script_without_an_interpreter_line_is_the_shells() {
    let dir = std::env::temp_dir().join(format!("sockeye-run-test-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let script = dir.join("script");
    std::fs::write(&script, "echo \"$1\"\n").expect("a file");
    let mut mode = std::fs::metadata(&script).expect("metadata").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    std::fs::set_permissions(&script, mode).expect("mode");
    let out = runner(&[script.to_str().expect("a path"), "word"]);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "word\n");
    let _ = std::fs::remove_dir_all(&dir);
}

#[test]
fn the_runner_waits_for_the_whole_tree() {
    let start = Instant::now();
    let out = runner(&["sh", "-c", "(sleep 0.5; echo late) & exit 3"]);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "late\n");
    assert_eq!(out.status.code(), Some(3));
    assert!(start.elapsed() >= Duration::from_millis(450));
}

#[test]
fn io_uring_and_foreign_families() {
    let out = runner(&[
        "python3",
        "-c",
        "import ctypes, os, socket\n\
         libc = ctypes.CDLL(None, use_errno=True)\n\
         print(libc.syscall(425, 1, None), ctypes.get_errno())\n\
         a, b = socket.socketpair()\n\
         a.sendmsg([b'x']); print(b.recvmsg(1)[0])\n\
         print(libc.socket(43, 1, 0), ctypes.get_errno())",
    ]);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "-1 38\nb'x'\n-1 97\n");
}

#[test]
fn no_directory_is_left_behind() {
    let dir = std::env::temp_dir().join(format!("sockeye-home-test-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let mut command = Command::new(RUNNER);
    command.env("XDG_RUNTIME_DIR", &dir).args(["python3", "-c", "import socket; socket.socket()"]);
    assert!(bounded(command, Duration::from_secs(10)).status.success());
    assert_eq!(std::fs::read_dir(&dir).expect("the directory").count(), 0);
    let _ = std::fs::remove_dir_all(&dir);
}
