//! Random and mutated input for every fuzz target, with a seed: what a machine without a fuzzer can
//! run. `FUZZ_SECONDS` says for how long (each target), `FUZZ_SEED` where to begin, `FUZZ_KEEP`
//! names a folder for what did something new; a failure prints
//! the input, which belongs into `fuzz/corpus` then.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
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

fn hex(input: &[u8]) -> String {
    input.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check(target: Target, name: &str, input: &[u8]) -> Vec<u32> {
    catch_unwind(AssertUnwindSafe(|| target(input)))
        .unwrap_or_else(|_| panic!("{name} fails on {}", hex(input)))
}

/// The input that is running; one that runs for half a minute hangs, and ends the tests.
#[derive(Clone, Default)]
struct Watchdog(Arc<Mutex<(u64, Vec<u8>)>>);

impl Watchdog {
    fn start(name: &'static str) -> Watchdog {
        let dog = Watchdog::default();
        let state = Arc::downgrade(&dog.0);
        std::thread::spawn(move || {
            let mut last = u64::MAX;
            loop {
                std::thread::sleep(Duration::from_secs(30));
                let Some(state) = state.upgrade() else { return };
                let (number, input) = state.lock().unwrap().clone();
                if number == last {
                    println!("{name} hangs on {}", hex(&input));
                    std::process::exit(101);
                }
                last = number;
            }
        });
        dog
    }

    fn runs(&self, number: u64, input: &[u8]) {
        *self.0.lock().unwrap() = (number, input.to_vec());
    }
}

/// Keeps what did something new; inputs are made of it, as a fuzzer with coverage would.
fn smoke(name: &'static str) {
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
    let dog = Watchdog::start(name);
    while Instant::now() < end {
        let input = random_input(&mut random, &corpus);
        dog.runs(runs + 1, &input);
        let features = check(target, name, &input);
        let before = seen.len();
        seen.extend(features);
        if seen.len() > before {
            corpus.push(input);
        }
        runs += 1;
    }
    drop(dog);
    println!(
        "{name}: {kept} of the corpus, {runs} random, {} new, {} features",
        corpus.len() - kept,
        seen.len()
    );
    if let Ok(folder) = std::env::var("FUZZ_KEEP") {
        keep(target, name, corpus, Path::new(&folder));
    }
}

/// Writes a few inputs that together move most of the counters that moved.
fn keep(target: Target, name: &str, corpus: Vec<Vec<u8>>, folder: &Path) {
    let counters = |input: &Vec<u8>| target(input).into_iter().map(|f| f >> 5).collect::<HashSet<u32>>();
    let mut all: Vec<_> = corpus.into_iter().map(|input| (counters(&input), input)).collect();
    all.sort_by_key(|(counters, input)| (Reverse(counters.len()), input.len()));
    let mut seen = HashSet::new();
    for (counters, input) in all {
        let before = seen.len();
        seen.extend(counters);
        if seen.len() >= before + 3 {
            let mut hasher = std::hash::DefaultHasher::new();
            input.hash(&mut hasher);
            std::fs::write(folder.join(format!("{name}-{:016x}", hasher.finish())), &input).unwrap();
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
