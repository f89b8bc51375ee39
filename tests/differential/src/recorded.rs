//! Answers of a kernel, kept as text for machines where it cannot be asked.
//!
//! A recording begins with the kernel's release and the settings that answers depend on. Then come lists
//! of answers, numbered, with repetitions counted; then, in the order in which they are asked, how many
//! questions in a row each list answers, and the first of them.

use crate::sweep::Answer;
use crate::{Ours, Who};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;

/// Settings that answers depend on, under /proc/sys.
const SETTINGS: [&str; 5] = [
    "net/core/rmem_default",
    "net/core/wmem_default",
    "net/core/rmem_max",
    "net/core/wmem_max",
    "net/core/optmem_max",
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/recorded")).join(format!("{name}.txt"))
}

/// A list of answers as one line: `6*EINVAL` is six of them.
fn pack(answers: &[Answer]) -> String {
    let mut line = String::new();
    for run in answers.chunk_by(|a, b| a == b) {
        let separator = if line.is_empty() { "" } else { "\t" };
        let _ = write!(line, "{separator}{}*{}", run.len(), run[0]);
    }
    line
}

fn unpack(line: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for run in line.split('\t') {
        let (n, answer) = run.split_once('*').unwrap_or(("0", ""));
        answers.extend(vec![Cow::Owned(answer.to_owned()); n.parse().unwrap_or(0)]);
    }
    answers
}

/// Questions in a row with the same answers.
struct Run {
    questions: usize,
    list: usize,
    first: String,
}

/// Answers being written down.
#[derive(Default)]
pub struct Recorder {
    numbers: HashMap<String, usize>,
    lists: Vec<String>,
    runs: Vec<Run>,
}

impl Recorder {
    /// The answers to one question.
    pub fn add(&mut self, question: String, answers: &[Answer]) {
        let packed = pack(answers);
        let list = *self.numbers.entry(packed).or_insert_with_key(|packed| {
            self.lists.push(packed.clone());
            self.lists.len() - 1
        });
        match self.runs.last_mut() {
            Some(run) if run.list == list => run.questions += 1,
            _ => self.runs.push(Run { questions: 1, list, first: question }),
        }
    }

    /// Writes the recording of the sweep `name`.
    ///
    /// # Errors
    /// Those of files.
    pub fn write(&self, name: &str) -> std::io::Result<()> {
        let proc = |path: &str| std::fs::read_to_string(format!("/proc/sys/{path}"));
        let mut text = format!("Linux {}\n", proc("kernel/osrelease")?.trim());
        for setting in SETTINGS {
            let _ = writeln!(text, "{setting} {}", proc(setting)?.trim());
        }
        text.push('\n');
        for (i, list) in self.lists.iter().enumerate() {
            let _ = writeln!(text, "{i}\t{list}");
        }
        text.push('\n');
        for Run { questions, list, first } in &self.runs {
            let _ = writeln!(text, "{questions} {list} {first}");
        }
        std::fs::create_dir_all(path(name).parent().unwrap_or(&PathBuf::new()))?;
        std::fs::write(path(name), text)
    }
}

/// A recording, which is asked what was asked then, in the same order.
pub struct Recording {
    /// The kernel: `Linux 6.18.0`.
    pub release: String,
    settings: Vec<(String, String)>,
    lists: Vec<Vec<Answer>>,
    runs: Vec<Run>,
    at: Cell<(usize, usize)>,
}

impl Recording {
    /// The recording of the sweep `name`; `None` when there is none.
    pub fn read(name: &str) -> Option<Recording> {
        let text = std::fs::read_to_string(path(name)).ok()?;
        let mut lines = text.lines();
        let release = lines.next()?.to_owned();
        let (mut settings, mut lists, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let (setting, value) = line.split_once(' ')?;
            settings.push((setting.to_owned(), value.to_owned()));
        }
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            lists.push(unpack(line.split_once('\t')?.1));
        }
        for line in lines {
            let mut words = line.splitn(3, ' ');
            let (questions, list) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            runs.push(Run { questions, list, first: words.next()?.to_owned() });
        }
        Some(Recording { release, settings, lists, runs, at: Cell::default() })
    }

    /// The answers to the next question, which is this one.
    ///
    /// # Panics
    /// When another was asked at this place: then the questions are newer than the recording.
    pub fn answers(&self, question: &str) -> &[Answer] {
        let (run, done) = self.at.get();
        let Some(Run { questions, list, first }) = self.runs.get(run) else {
            panic!("nothing is recorded for {question}");
        };
        assert!(done > 0 || first == question, "{first} was recorded, not {question}: record anew");
        self.at.set(if done + 1 == *questions { (run + 1, 0) } else { (run, done + 1) });
        self.lists.get(*list).map_or(&[], Vec::as_slice)
    }

    /// Sockeye with the settings of the kernel that answered.
    pub fn kernel(&self, who: Who) -> Ours {
        let net = sockeye::Net::new();
        for (setting, value) in &self.settings {
            net.set_sysctl(setting, value).expect("Sockeye has the setting");
        }
        Ours::in_net(&net, who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_survive() {
        let list: Vec<Answer> = ["a", "a", "b*c", "a"].map(Cow::Borrowed).to_vec();
        assert_eq!(pack(&list), "2*a\t1*b*c\t1*a");
        assert_eq!(unpack(&pack(&list)), list);
        assert!(unpack("").is_empty());
    }
}
