//! Signals from files: `F_SETOWN`, `F_SETSIG`, `O_ASYNC`, `SIGIO` and `SIGURG`.
//!
//! A file has an owner ([`FOwn`]); a socket or pipe has a list of the files that asked to be told ([`FasyncList`]). What a signal is and
//! how it reaches somebody is the embedder's business: it gives a [`SignalSink`] with the owner.

use crate::file::File;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use kern::sync::SpinLock;
use std::sync::Arc;
use uapi::fcntl::FASYNC;
use uapi::signal::{SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
pub use uapi::signal::{SIGIO, SIGURG};

/// `si_code` of a signal that has codes of its own, sent for a file.
const SI_SIGIO: i32 = -5;

/// Whom a signal is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Nobody.
    #[default]
    None,
    /// A thread (`F_OWNER_TID`).
    Thread(u32),
    /// A process (`F_OWNER_PID`).
    Process(u32),
    /// A process group (`F_OWNER_PGRP`).
    Group(u32),
}

impl Owner {
    /// Whether it names nobody: a number of 0 keeps its kind, but is nobody's.
    #[must_use]
    pub fn is_nobody(self) -> bool {
        matches!(self, Owner::None | Owner::Thread(0) | Owner::Process(0) | Owner::Group(0))
    }
}

/// A signal to be sent (`send_sigio`, `send_sigurg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Whom it is for.
    pub to: Owner,
    /// Its number.
    pub signo: i32,
    /// What goes with it in `siginfo_t`; `None` for a plain signal of the kernel (`SEND_SIG_PRIV`).
    pub info: Option<SigPoll>,
    /// Effective and real user of the one who set the owner: a receiver of another user is left out (`sigio_perm`).
    pub euid: u32,
    /// The real one.
    pub uid: u32,
}

/// The `_sigpoll` part of `siginfo_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigPoll {
    /// `POLL_IN`…
    pub code: i32,
    /// The events, in `poll(2)`'s bits.
    pub band: i64,
    /// The descriptor, as it was when `O_ASYNC` was set.
    pub fd: i32,
}

/// Where signals go: the embedder's processes.
pub trait SignalSink: Send + Sync {
    /// Send it; called without locks held, from any context.
    fn send(&self, signal: &Signal);
    /// Whether there is such a process, thread or group (`F_SETOWN` answers `ESRCH` otherwise).
    fn exists(&self, owner: Owner) -> bool {
        let _ = owner;
        true
    }
}

/// Why a file signals (`si_code` of `SIGIO`, `POLL_*` of `siginfo.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Band {
    /// Data to read.
    In = 1,
    /// Room to write.
    Out = 2,
    /// A message.
    Msg = 3,
    /// An error.
    Err = 4,
    /// Urgent data.
    Pri = 5,
    /// Hung up.
    Hup = 6,
}

impl Band {
    /// `si_band` (`band_table`).
    fn mask(self) -> i64 {
        match self {
            Band::In => 0x041,
            Band::Out => 0x304,
            Band::Msg => 0x441,
            Band::Err => 0x008,
            Band::Pri => 0x082,
            Band::Hup => 0x018,
        }
    }
}

/// Who hears of a file by signal (`struct fown_struct`); made when somebody first asks.
#[derive(Default)]
pub struct FOwn {
    state: SpinLock<FOwnState>,
}

#[derive(Clone, Default)]
struct FOwnState {
    owner: Owner,
    uid: u32,
    euid: u32,
    signum: i32,
    sink: Option<Arc<dyn SignalSink>>,
}

impl FOwn {
    /// `F_SETOWN`, by one with these user ids (`f_modown`).
    pub fn set(&self, owner: Owner, uid: u32, euid: u32, sink: Option<Arc<dyn SignalSink>>) {
        let mut state = self.state.lock();
        state.owner = owner;
        if !owner.is_nobody() {
            state.uid = uid;
            state.euid = euid;
        }
        state.sink = sink;
    }

