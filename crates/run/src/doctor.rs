//! `sockeye doctor`: can this machine run programs on the stack, and if not, what to do.

use crate::sys::{pidfd, seccomp};
use std::fs;
use std::os::fd::AsRawFd;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, with a limit.
    Limited,
    /// `sockeye run` cannot work like this.
    Bad,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do, if anything.
    pub remedy: Option<&'static str>,
}

impl Check {
    fn new(name: &'static str, verdict: Verdict, found: impl Into<String>, remedy: &'static str) -> Self {
        let remedy = (verdict != Verdict::Good).then_some(remedy);
        Self { name, verdict, found: found.into(), remedy }
    }
}

/// All checks, in the order in which they matter.
#[must_use]
pub fn examine() -> Vec<Check> {
    vec![
        kernel(),
        notification(),
        descriptors(),
        yama(),
        memory(),
        inotify(),
        open_files(),
        architecture(),
        tun(),
    ]
}

fn release() -> Option<(String, u32, u32)> {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let mut parts = text.split(['.', '-']);
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.trim().parse().ok()?;
    Some((text.trim().to_owned(), major, minor))
}

fn kernel() -> Check {
    let Some((text, major, minor)) = release() else {
        return Check::new("kernel", Verdict::Limited, "unknown release", "mount /proc");
    };
    let verdict = match (major, minor) {
        v if v < (5, 14) => Verdict::Bad,
        v if v < (6, 6) => Verdict::Limited,
        _ => Verdict::Good,
    };
    Check::new(
        "kernel",
        verdict,
        text,
        "5.14 is needed (SECCOMP_ADDFD_FLAG_SEND); from 6.6 on a trapped call costs a quarter (synchronous wake-up)",
    )
}

fn notification() -> Check {
    let verdict =
        if seccomp::action_available(libc::SECCOMP_RET_USER_NOTIF) { Verdict::Good } else { Verdict::Bad };
    let found = if verdict == Verdict::Good { "available" } else { "not available" };
    Check::new(
        "seccomp user notification",
        verdict,
        found,
        "a kernel with CONFIG_SECCOMP_FILTER is needed; a container may also forbid seccomp(2): allow it in its profile",
    )
}

fn descriptors() -> Check {
    let me = std::process::id().cast_signed();
    let copy = fs::File::open("/dev/null")
        .map_err(|_| uapi::Errno::ENOENT)
        .and_then(|f| pidfd::getfd(&pidfd::open_thread(me)?, f.as_raw_fd()));
    match copy {
        Ok(_) => Check::new("pidfd_getfd", Verdict::Good, "works", ""),
        Err(e) => Check::new(
            "pidfd_getfd",
            Verdict::Bad,
            e.to_string(),
            "a container's seccomp profile forbids it: allow pidfd_open and pidfd_getfd",
        ),
    }
}

fn yama() -> Check {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok();
    let scope = scope.as_deref().map(str::trim);
    let verdict = match scope {
        None | Some("0" | "1") => Verdict::Good,
        Some(_) => Verdict::Bad,
    };
    Check::new(
        "yama ptrace_scope",
        verdict,
        scope.unwrap_or("not built in"),
        "with 2 or more nobody may look into another program: sysctl kernel.yama.ptrace_scope=1",
    )
}

fn memory() -> Check {
    let me = std::process::id().cast_signed();
    let (from, mut to) = ([7u8; 4], [0u8; 4]);
    match crate::sys::mem::read_exact(me, &mut to, from.as_ptr() as u64) {
        Ok(()) => Check::new("process_vm_readv", Verdict::Good, "works", ""),
        Err(e) => Check::new(
            "process_vm_readv",
            Verdict::Bad,
            e.to_string(),
            "a kernel with CONFIG_CROSS_MEMORY_ATTACH is needed, and a container's seccomp profile must allow it",
        ),
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn inotify() -> Check {
    let watches = number("/proc/sys/fs/inotify/max_user_watches");
    let instances = number("/proc/sys/fs/inotify/max_user_instances");
    let (Some(watches), Some(instances)) = (watches, instances) else {
        return Check::new(
            "inotify",
            Verdict::Bad,
            "not available",
            "a kernel with CONFIG_INOTIFY_USER is needed",
        );
    };
    let verdict = if watches < 8192 || instances < 2 { Verdict::Limited } else { Verdict::Good };
    Check::new(
        "inotify",
        verdict,
        format!("{watches} watches, {instances} instances a user"),
        "each unconnected socket takes a watch: raise fs.inotify.max_user_watches",
    )
}

fn open_files() -> Check {
    // SAFETY: all-zero bytes are valid; the call fills them.
    let hard = unsafe {
        let mut r: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut r);
        r.rlim_max
    };
    let verdict = if hard < 4096 { Verdict::Limited } else { Verdict::Good };
    Check::new(
        "open files",
        verdict,
        format!("hard limit {hard}"),
        "the supervisor holds a descriptor for each connection: raise `ulimit -Hn`",
    )
}

fn architecture() -> Check {
    let good = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    let verdict = if good { Verdict::Good } else { Verdict::Bad };
    Check::new("architecture", verdict, std::env::consts::ARCH, "only x86_64 and aarch64 have a filter")
}

fn tun() -> Check {
    let there = fs::metadata("/dev/net/tun").is_ok();
    let verdict = if there { Verdict::Good } else { Verdict::Limited };
    Check::new(
        "/dev/net/tun",
        verdict,
        if there { "present" } else { "absent" },
        "only a tap device on the host's network needs it: modprobe tun",
    )
}
