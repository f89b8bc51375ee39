//! Calls that a task makes on its own while others go on: what is asleep when a line ends stays asleep until a
//! later line wakes it, so that the answers are the same each time.

use super::{Call, NONBLOCK, Session};
use crate::Kernel;
use crate::place::{gettid, sleeps};
use sockeye::uapi::{SO_COOKIE, SOL_SOCKET};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const F_GETFL: i32 = 3;
const F_SETFL: i32 = 4;

/// What comes of a call: its answer, and what its task has open then.
type End = (String, BTreeMap<String, i32>);

/// A call that was begun.
pub(super) struct Begun {
    task: usize,
    /// The thread that makes it, 0 before it does.
    tid: Arc<AtomicI32>,
    end: Arc<Mutex<Option<End>>>,
}

impl Begun {
    /// Waits until it sleeps, or is over.
    fn settle(&self) -> Option<End> {
        loop {
            let tid = self.tid.load(Ordering::Acquire);
            let asleep = tid != 0 && sleeps(tid);
            let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
            if end.is_some() || asleep {
                return end;
            }
            std::thread::yield_now();
        }
    }
}

/// The descriptor that a call is made on.
pub(super) fn subject<W: AsRef<str>>(words: &[W]) -> &str {
    let accept = words.first().is_some_and(|call| call.as_ref() == "accept");
    words.get(if accept { 2 } else { 1 }).map_or("", AsRef::as_ref)
}

/// What tells one socket from another, 0 for other files.
fn cookie_of(kernel: &dyn Kernel, fd: i32) -> u64 {
    let got = kernel.getsockopt(fd, SOL_SOCKET, SO_COOKIE, 8, 0).unwrap_or_default();
    got.1.first_chunk().map_or(0, |cookie| u64::from_ne_bytes(*cookie))
}

impl Session<'_> {
    pub(super) fn is_away(&self, task: usize) -> bool {
        self.begun.iter().any(|begun| begun.task == task)
    }

    /// A child begins a call; its first descriptor blocks for it.
    pub(super) fn begin(&mut self, task: usize, words: &[&str]) -> String {
        if task == 0 || task == self.task || task >= self.fds.len() || self.is_away(task) {
            return "cannot".to_owned();
        }
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let fd = self.fds[task].get(subject(&words)).copied().unwrap_or(-1);
        let (tid, end) = (Arc::new(AtomicI32::new(0)), Arc::new(Mutex::new(None)));
        let mut fds = self.fds[task].clone();
        let (mut flags, mut cookie) = (0, 0);
        self.kernel.on_task(task, &mut |kernel| {
            cookie = cookie_of(kernel, fd);
            flags = kernel.fcntl(fd, F_GETFL, 0).unwrap_or(0);
            let _ = kernel.fcntl(fd, F_SETFL, flags & !i64::from(NONBLOCK));
        });
        let (its_tid, its_end) = (tid.clone(), end.clone());
        self.kernel.begin(
            task,
            Box::new(move |kernel| {
                its_tid.store(gettid(), Ordering::Release);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let answer = Call { kernel, fds: &mut fds }.make(&words);
                let answer = answer.unwrap_or_else(|errno| errno.name().to_owned());
                // It has read the flag long since.
                let _ = kernel.fcntl(fd, F_SETFL, flags);
                *its_end.lock().unwrap_or_else(PoisonError::into_inner) = Some((answer, fds));
            }),
        );
        self.begun.push(Begun { task, tid, end });
        let answer = self.settled("begun".to_owned());
        if self.is_away(task) {
            // It has read the flag by now, and nobody else is to block.
            self.unblock(cookie, flags);
        }
        answer
    }

    /// Gives a socket that another task's call sleeps on its flags back, if somebody else can reach it.
    fn unblock(&self, socket: u64, flags: i64) {
        for task in (0..self.fds.len()).filter(|task| !self.is_away(*task)) {
            let fds = &self.fds[task];
            self.kernel.on_task(task, &mut |kernel| {
                for fd in fds.values().filter(|fd| cookie_of(kernel, **fd) == socket) {
                    let _ = kernel.fcntl(*fd, F_SETFL, flags);
                }
            });
        }
    }

    /// An answer, and those of the calls that have ended since.
    pub(super) fn settled(&mut self, mut answer: String) -> String {
        let begun = std::mem::take(&mut self.begun);
        for one in begun {
            match one.settle() {
                Some((its, fds)) => {
                    self.kernel.ended(one.task);
                    answer = format!("{answer} | {}: {its}", one.task);
                    self.fds[one.task] = fds;
                }
                None => self.begun.push(one),
            }
        }
        answer
    }

    /// Ends what still sleeps.
    pub(super) fn interrupt_all(&mut self) {
        for _ in 0..1000 {
            let Some(one) = self.begun.first() else { return };
            self.kernel.interrupt(one.task);
            self.settled(String::new());
        }
        panic!("a call that no signal ends");
    }
}
