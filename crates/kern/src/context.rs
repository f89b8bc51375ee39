//! Contexts: what runs now, and whether it may sleep.
//!
//! [`Process`] and [`Softirq`] are proofs, passed by reference and tied to their thread. What may
//! sleep takes a `&Process`; what only a softirq may do takes a `&Softirq`.

use crate::cred::Cred;
use crate::park::{Parker, Sleeper};
use crate::signals::Signals;
use crate::slots::Tagged;
use crate::sync::SpinLock;
use crate::time::{Clock, Time};
use std::any::Any;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

/// The number of a [`Cpu`]: which shard of caches and counters is a thread's (`smp_processor_id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuId(u32);

impl CpuId {
    /// The number `index`.
    #[inline]
    pub const fn new(index: usize) -> CpuId {
        CpuId(index as u32)
    }

    /// As an index: small, not bounded.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Default)]
struct Ids {
    next: u32,
    free: BTreeSet<u32>,
}

/// Gives [`Cpu`]s their numbers: the smallest that is free. Clones share the numbers.
#[derive(Clone, Default)]
pub struct CpuIds(Arc<SpinLock<Ids>>);

impl CpuIds {
    /// No number is taken.
    pub fn new() -> Self {
        Self::default()
    }

    fn take(&self) -> CpuId {
        let mut ids = self.0.lock();
        let id = ids.free.pop_first().unwrap_or(ids.next);
        ids.next = ids.next.max(id + 1);
        CpuId(id)
    }

    fn give_back(&self, id: CpuId) {
        self.0.lock().free.insert(id.0);
    }
}

/// What Linux keeps per CPU and this stack keeps per thread: each thread that enters it brings one.
/// It may move to another thread, but serves one at a time.
pub struct Cpu {
    /// Its number; no other living `Cpu` of the same [`CpuIds`] has it.
    pub id: CpuId,
    ids: CpuIds,
    parker: Arc<Parker>,
    lock_parker: Arc<Parker>,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    ext: OnceCell<Tagged<dyn Any + Send>>,
}

impl Cpu {
    /// A `Cpu` for a thread of the world that `clock` and `sleeper` are of.
    pub fn new(ids: &CpuIds, clock: Arc<dyn Clock>, sleeper: Arc<dyn Sleeper>) -> Cpu {
        Cpu {
            id: ids.take(),
            ids: ids.clone(),
            parker: Arc::default(),
            lock_parker: Arc::default(),
            clock,
            sleeper,
            ext: OnceCell::new(),
        }
    }

    /// What its blocking calls sleep on.
    #[inline]
    pub fn parker(&self) -> &Arc<Parker> {
        &self.parker
    }

    /// What it sleeps on while it waits for a lock: another one than [`Cpu::parker`], because locks
    /// are taken between that one's `prepare` and its sleep.
    #[inline]
    pub(crate) fn lock_parker(&self) -> &Arc<Parker> {
        &self.lock_parker
    }

    /// The clock of its world.
    #[inline]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What the room above keeps with each `Cpu`, made on first use.
    ///
    /// # Panics
    /// When it is asked for a second type: there is place for one.
    #[inline]
    pub fn ext_or_init<T: Any + Send>(&self, init: impl FnOnce() -> T) -> &T {
        let ext = self.ext.get_or_init(|| Tagged::<dyn Any + Send>::new(init()));
        ext.get().expect("a Cpu carries one type of extension")
    }
}

impl Drop for Cpu {
    fn drop(&mut self) {
        // What it carries goes first: its successor of the same number must find no trace.
        self.ext.take();
        self.ids.give_back(self.id);
    }
}

/// Process context: a system call. It may sleep. It stays on its thread.
pub struct Process<'t> {
    /// The thread's.
    pub cpu: &'t Cpu,
    /// Who calls.
    pub cred: &'t Cred,
    /// Whether the call is interrupted.
    pub signals: &'t Signals,
    files: Option<&'t dyn Any>,
    not_send: PhantomData<*const ()>,
}

