//! The same system calls, against the host's kernel and against Sockeye.
//!
//! A script is a list of calls, one a line. It is run twice: by [`ours`] on a fresh namespace of
//! Sockeye, and by `oracle.py` on the host's kernel, in a network namespace of its own. Both answer
//! with one line a call, and the lines must be the same.
//!
//! ```text
//! socket a 2 2 0                  family type protocol; it is non-blocking
//! bind a 4/127.0.0.1/0            an address: family, host, port
//! bind a 4/127.0.0.1/0#15         its first 15 bytes only
//! bind a 4/127.0.0.1/0!99         with another family in it
//! bind a 6/fe80::1/@b/1           port of socket b; scope 1
//! sendto a hello 0 4/127.0.0.1/@b data (text, or *N for N bytes), flags, address or -
//! sendmsg a hello 0 - 17:103:0600 control messages: level:type:bytes, or -
//! recvfrom a 100 0                answers count, sender, data
//! recvmsg a 100 200 0             room for data and for control messages
//! getsockname a / getpeername a
//! setsockopt a 1 2 01000000 / getsockopt a 1 2 4
//! connect a ADDR / listen a 5 / accept b a / shutdown a 2 / poll a / ioctl a 0x541b / close a
//! user 65534                      from here on without privilege
//! ```
//!
//! A port that a named socket has is shown as `@name`. A line that begins with `~` is run and not
//! compared: the answer is a listed divergence. `#` begins a comment.

#![forbid(unsafe_code)]

pub mod oracle;
pub mod ours;
mod value;

use std::fmt::Write;

/// Runs a script on both sides and gives the lines that differ, ready to be read; empty when none do.
pub fn differences(script: &str) -> String {
    let lines: Vec<&str> =
        script.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    let plain: Vec<&str> = lines.iter().map(|line| line.trim_start_matches('~').trim()).collect();
    let linux = oracle::run(&plain);
    let sockeye = ours::run(&plain);
    let mut report = String::new();
    for (i, line) in lines.iter().enumerate() {
        let (linux, sockeye) =
            (linux.get(i).map_or("nothing", |l| l), sockeye.get(i).map_or("nothing", |l| l));
        if linux != sockeye && !line.starts_with('~') {
            let _ = writeln!(report, "{line}\n    Linux    {linux}\n    Sockeye  {sockeye}");
        }
    }
    report
}
