//! A host in virtual time whose loopback is a wire with loss, delay, reordering, duplication and a
//! rate: seeded, so that every run is the same. All calls are non-blocking; time moves in [`Host::step`].

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test uses its part")]

use kern::context::{Cpu, Process};
use kern::cred::Cred;
use kern::park::{Parker, Sleeper};
use kern::signals::Signals;
use kern::time::{Clock, Time, VirtualClock};
use net::dev::{DeviceConfig, Features, NetDevice, NetDeviceOps};
use net::msg::{MsgHdr, RecvMsg};
use net::netns::Config;
use net::skb::PktType;
use net::sock::{SkMut, Timeo};
use net::{Cx, DropReason, Net, Proto, Skb, UserCx};
use sockeye_tcp as tcp;
use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use tcp::sock::TcpSock;
use tcp::{Tcp, state};
use uapi::tcp::TcpState;
use uapi::{Errno, MSG_DONTWAIT, Result, SockAddr};
use vfs::iov::{IovSink, IovSource};

/// What the wire does to packets; rates in packets of ten thousand.
#[derive(Clone, Copy)]
pub struct Link {
    pub loss: u32,
    pub reorder: u32,
    pub duplicate: u32,
    /// One way, µs.
    pub delay_us: u64,
    /// Bytes per second, 0 for no limit.
    pub rate: u64,
    pub mtu: u32,
    pub gso: bool,
    pub seed: u64,
}

impl Default for Link {
    fn default() -> Self {
        Link { loss: 0, reorder: 0, duplicate: 0, delay_us: 0, rate: 0, mtu: 65536, gso: true, seed: 1 }
    }
}

/// Loses the packets that `drop` says, by their number on the wire.
type Filter = Box<dyn FnMut(u64, &[u8]) -> bool + Send>;

struct State {
    queue: BTreeMap<(u64, u64), Skb>,
    sent: u64,
    lost: u64,
    rng: u64,
    free_at: u64,
    hash: u64,
    filter: Option<Filter>,
    log: bool,
}

struct Wire {
    link: Link,
    state: Arc<Mutex<State>>,
}

impl State {
    fn chance(&mut self, of_ten_thousand: u32) -> bool {
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 7;
        self.rng ^= self.rng << 17;
        of_ten_thousand > 0 && (self.rng >> 11) % 10_000 < u64::from(of_ten_thousand)
    }
}

