//! Checked bytes between Sockeye and the host's kernel, over a TUN device of the host in a namespace of
//! its own. What goes wrong on a path is done to the packets by our end of the device.

use crate::host::kernel::{Tun, connect, getsockopt, in_namespace, set_sysctl, setsockopt, tcp_socket, wait};
use sockeye::kern::context::Cpu;
use sockeye::kern::sync::SpinLock;
use sockeye::stack::dev::{DeviceConfig, Features, NetDeviceOps};
use sockeye::stack::{Cx, DropReason, NetDevice, Skb};
use sockeye::uapi::socket::{AF_INET, AF_INET6, SHUT_WR, SOCK_STREAM};
use sockeye::uapi::{
    ARPHRD_NONE, IFF_LOWER_UP, IFF_MULTICAST, IFF_NOARP, IFF_POINTOPOINT, IFF_RUNNING, IFF_UP, IPPROTO_TCP,
    TCP_CONGESTION, TCP_INFO, TcpInfo,
};
use sockeye::{Net, Task};
use std::any::Any;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use zerocopy::{FromZeros, IntoBytes};

/// Who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sockeye does.
    WeConnect,
    /// The host does.
    WeListen,
}

/// What happens to every so many-th packet, either way; 0 for nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// It is lost.
    pub lost: u64,
    /// It is overtaken by four others.
    pub late: u64,
    /// It comes twice.
    pub twice: u64,
}

/// A transfer.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Over IPv6.
    pub v6: bool,
    /// Who connects.
    pub role: Role,
    /// Timestamps.
    pub timestamps: bool,
    /// SACK.
    pub sack: bool,
    /// `net.ipv4.tcp_ecn` of our side and the host's.
    pub ecn: bool,
    /// Congestion control of both sides.
    pub cc: &'static str,
    /// What the path does.
    pub faults: Faults,
    /// Bytes each way.
    pub bytes: u64,
}

/// How it went.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Seconds.
    pub seconds: f64,
    /// Our side's sender at the end.
    pub ours: TcpInfo,
    /// The host's.
    pub host: TcpInfo,
}

const OURS: [&str; 2] = ["10.8.0.1", "fd00:8::1"];
const HOST: [&str; 2] = ["10.8.0.2", "fd00:8::2"];
const PORT: u16 = 9;

/// The bytes that go one way: any of them can be told from its place.
fn pattern(place: u64, way: u64, buf: &mut [u8]) {
    for (i, word) in buf.chunks_mut(8).enumerate() {
        let n = (place / 8 + i as u64).wrapping_add(way << 60);
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ n;
        word.copy_from_slice(&mixed.to_le_bytes()[..word.len()]);
    }
}

const BLOCK: usize = 1 << 16;

/// Checks the bytes of one way as they come.
struct Check {
    way: u64,
    place: u64,
    want: Vec<u8>,
}

impl Check {
    fn new(way: u64) -> Self {
        Check { way, place: 0, want: vec![0; BLOCK] }
    }

    /// The next bytes; false when they are not the ones that were sent.
    fn next(&mut self, bytes: &[u8]) -> bool {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let at = (self.place % BLOCK as u64) as usize;
            if at == 0 {
                pattern(self.place, self.way, &mut self.want);
            }
            let n = bytes.len().min(BLOCK - at);
            if self.want[at..at + n] != bytes[..n] {
                return false;
            }
            self.place += n as u64;
            bytes = &bytes[n..];
        }
        true
    }
}

/// Does to packets what a case asks for.
#[derive(Default)]
struct Mangler {
    faults: Faults,
    count: u64,
    late: VecDeque<(u64, Vec<u8>)>,
}

impl Mangler {
    fn pass(&mut self, packet: &[u8], mut out: impl FnMut(&[u8])) {
        let hits = |every: u64, count: u64| every != 0 && count.is_multiple_of(every);
        self.count += 1;
        let Faults { lost, late, twice } = self.faults;
        if hits(late, self.count) {
            self.late.push_back((self.count + 4, packet.to_vec()));
        } else if !hits(lost, self.count) {
            out(packet);
            if hits(twice, self.count) {
                out(packet);
            }
        }
        while self.late.front().is_some_and(|(at, _)| *at <= self.count) {
            if let Some((_, packet)) = self.late.pop_front() {
                out(&packet);
            }
        }
    }
}

/// Our end of the TUN device: a driver of Sockeye's.
struct Driver {
    tun: Arc<Tun>,
    out: SpinLock<Mangler>,
}

