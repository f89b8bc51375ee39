//! The `sockeye` program under test: the one of the build that these tests belong to.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of the `sockeye` program of this build.
///
/// `SOCKEYE_BIN` names another one. Without it the program is built first, in the profile and
/// the target directory of the running test, so that a test never meets a stale program.
///
/// # Panics
/// When the program cannot be built.
pub fn sockeye() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| match std::env::var_os("SOCKEYE_BIN") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    // target/PROFILE/deps/TEST
    let profile_dir = test.ancestors().nth(2).expect("a test lives in target/PROFILE/deps");
    let target = profile_dir.parent().expect("a profile lives in target/");
    let profile = match profile_dir.file_name().and_then(|n| n.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--workspace", "--bins"])
        .args(["--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(
        done.status.success(),
        "the sockeye program does not build:\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let program = profile_dir.join("sockeye");
    assert!(program.is_file(), "no program at {}", program.display());
    program
}