    /// `F_GETOWN_EX`.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.state.lock().owner
    }

    /// `F_GETOWNER_UIDS`: real and effective user.
    #[must_use]
    pub fn uids(&self) -> (u32, u32) {
        let state = self.state.lock();
        (state.uid, state.euid)
    }

    /// `F_SETSIG`; 0 is plain `SIGIO`.
    pub fn set_signum(&self, signum: i32) {
        self.state.lock().signum = signum;
    }

    /// `F_GETSIG`.
    #[must_use]
    pub fn signum(&self) -> i32 {
        self.state.lock().signum
    }

    fn send(&self, signo_info: impl FnOnce(i32) -> (i32, Option<SigPoll>)) -> bool {
        let state = self.state.lock().clone();
        if state.owner.is_nobody() {
            return false;
        }
        let (signo, info) = signo_info(state.signum);
        if let Some(sink) = &state.sink {
            sink.send(&Signal { to: state.owner, signo, info, euid: state.euid, uid: state.uid });
        }
        true
    }

    /// The file is ready (`send_sigio`).
    pub fn send_sigio(&self, fd: i32, band: Band) {
        // These signals have codes of their own, with which the band's would be confused.
        const HAVE_CODES: [i32; 7] = [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGCHLD, SIGSYS];
        self.send(|signum| match signum {
            // Without F_SETSIG there is no siginfo: that is how a program asks for it (fcntl(2)).
            0 => (SIGIO, None),
            signo => (
                signo,
                Some(SigPoll {
                    code: if HAVE_CODES.contains(&signo) { SI_SIGIO } else { band as i32 },
                    band: band.mask(),
                    fd,
                }),
            ),
        });
    }

    /// Urgent data came (`send_sigurg`); false if nobody owns the file.
    pub fn send_sigurg(&self) -> bool {
        self.send(|_| (SIGURG, None))
    }
}

impl core::fmt::Debug for FOwn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FOwn")
            .field("owner", &self.owner())
            .field("signum", &self.signum())
            .finish_non_exhaustive()
    }
}

/// The files that want signals of one socket or pipe (`struct fasync_struct`).
#[derive(Default)]
pub struct FasyncList {
    /// Whether the list has anybody, to be asked without the lock.
    any: AtomicBool,
    entries: SpinLock<Vec<Entry>>,
}

#[derive(Clone)]
struct Entry {
    /// The file, by address: it removes its entry before it goes.
    file: usize,
    fd: i32,
    owner: Arc<FOwn>,
}

impl FasyncList {
    /// Whether somebody wants signals.
    #[inline]
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.any.load(Relaxed)
    }

    /// Put a file on the list or take it off, and set or clear its `FASYNC` (`fasync_helper`).
    pub fn change(&self, file: &File, fd: i32, on: bool) {
        if !on {
            self.remove(file);
            return;
        }
        let owner = file.owner_or_init().clone();
        let key = core::ptr::from_ref(file).addr();
        let mut entries = self.entries.lock();
        match entries.iter_mut().find(|e| e.file == key) {
            Some(entry) => entry.fd = fd,
            // The newest hears first: the kernel inserts at the head.
            None => entries.insert(0, Entry { file: key, fd, owner }),
        }
        self.any.store(true, Relaxed);
        file.change_flags(FASYNC, 0);
    }

    /// Take a file off the list.
    pub fn remove(&self, file: &File) {
        let key = core::ptr::from_ref(file).addr();
        let mut entries = self.entries.lock();
        let gone = entries.iter().position(|e| e.file == key).map(|i| entries.remove(i));
        self.any.store(!entries.is_empty(), Relaxed);
        file.change_flags(0, FASYNC);
        drop(entries);
        drop(gone);
    }

    /// Tell all (`kill_fasync`). For `SIGURG` an owner who chose no signal is left out: he gets it by [`FOwn::send_sigurg`].
    pub fn kill(&self, signo: i32, band: Band) {
        if !self.is_active() {
            return;
        }
        let mut i = 0;
        loop {
            // One at a time, so that nothing is called under the lock and nothing is allocated.
            let Some(entry) = self.entries.lock().get(i).cloned() else {
                return;
            };
            if !(signo == SIGURG && entry.owner.signum() == 0) {
                entry.owner.send_sigio(entry.fd, band);
            }
            i += 1;
        }
    }
}

impl core::fmt::Debug for FasyncList {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FasyncList").field("active", &self.is_active()).finish_non_exhaustive()
    }
}
