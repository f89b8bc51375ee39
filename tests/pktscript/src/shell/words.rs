//! The words of a command line: quotes, comments, arithmetic, redirections.

/// A part of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Word(String),
    /// `> FILE`
    Redirect(String),
    Pipe,
    And,
    Or,
    /// A line's end or a semicolon.
    End,
}

/// Splits a text into its parts.
pub(super) fn split(text: &str) -> Result<Vec<Item>, String> {
    let text = text.replace("\\\n", " ");
    let mut items = Vec::new();
    let mut word: Option<String> = None;
    let mut redirect = false;
    let mut chars = text.chars().peekable();
    let finish = |word: &mut Option<String>, redirect: &mut bool, items: &mut Vec<Item>| {
        if let Some(word) = word.take() {
            items.push(if std::mem::take(redirect) { Item::Redirect(word) } else { Item::Word(word) });
        }
    };
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => finish(&mut word, &mut redirect, &mut items),
            '#' if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            '\n' | ';' => {
                finish(&mut word, &mut redirect, &mut items);
                items.push(Item::End);
            }
            // `&>` is `>` for errors too.
            '&' if chars.peek() == Some(&'>') => finish(&mut word, &mut redirect, &mut items),
            '|' | '&' => {
                finish(&mut word, &mut redirect, &mut items);
                let double = chars.next_if_eq(&c).is_some();
                items.push(match (c, double) {
                    ('|', false) => Item::Pipe,
                    ('|', true) => Item::Or,
                    (_, true) => Item::And,
                    _ => return Err("a command in the background".into()),
                });
            }
            '>' => {
                // `2>` and `2>&1` are about what nobody reads.
                let errors = word.as_deref() == Some("2");
                if errors {
                    word = None;
                }
                finish(&mut word, &mut redirect, &mut items);
                chars.next_if_eq(&'>');
                if chars.next_if_eq(&'&').is_some() {
                    while chars.next_if(char::is_ascii_digit).is_some() {}
                } else if errors {
                    while chars.next_if(|c| *c == ' ').is_some() {}
                    while chars.next_if(|c| !c.is_whitespace() && *c != ';').is_some() {}
                } else {
                    redirect = true;
                }
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("a quote without an end".into()),
                    }
                }
            }
            '"' => {
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => inner.extend(chars.next()),
                        Some(c) => inner.push(c),
                        None => return Err("a quote without an end".into()),
                    }
                }
                word.get_or_insert_default().push_str(&expand(&inner)?);
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '$' => {
                let mut inner = String::from("$");
                let mut depth = 0;
                while let Some(c) = chars.next_if(|c| depth > 0 || !c.is_whitespace() && *c != ';') {
                    depth += i32::from(matches!(c, '(' | '{')) - i32::from(matches!(c, ')' | '}'));
                    inner.push(c);
                    if depth == 0 && matches!(c, ')' | '}') {
                        break;
                    }
                }
                word.get_or_insert_default().push_str(&expand(&inner)?);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    finish(&mut word, &mut redirect, &mut items);
    Ok(items)
}

/// Puts values in place of `$((…))` and `${PPID}`.
fn expand(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(inner) = rest.strip_prefix("$((") {
            let end = inner.find("))").ok_or("arithmetic without an end")?;
            out.push_str(&crate::code::arithmetic(&inner[..end])?.to_string());
            rest = &inner[end + 2..];
        } else if let Some(more) = rest.strip_prefix("${PPID}") {
            out.push_str("PPID");
            rest = more;
        } else {
            return Err(format!("variable {rest}"));
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_suites() {
        let word = |text: &str| Item::Word(text.into());
        assert_eq!(
            split("sysctl -q a=\"1 $((2*3)) 4\" # why\n").unwrap(),
            [word("sysctl"), word("-q"), word("a=1 6 4"), Item::End]
        );
        assert_eq!(
            split("x 2>/dev/null ; echo 3 > /a/b && y 2>&1 | grep -q \" 1 \"").unwrap(),
            [
                word("x"),
                Item::End,
                word("echo"),
                word("3"),
                Item::Redirect("/a/b".into()),
                Item::And,
                word("y"),
                Item::Pipe,
                word("grep"),
                word("-q"),
                word(" 1 ")
            ]
        );
        assert_eq!(split("a &> b").unwrap(), [word("a"), Item::Redirect("b".into())]);
        assert_eq!(split("/tmp/r_${PPID}.sh").unwrap(), [word("/tmp/r_PPID.sh")]);
        assert!(split("a $HOME").is_err() && split("a 'b").is_err() && split("a &").is_err());
    }
}
