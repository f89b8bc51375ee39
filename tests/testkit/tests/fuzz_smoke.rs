//! Random and mutated input for every fuzz target, with a seed: what a machine without a fuzzer can
//! run. `FUZZ_SECONDS` says for how long (each target), `FUZZ_SEED` where to begin, `FUZZ_KEEP`
//! names a folder for what did something new; a failure prints
//! the input, which belongs into `fuzz/corpus` then.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testkit::fuzz::{Random, TARGETS, Target, random_input};
use testkit::knob;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    };
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
}

fn check(target: Target, name: &str, input: &[u8]) -> Vec<u32> {
    catch_unwind(AssertUnwindSafe(|| target(input))).unwrap_or_else(|_| {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{name} fails on {hex}");
    })
}

/// Keeps what did something new; inputs are made of it, as a fuzzer with coverage would.
fn smoke(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let mut corpus = corpus(name);
    let kept = corpus.len();
    let mut seen = HashSet::new();
    for input in &corpus {
        seen.extend(check(target, name, input));
    }
    let end = Instant::now() + Duration::from_secs(knob("FUZZ_SECONDS", 6));
    let mut random = Random(knob("FUZZ_SEED", 1));
    let mut runs = 0u64;
    while Instant::now() < end {
        let input = random_input(&mut random, &corpus);
        let features = check(target, name, &input);
        let before = seen.len();
        seen.extend(features);
        if seen.len() > before {
            corpus.push(input);
        }
        runs += 1;
    }
    println!(
        "{name}: {kept} of the corpus, {runs} random, {} new, {} features",
        corpus.len() - kept,
        seen.len()
    );
    // For whoever collects a corpus.
    if let Ok(folder) = std::env::var("FUZZ_KEEP") {
        for (number, input) in corpus.iter().enumerate() {
            std::fs::write(Path::new(&folder).join(format!("{name}-{number:04}")), input).unwrap();
        }
    }
}

#[test]
fn packets() {
    smoke("packets");
}

#[test]
fn calls() {
    smoke("calls");
}

#[test]
fn parsers() {
    smoke("parsers");
}
