//! Where and as whom the host's kernel is asked: a thread with a network namespace and a descriptor
//! table of its own, with the credentials in question, and its children.

use crate::kernel::Errno;
use sockeye::kern::cred::{CapSet, Cred};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// User 0 with all capabilities.
    Root,
    /// User 65534 with none.
    Nobody,
    /// User 65534 with one, by its number.
    With(u32),
}

/// Those whose rights differ in a way that sockets know.
pub const EVERYBODY: [Who; 5] = [
    Who::Root,
    Who::Nobody,
    Who::With(sockeye::uapi::CAP_NET_RAW),
    Who::With(sockeye::uapi::CAP_NET_ADMIN),
    Who::With(sockeye::uapi::CAP_NET_BIND_SERVICE),
];

impl Who {
    /// As questions name them.
    pub fn name(self) -> &'static str {
        match self {
            Who::Root => "root",
            Who::Nobody => "nobody",
            Who::With(sockeye::uapi::CAP_NET_RAW) => "CAP_NET_RAW",
            Who::With(sockeye::uapi::CAP_NET_ADMIN) => "CAP_NET_ADMIN",
            Who::With(sockeye::uapi::CAP_NET_BIND_SERVICE) => "CAP_NET_BIND_SERVICE",
            Who::With(_) => "CAP",
        }
    }

    /// The same for Sockeye.
    pub fn cred(self) -> Cred {
        match self {
            Who::Root => Cred::root(),
            Who::Nobody => Cred::nobody(),
            Who::With(cap) => Cred { caps: CapSet::EMPTY.with(cap), ..Cred::nobody() },
        }
    }
}

/// A system call's result.
pub(crate) fn checked(result: libc::c_long) -> Result<i64, Errno> {
    if result >= 0 {
        return Ok(result);
    }
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    Err(Errno::from_raw(errno).unwrap_or(Errno::EIO))
}

fn call(nr: libc::c_long, args: [libc::c_long; 3]) -> Result<i64, Errno> {
    // SAFETY: the callers below give no pointer, or one of memory that lives through the call.
    checked(unsafe { libc::syscall(nr, args[0], args[1], args[2]) })
}

/// Gives the calling thread other credentials, for the rest of its life.
pub(crate) fn take(who: Who) {
    const NOBODY: libc::c_long = 65534;
    let cap = match who {
        Who::Root => return,
        Who::Nobody => None,
        Who::With(cap) => Some(cap),
    };
    let keep = libc::c_long::from(cap.is_some());
    call(libc::SYS_prctl, [libc::c_long::from(libc::PR_SET_KEEPCAPS), keep, 0]).expect("prctl");
    // Without the right to: then we are somebody without rights already.
    let _ = call(libc::SYS_setgroups, [0, 0, 0]);
    let _ = call(libc::SYS_setresgid, [NOBODY; 3]);
    let _ = call(libc::SYS_setresuid, [NOBODY; 3]);
    set_caps(cap.map_or(0, |cap| 1 << cap));
}

/// Effective and permitted capabilities, of the first 32.
fn set_caps(caps: u32) {
    const VERSION_3: u32 = 0x2008_0522;
    let (head, sets) = ([VERSION_3, 0], [caps, caps, 0, 0, 0, 0]);
    // capset reads a header of two words and three words twice.
    let (head_at, sets_at) = (head.as_ptr() as libc::c_long, sets.as_ptr() as libc::c_long);
    call(libc::SYS_capset, [head_at, sets_at, 0]).expect("anybody may drop capabilities");
}

/// Brings `lo` up in the calling thread's namespace.
fn lo_up() -> Result<(), Errno> {
    const SIOCSIFFLAGS: libc::c_long = 0x8914;
    let fd = call(libc::SYS_socket, [2, 2, 0])?;
    let mut ifreq = [0u8; 40];
    ifreq[..2].copy_from_slice(b"lo");
    ifreq[16] = 1;
    let up = call(libc::SYS_ioctl, [fd, SIOCSIFFLAGS, ifreq.as_ptr() as libc::c_long]);
    call(libc::SYS_close, [fd, 0, 0])?;
    up.map(drop)
}

