//! From tokens to a [`Script`].

mod expr;
mod packet;
#[cfg(test)]
mod tests;

use crate::ast::{Action, Call, Event, Expr, Script, When};
use crate::lex::{Spanned, SyntaxError, Token, lex};

/// Names given by `-D NAME=VALUE`, as written.
pub type Defines = Vec<(String, String)>;

/// Reads a script. Names that `defines` or the script's own `--define` give stand for their values.
///
/// # Errors
/// With the line of the first thing that is no script.
pub fn parse(text: &str, defines: &Defines) -> Result<Script, SyntaxError> {
    let mut parser = Parser { tokens: lex(text)?, at: 0 };
    let options = parser.options()?;
    let mut all = defines.clone();
    for (name, value) in &options {
        if name == "define"
            && let Some((name, value)) = value.as_deref().and_then(|v| v.split_once('='))
        {
            all.push((name.to_owned(), value.to_owned()));
        }
    }
    parser.substitute(&all);
    parser.script(options)
}

pub(crate) struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(token, _)| token)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, line)| *line)
    }

    fn fail<T>(&self, what: &str) -> Parsed<T> {
        Err(SyntaxError { line: self.line(), what: format!("{what}, found {:?}", self.peek()) })
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += usize::from(token.is_some());
        token
    }

    fn is(&self, punct: char) -> bool {
        self.peek() == Some(&Token::Punct(punct))
    }

    fn accept(&mut self, punct: char) -> bool {
        let found = self.is(punct);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, punct: char) -> Parsed<()> {
        if self.accept(punct) { Ok(()) } else { self.fail(&format!("expected {punct:?}")) }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found == word)
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => self.fail("expected a word"),
        }
    }

    fn int<T: TryFrom<i64>>(&mut self, what: &str) -> Parsed<T> {
        let value = match self.peek() {
            Some(Token::Int(value, _) | Token::Hex(value)) => *value,
            _ => return self.fail(&format!("expected {what}")),
        };
        let Ok(value) = T::try_from(value) else { return self.fail(&format!("{what} out of range")) };
        self.at += 1;
        Ok(value)
    }

    fn options(&mut self) -> Parsed<Vec<(String, Option<String>)>> {
        let mut options = Vec::new();
        while let Some(Token::Option(name)) = self.peek() {
            let name = name.clone();
            self.at += 1;
            let value = if self.accept('=') { Some(self.option_value()?) } else { None };
            options.push((name, value));
        }
        Ok(options)
    }

    fn option_value(&mut self) -> Parsed<String> {
        let quoted = |token: &Token| match token {
            Token::Int(_, text) | Token::Word(text) | Token::Float(text) => Some(text.clone()),
            Token::Hex(value) => Some(format!("{value:#x}")),
            Token::V4(addr) => Some(addr.to_string()),
            Token::V6(addr) => Some(addr.to_string()),
            Token::Str(text) => Some(format!("\"{text}\"")),
            Token::Back(text) => Some(format!("`{text}`")),
            _ => None,
        };
        let Some(mut value) = self.peek().and_then(quoted) else { return self.fail("expected a value") };
        self.at += 1;
        // `ipv4-mapped-ipv6`, `192.0.2.1/24`, `NAME=VALUE`
        while let Some(Token::Punct(c @ ('-' | '/' | '='))) = self.peek() {
            value.push(*c);
            self.at += 1;
            let Some(more) = self.peek().and_then(quoted) else { return self.fail("expected a value") };
            value.push_str(&more);
            self.at += 1;
        }
        if let Some(text) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
            value = text.to_owned();
        }
        Ok(value)
    }

    fn substitute(&mut self, defines: &Defines) {
        for (token, _) in &mut self.tokens[self.at..] {
            let Token::Word(word) = token else { continue };
            let Some((_, value)) = defines.iter().rev().find(|(name, _)| name == word) else { continue };
            *token = match value.chars().next() {
                Some('"') => Token::Str(value.trim_matches('"').to_owned()),
                Some('`') => Token::Back(value.trim_matches('`').to_owned()),
                _ => match value.parse() {
                    Ok(number) => Token::Int(number, value.clone()),
                    Err(_) => match value.strip_prefix("0x").map(|hex| i64::from_str_radix(hex, 16)) {
                        Some(Ok(number)) => Token::Hex(number),
                        _ => Token::Word(value.clone()),
                    },
                },
            };
        }
    }

    fn script(&mut self, options: Vec<(String, Option<String>)>) -> Parsed<Script> {
        let mut script = Script { options, ..Script::default() };
        script.init = self.command();
        while !matches!(self.peek(), None | Some(Token::Back(_))) {
            let event = self.event()?;
            script.events.push(event);
        }
        if script.events.is_empty() {
            return self.fail("expected an event");
        }
        script.cleanup = self.command();
        if self.peek().is_some() {
            return self.fail("expected the end");
        }
        Ok(script)
    }

    fn command(&mut self) -> Option<(String, usize)> {
        let line = self.line();
        match self.peek() {
            Some(Token::Back(text)) => {
                let text = text.clone();
                self.at += 1;
                Some((text, line))
            }
            _ => None,
        }
    }

    fn event(&mut self) -> Parsed<Event> {
        let line = self.line();
        let when = self.when()?;
        let action = self.action()?;
        let ranged = matches!(when, When::Any | When::Between(..) | When::AfterBetween(..));
        if ranged && !matches!(action, Action::Out(_)) {
            return Err(SyntaxError {
                line,
                what: "only a packet from the stack may come at any time".into(),
            });
        }
        Ok(Event { line, when, action })
    }

    fn when(&mut self) -> Parsed<When> {
        if self.accept('*') {
            return Ok(When::Any);
        }
        let relative = self.accept('+');
        let from = self.time()?;
        if !self.accept('~') {
            return Ok(if relative { When::After(from) } else { When::At(from) });
        }
        if relative {
            self.expect('+')?;
        }
        let to = self.time()?;
        if to < from {
            return self.fail("a range of times that goes backward");
        }
        Ok(if relative { When::AfterBetween(from, to) } else { When::Between(from, to) })
    }

    /// Seconds, as microseconds.
    fn time(&mut self) -> Parsed<i64> {
        let text = match self.peek() {
            Some(Token::Float(text) | Token::Int(_, text)) => text.clone(),
            _ => return self.fail("expected a time"),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
        let parse = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i64>().ok() };
        let time = parse(whole).and_then(|s| Some(s.checked_mul(1_000_000)? + parse(&digits)?));
        match time {
            Some(time) if time >= 0 => {
                self.at += 1;
                Ok(time)
            }
            _ => self.fail("a time that cannot be"),
        }
    }

    fn action(&mut self) -> Parsed<Action> {
        if self.accept('<') {
            let packet = self.packet(true)?;
            return Ok(Action::In(packet));
        }
        if self.accept('>') {
            let packet = self.packet(false)?;
            return Ok(Action::Out(packet));
        }
        match self.peek() {
            Some(Token::Back(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(Action::Command(text))
            }
            Some(Token::Code(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(Action::Code(text))
            }
            _ => self.call().map(Action::Call),
        }
    }

    fn call(&mut self) -> Parsed<Call> {
        let end = if self.peek() == Some(&Token::Ellipsis) {
            self.at += 1;
            Some(self.time()?)
        } else {
            None
        };
        let name = self.word()?;
        self.expect('(')?;
        let args = self.expressions(')')?;
        self.expect('=')?;
        let result = self.expression()?;
        let errno = match self.peek() {
            Some(Token::Word(_)) => Some(self.word()?),
            _ => None,
        };
        if self.accept('(') {
            while !self.accept(')') {
                if self.next().is_none() {
                    return self.fail("expected a closing parenthesis");
                }
            }
        }
        Ok(Call { end, name, args, result, errno })
    }

    /// Expressions up to the closing character.
    fn expressions(&mut self, close: char) -> Parsed<Vec<Expr>> {
        let mut list = Vec::new();
        if self.accept(close) {
            return Ok(list);
        }
        loop {
            list.push(self.expression()?);
            if self.accept(close) {
                return Ok(list);
            }
            self.expect(',')?;
        }
    }
}
