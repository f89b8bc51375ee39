//! Expressions of Python: numbers, comparisons in chains, strings for messages.

use std::collections::HashMap;
use std::fmt;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i64),
    Float(f64),
    Str(String),
    Tuple(Vec<Value>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Str(text) => f.write_str(text),
            Value::Tuple(list) => {
                let list: Vec<String> = list.iter().map(Value::to_string).collect();
                write!(f, "({})", list.join(", "))
            }
        }
    }
}

impl Value {
    pub(super) fn truth(&self) -> bool {
        match self {
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::Tuple(list) => !list.is_empty(),
        }
    }

    fn number(&self) -> Result<f64, String> {
        match self {
            Value::Int(value) => Ok(*value as f64),
            Value::Float(value) => Ok(*value),
            other => Err(format!("{other} is no number")),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Value(Value),
    Name(String),
    Op(&'static str),
}

/// Tokens of an expression.
pub(super) struct Lexed(Vec<Token>);

/// Longer ones first.
const OPS: &[&str] = &[
    "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~",
    "(", ")", ",",
];

impl Lexed {
    pub(super) fn new(text: &str) -> Result<Lexed, String> {
        let mut out = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let n;
            if first.is_ascii_digit() || first == '.' {
                n = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
                out.push(Token::Value(number(&rest[..n])?));
            } else if first.is_alphabetic() || first == '_' {
                n = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                out.push(Token::Name(rest[..n].to_owned()));
            } else if first == '\'' || first == '"' {
                let end = rest[1..].find(first).ok_or("a string without an end")?;
                n = end + 2;
                out.push(Token::Value(Value::Str(rest[1..=end].to_owned())));
            } else {
                let op = OPS.iter().find(|op| rest.starts_with(**op)).ok_or_else(|| format!("`{rest}`"))?;
                n = op.len();
                out.push(Token::Op(op));
            }
            rest = rest[n..].trim_start();
        }
        Ok(Lexed(out))
    }

    /// What stands before the first comma outside of parentheses, and what behind it.
    pub(super) fn split_comma(self) -> (Lexed, Option<Lexed>) {
        let mut depth = 0;
        let comma = self.0.iter().position(|token| {
            match token {
                Token::Op("(") => depth += 1,
                Token::Op(")") => depth -= 1,
                _ => {}
            }
            depth == 0 && *token == Token::Op(",")
        });
        let mut tokens = self.0;
        let message = comma.map(|at| {
            let rest = tokens.split_off(at + 1);
            tokens.pop();
            Lexed(rest)
        });
        (Lexed(tokens), message)
    }

    /// The variables in it and their values.
    pub(super) fn names(&self, names: &HashMap<String, Value>) -> String {
        let mut seen = Vec::new();
        for token in &self.0 {
            if let Token::Name(name) = token
                && name.chars().any(char::is_lowercase)
                && let Some(value) = names.get(name)
            {
                let text = format!("{name} = {value}");
                if !seen.contains(&text) {
                    seen.push(text);
                }
            }
        }
        seen.join(", ")
    }
}

fn number(text: &str) -> Result<Value, String> {
    let bad = || format!("`{text}` is no number");
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).map(Value::Int).map_err(|_| bad());
    }
    match text.parse() {
        Ok(value) => Ok(Value::Int(value)),
        Err(_) => text.parse().map(Value::Float).map_err(|_| bad()),
    }
}

/// The value of an expression, which is all there is.
pub(super) fn eval(lexed: &Lexed, names: &HashMap<String, Value>) -> Result<Value, String> {
    let mut parser = Parser { tokens: &lexed.0, at: 0, names };
    let value = parser.tuple()?;
    if parser.at < lexed.0.len() {
        return Err("more than an expression".into());
    }
    Ok(value)
}

struct Parser<'e> {
    tokens: &'e [Token],
    at: usize,
    names: &'e HashMap<String, Value>,
}

type Evaluated = Result<Value, String>;

