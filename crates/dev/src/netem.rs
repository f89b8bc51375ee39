//! What a link does to packets (`net/sched/sch_netem.c`): delay, jitter, loss, duplication,
//! corruption, reordering, rate, a limit. The words are those of tc-netem(8).

mod parse;
#[cfg(test)]
mod tests;

use kern::rng::Rng;
use kern::time::Time;

pub use parse::ParseError;

/// A probability, in 2⁻³².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance(u32);

impl Chance {
    /// Never.
    pub const NEVER: Chance = Chance(0);
    /// Always.
    pub const ALWAYS: Chance = Chance(u32::MAX);

    /// `percent` of a hundred, cut to what is possible.
    pub fn percent(percent: f64) -> Chance {
        Chance((percent.clamp(0.0, 100.0) / 100.0 * f64::from(u32::MAX)).round() as u32)
    }

    /// True as often as that. Draws nothing for what never happens.
    fn hits(self, rng: &Rng) -> bool {
        self.0 != 0 && rng.u32() <= self.0
    }
}

/// What a link does to the packets of one direction; by default nothing.
///
/// ```
/// let bad: sockeye_dev::Netem = "delay 50ms 10ms loss 1% rate 10mbit".parse()?;
/// assert_eq!(bad.delay, 50_000_000);
/// # Ok::<(), sockeye_dev::netem::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Netem {
    /// How long a packet is under way, nanoseconds.
    pub delay: u64,
    /// By how much that varies to either side, evenly; packets overtake each other then.
    pub jitter: u64,
    /// Lost.
    pub loss: Chance,
    /// Arrives twice.
    pub duplicate: Chance,
    /// Arrives with one bit flipped.
    pub corrupt: Chance,
    /// Is not delayed, so that it overtakes those before it.
    pub reorder: Chance,
    /// Only every so many-th packet may be reordered.
    pub gap: u32,
    /// Bits a second; 0 for no bound.
    pub rate: u64,
    /// Packets under way at once; more are dropped.
    pub limit: u32,
}

impl Default for Netem {
    fn default() -> Self {
        Netem {
            delay: 0,
            jitter: 0,
            loss: Chance::NEVER,
            duplicate: Chance::NEVER,
            corrupt: Chance::NEVER,
            reorder: Chance::NEVER,
            gap: 1,
            rate: 0,
            limit: 1000,
        }
    }
}

/// What happened to the packets of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct LinkStats {
    pub sent: u64,
    pub sent_bytes: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub corrupted: u64,
    pub reordered: u64,
    pub over_limit: u64,
    pub delivered: u64,
}

/// What becomes of one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// When it arrives, and when its twin does.
    pub due: [Option<Time>; 2],
    /// The bit to flip, counted from the first byte's lowest.
    pub flip: Option<usize>,
}

/// One direction of a link, with its dice.
pub(crate) struct Lane {
    pub(crate) netem: Netem,
    pub(crate) stats: LinkStats,
    /// Packets under way.
    pub(crate) queued: u32,
    rng: Rng,
    /// Packets since the last reordered one.
    counter: u32,
    /// When the last packet leaves the bottleneck.
    last: Time,
}

impl Lane {
    pub(crate) fn new(netem: Netem, seed: u64) -> Self {
        let rng = Rng::new(seed);
        Lane { netem, stats: LinkStats::default(), queued: 0, rng, counter: 0, last: Time::ZERO }
    }

    /// Throws the dice for a packet of `len` bytes (`netem_enqueue`), which is under way then.
    pub(crate) fn admit(&mut self, now: Time, len: usize) -> Fate {
        self.stats.sent += 1;
        self.stats.sent_bytes += len as u64;
        let mut fate = Fate::default();
        let twice = self.netem.duplicate.hits(&self.rng);
        let lost = self.netem.loss.hits(&self.rng);
        self.stats.lost += u64::from(lost);
        let copies = 1 + usize::from(twice) - usize::from(lost);
        if copies == 0 {
            return fate;
        }
        self.stats.duplicated += u64::from(twice);
        if len > 0 && self.netem.corrupt.hits(&self.rng) {
            fate.flip = Some((self.rng.u64() % (len as u64 * 8)) as usize);
            self.stats.corrupted += 1;
        }
        for due in fate.due.iter_mut().take(copies) {
            if self.queued >= self.netem.limit {
                self.stats.over_limit += 1;
                break;
            }
            self.queued += 1;
            *due = Some(self.leave(now, len));
        }
        fate
    }

    fn leave(&mut self, now: Time, len: usize) -> Time {
        let Netem { delay, jitter, reorder, gap, rate, .. } = self.netem;
        let early = reorder != Chance::NEVER && self.counter + 1 >= gap && reorder.hits(&self.rng);
        if early {
            self.counter = 0;
            self.stats.reordered += 1;
            return now;
        }
        self.counter = self.counter.saturating_add(1);
        let delay = match jitter {
            0 => delay,
            jitter => (delay + self.rng.u64() % (2 * jitter)).saturating_sub(jitter),
        };
        let mut due = now + delay;
        if let Some(wire_time) = (len as u64 * 8 * 1_000_000_000).checked_div(rate) {
            due = due.max(self.last) + wire_time;
            self.last = due;
        }
        due
    }
}
