//! Many connections: what an idle one weighs, and what it costs the others.

use super::Run;
use super::memory::resident;
use super::one_thread::round_trips;
use super::world::{listener, namespace, pair};
use sockeye::Task;

pub(super) fn scale(run: &Run<'_>) -> Result<(), String> {
    let failed = |errno: uapi::Errno| format!("{errno:?}: {errno}");
    let n = run.number("n", 1000)?;
    let task = Task::new(&namespace(0)?);
    task.files().set_rlimit(2 * n as u64 + 64);
    // More connections than one port has peers for: a listener for every 20,000.
    let ports = 9000..9001 + (n / 20_000) as u16;
    let mut listeners = Vec::new();
    for port in ports {
        listeners.push((listener(&task, port).map_err(failed)?, port));
    }
    let idle = |i: usize| {
        let (listener, port) = listeners[i / 20_000];
        pair(&task, listener, port, true).map_err(failed)
    };
    for _ in 0..8 {
        idle(0)?;
    }
    let before = resident()?;
    for i in 0..n / 2 {
        idle(i)?;
    }
    let (a, b) = idle(n / 2)?;
    for i in n / 2..n {
        idle(i)?;
    }
    let held = resident()?.saturating_sub(before);
    // Fewer do not fill the pages they are counted by.
    if n >= 1000 {
        run.report("idle_mem", held as f64 / n as f64, "B/connection");
    }
    let rate = round_trips(run, &task, a, b, 16)?;
    run.report("tcp_rr_among", rate, "round trips/s");
    Ok(())
}
