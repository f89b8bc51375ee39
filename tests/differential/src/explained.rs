//! Differences that are known: rows of docs/DIVERGENCES.md that name, in a comment that a reader of the
//! rendered page does not see, the answers that they explain.
//!
//! `<!-- diff: creation: * AF_PACKET * -->` explains each difference whose text (the question, `=`,
//! Linux's answer, `/`, Sockeye's) begins so; `*` stands for anything.

use crate::report::Difference;

const DOCUMENT: &str = include_str!("../../../docs/DIVERGENCES.md");

/// The patterns of all rows, each with how many differences it met.
pub struct Rows(Vec<(String, u64)>);

impl Rows {
    /// Reads the document.
    ///
    /// # Panics
    /// When a pattern stands in a row that gives no reason.
    pub fn read() -> Rows {
        Rows(DOCUMENT.lines().flat_map(patterns).map(|pattern| (pattern, 0)).collect())
    }

    /// Whether a row explains it.
    pub fn explain(&mut self, difference: &Difference) -> bool {
        let Difference { question, linux, sockeye } = difference;
        let text = format!("{question} = {linux} / {sockeye}");
        let mut rows = self.0.iter_mut();
        rows.find(|(pattern, _)| matches(pattern, &text)).map(|(_, met)| *met += 1).is_some()
    }

    /// Patterns that begin with `prefix` and met nothing.
    pub fn idle(&self, prefix: &str) -> Vec<String> {
        let idle = self.0.iter().filter(|(pattern, met)| *met == 0 && pattern.starts_with(prefix));
        idle.map(|(pattern, _)| pattern.clone()).collect()
    }
}

/// The patterns of a line.
fn patterns(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in line.split("<!-- diff:").skip(1) {
        let pattern = part.split("-->").next().unwrap_or_default().trim();
        found.push(pattern.to_owned());
    }
    if !found.is_empty() {
        let before = line.split("<!--").next().unwrap_or_default();
        let reason = before.rsplit('|').find(|cell| !cell.trim().is_empty()).unwrap_or_default();
        let cells = before.matches('|').count();
        assert!(cells >= 4 && reason.trim().len() > 3, "a row without a reason: {line}");
    }
    found
}

/// Whether `text` begins as the pattern says.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_a_row() {
        let row = "| a | b | c | it is so <!-- diff: x: * 5 --><!-- diff: y --> |";
        assert_eq!(patterns(row), ["x: * 5", "y"]);
        assert!(patterns("| a | b | c | reason |").is_empty());
        assert!(matches("x: * 5", "x: root 5 = 1 / 2") && matches("x", "xyz") && matches("a*c*", "abc"));
        assert!(!matches("x: * 5", "x: root 6") && !matches("b", "abc"));
    }

    #[test]
    #[should_panic(expected = "without a reason")]
    fn a_pattern_wants_a_reason() {
        patterns("| a | b | c | <!-- diff: x -->  |");
    }

    #[test]
    fn the_document_has_rows() {
        assert!(!Rows::read().0.is_empty());
    }
}
