//! The child's way into the filter: fork, no_new_privs, filter, exec.
//!
//! Between fork and exec only async-signal-safe calls are made, on memory prepared before. The filter is already in force
//! there, so the listener cannot be sent over a socket (`sendmsg` would wait for the very supervisor that it is meant for):
//! the child writes its number into a pipe, and the parent takes a copy with `pidfd_getfd`.

use crate::bpf::Insn;
use crate::sys::{check, check_int, check_len, pidfd};
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use uapi::{Errno, Result};

/// A program that runs under the filter.
#[derive(Debug)]
pub(crate) struct Child {
    /// Its process.
    pub pid: i32,
    /// The supervisor's end of its filter.
    pub listener: OwnedFd,
}

/// Why there is no child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// `execve` refused the program.
    Exec(Errno),
    /// A step of our own failed.
    Setup(&'static str, Errno),
}

/// What is put back in the child: the runner changes it for itself.
pub(crate) struct Restore {
    /// Blocked signals.
    pub mask: libc::sigset_t,
    /// Limit on descriptors.
    pub nofile: libc::rlimit,
}

/// What to execute.
struct Image {
    candidates: Vec<CString>,
    argv: Vec<CString>,
    /// `argv` of the shell that runs a script without `#!`: its second place takes the script's path.
    shell: CString,
}

/// The paths that `execvp(3)` would try.
fn candidates(program: &OsStr, path: Option<OsString>) -> Vec<CString> {
    let name = program.as_bytes();
    if name.contains(&b'/') {
        return CString::new(name).into_iter().collect();
    }
    if name.is_empty() {
        return Vec::new();
    }
    let path = path.unwrap_or_else(|| "/bin:/usr/bin".into());
    path.as_bytes()
        .split(|&b| b == b':')
        .filter_map(|dir| {
            let dir: &[u8] = if dir.is_empty() { b"." } else { dir };
            CString::new([dir, b"/", name].concat()).ok()
        })
        .collect()
}

