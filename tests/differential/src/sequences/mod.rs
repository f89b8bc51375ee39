//! Sequences: programs of random calls on several sockets by two tasks, run on both kernels. A program that
//! is answered differently is shrunk to what the difference needs, and kept in `regressions`.

mod draw;
mod shrink;

use crate::ours::like_host;
use crate::place::{Namespace, in_thread};
use crate::report::{Difference, Tally};
use crate::script::run;
use crate::{Host, Ours, Who};
use sockeye::Net;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use draw::draw;

/// Programs that share a namespace: each has ports of its own, and making a namespace takes milliseconds.
const BATCH: u64 = 500;
/// Ports of one program.
const PORTS: u64 = 8;

/// How many programs, and which.
#[derive(Clone, Copy, Debug)]
pub struct Sequences {
    /// So many.
    pub count: u64,
    /// The first one's seed; the others' follow.
    pub seed: u64,
    /// Stop after so many that differ and nothing explains.
    pub most: usize,
    /// So many at a time: much of it is waiting for namespaces and threads.
    pub jobs: usize,
}

/// What a program's answers were.
struct Answers {
    linux: Vec<String>,
    sockeye: Vec<String>,
}

impl Answers {
    fn first_difference(&self) -> Option<usize> {
        (0..self.linux.len()).find(|at| self.linux[*at] != self.sockeye[*at])
    }
}

fn both(host: &Host, net: &Net, program: &[String]) -> Answers {
    let answers = Answers { linux: run(host, program), sockeye: run(&Ours::in_net(net, Who::Root), program) };
    net.run_timers();
    answers
}

/// The program alone in fresh namespaces, where nothing that came before it plays a part.
fn alone(namespace: &Namespace, program: &[String]) -> Option<Answers> {
    namespace.renew().ok()?;
    Some(both(&Host::new(), &like_host(), program))
}

/// The first call that is answered differently each time it is tried.
fn confirmed(namespace: &Namespace, program: &[String]) -> Option<(usize, Answers)> {
    let mut found = None;
    for _ in 0..3 {
        let answers = alone(namespace, program)?;
        let at = answers.first_difference()?;
        if found.as_ref().is_some_and(|(before, _)| *before != at) {
            return None;
        }
        found = Some((at, answers));
    }
    found
}

/// Runs them. `false` when there was no namespace to ask the host in.
pub fn compare(sequences: Sequences, tally: &mut Tally) -> bool {
    let (next, found) = (AtomicU64::new(0), AtomicUsize::new(0));
    let tally = Mutex::new(tally);
    let worker = || in_thread(|namespace| work(namespace, &sequences, &tally, &next, &found)).flatten();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..sequences.jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter().map(|w| w.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.fold(true, |all, one| all & one.is_some())
    })
}

/// Takes one batch of programs after the other, each in fresh namespaces.
fn work(
    namespace: &Namespace,
    sequences: &Sequences,
    tally: &Mutex<&mut Tally>,
    next: &AtomicU64,
    found: &AtomicUsize,
) -> Option<()> {
    loop {
        let first = next.fetch_add(BATCH, Relaxed);
        if first >= sequences.count || found.load(Relaxed) >= sequences.most {
            return Some(());
        }
        namespace.renew().ok()?;
        let mut net = like_host();
        for i in first..(first + BATCH).min(sequences.count) {
            let seed = sequences.seed.wrapping_add(i);
            let program = draw(seed, (2000 + i % BATCH * PORTS) as u16);
            let answers = both(&Host::new(), &net, &program);
            let differs = answers.first_difference().is_some();
            // Chance may have had a part in it: packets wait for another thread when the machine is busy.
            if differs && confirmed(namespace, &program).is_some() {
                let new = report(namespace, &program, seed, tally);
                found.fetch_add(usize::from(new), Relaxed);
            } else {
                lock(tally).add_same();
            }
            if differs {
                namespace.renew().ok()?;
                net = like_host();
            }
        }
    }
}

fn lock<'a, 't>(tally: &'a Mutex<&'t mut Tally>) -> MutexGuard<'a, &'t mut Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shrinks a program and counts its first difference: an explanation is for what a difference needs, not for
/// whatever else the program did. `true` if nothing explains it.
fn report(namespace: &Namespace, program: &[String], seed: u64, tally: &Mutex<&mut Tally>) -> bool {
    let differs = |program: &[String]| confirmed(namespace, program).is_some();
    let small = shrink::shrink(program, &differs);
    let Some((at, answers)) = confirmed(namespace, &small) else { return false };
    let mut tally = lock(tally);
    let before = tally.differ;
    let found = difference(&small, at, &answers);
    tally.add(&found.linux, &found.sockeye, || found.question.clone());
    let new = tally.differ > before;
    if new {
        keep(seed, &small);
    }
    new
}

fn difference(program: &[String], at: usize, answers: &Answers) -> Difference {
    Difference {
        question: format!("sequences: {}, after {}", program[at], program[..at].join("; ")),
        linux: answers.linux[at].clone(),
        sockeye: answers.sockeye[at].clone(),
    }
}

/// The directory of programs that once were answered differently.
pub fn regressions() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/regressions"))
}

fn keep(seed: u64, program: &[String]) {
    let text = format!("# Drawn from seed {seed}.\n{}\n", program.join("\n"));
    // Nowhere to write: the report has the program.
    let _ = std::fs::write(regressions().join(format!("{seed}.txt")), text);
}

/// The first difference of a program that was kept, `None` when there is none (any more).
pub fn replay(text: &str) -> Option<Difference> {
    let program: Vec<String> = crate::script::lines(text).into_iter().map(str::to_owned).collect();
    let (at, answers) = in_thread(|namespace| confirmed(namespace, &program)).flatten()?;
    Some(difference(&program, at, &answers))
}
