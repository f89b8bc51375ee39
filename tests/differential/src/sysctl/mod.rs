//! Sysctls: every file of Linux 6.18 under /proc/sys/net/{core,ipv4,ipv6} in a fresh namespace: its mode, what it
//! says at first, how it is read in pieces, and what becomes of writes, good and bad.

use crate::kernel::{Errno, Kernel};
use crate::place::Who;
use crate::sweep::{Answer, Sweep};
use sockeye::uapi::fcntl::{O_RDONLY, O_WRONLY};
use std::collections::BTreeSet;

/// All of them.
pub struct Sysctls;

/// The files, one a line, below /proc/sys. A namespace that is not the machine's first has no others.
const FILES: &str = include_str!("files.txt");

/// What is written: nothing, numbers within and without bounds, several, what is none, and endings of lines.
const WRITES: [&str; 33] = [
    "",
    "\n",
    " ",
    "0",
    "1\n",
    "2",
    "3",
    "-1",
    "-2\n",
    "7",
    "100",
    "255",
    "256",
    "1000",
    "65535",
    "65536",
    "1000000",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "99999999999999999999",
    "0x10",
    "010",
    "+1",
    "1.5",
    "junk",
    "1junk",
    "1 junk",
    " 4 5",
    "4096\t8192\t16384\n",
    "1 2 3 4",
    "1\n2",
];

/// What depends on how much memory the machine has, or on chance, or is the administrator's to set for all
/// namespaces: only how many numbers there are is compared.
const BY_MACHINE: [&str; 16] = [
    "net/core/rmem_",
    "net/core/wmem_",
    "net/core/optmem_max",
    "net/core/netdev_rss_key",
    "net/core/somaxconn",
    "net/ipv4/tcp_mem",
    "net/ipv4/udp_mem",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_wmem",
    "net/ipv4/tcp_max_tw_buckets",
    "net/ipv4/tcp_max_orphans",
    "net/ipv4/tcp_max_syn_backlog",
    "net/ipv4/tcp_fastopen_key",
    "net/ipv4/tcp_congestion_control",
    "net/ipv4/tcp_available_congestion_control",
    "net/ipv4/tcp_allowed_congestion_control",
];

impl Sweep for Sysctls {
    type Question = &'static str;
    const NAME: &'static str = "sysctl";

    fn questions(&self, who: Who) -> Vec<&'static str> {
        if matches!(who, Who::Root | Who::Nobody) { FILES.lines().collect() } else { Vec::new() }
    }

    fn text(&self, path: &&'static str) -> String {
        (*path).to_owned()
    }

    fn part(&self, _: &&'static str, at: usize) -> String {
        match at {
            0 => "mode".to_owned(),
            1 => "default".to_owned(),
            2 => "in pieces".to_owned(),
            3 => "to write".to_owned(),
            at if at - 4 < WRITES.len() => format!("write {:?}", WRITES[at - 4]),
            at => format!(
                "write {}",
                ["1 and 5000 spaces", "5000 spaces and 1", "1 at 1", "1, NUL"][at - 4 - WRITES.len()]
            ),
        }
    }

    fn ask(&self, kernel: &dyn Kernel, path: &&'static str) -> Vec<Answer> {
        let file = File { kernel, path: format!("/proc/sys/{path}") };
        let mut answers = Vec::new();
        file.describe(path, &mut answers);
        answers.into_iter().map(Answer::from).collect()
    }
}

struct File<'k> {
    kernel: &'k dyn Kernel,
    path: String,
}

impl File<'_> {
    fn with<R>(&self, flags: u32, f: impl FnOnce(i32) -> Result<R, Errno>) -> Result<R, Errno> {
        let fd = self.kernel.open(&self.path, flags as i32)?;
        let result = f(fd);
        self.kernel.close(fd);
        result
    }

    fn read(&self) -> Result<Vec<u8>, Errno> {
        self.with(O_RDONLY, |fd| {
            let mut buf = vec![0; 8192];
            let n = self.kernel.read(fd, &mut buf)?;
            buf.truncate(n);
            Ok(buf)
        })
    }

    fn write(&self, bytes: &[u8], at: Option<i64>) -> Result<usize, Errno> {
        self.with(O_WRONLY, |fd| match at {
            None => self.kernel.write(fd, bytes),
            Some(at) => self.kernel.pwrite(fd, bytes, at),
        })
    }

    fn describe(&self, path: &str, answers: &mut Vec<String>) {
        let mode = match self.kernel.mode_of(&self.path) {
            Ok(mode) => mode,
            Err(errno) => return answers.push(errno.name().to_owned()),
        };
        answers.push(format!("{mode:o}"));
        let machine = BY_MACHINE.iter().any(|name| path.starts_with(name));
        let show = |text: &Result<Vec<u8>, Errno>| match text {
            Ok(text) if machine => format!("{} values", words(text).count()),
            Ok(text) => format!("{:?}", String::from_utf8_lossy(text)),
            Err(errno) => errno.name().to_owned(),
        };
        let default = self.read();
        answers.push(show(&default));
        answers.push(self.in_pieces().unwrap_or_else(|errno| errno.name().to_owned()));
        match self.with(O_WRONLY, |_| Ok(())) {
            Ok(()) => answers.push("ok".to_owned()),
            Err(errno) => return answers.push(errno.name().to_owned()),
        }
        let long = [format!("1{}", " ".repeat(5000)), format!("{}1", " ".repeat(5000))];
        let mut all: Vec<(&[u8], Option<i64>)> = WRITES.iter().map(|text| (text.as_bytes(), None)).collect();
        all.extend([(long[0].as_bytes(), None), (long[1].as_bytes(), None), (b"1", Some(1)), (b"1\0", None)]);
        for (bytes, at) in all {
            let result = match self.write(bytes, at) {
                Ok(n) => n.to_string(),
                Err(errno) => errno.name().to_owned(),
            };
            let now = self.read();
            let changed = if now == default { "as before".to_owned() } else { show_written(&now) };
            answers.push(format!("{result}, then {changed}"));
            if let Ok(default) = &default {
                let _ = self.write(default, None);
            }
        }
    }

    /// One byte, the next, and one from the second on.
    fn in_pieces(&self) -> Result<String, Errno> {
        self.with(O_RDONLY, |fd| {
            let mut one = [0];
            let first = self.kernel.read(fd, &mut one)?;
            let second = self.kernel.read(fd, &mut one)?;
            let beyond = self.kernel.pread(fd, &mut one, 1)?;
            Ok(format!("{first} {second} {beyond}"))
        })
    }
}

fn show_written(text: &Result<Vec<u8>, Errno>) -> String {
    match text {
        Ok(text) => format!("{:?}", String::from_utf8_lossy(text)),
        Err(errno) => errno.name().to_owned(),
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Files that the host has, and the list has not: what a newer kernel added.
///
/// # Errors
/// Those of directories.
pub fn unknown() -> std::io::Result<Vec<String>> {
    let known: BTreeSet<&str> = FILES.lines().collect();
    let mut todo: Vec<_> = ["core", "ipv4", "ipv6"].map(|dir| format!("/proc/sys/net/{dir}")).to_vec();
    let mut unknown = Vec::new();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let path = entry.path().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                todo.push(path);
            } else if !known.contains(path.trim_start_matches("/proc/sys/")) {
                unknown.push(path);
            }
        }
    }
    Ok(unknown)
}
