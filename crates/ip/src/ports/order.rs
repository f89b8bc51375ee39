//! In which order free ports are looked for.
//!
//! `bind(0)` tries odd offsets first and `connect()` even ones, so that the two do not use up each
//! other's (`inet_csk_find_open_port`, `__inet_hash_connect`). Datagram sockets draw at random.

use super::{PERTURB, Ports};
use kern::rng::Rng;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering::Relaxed;

/// Every `step`th port of `low..low+remaining`, round once from `offset`.
#[derive(Clone, Debug)]
struct Round {
    low: u32,
    remaining: u32,
    offset: u32,
    step: u32,
    done: u32,
}

impl Round {
    fn next(&mut self) -> Option<u16> {
        if self.done >= self.remaining {
            return None;
        }
        let mut at = self.offset + self.done;
        if at >= self.remaining {
            at -= self.remaining;
        }
        self.done += self.step;
        Some((self.low + at) as u16)
    }
}

/// The order of `bind(0)` for streams: ports of the other parity than the range's first, then of
/// the same; with `SO_REUSEADDR` the lower half of the range before the upper.
#[derive(Clone, Debug)]
pub struct BindOrder {
    low: u32,
    high: u32,
    /// 0: the whole range; 1, 2: its halves.
    half: u8,
    round: Round,
    second_parity: bool,
    seed: u64,
}

impl BindOrder {
    /// Over `range`; `reuse` is the socket's `SO_REUSEADDR`.
    pub fn new(range: &RangeInclusive<u16>, reuse: bool, rng: &Rng) -> Self {
        let (low, high) = (u32::from(*range.start()), u32::from(*range.end()) + 1);
        let half = u8::from(reuse && high - low >= 4);
        let seed = rng.u64();
        let round = Self::round(low, high, half, seed);
        BindOrder { low, high, half, round, second_parity: false, seed }
    }

    fn round(low: u32, high: u32, half: u8, seed: u64) -> Round {
        let middle = low + ((high - low) >> 2 << 1);
        let (low, high) = match half {
            0 => (low, high),
            1 => (low, middle),
            _ => (middle, high),
        };
        let remaining = even(high - low);
        let offset = scale((seed >> (half * 8)) as u32, remaining) | 1;
        Round { low, remaining, offset: offset.min((remaining - 1) | 1), step: 2, done: 0 }
    }
}

impl Iterator for BindOrder {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        loop {
            if let Some(port) = self.round.next() {
                return Some(port);
            }
            if !self.second_parity && self.round.remaining > 1 {
                self.second_parity = true;
                self.round.offset -= 1;
                self.round.done = 0;
            } else if self.half == 1 {
                self.half = 2;
                self.second_parity = false;
                self.round = Self::round(self.low, self.high, 2, self.seed);
            } else {
                return None;
            }
        }
    }
}

/// The order of `connect()`: beginning at a place that depends on the destination and moves on with
/// each connection (RFC 6056, algorithm 4), ports of the range's first parity before the others. A
/// socket with a range of its own tries all in turn.
pub struct ConnectOrder<'a> {
    ports: &'a Ports,
    round: Round,
    second_parity: bool,
    slot: usize,
    tried: u32,
}

impl<'a> ConnectOrder<'a> {
    /// Over the range that `local` (`IP_LOCAL_PORT_RANGE`) leaves; `port_offset` is a keyed hash of
    /// the addresses and the remote port (`inet_sk_port_offset`).
    pub fn new(ports: &'a Ports, local: u32, port_offset: u64) -> Self {
        let (range, own) = ports.sk_range(local);
        let (low, high) = (u32::from(*range.start()), u32::from(*range.end()) + 1);
        let remaining = if own { high - low } else { even(high - low) };
        let slot = port_offset as usize % PERTURB;
        let begin = ports.perturb[slot].load(Relaxed).wrapping_add((port_offset >> 32) as u32);
        let mut offset = begin % remaining;
        if !own {
            offset &= !1;
        }
        let round = Round { low, remaining, offset, step: if own { 1 } else { 2 }, done: 0 };
        ConnectOrder { ports, round, second_parity: own, slot, tried: 0 }
    }

    /// The last port given out was taken: the next search for this destination begins behind it,
    /// with a little randomness.
    pub fn chosen(&self, rng: &Rng) {
        let step = self.round.step;
        let moved = (self.tried.saturating_sub(1) * step).max((rng.u32() & 7) * step);
        self.ports.perturb[self.slot].fetch_add(moved + step, Relaxed);
    }
}

impl Iterator for ConnectOrder<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        loop {
            while let Some(port) = self.round.next() {
                self.tried += 1;
                if !self.ports.is_reserved(port) {
                    return Some(port);
                }
            }
            if self.second_parity || self.round.remaining <= 1 {
                return None;
            }
            self.second_parity = true;
            self.round.offset += 1;
            self.round.done = 0;
            self.tried = 0;
        }
    }
}

/// A random port of a range, then the others in strides from it (`udp_lib_get_port`).
#[derive(Clone, Debug)]
pub struct RandomOrder {
    low: u32,
    count: u32,
    at: u32,
    stride: u32,
    left: u32,
}

impl RandomOrder {
    /// Over `range`.
    pub fn new(range: &RangeInclusive<u16>, rng: &Rng) -> Self {
        let (low, high) = (u32::from(*range.start()), u32::from(*range.end()));
        let count = high - low + 1;
        let random = rng.u64();
        // A stride without a common divisor meets every port once.
        let mut stride = scale(random as u32, count).max(1);
        while gcd(stride, count) != 1 {
            stride = stride % count + 1;
        }
        RandomOrder { low, count, at: scale((random >> 32) as u32, count), stride, left: count }
    }
}

impl Iterator for RandomOrder {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        self.left = self.left.checked_sub(1)?;
        let port = self.low + self.at;
        self.at = (self.at + self.stride) % self.count;
        Some(port as u16)
    }
}

fn even(n: u32) -> u32 {
    if n > 1 { n & !1 } else { n }
}

/// A random word cut down to `0..n` (`reciprocal_scale`).
fn scale(random: u32, n: u32) -> u32 {
    ((u64::from(random) * u64::from(n)) >> 32) as u32
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
