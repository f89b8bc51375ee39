//! What is asked of the host's kernel in its own words.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The kernel's answer, or its errno.
pub(super) fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Runs `f` in a thread with a fresh network namespace. What it opened there stays there.
///
/// # Errors
/// `EPERM` without the right to a namespace, and what `f` fails with.
///
/// # Panics
/// When `f` does.
pub fn in_namespace<T: Send>(f: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: it takes no pointer, and changes this thread alone.
            checked(unsafe { libc::unshare(libc::CLONE_NEWNET) })?;
            f()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Writes a file under `/proc/sys` of the calling thread's namespace.
///
/// # Errors
/// What the kernel says.
pub fn set_sysctl(path: &str, value: &str) -> io::Result<()> {
    std::fs::write(format!("/proc/sys/{}", path.replace('.', "/")), value)
}

/// The calling thread runs before all that are not as urgent; false without the right to that.
pub fn be_urgent() -> bool {
    let param = libc::sched_param { sched_priority: 50 };
    // SAFETY: the parameter lives through the call; 0 is the calling thread.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const param) == 0 }
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
#[must_use]
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place for the answer lives through the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Waits until one of the descriptors can be read, for at most so many nanoseconds; which can.
pub fn wait<const N: usize>(fds: [RawFd; N], ns: Option<u64>) -> [bool; N] {
    let mut polled = fds.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    let time = ns.map(|ns| libc::timespec {
        tv_sec: (ns / 1_000_000_000) as i64,
        tv_nsec: (ns % 1_000_000_000) as i64,
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both arrays live through the call, and the mask may be null.
    unsafe { libc::ppoll(polled.as_mut_ptr(), N as u64, time, std::ptr::null()) };
    polled.map(|fd| fd.revents & libc::POLLIN != 0)
}

/// `struct ifreq` with a name and what stands behind it.
#[repr(C)]
struct IfReq {
    name: [u8; 16],
    rest: [u8; 24],
}

impl IfReq {
    fn new(name: &str, rest: &[u8]) -> Self {
        let mut req = IfReq { name: [0; 16], rest: [0; 24] };
        req.name[..name.len()].copy_from_slice(name.as_bytes());
        req.rest[..rest.len()].copy_from_slice(rest);
        req
    }
}

fn ioctl<T>(fd: RawFd, request: u64, arg: &mut T) -> io::Result<()> {
    // SAFETY: each request below reads and writes at most the structure it is given.
    checked(unsafe { libc::ioctl(fd, request as _, std::ptr::from_mut(arg)) }).map(drop)
}

fn owned(result: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call has just made the descriptor, and nobody else has it.
    checked(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

const TUNSETIFF: u64 = 0x4004_54ca;
/// `IFF_TUN | IFF_NO_PI`
const TUN_FLAGS: u16 = 0x1001;
const SIOCSIFFLAGS: u64 = 0x8914;
const SIOCSIFADDR: u64 = 0x8916;
const SIOCSIFNETMASK: u64 = 0x891c;
const SIOCSIFMTU: u64 = 0x8922;
const SIOCGIFINDEX: u64 = 0x8933;
const SIOCSIFTXQLEN: u64 = 0x8943;
const SIOCETHTOOL: u64 = 0x8946;
const ETHTOOL_SGSO: u32 = 0x24;
/// `IFF_UP | IFF_RUNNING`
const UP: u16 = 0x41;

/// A TUN device of the host.
#[derive(Debug)]
pub struct Tun {
    fd: OwnedFd,
    name: String,
}

impl AsRawFd for Tun {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Tun {
    /// A device in the calling thread's namespace, up, that queues much.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(name: &str, mtu: u32) -> io::Result<Tun> {
        let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC;
        // SAFETY: the path ends with a NUL and lives through the call.
        let fd = owned(unsafe { libc::open(c"/dev/net/tun".as_ptr(), flags) })?;
        ioctl(fd.as_raw_fd(), TUNSETIFF, &mut IfReq::new(name, &TUN_FLAGS.to_ne_bytes()))?;
        let tun = Tun { fd, name: name.to_owned() };
        let control = socket(libc::AF_INET)?;
        for (request, value) in [(SIOCSIFMTU, mtu), (SIOCSIFTXQLEN, 20_000)] {
            ioctl(control.as_raw_fd(), request, &mut IfReq::new(name, &value.to_ne_bytes()))?;
        }
        // Each segment by itself, as on Sockeye's wires.
        let off = [ETHTOOL_SGSO, 0u32];
        let at = (&raw const off).addr().to_ne_bytes();
        ioctl(control.as_raw_fd(), SIOCETHTOOL, &mut IfReq::new(name, &at))?;
        ioctl(control.as_raw_fd(), SIOCSIFFLAGS, &mut IfReq::new(name, &UP.to_ne_bytes()))?;
        Ok(tun)
    }

    /// Gives it an address with its network; in the thread that made it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn add_addr(&self, addr: IpAddr, prefix: u8) -> io::Result<()> {
        match addr {
            IpAddr::V4(addr) => {
                let control = socket(libc::AF_INET)?;
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0).to_be_bytes();
                for (request, octets) in [(SIOCSIFADDR, addr.octets()), (SIOCSIFNETMASK, mask)] {
                    let mut sockaddr = [0; 16];
                    sockaddr[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
                    sockaddr[4..8].copy_from_slice(&octets);
                    ioctl(control.as_raw_fd(), request, &mut IfReq::new(&self.name, &sockaddr))?;
                }
                Ok(())
            }
            IpAddr::V6(addr) => {
                let control = socket(libc::AF_INET6)?;
                let mut index = IfReq::new(&self.name, &[]);
                ioctl(control.as_raw_fd(), SIOCGIFINDEX, &mut index)?;
                // struct in6_ifreq
                let mut request = [0u8; 24];
                request[..16].copy_from_slice(&addr.octets());
                request[16..20].copy_from_slice(&u32::from(prefix).to_ne_bytes());
                request[20..24].copy_from_slice(&index.rest[..4]);
                ioctl(control.as_raw_fd(), SIOCSIFADDR, &mut request)
            }
        }
    }

    /// Reads a packet; `None` when there is none.
    pub fn read(&self, buf: &mut [u8]) -> Option<usize> {
        // SAFETY: the buffer lives through the call and is as long as is said.
        let n = unsafe { libc::read(self.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len()) };
        usize::try_from(n).ok().filter(|n| *n > 0)
    }

    /// Gives the kernel a packet; a device that is not up loses it.
    pub fn write(&self, packet: &[u8]) {
        // SAFETY: the packet lives through the call and is as long as is said.
        unsafe { libc::write(self.as_raw_fd(), packet.as_ptr().cast(), packet.len()) };
    }
}

fn socket(family: i32) -> io::Result<OwnedFd> {
    // SAFETY: it takes no pointer.
    owned(unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })
}

/// Sets an option of a socket.
///
/// # Errors
/// What the kernel says.
pub fn setsockopt(fd: RawFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    // SAFETY: the value lives through the call and is as long as is said.
    let result = unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), value.len() as u32) };
    checked(result).map(drop)
}

/// Reads an option of a socket; how many bytes it has.
///
/// # Errors
/// What the kernel says.
pub fn getsockopt(fd: RawFd, level: i32, name: i32, value: &mut [u8]) -> io::Result<usize> {
    let mut len = value.len() as u32;
    // SAFETY: the value lives through the call and is as long as is said.
    let result = unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &raw mut len) };
    checked(result).map(|_| len as usize)
}

/// A TCP socket of the calling thread's namespace that is not connected.
///
/// # Errors
/// What the kernel says.
pub fn tcp_socket(v6: bool) -> io::Result<OwnedFd> {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    // SAFETY: it takes no pointer.
    owned(unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) })
}

fn sockaddr(addr: std::net::SocketAddr) -> sockeye::SockAddrBuf {
    sockeye::sockaddr(addr)
}

/// Connects a socket, wherever the caller is.
///
/// # Errors
/// What the kernel says.
pub fn connect(fd: RawFd, addr: std::net::SocketAddr) -> io::Result<()> {
    let addr = sockaddr(addr);
    let bytes = addr.as_ref();
    // SAFETY: the address lives through the call and is as long as is said.
    checked(unsafe { libc::connect(fd, bytes.as_ptr().cast(), bytes.len() as u32) }).map(drop)
}
