//! Our own scripts, over every IP.

use pktscript::suite::{run_script, scripts};
use std::path::Path;

#[test]
fn own_scripts_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut wrong = Vec::new();
    let mut passed = 0;
    for path in scripts(&root).expect("our scripts") {
        for case in run_script(&root, &path, None, true) {
            match case.line() {
                Some(line) => wrong.push(line),
                None => passed += 1,
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed > 0, "no script");
}
