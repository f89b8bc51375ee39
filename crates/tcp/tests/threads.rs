//! Blocking calls of many threads over `lo`, in real time: nobody sleeps for ever, every byte arrives.

#![allow(clippy::unwrap_used, reason = "tests")]

use kern::context::Process;
use kern::cred::Cred;
use kern::park::ThreadSleeper;
use kern::signals::Signals;
use kern::time::{Clock, Time};
use net::msg::{MsgHdr, RecvMsg};
use net::netns::Config;
use net::{Net, Proto, UserCx};
use sockeye_tcp::{self as tcp, Tcp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use uapi::{Errno, SockAddr};
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

type Sock = Arc<net::Sock<Tcp>>;

fn host() -> Arc<Net> {
    let clock = Arc::new(System(Instant::now()));
    let sleeper = Arc::new(ThreadSleeper::new(clock.clone(), 2));
    let net = Net::new(Config { id: 1, clock, sleeper, seed: 1, on_timer: None });
    ip::attach(&net).unwrap();
    tcp::init(&net).unwrap();
    let lo = dev::loopback::add(&net).unwrap();
    ip::addr::add_loopback(&net, &lo).unwrap();
    net
}

/// A thread's way into the namespace.
struct Task {
    net: Arc<Net>,
    cpu: kern::context::Cpu,
    cred: Cred,
    signals: Signals,
}

impl Task {
    fn new(net: &Arc<Net>) -> Task {
        Task { net: net.clone(), cpu: net.new_cpu(), cred: Cred::root(), signals: Signals::default() }
    }

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

    fn listen(&self, port: u16) -> Sock {
        let sk = self.socket();
        self.call(|cx| {
            let mut guard = sk.lock_sock(cx);
            let mut sk = guard.sk_mut();
            Tcp::get_port(&mut sk, cx, port).unwrap();
            sk.inet.num = port;
            sk.sk.set_max_ack_backlog(128);
            tcp::api::listen::start(&mut sk, cx).unwrap();
        });
        sk
    }

    /// Blocks, as `connect()` does above us.
    fn connect(&self, port: u16) -> Sock {
        let sk = self.socket();
        let addr: SockAddr = std::net::SocketAddr::from(([127, 0, 0, 1], port)).into();
        let mut buf = [0; 64];
        let n = addr.encode(&mut buf);
        self.call(|cx| {
            let mut guard = sk.lock_sock(cx);
            Tcp::connect(&mut guard.sk_mut(), cx, &buf[..n]).unwrap();
            let (guard, up) = guard.wait_event(net::sock::Timeo::Forever, |sk| {
                let state = tcp::state::state(sk);
                (state != uapi::tcp::TcpState::SynSent && state != uapi::tcp::TcpState::SynRecv)
                    .then_some(state)
            });
            drop(guard);
            assert_eq!(up, Ok(uapi::tcp::TcpState::Established), "{:?}", sk.take_err());
        });
        sk
    }

    fn accept(&self, sk: &Sock) -> Sock {
        let child = self.call(|cx| Tcp::accept(sk, cx, false)).unwrap();
        child.into_any().downcast::<net::Sock<Tcp>>().unwrap()
    }

    fn send_all(&self, sk: &Sock, data: &[u8]) {
        let mut at = 0;
        while at < data.len() {
            let mut msg = MsgHdr::new(IovSource::from_slice(&data[at..]), 0);
            at += self.call(|cx| Tcp::sendmsg(sk, cx, &mut msg)).unwrap();
        }
    }

    fn recv(&self, sk: &Sock, buf: &mut [u8]) -> Result<usize, Errno> {
        let mut msg = RecvMsg::new(IovSink::from_slice(buf), 0);
        self.call(|cx| Tcp::recvmsg(sk, cx, &mut msg))
    }

    fn close(&self, sk: Sock) {
        self.call(|cx| {
            Tcp::close(&sk, cx, net::sock::Timeo::Never);
            cx.sock_put(sk);
        });
    }
}

fn byte(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// Runs the timers while `body` does its work; a body that takes a minute hangs.
fn with_timers(net: &Arc<Net>, body: impl FnOnce()) {
    let over = Arc::new(AtomicBool::new(false));
    let (net, stop) = (net.clone(), over.clone());
    let ticker = std::thread::spawn(move || {
        let cpu = net.new_cpu();
        let start = Instant::now();
        while !stop.load(Relaxed) {
            net.run_timers(&cpu);
            std::thread::sleep(Duration::from_millis(1));
            if start.elapsed() > Duration::from_secs(60) {
                eprintln!("a thread sleeps for ever");
                std::process::abort();
            }
        }
    });
    body();
    over.store(true, Relaxed);
    ticker.join().unwrap();
}

// chapter: B11
#[test]
fn streams_of_many_threads() {
    let net = host();
    let total = 20_000_000u64;
    with_timers(&net, || {
        let listener = Task::new(&net).listen(80);
        std::thread::scope(|scope| {
            for i in 0..4 {
                let (net, listener) = (&net, &listener);
                scope.spawn(move || {
                    let task = Task::new(net);
                    let sk = task.accept(listener);
                    let (mut got, mut buf) = (0u64, vec![0; 50_000]);
                    loop {
                        let n = task.recv(&sk, &mut buf).unwrap();
                        if n == 0 {
                            break;
                        }
                        for b in &buf[..n] {
                            assert_eq!(*b, byte(got));
                            got += 1;
                        }
                    }
                    assert_eq!(got, total);
                    task.close(sk);
                });
                scope.spawn(move || {
                    let task = Task::new(net);
                    let sk = task.connect(80);
                    let mut sent = 0u64;
                    let chunk = 1000 + 17_000 * i;
                    while sent < total {
                        let end = (sent + chunk).min(total);
                        let data: Vec<u8> = (sent..end).map(byte).collect();
                        task.send_all(&sk, &data);
                        sent = end;
                    }
                    task.close(sk);
                });
            }
        });
        Task::new(&net).close(listener);
    });
}

#[test]
fn requests_and_responses() {
    let net = host();
    with_timers(&net, || {
        let listener = Task::new(&net).listen(81);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let (net, listener) = (&net, &listener);
                scope.spawn(move || {
                    let task = Task::new(net);
                    for _ in 0..20 {
                        let sk = task.accept(listener);
                        let mut buf = [0; 100];
                        loop {
                            let n = task.recv(&sk, &mut buf).unwrap();
                            if n == 0 {
                                break;
                            }
                            task.send_all(&sk, &buf[..n]);
                        }
                        task.close(sk);
                    }
                });
                scope.spawn(move || {
                    let task = Task::new(net);
                    for conn in 0..20u8 {
                        let sk = task.connect(81);
                        let mut buf = [0; 100];
                        for i in 0..200u8 {
                            task.send_all(&sk, &[conn, i]);
                            let mut got = 0;
                            while got < 2 {
                                got += task.recv(&sk, &mut buf[got..]).unwrap();
                            }
                            assert_eq!(buf[..2], [conn, i]);
                        }
                        task.close(sk);
                    }
                });
            }
        });
    });
}