impl Parser<'_> {
    fn op(&mut self, ops: &[&'static str]) -> Option<&'static str> {
        let found = match self.tokens.get(self.at) {
            Some(Token::Op(op)) => ops.iter().find(|o| *o == op).copied(),
            Some(Token::Name(name)) => ops.iter().find(|o| **o == name.as_str()).copied(),
            _ => None,
        };
        self.at += usize::from(found.is_some());
        found
    }

    fn tuple(&mut self) -> Evaluated {
        let first = self.or()?;
        if self.tokens.get(self.at) != Some(&Token::Op(",")) {
            return Ok(first);
        }
        let mut list = vec![first];
        while self.op(&[","]).is_some() {
            if self.at == self.tokens.len() || self.tokens[self.at] == Token::Op(")") {
                break;
            }
            list.push(self.or()?);
        }
        Ok(Value::Tuple(list))
    }

    fn or(&mut self) -> Evaluated {
        let mut left = self.and()?;
        while self.op(&["or"]).is_some() {
            let right = self.and()?;
            left = if left.truth() { left } else { right };
        }
        Ok(left)
    }

    fn and(&mut self) -> Evaluated {
        let mut left = self.not()?;
        while self.op(&["and"]).is_some() {
            let right = self.not()?;
            left = if left.truth() { right } else { left };
        }
        Ok(left)
    }

    fn not(&mut self) -> Evaluated {
        if self.op(&["not"]).is_some() {
            return Ok(Value::Int(i64::from(!self.not()?.truth())));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Evaluated {
        let mut left = self.binary(0)?;
        let mut holds = None;
        while let Some(op) = self.op(&["<=", ">=", "==", "!=", "<", ">"]) {
            let right = self.binary(0)?;
            let one = match (&left, &right) {
                (Value::Str(a), Value::Str(b)) => compare(op, a, b),
                _ => compare(op, &left.number()?, &right.number()?),
            };
            holds = Some(holds.unwrap_or(true) && one);
            left = right;
        }
        Ok(holds.map_or(left, |holds| Value::Int(i64::from(holds))))
    }

    fn binary(&mut self, level: usize) -> Evaluated {
        const LEVELS: [&[&str]; 6] =
            [&["|"], &["^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "//", "/", "%"]];
        let Some(ops) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(op) = self.op(ops) {
            let right = self.binary(level + 1)?;
            left = apply(op, &left, &right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Evaluated {
        if let Some(op) = self.op(&["-", "+", "~"]) {
            let value = self.unary()?;
            return match (op, value) {
                ("-", Value::Int(value)) => Ok(Value::Int(value.wrapping_neg())),
                ("-", Value::Float(value)) => Ok(Value::Float(-value)),
                ("~", Value::Int(value)) => Ok(Value::Int(!value)),
                (_, value) => Ok(value),
            };
        }
        let base = self.primary()?;
        if self.op(&["**"]).is_some() {
            let power = self.unary()?;
            return match (&base, &power) {
                (Value::Int(base), Value::Int(power)) => {
                    let power = u32::try_from(*power).map_err(|_| "a negative power")?;
                    base.checked_pow(power).map(Value::Int).ok_or_else(|| "too large".into())
                }
                _ => Ok(Value::Float(base.number()?.powf(power.number()?))),
            };
        }
        Ok(base)
    }

    fn primary(&mut self) -> Evaluated {
        let token = self.tokens.get(self.at).ok_or("an expression that ends too soon")?.clone();
        self.at += 1;
        match token {
            Token::Value(value) => Ok(value),
            Token::Op("(") => {
                let value = self.tuple()?;
                self.op(&[")"]).ok_or("no closing parenthesis")?;
                Ok(value)
            }
            Token::Name(name) if self.op(&["("]).is_some() => {
                let args = match self.op(&[")"]) {
                    Some(_) => Vec::new(),
                    None => match self.tuple().map(|value| (value, self.op(&[")"])))? {
                        (_, None) => return Err("no closing parenthesis".into()),
                        (Value::Tuple(list), _) => list,
                        (one, _) => vec![one],
                    },
                };
                function(&name, &args)
            }
            Token::Name(name) => self.names.get(&name).cloned().ok_or_else(|| format!("name {name}")),
            Token::Op(op) => Err(format!("`{op}`")),
        }
    }
}

fn compare<T: PartialOrd + ?Sized>(op: &str, a: &T, b: &T) -> bool {
    match op {
        "<=" => a <= b,
        ">=" => a >= b,
        "==" => a == b,
        "!=" => a != b,
        "<" => a < b,
        _ => a > b,
    }
}

fn apply(op: &str, left: &Value, right: &Value) -> Evaluated {
    if let (Value::Str(text), "%") = (left, op) {
        return format(text, right);
    }
    let too_large = || "too large".to_owned();
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        let (a, b) = (*a, *b);
        let shift = || u32::try_from(b).map_err(|_| "a negative shift".to_owned());
        let value = match op {
            "|" => a | b,
            "^" => a ^ b,
            "&" => a & b,
            "<<" => a.checked_shl(shift()?).ok_or_else(too_large)?,
            ">>" => a.checked_shr(shift()?).ok_or_else(too_large)?,
            "+" => a.checked_add(b).ok_or_else(too_large)?,
            "-" => a.checked_sub(b).ok_or_else(too_large)?,
            "*" => a.checked_mul(b).ok_or_else(too_large)?,
            _ if b == 0 => return Err("division by zero".into()),
            "//" => a.div_euclid(b),
            "%" => a.rem_euclid(b),
            _ => return Ok(Value::Float(a as f64 / b as f64)),
        };
        return Ok(Value::Int(value));
    }
    let (a, b) = (left.number()?, right.number()?);
    match op {
        "+" => Ok(Value::Float(a + b)),
        "-" => Ok(Value::Float(a - b)),
        "*" => Ok(Value::Float(a * b)),
        "/" => Ok(Value::Float(a / b)),
        _ => Err(format!("`{op}` of fractions")),
    }
}

/// `'…%d…' % value`
fn format(text: &str, value: &Value) -> Evaluated {
    let values = match value {
        Value::Tuple(list) => list.clone(),
        one => vec![one.clone()],
    };
    let mut values = values.iter();
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(_) => out.push_str(&values.next().ok_or("too few values")?.to_string()),
            None => return Err("a format that ends too soon".into()),
        }
    }
    Ok(Value::Str(out))
}

fn function(name: &str, args: &[Value]) -> Evaluated {
    let by = |pick: fn(&f64, &f64) -> bool| {
        let mut best: Option<&Value> = None;
        for arg in args {
            match best {
                Some(value) if !pick(&arg.number()?, &value.number()?) => {}
                _ => best = Some(arg),
            }
        }
        best.cloned().ok_or_else(|| "no argument".to_owned())
    };
    match (name, args) {
        ("min", _) => by(|a, b| a < b),
        ("max", _) => by(|a, b| a > b),
        ("abs", [Value::Int(value)]) => Ok(Value::Int(value.wrapping_abs())),
        ("abs", [Value::Float(value)]) => Ok(Value::Float(value.abs())),
        ("int", [value]) => Ok(Value::Int(value.number()? as i64)),
        ("float", [value]) => Ok(Value::Float(value.number()?)),
        ("str", [value]) => Ok(Value::Str(value.to_string())),
        ("print", _) => Ok(Value::Int(0)),
        _ => Err(format!("function {name}")),
    }
}
