//! The rules of the house as data: the floor of each room and what its files may not name.

/// A room: one package of the workspace.
pub(crate) struct Room {
    /// The package's name in Cargo.
    pub package: &'static str,
    /// A room may import only rooms of a strictly lower floor, so rooms of one floor are
    /// siblings that never see each other.
    pub floor: u8,
    /// Whether the room may hold `unsafe` blocks (each with its `SAFETY:` comment).
    pub may_unsafe: bool,
    /// Whether the room belongs to the core, to which threads, time and files are handed in.
    pub core: bool,
}

const fn core(package: &'static str, floor: u8) -> Room {
    Room { package, floor, may_unsafe: false, core: true }
}

const fn edge(package: &'static str, floor: u8, may_unsafe: bool) -> Room {
    Room { package, floor, may_unsafe, core: false }
}

/// Test and tool packages stand outside the house: they see every room and no room sees them.
pub(crate) const OUTSIDE: u8 = 100;

/// Every package of the workspace. A package without a row fails the check.
pub(crate) const ROOMS: &[Room] = &[
    core("sockeye-uapi", 0),
    core("sockeye-wire", 1),
    Room { may_unsafe: true, ..core("sockeye-kern", 2) },
    core("sockeye-vfs", 3),
    core("sockeye-net", 4),
    core("sockeye-ip", 5),
    core("sockeye-tcp", 6),
    core("sockeye-udp", 6),
    core("sockeye-raw", 6),
    core("sockeye-unix", 6),
    core("sockeye-netlink", 6),
    core("sockeye-packet", 6),
    edge("sockeye-dev", 6, true),
    core("sockeye-inet", 7),
    edge("sockeye", 8, false),
    edge("sockeye-run", 9, true),
    edge("sockeye-cli", 10, false),
    edge("testkit", OUTSIDE, false),
    edge("conformance", OUTSIDE, false),
    edge("differential", OUTSIDE, true),
    edge("interop", OUTSIDE, true),
    edge("pktscript", OUTSIDE, false),
    edge("outside", OUTSIDE, false),
    edge("xtask", OUTSIDE, false),
];

/// The longest a file may grow, in lines; tests aside.
pub(crate) const MAX_LINES: usize = 600;

/// Directories and files of these names hold tests.
pub(crate) const TEST_DIRS: &[&str] = &["tests", "models", "benches", "examples", "fuzz"];

/// What the code of the core may not name, and what it uses in its place.
pub(crate) const CORE_FORBIDS: &[(&str, &str)] = &[
    ("thread::spawn", "the core starts no thread"),
    ("thread::Builder", "the core starts no thread"),
    ("thread::scope", "the core starts no thread"),
    ("thread::sleep", "the core waits on wait queues and timers"),
    ("time::Instant", "time comes from kern's clock"),
    ("Instant::now", "time comes from kern's clock"),
    ("SystemTime", "time comes from kern's clock"),
    ("std::fs", "the core opens no file"),
    ("std::env", "settings are handed in"),
    ("std::process", "the core starts no process"),
    ("std::net::TcpStream", "the host's sockets are not ours"),
    ("std::net::UdpSocket", "the host's sockets are not ours"),
    ("static mut", "no mutable globals"),
    ("thread_local!", "no mutable globals"),
    ("lazy_static!", "no mutable globals"),
];

/// Types that make a `static` of the core mutable.
pub(crate) const MUTABLE_STATICS: &[&str] =
    &["Atomic", "Mutex", "RwLock", "Cell<", "OnceLock", "LazyLock", "UnsafeCell"];

/// Paths of one developer's machine. Written in halves, so that this table passes its own check.
pub(crate) const MACHINE_PATHS: &[&str] =
    &[concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];
