//! `open(2)`, `openat(2)`, `openat2(2)` of `/proc/net` and `/proc/sys/net`: the program reads the stack's, as they are at
//! the open. All other opens are the host's.

use crate::call::{Call, Handled, Op, Outcome};
use crate::creds;
use crate::observe::Made;
use crate::supervisor::Supervisor;
use crate::sys::mem::text_file;
use crate::usermem::User;
use std::os::fd::AsFd;
use uapi::Errno;

/// No path that is looked for is longer.
const PATH_MAX: usize = 128;

/// What an absolute path names under `/proc`, if that concerns the network of a served process.
fn name(path: &str, served: impl Fn(i32) -> bool) -> Option<String> {
    let rest = path.strip_prefix("/proc/")?;
    if rest.starts_with("sys/net/") {
        return Some(rest.to_owned());
    }
    // `net` is a link to `self/net`; every task of a run has the same.
    let (first, second) = rest.split_once('/')?;
    let of_task = || matches!(first, "self" | "thread-self") || first.parse().is_ok_and(served);
    let file = match first {
        "net" => second,
        _ if of_task() => second.strip_prefix("net/")?,
        _ => return None,
    };
    (!file.is_empty() && !file.contains('/')).then(|| format!("net/{file}"))
}

impl Supervisor<'_> {
    pub(crate) fn sys_open(&mut self, call: &mut Call) -> Handled {
        let user = User::of(call);
        let (at, flags) = match call.op {
            Op::Open => (call.args[0], call.int(1)),
            Op::Openat => (call.args[1], call.int(2)),
            // `struct open_how` begins with 64 bits of flags.
            _ => (call.args[1], user.read_int(call.args[2]).unwrap_or(0)),
        };
        let path = user.read_str::<PATH_MAX>(at).and_then(|bytes| String::from_utf8(bytes).ok());
        let name =
            path.as_deref().and_then(|path| name(path, creds::is_descendant)).ok_or(Outcome::Foreign)?;
        let text = self.stack.proc_file(&name).ok_or(Outcome::Foreign)??;
        if flags & libc::O_DIRECTORY != 0 {
            return Err(Errno::ENOTDIR.into());
        }
        if flags & libc::O_ACCMODE != libc::O_RDONLY {
            // As a container sees /proc/sys; `--set` writes.
            return Err(if name.starts_with("sys/") { Errno::EROFS } else { Errno::EACCES }.into());
        }
        let file = text_file(text.as_bytes())?;
        let fd = self.listener.add_fd_and_send(call.id, file.as_fd(), flags & libc::O_CLOEXEC != 0)?;
        self.made = Some(Made { fd, ..Made::default() });
        Ok(Outcome::Answered)
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn paths() {
        for path in ["/proc/net/tcp", "/proc/self/net/tcp", "/proc/thread-self/net/tcp", "/proc/17/net/tcp"] {
            assert_eq!(name(path, |pid| pid == 17).as_deref(), Some("net/tcp"), "{path}");
        }
        assert_eq!(
            name("/proc/sys/net/core/somaxconn", |_| false).as_deref(),
            Some("sys/net/core/somaxconn")
        );
        for path in [
            "/proc/net",
            "/proc/net/",
            "/proc/net/stat/rt_cache",
            "/proc/self/fd/3",
            "/proc/sys/kernel",
            "net/tcp",
        ] {
            assert_eq!(name(path, |_| true), None, "{path}");
        }
        assert_eq!(name("/proc/18/net/tcp", |pid| pid == 17), None, "of a process that is not served");
    }
}
