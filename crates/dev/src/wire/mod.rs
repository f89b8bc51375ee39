//! A cable between two namespaces: two point-to-point devices, and between them a link that delays,
//! loses, duplicates, corrupts and reorders as [`Netem`] says.
//!
//! Transmitting only puts a packet on the cable, with the time at which it arrives by the sender's
//! clock. It arrives when somebody outside calls [`Wire::deliver_due`]: a simulation at
//! [`Wire::next_due`], or a thread. The same seed and the same packets give the same fates.

mod cable;
#[cfg(test)]
mod tests;
mod trace;

pub use cable::{Filter, Passing, Verdict, WireTap};

use crate::netem::{LinkStats, Netem};
use cable::{Cable, CableEnd, Flight};
use kern::context::Cpu;
use kern::sync::SpinLock;
use kern::time::Time;
use net::dev::{DevStat, DeviceConfig, Features};
use net::skb::IpSummed;
use net::sock::mem::truesize_linear;
use net::{Net, NetDevice, Skb};
use std::sync::Arc;
use uapi::{
    ARPHRD_NONE, ETH_P_IP, ETH_P_IPV6, IFF_LOWER_UP, IFF_MULTICAST, IFF_NOARP, IFF_POINTOPOINT, IFF_RUNNING,
    IFF_UP, Result,
};

/// Bytes of a packet's headers that go before the place where data usually begins, so that all of
/// them are in the linear part.
const HEADERS: usize = 128;

/// Bytes that drivers leave free in front of a packet.
const NET_SKB_PAD: u32 = 64;

/// An end of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The first.
    A,
    /// The second.
    B,
}

impl End {
    /// The end on the other side.
    #[must_use]
    pub fn other(self) -> End {
        match self {
            End::A => End::B,
            End::B => End::A,
        }
    }
}

/// How a wire is to be.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bytes of a network-layer packet.
    pub mtu: u32,
    /// The devices take packets without checksum and larger than the MTU allows, as virtual ones do;
    /// they cross as they are.
    pub offload: bool,
    /// What happens on the way from A to B.
    pub a_to_b: Netem,
    /// What happens on the way from B to A.
    pub b_to_a: Netem,
    /// Seed of the dice.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config { mtu: 1500, offload: false, a_to_b: Netem::default(), b_to_a: Netem::default(), seed: 0 }
    }
}

impl Config {
    /// The same link in both directions.
    pub fn symmetric(netem: Netem, seed: u64) -> Self {
        Config { a_to_b: netem, b_to_a: netem, seed, ..Config::default() }
    }
}

/// One side: what a packet that arrives there needs.
struct Side {
    net: Arc<Net>,
    dev: Arc<NetDevice>,
    cpu: SpinLock<Option<Box<Cpu>>>,
}

/// A wire. Dropped, it is cut: what is on it is lost, and what is sent after.
pub struct Wire {
    cable: Arc<Cable>,
    sides: [Side; 2],
}

impl Wire {
    /// Connects two namespaces (or one with itself) by devices of these names, which are up and have
    /// no address yet.
    ///
    /// # Errors
    /// `EEXIST` for a name that is taken, `EINVAL` for one that is none.
    pub fn connect(a: (&Arc<Net>, &str), b: (&Arc<Net>, &str), config: &Config) -> Result<Wire> {
        let cable = Arc::new(Cable::new(config));
        let side = |(net, name): (&Arc<Net>, &str), end: End| -> Result<Side> {
            let device = DeviceConfig {
                name: name.to_owned(),
                hardware: ARPHRD_NONE,
                flags: IFF_UP | IFF_RUNNING | IFF_LOWER_UP | IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST,
                mtu: config.mtu,
                address: Vec::new(),
                broadcast: Vec::new(),
                tx_queue_len: 1000,
                features: Features { csum: config.offload, gso: config.offload, loopback: false },
            };
            let dev = net.dev.register(device, Box::new(CableEnd { cable: cable.clone(), end }))?;
            Ok(Side { net: net.clone(), dev, cpu: SpinLock::default() })
        };
        let sides = [side(a, End::A)?, side(b, End::B)?];
        Ok(Wire { cable, sides })
    }

