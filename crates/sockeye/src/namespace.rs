//! A namespace, assembled: the stack's rooms, a clock, and somebody to run its timers.

use crate::driver::Driver;
use kern::context::{Cpu, Process};
use kern::cred::Cred;
use kern::park::{Sleeper, ThreadSleeper};
use kern::signals::Signals;
use kern::sync::SpinLock;
use kern::time::{Clock, Time};
use net::netns::Config;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};
use uapi::Result;

/// A network namespace in this process. Clones are handles on the same one; the last to go takes
/// what is left of its connections with it.
#[derive(Clone)]
pub struct Net(Arc<Handle>);

struct Handle {
    stack: Arc<net::Net>,
    vfs: Arc<vfs::Vfs>,
    root: Cred,
    /// For callers that bring no [`Cpu`] of their own.
    cpus: SpinLock<Vec<Cpu>>,
    driver: Option<Driver>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.stop();
        }
        let (cpu, signals) = (self.stack.new_cpu(), Signals::default());
        unix::exit(&self.stack, &Process::enter(&cpu, &self.root, &signals));
        drop(cpu);
        self.cpus.get_mut().clear();
        self.stack.exit();
    }
}

/// How a namespace is to be.
#[derive(Default)]
pub struct Builder {
    clock: Option<Arc<dyn Clock>>,
    sleeper: Option<Arc<dyn Sleeper>>,
    seed: Option<u64>,
    no_driver: bool,
    names: Option<Arc<dyn unix::NameStore>>,
    memory: Option<u64>,
}

impl Builder {
    /// The clock; the system's unless given. With another clock the embedder runs the timers
    /// ([`Net::run_timers`]) and says how calls sleep ([`Builder::sleeper`]).
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self.no_driver = true;
        self
    }

    /// How blocking calls sleep; their thread does unless given.
    #[must_use]
    pub fn sleeper(mut self, sleeper: Arc<dyn Sleeper>) -> Self {
        self.sleeper = Some(sleeper);
        self
    }

    /// Seed of all randomness (sequence numbers, ports, hashes); from the system unless given.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// No thread for timers: the embedder calls [`Net::run_timers`].
    #[must_use]
    pub fn manual_timers(mut self) -> Self {
        self.no_driver = true;
        self
    }

    /// Where the files of `AF_UNIX` sockets are; in memory unless given.
    #[must_use]
    pub fn unix_names(mut self, names: Arc<dyn unix::NameStore>) -> Self {
        self.names = Some(names);
        self
    }

    /// The machine's memory, bytes, from which the defaults of `tcp_mem` and `udp_mem` follow; 8 GiB unless given.
    ///
    /// ```
    /// let net = sockeye::Net::builder().memory(1 << 30).build()?;
    /// assert_eq!(net.sysctl("net/ipv4/tcp_mem")?, "12288\t16384\t24576\n");
    /// # Ok::<(), sockeye::uapi::Errno>(())
    /// ```
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Assembles the namespace: `lo`, IPv4 and IPv6, TCP, UDP, raw and ping sockets, netlink.
    pub fn build(self) -> Result<Net> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::default()));
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let sleeper = self.sleeper.unwrap_or_else(|| Arc::new(ThreadSleeper::new(clock.clone(), cpus)));
        let seed = match self.seed {
            Some(seed) => seed,
            None => getrandom::u64().map_err(|_| uapi::Errno::EIO)?,
        };
        let driver = (!self.no_driver).then(Driver::new);
        let on_timer = driver.as_ref().map(Driver::announcer);
        let stack =
            net::Net::new(Config { id: NEXT_ID.fetch_add(1, Relaxed), clock, sleeper, seed, on_timer });
        ip::attach(&stack)?;
        tcp::init(&stack)?;
        udp::init(&stack)?;
        if let Some(bytes) = self.memory {
            stack.generic::<tcp::TcpNet>().memory.set_memory(bytes);
            udp::UdpNet::of(&stack).memory.set_memory(bytes);
        }
        raw::init(&stack)?;
        inet::init(&stack)?;
        netlink::init(&stack)?;
        unix::init_with(&stack, self.names.unwrap_or_else(|| Arc::new(unix::MemoryNames::default())))?;
        packet::init(&stack)?;
        crate::diag::init(&stack)?;
        dev::tun::init(&stack)?;
        let lo = dev::loopback::add(&stack)?;
        ip::addr::add_loopback(&stack, &lo)?;
        if let Some(driver) = &driver {
            driver.start(&stack);
        }
        Ok(Net(Arc::new(Handle {
            stack,
            vfs: vfs::Vfs::new(),
            root: Cred::root(),
            cpus: SpinLock::default(),
            driver,
        })))
    }
}

