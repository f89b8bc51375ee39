//! The words of a script: where each token begins and what it is.
//!
//! Words are not keywords here: `ack` is a keyword after a sequence number and a name elsewhere, and
//! the parser knows which it wants.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A character that stands for itself.
    Punct(char),
    /// `...`
    Ellipsis,
    /// `--name`
    Option(String),
    /// A number with a point, as written.
    Float(String),
    /// A decimal number and how it was written.
    Int(i64, String),
    /// A number with `0x`.
    Hex(i64),
    /// A name.
    Word(String),
    /// What stands between double quotes, escapes and all.
    Str(String),
    /// What stands between backticks.
    Back(String),
    /// What stands between `%{` and `}%`.
    Code(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

/// A token and its line.
pub type Spanned = (Token, usize);

/// A place that is no script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// All tokens of a script.
///
/// # Errors
/// For a string, a comment or code without an end, and for a number that is too large.
pub fn lex(text: &str) -> Result<Vec<Spanned>, SyntaxError> {
    let mut lexer = Lexer { rest: text, line: 1, out: Vec::new() };
    while lexer.token()? {}
    Ok(lexer.out)
}

struct Lexer<'t> {
    rest: &'t str,
    line: usize,
    out: Vec<Spanned>,
}

fn prefix_len(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of(c)).unwrap_or(text.len())
}

impl<'t> Lexer<'t> {
    fn take(&mut self, n: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(n);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn error(&self, what: &str) -> SyntaxError {
        SyntaxError { line: self.line, what: what.to_owned() }
    }

    /// The text up to the end mark, which is passed over too.
    fn until(&mut self, open: usize, end: &str, what: &str) -> Result<&'t str, SyntaxError> {
        let Some(at) = self.rest[open..].find(end) else { return Err(self.error(what)) };
        let taken = self.take(open + at + end.len());
        Ok(&taken[open..open + at])
    }

