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
use std::path::PathBuf;

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
    in_thread(|namespace| {
        let mut net = like_host();
        let mut found = 0;
        for i in 0..sequences.count {
            if i % BATCH == 0 {
                namespace.renew().ok()?;
                net = like_host();
            }
            let program = draw(sequences.seed.wrapping_add(i), (2000 + i % BATCH * PORTS) as u16);
            let answers = both(&Host::new(), &net, &program);
            if answers.first_difference().is_none() {
                tally.add_same();
                continue;
            }
            match confirmed(namespace, &program) {
                Some(_) => found += usize::from(report(namespace, &program, sequences.seed + i, tally)),
                // Chance had a part in it: packets wait for another thread when the machine is busy.
                None => tally.add_same(),
            }
            namespace.renew().ok()?;
            net = like_host();
            if found >= sequences.most {
                break;
            }
        }
        Some(())
    })
    .flatten()
    .is_some()
}

/// Shrinks a program and counts its first difference. `true` if nothing explains it.
fn report(namespace: &Namespace, program: &[String], seed: u64, tally: &mut Tally) -> bool {
    let known = confirmed(namespace, program)
        .is_some_and(|(at, answers)| tally.add_explained(&difference(program, at, &answers)));
    if known {
        return false;
    }
    let differs = |program: &[String]| confirmed(namespace, program).is_some();
    let small = shrink::shrink(program, &differs);
    let Some((at, answers)) = confirmed(namespace, &small) else { return false };
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
