//! A sweep: a table of questions that is asked of both kernels, or of Sockeye and a recording.

use crate::place::{EVERYBODY, Who, as_who, in_private_namespace};
use crate::recorded::{Recorder, Recording};
use crate::report::Tally;
use crate::{Host, Kernel, Ours};
use std::borrow::Cow;

/// An answer, as text.
pub type Answer = Cow<'static, str>;

/// A table of questions.
pub trait Sweep: Sync {
    /// One question with several answers.
    type Question: Send + Sync;
    /// What its questions' texts, its explanations and its recording begin with.
    const NAME: &'static str;

    /// All questions of somebody, in their order.
    fn questions(&self, who: Who) -> Vec<Self::Question>;
    /// What is asked.
    fn text(&self, question: &Self::Question) -> String;
    /// What the answer at this place is about.
    fn part(&self, question: &Self::Question, at: usize) -> String;
    /// Asks.
    fn ask(&self, kernel: &dyn Kernel, question: &Self::Question) -> Vec<Answer>;
}

/// Whom Sockeye is compared with.
pub enum Against<'a> {
    /// The host's kernel.
    Host,
    /// The host's kernel, whose answers are written down.
    HostRecording(&'a mut Recorder),
    /// What some kernel answered when it was recorded.
    Recording(&'a Recording),
}

/// Compares all answers. `false` when there was no namespace to ask the host in.
pub fn compare<S: Sweep>(sweep: &S, mut against: Against<'_>, tally: &mut Tally) -> bool {
    for who in EVERYBODY {
        let questions = sweep.questions(who);
        if questions.is_empty() {
            continue;
        }
        let key = |q: &S::Question| format!("{} {}", who.name(), sweep.text(q));
        let add = |tally: &mut Tally, q: &S::Question, linux: &[Answer], sockeye: &[Answer]| {
            // One of them has nothing to be asked in detail: that is one difference, not many.
            let details = if linux.len() == sockeye.len() { linux.len() } else { 1 };
            for at in 0..details {
                let answer = |all: &'_ [Answer]| all.get(at).cloned().unwrap_or(Cow::Borrowed("nothing"));
                tally.add(&answer(linux), &answer(sockeye), || {
                    format!("{}: {}, {}", S::NAME, key(q), sweep.part(q, at))
                });
            }
        };
        match &mut against {
            Against::Recording(recording) => {
                let ours = recording.kernel(who);
                for question in &questions {
                    let linux = recording.answers(&key(question));
                    add(tally, question, linux, &sweep.ask(&ours, question));
                }
            }
            live => {
                let recorder = match live {
                    Against::HostRecording(recorder) => Some(&mut **recorder),
                    _ => None,
                };
                if !live_answers(sweep, who, &questions, recorder, &key, &mut |q, l, s| add(tally, q, l, s)) {
                    return false;
                }
            }
        }
    }
    true
}

type Add<'a, S> = &'a mut (dyn FnMut(&<S as Sweep>::Question, &[Answer], &[Answer]) + Send);

fn live_answers<S: Sweep>(
    sweep: &S,
    who: Who,
    questions: &[S::Question],
    mut recorder: Option<&mut Recorder>,
    key: &(dyn Fn(&S::Question) -> String + Sync),
    add: Add<'_, S>,
) -> bool {
    let asked = in_private_namespace(|| {
        as_who(who, || {
            let (host, ours) = (Host::new(), Ours::of(who));
            for question in questions {
                let mut linux = sweep.ask(&host, question);
                let sockeye = sweep.ask(&ours, question);
                if linux != sockeye {
                    // Something else may have happened in its namespace meanwhile: what counts is what it says
                    // each time.
                    let again = sweep.ask(&host, question);
                    if again.len() == linux.len() && sockeye.len() == linux.len() {
                        let chance = |(i, answer): (usize, &Answer)| {
                            if *answer != again[i] && again[i] == sockeye[i] {
                                again[i].clone()
                            } else {
                                answer.clone()
                            }
                        };
                        linux = linux.iter().enumerate().map(chance).collect();
                    }
                }
                if let Some(recorder) = &mut recorder {
                    recorder.add(key(question), &linux);
                }
                add(question, &linux, &sockeye);
            }
        });
    });
    asked.is_some()
}

/// For tests: the host if there is a way to ask it, else what is recorded.
///
/// # Panics
/// With the differences that no row of docs/DIVERGENCES.md explains.
pub fn assert_same<S: Sweep>(sweep: &S) {
    let mut tally = Tally::new();
    if !compare(sweep, Against::Host, &mut tally) {
        let recording = Recording::read(S::NAME).expect("a recording");
        println!("compared with what {} answered", recording.release);
        tally = Tally::new();
        compare(sweep, Against::Recording(&recording), &mut tally);
    }
    tally.assert_same();
}
