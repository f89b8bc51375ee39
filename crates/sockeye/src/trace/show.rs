//! A call and what happened inside, for readers and for machines.

use super::record::{Record, Value};
use std::fmt::Write;

/// How to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// The call, and indented under it a line for each thing that happened.
    #[default]
    Text,
    /// A JSON object a line: calls have `call`, events have `event`.
    Json,
}

/// A call, with what happened inside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What happened since the last call, in no call: timers, packets.
    pub before: Vec<Record>,
    /// The call as strace writes it, without the result.
    pub line: Option<String>,
    /// The result.
    pub result: Option<String>,
    /// What happened inside.
    pub inside: Vec<Record>,
}

impl Told {
    /// As text.
    pub fn to_string(&self, style: Style) -> String {
        let mut out = String::new();
        match style {
            Style::Text => self.text(&mut out),
            Style::Json => self.json(&mut out),
        }
        out
    }

    fn text(&self, out: &mut String) {
        if !self.before.is_empty() {
            out.push_str("(between calls)\n");
            lines(out, &self.before);
        }
        if let Some(line) = &self.line {
            let _ = match &self.result {
                Some(result) => writeln!(out, "{line} = {result}"),
                None => writeln!(out, "{line} …"),
            };
        }
        lines(out, &self.inside);
    }

    fn json(&self, out: &mut String) {
        for record in &self.before {
            json_record(out, record, None);
        }
        if let Some(line) = &self.line {
            out.push_str("{\"call\":");
            json_string(out, line);
            if let Some(result) = &self.result {
                out.push_str(",\"result\":");
                json_string(out, result);
            }
            out.push_str("}\n");
        }
        for record in &self.inside {
            json_record(out, record, self.line.as_deref());
        }
    }
}

fn lines(out: &mut String, records: &[Record]) {
    for record in records {
        let _ = writeln!(out, "    {:<5} {}", record.room, record.text);
    }
}

fn json_record(out: &mut String, record: &Record, call: Option<&str>) {
    let Record { time, net, room, event, fields, .. } = record;
    let _ = write!(out, "{{\"event\":\"{event}\",\"room\":\"{room}\",\"net\":{net},\"ns\":{}", time.ns());
    if let Some(call) = call {
        out.push_str(",\"in\":");
        json_string(out, call);
    }
    for (name, value) in fields {
        let _ = write!(out, ",\"{name}\":");
        match value {
            Value::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Value::Text(text) => json_string(out, text),
        }
    }
    out.push_str("}\n");
}

fn json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
