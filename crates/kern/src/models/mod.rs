//! Models of the concurrent parts: loom runs each in every order that matters.
//!
//! `RUSTFLAGS="--cfg sk_loom" cargo test -p sockeye-kern --release --lib`
//!
//! Each is run as the code is, and once for each [`Fault`] that it is there to notice.

mod claim;
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
fn check(preemptions: usize, faults: &[Fault], model: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
    if std::env::var_os(fault::ENV).is_none() {
        faults.iter().for_each(|&mistake| must_fail(mistake));
    }
}

/// Runs the current test in a process that makes a mistake.
fn must_fail(mistake: Fault) {
    let test = std::thread::current().name().unwrap().to_owned();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&test, "--exact", "--nocapture"])
        .env(fault::ENV, format!("{mistake:?}"))
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
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
