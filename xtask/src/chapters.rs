//! `chapters`: the rows of `docs/CHAPTERS.md`, each with the tests that show it.
//!
//! A test names its rows in a comment above it: `// chapter: A5 B2`, or `# chapter: A5` in a
//! script.

use crate::tree::Tree;
use std::path::Path;

/// A row of the document.
struct Row {
    id: String,
    what: String,
    tests: Vec<String>,
}

pub(crate) fn run(tree: &Tree, _args: &[String]) -> Result<(), String> {
    let document = tree.read(Path::new("docs/CHAPTERS.md")).ok_or("docs/CHAPTERS.md is missing")?;
    let mut rows: Vec<Row> = document.lines().filter_map(row).collect();
    if rows.is_empty() {
        return Err("docs/CHAPTERS.md has no rows".to_owned());
    }
    let mut unknown = Vec::new();
    for file in tree.files()? {
        if file.extension().is_some_and(|e| e == "md") || file.starts_with("xtask") {
            continue;
        }
        let Some(text) = tree.read(&file) else {
            continue;
        };
        for (id, test) in marks(&file, &text) {
            match rows.iter_mut().find(|r| r.id == id) {
                Some(row) => row.tests.push(test),
                None => unknown.push(format!("{test}: no row {id}")),
            }
        }
    }
    let mut holes = 0;
    for row in &rows {
        println!("{:<4} {}", row.id, row.what);
        for test in &row.tests {
            println!("       {test}");
        }
        if row.tests.is_empty() {
            println!("       no test yet");
            holes += 1;
        }
    }
    println!("chapters: {} rows, {holes} without a test", rows.len());
    if !unknown.is_empty() {
        return Err(unknown.join("\n"));
    }
    if holes > 0 {
        return Err(format!("{holes} rows without a test"));
    }
    Ok(())
}

/// A table row whose first cell is a letter and a number.
fn row(line: &str) -> Option<Row> {
    let mut cells = line.trim().strip_prefix('|')?.split('|').map(str::trim);
    let id = cells.next()?.to_owned();
    let number = id.strip_prefix(|c: char| c.is_ascii_uppercase())?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Row { id, what: cells.next()?.to_owned(), tests: Vec::new() })
}

/// The rows a file names, each with the test that shows it.
fn marks(file: &Path, text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let comment = line.trim_start();
        let Some((sign, ids)) = comment.split_once("chapter:") else {
            continue;
        };
        if !matches!(sign.trim(), "//" | "///" | "//!" | "#") {
            continue;
        }
        let name = lines[i + 1..]
            .iter()
            .take(8)
            .find_map(|l| function(l))
            .map_or_else(String::new, |f| format!("::{f}"));
        for id in ids.split([',', ' ']).filter(|s| !s.is_empty()) {
            found.push((id.to_owned(), format!("{}{name}", file.display())));
        }
    }
    found
}

fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let after = ["fn ", "pub fn ", "async fn ", "def "].iter().find_map(|k| line.strip_prefix(k))?;
    after.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_takes_the_next_function() {
        let text = "// chapter: A1, B2\n#[test]\nfn twins() {}\n";
        let found = marks(Path::new("x.rs"), text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], ("B2".to_owned(), "x.rs::twins".to_owned()));
        assert!(row("| A12 | messages |").is_some());
        assert!(row("| row | the system |").is_none());
    }
}
