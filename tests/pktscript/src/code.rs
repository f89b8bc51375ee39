//! Code of a script: the part of Python that asserts need.
//!
//! Variables last from one piece of code to the next, and those of the socket are set before each.

mod eval;

use eval::{Lexed, Value};
use std::collections::HashMap;

/// Why code did not run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// An assert did not hold: what it says, and its message.
    Assert(String, String),
    /// It is not understood.
    Unknown(String),
}

/// Variables.
pub struct Python {
    names: HashMap<String, Value>,
}

impl Default for Python {
    fn default() -> Self {
        let constants = crate::info::CONSTANTS.iter();
        let mut names: HashMap<_, _> =
            constants.map(|(name, value)| ((*name).to_owned(), Value::Int(*value))).collect();
        names.insert("True".into(), Value::Int(1));
        names.insert("False".into(), Value::Int(0));
        Python { names }
    }
}

impl Python {
    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: i64) {
        self.names.insert(name.to_owned(), Value::Int(value));
    }

    /// Runs statements.
    ///
    /// # Errors
    /// With the first assert that does not hold, or what is not understood.
    pub fn run(&mut self, text: &str) -> Result<(), Trouble> {
        let joined = text.replace("\\\n", " ");
        for line in joined.lines() {
            for statement in statements(line) {
                self.statement(statement.trim())?;
            }
        }
        Ok(())
    }

    fn statement(&mut self, text: &str) -> Result<(), Trouble> {
        let unknown = |what: String| Trouble::Unknown(format!("code `{text}`: {what}"));
        if text.is_empty() || text == "pass" {
            return Ok(());
        }
        if let Some(rest) = text.strip_prefix("assert").filter(|rest| rest.starts_with([' ', '('])) {
            let lexed = Lexed::new(rest).map_err(unknown)?;
            let (condition, message) = lexed.split_comma();
            let holds = eval::eval(&condition, &self.names).map_err(unknown)?;
            if holds.truth() {
                return Ok(());
            }
            let shown = message.and_then(|message| eval::eval(&message, &self.names).ok());
            let values = condition.names(&self.names);
            let got = [values, shown.map_or(String::new(), |value| value.to_string())];
            let got: Vec<_> = got.iter().filter(|part| !part.is_empty()).cloned().collect();
            return Err(Trouble::Assert(text.to_owned(), got.join("; ")));
        }
        if text.starts_with("print") {
            return Ok(());
        }
        let Some(at) = text.find('=') else { return Err(unknown("no statement".into())) };
        let (left, right) = (&text[..at], &text[at + 1..]);
        let (name, op) = match left.char_indices().last() {
            Some((at, op @ ('+' | '-' | '*'))) => (left[..at].trim(), Some(op)),
            _ => (left.trim(), None),
        };
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(unknown("no assignment".into()));
        }
        let full = op.map_or_else(|| right.to_owned(), |op| format!("{name} {op} ({right})"));
        let lexed = Lexed::new(&full).map_err(unknown)?;
        let value = eval::eval(&lexed, &self.names).map_err(unknown)?;
        self.names.insert(name.to_owned(), value);
        Ok(())
    }
}

/// The value of an arithmetic expression, as the shell's `$((…))`.
///
/// # Errors
/// When it is none.
pub fn arithmetic(text: &str) -> Result<i64, String> {
    match eval::eval(&Lexed::new(text)?, &HashMap::new())? {
        Value::Int(value) => Ok(value),
        other => Err(format!("{other} is no whole number")),
    }
}

/// The statements of a line, without its comment.
fn statements(line: &str) -> Vec<&str> {
    let mut quote = None;
    let mut out = Vec::new();
    let mut from = 0;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '#') => {
                out.push(&line[from..at]);
                return out;
            }
            (None, ';') => {
                out.push(&line[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    out.push(&line[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<(), Trouble> {
        let mut python = Python::default();
        python.set("tcpi_snd_cwnd", 10);
        python.set("tcpi_options", 0x26);
        python.run(text)
    }

    #[test]
    fn asserts() {
        for holds in [
            "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd",
            "assert 9 <= tcpi_snd_cwnd <= 11, 'cwnd=%d' % tcpi_snd_cwnd",
            "assert (tcpi_options & 32) != 0",
            "x = 2**3\nx += 2; assert x == tcpi_snd_cwnd # yes; assert 0",
            "assert not 1 > 2 and (3 or 0)",
            "assert 7 // 2 == 3 and 7 % 4 == 3 and 1 << 4 | 1 == 17",
            "assert tcpi_snd_cwnd == 10, \\\n 'a, b'",
            "print(tcpi_snd_cwnd); assert TCP_CA_Loss == 4",
            "assert 0xff == 255 and min(3, 4) == 3 and abs(-2) == 2",
            "assert 1.5 * 2 == 3",
        ] {
            assert_eq!(run(holds), Ok(()), "{holds}");
        }
    }

    #[test]
    fn what_does_not_hold_says_why() {
        let Err(Trouble::Assert(expected, got)) =
            run("assert tcpi_snd_cwnd == 11, 'cwnd=%d' % tcpi_snd_cwnd")
        else {
            panic!("it holds")
        };
        assert_eq!(expected, "assert tcpi_snd_cwnd == 11, 'cwnd=%d' % tcpi_snd_cwnd");
        assert_eq!(got, "tcpi_snd_cwnd = 10; cwnd=10");
        assert!(matches!(run("assert 11 <= tcpi_snd_cwnd <= 20"), Err(Trouble::Assert(..))));
    }

    #[test]
    fn what_is_not_understood_is_no_pass() {
        for text in ["assert nothing == 1", "import os", "assert (1", "for i in x: pass", "x = 1 / 0"] {
            assert!(matches!(run(text), Err(Trouble::Unknown(_))), "{text}");
        }
    }
}
