//! The words of tc-netem(8): `delay 50ms 10ms loss 1% rate 10mbit`.

use super::{Chance, Netem};
use std::fmt;
use std::iter::Peekable;
use std::str::{FromStr, SplitAsciiWhitespace};

/// What was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "netem: {}", self.0)
    }
}

impl std::error::Error for ParseError {}

/// Suffixes of times, in nanoseconds (`tc_util.c`, `get_time`).
const TIMES: &[(&str, f64)] = &[
    ("", 1e3),
    ("s", 1e9),
    ("sec", 1e9),
    ("secs", 1e9),
    ("ms", 1e6),
    ("msec", 1e6),
    ("msecs", 1e6),
    ("us", 1e3),
    ("usec", 1e3),
    ("usecs", 1e3),
    ("ns", 1.0),
    ("nsec", 1.0),
    ("nsecs", 1.0),
];

/// Suffixes of rates, in bits a second (`get_rate64`).
const RATES: &[(&str, f64)] = &[
    ("", 1.0),
    ("bit", 1.0),
    ("kbit", 1e3),
    ("mbit", 1e6),
    ("gbit", 1e9),
    ("tbit", 1e12),
    ("kibit", 1024.0),
    ("mibit", 1024.0 * 1024.0),
    ("gibit", 1024.0 * 1024.0 * 1024.0),
    ("bps", 8.0),
    ("kbps", 8e3),
    ("mbps", 8e6),
    ("gbps", 8e9),
];

type Words<'a> = Peekable<SplitAsciiWhitespace<'a>>;

fn amount(word: &str, units: &[(&str, f64)]) -> Option<u64> {
    let at = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, suffix) = word.split_at(at);
    let (_, unit) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(suffix))?;
    let value = number.parse::<f64>().ok()? * unit;
    (value.is_finite() && value < u64::MAX as f64).then_some(value as u64)
}

fn percentage(word: &str) -> Option<Chance> {
    let value = word.strip_suffix('%').unwrap_or(word).parse::<f64>().ok()?;
    (0.0..=100.0).contains(&value).then(|| Chance::percent(value))
}

fn want<T>(words: &mut Words<'_>, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, ParseError> {
    let word = words.next().ok_or_else(|| ParseError(format!("{what}: something is missing at the end")))?;
    read(word).ok_or_else(|| ParseError(format!("{what}: \"{word}\" was not understood")))
}

/// The argument that may follow, if it is one.
fn may<T>(words: &mut Words<'_>, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let value = words.peek().and_then(|word| read(word))?;
    words.next();
    Some(value)
}

/// Correlations are not simulated: only none at all is what was asked for.
fn no_correlation(words: &mut Words<'_>, what: &str) -> Result<(), ParseError> {
    match may(words, percentage) {
        None | Some(Chance::NEVER) => Ok(()),
        Some(_) => Err(ParseError(format!("{what}: correlations are not simulated"))),
    }
}

impl FromStr for Netem {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Netem, ParseError> {
        let mut netem = Netem::default();
        let mut words = text.split_ascii_whitespace().peekable();
        let time = |word: &str| amount(word, TIMES);
        while let Some(word) = words.next() {
            let w = &mut words;
            match word {
                "delay" | "latency" => {
                    netem.delay = want(w, word, time)?;
                    netem.jitter = may(w, |word| time(word).filter(|_| !word.ends_with('%'))).unwrap_or(0);
                    no_correlation(w, word)?;
                }
                "loss" | "drop" => {
                    may(w, |word| (word == "random").then_some(()));
                    netem.loss = want(w, word, percentage)?;
                    no_correlation(w, word)?;
                }
                "duplicate" => {
                    netem.duplicate = want(w, word, percentage)?;
                    no_correlation(w, word)?;
                }
                "corrupt" => {
                    netem.corrupt = want(w, word, percentage)?;
                    no_correlation(w, word)?;
                }
                "reorder" => {
                    netem.reorder = want(w, word, percentage)?;
                    no_correlation(w, word)?;
                }
                "gap" => netem.gap = want(w, word, |word| word.parse().ok().filter(|&gap| gap > 0))?,
                "rate" => netem.rate = want(w, word, |word| amount(word, RATES))?,
                "limit" => netem.limit = want(w, word, |word| word.parse().ok())?,
                _ => return Err(ParseError(format!("\"{word}\" was not understood"))),
            }
        }
        if netem.reorder != Chance::NEVER && netem.delay == 0 {
            return Err(ParseError("reorder: nothing overtakes without a delay".into()));
        }
        Ok(netem)
    }
}
