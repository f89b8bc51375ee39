//! Expressions: arguments and results of system calls.

use super::{Parsed, Parser};
use crate::ast::Expr;
use crate::lex::Token;
use std::net::IpAddr;

impl Parser {
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        let mut left = self.primary()?;
        while self.accept('|') {
            let right = self.primary()?;
            left = Expr::Or(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let Some(token) = self.peek().cloned() else { return self.fail("expected an expression") };
        match token {
            Token::Str(_) => return self.strings(),
            Token::Word(word) if matches!(self.peek_at(1), Some(Token::Punct('('))) => {
                return self.function(&word);
            }
            _ => self.at += 1,
        }
        match token {
            Token::Ellipsis => Ok(Expr::Ellipsis),
            Token::Int(value, _) | Token::Hex(value) => Ok(Expr::Int(value)),
            Token::Word(word) => Ok(Expr::Word(word)),
            Token::V4(addr) => Ok(Expr::Addr(addr.into())),
            Token::V6(addr) => Ok(Expr::Addr(addr.into())),
            Token::Punct('[') => self.expressions(']').map(Expr::List),
            Token::Punct('{') => self.braces(),
            _ => {
                self.at -= 1;
                self.fail("expected an expression")
            }
        }
    }

    /// Strings that stand side by side are one.
    fn strings(&mut self) -> Parsed<Expr> {
        let mut bytes = Vec::new();
        while let Some(Token::Str(text)) = self.peek() {
            let Some(more) = unescape(text) else { return self.fail("an escape that is none") };
            bytes.extend(more);
            self.at += 1;
        }
        if self.peek() == Some(&Token::Ellipsis) {
            self.at += 1;
        }
        Ok(Expr::Str(bytes))
    }

    /// `htons(8080)`, `inet_addr("192.0.2.1")`, `inet6_addr("::1")`.
    fn function(&mut self, name: &str) -> Parsed<Expr> {
        self.at += 1;
        self.expect('(')?;
        let mut args = self.expressions(')')?;
        let first = if args.len() == 1 { args.pop() } else { None };
        let addr =
            |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<IpAddr>().ok());
        match (name, first) {
            ("htons", Some(port)) => Ok(port),
            ("inet_addr" | "inet6_addr", Some(Expr::Str(text))) => match addr(&text) {
                Some(addr) => Ok(Expr::Addr(addr)),
                None => self.fail("expected an address"),
            },
            _ => self.fail("a function that is not known"),
        }
    }

    /// What follows an opening brace: fields with names, or a list of expressions.
    fn braces(&mut self) -> Parsed<Expr> {
        let named = matches!(self.peek(), Some(Token::Word(_)))
            && matches!(self.peek_at(1), Some(Token::Punct('=' | '(')));
        if !named {
            return self.expressions('}').map(Expr::Group);
        }
        let mut fields = Vec::new();
        loop {
            let name = self.word()?;
            // `msg_iov(1)=[…]`: the list says its length itself.
            if self.accept('(') {
                let count = self.expressions(')')?;
                fields.push((format!("{name}()"), Expr::List(count)));
            }
            self.expect('=')?;
            let value = self.expression()?;
            fields.push((name, value));
            if self.accept('}') {
                return Ok(Expr::Fields(fields));
            }
            self.expect(',')?;
        }
    }
}

/// The bytes of a string with C's escapes.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next()? {
            b'\\' => b'\\',
            b'"' => b'"',
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'0' => 0,
            b'x' => {
                let digit = |b: u8| char::from(b).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                (high * 16 + low) as u8
            }
            _ => return None,
        });
    }
    Some(out)
}
