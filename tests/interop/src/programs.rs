//! Ordinary programs of the host against Sockeye over TUN: curl fetches from a server here, nginx serves
//! a client here; the path loses and reorders.

use crate::host::in_namespace;
use crate::transfer::{Faults, Joined, host_end};
use sockeye::uapi::Errno;
use sockeye::uapi::socket::{AF_INET, SOCK_STREAM};
use sockeye::{Net, Task, sockaddr};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FAULTS: Faults = Faults { lost: 300, late: 170, twice: 411 };
const BODY: usize = 8 << 20;

fn body() -> Vec<u8> {
    (0..BODY as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Each program with what came of it: nothing when it is right.
///
/// # Errors
/// `EPERM` without the right to a namespace.
pub fn run() -> io::Result<Vec<(&'static str, Result<(), String>)>> {
    in_namespace(|| {
        let joined = Joined::new(host_end()?, FAULTS);
        Ok(vec![("curl", curl(&joined.net)), ("nginx", nginx(&joined.net))])
    })
}

/// Reads a request, and answers with the body.
fn serve(net: &Net, ready: &std::sync::mpsc::Sender<()>) -> Result<(), Errno> {
    let task = Task::new(net);
    let listener = task.socket(AF_INET, SOCK_STREAM, 0)?;
    task.bind(listener, sockaddr(([10, 8, 0, 1], 80).into()))?;
    task.listen(listener, 1)?;
    let _ = ready.send(());
    let fd = task.accept4(listener, 0)?;
    let (mut request, mut buf) = (Vec::new(), [0; 4096]);
    while !request.ends_with(b"\r\n\r\n") {
        let n = task.read(fd, &mut buf)?;
        request.extend_from_slice(&buf[..n]);
        if n == 0 {
            break;
        }
    }
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\nConnection: close\r\n\r\n").into_bytes();
    answer.extend(body());
    let mut rest = &answer[..];
    while !rest.is_empty() {
        rest = &rest[task.write(fd, rest)?..];
    }
    task.close(fd)
}

fn curl(net: &Net) -> Result<(), String> {
    let (theirs, (ready, is_ready)) = (net.clone(), std::sync::mpsc::channel());
    let server = std::thread::spawn(move || serve(&theirs, &ready));
    is_ready.recv().map_err(|_| "no server".to_owned())?;
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60", "http://10.8.0.1/"])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("curl: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    if output.stdout != body() {
        return Err(format!("{} bytes, and not those that were sent", output.stdout.len()));
    }
    match server.join() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(errno)) => Err(format!("our server: {errno}")),
        Err(_) => Err("our server panicked".to_owned()),
    }
}

/// A directory that is gone in the end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays in the directory for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn config(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c;\n\
         uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e; server {{ listen 10.8.0.2:80; root {dir}; }} }}\n"
    )
}

fn nginx(net: &Net) -> Result<(), String> {
    let dir = Scratch(std::env::temp_dir().join(format!("sockeye-interop-{}", std::process::id())));
    let text = |e: io::Error| e.to_string();
    std::fs::create_dir_all(&dir.0).map_err(text)?;
    std::fs::write(dir.0.join("body"), body()).map_err(text)?;
    let conf = dir.0.join("nginx.conf");
    std::fs::write(&conf, config(&dir.0)).map_err(text)?;
    let child = Command::new("nginx")
        .arg("-c")
        .arg(&conf)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("nginx: {e}"))?;
    let _running = Running(child);
    let begin = Instant::now();
    loop {
        match fetch(net) {
            Ok(answer) => {
                let at = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no header")?;
                let right = answer.starts_with(b"HTTP/1.1 200") && answer[at + 4..] == body();
                return if right { Ok(()) } else { Err(format!("{} bytes, and not the file", answer.len())) };
            }
            // It is starting.
            Err(_) if begin.elapsed() < Duration::from_secs(10) => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(errno) => return Err(format!("our client: {errno}")),
        }
    }
}

fn fetch(net: &Net) -> Result<Vec<u8>, Errno> {
    let task = Task::new(net);
    let fd = task.socket(AF_INET, SOCK_STREAM, 0)?;
    task.connect(fd, sockaddr(([10, 8, 0, 2], 80).into()))?;
    task.write(fd, b"GET /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let (mut answer, mut buf) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let n = task.read(fd, &mut buf)?;
        if n == 0 {
            return Ok(answer);
        }
        answer.extend_from_slice(&buf[..n]);
    }
}