    fn side(&self, end: End) -> &Side {
        &self.sides[end as usize]
    }

    /// The device at an end.
    pub fn device(&self, end: End) -> &Arc<NetDevice> {
        &self.side(end).dev
    }

    /// The namespace at an end.
    pub fn net(&self, end: End) -> &Arc<Net> {
        &self.side(end).net
    }

    /// When the next packet arrives.
    pub fn next_due(&self) -> Option<Time> {
        self.cable.next_due()
    }

    /// Packets under way.
    pub fn in_flight(&self) -> usize {
        self.cable.in_flight()
    }

    /// Lets arrive what is due at `now`, in order; returns how many. What is sent in answer waits for
    /// the next call, even without a delay.
    pub fn deliver_due(&self, now: Time) -> usize {
        let before = self.cable.mark();
        let mut delivered = 0;
        while let Some(flight) = self.cable.take_due(now, before) {
            self.arrive(&flight);
            delivered += 1;
        }
        delivered
    }

    /// Puts a packet on the wire toward `to` that nobody sent; it arrives at `due`.
    pub fn inject(&self, to: End, due: Time, bytes: Vec<u8>) {
        self.cable.inject(to, due, bytes);
    }

    fn arrive(&self, flight: &Flight) {
        let Side { net, dev, cpu } = self.side(flight.to);
        let own = cpu.lock().take().unwrap_or_else(|| Box::new(net.new_cpu()));
        net.softirq(&own, |cx| {
            let mut skb = cx.alloc_skb();
            fill(cx, &mut skb, &flight.bytes);
            skb.iif = dev.ifindex;
            skb.protocol = match flight.bytes.first().map_or(0, |first| first >> 4) {
                4 => ETH_P_IP,
                6 => ETH_P_IPV6,
                _ => 0,
            };
            if flight.unsummed {
                skb.ip_summed = IpSummed::Unnecessary;
            }
            (skb.gso_size, skb.gso_segs) = flight.gso;
            dev.stats.add(cx, DevStat::RxPackets, 1);
            dev.stats.add(cx, DevStat::RxBytes, flight.bytes.len() as u64);
            cx.netif_rx(skb);
        });
        *cpu.lock() = Some(own);
    }

    /// Changes what happens to packets sent by `from`, from now on.
    pub fn set_netem(&self, from: End, netem: Netem) {
        self.cable.set_netem(from, netem);
    }

    /// What happened to the packets sent by `from`.
    pub fn stats(&self, from: End) -> LinkStats {
        self.cable.stats(from)
    }

    /// Somebody who decides over each packet before the dice do.
    pub fn set_filter(&self, filter: Option<Box<dyn Filter>>) {
        self.cable.set_filter(filter);
    }

    /// Somebody who sees each packet as it is sent.
    pub fn set_tap(&self, tap: Option<Arc<dyn WireTap>>) {
        self.cable.set_tap(tap);
    }

    /// A number that tells whether two runs were the same: a hash over the time, the direction, the
    /// bytes and the fate of each packet in the order of sending.
    pub fn trace_hash(&self) -> u64 {
        self.cable.trace_hash()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cable.cut();
    }
}

fn fill(cx: &net::Cx<'_>, skb: &mut Skb, bytes: &[u8]) {
    let (headers, rest) = bytes.split_at(bytes.len().min(HEADERS));
    skb.push(headers.len()).copy_from_slice(headers);
    if !rest.is_empty() {
        skb.append(cx, rest);
    }
    skb.set_mac_header();
    skb.truesize = truesize_linear(bytes.len() as u32 + NET_SKB_PAD);
}
