//! What each operation costs in instructions: `cargo bench -p sockeye --bench instructions`.
//!
//! Times mean little on a machine that others use; callgrind counts instructions, the same number
//! each time. `… -- NAME COUNT` does an operation so many times, for a profile:
//! `valgrind --tool=callgrind target/release/deps/instructions-… udp_rr 10000`.

mod operations;

use operations::OPERATIONS;
use std::process::Command;

/// Instructions of a run that does `name` so many times.
fn instructions(name: &str, count: u64) -> Result<u64, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(exe)
        .args([name, &count.to_string()])
        .output()
        .map_err(|e| format!("valgrind: {e}"))?;
    let text = String::from_utf8_lossy(&run.stderr);
    let total = text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    total.ok_or_else(|| format!("{name}: {}", text.lines().last().unwrap_or("no output")))
}

fn main() -> Result<(), String> {
    // Cargo adds --bench.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let find = |name: &str| OPERATIONS.iter().find(|(known, _)| *known == name);
    if let [name, count] = &args[..] {
        let (_, make) = find(name).ok_or("no such operation")?;
        let count: u64 = count.parse().map_err(|_| "COUNT is no number")?;
        let mut operation = make(&sockeye::Net::new());
        (0..count).for_each(|_| operation());
        return Ok(());
    }
    for (name, _) in OPERATIONS.iter().filter(|(name, _)| args.is_empty() || args.iter().any(|a| a == name)) {
        // What setting up costs, and warming up, is in both.
        let (few, many) = (2_000, 6_000);
        let cost = (instructions(name, many)? - instructions(name, few)?) / (many - few);
        println!("{name:<12} {cost:>8} instructions");
    }
    Ok(())
}
