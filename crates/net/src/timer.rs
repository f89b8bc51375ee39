//! Timers of the stack: wheels whose entries name an object and which of its timers fired. One ticks in
//! milliseconds; the other, in nanoseconds, is for the few that need it (`hrtimer`).
//!
//! kern's wheel hands expired entries out; the namespace runs them in softirq context. Nobody's
//! thread: whoever owns the namespace calls [`Net::run_timers`] when [`Net::next_timer`] is due.

use crate::cx::{BhCx, Cx};
use crate::netns::Net;
use kern::context::Cpu;
use kern::time::{Jiffies, Time};
use kern::timer::TimerSlot;
use std::sync::Arc;

/// An object with timers.
pub trait TimerTarget: Send + Sync {
    /// Timer `which` fired.
    fn expire(self: Arc<Self>, which: u8, cx: &BhCx<'_, '_>);
}

/// An entry of the wheel. It keeps its object alive, as a pending timer holds a reference
/// (`sk_reset_timer` takes one).
pub struct Armed {
    target: Arc<dyn TimerTarget>,
    which: u8,
}

impl Cx<'_> {
    /// Arms a timer, or moves it (`mod_timer`).
    #[inline]
    pub fn mod_timer(
        &self,
        slot: &TimerSlot,
        expires: Jiffies,
        which: u8,
        target: impl FnOnce() -> Arc<dyn TimerTarget>,
    ) {
        self.net.timers.mod_timer(slot, expires, || Armed { target: target(), which });
        self.net.timer_armed(Time::from_jiffies(expires));
    }

    /// Arms a timer of high resolution, or moves it (`hrtimer_start`). A slot is of one kind for good.
    pub fn hrtimer_start(
        &self,
        slot: &TimerSlot,
        expires: Time,
        which: u8,
        target: impl FnOnce() -> Arc<dyn TimerTarget>,
    ) {
        self.net.hrtimers.mod_timer(slot, expires.ns(), || Armed { target: target(), which });
        self.net.timer_armed(expires);
    }

    /// Disarms a timer of high resolution; true if it was armed (`hrtimer_cancel`).
    pub fn hrtimer_cancel(&self, slot: &TimerSlot) -> bool {
        self.net.hrtimers.del_timer(slot).is_some()
    }

    /// Disarms a timer; true if it was armed (`del_timer`). A handler that was already handed out
    /// still runs: handlers check under their lock whether they are still wanted.
    pub fn del_timer(&self, slot: &TimerSlot) -> bool {
        self.net.timers.del_timer(slot).is_some()
    }
}

impl Net {
    /// Runs the timers that are due by the namespace's clock.
    pub fn run_timers(&self, cpu: &Cpu) {
        let now = self.clock.now();
        let mut due = Vec::new();
        self.timers.expire(now.jiffies(), &mut due);
        self.hrtimers.expire(now.ns(), &mut due);
        if due.is_empty() {
            return;
        }
        self.softirq(cpu, |cx| {
            for Armed { target, which } in due.drain(..) {
                target.expire(which, cx);
            }
        });
    }

    /// When the next timer is due.
    pub fn next_timer(&self) -> Option<Time> {
        let tick = self.timers.next_expiry().map(Time::from_jiffies);
        tick.into_iter().chain(self.hrtimers.next_expiry().map(Time::from_ns)).min()
    }
}
