//! Models of the concurrent parts: loom runs each in every order that matters.
//!
//! `RUSTFLAGS="--cfg sk_loom" cargo test -p sockeye-kern --release --lib`
//!
//! Each is run as the code is, and once for each [`Fault`] that it is there to notice.

mod claim;
mod once;
mod owner;
#[allow(unsafe_code, reason = "counts without the lock's guard")]
mod spin;
mod timer;
mod wait;

use crate::context::{Cpu, CpuIds, Process};
use crate::cred::Cred;
use crate::fault::{self, Fault};
use crate::park::{Parker, Sleeper};
use crate::signals::Signals;
use crate::time::{Time, VirtualClock};
use std::process::Command;
use std::sync::Arc;

/// The model holds, and fails with each of the mistakes. It runs in every order with up to
/// `preemptions` switches away from a thread that could go on; switches where a thread blocks do not
/// count.
fn check<M: Fn() + Send + Sync + 'static>(preemptions: usize, faults: &[Fault], model: M) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
    if std::env::var_os(fault::ENV).is_none() {
        // A model is a closure in its test, so its type's name is the test's and a little more.
        let path = std::any::type_name::<M>();
        let test = path.split("::").skip(1).take_while(|part| !part.starts_with('{')).collect::<Vec<_>>();
        faults.iter().for_each(|&mistake| must_fail(&test.join("::"), mistake));
    }
}

/// Runs a test in a process that makes a mistake.
fn must_fail(test: &str, mistake: Fault) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(fault::ENV, format!("{mistake:?}"))
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains(test), "there is no test {test}");
    assert!(!output.status.success(), "{test} did not notice {mistake:?}");
    assert!(!log.contains("maximum number of branches"), "{test} did not end with {mistake:?}");
}

/// Blocks.
struct Blocks;

impl Sleeper for Blocks {
    fn sleep(&self, parker: &Parker, until: Option<Time>) {
        assert_eq!(until, None);
        parker.block(None);
    }
}

fn cpu() -> Cpu {
    Cpu::new(&CpuIds::new(), Arc::new(VirtualClock::default()), Arc::new(Blocks))
}

/// Runs `call` in process context.
fn process<R>(cpu: &Cpu, signals: &Signals, call: impl FnOnce(&Process<'_>) -> R) -> R {
    call(&Process::enter(cpu, &Cred::nobody(), signals))
}
