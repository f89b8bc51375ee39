//! The thread that runs a namespace's timers.
//!
//! Timers are armed on hot paths, where waking a thread costs more than the whole call. So the
//! thread promises to look again soon while timers are being armed, and need not be woken for those
//! that are due later than that; its naps double for as long as nobody arms anything sooner.

use kern::time::Time;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

/// The first nap after news, nanoseconds.
const NAP: u64 = 4_000_000;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    thread: OnceLock<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    thread: OnceLock<Thread>,
    stop: AtomicBool,
    news: AtomicBool,
}

impl Driver {
    pub(crate) fn new() -> Self {
        Driver { shared: Arc::default(), thread: OnceLock::new() }
    }

    /// To be called when a timer is armed for sooner than was promised.
    pub(crate) fn announcer(&self) -> Arc<dyn Fn(Time) + Send + Sync> {
        let shared = self.shared.clone();
        Arc::new(move |_| {
            shared.news.store(true, Relaxed);
            if let Some(thread) = shared.thread.get() {
                thread.unpark();
            }
        })
    }

    pub(crate) fn start(&self, stack: &Arc<net::Net>) {
        let (shared, stack) = (self.shared.clone(), stack.clone());
        let spawned =
            std::thread::Builder::new().name("sockeye-timers".into()).spawn(move || shared.run(&stack));
        if let Ok(handle) = spawned {
            let _ = self.shared.thread.set(handle.thread().clone());
            let _ = self.thread.set(handle);
        }
    }

    pub(crate) fn stop(mut self) {
        self.shared.stop.store(true, Relaxed);
        if let Some(handle) = self.thread.take() {
            handle.thread().unpark();
            // It panics for nobody.
            let _ = handle.join();
        }
    }
}

impl Shared {
    fn run(&self, stack: &net::Net) {
        let cpu = stack.new_cpu();
        let mut nap = NAP;
        while !self.stop.load(Relaxed) {
            if self.news.swap(false, Relaxed) {
                nap = NAP;
            }
            stack.run_timers(&cpu);
            let now = stack.clock.now();
            // The promise comes before the look: who arms in between sees one or is seen.
            let promised = now + nap;
            stack.timers_promised(Some(promised));
            match stack.next_timer() {
                None => {
                    stack.timers_promised(None);
                    // A timer armed since the look was armed against the earlier promise.
                    if stack.next_timer().is_none() {
                        std::thread::park();
                    }
                    nap = NAP;
                }
                Some(next) => {
                    let until = next.min(promised);
                    std::thread::park_timeout(Duration::from_nanos(until - now));
                    nap = nap.saturating_mul(2);
                }
            }
        }
    }
}
