//! How fast, on one thread over `lo`: `cargo test --release -p sockeye-tcp --test speed -- --ignored
//! --nocapture`.

#![allow(clippy::unwrap_used, reason = "tests")]

use kern::context::{Cpu, Process};
use kern::cred::Cred;
use kern::park::{Parker, Sleeper};
use kern::signals::Signals;
use kern::time::{Clock, Time};
use net::msg::{MsgHdr, RecvMsg};
use net::netns::Config;
use net::{Net, Proto, UserCx};
use sockeye_tcp::{self as tcp, Tcp};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uapi::{MSG_DONTWAIT, SockAddr};
use vfs::iov::{IovSink, IovSource};

struct System(Instant);

impl Clock for System {
    fn now(&self) -> Time {
        Time::from_ns(self.0.elapsed().as_nanos() as u64)
    }
    fn realtime_ns(&self) -> u64 {
        self.now().ns()
    }
}

/// Time this thread was on a processor: others run beside us.
fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

struct NoSleep;

impl Sleeper for NoSleep {
    fn sleep(&self, _parker: &Parker, _until: Option<Time>) {}
}

struct Host {
    net: Arc<Net>,
    cpu: Cpu,
    cred: Cred,
    signals: Signals,
}

type Sock = Arc<net::Sock<Tcp>>;

impl Host {
    fn new() -> Host {
        let net = Net::new(Config {
            id: 1,
            clock: Arc::new(System(Instant::now())),
            sleeper: Arc::new(NoSleep),
            seed: 1,
            on_timer: None,
        });
        ip::attach(&net).unwrap();
        tcp::init(&net).unwrap();
        let lo = dev::loopback::add(&net).unwrap();
        ip::addr::add_loopback(&net, &lo).unwrap();
        let cpu = net.new_cpu();
        Host { net, cpu, cred: Cred::root(), signals: Signals::default() }
    }

    #[inline]
    fn call<R>(&self, f: impl FnOnce(&UserCx<'_>) -> R) -> R {
        let process = Process::enter(&self.cpu, &self.cred, &self.signals);
        f(&UserCx::enter(&self.net, &process))
    }

    fn socket(&self) -> Sock {
        self.call(|cx| {
            let sk = net::Sock::<Tcp>::alloc(cx, uapi::AF_INET as u16, 1, uapi::IPPROTO_TCP as u16);
            {
                let mut guard = sk.lock_sock(cx);
                guard.inet.init(cx.net, uapi::AF_INET as u16);
                Tcp::init(&mut guard.sk_mut(), cx).unwrap();
            }
            sk
        })
    }

    fn listen(&self) -> Sock {
        let sk = self.socket();
        self.call(|cx| {
            let mut guard = sk.lock_sock(cx);
            let mut sk = guard.sk_mut();
            Tcp::get_port(&mut sk, cx, 80).unwrap();
            sk.inet.num = 80;
            sk.sk.set_max_ack_backlog(128);
            tcp::api::listen::start(&mut sk, cx).unwrap();
        });
        sk
    }

    fn connect(&self) -> Sock {
        let sk = self.socket();
        let addr: SockAddr = "127.0.0.1:80".parse::<std::net::SocketAddr>().unwrap().into();
        let mut buf = [0; 64];
        let n = addr.encode(&mut buf);
        self.call(|cx| Tcp::connect(&mut sk.lock_sock(cx).sk_mut(), cx, &buf[..n])).unwrap();
        sk
    }

    fn accept(&self, sk: &Sock) -> Sock {
        let child = self.call(|cx| Tcp::accept(sk, cx, true)).unwrap();
        child.into_any().downcast::<net::Sock<Tcp>>().unwrap()
    }

    #[inline]
    fn send(&self, sk: &Sock, data: &[u8]) -> usize {
        let mut msg = MsgHdr::new(IovSource::from_slice(data), MSG_DONTWAIT);
        self.call(|cx| Tcp::sendmsg(sk, cx, &mut msg)).unwrap_or(0)
    }

    #[inline]
    fn recv(&self, sk: &Sock, buf: &mut [u8]) -> usize {
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), MSG_DONTWAIT);
        self.call(|cx| Tcp::recvmsg(sk, cx, &mut msg)).unwrap_or(0)
    }

    fn close(&self, sk: Sock) {
        self.call(|cx| {
            Tcp::close(&sk, cx, net::sock::Timeo::Never);
            cx.sock_put(sk);
        });
    }
}

#[test]
#[ignore = "a measurement, by hand, for issue 2"]
fn speed() {
    let host = Host::new();
    let listener = host.listen();
    let client = host.connect();
    let server = host.accept(&listener);
    for round in 0..if std::env::var_os("STREAM").is_some() { 0 } else { 5 } {
        let n: u32 = std::env::var("RR").ok().and_then(|n| n.parse().ok()).unwrap_or(300_000);
        let start = on_cpu();
        let mut buf = [0; 1];
        for _ in 0..n {
            assert_eq!(host.send(&client, b"x"), 1);
            assert_eq!(host.recv(&server, &mut buf), 1);
            assert_eq!(host.send(&server, b"y"), 1);
            assert_eq!(host.recv(&client, &mut buf), 1);
        }
        let ns = (on_cpu() - start).as_nanos() as f64 / f64::from(n);
        let segs = host.call(|cx| client.lock_sock(cx).segs_out);
        println!("round {round}: 1-byte round trip {ns:.0} ns, {segs} segments");
        if round == 2 {
            host.net.run_timers(&host.cpu);
        }
    }
    if std::env::var_os("RR").is_some() {
        return;
    }
    let data = vec![7; 65536];
    let mut buf = vec![0; 65536];
    for _ in 0..5 {
        let start = on_cpu();
        let (mut sent, mut got) = (0u64, 0u64);
        while got < 2 << 30 {
            sent += host.send(&client, &data) as u64;
            loop {
                let n = host.recv(&server, &mut buf);
                if n == 0 {
                    break;
                }
                got += n as u64;
            }
        }
        let gbs = got as f64 / (on_cpu() - start).as_nanos() as f64;
        println!("64 KiB stream {gbs:.1} GB/s ({sent} sent)");
    }
    for _ in 0..if std::env::var_os("STREAM").is_some() { 0 } else { 3 } {
        let n = 20_000;
        let start = on_cpu();
        for _ in 0..n {
            let client = host.connect();
            let server = host.accept(&listener);
            host.close(client);
            host.close(server);
        }
        let ns = (on_cpu() - start).as_nanos() as f64 / f64::from(n);
        println!("connect, accept, close {ns:.0} ns");
        host.net.run_timers(&host.cpu);
    }
}