impl NetDeviceOps for Driver {
    fn start_xmit(&self, cx: &Cx<'_>, _: &NetDevice, mut skb: Skb) -> Result<(), (Skb, DropReason)> {
        let bytes = skb.to_vec();
        self.out.lock().pass(&bytes, |packet| self.tun.write(packet));
        cx.skb_orphan(&mut skb);
        cx.consume_skb(skb);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Takes what the host sends into our namespace, until it is over.
fn receive(net: &Net, dev: &NetDevice, tun: &Tun, faults: Faults, over: &AtomicBool) {
    let cpu: Cpu = net.stack().new_cpu();
    let mut mangler = Mangler { faults, ..Mangler::default() };
    let mut buf = vec![0; 1 << 16];
    while !over.load(Relaxed) {
        wait([tun.as_raw_fd()], Some(20_000_000));
        for _ in 0..64 {
            let Some(len) = tun.read(&mut buf) else { break };
            mangler.pass(&buf[..len], |packet| {
                net.stack().softirq(&cpu, |cx| {
                    let mut skb = cx.alloc_skb();
                    let (headers, rest) = packet.split_at(packet.len().min(128));
                    skb.push(headers.len()).copy_from_slice(headers);
                    if !rest.is_empty() {
                        skb.append(cx, rest);
                    }
                    skb.set_mac_header();
                    skb.truesize = sockeye::stack::sock::mem::truesize_linear(packet.len() as u32 + 32);
                    skb.iif = dev.ifindex;
                    skb.protocol = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
                    cx.netif_rx(skb);
                });
            });
        }
    }
}

/// A namespace of ours and one of the host's on the two ends of a device.
pub struct Joined {
    /// Ours.
    pub net: Net,
    dev: Arc<NetDevice>,
    tun: Arc<Tun>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.net.stack().dev.unregister(self.net.stack(), &self.dev);
    }
}

impl Joined {
    /// Joins a fresh namespace of ours with the host's end of a device.
    ///
    /// # Panics
    /// When a call fails that cannot fail.
    #[must_use]
    pub fn new(tun: Tun, faults: Faults) -> Self {
        let (net, tun) = (Net::new(), Arc::new(tun));
        let config = DeviceConfig {
            name: "tun0".to_owned(),
            hardware: ARPHRD_NONE,
            flags: (IFF_UP | IFF_RUNNING | IFF_LOWER_UP | IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST) as _,
            mtu: 1500,
            address: Vec::new(),
            broadcast: Vec::new(),
            tx_queue_len: 1000,
            features: Features::default(),
        };
        let out = SpinLock::new(Mangler { faults, ..Mangler::default() });
        let driver = Driver { tun: tun.clone(), out };
        let dev = net.stack().dev.register(config, Box::new(driver)).expect("a device");
        net.add_addr("tun0", &format!("{}/24", OURS[0])).expect("an address");
        net.add_addr("tun0", &format!("{}/64", OURS[1])).expect("an address");
        let over = Arc::new(AtomicBool::new(false));
        let (theirs, end, to) = (net.clone(), tun.clone(), (dev.clone(), over.clone()));
        let thread = std::thread::spawn(move || receive(&theirs, &to.0, &end, faults, &to.1));
        Joined { net, dev, tun, over, thread: Some(thread) }
    }

    /// The host's end.
    #[must_use]
    pub fn tun(&self) -> &Tun {
        &self.tun
    }
}

/// The host's end of a device, in the calling thread's namespace.
///
/// # Errors
/// What the kernel says.
pub fn host_end() -> io::Result<Tun> {
    let tun = Tun::new("tun0", 1500)?;
    for (addr, prefix) in HOST.iter().zip([24, 64]) {
        tun.add_addr(addr.parse().map_err(io::Error::other)?, prefix)?;
    }
    // A worker of the kernel's looks for duplicates of an IPv6 address before it can be used.
    let ip: IpAddr = HOST[1].parse().map_err(io::Error::other)?;
    let begin = Instant::now();
    while TcpListener::bind((ip, 0)).is_err() && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(tun)
}

fn addr(of: &[&str; 2], v6: bool) -> SocketAddr {
    let ip: IpAddr = of[usize::from(v6)].parse().expect("an address");
    SocketAddr::new(ip, PORT)
}

/// What the host brings: a listener, or a socket that is to connect.
enum HostSocket {
    Listener(TcpListener),
    Socket(std::os::fd::OwnedFd),
}

fn host_side(case: &Case) -> io::Result<(Tun, HostSocket)> {
    in_namespace(|| {
        for (path, on) in
            [("tcp_timestamps", case.timestamps), ("tcp_sack", case.sack), ("tcp_ecn", case.ecn)]
        {
            set_sysctl(&format!("net.ipv4.{path}"), if on { "1" } else { "0" })?;
        }
        let tun = host_end()?;
        let socket = match case.role {
            Role::WeConnect => {
                let listener = TcpListener::bind(addr(&HOST, case.v6))?;
                // Those it accepts have it too.
                choose(listener.as_raw_fd(), case.cc)?;
                HostSocket::Listener(listener)
            }
            Role::WeListen => {
                let socket = tcp_socket(case.v6)?;
                choose(socket.as_raw_fd(), case.cc)?;
                HostSocket::Socket(socket)
            }
        };
        Ok((tun, socket))
    })
}

fn choose(fd: i32, cc: &str) -> io::Result<()> {
    setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, cc.as_bytes())
}

