//! Reading Rust just far enough for the checks: code without comments, strings and tests.

/// The text with comments, string contents and character literals blanked; lines stay in place.
pub(crate) fn code_only(text: &str) -> String {
    let b = text.as_bytes();
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        let end = match b[i] {
            b'/' if b.get(i + 1) == Some(&b'/') => line_end(b, i),
            b'/' if b.get(i + 1) == Some(&b'*') => block_comment_end(b, i),
            b'"' => string_end(b, i),
            b'r' if !word_before(b, i) => raw_string_end(b, i).unwrap_or(i),
            b'\'' => char_end(b, i).unwrap_or(i),
            _ => i,
        };
        if end == i {
            out.push(b[i]);
            i += 1;
        } else {
            let blank = |&c: &u8| if c == b'\n' { b'\n' } else { b' ' };
            out.extend(b[i..end].iter().map(blank));
            i = end;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn line_end(b: &[u8], i: usize) -> usize {
    find(b, i, b"\n").unwrap_or(b.len())
}

fn find(b: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    b.get(from..)?.windows(needle.len()).position(|w| w == needle).map(|p| p + from)
}

fn word_before(b: &[u8], i: usize) -> bool {
    i > 0 && (b[i - 1].is_ascii_alphanumeric() || b[i - 1] == b'_')
}

fn block_comment_end(b: &[u8], start: usize) -> usize {
    let (mut depth, mut i) = (0usize, start);
    while i < b.len() {
        match &b[i..b.len().min(i + 2)] {
            b"/*" => {
                depth += 1;
                i += 2;
            }
            b"*/" => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    b.len()
}

fn string_end(b: &[u8], start: usize) -> usize {
    let mut i = start + 1;
    while i < b.len() {
        match b[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    b.len()
}

fn raw_string_end(b: &[u8], start: usize) -> Option<usize> {
    let hashes = b[start + 1..].iter().take_while(|&&c| c == b'#').count();
    let open = start + 1 + hashes;
    if b.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    Some(find(b, open + 1, &close).map_or(b.len(), |p| p + close.len()))
}

/// The end of a character literal; `None` for a lifetime.
fn char_end(b: &[u8], start: usize) -> Option<usize> {
    let first = *b.get(start + 1)?;
    let from = if first == b'\\' { start + 3 } else { start + 2 };
    let limit = b.len().min(from + 10);
    let close = (from..limit).find(|&i| b[i] == b'\'')?;
    // A plain literal holds one character; anything longer is `'a … 'b`.
    let one = std::str::from_utf8(&b[start + 1..close]).is_ok_and(|s| s.chars().count() == 1);
    (first == b'\\' || one).then_some(close + 1)
}

/// Attributes whose items are built only for tests or for the model checker.
const TEST_ITEMS: &[&str] = &["#[cfg(test)]", "#[cfg(all(test", "#[cfg(sk_loom)]", "#[cfg(all(sk_loom"];

/// Blanks the items under such attributes in text that went through [`code_only`].
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    let mut from = 0;
    let next = |out: &[u8], from| TEST_ITEMS.iter().filter_map(|a| find(out, from, a.as_bytes())).min();
    while let Some(at) = next(&out, from) {
        let attribute = find(&out, at, b"]").unwrap_or(at);
        let end = item_end(&out, attribute);
        for c in &mut out[at..end] {
            if *c != b'\n' {
                *c = b' ';
            }
        }
        from = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn item_end(b: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    for (i, &c) in b.iter().enumerate().skip(start) {
        match c {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i + 1;
                }
            }
            b';' if depth == 0 => return i + 1,
            _ => {}
        }
    }
    b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blank() {
        let text = "a // b\n/* c /* d */ e */ f \"g\\\"h\" 'i' '\\n' 'x: r#\"j\"# k";
        let code = code_only(text);
        assert_eq!(code.lines().count(), 2);
        for gone in ["b", "c", "d", "e", "g", "h", "i", "n", "j"] {
            assert!(!code.contains(gone), "{gone} in {code}");
        }
        for kept in ["a", "f", "'x:", "k"] {
            assert!(code.contains(kept), "{kept} not in {code}");
        }
    }

    #[test]
    fn test_items_are_blank() {
        let code = without_tests("fn a() {}\n#[cfg(test)]\nmod t { fn b() {} }\nfn c() {}");
        assert!(!code.contains('b') && code.contains('a') && code.contains('c'));
        let code = without_tests("#[cfg(all(test, not(x)))]\nmod tests;\nfn c() {}");
        assert!(code.contains("fn c") && !code.contains("tests"));
    }
}