    /// What is between two quotes, where a backslash takes the next character along.
    fn quoted(&mut self, quote: char) -> Result<&'t str, SyntaxError> {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == quote {
                let taken = self.take(at + 1);
                return Ok(&taken[1..at]);
            }
        }
        Err(self.error("a quote without an end"))
    }

    fn push(&mut self, line: usize, token: Token) {
        self.out.push((token, line));
    }

    /// One token; false at the end.
    fn token(&mut self) -> Result<bool, SyntaxError> {
        let blank = prefix_len(self.rest, |c| c.is_ascii_whitespace());
        self.take(blank);
        let line = self.line;
        let Some(first) = self.rest.chars().next() else { return Ok(false) };
        if self.rest.starts_with("//") {
            let n = self.rest.find('\n').unwrap_or(self.rest.len());
            self.take(n);
        } else if self.rest.starts_with("/*") {
            self.until(2, "*/", "a comment without an end")?;
        } else if self.rest.starts_with("%{") {
            let code = self.until(2, "}%", "code without an end")?;
            self.push(line, Token::Code(code.trim_matches([' ', '\t']).to_owned()));
        } else if self.rest.starts_with("...") {
            self.take(3);
            self.push(line, Token::Ellipsis);
        } else if first == '"' {
            let text = self.quoted('"')?.to_owned();
            self.push(line, Token::Str(text));
        } else if first == '`' {
            let text = self.quoted('`')?.to_owned();
            self.push(line, Token::Back(text));
        } else if self.rest.starts_with("--")
            && self.rest[2..].starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            let n = prefix_len(&self.rest[2..], |c| c.is_ascii_alphanumeric() || c == '_');
            let name = self.take(2 + n)[2..].to_owned();
            self.push(line, Token::Option(name));
        } else if let Some((token, n)) = self.address() {
            self.take(n);
            self.push(line, token);
        } else if let Some((token, n)) = self.number()? {
            self.take(n);
            self.push(line, token);
        } else {
            let n = prefix_len(self.rest, |c| c.is_ascii_alphanumeric() || c == '_');
            if n > 0 {
                let word = self.take(n).to_owned();
                self.push(line, Token::Word(word));
            } else {
                self.take(first.len_utf8());
                self.push(line, Token::Punct(first));
            }
        }
        Ok(true)
    }

    fn address(&self) -> Option<(Token, usize)> {
        let n = prefix_len(self.rest, |c| c.is_ascii_digit() || c == '.');
        if let Ok(v4) = self.rest[..n].parse() {
            return Some((Token::V4(v4), n));
        }
        let mut n = prefix_len(self.rest, |c| c.is_ascii_hexdigit() || c == '.' || c == ':');
        // Ranges of sequence numbers have colons too, but never two in a row.
        if !self.rest[..n].contains("::") && self.rest[..n].matches(':').count() < 7 {
            return None;
        }
        loop {
            if let Ok(v6) = self.rest[..n].parse() {
                return Some((Token::V6(v6), n));
            }
            n = self.rest[..n].strip_suffix([':', '.'])?.len();
        }
    }

    fn number(&self) -> Result<Option<(Token, usize)>, SyntaxError> {
        let sign = usize::from(self.rest.starts_with('-'));
        let body = &self.rest[sign..];
        let whole = prefix_len(body, |c| c.is_ascii_digit());
        if body[whole..].starts_with('.') {
            let fraction = prefix_len(&body[whole + 1..], |c| c.is_ascii_digit());
            if fraction > 0 {
                let n = sign + whole + 1 + fraction;
                return Ok(Some((Token::Float(self.rest[..n].to_owned()), n)));
            }
        }
        if whole == 0 {
            return Ok(None);
        }
        let word = prefix_len(body, |c| c.is_ascii_alphanumeric() || c == '_');
        if sign == 0
            && body.starts_with("0x")
            && body[2..word].bytes().all(|b| b.is_ascii_hexdigit())
            && word > 2
        {
            let value = u64::from_str_radix(&body[2..word], 16)
                .map_err(|_| self.error("a number that is too large"))?;
            return Ok(Some((Token::Hex(value as i64), word)));
        }
        if sign == 0 && word > whole {
            return Ok(None);
        }
        let n = sign + whole;
        let value = self.rest[..n].parse().map_err(|_| self.error("a number that is too large"))?;
        Ok(Some((Token::Int(value, self.rest[..n].to_owned()), n)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        lex(text).unwrap().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn times_and_ranges() {
        use Token::{Ellipsis, Float, Int, Punct};
        let int = |n: i64| Int(n, n.to_string());
        assert_eq!(tokens("+0...0.2"), [Punct('+'), int(0), Ellipsis, Float("0.2".into())]);
        assert_eq!(tokens("0.1...1"), [Float("0.1".into()), Ellipsis, int(1)]);
        assert_eq!(
            tokens("+.1~+.2"),
            [Punct('+'), Float(".1".into()), Punct('~'), Punct('+'), Float(".2".into())]
        );
        assert_eq!(
            tokens("P.5 S."),
            [Token::Word("P".into()), Float(".5".into()), Token::Word("S".into()), Punct('.')]
        );
    }

    #[test]
    fn numbers_words_and_addresses() {
        assert_eq!(
            tokens("0x1F -1 3021b9d8"),
            [Token::Hex(31), Token::Int(-1, "-1".into()), Token::Word("3021b9d8".into())]
        );
        assert_eq!(
            tokens("192.0.2.1 fd::1: 1:1001"),
            [
                Token::V4(Ipv4Addr::new(192, 0, 2, 1)),
                Token::V6("fd::1".parse().unwrap()),
                Token::Punct(':'),
                Token::Int(1, "1".into()),
                Token::Punct(':'),
                Token::Int(1001, "1001".into())
            ]
        );
    }

    #[test]
    fn comments_code_and_lines() {
        let all = lex("// one\n/* two\n*/ %{ a\n}% `b\n\\`c` \"d\\\"\"").unwrap();
        assert_eq!(
            all,
            [
                (Token::Code("a\n".into()), 3),
                (Token::Back("b\n\\`c".into()), 4),
                (Token::Str("d\\\"".into()), 5)
            ]
        );
        assert_eq!(lex("\n`a").unwrap_err().line, 2);
    }
}