/// Runs a transfer, as many bytes each way at the same time.
///
/// # Errors
/// `EPERM` without the right to a namespace.
///
/// # Panics
/// When bytes are not those that were sent, or a call fails.
pub fn run(case: &Case) -> io::Result<Outcome> {
    let (tun, socket) = host_side(case)?;
    let joined = Joined::new(tun, case.faults);
    for (name, on) in [("tcp_timestamps", case.timestamps), ("tcp_sack", case.sack), ("tcp_ecn", case.ecn)] {
        joined.net.set_sysctl(&format!("net.ipv4.{name}"), if on { "1" } else { "0" }).expect("a sysctl");
    }
    let begin = Instant::now();
    let (net, case) = (joined.net.clone(), *case);
    let ready = Arc::new(AtomicBool::new(false));
    let listening = ready.clone();
    let ours = std::thread::spawn(move || our_end(&net, &case, &listening));
    let stream = match socket {
        HostSocket::Listener(listener) => listener.accept()?.0,
        HostSocket::Socket(socket) => {
            while !ready.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            connect(socket.as_raw_fd(), addr(&OURS, case.v6))?;
            TcpStream::from(socket)
        }
    };
    let host = host_end_of(stream, &case)?;
    let ours = ours.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Outcome { seconds, ours, host })
}

fn our_end(net: &Net, case: &Case, ready: &AtomicBool) -> TcpInfo {
    let mut task = Task::new(net);
    let family = if case.v6 { AF_INET6 } else { AF_INET };
    let mut fd = task.socket(family, SOCK_STREAM, 0).expect("a socket");
    task.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, case.cc.as_bytes()).expect("a congestion control");
    match case.role {
        Role::WeConnect => {
            task.connect(fd, sockeye::sockaddr(addr(&HOST, case.v6))).expect("a connection");
        }
        Role::WeListen => {
            task.bind(fd, sockeye::sockaddr(addr(&OURS, case.v6))).expect("an address");
            task.listen(fd, 1).expect("a listener");
            ready.store(true, Relaxed);
            fd = task.accept4(fd, 0).expect("a connection");
        }
    }
    let (other, bytes) = (task.thread(), case.bytes);
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || {
            let (mut buf, mut place) = (vec![0; BLOCK], 0);
            while place < bytes {
                pattern(place, 0, &mut buf);
                let mut rest = &buf[..(bytes - place).min(BLOCK as u64) as usize];
                place += rest.len() as u64;
                while !rest.is_empty() {
                    let n = other.write(fd, rest).expect("the peer takes it");
                    rest = &rest[n..];
                }
            }
            other.shutdown(fd, SHUT_WR).expect("a connection");
        });
        let (mut check, mut buf) = (Check::new(1), vec![0; 1 << 18]);
        loop {
            let n = task.read(fd, &mut buf).expect("the peer sends it");
            if n == 0 {
                break;
            }
            assert!(check.next(&buf[..n]), "we got other bytes than were sent, near {}", check.place);
        }
        assert_eq!(check.place, bytes, "we got less than was sent");
        sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let mut info = TcpInfo::new_zeroed();
    task.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info.as_mut_bytes()).expect("TCP_INFO");
    info
}

fn host_end_of(mut stream: TcpStream, case: &Case) -> io::Result<TcpInfo> {
    let mut writer = stream.try_clone()?;
    let bytes = case.bytes;
    let sender = std::thread::spawn(move || -> io::Result<()> {
        let (mut buf, mut place) = (vec![0; BLOCK], 0);
        while place < bytes {
            pattern(place, 1, &mut buf);
            let n = (bytes - place).min(BLOCK as u64) as usize;
            writer.write_all(&buf[..n])?;
            place += n as u64;
        }
        writer.shutdown(std::net::Shutdown::Write)
    });
    let (mut check, mut buf) = (Check::new(0), vec![0; 1 << 18]);
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            break;
        }
        assert!(check.next(&buf[..n]), "the host got other bytes than were sent, near {}", check.place);
    }
    assert_eq!(check.place, case.bytes, "the host got less than was sent");
    sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let mut info = TcpInfo::new_zeroed();
    getsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_bytes())?;
    Ok(info)
}
