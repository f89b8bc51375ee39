//! `packetdrill --suite DIR [--filter TEXT] [--ip VERSION] [--strict] [--json]`: runs packet scripts.
//!
//! One line for each script that fails or is not supported, then `N passed, M failed, K unsupported`.
//! With `--strict` a packet of the connection that nobody expected until the end fails a script too;
//! foreign suites leave some. The exit status is 0 when none failed.

#![forbid(unsafe_code)]

use pktscript::settings::IpVersion;
use pktscript::suite::{Case, Outcome, run_script, scripts};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Default)]
struct Options {
    suite: PathBuf,
    filter: String,
    ip: Option<IpVersion>,
    json: bool,
    strict: bool,
    /// Parse only.
    dry: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
        match arg.as_str() {
            "--suite" => options.suite = value()?.into(),
            "--filter" => options.filter = value()?,
            "--ip" | "--ip_version" => {
                let name = value()?;
                let version = IpVersion::ALL.into_iter().find(|version| version.name() == name);
                options.ip = Some(version.ok_or_else(|| format!("no IP version {name}"))?);
            }
            "--strict" => options.strict = true,
            "--json" => options.json = true,
            "--dry-run" => options.dry = true,
            _ => return Err(format!("option {arg}")),
        }
    }
    if options.suite.as_os_str().is_empty() { Err("--suite DIR is wanted".into()) } else { Ok(options) }
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(what) => {
            eprintln!("packetdrill: {what}");
            eprintln!(
                "usage: packetdrill --suite DIR [--filter TEXT] [--ip ipv4|ipv6|ipv4-mapped-ipv6] [--strict] [--json] [--dry-run]"
            );
            return ExitCode::from(2);
        }
    };
    let found = match scripts(&options.suite) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("packetdrill: {}: {error}", options.suite.display());
            return ExitCode::from(2);
        }
    };
    // What panics says so in its line.
    std::panic::set_hook(Box::new(|_| {}));
    let mut counts = [0; 3];
    let mut cases = Vec::new();
    for path in found.iter().filter(|path| path.to_string_lossy().contains(&options.filter)) {
        if options.dry {
            dry(path, &mut counts);
            continue;
        }
        for case in run_script(&options.suite, path, options.ip, options.strict) {
            counts[index(&case.outcome)] += 1;
            match case.line() {
                Some(line) if !options.json => println!("{line}"),
                _ => {}
            }
            cases.push(case);
        }
    }
    let [passed, failed, unsupported] = counts;
    if options.json {
        let list: Vec<_> = cases.iter().map(as_json).collect();
        println!(
            "{}",
            json!({"passed": passed, "failed": failed, "unsupported": unsupported, "cases": list})
        );
    } else {
        println!("{passed} passed, {failed} failed, {unsupported} unsupported");
    }
    ExitCode::from(u8::from(failed > 0))
}

fn dry(path: &std::path::Path, counts: &mut [usize; 3]) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let defines = pktscript::settings::Settings::new(IpVersion::V4).defines;
    match pktscript::parse::parse(&text, &defines) {
        Ok(_) => counts[0] += 1,
        Err(error) => {
            counts[1] += 1;
            println!("FAIL {}:{}: {}", path.display(), error.line, error.what);
        }
    }
}

fn index(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Passed => 0,
        Outcome::Failed(_) => 1,
        Outcome::Unsupported(_) => 2,
    }
}

fn as_json(case: &Case) -> serde_json::Value {
    let outcome = ["passed", "failed", "unsupported"][index(&case.outcome)];
    let ip = case.ip.map(IpVersion::name);
    match &case.outcome {
        Outcome::Passed => json!({"script": case.name, "ip": ip, "outcome": outcome}),
        Outcome::Failed(failure) | Outcome::Unsupported(failure) => json!({
            "script": case.name,
            "ip": ip,
            "outcome": outcome,
            "line": failure.line,
            "expected": failure.expected,
            "got": failure.got,
        }),
    }
}
