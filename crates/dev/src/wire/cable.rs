//! What is on the wire, and the driver that puts it there.

use super::trace::TraceHash;
use super::{Config, End};
use crate::netem::{Fate, Lane, LinkStats, Netem};
use kern::sync::SpinLock;
use kern::time::Time;
use net::dev::{NetDevice, NetDeviceOps};
use net::skb::IpSummed;
use net::{Cx, DropReason, Skb};
use std::any::Any;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// A packet that somebody puts on the wire.
pub struct Passing<'a> {
    /// When, by the sender's clock.
    pub time: Time,
    /// Who.
    pub from: End,
    /// From the network header on.
    pub bytes: &'a [u8],
}

/// What a [`Filter`] does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes its way.
    Pass,
    /// It is lost.
    Drop,
    /// It goes its way, this many nanoseconds later.
    Delay(u64),
}

/// Decides over each packet before the dice do: for tests that want one particular loss.
pub trait Filter: Send {
    /// A packet was sent.
    fn decide(&mut self, packet: &Passing<'_>) -> Verdict;
}

impl<F: FnMut(&Passing<'_>) -> Verdict + Send> Filter for F {
    fn decide(&mut self, packet: &Passing<'_>) -> Verdict {
        self(packet)
    }
}

/// Sees each packet as it is put on the wire, also those that get lost.
pub trait WireTap: Send + Sync {
    /// A packet was sent.
    fn packet(&self, packet: &Passing<'_>);
}

/// A packet under way.
pub(super) struct Flight {
    due: Time,
    seq: u64,
    pub(super) to: End,
    pub(super) bytes: Vec<u8>,
    /// Its checksum was never computed: sender and receiver trust each other.
    pub(super) unsummed: bool,
    /// `gso_size` and `gso_segs`.
    pub(super) gso: (u16, u16),
    /// It takes a place in its lane.
    counted: bool,
}

impl Flight {
    fn key(&self) -> (Time, u64) {
        (self.due, self.seq)
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

struct State {
    flights: BinaryHeap<Reverse<Flight>>,
    next_seq: u64,
    lanes: [Lane; 2],
    filter: Option<Box<dyn Filter>>,
    tap: Option<Arc<dyn WireTap>>,
    hash: TraceHash,
    cut: bool,
}

pub(super) struct Cable(SpinLock<State>);

impl Cable {
    pub(super) fn new(config: &Config) -> Self {
        Cable(SpinLock::new(State {
            flights: BinaryHeap::new(),
            next_seq: 0,
            // Each direction has dice of its own.
            lanes: [Lane::new(config.a_to_b, config.seed), Lane::new(config.b_to_a, !config.seed)],
            filter: None,
            tap: None,
            hash: TraceHash::default(),
            cut: false,
        }))
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.0.lock().flights.peek().map(|Reverse(flight)| flight.due)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.0.lock().flights.len()
    }

    /// What is sent from now on has this number or a higher one.
    pub(super) fn mark(&self) -> u64 {
        self.0.lock().next_seq
    }

    /// The next that is due at `now` and was sent before the mark.
    pub(super) fn take_due(&self, now: Time, before: u64) -> Option<Flight> {
        let mut state = self.0.lock();
        let Reverse(first) = state.flights.peek()?;
        // Those sent after the mark come no earlier than now, so they hide none of those before it
        // for longer than until the next call.
        if first.due > now || first.seq >= before {
            return None;
        }
        let Reverse(flight) = state.flights.pop()?;
        if flight.counted {
            let lane = &mut state.lanes[flight.to.other() as usize];
            lane.queued -= 1;
            lane.stats.delivered += 1;
        }
        Some(flight)
    }

    pub(super) fn inject(&self, to: End, due: Time, bytes: Vec<u8>) {
        self.0.lock().launch(Flight { due, seq: 0, to, bytes, unsummed: false, gso: (0, 1), counted: false });
    }

    pub(super) fn set_netem(&self, from: End, netem: Netem) {
        self.0.lock().lanes[from as usize].netem = netem;
    }

    pub(super) fn stats(&self, from: End) -> LinkStats {
        self.0.lock().lanes[from as usize].stats
    }

    pub(super) fn set_filter(&self, filter: Option<Box<dyn Filter>>) {
        self.0.lock().filter = filter;
    }

    pub(super) fn set_tap(&self, tap: Option<Arc<dyn WireTap>>) {
        self.0.lock().tap = tap;
    }

    pub(super) fn trace_hash(&self) -> u64 {
        self.0.lock().hash.value()
    }

    pub(super) fn cut(&self) {
        let mut state = self.0.lock();
        state.cut = true;
        state.flights.clear();
    }

    /// Puts a packet on the wire; false if it was cut.
    fn send(&self, now: Time, from: End, mut bytes: Vec<u8>, unsummed: bool, gso: (u16, u16)) -> bool {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        if state.cut {
            return false;
        }
        let passing = Passing { time: now, from, bytes: &bytes };
        if let Some(tap) = &state.tap {
            tap.packet(&passing);
        }
        let verdict = state.filter.as_mut().map_or(Verdict::Pass, |filter| filter.decide(&passing));
        let lane = &mut state.lanes[from as usize];
        let (fate, later) = match verdict {
            Verdict::Pass => (lane.admit(now, bytes.len()), 0),
            Verdict::Delay(ns) => (lane.admit(now, bytes.len()), ns),
            Verdict::Drop => {
                lane.stats.sent += 1;
                lane.stats.sent_bytes += bytes.len() as u64;
                lane.stats.lost += 1;
                (Fate::default(), 0)
            }
        };
        state.hash.word(now.ns() << 1 | from as u64);
        state.hash.bytes(&bytes);
        if let Some(bit) = fate.flip
            && let Some(byte) = bytes.get_mut(bit / 8)
        {
            *byte ^= 1 << (bit % 8);
        }
        let (first, twin) = (fate.due[0], fate.due[1]);
        for due in [first, twin] {
            state.hash.word(due.map_or(0, Time::ns));
        }
        // A flipped bit must be found by the checksum: whoever trusts it could not.
        let unsummed = unsummed && fate.flip.is_none();
        let to = from.other();
        let flight =
            |due: Time, bytes| Flight { due: due + later, seq: 0, to, bytes, unsummed, gso, counted: true };
        if let Some(due) = twin {
            state.launch(flight(due, bytes.clone()));
        }
        if let Some(due) = first {
            state.launch(flight(due, bytes));
        }
        true
    }
}

impl State {
    fn launch(&mut self, mut flight: Flight) {
        flight.seq = self.next_seq;
        self.next_seq += 1;
        self.flights.push(Reverse(flight));
    }
}

/// The driver of one end.
pub(super) struct CableEnd {
    pub(super) cable: Arc<Cable>,
    pub(super) end: End,
}

impl NetDeviceOps for CableEnd {
    fn start_xmit(
        &self,
        cx: &Cx<'_>,
        _dev: &NetDevice,
        mut skb: Skb,
    ) -> core::result::Result<(), (Skb, DropReason)> {
        let (bytes, unsummed) = (skb.to_vec(), skb.ip_summed == IpSummed::Partial);
        if !self.cable.send(cx.now(), self.end, bytes, unsummed, (skb.gso_size, skb.gso_segs)) {
            return Err((skb, DropReason::DevReady));
        }
        cx.skb_orphan(&mut skb);
        cx.consume_skb(skb);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
