//! Models of the epoll: loom runs each in every order that matters. No event is lost between a file and who waits for it.
//!
//! `RUSTFLAGS="--cfg sk_loom" cargo test -p sockeye-vfs --release --lib`

use crate::epoll::{epoll_create1, epoll_ctl, epoll_wait};
use crate::sync::{self, AtomicU32, Fault, Ordering};
use crate::{File, FileOps, Files, Stat, Vfs};
use kern::context::{Cpu, CpuIds, Process};
use kern::cred::Cred;
use kern::park::{Parker, Sleeper};
use kern::signals::Signals;
use kern::time::{Time, VirtualClock};
use kern::wait::WaitQueue;
use loom::thread;
use std::process::Command;
use std::sync::Arc;
use uapi::poll::{EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLET, EPOLLIN, EPOLLOUT, EpollEvent};

/// The model holds, and fails with each of the mistakes.
fn check(preemptions: usize, faults: &[Fault], model: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
    if std::env::var_os(sync::ENV).is_none() {
        faults.iter().for_each(|&mistake| must_fail(mistake));
    }
}

/// Runs the current test in a process that makes a mistake: a model that fails may abort.
fn must_fail(mistake: Fault) {
    let test = std::thread::current().name().unwrap().to_owned();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&test, "--exact", "--nocapture"])
        .env(sync::ENV, format!("{mistake:?}"))
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{test} did not notice {mistake:?}");
    assert!(!log.contains("maximum number of branches"), "{test} did not end with {mistake:?}");
}

struct Blocks;

impl Sleeper for Blocks {
    fn sleep(&self, parker: &Parker, until: Option<Time>) {
        assert_eq!(until, None);
        parker.block(None);
    }
}

fn process<R>(call: impl FnOnce(&Process<'_>) -> R) -> R {
    let cpu = Cpu::new(&CpuIds::new(), Arc::new(VirtualClock::default()), Arc::new(Blocks));
    call(&Process::enter(&cpu, &Cred::root(), &Signals::new()))
}

/// A file whose readiness is a relaxed store: only queues and locks order it.
#[derive(Default)]
struct Source {
    count: AtomicU32,
    wq: WaitQueue,
}

/// [`Source`] as a file; the other threads keep the source itself.
struct SourceFile(Arc<Source>);

impl Source {
    fn raise(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.wq.wake(EPOLLIN);
    }

    fn take(&self) -> bool {
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
    }
}

impl FileOps for SourceFile {
    fn poll(&self, _: &Process<'_>, _: &File) -> u32 {
        if self.0.count.load(Ordering::Relaxed) > 0 { EPOLLIN } else { 0 }
    }
    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.0.wq)
    }
    fn stat(&self) -> Stat {
        Stat::default()
    }
    fn name(&self) -> String {
        "source".into()
    }
    fn release(&self, _: &Process<'_>, _: &File) {}
    fn release_detached(&self) {}
}

struct World {
    files: Files,
    ep: i32,
    fds: Vec<i32>,
    sources: Vec<Arc<Source>>,
}

/// An epoll and some sources that it does not watch yet.
fn world(p: &Process<'_>, sources: usize) -> World {
    let files = Files::new(Vfs::new());
    let ep = epoll_create1(p, &files, 0).unwrap();
    let sources: Vec<Arc<Source>> = (0..sources).map(|_| Arc::default()).collect();
    let fds = sources
        .iter()
        .map(|s| files.open(p, 0, || Ok(File::new(Arc::new(SourceFile(s.clone())), 2))).unwrap())
        .collect();
    World { files, ep, fds, sources }
}

impl World {
    fn ctl(&self, p: &Process<'_>, op: i32, i: usize, events: u32) {
        let event = EpollEvent { events, data: i as u64 };
        epoll_ctl(p, &self.files, self.ep, op, self.fds[i], Some(event)).unwrap();
    }

    /// Which sources are ready.
    fn wait(&self, p: &Process<'_>, max: usize, timeout: i32) -> Vec<u64> {
        let mut events = [EpollEvent::default(); 4];
        let n = epoll_wait(p, &self.files, self.ep, &mut events, max as i32, timeout).unwrap();
        events[..n].iter().map(|e| e.data).collect()
    }
}

/// A sleeper hears of the event; a second one, that falls into the scan of the first, is not lost.
fn sleeper_hears(events: u32) {
    process(|p| {
        let mut w = world(p, 1);
        w.ctl(p, EPOLL_CTL_ADD, 0, events);
        let source = w.sources[0].clone();
        let raiser = thread::spawn(move || (0..2).for_each(|_| source.raise()));
        let mut taken = 0;
        while taken < 2 {
            assert_eq!(w.wait(p, 4, -1), [0]);
            while w.sources[0].take() {
                taken += 1;
            }
        }
        raiser.join().unwrap();
        w.files.exit(p);
    });
}

#[test]
fn a_sleeper_hears() {
    check(2, &[Fault::SleepsBlindly, Fault::NotedNowhere], || sleeper_hears(EPOLLIN));
}

#[test]
fn a_sleeper_hears_of_edges() {
    check(2, &[Fault::SleepsBlindly], || sleeper_hears(EPOLLIN | EPOLLET));
}

/// A watch is added, or changed, while the event happens.
fn watch_meets_event(change: bool) {
    process(|p| {
        let mut w = world(p, 1);
        if change {
            w.ctl(p, EPOLL_CTL_ADD, 0, EPOLLOUT);
        }
        let source = w.sources[0].clone();
        let raiser = thread::spawn(move || source.raise());
        w.ctl(p, if change { EPOLL_CTL_MOD } else { EPOLL_CTL_ADD }, 0, EPOLLIN);
        raiser.join().unwrap();
        assert_eq!(w.wait(p, 4, 0), [0]);
        w.files.exit(p);
    });
}

#[test]
fn a_new_watch_meets_its_event() {
    check(3, &[Fault::AskedFirst], || watch_meets_event(false));
}

#[test]
fn a_changed_watch_meets_its_event() {
    check(3, &[Fault::ModUnlocked], || watch_meets_event(true));
}

/// Two wait on one epoll, each with room for one event; two events come: both get one.
#[test]
fn two_sleepers_share() {
    check(2, &[], || {
        process(|p| {
            let mut w = world(p, 2);
            for i in 0..2 {
                w.ctl(p, EPOLL_CTL_ADD, i, EPOLLIN | EPOLLET);
            }
            let mut other = World { files: w.files.share(), fds: w.fds.clone(), sources: Vec::new(), ..w };
            let waiter = thread::spawn(move || {
                process(|p| {
                    let got = other.wait(p, 1, -1);
                    other.files.exit(p);
                    got
                })
            });
            let sources = w.sources.clone();
            let raiser = thread::spawn(move || sources.iter().for_each(|s| s.raise()));
            let mut got = w.wait(p, 1, -1);
            got.extend(waiter.join().unwrap());
            got.sort_unstable();
            assert_eq!(got, [0, 1]);
            raiser.join().unwrap();
            w.files.exit(p);
        });
    });
}