/// Runs `f` in a thread with a network namespace of its own, in which `lo` is up, and a descriptor
/// table of its own; `None`, with a line that says why, without the right to make them.
pub fn in_private_namespace<R: Send>(f: impl FnOnce() -> R + Send) -> Option<R> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let flags = libc::c_long::from(libc::CLONE_NEWNET | libc::CLONE_FILES);
            match call(libc::SYS_unshare, [flags, 0, 0]).and_then(|_| lo_up()) {
                Ok(()) => Some(f()),
                Err(errno) => {
                    eprintln!("no network namespace to ask the host's kernel in: {errno}");
                    None
                }
            }
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The network namespace of the thread that has it.
pub struct Namespace(());

impl Namespace {
    /// Leaves it for a fresh one, in which `lo` is up.
    ///
    /// # Errors
    /// `EPERM` without the right to make one.
    pub fn renew(&self) -> Result<(), Errno> {
        call(libc::SYS_unshare, [libc::c_long::from(libc::CLONE_NEWNET), 0, 0])?;
        lo_up()
    }
}

/// Runs `f` in a thread with namespaces of its own, one after the other.
pub fn in_thread<R: Send>(f: impl FnOnce(&Namespace) -> R + Send) -> Option<R> {
    in_private_namespace(|| f(&Namespace(())))
}

/// Runs `f` in a thread of the same namespace with other credentials.
pub fn as_who<R: Send>(who: Who, f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            take(who);
            f()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs `f` in a thread without capabilities, of the same user.
pub fn without_capabilities<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            set_caps(0);
            f()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The calling thread's number.
pub(crate) fn gettid() -> i32 {
    call(libc::SYS_gettid, [0; 3]).map_or(0, |tid| tid as i32)
}

/// Whether a thread of this process sleeps in the kernel.
pub(crate) fn sleeps(tid: i32) -> bool {
    let stat = std::fs::read(format!("/proc/self/task/{tid}/stat")).unwrap_or_default();
    let after_name = stat.iter().rposition(|byte| *byte == b')').unwrap_or(0);
    stat.get(after_name + 2) == Some(&b'S')
}

extern "C" fn caught(_: libc::c_int) {}

/// Interrupts what a thread of this process sleeps in.
pub(crate) fn interrupt(tid: i32) {
    static HANDLER: std::sync::Once = std::sync::Once::new();
    HANDLER.call_once(|| {
        // SAFETY: all zeros is an action without flags: no call is restarted.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = caught as *const () as usize;
        // SAFETY: the action is whole, and the handler does nothing.
        unsafe { libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()) };
    });
    let pid = libc::c_long::from(std::process::id() as i32);
    let _ = call(libc::SYS_tgkill, [pid, libc::c_long::from(tid), libc::c_long::from(libc::SIGUSR2)]);
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread with a copy of the descriptor table of the one that made it, as `fork()` gives.
pub(crate) struct Worker {
    jobs: Option<Sender<Job>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    tid: i32,
}

impl Worker {
    /// The copy is made before this returns.
    pub(crate) fn forked() -> Worker {
        let (jobs, todo) = channel::<Job>();
        let (finished, done) = channel();
        let (told, number) = channel();
        let thread = std::thread::spawn(move || {
            let copied = call(libc::SYS_unshare, [libc::c_long::from(libc::CLONE_FILES), 0, 0]);
            copied.expect("anybody may copy a descriptor table");
            let _ = told.send(gettid());
            for job in todo {
                job();
                let _ = finished.send(());
            }
        });
        let tid = number.recv().expect("the task lives");
        Worker { jobs: Some(jobs), done, thread: Some(thread), tid }
    }

    /// The thread's number.
    pub(crate) fn tid(&self) -> i32 {
        self.tid
    }

    /// Begins a job of its own.
    pub(crate) fn begin(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            jobs.send(job).expect("the task lives");
        }
    }

    /// Waits for the end of it.
    pub(crate) fn ended(&self) {
        self.done.recv().expect("the task answers");
    }

    /// Runs `f` in the thread and waits for its end.
    pub(crate) fn run(&self, f: &mut (dyn FnMut() + Send)) {
        let job: Box<dyn FnOnce() + Send + '_> = Box::new(f);
        // SAFETY: the job is run and dropped before `done` says so (or its thread has died of it), and only
        // then does this function return: nothing it borrows ends before.
        let job: Job = unsafe { std::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Job>(job) };
        self.begin(job);
        self.ended();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
