//! A path as both sides of the comparison have it: a bottleneck with a queue, a delay, and packets that
//! are lost or late by their number, so that no dice are thrown.

use std::collections::VecDeque;

/// What a path is like. The same delay both ways; the bottleneck is on the way of the data.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its name, in file names and plots.
    pub name: &'static str,
    /// What it is meant to show.
    pub about: &'static str,
    /// Bits a second.
    pub rate: u64,
    /// One way, nanoseconds.
    pub delay: u64,
    /// Packets that wait at the bottleneck at most.
    pub queue: usize,
    /// Every so many-th packet with data is lost; 0 for none.
    pub lost: u64,
    /// Every so many-th is late; 0 for none.
    pub late: u64,
    /// By so many nanoseconds.
    pub late_by: u64,
    /// How long the comparison lasts, seconds.
    pub seconds: u64,
}

const MS: u64 = 1_000_000;

/// Slow ones: what the host's scheduler adds to a packet's time is to be little beside it.
const CLEAN: Profile = Profile {
    name: "clean",
    about: "5 Mbit/s, 160 ms, a queue of one bandwidth-delay product",
    rate: 5_000_000,
    delay: 80 * MS,
    queue: 68,
    lost: 0,
    late: 0,
    late_by: 0,
    seconds: 60,
};

/// The paths.
pub const PROFILES: &[Profile] = &[
    CLEAN,
    Profile {
        name: "bufferbloat",
        about: "2.5 Mbit/s, 120 ms, a queue of ten bandwidth-delay products",
        rate: 2_500_000,
        delay: 60 * MS,
        queue: 250,
        ..CLEAN
    },
    Profile { name: "loss", about: "the clean path, every 100th packet lost", lost: 100, ..CLEAN },
    Profile {
        name: "reordering",
        about: "the clean path, a queue of two bandwidth-delay products, every 50th packet 16 ms late",
        queue: 136,
        late: 50,
        late_by: 16 * MS,
        ..CLEAN
    },
    Profile {
        name: "shallow",
        about: "5 Mbit/s, 320 ms, a queue of a quarter of the bandwidth-delay product",
        delay: 160 * MS,
        queue: 34,
        ..CLEAN
    },
];

/// The path of one run.
#[derive(Debug)]
pub struct Path {
    profile: Profile,
    /// When those that wait leave the bottleneck.
    leaving: VecDeque<u64>,
    last: u64,
    data: u64,
}

/// Bytes of a packet that has data: more than the longest header.
const WITH_DATA: usize = 200;

impl Path {
    /// A path nothing is on.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Path { profile, leaving: VecDeque::new(), last: 0, data: 0 }
    }

    /// A packet of `len` bytes goes the way of the data at `now`: when it arrives; `None` when it is lost.
    pub fn forward(&mut self, now: u64, len: usize) -> Option<u64> {
        let Profile { rate, delay, queue, lost, late, late_by, .. } = self.profile;
        let mut delay = delay;
        if len >= WITH_DATA {
            self.data += 1;
            if lost != 0 && self.data.is_multiple_of(lost) {
                return None;
            }
            if late != 0 && self.data.is_multiple_of(late) {
                delay += late_by;
            }
        }
        while self.leaving.front().is_some_and(|leaves| *leaves <= now) {
            self.leaving.pop_front();
        }
        if self.leaving.len() > queue {
            return None;
        }
        self.last = self.last.max(now) + len as u64 * 8 * 1_000_000_000 / rate;
        self.leaving.push_back(self.last);
        Some(self.last + delay)
    }

    /// One goes the other way: when it arrives.
    #[must_use]
    pub fn back(&self, now: u64) -> u64 {
        now + self.profile.delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottleneck_queues_and_drops() {
        let mut path = Path::new(Profile { queue: 2, delay: 0, rate: 8_000_000, ..CLEAN });
        // A byte takes a microsecond.
        let sent: Vec<_> = (0..5).map(|_| path.forward(0, 1000)).collect();
        assert_eq!(sent, [Some(1_000_000), Some(2_000_000), Some(3_000_000), None, None]);
        assert_eq!(path.forward(2_500_000, 1000), Some(4_000_000));
        assert_eq!(path.back(7), 7);
    }

    #[test]
    fn losses_go_by_number() {
        let mut path = Path::new(Profile { lost: 3, ..CLEAN });
        let lost: Vec<_> = (0..9).map(|i| path.forward(i * MS, 1500).is_none()).collect();
        assert_eq!(lost, [false, false, true, false, false, true, false, false, true]);
        assert!(path.forward(100 * MS, 52).is_some());
    }
}
