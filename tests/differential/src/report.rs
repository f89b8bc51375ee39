//! Counting: what was compared, what differs, what a row of docs/DIVERGENCES.md explains.

use crate::explained::Rows;
use std::fmt;

/// How many differences are kept in full; the others are counted.
const KEPT: usize = 50_000;

/// One answer that is not the same.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What was asked: `creation: root socket AF_INET 3, protocol 4`.
    pub question: String,
    /// The host's answer.
    pub linux: String,
    /// Ours.
    pub sockeye: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    Linux    {}\n    Sockeye  {}", self.question, self.linux, self.sockeye)
    }
}

/// The sum of it.
pub struct Tally {
    rows: Rows,
    /// Answers compared.
    pub compared: u64,
    /// Those that differ and are not explained.
    pub differ: u64,
    /// Those that differ as a row says.
    pub explained: u64,
    /// The first of those that nothing explains.
    pub differences: Vec<Difference>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally::new()
    }
}

impl Tally {
    /// Nothing compared yet; the rows are those of docs/DIVERGENCES.md.
    pub fn new() -> Tally {
        Tally { rows: Rows::read(), compared: 0, differ: 0, explained: 0, differences: Vec::new() }
    }

    /// Counts one answer; `question` is only asked for when it differs.
    pub fn add(&mut self, linux: &str, sockeye: &str, question: impl FnOnce() -> String) {
        self.compared += 1;
        if linux == sockeye {
            return;
        }
        let (linux, sockeye) = (linux.to_owned(), sockeye.to_owned());
        let difference = Difference { question: question(), linux, sockeye };
        if self.rows.explain(&difference) {
            self.explained += 1;
            return;
        }
        self.differ += 1;
        if self.differences.len() < KEPT {
            self.differences.push(difference);
        }
    }

    /// Counts one that was answered alike throughout.
    pub fn add_same(&mut self) {
        self.compared += 1;
    }

    /// Patterns of the document that begin with `prefix` and met no difference: rows that may be out of date.
    pub fn idle(&self, prefix: &str) -> Vec<String> {
        self.rows.idle(prefix)
    }

    /// For tests.
    ///
    /// # Panics
    /// With the differences, when there are any that nothing explains.
    pub fn assert_same(&self) {
        println!("{self}");
        let list: Vec<String> = self.differences.iter().map(ToString::to_string).collect();
        assert!(self.differ == 0, "{} of {} differ:\n{}", self.differ, self.compared, list.join("\n"));
        assert!(self.compared > 0, "nothing was compared");
    }
}

/// `N compared, M differ, K explained`
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} compared, {} differ, {} explained", self.compared, self.differ, self.explained)
    }
}
