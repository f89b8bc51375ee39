//! A task of our own, and one of the host's to compare it with.

#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod host;
pub(crate) mod ops;

use kern::context::{Cpu, CpuIds, Process};
use kern::cred::Cred;
use kern::park::{Sleeper, ThreadSleeper};
use kern::signals::Signals;
use kern::time::{Clock, Time};
use sockeye_vfs::{Files, Vfs};
use std::sync::Arc;
use std::time::Instant;

/// The clock of the machine.
pub(crate) struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Time {
        Time::from_ns(self.0.elapsed().as_nanos() as u64)
    }
    fn realtime_ns(&self) -> u64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
    }
}

/// Whatever a process brings with it; a thread makes its own [`Process`] of it.
pub(crate) struct World {
    pub(crate) cpu: Cpu,
    pub(crate) cred: Cred,
    pub(crate) signals: Arc<Signals>,
    pub(crate) vfs: Arc<Vfs>,
}

#[derive(Clone)]
pub(crate) struct Machine {
    ids: CpuIds,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    pub(crate) vfs: Arc<Vfs>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(RealClock(Instant::now()));
        Machine {
            ids: CpuIds::new(),
            sleeper: Arc::new(ThreadSleeper::new(clock.clone(), 1)),
            clock,
            vfs: Vfs::new(),
        }
    }

    pub(crate) fn world(&self) -> World {
        World {
            cpu: Cpu::new(&self.ids, self.clock.clone(), self.sleeper.clone()),
            cred: Cred::root(),
            signals: Arc::default(),
            vfs: self.vfs.clone(),
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Machine::new().world()
    }

    pub(crate) fn process(&self) -> Process<'_> {
        Process::enter(&self.cpu, &self.cred, &self.signals)
    }

    pub(crate) fn files(&self) -> Files {
        Files::new(self.vfs.clone())
    }
}