fn image(program: &OsStr, args: &[OsString]) -> Result<Image> {
    let c = |s: &OsStr| CString::new(s.as_bytes()).map_err(|_| Errno::EINVAL);
    let argv = std::iter::once(program).chain(args.iter().map(OsString::as_os_str)).map(c);
    Ok(Image {
        candidates: candidates(program, std::env::var_os("PATH")),
        argv: argv.collect::<Result<_>>()?,
        shell: c"/bin/sh".to_owned(),
    })
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0i32; 2];
    // SAFETY: `fds` has room for two descriptors.
    check_int(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the kernel has just returned both to us.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

fn read_word(fd: &OwnedFd) -> Result<Option<i32>> {
    let mut word = [0u8; 4];
    loop {
        // SAFETY: `word` has four writable bytes.
        match check_len(unsafe { libc::read(fd.as_raw_fd(), word.as_mut_ptr().cast(), 4) }) {
            Ok(4) => return Ok(Some(i32::from_ne_bytes(word))),
            Ok(_) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
}

/// Everything the child needs, laid out before the fork.
struct Plan<'a> {
    filter: &'a libc::sock_fprog,
    paths: &'a [*const libc::c_char],
    argv: &'a [*const libc::c_char],
    shell_argv: &'a mut [*const libc::c_char],
    restore: &'a Restore,
    /// Where the listener's number goes, then the errno of a failure; closed by a successful exec.
    report: i32,
    /// A byte arrives when the parent has its copy.
    go: i32,
}

/// Start `program` under `filter`.
///
/// # Errors
/// [`Failure`].
pub(crate) fn launch(
    program: &OsStr,
    args: &[OsString],
    filter: &mut [Insn],
    restore: &Restore,
) -> std::result::Result<Child, Failure> {
    let setup = |what| move |e| Failure::Setup(what, e);
    let image = image(program, args).map_err(Failure::Exec)?;
    if image.candidates.is_empty() {
        return Err(Failure::Exec(Errno::ENOENT));
    }
    let paths: Vec<_> = image.candidates.iter().map(|c| c.as_ptr()).collect();
    let null = std::ptr::null();
    let argv: Vec<_> = image.argv.iter().map(|c| c.as_ptr()).chain([null]).collect();
    let mut shell_argv: Vec<_> =
        [image.shell.as_ptr(), null].into_iter().chain(argv.iter().skip(1).copied()).collect();
    let len = u16::try_from(filter.len()).map_err(|_| Failure::Setup("filter", Errno::EINVAL))?;
    let prog = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
    let (report_rx, report_tx) = pipe().map_err(setup("pipe"))?;
    let (go_rx, go_tx) = pipe().map_err(setup("pipe"))?;

    // SAFETY: the child runs only `in_child`, which makes async-signal-safe calls on memory prepared above.
    let pid = check_int(unsafe { libc::fork() }).map_err(setup("fork"))?;
    if pid == 0 {
        let mut plan = Plan {
            filter: &prog,
            paths: &paths,
            argv: &argv,
            shell_argv: &mut shell_argv,
            restore,
            report: report_tx.as_raw_fd(),
            go: go_rx.as_raw_fd(),
        };
        // SAFETY: we are in the child of a fork, with the plan's pointers valid in its copy of the memory.
        unsafe { in_child(&mut plan) }
    }
    drop((report_tx, go_rx));
    let gone = || Failure::Setup("child", Errno::ESRCH);
    let number = read_word(&report_rx).map_err(setup("pipe"))?.ok_or_else(gone)?;
    if number < 0 {
        reap(pid);
        return Err(Failure::Setup("seccomp", Errno::from_raw(-number).unwrap_or(Errno::EINVAL)));
    }
    let listener = pidfd::open(pid).and_then(|p| pidfd::getfd(&p, number));
    let listener = listener.map_err(|e| {
        // Without the byte the child ends by itself.
        Failure::Setup("pidfd_getfd", e)
    });
    let listener = match listener {
        Ok(l) => l,
        Err(e) => {
            drop(go_tx);
            reap(pid);
            return Err(e);
        }
    };
    // SAFETY: one byte is read from a constant.
    let _ = check_len(unsafe { libc::write(go_tx.as_raw_fd(), c"g".as_ptr().cast(), 1) });
    drop(go_tx);
    match read_word(&report_rx).map_err(setup("pipe"))? {
        None => Ok(Child { pid, listener }),
        Some(errno) => {
            reap(pid);
            Err(Failure::Exec(Errno::from_raw(errno).unwrap_or(Errno::ENOENT)))
        }
    }
}

fn reap(pid: i32) {
    let mut status = 0;
    // SAFETY: `status` is writable.
    while check_int(unsafe { libc::waitpid(pid, &raw mut status, 0) }) == Err(Errno::EINTR) {}
}

/// The child, up to exec.
///
/// # Safety
/// Only in the child of a fork; the plan's pointers must be valid C strings and null-terminated arrays.
///
/// Once the filter stands nobody serves us yet: only calls that no filter stops ([`crate::filter`]), so neither `read`,
/// `write` nor `close`.
unsafe fn in_child(plan: &mut Plan<'_>) -> ! {
    let tell = |word: i32| {
        let iov = libc::iovec { iov_base: (&raw const word).cast_mut().cast(), iov_len: 4 };
        // SAFETY: four bytes are read from `word`.
        unsafe { libc::pwritev2(plan.report, &raw const iov, 1, -1, 0) };
    };
    let errno = || {
        // SAFETY: the C library's errno of this thread.
        unsafe { *libc::__errno_location() }
    };
    // SAFETY: plain system calls on prepared memory, all of them async-signal-safe.
    unsafe {
        let listener = if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                std::ptr::from_ref(plan.filter),
            )
        } else {
            -1
        };
        if listener < 0 {
            tell(-errno());
            libc::_exit(125);
        }
        let listener = listener as i32;
        tell(listener);
        let mut byte = 0u8;
        loop {
            let iov = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
            let n = libc::preadv2(plan.go, &raw const iov, 1, -1, 0);
            if n == 1 {
                break;
            }
            if n == 0 || errno() != libc::EINTR {
                libc::_exit(125);
            }
        }
        libc::syscall(libc::SYS_close_range, listener, listener, 0);
        // Rust programs ignore SIGPIPE, and an ignored signal stays ignored over exec.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const plan.restore.nofile);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const plan.restore.mask, std::ptr::null_mut());
        let mut found = libc::ENOENT;
        for &path in plan.paths {
            libc::execve(path, plan.argv.as_ptr(), libc::environ.cast());
            match errno() {
                libc::ENOEXEC => {
                    plan.shell_argv[1] = path;
                    libc::execve(plan.shell_argv[0], plan.shell_argv.as_ptr(), libc::environ.cast());
                    found = libc::ENOEXEC;
                    break;
                }
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => found = libc::EACCES,
                other => {
                    found = other;
                    break;
                }
            }
        }
        tell(found);
        libc::_exit(127)
    }
}

/// The signals and limits to restore in the child, read before the runner changes its own.
pub(crate) fn current() -> Restore {
    // SAFETY: all-zero bytes are valid for both; the calls fill them.
    unsafe {
        let mut r = Restore { mask: std::mem::zeroed(), nofile: std::mem::zeroed() };
        libc::sigprocmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut r.mask);
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut r.nofile);
        r
    }
}

/// One descriptor a connection is needed here: take as many as we may.
pub(crate) fn raise_nofile() {
    let mut limit = current().nofile;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the limit is only read.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
}

/// Orphans of the tree become our children: ptrace rules (Yama 1) want an ancestor, and the loop wants to see them end.
pub(crate) fn become_subreaper() -> Result<()> {
    // SAFETY: no pointer is passed.
    check(libc::c_long::from(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_execvp_tries_them() {
        let show = |p: &str, path: &str| -> Vec<String> {
            candidates(OsStr::new(p), Some(path.into()))
                .iter()
                .map(|c| c.to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(show("ls", "/a::/b"), ["/a/ls", "./ls", "/b/ls"]);
        assert_eq!(show("./ls", "/a"), ["./ls"]);
        assert!(show("", "/a").is_empty());
    }
}
