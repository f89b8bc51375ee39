//! `layers`: arrows between rooms run downward, unsafe code stays where it may, files stay
//! short, and the core names no thread, clock or file.

use crate::rules::{
    CORE_FORBIDS, MACHINE_PATHS, MAX_LINES, MUTABLE_STATICS, OUTSIDE, ROOMS, Room, TEST_DIRS,
};
use crate::source::{code_only, without_tests};
use crate::tree::{Package, Tree};
use std::path::Path;

pub(crate) fn run(tree: &Tree, args: &[String]) -> Result<(), String> {
    let packages = tree.packages()?;
    let files = tree.files()?;
    let mut faults = Vec::new();
    arrows(&packages, &mut faults);
    unsafe_walls(tree, &packages, &mut faults);
    let every = args.iter().any(|a| a == "--lengths");
    let mut lengths = Vec::new();
    for file in &files {
        let Some(text) = tree.read(file) else {
            continue;
        };
        machine_paths(file, &text, &mut faults);
        if file.extension().is_none_or(|e| e != "rs") || is_test(file) {
            continue;
        }
        lengths.push((text.lines().count(), file));
        let owner =
            packages.iter().filter(|p| file.starts_with(&p.dir)).max_by_key(|p| p.dir.components().count());
        if owner.and_then(|p| room(&p.name)).is_some_and(|r| r.core) {
            core_names(file, &without_tests(&code_only(&text)), &mut faults);
        }
    }
    lengths.sort_by_key(|(n, file)| (std::cmp::Reverse(*n), file.as_path()));
    for (n, file) in &lengths {
        if *n > MAX_LINES {
            let name = file.display();
            faults.push(format!("{name}: {n} lines, more than {MAX_LINES}"));
        }
    }
    for (n, file) in lengths.iter().take(if every { usize::MAX } else { 5 }) {
        println!("{n:>5}  {}", file.display());
    }
    let (rooms, count) = (packages.len(), files.len());
    if faults.is_empty() {
        println!("layers: {rooms} rooms, {count} files: the walls stand");
        return Ok(());
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    Err(format!("{} faults", faults.len()))
}

fn room(package: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|r| r.package == package)
}

/// Tests, models, benchmarks and examples are free of the rules for the core and of the length.
fn is_test(file: &Path) -> bool {
    let dir = |d: &&str| file.components().any(|c| c.as_os_str() == *d);
    let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or("");
    TEST_DIRS.iter().any(dir) || TEST_DIRS.contains(&stem) || stem.ends_with("_tests")
}

fn arrows(packages: &[Package], faults: &mut Vec<String>) {
    for package in packages {
        let name = &package.name;
        let Some(from) = room(name) else {
            faults.push(format!("{name}: no row in xtask/src/rules.rs"));
            continue;
        };
        for (import, only_tests) in &package.imports {
            let Some(to) = room(import) else {
                continue;
            };
            let down = to.floor < from.floor;
            // The test kit assembles whole stacks, so a room's own tests may climb to it, and to a device.
            let test_help =
                *only_tests && (to.floor == OUTSIDE || import == "sockeye" || import == "sockeye-dev");
            let tools = from.floor == OUTSIDE && to.floor == OUTSIDE && name != import;
            if !(down || test_help || tools) {
                faults.push(format!(
                    "{name} (floor {}) imports {import} (floor {}): arrows run only downward",
                    from.floor, to.floor
                ));
            }
        }
    }
    for row in ROOMS {
        if !packages.iter().any(|p| p.name == row.package) {
            faults.push(format!("{}: a row without a room", row.package));
        }
    }
}

fn unsafe_walls(tree: &Tree, packages: &[Package], faults: &mut Vec<String>) {
    for package in packages {
        let may = room(&package.name).is_some_and(|r| r.may_unsafe);
        for root in &package.roots {
            let text = tree.read(root).unwrap_or_default();
            if !may && !code_only(&text).contains("#![forbid(unsafe_code)]") {
                faults.push(format!("{}: no #![forbid(unsafe_code)]", root.display()));
            }
        }
        let manifest = package.dir.join("Cargo.toml");
        let text = tree.read(&manifest).unwrap_or_default();
        if !text.contains("[lints]\nworkspace = true") {
            let name = manifest.display();
            faults.push(format!("{name}: does not take the workspace's lints"));
        }
    }
}

fn core_names(file: &Path, code: &str, faults: &mut Vec<String>) {
    for (i, line) in code.lines().enumerate() {
        let mut fault = |what: &str, why: &str| {
            faults.push(format!("{}:{}: {what}: {why}", file.display(), i + 1));
        };
        for (what, why) in CORE_FORBIDS {
            if line.contains(what) {
                fault(what, why);
            }
        }
        let item = line.trim_start();
        let item = item
            .strip_prefix("pub")
            .map_or(item, |rest| rest.split_once(')').map_or(rest, |(_, after)| after).trim_start());
        let mutable = MUTABLE_STATICS.iter().find(|t| line.contains(**t));
        if let (true, Some(what)) = (item.starts_with("static "), mutable) {
            fault(what, "no mutable globals");
        }
    }
}

fn machine_paths(file: &Path, text: &str, faults: &mut Vec<String>) {
    for (i, line) in text.lines().enumerate() {
        for path in MACHINE_PATHS {
            if line.contains(path) {
                let name = file.display();
                faults.push(format!("{name}:{}: names the machine path {path}", i + 1));
            }
        }
    }
}
