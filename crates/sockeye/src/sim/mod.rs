//! Worlds in virtual time: namespaces on wires, where a blocking call costs no time and every run
//! with the same seed is the same, byte for byte.
//!
//! A [`World`] has one clock, which stands still while anybody works. When everybody sleeps, it
//! jumps to the next timer or the next packet. Programs are threads ([`World::spawn`]) of which
//! exactly one runs at a time, in an order of their own and not the scheduler's.
//!
//! ```
//! use sockeye::sim::{WireConfig, World};
//! use sockeye::net::UdpSocket;
//!
//! let world = World::new(1);
//! let (a, b) = (world.host(), world.host());
//! world.wire((&a, "10.0.0.1/24"), (&b, "10.0.0.2/24"), &WireConfig::symmetric("delay 50ms".parse()?, 1))?;
//! let server = world.spawn(move || {
//!     let _b = sockeye::net::enter(&b);
//!     let socket = UdpSocket::bind("10.0.0.2:7").unwrap();
//!     let mut buf = [0; 16];
//!     let (n, from) = socket.recv_from(&mut buf).unwrap();
//!     socket.send_to(&buf[..n], from).unwrap();
//! });
//! let _a = sockeye::net::enter(&a);
//! world.pause();
//! let socket = UdpSocket::bind("10.0.0.1:0")?;
//! let start = world.now();
//! socket.send_to(b"hello", "10.0.0.2:7")?;
//! socket.recv(&mut [0; 16])?;
//! assert_eq!(world.now() - start, 100_000_000);
//! server.join();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ring;

pub use dev::wire::{Config as WireConfig, End, Filter, Passing, Verdict, Wire, WireTap};
pub use dev::{Netem, pcapng};

use crate::Net;
use kern::park::{Parker, Sleeper};
use kern::sync::SpinLock;
use kern::time::{Clock, Time, VirtualClock};
use ring::Ring;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use uapi::Result;

/// A world. Clones are handles on the same one.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Arc<VirtualClock>,
    seed: u64,
    parts: SpinLock<Parts>,
    ring: Ring,
}

/// What can happen by itself, in the order in which what is due together happens.
#[derive(Clone, Default)]
struct Parts {
    wires: Vec<Arc<Wire>>,
    nets: Vec<Net>,
}

impl Parts {
    fn next(&self) -> Option<Time> {
        let packets = self.wires.iter().filter_map(|wire| wire.next_due());
        packets.chain(self.nets.iter().filter_map(Net::next_timer)).min()
    }
}

/// Where a new world's clock stands: no moment is 0, since zeros mean "never" in many places.
const BEGIN: Time = Time::from_ms(1000);

impl World {
    /// An empty world. Whatever is random in it comes from the seed.
    pub fn new(seed: u64) -> World {
        World(Arc::new(Inner {
            clock: Arc::new(VirtualClock::new(BEGIN)),
            seed,
            parts: SpinLock::default(),
            ring: Ring::default(),
        }))
    }

    /// A namespace with `lo` alone.
    ///
    /// # Panics
    /// When it cannot be assembled, which is a bug.
    pub fn host(&self) -> Net {
        let number = self.0.parts.lock().nets.len() as u64;
        let net = Net::builder()
            .clock(self.0.clock.clone())
            .sleeper(Arc::new(WorldSleeper(Arc::downgrade(&self.0))))
            .seed(self.0.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number))
            .build()
            .expect("a namespace on a given clock can be assembled");
        self.0.parts.lock().nets.push(net.clone());
        net
    }

    /// Connects two namespaces by a wire: each gets a device with the next free name (`eth0`, …) and
    /// this address.
    ///
    /// # Errors
    /// `EINVAL` for what is no address.
    pub fn wire(&self, a: (&Net, &str), b: (&Net, &str), config: &WireConfig) -> Result<Arc<Wire>> {
        let (first, second) = (free_name(a.0), free_name(b.0));
        let wire = Wire::connect((a.0.stack(), &first), (b.0.stack(), &second), config)?;
        a.0.add_addr(&first, a.1)?;
        b.0.add_addr(&second, b.1)?;
        let wire = Arc::new(wire);
        self.0.parts.lock().wires.push(wire.clone());
        Ok(wire)
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// The clock, for namespaces that are made by hand.
    pub fn clock(&self) -> Arc<VirtualClock> {
        self.0.clock.clone()
    }

    /// Advances to the next event, a timer or a packet, and runs all that is due then; false when
    /// there is none, ever.
    pub fn step(&self) -> bool {
        self.0.step(Time::MAX)
    }

    /// Runs until `done` holds, at most for `ns` nanoseconds; tells whether it does.
    pub fn run_until(&self, ns: u64, done: impl FnMut() -> bool) -> bool {
        let until = self.now() + ns;
        self.0.idle(Some(until), done)
    }

    /// Runs for `ns` nanoseconds.
    pub fn run_for(&self, ns: u64) {
        self.run_until(ns, || false);
    }

    /// Lets every other program run until it sleeps; no time passes.
    pub fn pause(&self) {
        self.0.idle(Some(self.now()), || false);
    }

    /// Starts a program: a thread that runs when its turn comes.
    ///
    /// # Panics
    /// When there is no thread to be had.
    pub fn spawn<T: Send + 'static>(&self, program: impl FnOnce() -> T + Send + 'static) -> Program<T> {
        let ticket = self.0.ring.enlist();
        let result = Arc::new(Mutex::new(None));
        let (world, slot) = (self.clone(), result.clone());
        let thread = std::thread::spawn(move || {
            let _seat = world.0.ring.sit_down(&ticket);
            let value = program();
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        });
        Program { world: self.clone(), thread, result }
    }
}

fn free_name(net: &Net) -> String {
    let taken = net.stack().dev.all().iter().filter(|dev| !dev.features.loopback).count();
    format!("eth{taken}")
}

/// A program that [`World::spawn`] started.
pub struct Program<T> {
    world: World,
    thread: JoinHandle<()>,
    result: Arc<Mutex<Option<T>>>,
}

impl<T> Program<T> {
    /// True once it ended.
    pub fn is_finished(&self) -> bool {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Waits for its end, in virtual time.
    ///
    /// # Panics
    /// When it did.
    pub fn join(self) -> T {
        self.world.0.idle(None, || self.is_finished());
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
        let value = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.expect("a program that ended has a result")
    }
}

impl Inner {
    /// One event that is due no later than `bound`, or else the clock's advance to there; false when
    /// neither is.
    fn step(&self, bound: Time) -> bool {
        let parts = self.parts.lock().clone();
        let next = parts.next();
        let Some(due) = next.filter(|due| *due <= bound) else {
            if bound != Time::MAX {
                self.clock.advance_to(bound);
            }
            return bound != Time::MAX;
        };
        self.clock.advance_to(due);
        for wire in &parts.wires {
            wire.deliver_due(self.clock.now());
        }
        for net in &parts.nets {
            net.run_timers();
        }
        true
    }

    /// Lets the world run until `ready` holds or `until` has come; tells whether it holds.
    fn idle(&self, until: Option<Time>, ready: impl FnMut() -> bool) -> bool {
        self.ring.idle(until, || self.clock.now(), ready, |bound| self.step(bound))
    }
}

/// Sleeping here is running the world forward.
struct WorldSleeper(Weak<Inner>);

impl Sleeper for WorldSleeper {
    fn sleep(&self, parker: &Parker, until: Option<Time>) {
        match self.0.upgrade() {
            Some(world) => {
                world.idle(until, || parker.is_notified());
            }
            None => panic!("the world ended while somebody slept in it"),
        }
    }
}