impl Default for Net {
    fn default() -> Self {
        Net::new()
    }
}

impl Net {
    /// A namespace like a fresh one of Linux, with `lo` up, on the system's clock.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    pub fn new() -> Net {
        Net::builder().build().expect("a fresh namespace can be assembled")
    }

    /// A namespace to be described.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The stack below.
    pub fn stack(&self) -> &Arc<net::Net> {
        &self.0.stack
    }

    /// What the descriptor tables of its tasks share.
    pub fn vfs(&self) -> &Arc<vfs::Vfs> {
        &self.0.vfs
    }

    /// Runs the timers that are due, for namespaces without a timer thread.
    pub fn run_timers(&self) {
        self.with_cpu(|cpu| self.0.stack.run_timers(cpu));
    }

    /// When the next timer is due.
    pub fn next_timer(&self) -> Option<Time> {
        self.0.stack.next_timer()
    }

    /// Reads a file under `/proc/sys`, as `net/ipv4/tcp_sack` or `net.ipv4.tcp_sack`.
    pub fn sysctl(&self, path: &str) -> Result<String> {
        self.0.stack.sysctl.read(&self.0.stack, path)
    }

    /// The permission bits of a file under `/proc/sys`, and `ENOENT` for what is none.
    pub fn sysctl_mode(&self, path: &str) -> Result<u32> {
        Ok(self.0.stack.sysctl.get(path)?.mode())
    }

    /// Writes a file under `/proc/sys`.
    pub fn set_sysctl(&self, path: &str, value: &str) -> Result<()> {
        self.0.stack.sysctl.write(&self.0.stack, path, value)
    }

    /// Reads a parameter that Linux has below `/sys/module`, as `tcp_cubic/parameters/hystart`.
    pub fn module_param(&self, path: &str) -> Result<String> {
        self.0.stack.modules.read(&self.0.stack, path)
    }

    /// Writes one.
    pub fn set_module_param(&self, path: &str, value: &str) -> Result<()> {
        self.0.stack.modules.write(&self.0.stack, path, value)
    }

    /// Makes a congestion control known to this namespace: sockets may choose it by
    /// `TCP_CONGESTION`, the sysctls by its name. `EINVAL` for a table that is not complete, `EEXIST`
    /// for a name that is taken. See the example `congestion_control`.
    pub fn register_congestion_control(&self, ops: &'static tcp::cong::CongestionOps) -> Result<()> {
        tcp::cong::register(&self.0.stack, ops)
    }

    /// Runs `f` with a [`Cpu`] of the pool.
    pub fn with_cpu<R>(&self, f: impl FnOnce(&Cpu) -> R) -> R {
        let pooled = self.0.cpus.lock().pop();
        let cpu = pooled.unwrap_or_else(|| self.0.stack.new_cpu());
        let result = f(&cpu);
        self.0.cpus.lock().push(cpu);
        result
    }

    /// Runs `f` as a system call of the stack's own user: root, who gets no signals.
    pub fn with_process<R>(&self, f: impl FnOnce(&Process<'_>) -> R) -> R {
        let signals = Signals::default();
        self.with_cpu(|cpu| f(&Process::enter(cpu, &self.0.root, &signals)))
    }
}

/// The system's clocks.
struct SystemClock {
    /// What `CLOCK_MONOTONIC` showed a second before the clock began: no moment is 0, because zeros
    /// mean "never" in many places.
    origin: u64,
}

const NS_PER_SEC: u64 = 1_000_000_000;

fn monotonic(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    (time.tv_sec as u64).wrapping_mul(NS_PER_SEC).wrapping_add(time.tv_nsec as u64)
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock { origin: monotonic(ClockId::Monotonic).wrapping_sub(NS_PER_SEC) }
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Time {
        Time::from_ns(monotonic(ClockId::Monotonic).wrapping_sub(self.origin))
    }

    #[inline]
    fn coarse(&self) -> Time {
        Time::from_ns(monotonic(ClockId::MonotonicCoarse).wrapping_sub(self.origin))
    }

    fn realtime_ns(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
    }
}
