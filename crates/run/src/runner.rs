//! Running a program: launch it, serve it, pass signals on, and end as it ended.

use crate::filter::{self, Wants};
use crate::launch::{self, Failure};
use crate::observe::Observer;
use crate::stack::Stack;
use crate::supervisor::{Supervisor, Turn};
use crate::sys::seccomp::Listener;
use crate::sys::{check_fd, check_int, check_len};
use std::ffi::OsString;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use uapi::{Errno, Result};

/// What to run, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The program, looked for in `$PATH` if it has no slash.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Stop serving when the program ends, even if others of its tree still run.
    pub exit_with_child: bool,
    /// Leave the programs the host's `/proc/net` and `/proc/sys/net`, and their opens alone.
    pub host_proc: bool,
}

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
}

/// Why the program did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// There is no such program (shells say 127).
    NotFound(OsString),
    /// It cannot be executed (shells say 126).
    NotExecutable(OsString, Errno),
    /// The runner itself failed (125).
    Setup(&'static str, Errno),
}

impl Error {
    /// The exit status that says so, as `env(1)` and shells do.
    #[must_use]
    pub fn status(&self) -> i32 {
        match self {
            Error::NotFound(_) => 127,
            Error::NotExecutable(..) => 126,
            Error::Setup(..) => 125,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotFound(p) => write!(f, "{}: not found", p.display()),
            Error::NotExecutable(p, e) => write!(f, "{}: {e}", p.display()),
            Error::Setup(step, e) => write!(f, "{step}: {e} (try `sockeye doctor`)"),
        }
    }
}

impl std::error::Error for Error {}

/// Signals that someone may send to the runner and means for the program.
const FORWARDED: &[i32] =
    &[libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2];

/// The runner's signals, as a descriptor.
struct Signals {
    fd: OwnedFd,
    old: libc::sigset_t,
}

impl Signals {
    fn new() -> Result<Self> {
        // SAFETY: the sets are plain memory that these calls fill; the descriptor is new.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            let mut old: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGCHLD);
            for &s in FORWARDED {
                libc::sigaddset(&raw mut set, s);
            }
            let fd = check_fd(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
            check_int(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, &raw mut old))?;
            Ok(Self { fd, old })
        }
    }

    /// The next signal: its number, and whether a process sent it (not the terminal, which reaches the program itself).
    fn next(&self) -> Option<(i32, bool)> {
        // SAFETY: all-zero bytes are valid; the read fills at most its size.
        let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        let size = size_of_val(&info);
        // SAFETY: `info` has `size` writable bytes.
        let n = check_len(unsafe { libc::read(self.fd.as_raw_fd(), (&raw mut info).cast(), size) }).ok()?;
        (n == size).then(|| (info.ssi_signo.cast_signed(), info.ssi_code <= 0))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: the old set is valid; this restores what `new` changed.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.old, std::ptr::null_mut()) };
    }
}

/// Run a program, and everything that it starts, on `stack`; returns when the last of them has ended.
///
/// Call from a process with one thread. Changes the process: it becomes a child subreaper and raises its limit of
/// descriptors.
///
/// # Errors
/// [`Error`] if the program could not be started, or the runner itself failed.
pub fn run(stack: &mut dyn Stack, options: &Options) -> std::result::Result<End, Error> {
    run_observed(stack, options, None)
}

/// The same under the eyes of somebody.
///
/// # Errors
/// As [`run`]'s.
pub fn run_observed<'a>(
    stack: &'a mut dyn Stack,
    options: &Options,
    observer: Option<&'a mut dyn Observer>,
) -> std::result::Result<End, Error> {
    let setup = |what| move |e| Error::Setup(what, e);
    let restore = launch::current();
    let signals = Signals::new().map_err(setup("signalfd"))?;
    launch::become_subreaper().map_err(setup("prctl"))?;
    launch::raise_nofile();
    let wants = Wants {
        keep_dumpable: !has_ptrace_capability(),
        watch: observer.is_some(),
        proc: !options.host_proc,
    };
    let mut filter = filter::program(wants).ok_or(Error::Setup("filter", Errno::EINVAL))?;
    let child =
        launch::launch(&options.program, &options.args, &mut filter, &restore).map_err(|f| match f {
            Failure::Exec(Errno::ENOENT) => Error::NotFound(options.program.clone()),
            Failure::Exec(e) => Error::NotExecutable(options.program.clone(), e),
            Failure::Setup(step, e) => Error::Setup(step, e),
        })?;
    let listener = Listener::new(child.listener);
    let mut supervisor = Supervisor::new(stack, listener, signals.fd.as_fd()).map_err(setup("supervisor"))?;
    supervisor.observer = observer;
    let mut end = None;
    loop {
        match supervisor.turn().map_err(setup("seccomp"))? {
            Turn::Worked => {}
            Turn::AllGone => break,
            Turn::Outside => {
                while let Some((signal, sent)) = signals.next() {
                    if signal == libc::SIGCHLD {
                        end = end.or(reap(child.pid));
                    } else if end.is_some() {
                        return Ok(End::Signaled(signal));
                    } else if sent {
                        // SAFETY: no pointer is passed; the child is not reaped yet, so its number is its own.
                        unsafe { libc::kill(child.pid, signal) };
                    }
                }
                if let Some(end) = end
                    && options.exit_with_child
                {
                    return Ok(end);
                }
            }
        }
    }
    Ok(end.unwrap_or_else(|| wait_for(child.pid)))
}

fn end_of(status: i32) -> End {
    if libc::WIFSIGNALED(status) {
        End::Signaled(libc::WTERMSIG(status))
    } else {
        End::Exited(libc::WEXITSTATUS(status))
    }
}

/// Reap every child that has ended; how the program ended, if it is among them.
fn reap(program: i32) -> Option<End> {
    let mut end = None;
    loop {
        let mut status = 0;
        // SAFETY: `status` is writable.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if pid <= 0 {
            return end;
        }
        if pid == program {
            end = Some(end_of(status));
        }
    }
}

fn wait_for(program: i32) -> End {
    let mut status = 0;
    loop {
        // SAFETY: `status` is writable.
        match check_int(unsafe { libc::waitpid(program, &raw mut status, 0) }) {
            Ok(_) => return end_of(status),
            Err(Errno::EINTR) => {}
            Err(_) => return End::Exited(0),
        }
    }
}

/// `CAP_SYS_PTRACE` lets us look into programs that made themselves undumpable.
fn has_ptrace_capability() -> bool {
    const CAP_SYS_PTRACE: u32 = 19;
    crate::creds::of(std::process::id().cast_signed()).is_some_and(|c| c.caps >> CAP_SYS_PTRACE & 1 != 0)
}

/// End this process by `signal`, as the program it ran ended; without a core file of our own.
pub fn die_of(signal: i32) -> ! {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit and the set are valid memory; nothing of this process runs after the signal.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::raise(signal);
    }
    // Only a signal that does not end anything comes here.
    std::process::exit(128 + signal)
}