impl<'t> Process<'t> {
    /// Enters a system call.
    #[inline]
    pub fn enter(cpu: &'t Cpu, cred: &'t Cred, signals: &'t Signals) -> Self {
        Process { cpu, cred, signals, files: None, not_send: PhantomData }
    }

    /// The same by a caller who has descriptors (`current->files`); the room that keeps them knows
    /// what `files` is.
    #[inline]
    #[must_use]
    pub fn with_files(self, files: &'t dyn Any) -> Self {
        Process { files: Some(files), ..self }
    }

    /// The caller's descriptors, if he has any and they are a `T`.
    #[inline]
    pub fn files<T: Any>(&self) -> Option<&'t T> {
        self.files?.downcast_ref()
    }

    /// True if the caller has capability `cap`, a `CAP_*` number (`ns_capable`).
    #[inline]
    pub fn capable(&self, cap: u32) -> bool {
        self.cred.has(cap)
    }

    /// True if a signal waits (`signal_pending`).
    #[inline]
    pub fn signal_pending(&self) -> bool {
        self.signals.pending()
    }

    /// The time (`ktime_get`).
    #[inline]
    pub fn now(&self) -> Time {
        self.cpu.clock.now()
    }

    /// Sleeps until the thread's [`Parker`] is woken, a signal arrives or `until` passes
    /// (`schedule_timeout`). Returns at once if one of these happened since [`Parker::prepare`].
    /// It may return early: check again.
    pub fn sleep(&self, until: Option<Time>) {
        let parker = &self.cpu.parker;
        if self.signals.bind(parker.clone()) {
            self.cpu.sleeper.sleep(parker, until);
        }
        self.signals.unbind();
    }
}

/// Softirq context: a packet being received, a timer firing. It must not sleep. It stays on its
/// thread. Minted by the softirq loop, and by tests.
pub struct Softirq(PhantomData<*const ()>);

impl Softirq {
    /// Enters softirq context (`local_bh_disable`).
    #[inline]
    pub fn enter() -> Softirq {
        Softirq(PhantomData)
    }
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;
    use crate::park::ThreadSleeper;
    use crate::time::VirtualClock;

    fn cpu(ids: &CpuIds) -> Cpu {
        let clock = Arc::new(VirtualClock::default());
        Cpu::new(ids, clock.clone(), Arc::new(ThreadSleeper::new(clock, 1)))
    }

    #[test]
    fn numbers_are_reused() {
        let ids = CpuIds::new();
        let (a, b) = (cpu(&ids), cpu(&ids));
        assert_eq!((a.id.index(), b.id.index()), (0, 1));
        drop(a);
        assert_eq!(cpu(&ids).id.index(), 0);
        assert_eq!(b.id, CpuId::new(1));
    }

    #[test]
    fn a_signal_ends_a_sleep() {
        let (ids, cred, signals) = (CpuIds::new(), Cred::nobody(), Signals::new());
        let cpu = cpu(&ids);
        let process = Process::enter(&cpu, &cred, &signals);
        std::thread::scope(|scope| {
            cpu.parker().prepare();
            scope.spawn(|| signals.interrupt());
            while !process.signal_pending() {
                process.sleep(None);
            }
        });
        process.sleep(None);
        signals.clear();
        assert!(!process.signal_pending());
    }

    #[test]
    fn a_wake_before_the_sleep_counts() {
        let (ids, cred, signals) = (CpuIds::new(), Cred::nobody(), Signals::new());
        let cpu = cpu(&ids);
        cpu.parker().prepare();
        cpu.parker().unpark();
        Process::enter(&cpu, &cred, &signals).sleep(None);
    }

    #[test]
    fn the_extension_is_made_once() {
        let cpu = cpu(&CpuIds::new());
        assert_eq!(*cpu.ext_or_init(|| 5u32), 5);
        assert_eq!(*cpu.ext_or_init(|| 6u32), 5);
    }
}