impl NetDeviceOps for Wire {
    fn start_xmit(
        &self,
        cx: &Cx<'_>,
        dev: &NetDevice,
        mut skb: Skb,
    ) -> core::result::Result<(), (Skb, DropReason)> {
        let mut state = self.state.lock().unwrap();
        let now = cx.net.clock.now().ns();
        if let Some(owner) = skb.owner.take() {
            owner.common().wmem_alloc.fetch_sub(skb.truesize as i32, Relaxed);
            owner.put(cx);
        }
        skb.iif = dev.ifindex;
        skb.pkt_type = PktType::Host;
        let bytes = skb.to_vec();
        for b in &bytes {
            state.hash = (state.hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
        state.hash ^= now;
        if state.log {
            println!("{:>10} {}", now / 1000, describe(&bytes));
        }
        state.sent += 1;
        let n = state.sent;
        let filtered = state.filter.as_mut().is_some_and(|f| f(n, &bytes));
        if filtered || state.chance(self.link.loss) {
            state.lost += 1;
            if state.log {
                println!("{:>10} ^ lost", "");
            }
            cx.consume_skb(skb);
            return Ok(());
        }
        let mut at = now;
        if let Some(takes) = (bytes.len() as u64 * 1_000_000_000).checked_div(self.link.rate) {
            at = at.max(state.free_at) + takes;
            state.free_at = at;
        }
        at += self.link.delay_us * 1000;
        if state.chance(self.link.duplicate) {
            let n = state.sent * 2 + 1;
            let copy = skb.clone_in(cx);
            state.queue.insert((at + 1000, n), copy);
        }
        if state.chance(self.link.reorder) {
            at += self.link.delay_us * 200 + 50_000;
        }
        let n = state.sent * 2;
        state.queue.insert((at, n), skb);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A packet as tcpdump would print it, more or less.
pub fn describe(packet: &[u8]) -> String {
    let header = if packet[0] >> 4 == 4 { usize::from(packet[0] & 15) * 4 } else { 40 };
    let Ok(seg) = wire::TcpSegment::parse(&packet[header..]) else {
        return format!("? {} bytes", packet.len());
    };
    let hdr = seg.hdr;
    let options = seg.parse_options();
    let ts = options.timestamp.map(|ts| format!(" ts {}/{}", ts.val, ts.ecr)).unwrap_or_default();
    let sack =
        if options.sack.as_slice().is_empty() { String::new() } else { format!(" sack {:?}", options.sack) };
    format!(
        "{}>{} {} {}:{}({}) ack {} win {}{ts}{sack}",
        hdr.source(),
        hdr.dest(),
        hdr.flags(),
        hdr.seq(),
        hdr.seq().wrapping_add(seg.payload.len() as u32),
        seg.payload.len(),
        hdr.ack_seq(),
        hdr.window(),
    )
}

struct NoSleep;

impl Sleeper for NoSleep {
    fn sleep(&self, _parker: &Parker, _until: Option<Time>) {
        panic!("a test would sleep for ever");
    }
}

/// A host that talks to itself.
pub struct Host {
    pub net: Arc<Net>,
    pub clock: Arc<VirtualClock>,
    wire: Arc<Mutex<State>>,
    pub cpu: Cpu,
    cred: Cred,
    signals: Signals,
}

pub type Sock = Arc<net::Sock<Tcp>>;

impl Host {
    pub fn new(link: Link) -> Host {
        let clock = Arc::new(VirtualClock::new(Time::ZERO));
        clock.advance_to(Time::from_ms(1000));
        let net = Net::new(Config {
            id: 1,
            clock: clock.clone(),
            sleeper: Arc::new(NoSleep),
            seed: link.seed,
            on_timer: None,
        });
        ip::attach(&net).unwrap();
        tcp::init(&net).unwrap();
        let wire = Arc::new(Mutex::new(State {
            queue: BTreeMap::new(),
            sent: 0,
            lost: 0,
            rng: link.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            free_at: 0,
            hash: 0xcbf2_9ce4_8422_2325,
            filter: None,
            log: false,
        }));
        let config = DeviceConfig {
            name: "lo".to_owned(),
            hardware: uapi::ARPHRD_LOOPBACK,
            flags: uapi::IFF_UP | uapi::IFF_LOOPBACK | uapi::IFF_RUNNING,
            mtu: link.mtu,
            address: vec![0; 6],
            broadcast: vec![0; 6],
            tx_queue_len: 1000,
            features: Features { csum: true, gso: link.gso, loopback: true },
        };
        let lo = net.dev.register(config, Box::new(Wire { link, state: wire.clone() })).unwrap();
        ip::addr::add_loopback(&net, &lo).unwrap();
        let cpu = net.new_cpu();
        Host { net, clock, wire, cpu, cred: Cred::root(), signals: Signals::default() }
    }

    /// Prints every packet.
    pub fn log(&self) {
        self.wire.lock().unwrap().log = true;
    }

    pub fn filter(&self, f: impl FnMut(u64, &[u8]) -> bool + Send + 'static) {
        self.wire.lock().unwrap().filter = Some(Box::new(f));
    }

    /// Packets sent and lost so far, and the hash of all of them with their times.
    pub fn wire(&self) -> (u64, u64, u64) {
        let state = self.wire.lock().unwrap();
        (state.sent, state.lost, state.hash)
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }

    pub fn call<R>(&self, f: impl FnOnce(&UserCx<'_>) -> R) -> R {
        let process = Process::enter(&self.cpu, &self.cred, &self.signals);
        f(&UserCx::enter(&self.net, &process))
    }

    pub fn socket(&self, family: i32) -> Sock {
        self.call(|cx| {
            let sk = net::Sock::<Tcp>::alloc(cx, family as u16, 1, uapi::IPPROTO_TCP as u16);
            {
                let mut guard = sk.lock_sock(cx);
                guard.inet.init(cx.net, family as u16);
                Tcp::init(&mut guard.sk_mut(), cx).unwrap();
            }
            sk
        })
    }

    pub fn with<R>(&self, sk: &Sock, f: impl FnOnce(&mut SkMut<'_, Tcp>, &UserCx<'_>) -> R) -> R {
        self.call(|cx| {
            let mut guard = sk.lock_sock(cx);
            f(&mut guard.sk_mut(), cx)
        })
    }

    pub fn tp<R>(&self, sk: &Sock, f: impl FnOnce(&TcpSock) -> R) -> R {
        self.with(sk, |sk, _| f(sk))
    }

    pub fn listen(&self, family: i32, port: u16) -> Sock {
        let sk = self.socket(family);
        self.with(&sk, |sk, cx| {
            Tcp::get_port(sk, cx, port).unwrap();
            sk.inet.num = port;
            sk.sk.set_max_ack_backlog(128);
            tcp::api::listen::start(sk, cx).unwrap();
        });
        sk
    }

    pub fn connect(&self, sk: &Sock, to: &str) -> Result<()> {
        let addr: SockAddr = to.parse::<SocketAddr>().unwrap().into();
        let mut buf = [0; 64];
        let n = addr.encode(&mut buf);
        self.with(sk, |sk, cx| Tcp::connect(sk, cx, &buf[..n]))
    }

    pub fn accept(&self, sk: &Sock) -> Result<Sock> {
        let child = self.call(|cx| Tcp::accept(sk, cx, true))?;
        Ok(child.into_any().downcast::<net::Sock<Tcp>>().unwrap())
    }

    pub fn send(&self, sk: &Sock, data: &[u8]) -> Result<usize> {
        self.send_flags(sk, data, 0)
    }

    pub fn send_flags(&self, sk: &Sock, data: &[u8], flags: u32) -> Result<usize> {
        let mut msg = MsgHdr::new(IovSource::from_slice(data), flags | MSG_DONTWAIT);
        self.call(|cx| Tcp::sendmsg(sk, cx, &mut msg))
    }

    pub fn recv(&self, sk: &Sock, buf: &mut [u8]) -> Result<usize> {
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), MSG_DONTWAIT);
        self.call(|cx| Tcp::recvmsg(sk, cx, &mut msg))
    }

    pub fn shutdown(&self, sk: &Sock, how: u8) {
        self.with(sk, |sk, cx| {
            sk.sk.set_shutdown(sk.sk.shutdown() | how);
            Tcp::shutdown(sk, cx, how);
        });
    }

    pub fn close(&self, sk: Sock) {
        self.call(|cx| {
            Tcp::close(&sk, cx, Timeo::Never);
            cx.sock_put(sk);
        });
    }

    pub fn state(&self, sk: &Sock) -> TcpState {
        state::of(sk)
    }

    /// The next thing happens: a packet arrives, a timer fires. False when nothing ever will.
    pub fn step(&self) -> bool {
        let packet = self.wire.lock().unwrap().queue.first_key_value().map(|(key, _)| key.0);
        let timer = self.net.next_timer().map(Time::ns);
        let Some(next) = [packet, timer].into_iter().flatten().min() else { return false };
        if next > self.now().ns() {
            self.clock.advance_to(Time::from_ns(next));
        }
        if packet.is_some_and(|at| at <= self.now().ns()) {
            let skb = self.wire.lock().unwrap().queue.pop_first().unwrap().1;
            self.net.softirq(&self.cpu, |cx| cx.netif_rx(skb));
        }
        self.net.run_timers(&self.cpu);
        true
    }

    /// Until `done`, or for at most `ms` of virtual time.
    pub fn run(&self, ms: u64, mut done: impl FnMut() -> bool) -> bool {
        let end = self.now().ms() + ms;
        while !done() {
            let next = self.next_event();
            if next.is_none_or(|next| next.ms() > end) {
                self.clock.advance_to(Time::from_ms(end));
                return done();
            }
            self.step();
        }
        true
    }

    pub fn next_event(&self) -> Option<Time> {
        let packet = self.wire.lock().unwrap().queue.first_key_value().map(|(key, _)| Time::from_ns(key.0));
        [packet, self.net.next_timer()].into_iter().flatten().min()
    }

    /// A connected pair: client, server, listener.
    pub fn pair(&self) -> (Sock, Sock, Sock) {
        let listener = self.listen(uapi::AF_INET, 80);
        let client = self.socket(uapi::AF_INET);
        self.connect(&client, "127.0.0.1:80").unwrap();
        let mut server = None;
        self.run(60_000, || {
            server = server.take().or_else(|| self.accept(&listener).ok());
            server.is_some()
        });
        (client, server.expect("a connection"), listener)
    }
}

/// The byte at `at` of the stream that tests send.
pub fn pattern(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// Would it have to wait?
pub fn blocks<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Errno::EAGAIN))
}
