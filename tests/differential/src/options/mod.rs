//! Options: every number of every level on every kind of socket in every state, read and set, with
//! values and lengths good and bad: the errno, the length and value it has then, and which other options
//! it changed.

mod states;
mod values;

use crate::kernel::{Errno, Kernel};
use crate::place::Who;
use crate::sweep::{Answer, Sweep};
use crate::value::hex;
use sockeye::uapi::names::{level_name, option_name, option_table};
use states::{KINDS, Kind, STATES, State};
use std::borrow::Cow;

/// Numbers that are levels of nothing, or of other kinds.
const STRANGE: [i32; 8] = [-1, 2, 132, 136, 254, 262, 263, 999];
/// Lengths that a buffer is said to have.
const LENGTHS: [i32; 15] = [0, 1, 2, 3, 4, 5, 8, 12, 16, 40, 256, 1 << 17, i32::MAX, -1, i32::MIN];
/// A kernel may copy all that it is told there is: not two gigabytes each time.
const MOST_TO_SET: i32 = 1 << 17;
/// How much of a value is shown.
const SHOWN: usize = 512;

/// All of it, or what is enough for every day.
pub struct Options {
    /// Every kind and state, as everybody, and what setting an option does to the others.
    pub whole: bool,
}

/// One option of one kind of socket in one state.
pub struct Question {
    kind: &'static Kind,
    state: State,
    level: i32,
    name: i32,
}

impl Options {
    fn asked(&self, who: Who, kind: &Kind, state: State) -> bool {
        let raw = [Who::Root, Who::With(sockeye::uapi::CAP_NET_RAW)].contains(&who);
        if !kind.has(state) || kind.raw && !raw {
            return false;
        }
        match who {
            Who::Root => self.whole || state == State::Fresh && kind.everyday || kind.name == "raw6",
            Who::Nobody => state == State::Fresh && (self.whole || kind.everyday),
            Who::With(_) => self.whole && state == State::Fresh,
        }
    }
}

impl Sweep for Options {
    type Question = Question;
    const NAME: &'static str = "options";

    fn questions(&self, who: Who) -> Vec<Question> {
        let mut questions = Vec::new();
        for kind in &KINDS {
            for state in STATES.into_iter().filter(|state| self.asked(who, kind, *state)) {
                let (levels, names) = kind.levels();
                let all = levels.iter().flat_map(|level| (0..=names).map(move |name| (*level, name)));
                let strange = STRANGE.into_iter().flat_map(|level| (0..4).map(move |name| (level, name)));
                let negative = levels.iter().flat_map(|level| [(*level, -1), (*level, 256 + 2)]);
                for (level, name) in all.chain(strange).chain(negative) {
                    questions.push(Question { kind, state, level, name });
                }
            }
        }
        questions
    }

    fn text(&self, question: &Question) -> String {
        let Question { kind, state, level, name } = question;
        let level_name = level_name(*level).map_or_else(|| level.to_string(), str::to_owned);
        let name = option_name(*level, *name).map_or_else(|| name.to_string(), str::to_owned);
        format!("{} {state:?} {level_name} {name}", kind.name)
    }

    fn part(&self, _: &Question, at: usize) -> String {
        if let Some(len) = LENGTHS.get(at) {
            return format!("get {len}");
        }
        let at = at - LENGTHS.len();
        if let Some(len) = LENGTHS.get(at) {
            return format!("set 1 of length {len}");
        }
        let at = at - LENGTHS.len();
        values::values().get(at).map_or_else(|| "others".to_owned(), |value| format!("set {}", hex(value)))
    }

    fn ask(&self, kernel: &dyn Kernel, question: &Question) -> Vec<Answer> {
        let &Question { kind, state, level, name } = question;
        let made = match states::make(kernel, kind, state) {
            Ok(made) => made,
            Err(errno) => return vec![Cow::Owned(format!("no such socket: {}", errno.name()))],
        };

        // Some set of tables or other copies all that it is told there is.
        let huge = if option_name(level, name).is_some() { i32::MAX } else { MOST_TO_SET };
        let asking = Asking { kernel, fd: made.fd, level, name, huge, levels: kind.levels().0 };
        let absent = asking.is_absent();
        let answers = if absent { vec![Cow::Borrowed("absent")] } else { asking.all(self.whole) };
        made.close(kernel);
        answers
    }
}

struct Asking<'a> {
    kernel: &'a dyn Kernel,
    fd: i32,
    level: i32,
    name: i32,
    huge: i32,
    /// Those that are looked at for what changed.
    levels: &'static [i32],
}

impl Asking<'_> {
    /// Unknown to the kernel, whatever is passed.
    fn is_absent(&self) -> bool {
        let (kernel, fd) = (self.kernel, self.fd);
        let absent = |result: Result<(), Errno>| result == Err(Errno::ENOPROTOOPT);
        let get = |len| kernel.getsockopt(fd, self.level, self.name, len, 0).map(drop);
        let set = |len| kernel.setsockopt(fd, self.level, self.name, &vec![0; len]);
        [4, 8, 16, 128].into_iter().all(|len| absent(get(len)) && absent(set(len)))
            && [0, 1].into_iter().all(|len| get(len).is_err() && set(len).is_err())
    }

    fn all(&self, whole: bool) -> Vec<Answer> {
        let (kernel, fd) = (self.kernel, self.fd);
        let mut answers: Vec<Answer> =
            LENGTHS.iter().map(|len| self.get((*len).min(self.huge)).into()).collect();
        let others = || if whole { self.others() } else { Vec::new() };
        let before = others();
        for len in LENGTHS.map(|len| len.min(MOST_TO_SET)) {
            let result = kernel.setsockopt_len(fd, self.level, self.name, &[1, 0, 0, 0], len);
            answers.push(self.set(result).into());
        }
        for value in values::values() {
            answers.push(self.set(kernel.setsockopt(fd, self.level, self.name, value)).into());
        }
        let mut changed = "changed".to_owned();
        for ((level, name, old), (_, _, new)) in before.iter().zip(&others()) {
            if old != new {
                let text = |value: &Result<Vec<u8>, Errno>| match value {
                    Ok(bytes) => hex(bytes),
                    Err(errno) => errno.name().to_owned(),
                };
                changed += &format!(" {level}/{name} {} to {}", text(old), text(new));
            }
        }
        answers.push(changed.into());
        answers
    }

    fn get(&self, len: i32) -> String {
        let mut buf = [0xaa; SHOWN];
        match self.kernel.getsockopt_len(self.fd, self.level, self.name, &mut buf, len) {
            Ok(n) => format!("{n} {}", values::shown(self.level, self.name, &buf, n)),
            Err(errno) => errno.name().to_owned(),
        }
    }

    fn set(&self, result: Result<(), Errno>) -> String {
        format!("{}, then {}", result.map_or_else(Errno::name, |()| "ok"), self.get(16))
    }

    /// All other options that have a name.
    fn others(&self) -> Vec<(i32, i32, Result<Vec<u8>, Errno>)> {
        let mut all = Vec::new();
        for &level in self.levels {
            let rows = option_table(level).map_or(&[][..], |table| table.rows);
            for name in rows.iter().map(|row| row.0 as i32) {
                if (level, name) != (self.level, self.name) && values::is_quiet(level, name) {
                    let value = self.kernel.getsockopt(self.fd, level, name, 32, 0);
                    all.push((level, name, value.map(|(n, bytes)| bytes[..n.min(32)].to_vec())));
                }
            }
        }
        all
    }
}
